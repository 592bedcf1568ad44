"""Thresholds and scores count what is said where there is nothing to say."""

from pipelines.attribute_scores import guesses_by_attribute
from workbench.models.attributes import answers_of
from workbench.models.heads import Facts, Guess
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

NECK = Attribute(name="Neck", values=("V-Neck", "Round Neck"), visible="yes")
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        "Tees": Category(id="Tees", name="Tees", path=("Tees",), attributes=(NECK,)),
        "Mugs": Category(id="Mugs", name="Mugs", path=("Mugs",), attributes=()),
    },
)


def test_a_guess_where_there_is_nothing_to_tell_is_wrong():
    items = [
        Item(id="1", category="Mugs"),  # has no neck
        Item(id="2", category="Tees", aspects={"Neck": ("not specified",)}),
        Item(id="3", category="Tees"),  # any may be true
        Item(id="4", category="Tees", aspects={"Neck": ("V-Neck",)}),
    ]
    seen = Facts(
        category=(Guess(value="Tees", probability=0.9),),
        aspects={"Neck": (Guess(value="V-Neck", probability=0.9),)},
        price=None,
    )
    known = [answers_of(item, SCHEMA) for item in items]
    assert guesses_by_attribute([seen] * 4, items, SCHEMA, known)["Neck"].right == [False, False, True]  # fmt: skip

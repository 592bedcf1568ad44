"""Answers from what the catalogue knows."""

import dataclasses

import pytest

from workbench.catalog.truth import annotate_from_truth
from workbench.records import Generation, Item, Listing
from workbench.rubric import load_rubric
from workbench.schema import Attribute, Category, Schema

CATEGORY = Category(
    id="Tees",
    name="Tees",
    path=("Tees",),
    attributes=(
        Attribute(name="Color", values=("Red", "Blue"), visible="yes"),
        Attribute(name="Pattern", values=("Solid", "Striped"), visible="yes"),
        Attribute(name="Sleeve", values=("Long", "Short"), visible="yes"),
        Attribute(name="Size", values=("S", "M"), visible="no"),
    ),
)
OTHER = Category(id="Mugs", name="Mugs", path=("Mugs",), attributes=())
SCHEMA = Schema(name="s", version="1", categories={c.id: c for c in (CATEGORY, OTHER)})
ITEM = Item(
    id="shop/1",
    category="Tees",
    aspects={"Color": ("red",), "Pattern": ("Solid",)},
    photos=("sha256:" + "0" * 64,),
)
MEASURED = {"grounded": True, "schema": True, "title": True}


def answer(listing, item=ITEM, measured=MEASURED):
    generation = Generation(
        key="k", kind="listing", category="Tees", model="m", revision="r", prompt="p",
        item="shop/1", listing=listing,
    )  # fmt: skip
    return annotate_from_truth(
        generation, item, schema=SCHEMA, rubric=load_rubric("listing"), measured=measured
    )


def test_a_right_listing_is_approved_and_needs_no_correction():
    got = answer(Listing(title="Red solid tee", aspects={"Color": ("Red",)}, category="Tees"))
    assert got.annotation.approved is True
    assert got.annotation.simulated
    assert got.annotation.scores == {"product": 2.0, "color": 2.0, "aspects": 5.0}
    assert got.corrections == ()


@pytest.mark.parametrize(
    ("listing", "modes", "about", "before", "after"),
    [
        (Listing(title="Blue tee", category="Tees"), ("wrong_color",), "aspects.Color", "Blue", "Red"),
        (Listing(title="Red mug", category="Mugs"), ("wrong_product",), "category", "Mugs", "Tees"),
        (
            Listing(title="Red tee", aspects={"Pattern": ("Striped",)}, category="Tees"),
            ("wrong_aspect",), "aspects.Pattern", "Striped", "Solid",
        ),
        # The title contradicts the aspect: the aspect is right, the listing is not.
        (
            Listing(title="Blue tee", aspects={"Color": ("Red",)}, category="Tees"),
            ("wrong_color",), "aspects.Color", "Blue, Red", "Red",
        ),
    ],
)  # fmt: skip
def test_a_wrong_statement_is_named_and_corrected(listing, modes, about, before, after):
    got = answer(listing)
    assert got.annotation.approved is False
    assert got.annotation.failure_modes == modes
    (correction,) = got.corrections
    assert (correction.about, correction.before, correction.after) == (about, before, after)
    assert correction.simulated


def test_what_no_photo_shows_counts_for_no_point_and_is_corrected():
    item = dataclasses.replace(ITEM, aspects={**ITEM.aspects, "Size": ("S",)})
    wrong = answer(Listing(title="Red tee", aspects={"Size": ("M",)}, category="Tees"), item)
    assert wrong.annotation.scores["aspects"] == 5.0 and wrong.annotation.failure_modes == ()
    assert [(c.about, c.after) for c in wrong.corrections] == [("aspects.Size", "S")]
    both = Listing(
        title="Red tee", aspects={"Size": ("S",), "Pattern": ("Striped",)}, category="Tees"
    )
    assert answer(both, item).annotation.scores["aspects"] == 1.0, (
        "a right size makes up for nothing"
    )


def test_what_the_catalogue_does_not_know_is_not_held_against_the_listing():
    got = answer(Listing(title="Red tee", aspects={"Sleeve": ("Long",)}, category="Tees"))
    assert got.annotation.approved is True
    assert got.annotation.scores["aspects"] == 5.0


def test_an_instrument_that_fails_decides_too_and_one_that_abstained_does_not():
    listing = Listing(title="Red tee", category="Tees")
    assert answer(listing, measured=MEASURED | {"title": False}).annotation.approved is False
    assert answer(listing, measured=MEASURED | {"title": None}).annotation.approved is True


def test_an_answer_that_is_no_listing_is_not_approved():
    assert answer(None).annotation.approved is False


def test_drawn_truth_wins_over_what_the_seller_says():
    drawn = dataclasses.replace(ITEM, truth={"Color": "Blue"}, simulated=True)
    assert answer(Listing(title="Red tee", category="Tees"), drawn).annotation.approved is False
    assert answer(Listing(title="Blue tee", category="Tees"), drawn).annotation.approved is True

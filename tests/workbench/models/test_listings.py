"""Listings by models that see and by models that read: what is stated, what is asked, what is kept."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from workbench.errors import ModelError
from workbench.models import load_text
from workbench.models.heads import Facts, Guess, PriceGuess, within
from workbench.models.listings import FactsWriter, PhotoWriter, facts_prompt
from workbench.models.telling import LinearFacts, probable
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(name="Color", values=("Red", "Blue", "Teal"), visible="yes", required=True)
FEATURES = Attribute(
    name="Features", values=("Hood", "Zip", "Pocket"), visible="yes", multiple=True
)
TEES = Category(
    id="Men/Tees",
    name="Tees",
    path=("Men", "Tees"),
    attributes=(
        COLOR,
        Attribute(name="Department", values=("Men", "Women"), visible="sometimes"),
        Attribute(name="Material", values=("Cotton", "Wool"), visible="sometimes"),
        Attribute(name="Pattern", values=("Solid", "Striped"), visible="yes"),
        FEATURES,
        Attribute(name="Size", values=("S", "M"), visible="no"),
    ),
)
MUGS = Category(id="Mugs", name="Mugs", path=("Mugs",), attributes=(COLOR,))
SCHEMA = Schema(name="shop", version="1", categories={c.id: c for c in (TEES, MUGS)})


def guesses(**values):
    return tuple(
        sorted(
            (Guess(value=v, probability=p) for v, p in values.items()), key=lambda g: -g.probability
        )
    )


FACTS = Facts(
    category=(Guess(value="Men/Tees", probability=0.8), Guess(value="Mugs", probability=0.2)),
    aspects={
        "Color": guesses(Red=0.3, Blue=0.2, Glaze=0.5),
        "Material": guesses(Cotton=0.9, Wool=0.1),
        "Pattern": guesses(Striped=0.6, Solid=0.4),
        "Features": guesses(Hood=0.95, Zip=0.9, Pocket=0.8),
        "Handle": guesses(Single=0.99),
    },
    price=PriceGuess(value=20, low=10, high=40),
)


def test_only_values_that_the_category_allows_are_left_and_sum_to_one():
    facts = within(FACTS, TEES)
    assert set(facts.aspects) == {"Color", "Material", "Pattern", "Features"}
    assert [g.value for g in facts.aspects["Color"]] == ["Red", "Blue"]
    assert sum(g.probability for g in facts.aspects["Color"]) == pytest.approx(1)
    assert facts.aspects["Features"] == FACTS.aspects["Features"]  # each has its own probability


def test_what_is_improbable_is_not_stated_unless_it_is_required():
    stated = probable(within(FACTS, TEES), TEES)
    assert stated == {
        "Department": ("Men",),  # the category's path says so
        "Color": ("Red",),  # required: the best guess
        "Material": ("Cotton",),
        "Features": ("Hood", "Zip"),  # two values at most
    }
    assert list(stated)[:3] == ["Department", "Color", "Material"]  # as a title names them


def test_a_prompt_names_facts_in_a_titles_order_and_shares_its_examples():
    first = facts_prompt(TEES, {"Color": ("Red",), "Pattern": ("Solid",), "Type": ("Tees",)})
    assert first.text == "Facts: Red, Tees\nListing:"
    assert first.system == facts_prompt(MUGS, {"Color": ("Blue",)}).system


class CountingModel:
    """A text model that states its prompt as the title, and counts what it is asked."""

    name, revision, sees = "counting", "1", False

    def __init__(self):
        self.asked = []

    def complete(self, prompts, decoding, *, progress=None):
        from workbench.models import Completion
        from workbench.records import Cost

        self.asked += [p.text for p in prompts]
        pinned = [d.schema["properties"]["aspects"]["properties"] for d in decoding]
        return [
            Completion(
                text=json.dumps(
                    {
                        "title": p.text,
                        "aspects": {name: one["const"] for name, one in asked.items()},
                    }
                ),
                cost=Cost(seconds=1.0),
            )
            for p, asked in zip(prompts, pinned, strict=True)
        ]


class FixedHeads:
    revision = "fixed"

    def __init__(self, *facts):
        self.facts = facts

    def predict(self, x):
        return [self.facts[int(row[0])] for row in x]


class NumberEncoder:
    name, network, revision = "number", "number", "1"

    def encode(self, addresses, photos, *, progress=None):
        return np.array([[int(a.removeprefix("sha256:")) % 2] for a in addresses], dtype=np.float32)


def item(k):
    return Item(id=f"shop/{k}", category="Men/Tees", photos=(f"sha256:{k}",))


def photo():
    return (Image.new("RGB", (32, 32), "red"),)


def test_the_same_facts_are_asked_once_and_cost_once():
    blue = Facts(category=FACTS.category, aspects={"Color": guesses(Blue=1.0)}, price=None)
    model = CountingModel()
    writer = FactsWriter(NumberEncoder(), LinearFacts(FixedHeads(FACTS, blue)), model, SCHEMA)
    items = [item(k) for k in range(6)]
    made = writer.write(items[:4], [photo()] * 4) + writer.write(items[4:], [photo()] * 2)
    assert len(model.asked) == 2
    assert [g.cost.seconds for g in made] == [1, 1, 0, 0, 0, 0]
    assert [g.item for g in made] == [i.id for i in items]
    assert made[0].listing.aspects["Features"] == ("Hood", "Zip")
    assert made[0].listing.price == 20
    assert made[1].listing.price is None
    assert made[0].listing.category == "Men/Tees"
    assert made[0].details["aspects"]["Color"][0] == ["Red", 0.6]
    assert [g.key for g in made] == [writer.key(i) for i in items]


def test_what_another_thread_is_asking_is_waited_for_and_asked_again_where_that_broke_down():
    class Slow(CountingModel):
        broken = True

        def complete(self, prompts, decoding, *, progress=None):
            if not prompts:
                return []
            time.sleep(0.1)
            if self.broken:
                self.broken = False
                raise ModelError("broken on purpose")
            return super().complete(prompts, decoding)

    model = Slow()
    writer = FactsWriter(NumberEncoder(), LinearFacts(FixedHeads(FACTS)), model, SCHEMA)
    with pytest.raises(ModelError, match="on purpose"):
        writer.write([item(0)], [photo()])
    with ThreadPoolExecutor(6) as pool:
        made = [*pool.map(lambda k: writer.write([item(2 * k)], [photo()])[0], range(6))]
    assert len(model.asked) == 1 and len({one.text for one in made}) == 1
    assert sum(one.cost.seconds for one in made) == 1


@pytest.mark.parametrize(
    ("answered", "title"),
    [
        ("NWT Blue Wool Hood Tee Size M", "Hood Tee"),
        ("Men's Red Cotton Tee", "Men's Red Cotton Tee"),
        ("qx zzv", "Tees"),
        ("Blue mug", "Tees"),
        ("", "Tees"),
    ],
)
def test_what_a_text_model_was_not_told_is_cut(answered, title):
    class Inventing(CountingModel):
        def complete(self, prompts, decoding, *, progress=None):
            from workbench.models import Completion

            text = json.dumps({"title": answered, "aspects": {"Color": "Blue"}})
            return [Completion(text=text) for _ in prompts]

    writer = FactsWriter(NumberEncoder(), LinearFacts(FixedHeads(FACTS)), Inventing(), SCHEMA)
    (made,) = writer.write([item(2)], [photo()])
    assert made.listing.title == title
    assert made.listing.aspects["Color"] == ("Red",)  # as it was told
    assert json.loads(made.text)["title"] == answered


def test_a_key_is_known_before_and_changes_with_photo_model_and_heads():
    writer = FactsWriter(NumberEncoder(), LinearFacts(FixedHeads(FACTS)), CountingModel(), SCHEMA)
    other = FixedHeads(FACTS)
    other.revision = "other"
    keys = {
        writer.key(item(1)),
        writer.key(item(2)),
        FactsWriter(NumberEncoder(), other, CountingModel(), SCHEMA).key(item(1)),
        PhotoWriter(CountingModel(), SCHEMA).key(item(1)),
    }
    assert len(keys) == 4
    assert writer.key(item(1)) == writer.key(item(1))


def test_a_model_that_sees_writes_from_the_photo_under_the_schema_of_the_category():
    model = load_text("tiny:vlm")
    (made,) = PhotoWriter(model, SCHEMA).write([item(1)], [photo()], run="r")
    assert made.model == "tiny:vlm"
    assert "Men > Tees" in made.prompt
    assert made.run == "r"
    assert made.cost.completion_tokens > 0
    if made.listing is not None:  # random weights may reach the limit first
        assert set(made.listing.aspects) <= {a.name for a in TEES.attributes if a.visible != "no"}
    else:
        assert made.text


def test_an_answer_that_is_no_listing_is_kept_as_text():
    class Babbling(CountingModel):
        def complete(self, prompts, decoding, *, progress=None):
            from workbench.models import Completion

            return [Completion(text='{"title": "half') for _ in prompts]

    (made,) = PhotoWriter(Babbling(), SCHEMA).write([item(1)], [photo()])
    assert made.listing is None
    assert made.text == '{"title": "half'

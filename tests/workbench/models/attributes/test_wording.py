"""What a decoder reads and what it may write: one prompt for training and use, no claim that was not told."""

import numpy as np
import pytest
from PIL import Image

from workbench.metrics.estimate import Estimate
from workbench.models.attributes import (
    Abstention,
    DecoderWriter,
    NetworkFacts,
    Recipe,
    fit_attributes,
    grounded,
    lessons,
    render_prompt,
    tell_seen,
)
from workbench.models.attributes import writing as writing_module
from workbench.models.attributes.decoder import Written
from workbench.models.attributes.wording import shared_words, teachable_text
from workbench.models.listings import UNTOLD, FactsWriter
from workbench.models.telling import Told
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema, folded

COLORS = ("Red", "Green", "Blue")
ATTRIBUTES = (
    Attribute(name="Color", values=COLORS, visible="yes", synonyms={"crimson": "Red"}),
    Attribute(name="Features", values=("Hood", "Zip"), multiple=True),
    Attribute(name="Brand", values=("Acme",), visible="no"),
)
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        name: Category(id=name, name=name, path=("Shop", name), attributes=ATTRIBUTES)
        for name in ("Tees", "Mugs")
    },
)
PHOTOS = [(Image.new("RGB", (8, 8)),)]
TEES = SCHEMA.category("Tees")


def item(i, **other):
    own = {"title": "Acme crimson TEE soft cozy Zorro", "aspects": {"Color": ("Red",)}}
    return Item(**{"id": f"s/{i}", "category": "Tees", "group": f"g{i}", "photos": (f"sha256:{i}",)} | own | other)  # fmt: skip


def test_titles_lose_what_no_photo_tells():
    items = [*map(item, range(2)), item(3, title="Soft cozy"), item(4, title="soft COZY mug")]
    shared = shared_words(items)
    assert shared == {"soft", "cozy"}
    # The brand is no photo's, Zorro a name, and crimson is Red in the schema's words.
    assert teachable_text(items[0], SCHEMA, shared) == "Red Tee Soft Cozy"
    assert teachable_text(items[3], SCHEMA, shared) == "Soft Cozy"  # it is no mug
    # What its own row denies is not taught, what the row leaves open is.
    green = item(5, title="Crimson Zip Tee", aspects={"Color": ("Green",)})
    assert teachable_text(green, SCHEMA, shared) == "Zip Tee"
    assert teachable_text(item(6, category="Elsewhere"), SCHEMA, shared) == ""
    assert teachable_text(item(7, title=None), SCHEMA, shared) == ""


def test_nothing_is_left_of_a_text_that_was_not_told():
    told = Told(category=TEES, aspects={"Color": ("Red",)}, price=None, evidence={})
    assert grounded("Crimson Zip Tee Soft Cozy", told, SCHEMA) == "Red Tee Soft Cozy"
    assert grounded("Blue Acme Mug", told, SCHEMA) == "Tees"
    nothing = Told(category=None, aspects={}, price=None, evidence={})
    assert grounded("Red Tee", nothing, SCHEMA) == ""


CHAIRS = Category(
    id="Chairs",
    name="Chairs",
    path=("Chairs",),
    attributes=(
        Attribute(name="Material", values=("Wood", "Metal"), visible="yes"),
        Attribute(name="Pattern", values=("Solid",), visible="yes"),
    ),
)
BOTTLES = Category(
    id="Bottles",
    name="Bottles",
    path=("Bottles",),
    attributes=(
        Attribute(name="Material", values=("Glass",), visible="yes"),
        Attribute(name="Closure", values=("Cork",), visible="yes"),
        Attribute(name="Pattern", values=("Dotted",), visible="yes"),
    ),
)
ROOM = Schema(name="room", version="1", categories={c.id: c for c in (CHAIRS, BOTTLES)})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dotted Glass Chair with Cork", "Chair"),  # values of other kinds
        ("Solid Wood/Glass Chair", "Solid Wood Chair"),
        ("Cork-Wood Chair", "Wood Chair"),
        ("Bottle-green Wood Chair", "green Wood Chair"),
        ("New Wood Chair", "Wood Chair"),
        ("NWOT Vtg Wood Chair 50% Off", "Wood Chair"),
        ("Wood Chair Sz 10", "Wood Chair"),
        ("Brand-new Wood Chair, Free Shipping!", "Wood Chair"),
        ("Wood Chair in like new condition", "Wood Chair"),
        ("Lovely thing", "Chairs"),  # nothing that was told
        ("All-weather Wood Chair", "All-weather Wood Chair"),
    ],
)
def test_values_of_other_kinds_conditions_and_offers_are_cut(text, left):
    aspects = {"Material": ("Wood",), "Pattern": ("Solid",)}
    told = Told(category=CHAIRS, aspects=aspects, price=None, evidence={})
    assert grounded(text, told, ROOM) == left


def test_values_of_other_kinds_conditions_and_offers_are_not_taught():
    title = "NWOT New Dotted Glass/Wood Chair Sz 8 with Cork 50% Off Vtg"
    chair = item(0, category="Chairs", title=title, aspects={"Material": ("Wood",)})
    shared = frozenset(folded(word) for word in title.split())
    assert teachable_text(chair, ROOM, shared) == "Wood Chair"


def test_a_prompt_holds_kind_aspects_and_price_where_they_are_told():
    told = Told(category=TEES, aspects={"Color": ("Red",), "Features": ("Hood", "Zip")}, price=123.4, evidence={})  # fmt: skip
    assert render_prompt(told) == "kind: Tees; Color: Red; Features: Hood, Zip; price: 120"
    assert render_prompt(Told(category=TEES, aspects={}, price=None, evidence={})) == "kind: Tees"
    assert render_prompt(Told(category=None, aspects={}, price=None, evidence={})) == ""


@pytest.fixture(scope="module")
def fitted():
    """A network that sees kind, colour and hood, of 120 items."""
    rng = np.random.default_rng(0)
    kind, color = rng.integers(0, 2, 120), rng.integers(0, 3, 120)
    x = np.column_stack([2 * kind, 2 * np.eye(3)[color]]) + rng.normal(0, 0.2, (120, 4))
    x = np.hstack([x, rng.normal(0, 0.1, (120, 8))]).astype(np.float32)
    items = [
        item(
            i,
            category=("Tees", "Mugs")[kind[i]],
            title=f"{COLORS[color[i]]} {('Tee', 'Mug')[kind[i]]}",
            aspects={"Color": (COLORS[color[i]],)},
            price=10.0 + 5 * kind[i],
        )
        for i in range(120)
    ]
    recipe = Recipe(hidden=16, members=1, folds=2, steps=60, components=12)
    learnt = fit_attributes(x, items, SCHEMA, encoder="e", encoder_revision="1", recipe=recipe)
    some = Estimate(value=0.9, low=0.8, high=0.95, method="by hand", n=50)
    rule = Abstention(attribute="Color", threshold=0.9, wanted=0.9, precision=some, kept=some, reason=None)  # fmt: skip
    return x, items, learnt, learnt.model.with_abstentions([rule])


def test_training_prompts_are_inference_prompts(fitted, monkeypatch):
    """One function renders both, from the same kind of thing; a title's own claims are always in its prompt."""
    x, items, learnt, model = fitted
    rendered = []
    from workbench.models.attributes import wording

    def spy(told):
        rendered.append(told)
        return render_prompt(told)

    monkeypatch.setattr(wording, "render_prompt", spy)
    monkeypatch.setattr(writing_module, "render_prompt", spy)
    taught = lessons(items, learnt.held_out, model, SCHEMA)
    assert [one.prompt for one in taught] == [render_prompt(told) for told in rendered]
    for told, own in zip(rendered, items, strict=True):
        assert told.aspects["Color"] == own.aspects["Color"]  # the title claims it
        assert abs(told.price - own.price) < 5  # as the network tells it, not as the row says
    count = len(rendered)
    asked = []
    writer = DecoderWriter(Vectors(x), NetworkFacts(model), Echo(asked), SCHEMA)
    writer.write(items, PHOTOS * 120)
    assert len(rendered) > count
    used = [told for told in rendered[count:] if told.category is not None]
    assert set(asked) == {render_prompt(told) for told in used}
    assert {tuple(told.aspects) for told in used} <= {("Color",), ()}
    # Where the network is sure and right, training asks what use asks.
    assert len(set(asked) & {one.prompt for one in taught}) > 5


class Vectors:
    name, revision = "vectors", "1"

    def __init__(self, x):
        self.x = x

    def encode(self, addresses, photos, *, progress=None):
        return self.x[: len(addresses)]


class Echo:
    """A decoder that says its prompt, and a colour and a brand that nobody told it."""

    limit, revision = 32, "echo"

    def __init__(self, asked):
        self.asked = asked

    def write(self, prompts, *, least=0):
        self.asked += prompts
        return [Written(text=f"Acme Blue Zip {p}", tokens=3, truncated=False, seconds=0.1) for p in prompts]  # fmt: skip


class Unasked:
    name, revision, sees = "unasked", "1", False

    def complete(self, prompts, decoding, *, progress=None):
        assert not prompts
        return []


def test_a_listing_states_what_was_told_and_keeps_the_evidence(fitted):
    x, items, _, model = fitted
    writer = DecoderWriter(Vectors(x), NetworkFacts(model), Echo([]), SCHEMA)
    made = writer.write(items, PHOTOS * 120, run="r")
    assert [g.key for g in made] == [writer.key(i) for i in items]
    for one in made:
        if one.listing.category is None:
            continue
        assert "Acme" not in one.listing.title
        assert "Zip" not in one.listing.title
        assert ("Blue" in one.listing.title) == (one.listing.aspects.get("Color") == ("Blue",))
        assert one.text.startswith("Acme Blue Zip")  # as it was written
        assert one.kind == "listing"
        assert one.details["familiar"] is True
        assert one.details["aspects"]["Color"][0][1] <= 1
        assert one.cost.completion_tokens == 3
    assert np.mean([g.listing.price is not None for g in made]) > 0.8


def test_of_a_strange_photo_nothing_is_stated_and_no_model_is_asked(fitted):
    x, items, _, model = fitted
    rng = np.random.default_rng(5)
    strange = rng.normal(0, 6, (10, x.shape[1])).astype(np.float32)
    asked = []
    for writer in (
        DecoderWriter(Vectors(strange), NetworkFacts(model), Echo(asked), SCHEMA),
        FactsWriter(Vectors(strange), NetworkFacts(model), Unasked(), SCHEMA),
    ):
        for one in writer.write(items[:10], PHOTOS * 10):
            assert one.listing.title == UNTOLD
            assert (one.listing.aspects, one.listing.price, one.listing.category) == ({}, None, None)  # fmt: skip
            assert one.details["familiar"] is False
            assert one.details["category"]  # what it would have said
    assert asked == []
    bold = [tell_seen(model, seen, SCHEMA, abstaining=False) for seen in model.see(strange)]
    assert all(told.category is not None and told.aspects for told in bold)

"""Heads learn what features tell, know how sure they are, and keep groups together."""

import dataclasses

import numpy as np
import pytest

from workbench.errors import LearningError
from workbench.models.heads import fit_heads, labels
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLORS = ("Red", "Green", "Blue")
ATTRIBUTES = (
    Attribute(name="Color", values=COLORS, visible="yes"),
    Attribute(name="Features", values=("Hood", "Zip", "Rare"), multiple=True),
    Attribute(name="Size", values=("S", "L"), visible="no"),
)
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        n: Category(id=n, name=n, path=(n,), attributes=ATTRIBUTES) for n in ("Tees", "Mugs")
    },
)


def world(n=400, noise=0.6, seed=0, group_size=2):
    """Items whose category, colour, hood and price can be read, noisily, from their features."""
    rng = np.random.default_rng(seed)
    category, color = rng.integers(0, 2, n), rng.integers(0, 3, n)
    hood, size = rng.integers(0, 2, n), rng.integers(0, 2, n)
    price = np.expm1(2 + 0.5 * category + 0.3 * hood + rng.normal(0, 0.1, n))
    clean = np.column_stack([category, np.eye(3)[color], hood, rng.normal(size=(n, 40))])
    x = (clean + rng.normal(0, noise, clean.shape) * ([1] * 5 + [0] * 40)).astype(np.float32)
    items = [
        Item(
            id=f"w/{i}",
            category=("Tees", "Mugs")[category[i]],
            photos=(f"sha256:{i:064x}",),
            aspects={
                "Color": (COLORS[color[i]],),
                "Features": ("Hood",) if hood[i] else ("Zip",),
                "Size": (("S", "L")[size[i]],),
            },
            price=float(price[i]),
            group=f"g{i // group_size}",
        )
        for i in range(n)
    ]
    return x, items


def fit(x, items, **more):
    return fit_heads(x, items, SCHEMA, encoder_revision="e", **more)


def color_is_right(facts, items):
    return np.array(
        [
            f.aspects["Color"][0].value == i.aspects["Color"][0]
            for f, i in zip(facts, items, strict=True)
        ]
    )


def test_what_the_features_tell_is_learnt_and_what_no_photo_shows_is_not_asked():
    x, items = world(noise=0.4)
    heads = fit(x[:300], items[:300])
    facts = heads.predict(x[300:])
    kind = [f.category[0].value == i.category for f, i in zip(facts, items[300:], strict=True)]
    assert color_is_right(facts, items[300:]).mean() > 0.75
    assert np.mean(kind) > 0.75
    assert heads.attributes == ("Color", "Features")
    assert heads.trained_on == 300


def test_probabilities_are_about_as_often_right_as_they_say():
    gaps = []
    for seed in range(3):
        x, items = world(n=1600, noise=0.8, seed=seed)
        facts = fit(x[:800], items[:800]).predict(x[800:])
        said = np.mean([f.aspects["Color"][0].probability for f in facts])
        gaps.append(said - color_is_right(facts, items[800:]).mean())
    # 2,400 answers: a standard error of the mean is under .01, and the temperatures have theirs.
    assert abs(np.mean(gaps)) < 0.04


def test_an_attribute_with_several_values_has_a_probability_for_each():
    x, items = world(noise=0.1)
    facts = fit(x, items).predict(x[:50])
    for seen, item in zip(facts, items[:50], strict=True):
        guesses = {g.value: g.probability for g in seen.aspects["Features"]}
        assert set(guesses) == {"Hood", "Zip"}  # `Rare` was never seen
        assert guesses[item.aspects["Features"][0]] > 0.5


def test_prices_come_with_a_spread_that_covers_four_in_five():
    x, items = world(n=1200, noise=0.2)
    facts = fit(x[:800], items[:800]).predict(x[800:])
    inside = [
        f.price.low <= i.price <= f.price.high for f, i in zip(facts, items[800:], strict=True)
    ]
    assert 0.74 <= np.mean(inside) <= 0.86  # 400 prices: two standard errors are .04


def test_missing_labels_and_prices_are_left_out():
    x, items = world()
    half = [
        dataclasses.replace(i, aspects={}, price=None) if k % 2 else i for k, i in enumerate(items)
    ]
    facts = fit(x, half).predict(x[:1])[0]
    assert facts.price is not None
    assert {g.value for g in facts.aspects["Color"]} == set(COLORS)
    nothing = [dataclasses.replace(i, aspects={}, price=None) for i in items]
    facts = fit(x, nothing).predict(x[:1])[0]
    assert facts.price is None
    assert facts.aspects == {}


def test_the_same_items_give_the_same_heads_and_other_labels_give_others():
    x, items = world(n=200)
    first, again = fit(x, items), fit(x, items)
    assert first.revision == again.revision
    assert first.predict(x[:5]) == again.predict(x[:5])
    changed = [dataclasses.replace(items[0], aspects={"Color": ("Blue",)}), *items[1:]]
    if changed[0] != items[0]:
        assert fit(x, changed).revision != first.revision
    assert fit(x, items, seed=1).revision != first.revision


def test_too_little_to_learn_from_is_said():
    x, items = world(n=20)
    one = [dataclasses.replace(i, category="Tees") for i in items]
    with pytest.raises(LearningError, match=r"at least two categories with 3 groups.*'Tees' 10\."):
        fit(x, one)  # ten products with two variants each


def alone(**changes):
    return Schema(name="s", version="1", categories={"Tees": dataclasses.replace(SCHEMA.categories["Tees"], **changes)})  # fmt: skip


def test_a_shop_with_one_category_has_its_attributes_learnt():
    x, items = world()
    one = [dataclasses.replace(i, category="Tees") for i in items]
    heads = fit_heads(x, one, alone(), encoder_revision="e")
    (facts,) = heads.predict(x[:1])
    assert [(g.value, g.probability) for g in facts.category] == [("Tees", 1.0)]
    assert "Color" in heads.attributes
    with pytest.raises(LearningError, match="one category with an attribute"):
        fit_heads(x, one, alone(attributes=()), encoder_revision="e")


@pytest.mark.parametrize("seed", range(40))
def test_a_value_whose_groups_are_all_held_out_together_is_still_learnt(seed):
    """Of 20 groups three have the rarer category: for some seeds, they are all in one fold."""
    x, items = world(n=20, group_size=1)
    rare = [dataclasses.replace(i, category="Tees" if k < 3 else "Mugs") for k, i in enumerate(items)]  # fmt: skip
    heads = fit(x, rare, seed=seed)
    assert {g.value for g in heads.predict(x[:1])[0].category} == {"Tees", "Mugs"}


def test_few_groups_that_have_all_values_are_enough():
    x, items = world(n=60, group_size=20)
    assert "Color" in fit(x, items).attributes


@pytest.mark.filterwarnings("error")
def test_photos_that_are_all_the_same_tell_nothing_and_break_nothing():
    x, items = world(n=80)
    heads = fit(np.repeat(x[:1], 80, axis=0), items)
    (facts,) = heads.predict(x[:1])
    assert facts.category[0].probability < 0.8
    assert facts.price.low < facts.price.value < facts.price.high


def test_labels_are_in_the_schemas_words():
    item = Item(id="w/1", category="Tees", aspects={"Color": ("RED", "mauve"), "Size": ("S",)})
    assert labels(item, SCHEMA) == {"Color": ("Red",)}
    assert labels(dataclasses.replace(item, category="Cars"), SCHEMA) == {}


def test_no_photos_no_facts():
    x, items = world(n=200)
    assert fit(x, items).predict(x[:0]) == []

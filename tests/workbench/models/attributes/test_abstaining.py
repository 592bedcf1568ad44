"""What is not known is not stated: no category that was never learnt, no value where there is none to tell."""

import dataclasses

import numpy as np
import pytest

from workbench.models.attributes import Recipe, fit_attributes, statable, tell_seen
from workbench.models.heads import Facts, Guess
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLORS = ("Red", "Green", "Blue")
COLOR = Attribute(name="Color", values=COLORS, visible="yes")
FEATURES = Attribute(name="Features", values=("Hood", "Zip"), multiple=True)
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        name: Category(id=name, name=name, path=("Shop", name), attributes=(COLOR, FEATURES))
        for name in ("Tees", "Mugs", "Hats")
    },
)
RECIPE = Recipe(hidden=16, members=1, folds=2, steps=40, components=12)


def shop(categories, n=80):
    """Items whose colour is in their features; the i-th category is that of item i."""
    rng = np.random.default_rng(0)
    color = rng.integers(0, 3, n)
    x = np.hstack([2 * np.eye(3)[color] + rng.normal(0, 0.2, (n, 3)), rng.normal(0, 0.1, (n, 6))])
    items = [
        Item(
            id=f"i{i}", group=f"g{i}", photos=(f"sha256:{i}",), category=categories(i),
            aspects={"Color": (COLORS[color[i]],)}, price=10.0 + color[i],
        )
        for i in range(n)
    ]  # fmt: skip
    return x.astype(np.float32), items


def fit(x, items):
    return fit_attributes(x, items, SCHEMA, encoder="e", encoder_revision="1", recipe=RECIPE)


def test_a_category_that_was_never_learnt_is_not_stated():
    x, items = shop(lambda i: {0: "Mugs", 1: "Hats"}.get(i, "Tees"))
    model = fit(x, items).model
    assert model.only_category is None
    (seen,) = model.see(x[5:6])
    assert seen.facts.category == ()
    told = tell_seen(model, seen, SCHEMA)
    assert (told.category, told.price, told.aspects) == (None, None, {})


def facts(**aspects):
    return Facts(category=(Guess(value="Tees", probability=1.0),), aspects=aspects, price=None)


def guesses(**shares):
    return tuple(Guess(value=value, probability=p) for value, p in shares.items())


def test_where_there_is_probably_nothing_to_tell_no_value_is_probable():
    seen = facts(Color=guesses(Red=0.048, Green=0.001, Blue=0.001))  # .95 is left to `unknown`
    (best,) = statable(seen, SCHEMA.category("Tees"))["Color"]
    assert best.value == "Red"
    assert best.probability == pytest.approx(0.048)
    # What the category does not allow is no answer: what is left is shared by the others and `unknown`.
    short = dataclasses.replace(COLOR, values=("Red",))
    category = dataclasses.replace(SCHEMA.category("Tees"), attributes=(short,))
    (best,) = statable(facts(Color=guesses(Green=0.5, Red=0.3)), category)["Color"]
    assert best.probability == pytest.approx(0.3 / 0.5)

"""Joint against siloed where prices teach nothing, and from the seed that was asked for."""

import dataclasses

import numpy as np
import pytest

import pipelines.attribute_comparison
from pipelines.attribute_comparison import KIND, PRICE, compare_joint, networks_of
from workbench.models.attributes import Recipe
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(name="Color", values=("Red", "Blue"), visible="yes")
SCHEMA = Schema(
    name="s",
    version="1",
    categories={
        name: Category(id=name, name=name, path=(name,), attributes=(COLOR,))
        for name in ("Tees", "Mugs")
    },
)
QUICK = Recipe(members=1, hidden=8, folds=2, steps=20, components=4)


def world(prices):
    rng = np.random.default_rng(0)
    kind, color = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    x = np.column_stack([kind, color]) + rng.normal(0, 0.1, (40, 2))
    items = [
        Item(
            id=f"{i}",
            category=("Tees", "Mugs")[kind[i]],
            photos=(f"p{i}",),
            group=f"g{i}",
            title=f"{COLOR.values[color[i]]} {('Tee', 'Mug')[kind[i]]}",
            aspects={"Color": (COLOR.values[color[i]],)},
            price=prices.get(i, prices.get(None)),
        )
        for i in range(40)
    ]
    return x.astype(np.float32), items


def compare(x, items, **other):
    return compare_joint(
        x[:28], items[:28], x[28:], items[28:], SCHEMA,
        encoder="e", encoder_revision="1", recipe=QUICK, **other,
    )  # fmt: skip


@pytest.mark.parametrize("prices", [{None: 10.0}, {0: 10.0}, {}])
def test_a_price_that_does_not_vary_is_no_task(prices):
    x, items = world(prices)
    trained = []
    found = compare(x, items, seeds=1, progress=trained.append)
    assert [m.measure for m in found.measures if m.measure == PRICE] == []
    assert KIND in {m.measure for m in found.measures}
    assert len(trained) == networks_of(items[:28], SCHEMA, 1) == 3


def test_trainings_start_from_the_seed_that_was_asked_for(monkeypatch):
    x, items = world({None: 10.0})
    asked = []

    def spy(base, *, seed):
        asked.append(seed)
        return dataclasses.replace(base, seed=seed)

    monkeypatch.setattr(pipelines.attribute_comparison, "replace", spy)
    compare(x, items, seeds=2, first_seed=7)
    assert asked == [7, 8]

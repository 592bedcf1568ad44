"""The incumbent and the comparison with it: nearest photos, orders, ties, and what sellers do."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from pipelines.baseline import (
    SellerModel,
    by_scorer,
    compare_systems,
    conformity_by_truth,
    retrieve,
)
from workbench.errors import LearningError, ModelError
from workbench.models import load_scorer
from workbench.records import Item, Listing
from workbench.schema import Attribute, Category, Schema

NAMES = ("Color", "Sleeve", "Collar", "Pattern")
TEES = Category(
    id="tee",
    name="Tees",
    path=("Tees",),
    attributes=tuple(Attribute(name=n, values=("a", "b")) for n in NAMES),
)
SCHEMA = Schema(name="shop", version="1", categories={"tee": TEES})
TRUE = Listing(title="Red Tee", aspects={n: ("a",) for n in NAMES}, category="tee")


def item(number, category="tee", **aspects):
    return Item(
        id=f"shop/{number}",
        category=category,
        title=f"Tee {number}",
        aspects={n: (v,) for n, v in aspects.items()},
    )


def answer(title="Red Tee", **aspects):
    return json.dumps({"title": title, "aspects": aspects})


RIGHT = answer(**dict.fromkeys(NAMES, "a"))
HALF = answer(Color="a", Sleeve="a")
WRONG = answer(title="Sale", **dict.fromkeys(NAMES, "b"))


def test_the_nearest_of_the_same_category_are_put_together():
    catalogue = [
        item(1, Color="a", Size="S"), item(2, Color="a"), item(3, Color="b"), item(4, Color="a"),
        item(5, Color="b"), item(6, Color="b"), item(7, "mug", Color="c"),
    ]  # fmt: skip
    vectors = np.array([[1.0, 0.01 * i] for i in range(7)])
    asked = [item(8), item(9, "mug"), item(10, "hat")]
    tee, mug, hat = retrieve(np.array([[1.0, 0.0]] * 3), asked, vectors, catalogue)
    assert tee == Listing(title="Tee 1", aspects={"Color": ("a",)}, category="tee")
    assert mug == Listing(title="Tee 7", aspects={"Color": ("c",)}, category="mug")
    assert hat.title == "Tee 1"  # a category that nobody sells yet: of all
    with pytest.raises(LearningError, match="training catalogue"):
        retrieve(np.zeros((1, 2)), asked[:1], np.zeros((0, 2)), [])
    with pytest.raises(ValueError, match="both"):
        retrieve(np.zeros((1, 2)), catalogue[:1], vectors, catalogue)


def test_conformity_is_the_class_of_what_is_right():
    assert conformity_by_truth([RIGHT, HALF, WRONG, "no"], [TRUE] * 4) == [5, 3, 1, 1]


def test_a_seller_accepts_edits_or_gives_up_by_weight():
    seller = SellerModel()
    names = frozenset({"color", "sleeve", "collar", "pattern"})
    assert seller.load(RIGHT, TRUE, names) == 0
    assert seller.load(HALF, TRUE, names) == 2 * seller.missing
    assert seller.load(WRONG, TRUE, names) == seller.title + 4 * seller.wrong
    assert (
        seller.load(answer(Color="a", Brand="x"), TRUE, names)
        == 3 * seller.missing + seller.off_schema
    )
    assert seller.load("{", TRUE, names) == seller.title + 4 * seller.missing + seller.wrong
    assert seller.accepts(0) == seller.submits(0) == 1
    accepted = math.exp(-0.35 * 2)
    assert seller.submits(2) == pytest.approx(accepted + (1 - accepted) * math.exp(-0.15 * 2))
    loads = np.linspace(0, 20, 50)
    assert np.all(np.diff([seller.submits(x) for x in loads]) < 0)
    with pytest.raises(ValueError, match="impatience"):
        SellerModel(impatience=-1)


def test_a_better_system_wins_in_both_orders():
    found = compare_systems(
        [RIGHT] * 6 + [HALF] * 2, [HALF] * 6 + [HALF, RIGHT], [TRUE] * 8, SCHEMA
    )
    assert found.win_rate.value == pytest.approx((6 + 0.5) / 8)
    assert (found.ties, found.order_decided) == (1, 0)
    assert found.conformity.value == pytest.approx((6 * 5 + 2 * 3) / 8)
    assert found.submission_lift.value == pytest.approx(
        found.submission.value - found.incumbent_submission.value
    )
    assert found.submission_lift.low > 0
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_judge_that_looks_at_the_order_only_makes_ties():
    found = compare_systems(
        [RIGHT] * 4,
        [WRONG] * 4,
        [TRUE] * 4,
        SCHEMA,
        compare=lambda places, first, second: ["first"] * len(places),
    )
    assert (found.win_rate.value, found.ties, found.order_decided) == (0.5, 4, 4)


def test_a_real_scorer_is_asked_in_both_orders():
    photos = [(Image.new("RGB", (32, 32), "red"),)] * 2
    compare = by_scorer(load_scorer("tiny:vlm"), photos)
    found = compare_systems([RIGHT, HALF], [WRONG, RIGHT], [TRUE] * 2, SCHEMA, compare=compare)
    assert 0 <= found.win_rate.value <= 1
    with pytest.raises(ModelError, match="reads text only"):
        by_scorer(load_scorer("tiny:text"), photos)


def test_unequal_lists_are_refused():
    with pytest.raises(ValueError, match="as many answers"):
        compare_systems([RIGHT], [], [TRUE], SCHEMA)

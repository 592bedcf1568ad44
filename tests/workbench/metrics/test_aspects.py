"""Aspect scores worked by hand."""

import numpy as np
import pytest

from workbench.metrics import (
    aspect_pairs,
    aspect_scores,
    attribute_scores,
    schema_compliance,
    schema_recall,
    valid_json_rate,
)
from workbench.records import Listing

TRUTH = [
    {"Color": ("Red",), "Material": ("Cotton", "Wool")},
    {"Color": ("Blue",)},
    {"color": ("Green",)},
]
PREDICTED = [
    Listing(title="a", aspects={"colour": ("Red",), " COLOR ": ("ｒｅｄ",), "material": ("wool",)}),
    {"Color": ("Red",)},
    None,
]


def test_pairs_are_compared_without_spelling():
    assert aspect_pairs(PREDICTED[0]) == {("colour", "red"), ("color", "red"), ("material", "wool")}
    assert aspect_pairs({"Color": ("", " "), "": ("x",)}) == aspect_pairs(None) == frozenset()
    assert aspect_pairs({"Größe": ("Straße  1",)}) == {("grösse", "strasse 1")}


def test_scores_worked_by_hand():
    scores = aspect_scores(PREDICTED, TRUTH)
    assert scores.precision.value == pytest.approx(2 / 4)
    assert scores.recall.value == pytest.approx(2 / 5)
    assert scores.f1.value == pytest.approx(4 / 9)
    assert scores.item_f1.value == pytest.approx((4 / 6 + 0 + 0) / 3)
    assert scores.f1.low <= scores.f1.value <= scores.f1.high


def test_what_nobody_named_is_undefined():
    scores = aspect_scores([{}, None], [{}, {}])
    assert scores.f1.value is scores.precision.value is scores.item_f1.value is None
    assert scores.recall.reason == "the truth holds no aspect"
    nothing = aspect_scores([None], [{"a": ("b",)}])
    assert nothing.precision.reason == "no aspect was predicted"
    assert (nothing.recall.value, nothing.f1.value) == (0, 0)


def test_items_without_aspects_are_left_out_of_the_mean_with_their_group():
    scores = aspect_scores(
        [{"a": ("b",)}, {}, {"a": ("c",)}],
        [{"a": ("b",)}, {}, {"a": ("b",)}],
        groups=["x", "y", "z"],
    )
    assert (scores.item_f1.value, scores.item_f1.n, scores.item_f1.effective_n) == (0.5, 2, 2)


def test_attributes_are_right_as_a_whole():
    color, material = attribute_scores(PREDICTED, TRUTH)
    assert (color.name, color.accuracy.n) == ("Color", 3)
    assert color.accuracy.value == pytest.approx(1 / 3)
    assert color.answered.value == pytest.approx(2 / 3)
    assert (material.name, material.accuracy.value, material.answered.value) == ("Material", 0, 1)
    clustered = attribute_scores(PREDICTED, TRUTH, groups=["p", "p", "q"])[0]
    assert clustered.accuracy.method == "cluster-robust Wilson"


def test_schema_compliance_is_a_share_of_predicted_names():
    rate = schema_compliance(PREDICTED, [["Color", "Material"], ["Size"], ["Color"]])
    assert rate.value == pytest.approx(2 / 4)
    assert rate.n == 4
    assert schema_recall is schema_compliance
    assert schema_compliance([None], [["Color"]]).reason == "there are no rows"
    with pytest.raises(ValueError, match="group label"):
        schema_compliance([None], [["Color"]], groups=np.arange(2))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"title": "a"}', True),
        (' {"a": {"b": null}} ', True),
        ('{"a": NaN}', False),
        ('["a"]', False),
        ('{"a": 1} trailing', False),
        ("", False),
        ("[" * 100_000, False),
    ],
)
def test_valid_json_is_one_object(text, valid):
    assert valid_json_rate([text]).value == float(valid)


def test_unequal_lists_are_refused():
    for call in (aspect_scores, attribute_scores, schema_compliance):
        with pytest.raises(ValueError, match="each"):
            call([None], [])

"""False positives and negatives by criterion: hand-worked cells, costs and rankings; nothing found in noise."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import clopper_pearson, fisher
from workbench.calibration._sample import read_sample
from workbench.calibration.errors.failures import confusion_items_of, failures_of
from workbench.calibration.errors.slices import failure_modes_of, slices_of


def sample_of(approved, answer, **more):
    inclusion = more.pop("inclusion", [None if a is None else 1.0 for a in answer])
    return read_sample(approved=approved, answer=answer, inclusion_probability=inclusion, **more)


def by_hand():
    """Four good approvals, two bad ones, three rejections (one of them good), an abstention."""
    approved = [True] * 6 + [False] * 3 + [None]
    answer = [True] * 4 + [False] * 2 + [True, False, False, None]
    color = [5, 5, 4, 4, 4, 5, 2, 2, 5, 1]
    shape = [5, 4, 5, 4, 5, 3, 5, 2, 2, None]
    return failures_of(
        sample_of(approved, answer),
        keys=list("abcdefghij"),
        scores={"color": color, "shape": shape},
        thresholds={"color": 3.0, "shape": 3.0},
    )


def test_each_cell_opens_its_items():
    items = by_hand().items
    assert items.true_positives == ("a", "b", "c", "d")
    assert items.false_positives == ("e", "f")
    assert items.false_negatives == ("g",)
    assert items.true_negatives == ("h", "i")


def test_each_false_positive_names_the_criterion_that_would_have_caught_it_most_cheaply():
    e, f = by_hand().caught
    # e: color 4 is caught by a threshold of 5, which loses c and d of four; its shape is the highest there is.
    assert (e.key, e.by, e.threshold, e.lost.value) == ("e", "color", 5.0, 0.5)
    assert (e.lost.low, e.lost.high) == pytest.approx(
        dataclasses.astuple(clopper_pearson(2, 4)), abs=1e-12
    )
    # f: shape 3 is the lowest of all approvals; a threshold of 4 loses nothing.
    assert (f.key, f.by, f.threshold, f.lost.value, f.lowest) == ("f", "shape", 4.0, 0.0, "shape")
    assert e.lowest == "color"
    color, shape = by_hand().criteria
    assert (color.lowest_in, color.best_for, shape.lowest_in, shape.best_for) == (1, 1, 1, 1)
    assert color.in_true_positives.value == 4.5
    assert color.in_false_positives.value == 4.5
    # Pairs of a good and a bad approval by shape: 4×5 against e=5 (2 ties, 2 losses), f=3 (4 wins).
    assert shape.separation.value == pytest.approx((4 + 0.5 * 2) / 8)


def test_raised_thresholds_are_ranked_by_what_they_surely_remove_per_loss():
    first, *others = by_hand().raised
    assert (first.criterion, first.threshold) == ("shape", 4.0)
    assert first.removed.value == 0.5
    assert first.lost.value == 0.0
    assert first.unsuitable.value == 1.0
    assert first.precision.value == 0.8
    assert first.per_lost is None  # none of those seen is lost
    low = clopper_pearson(1, 1).low
    assert first.per_lost_low == pytest.approx(low / (1 - low))
    assert first.p_value == pytest.approx(fisher(1, 1, 1, 5, more=True))
    assert {(one.criterion, one.threshold) for one in others} == {("color", 5.0), ("shape", 5.0)}
    color = next(one for one in others if one.criterion == "color")
    assert color.per_lost == pytest.approx(1 / 2)


def test_a_false_negative_names_the_criterion_that_rejected_it():
    color, shape = by_hand().wrong_rejections
    assert (color.criterion, color.rejects, color.alone, color.keys) == ("color", 2, 1, ("g",))
    assert (color.suitable.value, color.suitable_alone.value, color.behind.value) == (0.5, 1.0, 1.0)
    assert (shape.criterion, shape.rejects, shape.alone, shape.keys) == ("shape", 2, 1, ())


def test_a_criterion_that_does_not_decide_rejects_nothing_and_a_blocked_item_is_noted():
    found = failures_of(
        sample_of([True, False], [True, True]),
        keys=["a", "b"],
        scores={"color": [5, 1]},
        thresholds={"color": 3.0},
        decides={"color": False},
    )
    assert found.wrong_rejections == ()
    assert "1 answered rejections fail no criterion" in found.notes[0]


def test_weights_count_items_and_not_labels():
    """A loss drawn with probability .1 stands for ten items, and tells as much as the weights allow."""
    found = failures_of(
        sample_of(
            [True] * 11,
            [True, True, False] + [None] * 8,
            inclusion=[0.1, 1.0, 1.0] + [None] * 8,
            stratum=["a"] + ["b"] * 2 + ["a"] * 8,
        ),
        keys=[str(i) for i in range(11)],
        scores={"color": [3, 5, 3] + [4] * 8},
        thresholds={"color": 1.0},
    )
    (caught,) = found.caught
    assert caught.lost.value == pytest.approx(9 / 10)  # nine items of stratum a, one of b
    assert caught.lost.effective_n == pytest.approx(10**2 / (9**2 + 1))


def planted(seed, *, gap, n=600):
    rng = np.random.default_rng(seed)
    suitable = rng.random(n) < 0.8
    scores = {
        name: np.clip(np.round(rng.normal(4, 0.7, n), 1), 3, 5) for name in ("color", "shape")
    }
    scores["shape"] = np.where(suitable, scores["shape"], np.clip(scores["shape"] - gap, 3, 5))
    return failures_of(
        sample_of([True] * n, [bool(x) for x in suitable]),
        keys=[str(i) for i in range(n)],
        scores=scores,
        thresholds={"color": 3.0, "shape": 3.0},
    )


def test_the_criterion_that_tells_them_apart_comes_first():
    found = planted(0, gap=0.8)
    assert found.raised[0].criterion == "shape"
    assert found.raised[0].q_value < 0.01
    color, shape = found.criteria
    assert shape.best_for > 2 * color.best_for
    assert shape.separation.low > 0.6


def test_where_scores_say_nothing_no_threshold_stands_out():
    """The share of samples with any pair at q <= .1 stays under .1 and two standard errors."""
    false_alarms = sum(
        any((one.q_value or 1) <= 0.1 for one in planted(seed, gap=0, n=150).raised)
        for seed in range(100)
    )
    assert false_alarms <= 16


def test_bad_input_is_refused_in_a_sentence():
    sample = sample_of([True, False], [True, None])
    good = {"keys": ["a", "b"], "scores": {"c": [1, 2]}, "thresholds": {"c": 1.5}}
    with pytest.raises(ValueError, match="one for each item of the population"):
        failures_of(sample, **good | {"keys": ["a"]})
    with pytest.raises(ValueError, match="'c' want one value for each of 2"):
        failures_of(sample, **good | {"scores": {"c": [1]}})
    with pytest.raises(ValueError, match="finite threshold, got None"):
        failures_of(sample, **good | {"thresholds": {}})
    with pytest.raises(ValueError, match="infinite"):
        failures_of(sample, **good | {"scores": {"c": [1, np.inf]}})
    with pytest.raises(ValueError, match="slices by 'model' want one label"):
        slices_of(sample, ["x"], by="model")


maybe = st.sampled_from([True, False, None])
score = st.one_of(st.none(), st.floats(1, 5), st.sampled_from([1.0, 3.0, 5.0, float("nan")]))
rows = st.tuples(maybe, maybe, score, score, st.sampled_from("xyz"), st.sampled_from([0.1, 0.5, 1]))


@settings(deadline=None, max_examples=150)
@given(st.lists(rows, max_size=25), st.booleans())
def test_any_audit_is_taken_apart_without_nan(table, clustered):
    """No audit, no answer, one class only, an abstaining judge, missing scores: all have a result."""
    approved, answer, one, two, label, inclusion = zip(*table, strict=True) if table else [()] * 6
    sample = sample_of(
        approved,
        answer,
        inclusion=[None if a is None else i for a, i in zip(answer, inclusion, strict=True)],
        cluster=label if clustered else None,
    )
    found = failures_of(
        sample,
        keys=[str(i) for i in range(len(table))],
        scores={"one": one, "two": two},
        thresholds={"one": 2.0, "two": 3.0},
    )
    json.dumps(dataclasses.asdict(found), allow_nan=False)
    assert len(found.caught) == len(found.items.false_positives)
    named = failure_modes_of(sample, [{x} for x in label])
    cuts = slices_of(sample, label, by="label")
    json.dumps([dataclasses.asdict(x) for x in (*named, *cuts)], allow_nan=False)
    assert confusion_items_of(sample, [str(i) for i in range(len(table))]) == found.items

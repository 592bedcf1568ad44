"""Rogan and Gladen's correction: the ratio, both samples' uncertainty, and when there is no answer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import rates, rogan_gladen


def said(yes, of):
    return [True] * yes + [False] * (of - yes)


def labelled(k1, n1, k0, n0):
    """Verdicts and answers of n1 suitable items, k1 of them approved, and n0 unsuitable ones, k0 approved."""
    return {"verdict": said(k1, n1) + said(k0, n0), "answer": said(n1, n1 + n0)}


def test_hand_worked():
    """T = .9, F = .2, a = .62: π = (.62 − .2) / .7 = .6."""
    found = rogan_gladen(approved=said(620, 1000), **labelled(90, 100, 20, 100))
    assert found.unclipped == pytest.approx(0.6)
    assert found.suitable_rate.value == pytest.approx(0.6)
    assert found.youden.value == pytest.approx(0.7)
    assert found.true_negative_rate.value == pytest.approx(0.8)
    assert found.approval_rate.value == pytest.approx(0.62)


def test_the_interval_is_the_delta_methods_where_there_is_plenty():
    n, a, t, f = 40_000, 0.62, 0.9, 0.2
    found = rogan_gladen(
        approved=said(int(a * n), n), **labelled(int(t * n), n, int(f * n), n)
    ).suitable_rate
    spread = (a * (1 - a) + 0.6**2 * t * (1 - t) + 0.4**2 * f * (1 - f)) / n / 0.7**2
    assert found.low == pytest.approx(0.6 - 1.959964 * math.sqrt(spread), abs=2e-5)
    assert found.high == pytest.approx(0.6 + 1.959964 * math.sqrt(spread), abs=2e-5)


def test_both_samples_count():
    few = rogan_gladen(approved=said(62, 100), **labelled(900, 1000, 200, 1000)).suitable_rate
    many = rogan_gladen(approved=said(6200, 10_000), **labelled(900, 1000, 200, 1000)).suitable_rate
    fewer = rogan_gladen(approved=said(6200, 10_000), **labelled(45, 50, 10, 50)).suitable_rate
    assert few.high - few.low > 2 * (many.high - many.low)
    assert fewer.high - fewer.low > 2 * (many.high - many.low)


def test_the_unclipped_value_stands_beside_the_clipped_one():
    found = rogan_gladen(approved=said(19, 200), **labelled(90, 100, 10, 100))
    assert found.unclipped == pytest.approx(-0.00625)
    assert found.suitable_rate.value == 0.0
    assert found.suitable_rate.low == 0.0
    assert found.suitable_rate.high > 0.03


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((40, 100, 50, 100), "J = TPR + TNR − 1 is -0.10, so a verdict says nothing"),
        ((50, 100, 50, 100), "J = TPR + TNR − 1 is 0.00"),
        ((8, 10, 5, 10), "may be 0"),
        ((10, 10, 0, 0), "no labelled item is unsuitable"),
        ((0, 0, 3, 10), "no labelled item is suitable"),
    ],
)
def test_a_judge_that_says_nothing_is_not_corrected(labels, words):
    found = rogan_gladen(approved=said(50, 100), **labelled(*labels))
    assert found.suitable_rate.value is None
    assert found.suitable_rate.reason.startswith("not identifiable")
    assert (
        words.replace(".", "+", 1) in found.suitable_rate.reason
        or words in found.suitable_rate.reason
    )


def test_a_batch_that_cannot_be_like_the_labelled_one():
    found = rogan_gladen(approved=said(20, 2000), **labelled(900, 1000, 300, 1000))
    assert found.suitable_rate.value is None
    assert "the judge decides differently in this batch" in found.suitable_rate.reason
    assert found.unclipped < -0.4


def test_labels_drawn_by_verdict_are_weighted():
    """All approvals and a tenth of the rejections: plain ratios give a recall far too high."""
    rng = np.random.default_rng(0)
    suitable = rng.random(20_000) < 0.5
    verdict = rng.random(20_000) < np.where(suitable, 0.8, 0.1)
    drawn = verdict | (rng.random(20_000) < 0.1)
    chance = np.where(drawn, np.where(verdict, 1.0, 0.1), math.nan)
    answer = [bool(y) if d else None for y, d in zip(suitable, drawn, strict=True)]
    batch = rng.random(50_000) < 0.3 * 0.8 + 0.7 * 0.1
    plain = rogan_gladen(approved=batch, verdict=verdict, answer=answer)
    right = rogan_gladen(
        approved=batch, verdict=verdict, answer=answer, inclusion_probability=chance
    )
    assert right.suitable_rate.low < 0.3 < right.suitable_rate.high
    assert plain.suitable_rate.value is None  # T = .97, F = .52: no share fits
    known = rates(approved=verdict, inclusion_probability=chance, answer=answer)
    assert right.true_positive_rate.value == pytest.approx(known.recall.value)
    assert right.true_negative_rate.value == pytest.approx(1 - known.false_positive_rate.value)


def test_on_the_audited_batch_itself_it_is_the_labels_only_estimate():
    rng = np.random.default_rng(1)
    suitable = rng.random(3000) < 0.6
    verdict = rng.random(3000) < np.where(suitable, 0.85, 0.2)
    chance = np.where(rng.random(3000) < 0.2, 0.2, math.nan)
    answer = [bool(y) if p > 0 else None for y, p in zip(suitable, chance, strict=True)]
    found = rogan_gladen(
        approved=verdict, verdict=verdict, answer=answer, inclusion_probability=chance
    )
    known = rates(approved=verdict, inclusion_probability=chance, answer=answer)
    assert found.unclipped == pytest.approx(known.suitable_rate.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"approved": []}, "decided no item of `approved`"),
        ({"approved": [None, None]}, "decided no item"),
        ({"answer": [True]}, "one value for each of 20 verdicts, got 1"),
        ({"stratum": ["a"] * 20}, "inclusion_probability"),
        ({"level": 0}, "confidence level"),
        ({"verdict": [2] * 20}, "True, False or None, got 2"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    with pytest.raises(ValueError, match=message):
        rogan_gladen(**({"approved": [True], **labelled(9, 10, 1, 10)} | change))


SAID = st.sampled_from([True, False, None])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(SAID, min_size=1, max_size=30),
    st.lists(st.tuples(SAID, SAID, st.sampled_from([None, 0.01, 0.5, 1.0])), max_size=40),
    st.booleans(),
)
def test_whatever_comes_there_is_a_share_or_a_reason(approved, rows, weighted):
    arguments = {
        "approved": approved,
        "verdict": [row[0] for row in rows],
        "answer": [row[1] if row[2] is not None else None for row in rows],
        "inclusion_probability": [row[2] for row in rows] if weighted else None,
    }
    if all(one is None for one in approved):
        with pytest.raises(ValueError, match="decided no item"):
            rogan_gladen(**arguments)
        return
    found = rogan_gladen(**arguments)
    for name in found.__dataclass_fields__:
        estimate = getattr(found, name)
        if name == "unclipped":
            assert estimate is None or math.isfinite(estimate)
            continue
        assert (estimate.value is None) == (estimate.reason is not None)
        if estimate.value is not None:
            assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1

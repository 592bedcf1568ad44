"""The one call: what it returns, what it refuses to say, and through JSON and back."""

import doctest
import json
import math
from importlib import import_module as module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import Calibration, calibrate_arrays, rates
from workbench.calibration._by_confidence import held_out_of
from workbench.calibration._sample import read_sample


def world(seed=0, n=4000, labels=(600, 200), weak="f"):
    """A judge that is mostly right, except that it lets category `weak` through; modes named by people."""
    rng = np.random.default_rng(seed)
    category = rng.choice(list("abcdef"), size=n)
    suitable = rng.random(n) < np.where(category == weak, 0.3, 0.7)
    seen = suitable | ((category == weak) & (rng.random(n) < 0.7))
    confidence = np.where(seen, rng.beta(9, 2, size=n), rng.beta(2, 5, size=n))
    approved = confidence >= 0.5
    inclusion = np.full(n, math.nan)
    for said, take in zip((True, False), labels, strict=True):
        members = np.flatnonzero(approved == said)
        inclusion[rng.choice(members, take, replace=False)] = take / members.size
    answer = [bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)]
    modes = [
        {"wrong-product" if c == weak else "blurred"} if a is False else set()
        for a, c in zip(answer, category, strict=True)
    ]
    return {
        "approved": list(map(bool, approved)),
        "inclusion_probability": list(inclusion),
        "answer": answer,
        "confidence": list(confidence),
        "slices": {"category": list(category)},
        "failure_modes": modes,
    }


@pytest.fixture(scope="module")
def arguments():
    return world()


@pytest.fixture(scope="module")
def found(arguments):
    return calibrate_arrays(**arguments, promise=0.7)


def test_counts_add_up(found):
    counts = found.counts
    assert counts.judged == 4000 == counts.approved + counts.rejected + counts.abstained
    assert (counts.answered_approvals, counts.answered_rejections) == (600, 200)
    table = found.confusion
    assert table.true_positives.value + table.false_positives.value == pytest.approx(
        counts.approved
    )
    assert table.false_negatives.value + table.true_negatives.value == pytest.approx(
        counts.rejected
    )
    assert table.false_positives.low < table.false_positives.value < table.false_positives.high


def test_the_parts_agree_with_the_functions_they_come_from(found, arguments):
    names = ("approved", "inclusion_probability", "answer")
    assert found.rates == rates(**{name: arguments[name] for name in names})


def test_the_weak_category_is_found_and_no_other(found):
    suspects = [cut for cut in found.slices if cut.q_value < 0.01]
    assert [cut.name for cut in suspects] == ["f"]
    assert suspects[0].precision.method == "Clopper–Pearson"
    assert suspects[0].precision.high < found.rates.precision.low
    assert sum(cut.judged for cut in found.slices) == 4000
    assert [cut.judged for cut in found.slices] == sorted(
        (c.judged for c in found.slices), reverse=True
    )


def test_the_failure_mode_that_gets_through_is_first(found):
    wrong, blurred = found.failure_modes
    assert (wrong.mode, blurred.mode) == ("wrong-product", "blurred")
    assert wrong.in_approvals.value == pytest.approx(wrong.seen_in_approvals / 600)
    assert wrong.caught.high < blurred.caught.low
    assert blurred.q_value < 1e-6


def test_the_threshold_is_reported_on_labels_that_did_not_choose_it(found):
    threshold = found.threshold
    assert threshold.value is not None
    assert threshold.p_value <= 0.05
    assert threshold.kept < 600
    held_out = threshold.held_out
    assert held_out.n > 100
    assert held_out.value >= 0.7
    assert 0 < threshold.approved_share < 1


def test_a_promise_that_cannot_be_kept_is_not_made(arguments):
    threshold = calibrate_arrays(**arguments, promise=0.99).threshold
    assert (threshold.value, threshold.held_out) == (None, None)
    assert threshold.reason.startswith("No threshold qualifies")


def test_reliability_reads_all_confidences(found):
    assert sum(one.labels for one in found.reliability.bins) == 800
    assert found.reliability.auroc.value > 0.7


def test_through_json_and_back(found):
    text = found.to_json()
    assert Calibration.from_json(text) == found
    assert "NaN" not in text
    json.loads(text, parse_constant=pytest.fail)
    with pytest.raises(ValueError, match="Field required"):
        Calibration.from_json("{}")
    broken = json.loads(text)
    broken["rates"]["precision"]["value"] = 2.0
    with pytest.raises(ValueError, match="lie in its interval"):
        Calibration.from_json(json.dumps(broken))


def test_the_same_arguments_give_the_same_record(found, arguments):
    assert calibrate_arrays(**arguments, promise=0.7) == found


def test_labels_on_approvals_alone_say_what_they_cannot_know(arguments):
    approvals = [
        p if a else None
        for p, a in zip(arguments["inclusion_probability"], arguments["approved"], strict=True)
    ]
    answers = [
        y if a else None for y, a in zip(arguments["answer"], arguments["approved"], strict=True)
    ]
    found = calibrate_arrays(
        **(arguments | {"inclusion_probability": approvals, "answer": answers})
    )
    assert found.rates.precision.value is not None
    assert found.rates.recall.reason == "not identifiable: no rejection was audited"
    assert found.confusion.false_negatives.value is None
    assert all(cut.missed.value is None for cut in found.slices)
    assert all(mode.caught.value is None and mode.p_value is None for mode in found.failure_modes)
    assert any("No rejection was audited" in note for note in found.notes)
    assert Calibration.from_json(found.to_json()) == found


def test_nothing_answered_is_no_number():
    found = calibrate_arrays(
        approved=[True, False, None], inclusion_probability=[1.0, None, None], answer=[None] * 3,
        confidence=[0.9, 0.2, None], simulated=True,
    )  # fmt: skip
    assert found.rates.precision.value is None
    assert found.threshold is None
    assert found.reliability.ece.value is None
    assert found.counts.abstained == 1
    assert len(found.notes) == 5
    assert found.simulated
    assert Calibration.from_json(found.to_json()) == found


def test_clusters_reach_every_part(arguments):
    cluster = [f"p{i // 8}" for i in range(4000)]
    grouped = calibrate_arrays(**arguments, cluster=cluster, promise=0.7)
    assert any("500 clusters" in words for words in grouped.rates.precision.assumptions)
    assert grouped.rates.precision.method == "Wilson, effective counts"
    asked = {c for c, a in zip(cluster, arguments["answer"], strict=True) if a is not None}
    assert grouped.reliability.auroc.assumptions == (f"{len(asked)} clusters are independent",)


def test_a_cluster_is_held_out_as_a_whole():
    cluster = [f"p{i // 5}" for i in range(1000)]
    sample = read_sample(
        approved=[True] * 1000,
        inclusion_probability=[1.0] * 1000,
        answer=[True] * 1000,
        cluster=cluster,
    )
    held = held_out_of(sample, 1 / 3, seed=0).reshape(200, 5)
    assert (held.all(axis=1) | ~held.any(axis=1)).all()
    assert 0.25 < held.mean() < 0.42


def test_the_example_runs():
    failed, tried = doctest.testmod(module("workbench.calibration.calibrate"))
    assert (failed, tried > 3) == (0, True)


def test_bad_input_gets_one_sentence(arguments):
    for change, message in (
        ({"confidence": [0.5]}, "`confidence` wants one value for each of 4000"),
        ({"slices": {"category": ["a"]}}, "`category` wants one value"),
        ({"failure_modes": []}, "`failure_modes` wants one value"),
        ({"held_out": 1.0}, "held_out"),
        ({"confidence": [2.0] * 4000}, "between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            calibrate_arrays(**(arguments | change))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([True, False, None]),
            st.sampled_from([None, 0.01, 0.5, 1.0]),
            st.sampled_from([True, False, None]),
            st.sampled_from([None, 0.0, 0.3, 1.0]),
            st.sampled_from("ab"),
            st.sampled_from("xyz"),
        ),
        max_size=25,
    ),
    st.booleans(),
    st.sampled_from(["items like these", "these items"]),
)
def test_whatever_comes_there_is_a_record_or_a_reason(rows, clustered, about):
    found = calibrate_arrays(
        approved=[row[0] for row in rows],
        inclusion_probability=[row[1] for row in rows],
        answer=[row[2] if row[1] is not None else None for row in rows],
        confidence=[row[3] for row in rows],
        slices={"category": [row[4] for row in rows]},
        cluster=[row[5] for row in rows] if clustered else None,
        failure_modes=[{"blurred"} if row[2] is False else set() for row in rows],
        about=about,
    )
    for name in found.rates.__dataclass_fields__:
        estimate = getattr(found.rates, name)
        assert (estimate.value is None) == (estimate.reason is not None)
        if estimate.value is not None:
            assert -1 <= estimate.low <= estimate.value + 1e-9
            assert estimate.value - 1e-9 <= estimate.high <= 1 + 1e-9
    assert Calibration.from_json(found.to_json()) == found


@pytest.mark.parametrize("each", [1, 2])
def test_a_promise_that_is_kept_is_not_refused_when_it_is_smaller(each):
    """A perfect judge on a small audit: 5 approvals, 12 rejections at confidence 0, all answered."""
    rows = {
        "approved": [True] * 5 + [False] * 12,
        "inclusion_probability": [1.0] * 17,
        "answer": [True] * 5 + [False] * 12,
        "confidence": [0.99, 0.9, 0.8, 0.7, 0.658] + [0.0] * 12,
        "cluster": [f"p{i // each}" for i in range(17)],
    }
    least = 0
    for seed in range(8):
        found = [
            calibrate_arrays(**rows, promise=p / 100, seed=seed, held_out=0.2).threshold
            for p in range(10, 95, 5)
        ]
        kept = [one.value is not None for one in found]
        assert kept == sorted(kept, reverse=True)
        least += kept[0]
        for one in found[sum(kept) :]:
            assert "would not help" not in one.reason
            if one.labels_needed is None:
                assert "fewer than 10 labels lie above the threshold" in one.reason
            else:
                assert one.labels_needed >= 5
            assert "of 17 answered items with a confidence" in one.reason
    # Of few clusters one item each counts: a split may leave one approval to choose by, which is too few.
    assert least >= (8 if each == 1 else 7)

"""Three estimates side by side: which is narrowest here, why, and what that does not promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import Calibration, calibrate_arrays, corrected, ppi_rates, rates


def audited(seed=0, *, n_items=2000, n_labels=300, strength=2.0, by_verdict=False):
    """A judge whose confidence knows `strength` more than its verdict; labels uniform or half and half."""
    rng = np.random.default_rng(seed)
    approved = rng.random(n_items) < 0.6
    suitable = rng.random(n_items) < np.where(approved, 0.8, 0.2)
    confidence = 1 / (1 + np.exp(-(strength * (2 * suitable - 1) + rng.normal(size=n_items))))
    inclusion = np.full(n_items, math.nan)
    groups = [approved, ~approved] if by_verdict else [np.ones(n_items, dtype=bool)]
    for group in groups:
        take = n_labels // len(groups)
        inclusion[rng.choice(np.flatnonzero(group), take, replace=False)] = take / group.sum()
    return {
        "approved": approved,
        "inclusion_probability": inclusion,
        "answer": [bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)],
        "confidence": confidence,
    }


def width(estimate):
    return estimate.high - estimate.low


def test_the_parts_are_what_their_functions_say():
    arguments = audited()
    found = corrected(**arguments)
    labels = {k: v for k, v in arguments.items() if k != "confidence"}
    assert found.suitable_rate.labels_only == rates(**labels).suitable_rate
    assert found.precision.ppi == ppi_rates(**arguments).rates.precision
    third = found.suitable_rate.rogan_gladen
    assert third.low < found.suitable_rate.labels_only.value < third.high


def test_a_confidence_that_knows_more_wins_and_says_how():
    found = corrected(**audited())
    for one in (found.suitable_rate, found.precision):
        assert one.narrowest == "PPI++"
        assert width(one.ppi) < 0.9 * width(one.labels_only)
        assert one.why.startswith("PPI++ is narrowest, 0.")
        assert "among approvals the confidence explains" in one.why
    assert "Rogan–Gladen is 0." in found.suitable_rate.why
    assert "it divides by J = 0.5" in found.suitable_rate.why
    assert "less often than its level says" in found.note


def test_a_confidence_that_knows_nothing_is_not_said_to_gain():
    for seed in range(5):
        found = corrected(**audited(seed, strength=0.0))
        assert found.precision.narrowest == "labels only"
        assert found.suitable_rate.narrowest == "labels only"
        assert found.precision.why.startswith("Labels alone are as")
    backwards = audited(7)
    backwards["confidence"] = 1 - backwards["confidence"]
    found = corrected(**backwards)
    assert "does not rise with the answers" in found.precision.why
    assert found.approvals.lam == 0.0
    assert "fewer than 20 labels" in corrected(**audited(8, n_labels=24)).precision.why


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"about": "these items"}, "not of one finished batch"),
        ({"cluster": [f"p{i // 4}" for i in range(2000)]}, "share clusters"),
    ],
)
def test_rogan_gladen_says_where_it_is_not_valid(change, reason):
    found = corrected(**(audited() | change)).suitable_rate
    assert reason in found.rogan_gladen.reason
    assert found.labels_only.value is not None


def test_labels_drawn_by_verdict_get_no_plain_error_rates():
    found = corrected(**audited(by_verdict=True))
    assert "drawn by verdict or stratum" in found.suitable_rate.rogan_gladen.reason
    assert "Rogan–Gladen is" not in found.suitable_rate.why
    assert found.suitable_rate.narrowest == "PPI++"


def test_rogan_gladen_wants_items_without_a_label():
    found = corrected(**audited(n_items=300, n_labels=300)).suitable_rate
    assert "every item was drawn" in found.rogan_gladen.reason
    assert found.narrowest == "labels only"
    assert "all approvals have their label; all rejections have their label" in found.why


def test_without_labels_there_is_nothing_to_compare():
    found = corrected(
        approved=[True, False], inclusion_probability=[None, None], answer=[None, None],
        confidence=[0.9, 0.1],
    )  # fmt: skip
    assert found.precision.narrowest is None
    assert found.precision.why.startswith("No estimate has an interval: not identifiable")
    assert found.approvals is None


def test_it_is_a_field_of_the_calibration_through_json_and_back():
    arguments = audited()
    found = calibrate_arrays(**arguments)
    assert found.corrected == corrected(**arguments)
    assert Calibration.from_json(found.to_json()) == found
    assert (
        calibrate_arrays(**{k: v for k, v in arguments.items() if k != "confidence"}).corrected
        is None
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([True, False, None]),
            st.sampled_from([None, 0.2, 0.2, 1.0]),
            st.sampled_from([True, False, None]),
            st.sampled_from([None, 0.0, 0.4, 1.0]),
            st.sampled_from("xyz"),
        ),
        max_size=50,
    ),
    st.booleans(),
    st.sampled_from(["items like these", "these items"]),
)
def test_whatever_comes_there_is_a_sentence(rows, clustered, about):
    found = corrected(
        approved=[row[0] for row in rows],
        inclusion_probability=[row[1] for row in rows],
        answer=[row[2] if row[1] is not None else None for row in rows],
        confidence=[row[3] for row in rows],
        cluster=[row[4] for row in rows] if clustered else None,
        about=about,
    )
    for one in (found.suitable_rate, found.precision):
        assert one.why.endswith(".")
        assert "nan" not in one.why
        for estimate in (one.labels_only, one.ppi, one.rogan_gladen):
            assert (estimate.value is None) == (estimate.reason is not None)
        assert (one.narrowest is None) == (one.labels_only.value is None)

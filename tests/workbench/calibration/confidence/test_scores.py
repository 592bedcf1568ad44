"""Maps of scores against scikit-learn and statsmodels, and what they are worth on labels kept back."""

import json
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

from workbench.calibration import (
    ScoreMap,
    calibrate_scores,
    fit_scores,
    hold_out,
    reliability,
    risk_coverage,
)
from workbench.errors import CalibrationError


def overconfident(rng, n):
    """Says c where c² is true."""
    confidence = rng.random(n)
    return confidence, rng.random(n) < confidence**2


@pytest.mark.parametrize("rounded", [False, True])
def test_isotonic_equals_scikit_learn(rounded):
    rng = np.random.default_rng(0)
    confidence, suitable = overconfident(rng, 500)
    if rounded:
        confidence = np.round(confidence, 1)  # many ties
    weights = rng.uniform(1, 9, 500)
    found = fit_scores(confidence, suitable, weights=weights)
    peer = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1)
    peer.fit(confidence, suitable, sample_weight=weights)
    at = np.linspace(0, 1, 1001)
    assert found.apply(at) == pytest.approx(peer.predict(at), abs=1e-6)


def test_platt_equals_statsmodels_and_scikit_learn():
    rng = np.random.default_rng(1)
    confidence, suitable = overconfident(rng, 400)
    weights = rng.uniform(1, 9, 400)
    weights /= weights.mean()
    found = fit_scores(confidence, suitable, weights=weights, method="platt")
    logits = np.log(confidence / (1 - confidence))
    peer = _SigmoidCalibration().fit(logits, suitable.astype(int), sample_weight=weights)
    assert found.apply(confidence) == pytest.approx(
        peer.predict(logits), abs=2e-5
    )  # its solver's end
    yes = weights[suitable].sum()
    targets = np.where(suitable, (yes + 1) / (yes + 2), 1 / (weights.sum() - yes + 2))
    exact = sm.GLM(
        targets, sm.add_constant(logits), family=sm.families.Binomial(), var_weights=weights
    ).fit(tol=1e-14)
    assert (found.intercept, found.slope) == pytest.approx(tuple(exact.params), abs=1e-6)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_a_map_helps_an_overconfident_judge_on_labels_it_never_saw(method):
    rng = np.random.default_rng(2)
    confidence, suitable = overconfident(rng, 3000)
    kept = hold_out(3000, share=0.4, seed=1)
    found = calibrate_scores(confidence, suitable, held_out=kept, method=method)
    assert (found.fitted_on, found.held_out) == ((~kept).sum(), kept.sum())
    assert found.gain.low > 0
    assert found.gain.value == pytest.approx(found.before.brier.value - found.after.brier.value)
    assert found.after.calibration_error.high < found.before.calibration_error.low
    assert found.before.ece.value > 0.1 > found.after.ece.value


def test_weights_undo_an_uneven_draw():
    """Suitable items are answered three times as often: unweighted, every probability would be too high."""
    rng = np.random.default_rng(3)
    confidence = rng.random(40_000)
    suitable = rng.random(40_000) < confidence
    chance = np.where(suitable, 0.6, 0.2)
    drawn = rng.random(40_000) < chance
    at = np.array([0.2, 0.5, 0.8])
    for method in ("isotonic", "platt"):
        right = fit_scores(
            confidence[drawn], suitable[drawn], weights=1 / chance[drawn], method=method
        )
        wrong = fit_scores(confidence[drawn], suitable[drawn], method=method)
        assert right.apply(at) == pytest.approx(at, abs=0.04)
        assert wrong.apply(at[1]) > 0.65


def test_a_map_is_read_back_from_json():
    rng = np.random.default_rng(4)
    for method in ("isotonic", "platt"):
        found = fit_scores(*overconfident(rng, 200), method=method)
        again = ScoreMap.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
        assert again == found
    assert np.isnan(found.apply([math.nan, 0.5])).tolist() == [True, False]
    with pytest.raises(ValueError, match="has the fields"):
        ScoreMap.from_dict({"method": "platt"})
    with pytest.raises(ValueError, match="want a map"):
        ScoreMap.from_dict(found.to_dict() | {"method": "isotonic"})
    isotonic = fit_scores(*overconfident(rng, 200)).to_dict()
    for wrong in (isotonic["probability"][::-1], [2 + x for x in isotonic["probability"]]):
        with pytest.raises(ValueError, match="want a map"):
            ScoreMap.from_dict(isotonic | {"probability": wrong})


def test_groups_stay_on_one_side():
    groups = np.repeat(np.arange(40), 5)
    kept = hold_out(200, share=0.5, seed=0, groups=groups)
    assert set(groups[kept]) & set(groups[~kept]) == set()
    rng = np.random.default_rng(5)
    confidence, suitable = overconfident(rng, 200)
    found = calibrate_scores(confidence, suitable, held_out=kept, groups=groups, method="platt")
    assert "groups are independent" in found.gain.assumptions[0]
    with pytest.raises(ValueError, match="both sides of the split"):
        calibrate_scores(confidence, suitable, held_out=np.arange(200) % 2 == 0, groups=groups)


def test_one_answer_only_is_no_certainty():
    found = fit_scores(np.linspace(0.5, 0.9, 20), [True] * 20, method="platt")
    assert np.all(found.apply([0.5, 0.9]) < 1)
    assert fit_scores([0.5] * 20, [True] * 10 + [False] * 10, method="platt").apply(
        0.5
    ) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_scores([0.5] * 9, [True] * 9), CalibrationError, "want 10 labels or more"),
        (lambda: fit_scores([0.5], [True, False]), ValueError, "arrays"),
        (lambda: fit_scores([1.5] * 10, [True] * 10), ValueError, "between 0 and 1"),
        (lambda: fit_scores([0.5] * 10, [True] * 10, method="beta"), ValueError, "'isotonic' or 'platt'"),
        (lambda: fit_scores([0.5] * 10, [True] * 10, weights=[0] * 10), ValueError, "over 0"),
        (lambda: hold_out(5, share=2, seed=0), ValueError, "between 0 and 1"),
        (
            lambda: calibrate_scores([0.5] * 10, [True] * 10, held_out=[False] * 10),
            CalibrationError,
            "no label is held out",
        ),
        (lambda: calibrate_scores([0.5] * 10, [True] * 10, held_out=[True]), ValueError, "booleans"),
        (lambda: risk_coverage([0.5], [True], points=0), ValueError, "one or more"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_risk_and_coverage_worked_by_hand():
    """Surest first: right, wrong, right, wrong; the risks are 0, 1/2, 1/3, 2/4."""
    found = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert [(p.threshold, p.coverage) for p in found.points] == [
        (0.9, 0.25), (0.8, 0.5), (0.7, 0.75), (0.6, 1.0)
    ]  # fmt: skip
    assert [p.risk.value for p in found.points] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.area.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.constant.value == 0.5
    tied = risk_coverage([0.9, 0.9, 0.5, 0.5], [True, False, True, False])
    assert tied.area.value == 0.5
    weighted = risk_coverage([0.9, 0.5], [True, False], weights=[1, 3])
    assert [(p.coverage, p.risk.value) for p in weighted.points] == [(0.25, 0.0), (1.0, 0.75)]
    assert weighted.area.value == pytest.approx((1 * 0 + 3 * 0.75) / 4)
    judged = risk_coverage([0.9, 0.5], [True, False], population=[0.9] * 9 + [0.5])
    assert [p.coverage for p in judged.points] == [0.9, 1.0]


def test_the_area_covers_and_knows_clusters():
    """True AURC of suitable with probability c, c uniform: the mean of (1 − (1 + c) / 2) over c is 1/4."""
    rng, covered, runs = np.random.default_rng(6), 0, 200
    for _ in range(runs):
        confidence = rng.random(300)
        found = risk_coverage(confidence, rng.random(300) < confidence, resamples=200).area
        covered += found.low <= 0.25 <= found.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)
    groups = np.repeat(np.arange(60), 5)
    ease = np.repeat(rng.random(60), 5)
    suitable = rng.random(300) < ease
    alone = risk_coverage(ease, suitable).area
    grouped = risk_coverage(ease, suitable, groups=groups).area
    assert grouped.high - grouped.low > 1.2 * (alone.high - alone.low)


def test_an_area_without_spread_gets_no_interval():
    found = risk_coverage([0.2, 0.8], [True, True])
    assert (found.area.value, found.area.low) == (0, None)
    assert "all answers agree" in found.area.reason
    nothing = risk_coverage([], [])
    assert (nothing.points, nothing.area.value) == ((), None)


def test_a_well_calibrated_judge_has_no_calibration_error_where_ece_sees_one():
    """200 labels of a judge that is right: plain ECE says .06 or so, the debiased error is near 0."""
    rng, plain, debiased, covered = np.random.default_rng(7), [], [], 0
    for _ in range(60):
        confidence = rng.random(200)
        found = reliability(confidence, rng.random(200) < confidence, resamples=200)
        plain.append(found.ece.value)
        debiased.append(found.calibration_error.value)
        covered += found.calibration_error.low == 0
    assert np.mean(plain) > 0.06
    assert np.mean(debiased) < 0.04
    assert np.median(debiased) < 0.03
    assert covered >= 55


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.floats(1e-3, 1e6), st.integers(0, 5)),
        max_size=40,
    ),
    method=st.sampled_from(["isotonic", "platt"]),
    clustered=st.booleans(),
)
def test_whatever_comes_no_number_is_nan(rows, method, clustered):
    confidence, suitable, weights, group = (
        (list(x) for x in zip(*rows, strict=True)) if rows else ([],) * 4
    )
    groups = group if clustered else None
    curve = risk_coverage(confidence, suitable, weights=weights, groups=groups, resamples=50)
    assert all(0 < p.coverage <= 1 + 1e-9 for p in curve.points)
    seen = reliability(confidence, suitable, weights=weights, groups=groups, resamples=50)
    assert "nan" not in repr((curve, seen))
    kept = hold_out(len(rows), share=0.3, seed=0, groups=groups)
    try:
        found = calibrate_scores(
            confidence, suitable, held_out=kept, weights=weights, groups=groups, method=method,
            resamples=50,
        )  # fmt: skip
    except CalibrationError as error:
        assert "label" in str(error)
    else:
        mapped = found.map.apply(np.linspace(0, 1, 11))
        assert np.all((mapped >= 0) & (mapped <= 1))
        assert "nan" not in repr(found)

"""Reliability against scikit-learn, hand-worked bins and the coverage that intervals promise."""

import math

import numpy as np
import pytest
from sklearn import metrics as peer

from workbench.calibration import auroc, clopper_pearson, reliability


def test_bins_worked_by_hand():
    confidence = np.repeat([0.2, 0.8], 20)
    suitable = np.concatenate([np.arange(20) < 5, np.arange(20) < 18])
    found = reliability(confidence, suitable, bins=2)
    low, high = found.bins
    assert (low.labels, low.mean_confidence, low.observed.value) == (20, pytest.approx(0.2), 0.25)
    assert (high.labels, high.observed.value) == (20, 0.9)
    exact = clopper_pearson(18, 20)
    assert (high.observed.low, high.observed.high) == pytest.approx((exact.low, exact.high))
    assert found.ece.value == pytest.approx((0.05 + 0.10) / 2)
    assert found.brier.value == pytest.approx(peer.brier_score_loss(suitable, confidence))


def test_bins_hold_about_equally_many_judged_items():
    rng = np.random.default_rng(0)
    population = rng.beta(8, 2, size=5000)
    confidence = rng.choice(population, size=300)
    found = reliability(confidence, rng.random(300) < confidence, population=population)
    assert len(found.bins) == 10
    for one in found.bins:
        inside = ((population >= one.low) & (population < one.high)).mean()
        assert inside == pytest.approx(0.1, abs=0.01)
    assert sum(one.labels for one in found.bins) == 300
    assert [one.high for one in found.bins[:-1]] == [one.low for one in found.bins[1:]]


def test_weights_undo_an_uneven_draw():
    """Suitable items are drawn three times as often; weighted, the curve lies where it should."""
    rng = np.random.default_rng(1)
    confidence = rng.random(20_000)
    suitable = rng.random(20_000) < confidence
    chance = np.where(suitable, 0.6, 0.2)
    drawn = rng.random(20_000) < chance
    weighted = reliability(confidence[drawn], suitable[drawn], weights=1 / chance[drawn])
    raw = reliability(confidence[drawn], suitable[drawn])
    assert weighted.ece.value < 0.03
    assert raw.ece.value > 0.1
    assert weighted.brier.value == pytest.approx(1 / 6, abs=0.01)


def test_auroc_equals_scikit_learn_with_and_without_weights():
    rng = np.random.default_rng(2)
    suitable = rng.random(300) < 0.4
    confidence = np.round(np.clip(rng.normal(0.4 + 0.2 * suitable, 0.2), 0, 1), 1)  # many ties
    weights = rng.uniform(1, 5, size=300)
    assert auroc(confidence, suitable).value == pytest.approx(
        peer.roc_auc_score(suitable, confidence)
    )
    assert auroc(confidence, suitable, weights=weights).value == pytest.approx(
        peer.roc_auc_score(suitable, confidence, sample_weight=weights)
    )


@pytest.mark.parametrize("each", [1, 5])
def test_auroc_covers(each):
    """Two normals a standard deviation apart: AUROC is Φ(1/√2); with `each` > 1 products shift all their items."""
    rng, runs, covered = np.random.default_rng(3), 400, 0
    spread = 1.0 if each == 1 else math.sqrt(0.5)
    for _ in range(runs):
        suitable = rng.random(200) < 0.3
        shift = 0 if each == 1 else np.repeat(rng.normal(scale=spread, size=200 // each), each)
        confidence = suitable + rng.normal(scale=spread, size=200) + shift
        groups = None if each == 1 else np.repeat(np.arange(200 // each), each)
        found = auroc(confidence, suitable, groups=groups)
        covered += found.low <= 0.760250 <= found.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)


def test_a_perfect_judge_is_not_certain():
    found = auroc([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert (found.value, found.high) == (1, 1)
    assert found.low < 0.5
    assert auroc([0.9, 0.1], [False, True]).value == 0


def test_one_answer_only_leaves_auroc_undefined():
    found = reliability([0.5] * 30, [True] * 30)
    assert found.auroc.reason == "every answered item was suitable"
    assert len(found.bins) == 1
    assert found.bins[0].labels == 30
    assert found.ece.value == 0.5


def test_clusters_widen_everything():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(30), 10)
    ease = np.repeat(rng.random(30), 10)
    suitable = rng.random(300) < ease
    confidence = np.clip(0.2 + 0.5 * ease + rng.normal(scale=0.1, size=300), 0, 1)
    alone = reliability(confidence, suitable, bins=3)
    grouped = reliability(confidence, suitable, bins=3, groups=groups)
    for a, g in ((alone.brier, grouped.brier), (alone.auroc, grouped.auroc)):
        assert g.value == pytest.approx(a.value)
        assert g.high - g.low > 1.1 * (a.high - a.low)
    for a, g in zip(alone.bins, grouped.bins, strict=True):
        assert g.observed.effective_n < a.observed.effective_n


def test_nothing_answered_and_bad_input():
    assert reliability([], []).ece.reason == "no item with a confidence was answered"
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability([1.2], [True])
    with pytest.raises(ValueError, match="arrays"):
        reliability([0.2], [True, False])


def test_answers_without_spread_get_no_interval():
    """Resampling answers that all agree would give 0.00 to 0.00 and look certain."""
    found = reliability([0.0] * 12 + [1.0] * 12, [False] * 12 + [True] * 12, bins=2)
    for estimate in (found.ece, found.brier):
        assert (estimate.value, estimate.low, estimate.high) == (0, None, None)
        assert "within each bin all answers agree" in estimate.reason
    even = reliability([0.5] * 30, [True, False] * 15)
    assert even.brier.low is None
    assert "every resample gives the same number" in even.brier.reason
    assert even.ece.high > 0.05


@pytest.mark.parametrize(("off", "n"), [(0.0, 60), (0.0, 300), (0.15, 300)])
def test_the_interval_of_the_plain_error_covers_it(off, n):
    # By percentiles alone it holds an error of 0 never.
    rng, covered = np.random.default_rng(7), []
    for seed in range(80):
        scores = 0.1 + 0.7 * rng.random(n)
        answers = rng.random(n) < scores + off
        ece = reliability(scores, answers, resamples=200, seed=seed).ece
        covered.append(ece.low <= off + 1e-9 and ece.high >= off)
    assert np.mean(covered) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 80)

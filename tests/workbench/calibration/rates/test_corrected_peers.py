"""Where other packages compute the same, the numbers are the same to 1e-6; where they do not, it is said how."""

import math
import warnings

import numpy as np
import pytest

from workbench.calibration import ppi_mean, ppi_rates, rates, rogan_gladen

SEEDS = range(6)


@pytest.fixture(scope="module")
def truescore():
    return pytest.importorskip("truescore")


@pytest.fixture(scope="module")
def evalstats():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' own
        return pytest.importorskip("evalstats")


def uniform(seed, n_items=800, n_labels=160):
    """Verdicts, answers, confidences and who was drawn; all items alike."""
    rng = np.random.default_rng(seed)
    approved = rng.random(n_items) < 0.6
    suitable = rng.random(n_items) < np.where(approved, 0.85, 0.2)
    confidence = 1 / (1 + np.exp(-(1.5 * suitable + rng.normal(size=n_items))))
    index = np.sort(rng.choice(n_items, n_labels, replace=False))
    inclusion = np.full(n_items, math.nan)
    inclusion[index] = n_labels / n_items
    answer = [bool(y) if p > 0 else None for y, p in zip(suitable, inclusion, strict=True)]
    return approved, suitable, confidence, index, inclusion, answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lam", [None, 0.3, 1.0])
def test_precision_and_lambda_are_truescores(truescore, seed, lam):
    approved, suitable, confidence, index, inclusion, answer = uniform(seed)
    inside = np.flatnonzero(approved)
    labelled = np.flatnonzero(np.isin(inside, index))
    peer = truescore.ppi_estimate(
        confidence[inside], suitable[inside][labelled].astype(float), labelled, lambda_=lam
    )
    found = ppi_rates(
        approved=approved, inclusion_probability=inclusion, answer=answer, confidence=confidence, lam=lam
    )  # fmt: skip
    assert found.rates.precision.value == pytest.approx(peer.point, abs=1e-9)
    assert found.approvals.lam == pytest.approx(peer.lambda_, abs=1e-9)
    # Its variances divide by n − 1, ppi_py's and ours in `ppi_mean` by n: the same but for that.
    drawn = np.isin(np.arange(approved.size), index) & approved
    ours = ppi_mean(
        suitable[drawn], confidence[drawn], confidence[approved & ~drawn], lam=lam
    ).estimate
    assert ours.value == pytest.approx(peer.point, abs=1e-9)
    n = labelled.size
    assert (ours.high - ours.low) / (peer.high - peer.low) == pytest.approx(
        math.sqrt((n - 1) / n), abs=2e-3
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_suitable_rate_is_truescores_post_stratified_one(truescore, seed):
    """Verdicts as strata, weighted by their share among all items, each with its own λ."""
    approved, suitable, confidence, index, inclusion, answer = uniform(seed)
    a = float(approved.mean())
    peer = truescore.post_stratified_estimate(
        confidence, suitable[index].astype(float), index, np.where(approved, "yes", "no"),
        {"yes": a, "no": 1 - a},
    )  # fmt: skip
    found = ppi_rates(
        approved=approved, inclusion_probability=inclusion, answer=answer, confidence=confidence
    ).rates.suitable_rate
    assert found.value == pytest.approx(peer.point, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_only_precision_is_the_wilson_interval_of_the_peers(truescore, seed):
    from statsmodels.stats.proportion import proportion_confint

    approved, suitable, _, _, inclusion, answer = uniform(seed)
    found = rates(approved=approved, inclusion_probability=inclusion, answer=answer).precision
    gold = suitable[approved & (inclusion > 0)]
    theirs = proportion_confint(gold.sum(), gold.size, method="wilson")
    assert (found.low, found.high) == pytest.approx(theirs, abs=1e-9)
    peer = truescore.gold_only_estimate(gold.astype(float))
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_rogan_gladens_value_is_truescores(truescore, seed):
    """The value is one formula; the interval is not: its delta method takes a, T and F for normal."""
    approved, suitable, _, index, _, _ = uniform(seed)
    peer = truescore.rogan_gladen_estimate(
        approved.astype(float), suitable[index].astype(float), index
    )
    found = rogan_gladen(approved=approved, verdict=approved[index], answer=suitable[index])
    assert found.suitable_rate.value == pytest.approx(peer.point, abs=1e-9)
    assert found.suitable_rate.low == pytest.approx(peer.low, abs=0.05)
    assert found.suitable_rate.high == pytest.approx(peer.high, abs=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_untuned_evalstats_is_lambda_one(evalstats, seed):
    """λ = 1: the same value; t with n − 1 degrees of freedom and variances over n − 1 instead of a normal."""
    approved, suitable, confidence, _, inclusion, _ = uniform(seed)
    drawn = (inclusion > 0) & approved
    rest = approved & ~drawn
    peer = evalstats.ppi.correct(
        estimator_func=np.mean, Y_lab=suitable[drawn].astype(float), Y_hat_lab=confidence[drawn],
        Y_hat_unlab=confidence[rest], backend="analytic", power_tune=False,
    )  # fmt: skip
    ours = ppi_mean(suitable[drawn], confidence[drawn], confidence[rest], lam=1.0).estimate
    assert ours.value == pytest.approx(peer.estimate, abs=1e-9)
    from scipy import stats

    n = int(drawn.sum())
    wider = stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975) * math.sqrt(n / (n - 1))
    assert (peer.ci_high - peer.ci_low) / (ours.high - ours.low) == pytest.approx(wider, abs=2e-3)

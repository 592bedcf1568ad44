"""Tests over slices against scipy, and the Benjamini–Hochberg procedure."""

import numpy as np
import pytest
from scipy import stats

from workbench.calibration import benjamini_hochberg, boschloo, fisher
from workbench.calibration._sample import read_sample
from workbench.calibration.errors.slices import failure_modes_of, slices_of


def test_fisher_equals_scipy():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, m = rng.integers(1, 60, size=2)
        k, j = rng.integers(0, n + 1), rng.integers(0, m + 1)
        table = np.array([[k, n - k], [j, m - j]])
        for more, alternative in ((False, "two-sided"), (True, "greater")):
            theirs = stats.fisher_exact(table, alternative=alternative).pvalue
            assert fisher(int(k), int(n), int(j), int(m), more=more) == pytest.approx(
                theirs, abs=1e-9
            )


def test_fisher_without_rows_has_no_answer():
    assert fisher(0, 0, 3, 5) is fisher(3, 5, 0, 0) is None
    assert fisher(5000, 100_000, 5000, 100_000) == 1


def test_boschloo_gives_the_published_p_value():
    # Mehta & Senchaudhuri 2003: 74 of 117 professors are satisfied, 31 of 63 scientists.
    assert boschloo(74, 117, 31, 63) == pytest.approx(0.0355, abs=1e-4)
    assert fisher(74, 117, 31, 63, more=True) == pytest.approx(0.0483, abs=1e-4)
    assert boschloo(0, 0, 3, 5) is None
    assert boschloo(150, 200, 120, 250) == fisher(150, 200, 120, 250, more=True), "too many rows"


def test_boschloo_keeps_its_level_and_is_never_less_sure_than_fisher():
    n, m, level = 9, 6, 0.05
    p_values = np.array([[boschloo(k, n, j, m) for j in range(m + 1)] for k in range(n + 1)])
    theirs = [[fisher(k, n, j, m, more=True) for j in range(m + 1)] for k in range(n + 1)]
    assert (p_values <= np.array(theirs) + 1e-9).all()
    found = []
    for rate in np.linspace(0.02, 0.98, 49):
        chance = np.outer(
            stats.binom.pmf(range(n + 1), n, rate), stats.binom.pmf(range(m + 1), m, rate)
        )
        found.append(chance[p_values <= level].sum())
    assert max(found) <= level + 1e-9
    assert max(found) > 0.03, "it uses most of its level, where Fisher's uses .02"


def test_benjamini_hochberg_equals_scipy_and_skips_none():
    p = list(np.random.default_rng(1).random(50) ** 2)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    assert benjamini_hochberg([0.04, None, 0.01]) == [
        pytest.approx(0.04),
        None,
        pytest.approx(0.02),
    ]
    assert benjamini_hochberg([]) == []


def oversampled(rng, *, approved):
    """One verdict, a fifth of it near the threshold and drawn ten times as densely; of two slices that fail
    alike often (.2) the first is half near the threshold, the second an eighth."""
    n = 2000
    near = rng.random(n) < 0.2
    first = rng.random(n) < np.where(near, 0.5, 0.125)
    fails = rng.random(n) < np.where(near, 0.4, np.where(first, 0.0, 0.15 / 0.875))
    inclusion = np.full(n, np.nan)
    for band, size in ((near, 200), (~near, 100)):
        places = np.flatnonzero(band)
        inclusion[rng.choice(places, size, replace=False)] = size / places.size
    answer = [None if np.isnan(p) else not bad for p, bad in zip(inclusion, fails, strict=True)]
    sample = read_sample(
        approved=[approved] * n,
        inclusion_probability=inclusion,
        answer=answer,
        stratum=np.where(near, "near", "far"),
    )
    return sample, np.where(first, "first", "second"), fails


def test_denser_draws_near_a_threshold_make_no_slice_stand_out():
    # Unweighted counts call the first slice worse in 12.5% of such audits at 5%.
    rng, found = np.random.default_rng(2), []
    for _ in range(120):
        sample, names, _ = oversampled(rng, approved=True)
        cuts = {cut.name: cut for cut in slices_of(sample, names, by="name")}
        found.append(cuts["first"].p_value <= 0.05)
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)


def test_equal_draws_are_tested_as_they_are_counted():
    approved = [True] * 60 + [False] * 40
    answer = [i % 3 > 0 for i in range(60)] + [i % 4 == 0 for i in range(40)]
    sample = read_sample(approved=approved, inclusion_probability=[1.0] * 100, answer=answer)
    cut = next(c for c in slices_of(sample, ["a"] * 25 + ["b"] * 75, by="x") if c.name == "a")
    table = [[9, 16], [11, 24]]
    assert cut.p_value == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    named = [{"crooked"} if i < 6 or i >= 80 else set() for i in range(100)]
    mode = failure_modes_of(sample, named)[0]
    table = [[20, 20], [6, 54]]
    assert mode.p_value == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)

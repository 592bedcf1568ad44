"""Tests over slices against scipy, and the Benjamini–Hochberg procedure."""

import numpy as np
import pytest
from scipy import stats

from workbench.calibration import benjamini_hochberg, fisher


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


def test_benjamini_hochberg_equals_scipy_and_skips_none():
    p = list(np.random.default_rng(1).random(50) ** 2)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    assert benjamini_hochberg([0.04, None, 0.01]) == [
        pytest.approx(0.04),
        None,
        pytest.approx(0.02),
    ]
    assert benjamini_hochberg([]) == []

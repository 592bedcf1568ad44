"""Fisher's and Boschloo's exact tests of two rates, and Benjamini and Hochberg's adjustment of many tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

_MANY = 40_000
"""Pairs of rows of both sides, beyond which Boschloo's test takes seconds and says what Fisher's says."""


def fisher(k: int, n: int, other_k: int, other_n: int, *, more: bool = False) -> float | None:
    """Fisher's exact test that `k` of `n` and `other_k` of `other_n` have one rate: p-value, 0 to 1.

    One-sided for a higher rate in the first if `more`. None where either side has no rows.
    """
    if n == 0 or other_n == 0:
        return None
    hits = k + other_k
    possible = np.arange(max(0, hits - other_n), min(hits, n) + 1)  # of the first side's successes
    logs = _log_choose(n, possible) + _log_choose(other_n, hits - possible)
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    own = chance[k - possible[0]]
    # Tables as probable as this one up to rounding count as extreme too, as in scipy.
    extreme = possible >= k if more else chance <= own * (1 + 1e-7)
    return min(1.0, float(chance[extreme].sum()))


def boschloo(k: int, n: int, other_k: int, other_n: int) -> float | None:
    """Boschloo's exact test that the first rate is not higher: one-sided p-value, 0 to 1; None as for `fisher`.

    The sizes of both sides are given, the number of successes is not, as where rows are sorted first and
    answered then: never larger than Fisher's p-value there, which fixes both and is strict where rows are few. Of
    more than 40,000 pairs of rows it is Fisher's.

    Source: Boschloo 1970, Statistica Neerlandica 24:1; Mehta & Senchaudhuri 2003.
    """
    if n == 0 or other_n == 0 or n * other_n > _MANY:
        return fisher(k, n, other_k, other_n, more=True)
    from scipy import stats

    table = [[k, other_k], [n - k, other_n - other_k]]
    return float(stats.boschloo_exact(table, alternative="greater").pvalue)


def _log_choose(n: int, k: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """Logarithm of n over k, less that of n! (which cancels): no overflow for large counts."""
    logs: npt.NDArray[np.float64] = -special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return logs


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values so that calling those up to q found holds a false share of at most q on average.

    None stays None and does not count.

    Source: Benjamini & Hochberg 1995, JRSS B 57:289.
    """
    known = [i for i, p in enumerate(p_values) if p is not None]
    p: npt.NDArray[np.float64] = np.array([p_values[i] for i in known], dtype=float)
    order = np.argsort(p)
    scaled = p[order] * len(known) / np.arange(1, len(known) + 1)
    running = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    adjusted: list[float | None] = [None] * len(p_values)
    for place, q in zip(order, running, strict=True):
        adjusted[known[place]] = float(q)
    return adjusted

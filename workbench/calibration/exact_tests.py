"""Fisher's exact test of two rates, and Benjamini and Hochberg's adjustment of many tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special


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

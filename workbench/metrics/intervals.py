"""Intervals for a proportion: Wilson to show it, Clopper–Pearson to promise it, both under clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.resampling import group_codes

Side = Literal["two", "lower", "upper"]
Method = Literal["wilson", "exact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two bounds of a proportion, between 0 and 1."""

    low: float
    high: float


def wilson(successes: float, n: float, *, level: float = 0.95, dof: float = math.inf) -> Interval:
    """Wilson's score interval, two-sided: the one to show, sound down to 0 of n.

    Args:
        successes: Count, 0 to `n`; a fraction where counts are effective counts.
        n: Count over 0; a fraction where it is an effective sample size.
        level: Between 0 and 1.
        dof: Degrees of freedom of Student's t, for a variance estimated from few clusters.

    Raises:
        ValueError: A count or the level is out of range.

    Source: Wilson 1927, JASA 22:209; Dean & Pagano 2015, J. Surv. Stat. Methodol. 3:484 (effective counts).
    """
    _check(successes, n, level)
    z = float(
        special.ndtri((1 + level) / 2) if dof == math.inf else special.stdtrit(dof, (1 + level) / 2)
    )
    p, z2 = successes / n, z * z / n
    centre = (p + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(p * (1 - p) / n + z2 / (4 * n))
    low = 0.0 if successes == 0 else min(p, max(0.0, centre - half))
    high = 1.0 if successes == n else max(p, min(1.0, centre + half))
    return Interval(low=low, high=high)


def clopper_pearson(
    successes: float, n: float, *, level: float = 0.95, side: Side = "two"
) -> Interval:
    """Clopper and Pearson's exact interval: the one to promise. It never covers less than `level`.

    Args:
        successes: Count, 0 to `n`; a fraction where counts are effective counts.
        n: Count over 0; a fraction where it is an effective sample size.
        level: Between 0 and 1.
        side: `lower` spends all of 1 − `level` on the lower bound (the upper one is 1), `upper` the reverse.

    Raises:
        ValueError: A count or the level is out of range.

    Source: Clopper & Pearson 1934, Biometrika 26:404; Korn & Graubard 1998 (effective counts).
    """
    _check(successes, n, level)
    tail = (1 - level) / 2 if side == "two" else 1 - level
    low, high = 0.0, 1.0
    if side != "upper" and successes > 0:
        low = float(special.betaincinv(successes, n - successes + 1, tail))
    if side != "lower" and successes < n:
        high = float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return Interval(low=low, high=high)


def binomial_tail(successes: float, n: float, p: float) -> float:
    """Probability of `successes` or more in `n` independent tries with probability `p` each.

    Fractions are effective counts: the tail is then continued between whole numbers (incomplete beta).

    Raises:
        ValueError: A count or `p` is out of range.
    """
    if not (0 <= successes <= n and 0 <= p <= 1):
        raise ValueError(f"want 0 <= successes <= n and 0 <= p <= 1, got {successes=}, {n=}, {p=}")
    return 1.0 if successes == 0 else float(special.betainc(successes, n - successes + 1, p))


def proportion(
    success: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    method: Method = "wilson",
) -> Estimate:
    """Share of True among rows, with an interval that knows which rows belong together.

    With `groups`, the variance is taken between groups and turned into an effective sample size
    (never more than n), and t with groups − 1 degrees of freedom replaces the normal in Wilson's
    formula, or cuts the effective sample size of Clopper and Pearson's (`student_factor`). Where all
    rows agree the variance tells nothing: each group then counts as one row.

    Args:
        success: Shape (n,), booleans.
        groups: Shape (n,), labels; rows with one label share a product, a prompt or a seller.
        level: Between 0 and 1.
        method: `wilson` to show, `exact` (Clopper–Pearson) to promise.

    Raises:
        ValueError: A shape is wrong.
    """
    check_level(level)
    hits = np.asarray(success, dtype=bool)
    if hits.ndim != 1:
        raise ValueError(f"want one boolean per row, shape (n,), got shape {hits.shape}")
    name = "Wilson" if method == "wilson" else "Clopper–Pearson"
    n, k = hits.size, int(hits.sum())
    if n == 0:
        return undefined("there are no rows", method=name, level=level)
    if groups is None:
        interval = (
            wilson(k, n, level=level) if method == "wilson" else clopper_pearson(k, n, level=level)
        )
        assumptions, effective_n = ("rows are independent",), float(n)
    else:
        codes, count = group_codes(groups, n)
        if count < 2:
            return Estimate(
                value=k / n, low=None, high=None, level=level, method=name, n=n,
                reason="all rows belong to one group: how groups differ is unknown",
            )  # fmt: skip
        tail = None if method == "wilson" else (1 - level) / 2
        effective_n = clustered_effective_n(hits, codes, count, tail=tail)
        k_eff = k / n * effective_n
        if k in (0, n):  # k / n * effective_n may miss the edge by a rounding error
            k_eff = 0.0 if k == 0 else effective_n
        interval = (
            wilson(k_eff, effective_n, level=level, dof=count - 1)
            if method == "wilson"
            else clopper_pearson(k_eff, effective_n, level=level)
        )
        assumptions = (f"{count} groups are independent, rows within one are not",)
        name = f"cluster-robust {name}"
    return Estimate(
        value=k / n,
        low=interval.low,
        high=interval.high,
        level=level,
        method=name,
        n=n,
        effective_n=effective_n,
        assumptions=assumptions,
    )


def clustered_effective_n(
    success: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.intp],
    count: int,
    *,
    weights: npt.NDArray[np.float64] | None = None,
    tail: float | None = None,
) -> float:
    """Return the number of independent rows that tell as much as these clustered ones: over 0, at most n.

    Args:
        success: Shape (n,).
        codes: Shape (n,), group of each row, 0 to `count` − 1.
        count: Number of groups, 1 or more. Of one group, and where all rows agree, no spread is seen:
            Kish's count of the groups then.
        weights: Shape (n,), over 0; None: all alike. Never more than Kish's count of them.
        tail: Probability, under ½, beyond a bound for which a normal quantile is implied, as Clopper and
            Pearson's is: the count is then cut by `student_factor`. None: no cut, for bounds that take
            Student's t themselves.

    Source: Kish 1965; Korn & Graubard 1998, Surv. Methodol. 24:193.
    """
    own = np.ones(success.size) if weights is None else weights
    total = float(own.sum())
    rows = float(success.size) if weights is None else total**2 / float((own**2).sum())
    if abs(rows - success.size) < 1e-9 * rows:  # rounding: equal weights count as they are
        rows = float(success.size)
    sums = np.bincount(codes, weights=own, minlength=count)
    groups = min(rows, total**2 / float((sums**2).sum()))
    if count == 1 or success.all() or not success.any():
        return groups
    p = float(own @ success) / total
    errors = np.bincount(codes, weights=own * (success - p), minlength=count) / total
    variance = count / (count - 1) * float((errors**2).sum())
    seen = min(rows, p * (1 - p) / variance) if variance > 0 else rows
    return seen if tail is None else max(seen * student_factor(errors, tail), min(seen, groups))


def student_factor(errors: npt.NDArray[np.float64], tail: float) -> float:
    """What an effective count is worth whose variance is itself estimated, from few groups: over 0, at most 1.

    The squared ratio of the normal quantile to Student's. Degrees of freedom are Satterthwaite's,
    (Σe²)² / Σe⁴ and at most groups − 1: where failures sit in a few groups, the variance was seen in
    those alone. With groups − 1 a promise of .95 at a risk of 5% is broken in 14% of audits of 20 groups.

    Args:
        errors: Shape (groups,), what each adds to the error of the share.
        tail: Probability beyond the bound, under ½.

    Source: Korn & Graubard 1998, Surv. Methodol. 24:193; Satterthwaite 1946, Biometrics Bull. 2:110.
    """
    squares = errors**2
    fourth = float((squares**2).sum())
    if errors.size < 2 or fourth == 0:
        return 1.0
    dof = min(errors.size - 1.0, float(squares.sum()) ** 2 / fourth)
    return min(1.0, float(special.ndtri(tail) / special.stdtrit(dof, tail)) ** 2)


def _check(successes: float, n: float, level: float) -> None:
    check_level(level)
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"want 0 <= successes <= n with n over 0, got {successes=}, {n=}")

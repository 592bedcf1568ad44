"""Paired bootstrap: all numbers of one comparison are computed from the same resampled items."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._rounded import rounded
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.intervals import wilson
from workbench.metrics.resampling import Floats, groups_drawn

_NO_SPREAD = 1e-12  # width of an interval that is rounding alone
_AT_ONCE = 2_000_000  # counts held in memory: 16 MB


def times_drawn(
    codes: npt.NDArray[np.intp], count: int, *, resamples: int, seed: int
) -> Iterator[Floats]:
    """How often each row is in each resample, (b, n), a part of the resamples at a time.

    Args:
        codes: Shape (n,), group of each row, 0 to `count` − 1; a group is drawn whole.
        count: Number of groups, 1 or more.
        resamples: In all parts together.
        seed: Of the draws.
    """
    step = max(1, _AT_ONCE // max(1, codes.size, count))
    for times in groups_drawn(count, resamples=resamples, seed=seed, at_once=step):
        yield times[:, codes].astype(float)


def from_draws(
    value: float,
    draws: Floats,
    *,
    n: int,
    groups: int,
    clustered: bool,
    level: float,
    reason: str,
    method: str = "",
    assumptions: tuple[str, ...] = (),
    share: bool = False,
    behind: int = 0,
) -> Estimate:
    """Estimate with a percentile interval.

    Args:
        value: Of the data; NaN where it is undefined.
        draws: Shape (B,), of the resamples; NaN where one leaves it undefined.
        n: Rows of data.
        groups: Independent units among them.
        clustered: Whether a unit may hold several rows.
        level: Between 0 and 1.
        reason: What the record says where `value` is NaN.
        method: How it was made; empty: by what was resampled.
        assumptions: Beyond what was resampled, in words.
        share: Whether it is a share of rows: at 0 and 1, where resampling shows no spread, Wilson's
            interval of the units takes over.
        behind: Units that the value really rests on, where they are few: see `expanded`. 0: no expansion.
    """
    name = method or ("cluster bootstrap" if clustered else "bootstrap")
    if np.isnan(value):
        return undefined(reason, method=name, n=n, level=level, assumptions=assumptions)
    unit = "cluster" if clustered else "item"
    kept = draws[~np.isnan(draws)]
    missing = None
    if groups < 2:
        missing = f"only one {unit}: how {unit}s differ is unknown"
    elif 2 * kept.size < draws.size:
        missing = "it is undefined in more than half of the resamples"
    if missing:
        return Estimate(
            value=value, low=None, high=None, level=level, method=name, n=n, reason=missing,
            assumptions=assumptions,
        )  # fmt: skip
    tail = expanded((1 - level) / 2, behind)
    low, high = map(float, np.quantile(kept, [tail, 1 - tail]))
    if share and value in {0.0, 1.0}:
        edge = wilson(value * groups, groups, level=level)
        low, high, name = edge.low, edge.high, f"Wilson of {groups} {unit}s"
    else:
        name += f", {draws.size} resamples"
    words = f"{groups} clusters are independent, items within one are not"
    lost = draws.size - kept.size
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        method=name,
        n=n,
        effective_n=float(groups) if clustered else float(n),
        assumptions=(
            words if clustered else "items are independent",
            *assumptions,
            *((f"{lost} of {draws.size} resamples left it undefined",) if lost else ()),
        ),
    )


def with_spread(estimate: Estimate) -> Estimate:
    """Take the interval away where all resamples agree: one of width 0 would claim certainty."""
    if estimate.low is None or estimate.high is None or estimate.high - estimate.low > _NO_SPREAD:
        return estimate
    why = "every resample gives the same number: resampling cannot show how others would differ"
    return replace(estimate, low=None, high=None, reason=f"no interval: {why}")


def expanded(tail: float, n: int) -> float:
    """Tail of a resampled distribution at which a bound keeps its level with few units.

    Percentiles of resamples of n units are too narrow as if a normal quantile with a variance over n were
    used where Student's with n − 1 is due; a tail further out makes up for both.

    Args:
        tail: Nominal, between 0 and ½.
        n: Units; under 2 (nothing to expand for) the tail stays.

    Source: Hesterberg 2015, The American Statistician 69:371 (expanded percentile interval).
    """
    if n < 2:
        return tail
    return float(special.ndtr(math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, tail)))


def one_sided_p(draws: Floats, n: int) -> float:
    """P-value that a difference is not over 0, consistent with a bound at an `expanded` tail; over 0."""
    share = float((draws <= 0).sum() + 1) / (draws.size + 1)
    if n < 2 or share >= 1:
        return share
    p = special.stdtr(n - 1, math.sqrt((n - 1) / n) * special.ndtri(share))
    return max(float(p), 1 / (draws.size + 1))


def negated(estimate: Estimate) -> Estimate:
    """Turn a difference round."""
    if estimate.value is None:
        return estimate
    if estimate.low is None or estimate.high is None:
        return replace(estimate, value=-estimate.value)
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)


def in_words(estimate: Estimate, *, signed: bool = False) -> str:
    """Say a number with its interval, such as `.06 (.01 to .11)`; the reason where there is none."""
    if estimate.value is None:
        return f"unknown ({estimate.reason})"
    value = short(estimate.value, signed=signed)
    if estimate.low is None or estimate.high is None:
        why = (estimate.reason or "").removeprefix("no interval: ")
        return f"{value} (no interval: {why})"
    return f"{value} ({short(estimate.low)} to {short(estimate.high)})"


def short(x: float, *, signed: bool = False) -> str:
    """Two places, without the zero before the point."""
    text = rounded(abs(x), 2).removeprefix("0")
    if text == ".00":
        return "0"
    return ("−" if x < 0 else "+" if signed else "") + text

"""Numbers over several trainings: both the test groups and the training seeds might have been others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.resampling import Floats, Statistic

FEWEST_GROUPS, FEWEST_SEEDS = 10, 3
"""Below these a number over trainings has no interval."""
_METHOD = "t-interval over groups and seeds, jackknife"


def over_seeds(
    sums: Sequence[Floats],
    statistic: Statistic,
    *,
    less: Sequence[Floats] | None = None,
    n: int,
    level: float = 0.95,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """Mean of a statistic over trainings, or of the difference between two ways to train.

    The interval is about other groups and other seeds, with the training data as they were. Jackknife
    pseudo-values of each group and seed are split into a part of groups, a part of seeds and a rest, and
    the variance of their mean has Satterthwaite's degrees of freedom. A bootstrap of both has no such
    degrees: with few seeds it is too narrow. The two ways are compared on the same groups and the same seeds.

    Args:
        sums: One array per seed, shape (groups, k), additive quantities of each test group, groups in
            the same order throughout. Groups that are 0 in all of them hold nothing and are left out.
        statistic: Function of the totals.
        less: The same for the way that is subtracted; None: nothing is.
        n: Rows of data behind each array.
        level: Of the interval, between 0 and 1. There is none below ten groups or three seeds, nor where
            the statistic is undefined without one of the groups; the reason is then told.
        within: What the number can be, such as 0 and 1 for a share. The interval ends there: what lies beyond holds
            no truth.

    Raises:
        ValueError: Shapes or numbers of seeds differ.

    Source: pseudo-values of crossed factors, Dorfman, Berbaum & Metz 1992, Invest. Radiol. 27:723;
    degrees of freedom, Satterthwaite 1946, Biometrics Bull. 2:110, and Hillis 2007, Stat. Med. 26:596.
    """
    check_level(level)
    ways = [list(sums)] if less is None else [list(sums), list(less)]
    shapes = {one.shape for way in ways for one in way}
    if not sums or len({len(way) for way in ways}) > 1 or len({s[0] for s in shapes}) > 1:
        raise ValueError(f"want the same groups and seeds each, got shapes {sorted(shapes)}")
    held = np.any([one.any(axis=1) for way in ways for one in way], axis=0)
    ways = [[one[held] for one in way] for way in ways]
    groups, seeds = int(held.sum()), len(sums)
    words = (
        f"{groups} test groups and {seeds} training seeds might have been others; the training data not",
    )

    value = float(_less([np.array([_whole(statistic, s) for s in way]) for way in ways]).mean())
    if not np.isfinite(value):
        return undefined("the data leave it undefined", method=_METHOD, n=n, level=level)
    if groups < FEWEST_GROUPS or seeds < FEWEST_SEEDS:
        return Estimate(
            value=value, low=None, high=None, level=level, method=_METHOD, n=n, assumptions=words,
            reason=f"an interval wants {FEWEST_GROUPS} test groups and {FEWEST_SEEDS} seeds or more, there are "
            f"{groups} and {seeds}",
        )  # fmt: skip
    pseudo = _less([np.stack([_pseudo_values(statistic, s) for s in way], axis=1) for way in ways])
    lost = int((~np.isfinite(pseudo)).any(axis=1).sum())
    if lost:
        return Estimate(
            value=value, low=None, high=None, level=level, method=_METHOD, n=n, assumptions=words,
            reason=f"without {lost} of {groups} test groups, one at a time, it is undefined",
        )  # fmt: skip
    reach = _reach(pseudo, level)
    return Estimate(
        value=value, low=max(value - reach, within[0]), high=min(value + reach, within[1]), level=level,
        method=_METHOD, n=n,
        effective_n=float(groups), assumptions=words,
    )  # fmt: skip


def _less(ways: Sequence[Floats]) -> Floats:
    """The first way less the second, or the only one."""
    return ways[0] if len(ways) == 1 else ways[0] - ways[1]


def _whole(statistic: Statistic, sums: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(statistic(sums.sum(axis=0, keepdims=True))[0])


def _pseudo_values(statistic: Statistic, sums: Floats) -> Floats:
    """What each group adds to the statistic, on its scale: (groups, k) to (groups,)."""
    count = len(sums)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # undefined without one group is told above
        without = statistic(sums.sum(axis=0) - sums)
    found: Floats = count * _whole(statistic, sums) - (count - 1) * without
    return found


def _reach(table: Floats, level: float) -> float:
    """Half an interval of the mean of a table, (groups, seeds), whose rows and columns are both drawn."""
    groups, seeds = table.shape
    of_group, of_seed = table.mean(axis=1), table.mean(axis=0)
    rest = table - of_group[:, None] - of_seed + table.mean()
    free = np.array([groups - 1, seeds - 1, (groups - 1) * (seeds - 1)])
    by_group, by_seed, by_both = (
        np.array([seeds * of_group.var() * groups, groups * of_seed.var() * seeds, (rest**2).sum()])
        / free
    )
    # A part that seems to be below 0 counts as 0: then the other part's mean square is all there is.
    parts = np.array([by_group, by_seed, by_both])
    if by_both >= min(by_group, by_seed):
        parts[2] = 0.0
        parts[0 if by_group < by_seed else 1] = 0.0
    spread = parts[0] + parts[1] - parts[2]
    if spread <= 0:
        return 0.0
    degrees = spread**2 / (parts**2 / free).sum()
    return float(special.stdtrit(degrees, (1 + level) / 2)) * math.sqrt(spread / (groups * seeds))

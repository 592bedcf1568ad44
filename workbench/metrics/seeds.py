"""Numbers over several trainings: both the test groups and the training seeds are drawn again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.resampling import Floats, Statistic, groups_drawn

_AT_ONCE = 500


def over_seeds(
    sums: Sequence[Floats],
    statistic: Statistic,
    *,
    less: Sequence[Floats] | None = None,
    n: int,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean of a statistic over trainings, or of the difference between two ways to train.

    Each resample draws test groups and, independently of them, seeds: the interval is about other groups
    and other seeds, with the training data as they were. The two ways are compared on the same groups
    and the same seeds.

    Args:
        sums: One array per seed, shape (groups, k), additive quantities of each test group, groups in
            the same order throughout.
        statistic: Function of the totals.
        less: The same for the way that is subtracted; None: nothing is.
        n: Rows of data behind each array.
        level: Of the percentile interval, between 0 and 1.
        resamples: How many times groups and seeds are drawn.
        seed: Of the draws.

    Raises:
        ValueError: Shapes or numbers of seeds differ.

    Source: two-way bootstrap of crossed factors, Owen 2007, Ann. Appl. Stat. 1:386.
    """
    check_level(level)
    ways = [list(sums)] if less is None else [list(sums), list(less)]
    shapes = {one.shape for way in ways for one in way}
    if not sums or len({len(way) for way in ways}) > 1 or len({s[0] for s in shapes}) > 1:
        raise ValueError(f"want the same groups and seeds each, got shapes {sorted(shapes)}")
    groups, seeds = len(sums[0]), len(sums)
    method = f"bootstrap of groups and seeds, {resamples} resamples"

    def values(times: Floats) -> Floats:
        """Of weights (b, groups): (b, seeds), the first way less the second."""
        each = [np.stack([statistic(times @ one) for one in way], axis=1) for way in ways]
        found: Floats = each[0] if len(each) == 1 else each[0] - each[1]
        return found

    value = float(values(np.ones((1, groups))).mean())
    words = (
        f"{groups} test groups and {seeds} training seeds are drawn again; the training data are not",
    )
    if np.isnan(value):
        return undefined("the data leave it undefined", method=method, n=n, level=level)
    if groups < 2 or seeds < 2:
        few = "test group" if groups < 2 else "seed"
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=n, assumptions=words,
            reason=f"only one {few}: how {few}s differ is unknown",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    drawn = []
    for times in groups_drawn(groups, resamples=resamples, seed=seed, at_once=_AT_ONCE):
        table = values(times.astype(float))
        picks = rng.integers(0, seeds, size=table.shape)
        drawn.append(np.take_along_axis(table, picks, axis=1).mean(axis=1))
    low, high = np.nanquantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), level=level,
        method=method, n=n, effective_n=float(groups), assumptions=words,
    )  # fmt: skip

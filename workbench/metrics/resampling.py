"""Bootstrap over groups: rows that belong together are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from workbench.metrics.estimate import Estimate, check_level, undefined

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Sums, shape (B, k), to one number per row, shape (B,); NaN where it is undefined."""

_DRAWS_AT_ONCE = 2_000_000  # counts held in memory: 16 MB


def group_codes(groups: npt.ArrayLike | None, n: int) -> tuple[npt.NDArray[np.intp], int]:
    """Number the groups: code per row, shape (n,), and how many groups there are.

    `None` makes every row a group of its own.

    Raises:
        ValueError: There is not one label per row.
    """
    if groups is None:
        return np.arange(n), n
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise ValueError(f"want one group label for each of {n} rows, got shape {labels.shape}")
    names, codes = np.unique(labels, return_inverse=True)
    return codes.astype(np.intp), len(names)


def sums_by_group(columns: Floats, groups: npt.ArrayLike | None) -> Floats:
    """Add rows up by group: (n, k) to (groups, k)."""
    codes, count = group_codes(groups, len(columns))
    if groups is None:
        return columns
    return np.stack(
        [np.bincount(codes, weights=column, minlength=count) for column in columns.T], axis=1
    )


def bootstrap(
    sums: Floats,
    statistic: Statistic,
    *,
    n: int,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    clustered: bool = False,
    undefined_reason: str = "the data leave it undefined",
) -> Estimate:
    """Estimate a function of sums, with a percentile interval from resampled groups.

    Args:
        sums: Shape (groups, k), one row of additive quantities per group (or per row of data).
        statistic: Function of the total, such as a ratio.
        n: Rows of data behind `sums`.
        level: Between 0 and 1.
        resamples: How many times the groups are drawn again.
        seed: Of the draws; one seed, one interval.
        clustered: Whether a group may hold several rows (for the wording only).
        undefined_reason: What the record says where the statistic of the data is NaN.

    Resamples in which the statistic is undefined are left out and counted in the assumptions.

    Source: Efron 1979, Ann. Stat. 7:1; Field & Welsh 2007 (clusters), JRSS B 69:369.
    """
    check_level(level)
    method = "cluster bootstrap" if clustered else "bootstrap"
    if len(sums) == 0:
        return undefined("there are no rows", method=method, level=level)
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return undefined(undefined_reason, method=method, n=n, level=level)
    if len(sums) == 1:
        unit = "group" if clustered else "row"
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=n,
            reason=f"only one {unit}: how {unit}s differ is unknown",
        )  # fmt: skip
    drawn = _resample(sums, statistic, resamples, seed)
    kept = drawn[~np.isnan(drawn)]
    if kept.size < 0.5 * resamples:
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=n,
            reason="it is undefined in more than half of the resamples",
        )  # fmt: skip
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    words = (
        f"{len(sums)} groups are independent, rows within one are not"
        if clustered
        else "rows are independent"
    )
    lost = (
        (f"{resamples - kept.size} of {resamples} resamples left it undefined",)
        if kept.size < resamples
        else ()
    )
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        level=level,
        method=f"{method}, {resamples} resamples",
        n=n,
        effective_n=float(len(sums)) if clustered else float(n),
        assumptions=(words, *lost),
    )


def bootstrap_mean(
    values: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean of rows, with an interval from resampled groups.

    Args:
        values: Shape (n,), finite.
        groups: Shape (n,), labels of rows that belong together; None: every row alone.
        level: Between 0 and 1.
        resamples: How many times the groups are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: A shape is wrong or a value is not finite.
    """
    rows = np.asarray(values, dtype=float)
    if rows.ndim != 1 or not np.isfinite(rows).all():
        raise ValueError(f"want finite numbers of shape (n,), got shape {rows.shape}")
    return bootstrap(
        sums_by_group(np.stack([rows, np.ones_like(rows)], axis=1), groups),
        lambda s: s[:, 0] / s[:, 1],
        n=rows.size,
        level=level,
        resamples=resamples,
        seed=seed,
        clustered=groups is not None,
    )


def _resample(sums: Floats, statistic: Statistic, resamples: int, seed: int) -> Floats:
    """Draw the groups with replacement `resamples` times: statistic of each, shape (resamples,)."""
    count = len(sums)
    draws = groups_drawn(
        count, resamples=resamples, seed=seed, at_once=max(1, _DRAWS_AT_ONCE // count)
    )
    return np.concatenate([statistic(times @ sums) for times in draws])  # (b, groups) @ (groups, k)


def groups_drawn(
    count: int, *, resamples: int, seed: int, at_once: int
) -> Iterator[npt.NDArray[np.intp]]:
    """How often each of `count` groups is in each resample, (b, count), `at_once` resamples at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        picks = rng.integers(0, count, size=(rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)

"""One person's answers beside the others': how often they say the same, which way they lean, how fast they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.calibration._draws import with_spread
from workbench.calibration._sample import as_floats
from workbench.calibration.people.adjudicate import majority
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import proportion
from workbench.metrics.resampling import bootstrap_mean

ALONE = "not identifiable: shares no item with another annotator"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstOthers:
    """One person's answers to one question, held against those of the others on the same items."""

    shared: int
    """Items that somebody else answered too."""
    agreement: Estimate
    """Share of items on which they say what most of the others say (Wilson); where the others are split
    there is no such answer, and the item is left out."""
    lean: Estimate
    """Mean of their answer less the mean of the others', in the answers' own unit: over 0 where they
    answer higher. Of approvals as 0 and 1 it is a difference of shares, −1 to 1."""


def against_others(
    answers: Mapping[str, Sequence[float | None]],
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, AgainstOthers]:
    """Hold each person against the others.

    Args:
        answers: Person to answers of length n as numbers, one per item; None where they gave none.
        groups: Shape (n,), labels; items with one label belong together. None: items are independent.
        level: Of all intervals, between 0 and 1.
        seed: Of the resampled items.

    Raises:
        ValueError: Lengths differ.
    """
    check_level(level)
    names = sorted(answers)
    if len({len(answers[name]) for name in names}) > 1:
        lengths = {name: len(answers[name]) for name in names}
        raise ValueError(f"want one answer of each person for each item, got {lengths}")
    if not names:
        return {}
    ratings = np.stack([as_floats(answers[name]) for name in names])  # (people, n)
    own_groups = None if groups is None else np.asarray(groups)
    found = {}
    for row, name in enumerate(names):
        own, others = ratings[row], np.delete(ratings, row, axis=0)
        shared = ~np.isnan(own) & (~np.isnan(others)).any(axis=0)
        if not shared.any():
            unknown = undefined(ALONE, method="Wilson", level=level)
            found[name] = AgainstOthers(shared=0, agreement=unknown, lean=unknown)
            continue
        most = [majority(str(x) for x in column[~np.isnan(column)]) for column in others.T]
        decided = shared & np.array([one is not None for one in most])
        same = [str(own[i]) == most[i] for i in np.flatnonzero(decided)]
        means = np.nanmean(others[:, shared], axis=0)
        found[name] = AgainstOthers(
            shared=int(shared.sum()),
            agreement=proportion(
                same, groups=None if own_groups is None else own_groups[decided], level=level
            ),
            lean=with_spread(
                bootstrap_mean(
                    own[shared] - means,
                    groups=None if own_groups is None else own_groups[shared],
                    level=level,
                    seed=seed,
                )
            ),
        )
    return found


def median_of(values: Sequence[float | None], *, level: float = 0.95) -> Estimate:
    """Median of numbers, with the interval between two of them that the binomial distribution gives.

    Args:
        values: Finite numbers; None where there is none.
        level: Between 0 and 1; the interval covers at least this.

    Raises:
        ValueError: A number is infinite.

    Source: Thompson 1936, Ann. Math. Stat. 7:122 (scipy.stats.quantile_test).
    """
    check_level(level)
    found = as_floats(values)
    found = found[~np.isnan(found)]
    if not np.isfinite(found).all():
        raise ValueError("want finite numbers, or None where there is none; got an infinite one")
    method = "median, binomial"
    if not found.size:
        return undefined("none was measured", method=method, level=level)
    from scipy import stats

    interval: Any = stats.quantile_test(found, p=0.5).confidence_interval(level)
    low, high, value = float(interval.low), float(interval.high), float(np.median(found))
    if not np.isfinite([low, high]).all():
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=found.size,
            reason=f"no interval: {found.size} are too few to bound a median",
        )  # fmt: skip
    return Estimate(
        value=value, low=min(low, value), high=max(high, value), level=level, method=method,
        n=found.size, effective_n=float(found.size), assumptions=("answers are independent",),
    )  # fmt: skip

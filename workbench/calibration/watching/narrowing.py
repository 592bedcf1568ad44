"""How diverse approved pictures of many topics are, attempt by attempt, where each topic has one picture.

`convergence` compares attempts within categories and wants several pictures of each. A loop that ends with
one picture per topic has none of these: here topics are compared with each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Floats
from workbench.calibration.watching.diversity import mean_distance
from workbench.metrics.estimate import Estimate, undefined

FEWEST = 5
"""Pictures of an attempt below which nothing is said about it."""
_METHOD = "jackknife over topics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Pictures that were approved at one attempt."""

    attempt: int
    pictures: int
    diversity: Estimate
    """Mean cosine distance between them over that between their items' own photos: 1 where they differ as
    much as the products do, below 1 where they look more alike."""


def narrowing(
    made: npt.ArrayLike, own: npt.ArrayLike, *, attempt: Sequence[int], level: float = 0.95
) -> tuple[Narrowing, ...]:
    """Diversity of approved pictures by the attempt at which they were approved, ascending.

    Args:
        made: Shape (n, d), embeddings of pictures of n different topics, finite, no row all 0.
        own: Shape (n, d), embedding of each one's item's own photo, by the same encoder.
        attempt: Length n, from 1.
        level: Of the intervals.

    Raises:
        ValueError: A shape is wrong, or a row is not finite or all 0.

    Source: Efron & Stein 1981, Ann. Stat. 9:586 (the jackknife of U-statistics and smooth functions of them).
    """
    new, known = np.asarray(made, dtype=float), np.asarray(own, dtype=float)
    if new.shape != known.shape or len(attempt) != len(new):
        raise ValueError(
            f"want an own embedding and an attempt for each picture, got {new.shape}, {known.shape} "
            f"and {len(attempt)} attempts"
        )
    steps: npt.NDArray[np.intp] = np.asarray(attempt, dtype=np.intp)
    return tuple(
        Narrowing(
            attempt=int(step),
            pictures=int((steps == step).sum()),
            diversity=_ratio(new[steps == step], known[steps == step], level),
        )
        for step in np.unique(steps)
    )


def _ratio(made: Floats, own: Floats, level: float) -> Estimate:
    n = len(made)
    if n < FEWEST:
        return undefined(f"fewer than {FEWEST} pictures", method=_METHOD, n=n, level=level)
    value = _of(made, own)
    if value is None:
        return undefined("the items' own photos are all alike", method=_METHOD, n=n, level=level)
    left_out = [_of(np.delete(made, k, 0), np.delete(own, k, 0)) for k in range(n)]
    known = np.array([x for x in left_out if x is not None])
    if len(known) < n:
        return undefined("the items' own photos are nearly all alike", method=_METHOD, n=n, level=level)  # fmt: skip
    error = math.sqrt((n - 1) / n * float(((known - known.mean()) ** 2).sum()))
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * error
    return Estimate(
        value=value, low=max(0.0, value - half), high=value + half, level=level, method=_METHOD, n=n,
        assumptions=("topics are independent",),
    )  # fmt: skip


def _of(made: Floats, own: Floats) -> float | None:
    new, known = mean_distance(made), mean_distance(own)
    return new / known if new is not None and known else None

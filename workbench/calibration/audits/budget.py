"""What labels buy for a share: half of the interval's width, and whether a promise is near."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from workbench.calibration.confidence._trials import labels_to_promise
from workbench.metrics.estimate import check_level
from workbench.metrics.intervals import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a number of labels buys."""

    labels: int
    half_width: float
    """Half of the interval's width, between 0 and .5, for a share near `rate`."""
    rate: float
    level: float
    to_promise: int | None
    """Labels of approvals to promise `promise` if precision is `rate`; None where it does not exceed it."""
    promise: float | None
    sentence: str


def budget(
    labels: int,
    *,
    rate: float = 0.5,
    population: int | None = None,
    level: float = 0.95,
    promise: float | None = None,
) -> Budget:
    """Say what `labels` answers buy: half the width of a share's interval, and whether a promise is near.

    Args:
        labels: Answers of one verdict, 1 or more.
        rate: The share that is expected, 0 to 1; .5 is the widest.
        population: Items of that verdict, for a statement about this batch alone; None: about items like these.
        level: Of the interval, between 0 and 1.
        promise: Precision that shall be promised with 95% confidence; None: none.

    Raises:
        ValueError: A number is out of range.
    """
    if labels < 1 or not 0 <= rate <= 1 or (population is not None and population < labels):
        raise ValueError(
            f"want labels of 1 or more, up to the population, and a rate from 0 to 1; got {labels=}, {population=}, {rate=}"
        )
    unseen = 1.0 if population is None else 1 - labels / population
    if unseen == 0:
        half = 0.0
    else:
        interval = wilson(rate * labels / unseen, labels / unseen, level=level)
        half = (interval.high - interval.low) / 2
    sentence = f"{labels} labels give a half-width of {half:.3f} around a share of {rate:g}"
    needed = None
    if promise is not None:
        needed = labels_to_promise(promise, rate=rate)
        sentence += (
            f"; to promise {promise:g} takes {needed} labelled approvals if {rate:g} of them are suitable"
            if needed is not None
            else f"; {promise:g} cannot be promised of approvals of which {rate:g} are suitable"
        )
    return Budget(
        labels=labels, half_width=half, rate=rate, level=level,
        to_promise=needed, promise=promise, sentence=sentence + ".",
    )  # fmt: skip


def labels_for(half_width: float, *, rate: float = 0.5, level: float = 0.95) -> int:
    """Fewest labels whose Wilson interval around `rate` is at most 2 × `half_width` wide.

    Raises:
        ValueError: A number is out of range.
    """
    check_level(level)
    if not (0 < half_width < 0.5 and 0 <= rate <= 1):
        raise ValueError(
            f"want a half-width between 0 and 0.5 and a rate from 0 to 1; got {half_width=}, {rate=}"
        )
    z = float(special.ndtri((1 + level) / 2))
    low, high = 1, math.ceil((z / half_width) ** 2) + 1  # the widest case needs fewer than that
    while low < high:
        middle = (low + high) // 2
        if budget(middle, rate=rate, level=level).half_width <= half_width:
            high = middle
        else:
            low = middle + 1
    return low

"""Bets against a bounded-below mean: capital that grows only if the mean is higher than claimed.

A bettor who claims that values v₁, v₂, … ≥ 0 have mean m pays 1 + λᵢ (vᵢ − m) for each, with a stake λᵢ
that was fixed before vᵢ was seen. If the mean is m or less, the product exceeds 1/δ at any time with
probability δ at most (Ville). So all m whose capital ever exceeded 1/δ are out: what remains is a lower
bound that holds at all times at once. An upper bound on a share is a lower bound on its complement.

Source: Waudby-Smith & Ramdas 2024, JRSS-B 86:1, arXiv:2010.09686: the capital process (their K⁺), stakes
by predictable plug-in, and sampling without replacement in their section 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration._sample import Floats

_MOST = 0.75  # of the capital at stake on one value: the rest survives any outcome
_STEPS = 500  # claimed means tried: 0, .002, …, 1
_OUT = 1e9  # logarithm of the capital against a mean that the values already rule out
_ODDS = (1.5, 2.25, 4.0, 9.0)  # sizes of drop that are bet on: odds of failing, times this
_CAP = 1e100  # capital is not counted beyond: an alarm came long before
_AT_ONCE = 2000  # labels per block: 2,000 × 501 numbers are 8 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a bettor carries from one value to the next."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    """Squared distances of the values from the means foreseen with them."""
    log_capital: tuple[float, ...] = ()
    """One per claimed mean of `grid`; empty before the first value."""
    bound: float = 0.0
    """Largest claimed mean whose capital ever exceeded the limit: the mean is no smaller."""


def grid(extra: float | None = None) -> Floats:
    """Claimed means, ascending, with one more if `extra` is given."""
    points: Floats = np.arange(_STEPS + 1) / _STEPS
    if extra is None:
        return points
    means: Floats = np.unique(np.append(points, extra))
    return means


def stakes(
    values: Floats, *, failure_probability: float, side: Side | None = None
) -> tuple[Floats, Floats, Floats]:
    """Stake before each value, by predictable plug-in; totals and squares before the first and after each.

    Args:
        values: Shape (..., n), 0 or more.
        failure_probability: δ, between 0 and 1.
        side: Where an earlier run stopped; None: nothing came before.

    Returns:
        Stakes of shape (..., n), not yet limited by the claimed mean; totals and squares (..., n + 1).
    """
    side = side or Side()
    place = side.count + np.arange(1, values.shape[-1] + 1)
    totals = _running(values, side.total)
    means = (0.5 + totals[..., 1:]) / (place + 1)
    squares = _running((values - means) ** 2, side.squares)
    variance = (0.25 + squares[..., :-1]) / place
    sizes: Floats = np.sqrt(
        2 * math.log(1 / failure_probability) / (variance * place * np.log(place + 1))
    )
    return sizes, totals, squares


def log_payoffs(values: Floats, sizes: Floats, claimed: Floats) -> Floats:
    """Logarithm of what each bet pays; the arrays broadcast. A claimed mean below 0 is ruled out."""
    limit = np.divide(_MOST, claimed, out=np.full(claimed.shape, np.inf), where=claimed > 0)
    paid = np.log1p(np.minimum(sizes, limit) * (values - claimed))
    out: Floats = np.where(claimed < 0, _OUT, paid)
    return out


def bet(
    side: Side,
    values: Floats,
    means: Floats,
    *,
    failure_probability: float,
    population: int | None = None,
) -> tuple[Side, Floats]:
    """Bet on `values`, shape (n,), against each of `means`; return the new state and the bound after each.

    One call and several calls in a row give the same numbers to the last bit.

    Args:
        side: Where the last call stopped.
        values: 0 or more; in a finite population 0 or 1.
        means: Of `grid`, the same in each call.
        failure_probability: δ, between 0 and 1.
        population: Values that there are in all, drawn without replacement; None: without end.
    """
    bounds: list[Floats] = [np.empty(0)]
    for start in range(0, values.size, _AT_ONCE):
        side, part = _block(
            side, values[start : start + _AT_ONCE], means, failure_probability, population
        )
        bounds.append(part)
    return side, np.concatenate(bounds)


def _block(
    side: Side, values: Floats, means: Floats, failure_probability: float, population: int | None
) -> tuple[Side, Floats]:
    sizes, totals, squares = stakes(values, failure_probability=failure_probability, side=side)
    claimed = np.broadcast_to(means, (values.size, means.size))  # (n, means)
    if population is not None:
        # What the values not yet seen must average to.
        left = population - side.count - np.arange(values.size)
        claimed = (population * means - totals[:-1, None]) / left[:, None]
        claimed = np.where(np.abs(claimed) < 1e-9, 0.0, claimed)  # rounding rules nothing out
    start = np.asarray(side.log_capital) if side.log_capital else np.zeros(means.size)
    paid = log_payoffs(values[:, None], sizes[:, None], claimed)
    capital = np.cumsum(np.vstack([start, paid]), axis=0)
    # Capital falls as the claimed mean rises, so those out are the first ones.
    out = (capital[1:] >= math.log(1 / failure_probability)).sum(axis=1)
    bounds = np.maximum.accumulate(
        np.append(side.bound, np.where(out > 0, means[np.maximum(out, 1) - 1], 0.0))
    )[1:]
    return Side(
        count=side.count + values.size,
        total=float(totals[-1]),
        squares=float(squares[-1]),
        log_capital=tuple(np.clip(capital[-1], -_OUT, _OUT).tolist()),
        bound=float(bounds[-1]),
    ), bounds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DropPaths:
    """Capital of bets on a drop, for several streams of labels at once."""

    capital: Floats
    """Shape (streams, n): after each label, bets not begun yet included."""
    begun: Floats
    """Shape (streams, sizes of drop): in bets that have begun, after the last label."""


def drop_capital(
    failures: Floats, *, promise: float, begun: Sequence[float] = (), labels: int = 0
) -> DropPaths:
    """Bet on drops below `promise` that begin at any label.

    A capital of 1 is spread over all labels to come, 1 / (j (j + 1)) for a drop that begins at label j,
    in equal parts over sizes of drop.
    Where failures come with the promised frequency or less the sum is a supermartingale from 1, so it
    ever reaches 1/δ with probability δ at most.

    Args:
        failures: Shape (streams, n): weight of an unsuitable label, 0 for a suitable one.
        promise: Between 0 and 1.
        begun: Where an earlier run of one stream stopped.
        labels: That went before.

    Source: Shin, Ramdas & Rinaldo 2024, arXiv:2203.03532, for bets that begin at every label.
    """
    allowed = 1 - promise
    rates = np.array([r * allowed / (1 - allowed + r * allowed) for r in _ODDS])
    sizes = (rates - allowed) / (allowed * (1 - allowed))  # Kelly's stake for each size of drop
    streams, n = failures.shape
    capital = np.empty((streams, n))
    held = np.zeros((streams, len(_ODDS))) + (np.asarray(begun) if len(begun) else 0.0)
    for i in range(n):
        place = labels + i + 1
        paid = 1 + sizes * (failures[:, i, None] - allowed)
        held = np.minimum((held + 1 / (place * (place + 1) * len(_ODDS))) * paid, _CAP)
        capital[:, i] = held.sum(axis=1) + 1 / (place + 1)
    return DropPaths(capital=capital, begun=held)


def _running(values: Floats, start: float) -> Floats:
    """`start` and the sums after each value, shape (..., n + 1)."""
    first = np.full((*values.shape[:-1], 1), start)
    sums: Floats = np.cumsum(np.concatenate([first, values], axis=-1), axis=-1)
    return sums

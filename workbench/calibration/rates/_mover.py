"""Limits of a formula of several estimates, from their own limits (MOVER)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from workbench.calibration._sample import Floats

Formula = Callable[[Sequence[float]], float | None]
"""Of the estimates; None where it is undefined."""


def moved_limits(
    formula: Formula,
    at: Sequence[float],
    limits: Sequence[tuple[float, float]],
    *,
    correlation: Floats | None = None,
) -> tuple[float, float]:
    """Lower and upper limit of `formula`: one estimate is moved to its limits at a time, squared steps are added.

    A step to where the formula is undefined counts as none.

    Args:
        formula: Defined at `at`.
        at: Length k, the estimates.
        limits: Length k, each one's lower and upper limit.
        correlation: Shape (k, k), of the estimates' errors; None: independent.

    Raises:
        ValueError: The formula is undefined at the estimates.

    Source: Zou & Donner 2008, Stat. Med. 27:1693; Newcombe 2012 (moving each parameter to its limits).
    """
    value = formula(at)
    if value is None:
        raise ValueError(f"want a formula that is defined at the estimates {list(at)!r}")
    moves = []  # of each estimate: what each limit changes, with the way it is moved
    for i, (low, high) in enumerate(limits):
        own = []
        for way, limit in ((-1, low), (1, high)):
            moved = formula([limit if j == i else x for j, x in enumerate(at)])
            own.append((0.0 if moved is None else moved - value, way))
        moves.append(own)
    reach = []
    for side in (-1, 1):
        steps = [max([(0.0, 0), *((side * step, way) for step, way in own)]) for own in moves]
        if correlation is None:
            squared = sum(step**2 for step, _ in steps)
        else:
            signed = [step * way for step, way in steps]
            squared = float(signed @ correlation @ signed)
        reach.append(math.sqrt(max(0.0, squared)))
    return value - reach[0], value + reach[1]

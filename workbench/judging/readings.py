"""What an instrument is: a check without a language model that answers one criterion.

A quality is put on a criterion's scale by `on_scale`, so the same instrument serves a rubric that asks
yes or no and one that asks for a point from 1 to 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from workbench.judging.protocols import Finding, Subject
from workbench.rubric import Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an instrument measured on one subject."""

    quality: float | None
    """0 (bad) to 1 (good); None where it abstains."""
    kind: Literal["probability", "share"]
    """`probability`: that a person would find it good; fitted on labelled pictures. `share`: an exact
    count, such as the share of allowed aspects."""
    measure: float | None = None
    """The number behind `quality`, in the instrument's own unit; None where there is none."""
    by: str = ""
    """Who answered, where an instrument has several ways: `rapidocr`, `strokes`."""
    reason: str | None = None
    """What was found wrong, or why it abstains; None where nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One check. Rubrics name it as `instrument:<name>`."""

    name: str
    revision: str
    """Changes with everything that changes a reading: constants, and the optional library that answers."""
    judges: Literal["listing", "image"]
    read: Callable[[Subject], Reading]


def on_scale(reading: Reading, criterion: Criterion) -> Finding:
    """Put a reading on the scale of `criterion`.

    With n points, counted from 1:
    - a probability q becomes the distribution of 1 + Binomial(n - 1, q): its expected point is
      1 + q (n - 1), and for n = 2 it is (1 - q, q) itself;
    - a share q is certain: all on the highest point that it reaches, 1 + floor(q (n - 1)), so only a
      share of 1 reaches the top.
    """
    if reading.quality is None:
        return Finding(distribution=None, reason=reading.reason)
    steps = len(criterion.scale) - 1
    if reading.kind == "probability":
        q = reading.quality
        distribution = tuple(
            math.comb(steps, k) * q**k * (1 - q) ** (steps - k) for k in range(steps + 1)
        )
    else:
        top = int(reading.quality * steps + 1e-9)
        distribution = tuple(float(point == top) for point in range(steps + 1))
    return Finding(distribution=distribution, reason=reading.reason)

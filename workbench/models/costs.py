"""Seconds that answers took side by side, as shares of the batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from workbench.records import Cost


def shares(started: float, costs: Sequence[Cost]) -> Callable[[Cost], Cost]:
    """A function that scales each of `costs` so that their seconds add up to those of the batch.

    Args:
        started: `time.perf_counter()` when the batch began; it ends now.
        costs: One per answer, with the seconds from its question to its answer.
    """
    spent = sum(cost.seconds for cost in costs)
    scale = (time.perf_counter() - started) / spent if spent else 0.0
    return lambda cost: replace(cost, seconds=cost.seconds * scale)

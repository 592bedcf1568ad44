"""Seconds that answers took side by side, as shares of the batch or of the moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


class SharedSeconds:
    """Each second, shared evenly by what is under way in it: for answers that come one by one.

    All shares add up to the seconds in which anything was under way. For one thread.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._shared = 0.0
        """What one that is under way since the beginning would have by `_at`."""
        self._at = time.perf_counter()

    @contextmanager
    def share(self) -> Iterator[Callable[[], float]]:
        """Something is under way within; gives a function that tells its share until now."""
        began = self._until_now()
        self._under_way += 1
        try:
            yield lambda: self._until_now() - began
        finally:
            self._until_now()
            self._under_way -= 1

    def _until_now(self) -> float:
        now = time.perf_counter()
        if self._under_way:
            self._shared += (now - self._at) / self._under_way
        self._at = now
        return self._shared

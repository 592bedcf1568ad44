"""Seconds that answers took side by side, as shares of the batch or of the moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from workbench.records import Cost


def shares(seconds: float, costs: Sequence[Cost]) -> Callable[[Cost], Cost]:
    """A function that scales each of `costs` so that their seconds add up to those of the batch.

    Args:
        seconds: That the batch took.
        costs: One per answer, with the seconds from its question to its answer.
    """
    spent = sum(cost.seconds for cost in costs)
    scale = seconds / spent if spent else 0.0
    return lambda cost: replace(cost, seconds=cost.seconds * scale)


class SharedSeconds:
    """Each second, shared evenly by what is under way in it: for answers that come one by one.

    All shares add up to the seconds in which anything was under way, in whichever threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._shared = 0.0
        """What one that is under way since the beginning would have by `_at`."""
        self._at = time.perf_counter()

    @contextmanager
    def share(self) -> Iterator[Callable[[], float]]:
        """Something is under way within; gives a function that tells its share until now."""
        began = self._until_now(more=1)
        try:
            yield lambda: self._until_now() - began
        finally:
            self._until_now(more=-1)

    def _until_now(self, *, more: int = 0) -> float:
        """The shares of one that was always under way; `more` are so from now on."""
        with self._lock:
            now = time.perf_counter()
            if self._under_way:
                self._shared += (now - self._at) / self._under_way
            self._at = now
            self._under_way += more
            return self._shared

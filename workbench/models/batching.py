"""Many inputs through a model in batches of alike ones, a failing batch being split and not lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from workbench.errors import ModelError
from workbench.models.devices import free_memory, is_out_of_memory

if TYPE_CHECKING:
    import torch

    from workbench.models.protocols import Progress

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Batches:
    """How many inputs go through at once on one device; learns from memory that ran out."""

    def __init__(self, size: int, device: torch.device) -> None:
        if size < 1:
            raise ModelError(f"want a batch size of 1 or more, got {size!r}")
        self.size = size
        self._device = device

    def run(
        self,
        kinds: Sequence[Hashable],
        lengths: Sequence[int],
        work: Callable[[list[int]], list[Result]],
        failed: Callable[[str], Result],
        *,
        rows_each: int = 1,
        progress: Progress | None = None,
    ) -> list[Result]:
        """Run `work` over all inputs, the longest first, and give the results in input order.

        Where memory runs out, the batch is halved and stays halved for the rest of this object's
        life. Where a batch fails otherwise, it is halved until the input at fault stands alone.

        Args:
            kinds: One per input; only inputs of equal kind share a batch.
            lengths: One per input; inputs of like length share a batch.
            work: From the places of a batch's inputs to one result each.
            failed: From a reason to the result of an input that cannot be served.
            rows_each: How many rows of the model's batch one input takes.
            progress: Told after each batch how many inputs it settled.
        """
        results: list[Result | None] = [None] * len(kinds)
        groups: dict[Hashable, list[int]] = {}
        for place in sorted(range(len(kinds)), key=lambda place: -lengths[place]):
            groups.setdefault(kinds[place], []).append(place)
        waiting = deque(group for group in groups.values())
        while waiting:
            group = waiting.popleft()
            fitting = max(1, self.size // max(1, rows_each))
            batch, rest = group[:fitting], group[fitting:]
            if rest:
                waiting.appendleft(rest)
            answers = self._attempt(batch, work, failed, waiting, rows_each)
            if answers is None:
                continue
            for place, answer in zip(batch, answers, strict=True):
                results[place] = answer
            if progress is not None:
                progress(len(batch))
        return cast(list[Result], results)

    def _attempt(
        self,
        batch: list[int],
        work: Callable[[list[int]], list[Result]],
        failed: Callable[[str], Result],
        waiting: deque[list[int]],
        rows_each: int,
    ) -> list[Result] | None:
        """The batch's results; None where it failed and its halves now wait in its place."""
        try:
            return work(batch)
        except (RuntimeError, ValueError, IndexError, OSError, MemoryError, ModelError) as error:
            ours = isinstance(error, ModelError)
            reason = str(error) if ours else f"{type(error).__name__}: {error}"
            full = is_out_of_memory(error)
        # Outside the handler, so that the traceback no longer holds the batch's tensors.
        if full:
            free_memory(self._device)
        if len(batch) == 1:
            _log.warning("one input could not be served: %s", reason)
            return [failed(reason.splitlines()[0])]
        half = len(batch) // 2
        if full and half * rows_each < self.size:
            self.size = half * rows_each
            _log.info("memory ran out with %d inputs at once; going on with %d", len(batch), half)
        waiting.extendleft([batch[half:], batch[:half]])
        return None

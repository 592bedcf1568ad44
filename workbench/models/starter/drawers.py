"""Processes that draw: they end with the process that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from workbench.errors import LearningError
from workbench.models.devices import usable_cores

Task = TypeVar("Task")
Drawn = TypeVar("Drawn")
_AT_ONCE = 64
"""Tasks that a process is given together."""


def drawn_by_all(draw: Callable[[Task], Drawn], tasks: Iterable[Task]) -> Iterator[Drawn]:
    """What `draw` makes of each task, in order, on all cores.

    Args:
        draw: A function of a module, or a `partial` of one: other processes import it.
        tasks: Read as soon as drawing starts.

    Raises:
        LearningError: One of the processes was ended.
    """
    pool = ProcessPoolExecutor(
        usable_cores(),
        mp_context=get_context("spawn"),  # torch's threads do not survive a fork
        initializer=_follow_parent,
    )
    try:
        yield from pool.map(draw, tasks, chunksize=_AT_ONCE)
    except BrokenProcessPool as error:
        raise LearningError(
            "a process that draws pictures was ended from outside, perhaps because memory ran out: run the same "
            "command again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """End when the parent does: a pool's process waits for work for ever, and keeps what it waits on open."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()  # returns when the parent is gone, killed or not
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

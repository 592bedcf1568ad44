"""Work that waits for others, much of it at once: an event loop in a thread of its own, results as they come."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import chain, count, repeat
from typing import TypeVar

Input = TypeVar("Input")
Result = TypeVar("Result")
Opened = TypeVar("Opened")


class _NoMore:
    """There is no other input."""


_NO_MORE = _NoMore()


def as_they_come(
    opened: AbstractAsyncContextManager[Opened],
    work: Callable[[Opened, Input], Awaitable[Result]],
    inputs: Iterable[Input],
    *,
    room: Callable[[Opened], int],
) -> Generator[tuple[int, Result]]:
    """Place and result of each input, as soon as it is there; the work on others goes on meanwhile.

    Callers need not be asynchronous, and may already be inside a loop, as a notebook is. Closing the iterator, an
    interrupt, and an error out of `work` or `inputs` cancel what is under way.

    Args:
        opened: Entered in the loop before the first input is taken, left when all is done.
        work: Done on each input, many at once.
        inputs: Taken one by one as there is room. What is no sequence is read in another thread, so that reading may
            take its time.
        room: How many inputs may have been begun whose result the caller has not taken yet; asked anew each time.

    Raises:
        BaseException: The first that `work`, `inputs` or `opened` raised, after the results that were there before.
    """
    results: queue.SimpleQueue[tuple[int, Result] | None] = queue.SimpleQueue()
    failures: list[BaseException] = []
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None], asyncio.Event]] = []
    started = threading.Event()
    taken = 0

    async def all_of_them() -> None:
        task, moved = asyncio.current_task(), asyncio.Event()
        assert task is not None
        running.append((asyncio.get_running_loop(), task, moved))
        started.set()
        following = _following(inputs)
        async with opened as there, asyncio.TaskGroup() as group:

            async def begin(place: int, one: Input) -> None:
                results.put((place, await work(there, one)))

            for place in count():
                while place - taken >= room(there):
                    moved.clear()
                    await moved.wait()
                one = await following()
                if isinstance(one, _NoMore):
                    return
                group.create_task(begin(place, one))

    def in_a_loop() -> None:
        try:
            asyncio.run(all_of_them())
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            failures.append(error)
        finally:
            started.set()
            results.put(None)

    thread = threading.Thread(target=in_a_loop, name="model-server", daemon=True)
    thread.start()
    try:
        while (result := results.get()) is not None:
            taken += 1
            for loop, _, moved in running:
                with suppress(RuntimeError):  # the loop has ended, and nobody waits for room
                    loop.call_soon_threadsafe(moved.set)
            yield result
    except BaseException:
        started.wait()
        for loop, task, _ in running:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()
    if failures:
        raise _first(failures[0])


def _following(inputs: Iterable[Input]) -> Callable[[], Awaitable[Input | _NoMore]]:
    """Gives the next of `inputs` each time, at their end `_NO_MORE`."""
    left = chain[Input | _NoMore](inputs, repeat(_NO_MORE))

    async def at_once() -> Input | _NoMore:
        return next(left)

    async def when_read() -> Input | _NoMore:
        return await asyncio.to_thread(next, left)

    return at_once if isinstance(inputs, Sequence) else when_read


def _first(error: BaseException) -> BaseException:
    """The first single error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""One run makes the same things in a store at a time: two at once would pay for each of them twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import BusyError
from workbench.records import Run, RunEvent

if TYPE_CHECKING:
    from workbench.store import Store

_ENDED = {"finished", "failed", "stopped"}


@contextmanager
def alone(store: Store, command: str, *, makes: str, same: Mapping[str, object]) -> Iterator[None]:
    """Hold what `command` makes in this store.

    Held by the operating system or the database server, it ends with the process, however that ends.

    Args:
        store: Takes what is made.
        command: As its runs are stored, such as `run listings`.
        makes: In words, such as `writes the same listings`.
        same: Arguments by which runs make the same; others make something else, and may run at the same time.

    Raises:
        BusyError: Another run holds it; the message says which, and what to do.
    """
    try:
        lease = store.alone(f"{command} {json.dumps(dict(same), sort_keys=True)}", wait=0)
        lease.__enter__()
    except BusyError:
        raise BusyError(
            f"{_holder(store, command, same)} {makes} in {store.url} right now: wait until it has ended, "
            "or end it, and start this again; what is made by then will be found"
        ) from None
    try:
        yield
    finally:
        lease.__exit__(None, None, None)


def _holder(store: Store, command: str, same: Mapping[str, object]) -> str:
    """Who holds it: the latest run with these arguments that has not ended."""
    events = list(store.records(RunEvent))
    ended = {e.run for e in events if e.kind in _ENDED}
    going = [
        r
        for r in store.records(Run)
        if r.command == command
        and r.id not in ended
        and all(r.arguments.get(name) == value for name, value in same.items())
    ]
    if not going:
        return "another process, which still loads its models,"
    last = max(going, key=lambda r: r.created_at)
    notes = [e.note for e in events if e.run == last.id and e.kind == "started" and e.note]
    process = "".join(f"{note}, " for note in notes)
    return f"run {last.id} ({process}since {last.created_at:%Y-%m-%d %H:%M} UTC)"

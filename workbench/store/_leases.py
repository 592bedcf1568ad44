"""Leases: one process at a time does something outside the store.

On SQLite a lease is a lock on a file beside the database, on PostgreSQL an advisory lock of a
connection of its own. Both end with the process that holds them, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from workbench.errors import BusyError
from workbench.store._engine import WAIT_SECONDS, Location, refusals

_PAUSE = 0.05
"""Seconds between two tries."""


@contextlib.contextmanager
def alone(
    engine: Engine, location: Location, name: str, *, wait: float | None = None
) -> Iterator[None]:
    """Hold the lease `name`; see `Store.alone`."""
    wait = WAIT_SECONDS if wait is None else wait
    digest = hashlib.sha256(name.encode()).digest()
    if location.file is not None:
        held = _file(location.file.parent / f".lease-{digest.hex()[:16]}", name, wait)
    else:
        held = _advisory(engine, location, int.from_bytes(digest[:8], signed=True), name, wait)
    with held:
        yield


@contextlib.contextmanager
def _file(path: Path, name: str, wait: float) -> Iterator[None]:
    import fcntl

    # The file stays: removing it would let two processes hold two files of one name.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for _ in _tries(name, wait):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _advisory(
    engine: Engine, location: Location, key: int, name: str, wait: float
) -> Iterator[None]:
    with refusals(location):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        for _ in _tries(name, wait):
            with refusals(location):
                if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
                    break
        yield
    finally:
        _drop(connection)


def _drop(connection: Connection) -> None:
    # Closed and not given back to the pool: the lock ends with the connection, whatever happened.
    connection.invalidate()
    connection.close()


def _tries(name: str, wait: float) -> Iterator[None]:
    give_up = time.monotonic() + wait
    while True:
        yield
        if time.monotonic() >= give_up:
            break
        time.sleep(_PAUSE)
    after = f" for {wait:g} s" if wait else ""
    raise BusyError(
        f"{name!r} is being done by another process{after}: wait until that one is "
        "done, or end it, and try again"
    )

"""Connections: where the database is, one writer at a time, and what a refusal means.

On SQLite a writer begins with `BEGIN IMMEDIATE`; on PostgreSQL it takes one advisory lock for its
transaction. So both behave alike: writers queue, readers never wait, and rows become visible in
the order of `seq`. Unique constraints stand behind the lock.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine, make_url

from workbench.errors import MissingExtraError, StoreError

DATABASE_FILE = "workbench.db"
IMAGES_FOLDER = "images"

WAIT_SECONDS = 60
"""How long a writer waits for the one before it."""

_WRITER_LOCK = 0x776F726B62656E63
"""The advisory lock that every writer on PostgreSQL takes: "workbenc" in ASCII."""

_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a store is."""

    url: URL
    file: Path | None
    """The database file; None for a server."""
    images: str | None
    """Folder or fsspec URL; None where nobody said."""

    @property
    def shown(self) -> str:
        """The address as messages show it, without passwords."""
        if self.file is not None:
            return str(self.file)
        secret = {name: "***" for name in self.url.query if "password" in name}
        return self.url.update_query_dict(secret).render_as_string(hide_password=True)


def locate(address: str | Path, images: str | Path | None) -> Location:
    """Understand `address`, a folder or a database URL.

    Raises:
        StoreError: The URL is none that a store can have.
    """
    where = None if images is None else str(images)
    if isinstance(address, Path) or "://" not in address:
        if not str(address):
            raise StoreError("a store wants a folder or a database URL, got ''")
        # Absolute: a program may change its folder before the next connection is made.
        file = Path(address).expanduser().absolute() / DATABASE_FILE
        url = URL.create("sqlite", database=str(file))
        return Location(url=url, file=file, images=where or str(file.parent / IMAGES_FOLDER))
    scheme = address.partition("://")[0]
    if scheme not in _DRIVERS:
        raise StoreError(
            f"a store wants a folder, `sqlite:///…` or `postgresql+psycopg://…`, "
            f"got a URL that starts with {scheme + '://'!r}"
        )
    try:
        url = make_url(address).set(drivername=_DRIVERS[scheme])
    except (exc.ArgumentError, ValueError):
        # From None: the parser quotes the whole URL, password included.
        raise StoreError(
            f"a store wants a URL such as `postgresql+psycopg://user:password@host:5432/name`; "
            f"this one starts with {scheme + '://'!r} and cannot be read"
        ) from None
    if scheme != "sqlite":
        return Location(url=url, file=None, images=where)
    if not url.database or url.database == ":memory:":
        raise StoreError(
            f"a store wants a database file that other processes can open, got {address!r}: "
            "name a file, such as `sqlite:///folder/workbench.db`"
        )
    file = Path(url.database).absolute()
    url = url.set(database=str(file))
    return Location(url=url, file=file, images=where or str(file.parent / IMAGES_FOLDER))


def connect(location: Location) -> Engine:
    """Make the engine; nothing is opened yet.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    # Bodies are JSON text already when they come here, and are wanted as text (see `_codec.py`).
    common: dict[str, Any] = {"json_serializer": str, "json_deserializer": _as_is}
    if location.file is not None:
        engine = sa.create_engine(location.url, connect_args={"timeout": WAIT_SECONDS}, **common)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        try:
            engine = sa.create_engine(
                location.url, isolation_level="READ COMMITTED", pool_pre_ping=True, **common
            )
        except ImportError as error:
            raise MissingExtraError(
                library="psycopg", extra="postgres", purpose="a store in PostgreSQL"
            ) from error
    _ENGINES.add(engine)
    return engine


@contextmanager
def reading(engine: Engine, location: Location) -> Iterator[Connection]:
    """A connection that only reads; it never waits for a writer."""
    with refusals(location), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, location: Location) -> Iterator[Connection]:
    """The one writer's connection: everything inside is stored at the end, or nothing is."""
    with (
        refusals(location),
        engine.connect().execution_options(workbench_writes=True) as connection,
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
        yield connection


@contextmanager
def refusals(location: Location) -> Iterator[None]:
    """Turn what a database says into one sentence about this store."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise StoreError(_sentence(error, location)) from error


_BUSY = ("SQLITE_BUSY", "55P03")
_FORBIDDEN = ("SQLITE_READONLY", "SQLITE_PERM", "25006", "42501")
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_SHUT = ("SQLITE_CANTOPEN",)
_FULL = ("SQLITE_FULL", "53100")
"""Beginnings of SQLite's error names and of PostgreSQL's SQLSTATE codes."""


def _sentence(error: exc.SQLAlchemyError, location: Location) -> str:
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or "unknown"
    if code.startswith(_BUSY):
        said = (
            f"another writer has held it for {WAIT_SECONDS} s: "
            "wait until that one is done, or end it, and try again"
        )
    elif code.startswith(_FORBIDDEN):
        said += ": let this user write there, or use another store"
    elif code.startswith(_DAMAGED):
        said += (
            ": the file is damaged or no SQLite database; put a backup in its place, "
            "or move it away to begin a new store"
        )
    elif code.startswith(_SHUT):
        said += ": is the folder there, and may this user write in it?"
    elif code.startswith(_FULL):
        said += ": the disk is full; make room and try again"
    elif isinstance(error, exc.OperationalError) and location.file is None:
        said += ": is the server running, and do name, user and password fit?"
    return f"the store {location.shown} cannot be used: {said}"


def _as_is(body: object) -> object:
    return body


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` alone
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL, not NORMAL: a person's click is still there after a power cut.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA cache_size = -65536")  # KiB: 64 MiB a connection
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("workbench_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()
_OF_THE_PARENT: list[object] = []


def _leave_to_parent() -> None:
    # A forked child must not use its parent's connections, nor close them: it opens its own.
    for engine in list(_ENGINES):
        _OF_THE_PARENT.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)

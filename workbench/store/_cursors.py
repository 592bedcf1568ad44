"""Cursors: how far something outside was read, moved together with what was read."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from workbench.errors import ConflictError
from workbench.records import utcnow
from workbench.store._engine import Location, reading
from workbench.store._tables import cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """One step of a cursor."""

    name: str
    before: str | None
    """Where it was when the reading began; None where there was none yet."""
    after: str
    """Where it is now; may be the same."""


def value(engine: Engine, location: Location, name: str) -> str | None:
    """Where the cursor `name` is; None where there is none."""
    with reading(engine, location) as connection:
        return _value(connection, name)


def values(engine: Engine, location: Location, prefix: str) -> dict[str, str]:
    """Where every cursor is whose name begins with `prefix`."""
    begins = cursor.c.name.startswith(prefix, autoescape=True)
    query = sa.select(cursor.c.name, cursor.c.value).where(begins).order_by(cursor.c.seq)
    with reading(engine, location) as connection:
        return {row.name: row.value for row in connection.execute(query)}


def move(connection: Connection, advance: Advance) -> None:
    """Write the step; the connection holds the writer's lock.

    Raises:
        ConflictError: The cursor is not where the step begins.
    """
    found = _value(connection, advance.name)
    if found != advance.before:
        raise ConflictError(
            f"the cursor {advance.name!r} is at {found!r}, not at {advance.before!r}: "
            "somebody else read on at the same time; read again from there"
        )
    if found != advance.after:
        step = {"name": advance.name, "value": advance.after, "recorded_at": utcnow()}
        connection.execute(sa.insert(cursor), step)


def _value(connection: Connection, name: str) -> str | None:
    newest = cursor.c.seq.desc()
    query = sa.select(cursor.c.value).where(cursor.c.name == name).order_by(newest).limit(1)
    found: str | None = connection.scalar(query)
    return found

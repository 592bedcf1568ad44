"""Texts that are kept whole: versions of rubrics, and the schemas of catalogues."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from workbench.errors import ConflictError
from workbench.records import utcnow
from workbench.store import _tables as t
from workbench.store._engine import Location, reading, writing
from workbench.store._rows import Added


def add_rubric(
    engine: Engine, location: Location, *, name: str, version: int, digest: str, text: str
) -> Added:
    """Keep one version of a rubric; see `Store.add_rubric`."""
    table = t.rubric
    query = sa.select(table.c.digest).where(table.c.name == name, table.c.version == version)
    with writing(engine, location) as connection:
        stored = connection.scalar(query)
        if stored is None:
            row = {"name": name, "version": version, "digest": digest, "text": text}
            connection.execute(sa.insert(table), [row | {"recorded_at": utcnow()}])
    if stored not in {None, digest}:
        raise ConflictError(
            f"rubric '{name}@{version}' is stored already and says something else "
            f"(digest {stored[:12]}, now {digest[:12]}): give the changed rubric a new version"
        )
    return Added(new=int(stored is None), known=int(stored is not None))


def rubric_text(engine: Engine, location: Location, *, name: str, version: int) -> str | None:
    """The text of one version; None where it is not stored."""
    table = t.rubric
    query = sa.select(table.c.text).where(table.c.name == name, table.c.version == version)
    with reading(engine, location) as connection:
        text: str | None = connection.scalar(query)
    return text


def add_schema(engine: Engine, location: Location, *, name: str, text: str) -> Added:
    """Keep a catalogue's schema where it differs from the newest one; see `Store.add_schema`."""
    with writing(engine, location) as connection:
        newest: str | None = connection.scalar(_newest(name))
        known = newest == text
        if not known:
            row = {"name": name, "text": text, "recorded_at": utcnow()}
            connection.execute(sa.insert(t.catalog_schema), [row])
    return Added(new=int(not known), known=int(known))


def schema_text(engine: Engine, location: Location, *, name: str) -> str | None:
    """The newest text of a catalogue's schema; None where none is stored."""
    with reading(engine, location) as connection:
        text: str | None = connection.scalar(_newest(name))
    return text


def _newest(name: str) -> sa.Select[Any]:
    table = t.catalog_schema
    return sa.select(table.c.text).where(table.c.name == name).order_by(table.c.seq.desc()).limit(1)

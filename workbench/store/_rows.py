"""Rows in and out: adding records, finding them, walking through them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from workbench.errors import ConflictError, StoreError
from workbench.records import Annotation, Audit, AuditedItem, Record, Verdict, utcnow
from workbench.store import _tables
from workbench.store._codec import (
    NOUNS,
    Encoded,
    Noun,
    decode,
    differing,
    encode,
    noun_of,
    precedes,
)
from workbench.store._cursors import Advance, move
from workbench.store._engine import Location, reading, writing

_KEYS = 1000
"""Keys asked for in one statement."""
_PAGE = 1000
"""Records read in one statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the records that were handed to a store."""

    new: int
    """Rows written: new records, and new revisions of items, annotations and corrections."""
    known: int
    """Records that the store held already, with the same content."""


def add(
    engine: Engine, location: Location, records: Iterable[Record], advance: Advance | None
) -> Added:
    """Write `records` in one transaction; see `Store.add`."""
    came: dict[type[Any], list[Encoded]] = {}
    for record in _iterate(records):
        came.setdefault(type(record), []).append(encode(record))
    if not came and advance is None:
        return Added(new=0, known=0)
    with writing(engine, location) as connection:
        if advance is not None:
            move(connection, advance)
        new = sum(write(connection, NOUNS[kind], came[kind]) for kind in NOUNS if kind in came)
    return Added(new=new, known=sum(map(len, came.values())) - new)


def _iterate(records: Iterable[Record]) -> Iterator[Record]:
    try:
        return iter(records)
    except TypeError as error:
        raise StoreError(
            f"a store adds a list of records, got one {type(records).__name__}: put it into a list"
        ) from error


def write(connection: Connection, noun: Noun, came: Sequence[Encoded]) -> int:
    """Write what is new of one noun; the connection holds the writer's lock."""
    last = _stored(connection, noun, [encoded.key for encoded in came])
    rows, children = [], []
    batch: dict[str, Encoded] = {}
    now = utcnow()
    for encoded in came:
        revision, digest, moment = last.get(encoded.key, (0, None, None))
        given = encoded.row.get("updated_at")
        if digest == encoded.digest or precedes(given, moment):
            continue
        if digest is not None and not noun.revised:
            earlier = batch.get(encoded.key)
            stored = earlier.record if earlier else _one(connection, noun, encoded.key)
            raise _conflict(noun, encoded, stored)
        row = encoded.row
        if noun.revised:
            row = row | {"revision": revision + 1}
        if "recorded_at" in noun.table.c:
            row = row | {"recorded_at": now}
        rows.append(row)
        children += _children(encoded.record, revision + 1)
        last[encoded.key] = (revision + 1, encoded.digest, given)
        batch[encoded.key] = encoded
    if rows:
        connection.execute(sa.insert(noun.table), rows)
    if children:
        connection.execute(sa.insert(_CHILD_TABLES[noun.record]), children)
    return len(rows)


def _stored(
    connection: Connection, noun: Noun, keys: Sequence[str]
) -> dict[str, tuple[int, str | None, datetime | None]]:
    """Key to the newest revision (1 for nouns that have none), the digest of its content, and when it was given."""
    table, key = noun.table, noun.table.c[noun.key]
    revision = table.c.revision if noun.revised else sa.literal(1)
    moment = table.c.get("updated_at", sa.null())
    found: dict[str, tuple[int, str | None, datetime | None]] = {}
    for some in chunks(keys):
        query = (
            sa.select(key, revision, table.c.digest, moment)
            .where(key.in_(some))
            .order_by(table.c.seq)
        )
        found.update((name, tuple(rest)) for name, *rest in connection.execute(query))
    return found


def _conflict(noun: Noun, came: Encoded, stored: Record) -> ConflictError:
    name = noun.record.__name__
    fields = ", ".join(differing(stored, came.record)) or "content"
    return ConflictError(
        f"{name} {came.key!r} is stored already with another {fields}: "
        f"one {noun.key} stands for one content, so give the changed {name} its own"
    )


_CHILD_TABLES = {
    Verdict: _tables.verdict_failure_mode,
    Annotation: _tables.annotation_failure_mode,
    Audit: _tables.audited_item,
}


def _children(record: Record, revision: int) -> list[dict[str, Any]]:
    """Rows that go with a record into a table of their own."""
    match record:
        case Verdict():
            modes = dict.fromkeys(record.failure_modes)
            return [{"failure_mode": mode, "verdict": record.key} for mode in modes]
        case Annotation():
            modes = dict.fromkeys(record.failure_modes)
            return [
                {"failure_mode": mode, "annotation": record.id, "revision": revision}
                for mode in modes
            ]
        case Audit():
            return [
                {
                    "audit": record.id,
                    "position": position,
                    "generation": drawn.generation,
                    "verdict": drawn.verdict,
                    "stratum": drawn.stratum,
                    "population": record.strata.get(drawn.stratum),
                    "inclusion_probability": drawn.inclusion_probability,
                }
                for position, drawn in enumerate(record.drawn)
            ]
    return []


def known(engine: Engine, location: Location, noun: Noun, keys: Iterable[str]) -> set[str]:
    """Which of `keys` are stored."""
    key = noun.table.c[noun.key]
    found: set[str] = set()
    with reading(engine, location) as connection:
        for some in chunks(keys):
            found.update(connection.scalars(sa.select(key).where(key.in_(some)).distinct()))
    return found


def with_keys(engine: Engine, location: Location, noun: Noun, keys: Iterable[str]) -> Iterator[Any]:
    """Current records of `keys`, in that order; keys that are not stored are left out."""
    key = noun.table.c[noun.key]
    for some in chunks(keys):
        with reading(engine, location) as connection:
            found = _records(connection, noun, sa.select(noun.table).where(key.in_(some)))
        by_key = {getattr(record, noun.key): record for record in found}
        yield from (by_key[name] for name in some if name in by_key)


def latest_verdicts(
    engine: Engine, location: Location, generations: Iterable[str], rubric: str
) -> dict[str, Verdict]:
    """Generation to the verdict of `rubric` on it that was stored last."""
    noun, verdict = noun_of(Verdict), _tables.verdict
    found: dict[str, Verdict] = {}
    for some in chunks(generations):
        query = sa.select(verdict).where(verdict.c.generation.in_(some), verdict.c.rubric == rubric)
        with reading(engine, location) as connection:
            for one in _records(connection, noun, query):
                assert isinstance(one, Verdict)
                found[one.generation] = one
    return found


def every(engine: Engine, location: Location, noun: Noun) -> Iterator[Any]:
    """Current records as of now, in the order in which they were stored, a page at a time.

    No transaction stays open between pages: rows up to the last `seq` of the first page's moment
    are a snapshot.
    """
    seq = noun.table.c.seq
    with reading(engine, location) as connection:
        top = connection.scalar(sa.select(sa.func.max(seq))) or 0
    last = 0
    query = sa.select(noun.table).where(seq > sa.bindparam("last"), seq <= top)
    if noun.revised:
        query = query.where(is_current(noun.table, top=top))
    query = query.order_by(seq).limit(_PAGE)
    while True:
        with reading(engine, location) as connection:
            rows = connection.execute(query, {"last": last}).mappings().all()
            found = _decoded(connection, noun, rows)
        yield from found
        if len(rows) < _PAGE:
            return
        last = rows[-1]["seq"]


def is_current(table: sa.Table, *, top: int | None = None) -> sa.ColumnElement[bool]:
    """True for the newest revision; of those up to the row `top`, where it is given."""
    newer = table.alias()
    later = sa.select(newer.c.seq).where(
        newer.c.id == table.c.id, newer.c.revision > table.c.revision
    )
    if top is not None:
        later = later.where(newer.c.seq <= top)
    return ~later.exists()


def _one(connection: Connection, noun: Noun, key: str) -> Record:
    query = sa.select(noun.table).where(noun.table.c[noun.key] == key)
    return _records(connection, noun, query)[-1]


def _records(connection: Connection, noun: Noun, query: sa.Select[Any]) -> list[Record]:
    """Records of `query`, oldest row first, so that of several revisions the newest comes last."""
    rows = connection.execute(query.order_by(noun.table.c.seq)).mappings().all()
    return _decoded(connection, noun, rows)


def _decoded(connection: Connection, noun: Noun, rows: Sequence[sa.RowMapping]) -> list[Record]:
    if noun.record is not Audit:
        return [decode(noun, row, {}) for row in rows]
    drawn = _drawn(connection, [row["id"] for row in rows])
    return [decode(noun, row, {"drawn": drawn.get(row["id"], ())}) for row in rows]


def _drawn(connection: Connection, audits: Sequence[str]) -> Mapping[str, tuple[AuditedItem, ...]]:
    table = _tables.audited_item
    query = (
        sa.select(table).where(table.c.audit.in_(audits)).order_by(table.c.audit, table.c.position)
    )
    found: dict[str, list[AuditedItem]] = {}
    for row in connection.execute(query):
        found.setdefault(row.audit, []).append(
            AuditedItem(
                generation=row.generation,
                verdict=row.verdict,
                stratum=row.stratum,
                inclusion_probability=row.inclusion_probability,
            )
        )
    return {audit: tuple(items) for audit, items in found.items()}


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """Each key once, in lists short enough for one statement."""
    if isinstance(keys, str):
        raise StoreError(f"a store wants a list of keys, got the one text {keys!r}")
    left = iter(dict.fromkeys(keys))
    while some := list(islice(left, _KEYS)):
        yield some

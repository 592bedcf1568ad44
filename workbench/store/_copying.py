"""A whole store brought to another place, such as from a folder to PostgreSQL: row by row, and compared.

Rows keep their `seq`, so the copy tells the same history in the same order, and a copy that was stopped
goes on where it ended: after the last row that the target holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError
from workbench.store import _tables as t
from workbench.store._engine import reading, writing

if TYPE_CHECKING:
    from workbench.store._store import Store

_PAGE = 1000
"""Rows that are read, written and compared together."""
_CHILDREN = {
    t.verdict: (t.verdict_failure_mode, {"verdict": "key"}),
    t.annotation: (t.annotation_failure_mode, {"annotation": "id", "revision": "revision"}),
    t.audit: (t.audited_item, {"audit": "id"}),
}
"""Table to the one that holds more of its rows, and which of its columns name them."""

Page = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Rows of a table, and those of its child that belong to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of a copy."""

    rows: Mapping[str, int]
    """Table to the rows that source and target both hold now, each of them compared."""
    written: int
    """Rows written now; the others were there from an earlier start."""
    pictures: int | None
    """Pictures that both hold; None: they were left where they are."""
    pictures_written: int


def copy_store(
    source: Store,
    target: Store,
    *,
    pictures: bool,
    progress: Callable[[int], object] = lambda _: None,
) -> Copied:
    """Bring everything that `source` holds at this moment to `target`, and compare the two.

    Done again it copies what has come to `source` since then.

    Args:
        source: May be read and written meanwhile.
        target: Empty, or what an earlier copy of the same source left.
        pictures: Copy these too, to the target's own place.
        progress: Told how many rows and pictures were copied, then how many were compared.

    Raises:
        StoreError: The target holds something else, somebody writes into it meanwhile, it differs in
            the end, or one of the two refuses.
    """
    if source.url == target.url:
        raise StoreError(f"want another place to copy {source.url} to, got the same")
    tables = [table for table in t.metadata.sorted_tables if "seq" in table.c]
    with reading(source._engine, source._location) as connection:
        tops = {table: _top(connection, table) for table in tables}
    with reading(target._engine, target._location) as connection:
        begun = {table: _top(connection, table) for table in tables}
    for table in tables:
        _refuse_strangers(source, target, table, begun[table])
    pictures_written = _copy_pictures(source, target, progress) if pictures else 0
    written = sum(
        _copy_table(source, target, table, begun[table], tops[table], progress=progress)
        for table in tables
    )
    rows = {}
    for table in tables:
        rows[table.name] = _compare(source, target, table, tops[table], progress=progress)
    kept = sum(1 for _ in source.images.addresses()) if pictures else None
    return Copied(rows=rows, written=written, pictures=kept, pictures_written=pictures_written)


def count_rows(store: Store) -> int:
    """Rows that a copy of `store` would hold, those of children not counted."""
    tables = [table for table in t.metadata.sorted_tables if "seq" in table.c]
    with reading(store._engine, store._location) as connection:
        counts = [connection.scalar(sa.select(sa.func.count()).select_from(one)) for one in tables]
    return sum(count or 0 for count in counts)


def _top(connection: Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.max(table.c.seq))) or 0


def _page(store: Store, table: sa.Table, after: int, top: int) -> Page:
    """The next rows after `after`, in order."""
    query = sa.select(table).where(table.c.seq > after, table.c.seq <= top)
    query = query.order_by(table.c.seq).limit(_PAGE)
    with reading(store._engine, store._location) as connection:
        rows = [_as_text(row) for row in connection.execute(query).mappings()]
        if table not in _CHILDREN or not rows:
            return rows, []
        child, names = _CHILDREN[table]
        own, *_ = names
        some = sa.select(child).where(child.c[own].in_({row[names[own]] for row in rows}))
        keys = {tuple(row[column] for column in names.values()) for row in rows}
        children = [dict(row) for row in connection.execute(some).mappings()]
    return rows, [one for one in children if tuple(one[name] for name in names) in keys]


def _as_text(row: sa.RowMapping) -> dict[str, Any]:
    """A row whose body is text, which PostgreSQL's driver gives as bytes."""
    values = dict(row)
    if isinstance(body := values.get("body"), bytes):
        values["body"] = body.decode()
    return values


def _pages(store: Store, table: sa.Table, after: int, top: int) -> Iterator[Page]:
    while (page := _page(store, table, after, top))[0]:
        yield page
        after = page[0][-1]["seq"]


def _copy_table(
    source: Store,
    target: Store,
    table: sa.Table,
    after: int,
    top: int,
    *,
    progress: Callable[[int], object],
) -> int:
    written = 0
    for rows, children in _pages(source, table, after, top):
        with writing(target._engine, target._location) as connection:
            if _top(connection, table) != after:
                raise StoreError(
                    f"somebody else writes into {target.url}: a copy wants it for itself; begin again "
                    "with an empty place"
                )
            connection.execute(sa.insert(table), rows)
            if children:
                connection.execute(sa.insert(_CHILDREN[table][0]), children)
            if connection.dialect.name == "postgresql":  # else the next writer's `seq` is taken
                sequence = sa.func.pg_get_serial_sequence(table.name, "seq")
                connection.execute(sa.select(sa.func.setval(sequence, rows[-1]["seq"])))
        after = rows[-1]["seq"]
        written += len(rows)
        progress(len(rows))
    return written


def _refuse_strangers(source: Store, target: Store, table: sa.Table, last: int) -> None:
    """Make sure that the target's last row is the source's too."""
    if last and not _same(
        _page(source, table, last - 1, last), _page(target, table, last - 1, last)
    ):
        raise StoreError(
            f"{target.url} holds other rows in {table.name!r} than {source.url}: copy into an empty "
            "place, or one that an earlier copy of the same store began"
        )


def _compare(
    source: Store, target: Store, table: sa.Table, top: int, *, progress: Callable[[int], object]
) -> int:
    """Rows that both hold alike.

    Raises:
        StoreError: They do not.
    """
    compared = 0
    theirs = _pages(target, table, 0, top)
    for ours in _pages(source, table, 0, top):
        if not _same(ours, next(theirs, ([], []))):
            raise StoreError(
                f"the copy in {target.url} differs from {source.url} in {table.name!r}, rows "
                f"{ours[0][0]['seq']} to {ours[0][-1]['seq']}: copy into an empty place"
            )
        compared += len(ours[0])
        progress(len(ours[0]))
    return compared


def _same(one: Page, other: Page) -> bool:
    """Whether two pages hold the same; children in any order, which databases sort by their own rules."""
    children, others = ({tuple(row.items()) for row in page[1]} for page in (one, other))
    return one[0] == other[0] and children == others


def _copy_pictures(source: Store, target: Store, progress: Callable[[int], object]) -> int:
    """Pictures first: a row that names one must find it."""
    written = 0
    for address in source.images.addresses():
        if not target.images.has(address):
            target.images.put(source.images.get(address))
            written += 1
        progress(1)
    return written

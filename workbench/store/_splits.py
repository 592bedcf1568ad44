"""Who may train: groups of items are dealt to `train` and `eval` once and for all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from workbench.errors import LeakageError, StoreError
from workbench.records import Part, Split
from workbench.store import _tables
from workbench.store._codec import NOUNS, encode
from workbench.store._engine import Location, reading, writing
from workbench.store._rows import chunks, write


def part_of(group: str, *, eval_share: float, seed: int) -> Part:
    """Deal one group: the same seed and group give the same part, whatever the other groups are."""
    digest = hashlib.sha256(f"{seed}\n{group}".encode()).digest()
    fraction = int.from_bytes(digest[:8]) / 2**64  # uniform, 0 up to but without 1
    return "eval" if fraction < eval_share else "train"


def assign(
    engine: Engine, location: Location, groups: Iterable[str], *, eval_share: float, seed: int
) -> dict[str, Part]:
    """Deal the groups that have no part yet; see `Store.assign_split`."""
    wanted = [group for some in chunks(groups) for group in some]
    if not 0 <= eval_share <= 1:
        raise StoreError(
            f"the share of groups held out must lie between 0 and 1, got {eval_share!r}"
        )
    if "" in wanted:
        raise StoreError("a split wants the names of groups, got '': use `group_of(item)`")
    with reading(engine, location) as connection:
        parts = _parts(connection, wanted)
    if len(parts) < len(wanted):
        with writing(engine, location) as connection:
            parts = _parts(connection, wanted)  # again: another process may have been faster
            dealt = [
                Split(group=group, part=part_of(group, eval_share=eval_share, seed=seed), seed=seed)
                for group in wanted
                if group not in parts
            ]
            write(connection, NOUNS[Split], [encode(split) for split in dealt])
            parts |= {split.group: split.part for split in dealt}
    return {group: parts[group] for group in wanted}


def require_train(engine: Engine, location: Location, items: Iterable[str]) -> None:
    """Refuse items that are held out; see `Store.require_train`."""
    wanted = [item for some in chunks(items) for item in some]
    groups: dict[str, set[str]] = {item: set() for item in wanted}
    item = _tables.item
    with reading(engine, location) as connection:
        for some in chunks(wanted):
            # All revisions: an item that was ever in a held-out group stays held out.
            query = sa.select(item.c.id, item.c.split_group).where(item.c.id.in_(some)).distinct()
            for name, group in connection.execute(query):
                groups[name].add(group)
        unknown = [name for name in wanted if not groups[name]]
        parts = _parts(connection, sorted(set().union(*groups.values())))
    held_out = [name for name in wanted if any(parts.get(g) == "eval" for g in groups[name])]
    if held_out:
        raise LeakageError(
            f"{len(held_out)} of {len(wanted)} items are held out for evaluation and must not train: "
            f"{_some(held_out)}; leave them out"
        )
    if unknown:
        raise LeakageError(
            f"{len(unknown)} of {len(wanted)} items are not in the store, so nothing says that they "
            f"may train: {_some(unknown)}; add them first"
        )
    # What trains before it is dealt could be dealt to `eval` afterwards.
    undealt = [name for name in wanted if not any(group in parts for group in groups[name])]
    if undealt:
        raise LeakageError(
            f"{len(undealt)} of {len(wanted)} items belong to no part yet, so nothing says that they "
            f"may train: {_some(undealt)}; deal their groups with `assign_split` first"
        )


def _parts(connection: Connection, groups: list[str]) -> dict[str, Part]:
    split = _tables.split
    parts: dict[str, Part] = {}
    for some in chunks(groups):
        query = sa.select(split.c.group, split.c.part).where(split.c.group.in_(some))
        parts.update((group, part) for group, part in connection.execute(query))
    return parts


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more

"""From a catalogue into a store: photos checked and kept by content, items that point at them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from workbench.catalog.protocol import Catalog
from workbench.errors import CatalogError
from workbench.records import Item, Problem

if TYPE_CHECKING:
    from workbench.store import Store

Progress = Callable[[int], None]
"""Called with the number of items loaded or left out since the last call."""

CHUNK = 64
"""Items stored in one transaction: at most this many are read again after a stop."""

_CHECKED_SIDE = 64
"""Longer side in pixels to which a photo is decoded to see that it is whole; small is fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What one reading of a catalogue brought."""

    ids: tuple[str, ...]
    """Of the items that were read, stored now or before, in the catalogue's order."""
    items: int
    """Items stored now: new ones, and those whose catalogue says something else than before."""
    known: int
    """Items that the store held already, unchanged."""
    photos: int
    """Photos stored now; a photo that several items share, or that was there before, is not counted."""
    problems: tuple[Problem, ...]
    """Rows, files and photos that could not be used, in the order in which they were met."""


def ingest(
    store: Store,
    catalog: Catalog,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Bring a catalogue's items and photos into `store`.

    The bytes of every photo are kept as they came, once they have been decoded without an error. An
    item with broken photos is loaded with those that are whole, and left out where none is; either is
    reported as a `Problem`. An item whose catalogue names no photo is loaded without one.

    May be stopped and started again: items are stored `CHUNK` at a time, photos before the items that
    point at them, and what is stored already is neither decoded nor written again.

    Args:
        store: Where to.
        catalog: Where from.
        limit: Items to load at most; None: all.
        progress: Told after every chunk.

    Raises:
        CatalogError: The catalogue as a whole cannot be read.
        StoreError: The store refuses.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"want a limit of 0 or more items, got {limit!r}")
    taker = _Taker(store)
    found = catalog.items()
    ids: list[str] = []
    loaded = known = 0
    while chunk := list(islice(found, CHUNK)):
        items: list[Item] = []
        handled = 0
        for each in chunk:
            if limit is not None and loaded + known + len(items) >= limit:
                break
            items.extend(taker.take(each, catalog))
            handled += isinstance(each, Item)
        added = store.add(items)
        ids.extend(item.id for item in items)
        loaded, known = loaded + added.new, known + added.known
        if progress is not None:
            progress(handled)
        if limit is not None and loaded + known >= limit:
            break
    return Ingested(
        ids=tuple(ids),
        items=loaded,
        known=known,
        photos=taker.photos,
        problems=tuple(taker.problems),
    )


class _Taker:
    """Takes photos into a store, and notes what could not be taken."""

    def __init__(self, store: Store) -> None:
        from workbench.photos import open_photo

        self._open = open_photo
        self._images = store.images
        self.photos = 0
        self.problems: list[Problem] = []

    def take(self, found: Item | Problem, catalog: Catalog) -> Iterator[Item]:
        """Yield the item with its photos stored; nothing where it is left out."""
        if isinstance(found, Problem):
            self.problems.append(found)
            return
        whole: list[str] = []
        broken: list[tuple[str, str]] = []
        for address in found.photos:
            try:
                whole.append(self._photo(catalog.photo(address), address))
            except CatalogError as error:
                broken.append((address, str(error).removeprefix(f"{address}: ")))
        left_out = bool(broken) and not whole
        fate = "left out, as it has no other photo" if left_out else "loaded without this photo"
        for address, why in broken:
            reason = f"{why}; item {found.id!r} is {fate}"
            self.problems.append(Problem(source=address, row=None, reason=reason))
        if not left_out:
            yield replace(found, photos=tuple(dict.fromkeys(whole)))

    def _photo(self, data: bytes, address: str) -> str:
        key = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if data and self._images.has(key):  # decoded when it was put there
            return key
        self._open(data, where=address, max_side=_CHECKED_SIDE)
        self.photos += 1
        return self._images.put(data)

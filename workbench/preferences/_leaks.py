"""What is held out for evaluation, and pairs that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.judging.duplicates import near_hashes
from workbench.preferences._pair import Pair
from workbench.preferences._prints import PhotoPrint, photo_prints

if TYPE_CHECKING:
    from workbench.store import Store

_BITS = 2
"""Of 64: a photo that was scaled or compressed again moves by so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Items that never train, and their photos."""

    items: frozenset[str] = frozenset()
    photos: frozenset[str] = frozenset()
    """Addresses `sha256:<hex>`."""
    prints: Mapping[str, PhotoPrint] = field(default_factory=dict)
    """Address to print; empty: only equal addresses are found."""


def held_out_of(store: Store, *, prints: bool = True) -> HeldOut:
    """What `store` holds out: items that are, or ever were, in a group of the part `eval`.

    Args:
        store: Holds items, splits and pictures.
        prints: Whether each photo is opened, so that copies of it are found too.
    """
    frame = store.items(part="eval", history=True)
    photos = frozenset(address for own in frame["photos"] for address in own)
    return HeldOut(
        items=frozenset(frame["id"]),
        photos=photos,
        prints=photo_prints(sorted(photos), store.images.get) if prints and photos else {},
    )


def leaks(
    pairs: Sequence[Pair],
    held_out: HeldOut,
    prints: Mapping[str, PhotoPrint] | None,
    *,
    levels: float,
) -> dict[int, str]:
    """Place to what is held out in it: an item, a photo, or nearly the same photo."""
    copies = _copies(pairs, held_out, prints or {}, levels=levels)
    found = {}
    for i, pair in enumerate(pairs):
        shown = [photo for photo in pair.photos if photo in held_out.photos]
        near = [photo for photo in pair.photos if photo in copies]
        if pair.item in held_out.items:
            found[i] = f"item {pair.item!r}"
        elif shown:
            found[i] = f"photo {shown[0][:19]}"
        elif near:
            found[i] = f"photo {near[0][:19]}, a copy of {copies[near[0]][:19]}"
    return found


def _copies(
    pairs: Sequence[Pair],
    held_out: HeldOut,
    prints: Mapping[str, PhotoPrint],
    *,
    levels: float,
) -> dict[str, str]:
    """Photo to the held-out one that it is nearly the same as."""
    shown = {p: prints[p] for pair in pairs for p in pair.photos if p in prints}
    layouts = sorted({one.layout for one in (*shown.values(), *held_out.prints.values())})
    near: dict[int, set[int]] = {layout: {layout} for layout in layouts}
    hashes = np.array(layouts, dtype=np.uint64)
    for both in near_hashes(hashes, within=_BITS):
        one, other = layouts[both.first], layouts[both.second]
        near[one].add(other)
        near[other].add(one)
    kept: dict[int, list[tuple[str, PhotoPrint]]] = {}
    for address, own in held_out.prints.items():
        kept.setdefault(own.layout, []).append((address, own))
    return {
        photo: address
        for photo, own in shown.items()
        for address in [_first_near(own, near[own.layout], kept, levels)]
        if address is not None
    }


def _first_near(
    one: PhotoPrint,
    layouts: set[int],
    kept: Mapping[int, list[tuple[str, PhotoPrint]]],
    levels: float,
) -> str | None:
    return next(
        (
            address
            for layout in sorted(layouts)
            for address, other in kept.get(layout, ())
            if one.near(other, bits=_BITS, levels=levels)
        ),
        None,
    )

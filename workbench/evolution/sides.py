"""Which items suggest a change of a rubric, and which test it: dealt once, kept in the store, and enforced.

Items that share a group, an earlier group or nearly the same picture are on one side. What was dealt
once stays, whichever audit comes later; an item that would join both sides is on neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import LeakageError
from workbench.evolution.evidence import Evidence, units_of
from workbench.judging.duplicates import near_hashes, perceptual_hash
from workbench.photos import open_photo
from workbench.records import Audit, Generation, ProofSplit, Side

if TYPE_CHECKING:
    from workbench.store import Store

PROVING_SHARE = 0.5
"""Share of items, before near-identical ones are put together, that test and do not suggest."""
NEAR = 6
"""Bits, of 64, in which the hashes of nearly the same picture differ at most."""
_LARGEST = 512  # pixels: a hash looks at 32


def deal_sides(store: Store, audit: Audit, evidence: Sequence[Evidence]) -> dict[str, Side]:
    """Unit to its side; those without one are dealt now, by the hash of the audit's id and their name.

    Raises:
        StoreError: Another process deals at the same time and does not end, or the store refuses.
    """
    with store.alone("proof splits"):
        dealt = {one.item: one for one in store.records(ProofSplit)}
        new = {one.unit: one for one in evidence if one.unit not in dealt}
        pictures = {unit: pictures_of(store, one) for unit, one in new.items()}
        links = _Links()
        for split in dealt.values():
            links.join(split.item, f"group:{split.group}")
        earlier = _earlier_groups(store, [one.item.id for one in new.values() if one.item])
        for unit, one in new.items():
            links.join(unit, f"group:{one.group}")
            for group in earlier.get(unit, ()):
                links.join(unit, f"group:{group}")
        for first, second in _near(
            {**{u: s.pictures for u, s in dealt.items()}, **pictures}, among=set(new)
        ):
            links.join(first, second)
        taken: dict[str, set[Side]] = {}
        for split in dealt.values():
            taken.setdefault(links.root(split.item), set()).add(split.side)
        together: dict[str, list[str]] = {}
        for unit in new:
            together.setdefault(links.root(unit), []).append(unit)
        store.add(
            ProofSplit(
                item=unit,
                group=new[unit].group,
                side=_side(audit, min(units), taken.get(root, set())),
                audit=audit.id,
                pictures=pictures[unit],
            )
            for root, units in together.items()
            for unit in units
        )
    return sides_of(store, [one.unit for one in evidence])


def sides_of(store: Store, units: Iterable[str]) -> dict[str, Side]:
    """Unit to its side; units that were not dealt are absent."""
    return {one.item: one.side for one in store.records(ProofSplit, list(units))}


def require_side(store: Store, units: Iterable[str], side: Side, *, purpose: str) -> None:
    """Make sure that all `units` were dealt to `side`.

    Raises:
        LeakageError: Some were not; the message names them.
    """
    wanted = list(dict.fromkeys(units))
    sides = sides_of(store, wanted)
    wrong = [
        f"{unit!r} ({sides.get(unit, 'not dealt')})" for unit in wanted if sides.get(unit) != side
    ]
    if wrong:
        raise LeakageError(
            f"{len(wrong)} of {len(wanted)} items must not {purpose}, as only those on the side {side!r} may: "
            f"{_some(wrong)}; leave them out"
        )


def require_apart(store: Store, proposing: Iterable[str], proving: Sequence[Evidence]) -> None:
    """Make sure that nothing that suggested a change tests it, under another name either.

    Args:
        store: Holds the sides.
        proposing: Units whose answers were read when the change was suggested.
        proving: What shall test it.

    Raises:
        LeakageError: A unit, a group or nearly the same picture is on both sides; the message names them.
    """
    require_side(store, proposing, "propose", purpose="suggest a change of a rubric")
    require_side(store, [one.unit for one in proving], "prove", purpose="test a rubric")
    used = {one.item: one for one in store.records(ProofSplit) if one.side == "propose"}
    groups = {one.group: one.item for one in used.values()}
    pictures: dict[str, tuple[str, ...]] = {unit: one.pictures for unit, one in used.items()}
    fresh = {f"?{one.unit}": pictures_of(store, one) for one in proving}
    both = [
        f"{one.unit!r} (group of {groups[one.group]!r})" for one in proving if one.group in groups
    ]
    both += [
        f"{b.removeprefix('?')!r} (nearly the picture of {a!r})"
        for a, b in _near(pictures | fresh, among=set(fresh))
        if a in used and b in fresh
    ]
    if both:
        raise LeakageError(
            f"{len(both)} items that shall test a rubric are items that suggested its change, under another "
            f"name: {_some(both)}; leave them out"
        )


def pictures_of(store: Store, one: Evidence) -> tuple[str, ...]:
    """Perceptual hashes, 16 hex digits each, of the pictures that the generation is about or is."""
    addresses = {*one.generation.inputs, *(one.item.photos if one.item else ())}
    if one.generation.image is not None:
        addresses.add(one.generation.image)
    return tuple(
        f"{perceptual_hash(open_photo(store.images.get(a), where=a, max_side=_LARGEST)):016x}"
        for a in sorted(addresses)
        if a.startswith("sha256:") and store.images.has(a)
    )


def _side(audit: Audit, name: str, taken: set[Side]) -> Side:
    if len(taken) > 1 or "aside" in taken:
        return "aside"
    if taken:
        return next(iter(taken))
    digest = hashlib.sha256(f"{audit.id}\n{name}".encode()).digest()
    return "prove" if int.from_bytes(digest[:8]) / 2**64 < PROVING_SHARE else "propose"


def _earlier_groups(store: Store, items: Sequence[str]) -> dict[str, set[str]]:
    """Item to every group that it was ever in: an item that moves to another group takes its side along."""
    frame = store.items(history=True)
    frame = frame[frame["id"].isin(set(items))]
    found: dict[str, set[str]] = {}
    for name, group in zip(frame["id"], frame["group"], strict=True):
        found.setdefault(str(name), set()).add(str(group) or str(name))
    return found


def _near(pictures: Mapping[str, Sequence[str]], *, among: set[str]) -> list[tuple[str, str]]:
    """Pairs of units, one of them in `among`, that have nearly the same picture; the other comes first."""
    owners = [unit for unit, own in pictures.items() for _ in own]
    hashes = [int(one, 16) for own in pictures.values() for one in own]
    found = set()
    for pair in near_hashes(np.array(hashes, dtype=np.uint64), within=NEAR):
        first, second = owners[pair.first], owners[pair.second]
        if first != second and (first in among or second in among):
            found.add(
                (second, first) if first in among and second not in among else (first, second)
            )
    return sorted(found)


class _Links:
    """What belongs together, found by following links."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (above := self._parent.get(name, name)) != name:
            name = above
        return name

    def join(self, first: str, second: str) -> None:
        self._parent[self.root(first)] = self.root(second)


def units_read(store: Store, keys: Iterable[str]) -> list[str]:
    """The units that these generations are about.

    Raises:
        LeakageError: A generation is not in the store, so nothing says what it is about.
    """
    wanted = list(dict.fromkeys(keys))
    found = list(store.records(Generation, wanted))
    if len(found) < len(wanted):
        lost = sorted(set(wanted) - {g.key for g in found})
        raise LeakageError(
            f"{len(lost)} of {len(wanted)} generations are not in the store, so nothing says on which side their "
            f"items are: {_some([key[:12] for key in lost])}"
        )
    return list(dict.fromkeys(units_of(store, found).values()))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more

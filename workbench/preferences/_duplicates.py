"""Pairs that say nearly the same about nearly the same photo: the first stays.

Exact, not by chance: candidates come from the prefix filter of set-similarity joins, then a bit map of each set
rules most of them out, and the rest are compared in full. MinHash would miss some and need the same last step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.preferences._pair import Pair
from workbench.preferences._prints import PhotoPrint
from workbench.preferences._shingles import Integers, Shingles

_LANES = 4
"""64-bit words of a set's bit map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPair:
    """A pair that repeats an earlier one."""

    place: int
    of: int
    """Place of the earlier pair."""
    similarity: float
    """Jaccard similarity of their words and neighbouring words, 0 to 1."""


def near_pairs(
    pairs: Sequence[Pair],
    chosen: Shingles,
    rejected: Shingles,
    *,
    similarity: float,
    prints: Mapping[str, PhotoPrint] | None,
    bits: int,
    levels: float,
) -> list[NearPair]:
    """Pairs that are near to an earlier one, in order; among those that are left no two are near.

    Two are near where the Jaccard similarity of (chosen, rejected) is at least `similarity`, and their photos
    are the same or, by the prints of the first ones, near. The order is that of Bayardo, Ma and Srikant 2007
    ("Scaling up all pairs similarity search"): rare shingles first, so that groups are small.

    Args:
        pairs: n of them.
        chosen: Of the chosen texts, n.
        rejected: Of the rejected texts, n, with the same numbers.
        similarity: Over 0 and up to 1.
        prints: Address to print; None: only equal addresses are the same photo.
        bits: As for `PhotoPrint.near`.
        levels: As for `PhotoPrint.near`.
    """
    sets = _Sets(chosen, rejected)
    photos = _Photos(pairs, prints, bits=bits, levels=levels)
    of = np.full(len(pairs), -1, dtype=np.int64)
    for group in sets.groups(similarity):
        for at, place in enumerate(group.tolist()[:-1]):
            if of[place] >= 0:
                continue
            others = group[at + 1 :]
            others = others[of[others] < 0]
            others = others[sets.may_be_near(place, others, similarity)]
            others = others[photos.near(place, others)] if others.size else others
            for other in others.tolist():
                if sets.jaccard(place, other) >= similarity:
                    of[other] = place
    return [
        NearPair(place=i, of=int(of[i]), similarity=sets.jaccard(i, int(of[i])))
        for i in np.flatnonzero(of >= 0).tolist()
    ]


class _Sets:
    """Chosen and rejected shingles of each pair as one set, rare ones first."""

    def __init__(self, chosen: Shingles, rejected: Shingles) -> None:
        size = max(chosen.size, rejected.size)
        ids = np.concatenate([chosen.ids, rejected.ids + size])
        rows = np.concatenate([chosen.rows(), rejected.rows()])
        rank = np.empty(2 * size, dtype=np.int64)
        rank[np.argsort(np.bincount(ids, minlength=2 * size), kind="stable")] = np.arange(2 * size)
        ranks = rank[ids]
        order = np.lexsort((ranks, rows))
        n = len(chosen.starts) - 1
        self._ranks, self._rows = ranks[order], rows[order]
        self._starts = np.searchsorted(self._rows, np.arange(n + 1))
        self._sizes = np.diff(self._starts)
        self._maps = np.zeros((n, _LANES), dtype=np.uint64)
        spread = (self._ranks * np.int64(0x9E3779B1)) % (64 * _LANES)
        bit = np.left_shift(np.uint64(1), (spread % 64).astype(np.uint64))
        np.bitwise_or.at(self._maps, (self._rows, spread // 64), bit)

    def groups(self, similarity: float) -> Iterator[Integers]:
        """Places, ascending, of pairs that share one of the shingles by which near ones must meet."""
        # Sets with a similarity of t share ⌈t·size⌉ shingles: so one of the first size − ⌈t·size⌉ + 1.
        needed = np.ceil(similarity * self._sizes - 1e-9).astype(np.int64)
        prefix = self._sizes - needed + 1
        place = np.arange(len(self._ranks)) - self._starts[self._rows]
        first = place < prefix[self._rows]
        ranks, rows = self._ranks[first], self._rows[first]
        order = np.lexsort((rows, ranks))
        ranks, rows = ranks[order], rows[order]
        for group in np.split(rows, np.flatnonzero(np.diff(ranks)) + 1):
            if group.size > 1:
                yield group
        if (empty := np.flatnonzero(self._sizes == 0)).size > 1:
            yield empty

    def may_be_near(self, place: int, others: Integers, similarity: float) -> npt.NDArray[np.bool_]:
        """False where the bit maps prove that the sets are not near; shape of `others`."""
        # Each bit that differs is one shingle at least that only one of the two sets has.
        apart = np.bitwise_count(self._maps[others] ^ self._maps[place]).sum(axis=1)
        both = self._sizes[others] + self._sizes[place]
        allowed: npt.NDArray[np.bool_] = apart <= (1 - similarity) / (1 + similarity) * both + 1e-9
        return allowed

    def jaccard(self, one: int, other: int) -> float:
        """Similarity of two sets, 0 to 1; 1 for two empty ones."""
        mine, theirs = (self._ranks[self._starts[i] : self._starts[i + 1]] for i in (one, other))
        common = np.intersect1d(mine, theirs, assume_unique=True).size
        union = mine.size + theirs.size - common
        return common / union if union else 1.0


class _Photos:
    """Which pairs show nearly the same photo."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        prints: Mapping[str, PhotoPrint] | None,
        *,
        bits: int,
        levels: float,
    ) -> None:
        known: dict[tuple[str, ...], int] = {}
        self._same = np.array([known.setdefault(p.photos, len(known)) for p in pairs], np.int64)
        self._bits, self._levels = bits, levels
        first = [(prints or {}).get(p.photos[0]) if p.photos else None for p in pairs]
        self._printed = np.array([one is not None for one in first], dtype=bool)
        self._layouts = np.array([one.layout if one else 0 for one in first], dtype=np.uint64)
        blank = bytes(48)
        colours = b"".join(one.colours if one else blank for one in first)
        self._colours = np.frombuffer(colours, np.uint8).reshape(len(pairs), len(blank))

    def near(self, place: int, others: Integers) -> npt.NDArray[np.bool_]:
        """Shape of `others`."""
        near: npt.NDArray[np.bool_] = self._same[others] == self._same[place]
        if not self._printed[place]:
            return near
        left = np.flatnonzero(~near & self._printed[others])
        apart = np.bitwise_count(self._layouts[others[left]] ^ self._layouts[place])
        left = left[apart <= self._bits]
        theirs = self._colours[others[left]].astype(np.int16)
        mean = np.abs(theirs - self._colours[place].astype(np.int16)).mean(axis=1)
        near[left[mean <= self._levels]] = True
        return near

"""Texts as sets of words and neighbouring words, numbered, in flat arrays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"\w+")
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shingles:
    """The sets of n texts."""

    ids: Integers
    """Shape (total,): the shingles of the first text, then of the second, …; each once a text."""
    starts: Integers
    """Shape (n + 1,): text i has `ids[starts[i]:starts[i + 1]]`."""
    size: int
    """How many different shingles there are."""

    def take(self, texts: Integers) -> Shingles:
        """Those of `texts`, ascending places."""
        sizes = np.diff(self.starts)
        chosen = np.zeros(len(sizes), dtype=bool)
        chosen[texts] = True
        starts = np.concatenate([[0], np.cumsum(sizes[texts])]).astype(np.int64)
        return Shingles(ids=self.ids[np.repeat(chosen, sizes)], starts=starts, size=self.size)

    def part(self, start: int, stop: int) -> Shingles:
        """Those of texts `start` up to, but not with, `stop`."""
        starts = self.starts[start : stop + 1]
        ids = self.ids[starts[0] : starts[-1]]
        return Shingles(ids=ids, starts=starts - starts[0], size=self.size)

    def rows(self) -> Integers:
        """Shape (total,): the text that each shingle is of."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def words(text: str) -> list[str]:
    """The words of `text`, case folded; marks and spaces are none."""
    return _WORD.findall(text.casefold())


def shingles(texts: Sequence[str]) -> Shingles:
    """Each text as the set of its words and of its pairs of neighbouring words."""
    numbers: dict[object, int] = {}
    same: dict[str, list[int]] = {}
    flat: list[int] = []
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    for i, text in enumerate(texts):
        own = same.get(text)
        if own is None:
            said = words(text)
            own = [
                numbers.setdefault(one, len(numbers))
                for one in dict.fromkeys([*said, *pairwise(said)])
            ]
            same[text] = own
        flat += own
        starts[i + 1] = len(flat)
    return Shingles(ids=np.array(flat, dtype=np.int64), starts=starts, size=len(numbers))

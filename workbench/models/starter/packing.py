"""Many questions about the same photos in one sequence: what they begin with alike is read once.

Questions about one picture share the picture, the rubric's instructions and often the prompt. As a tree of
tokens they cost little more than one of them, and a step learns from all their answers. Every token sees its
own way back to the root and stands where it stands when its question is asked alone, so what is learnt is
what is asked later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One example as the model sees it."""

    tokens: tuple[int, ...]
    """Prompt and answer, each photo being as many tokens as it takes."""
    read: int
    """How many of them are the prompt's."""
    photos: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A tree of tokens: m of them, each after the one that it follows."""

    tokens: Integers
    """(m,)."""
    before: Integers
    """(m,): place of the token that each follows; -1 for the first."""
    asked_at: Integers
    """(answer tokens,): place of the token after which each one has to come."""
    answers: Integers
    """(answer tokens,)."""
    photos: tuple[int, ...]

    @property
    def positions(self) -> Integers:
        """(m,): how many tokens are before each on its way."""
        found = np.zeros(len(self.tokens), np.int64)
        for place, parent in enumerate(self.before):
            found[place] = found[parent] + 1 if parent >= 0 else 0
        return found

    def sees(self) -> npt.NDArray[np.bool_]:
        """(m, m): whether the row's token sees the column's: itself and those on its way."""
        seen = np.eye(len(self.tokens), dtype=bool)
        for place, parent in enumerate(self.before):
            if parent >= 0:
                seen[place] |= seen[parent]
        return seen


def packed(lessons: Sequence[Lesson]) -> list[Pack]:
    """Lessons about the same photos together, in the order in which their photos first come."""
    alike: dict[tuple[int, ...], list[Lesson]] = {}
    for lesson in lessons:
        alike.setdefault(lesson.photos, []).append(lesson)
    return [_pack(photos, together) for photos, together in alike.items()]


def _pack(photos: tuple[int, ...], lessons: Sequence[Lesson]) -> Pack:
    places: dict[tuple[int, int], int] = {}
    """(place of the token before, token) to the token's place."""
    asked_at, answers = [], []
    for lesson in lessons:
        at = -1
        for number, token in enumerate(lesson.tokens):
            if number >= lesson.read:
                asked_at.append(at)
                answers.append(token)
            if number + 1 < len(lesson.tokens):  # nothing follows the last one: it is not read
                at = places.setdefault((at, token), len(places))
    return Pack(
        tokens=np.array([token for _, token in places], np.int64),
        before=np.array([parent for parent, _ in places], np.int64),
        asked_at=np.array(asked_at, np.int64),
        answers=np.array(answers, np.int64),
        photos=photos,
    )

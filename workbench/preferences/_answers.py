"""Which answers count: each person's last one, adjudications before votes, people before simulations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from workbench.records import Annotation

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the answers about one thing come to."""

    given: tuple[Annotation, ...]
    """The last answer of each person; the adjudications alone where there are any."""
    every: tuple[Annotation, ...]
    """The same with the answers that were adjudicated."""
    most: object
    """What most of them say; None where as many say something else."""
    margin: float
    """Share that says `most` minus the share that says anything else, -1 to 1; 0 without a majority."""


def by_people(annotations: Iterable[Annotation]) -> tuple[list[Annotation], int]:
    """Answered annotations, and how many simulated ones were left out because a person answered anything.

    Skipped and deleted answers are not there. Simulated answers stay only where nobody else answered at
    all: the two are never mixed.
    """
    answered = [one for one in annotations if one.state == "answered"]
    people = [one for one in answered if not one.simulated]
    return (people, len(answered) - len(people)) if people else (answered, 0)


def settle(
    annotations: Iterable[Annotation],
    about: Callable[[Annotation], T],
    value: Callable[[Annotation], object],
) -> dict[T, Said]:
    """What was said about each thing; answers of which `value` is None say nothing."""
    last: dict[tuple[T, bool], dict[str, Annotation]] = defaultdict(dict)
    for one in sorted(annotations, key=_moment):
        if value(one) is not None:
            last[about(one), one.adjudicates][one.annotator] = one
    return {thing: _vote(thing, last, value) for thing, _ in last}


def _vote(
    thing: T,
    last: Mapping[tuple[T, bool], Mapping[str, Annotation]],
    value: Callable[[Annotation], object],
) -> Said:
    adjudications = tuple(last.get((thing, True), {}).values())
    answers = tuple(last.get((thing, False), {}).values())
    given = adjudications or answers
    counts = Counter(value(one) for one in given)
    most, count = counts.most_common(1)[0]
    margin = 2 * count / len(given) - 1
    if margin <= 0:
        most, margin = None, 0.0
    return Said(given=given, every=(*adjudications, *answers), most=most, margin=margin)


def _moment(one: Annotation) -> datetime:
    return one.updated_at or one.created_at

"""A copied or restored server: its projects look like those that were pulled before, and their answers are others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.errors import LabelStudioError
from workbench.records import Annotation

SKEW = timedelta(seconds=60)
"""How much a server's clock may have been set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """When an answer of the store was given; the first moment never changes on one server."""

    created: datetime
    said: datetime
    """The last word of it."""
    stands: bool
    """False where it was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A project of a server, beside what the store holds of it."""

    project: int
    known: Mapping[str, Known]
    given: Sequence[Annotation]
    """Answers as they are on the server now."""
    left: Collection[str]
    """Ids of answers there that cannot be read."""
    missing: Collection[str]
    """Ids of those in the store that the server does not show, while it has their tasks."""
    touched: Mapping[int, datetime]
    """Task number to its `updated_at` on the server; a deletion moves it."""
    now: datetime
    """By the server's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Answers about which the server and the store do not agree, though it is the same server."""

    moved: Mapping[str, str]
    """Id on the server to id in the store: they were moved to another task."""
    lost: Collection[str]
    """Ids of those that are gone while their tasks were not touched: nobody deleted them."""


def refuse_copy(seen: Sequence[Seen]) -> Odd:
    """Check that a server's answers continue those that the store holds of it.

    Both copies of a server's data give the same numbers to what is answered in them afterwards: stored as one
    project, one's answers would overwrite the other's, or count as deleted. A server numbers its answers
    through all projects, so all that are pulled are looked at together.

    Raises:
        LabelStudioError: The server is not the one that was pulled before.
    """
    numbers = {number_of(name): (name, known) for one in seen for name, known in one.known.items()}
    moved = {}
    for one in seen:
        for answer in one.given:
            name, known = numbers.get(number_of(answer.id), (answer.id, None))
            if known is not None and known.created != answer.created_at:
                found = f"was given at {_at(answer.created_at)} here"
                raise _refused(one.project, name, found, known.created)
            if name != answer.id:
                moved[answer.id] = name
        for unread in one.left:
            name, _ = numbers.get(number_of(unread), (unread, None))
            if name != unread:
                moved[unread] = name
    lost = set()
    for one in seen:
        for name in set(one.missing) - set(moved.values()):
            said, touched = one.known[name].said, one.touched.get(task_of(name))
            if touched is None or touched >= said:
                continue
            # Said in the server's future: its clock was set back. Else a deletion within the skew looks like this.
            if touched < said - SKEW and said <= one.now + SKEW:
                found = f"is not here, where its task was last changed at {_at(touched)}"
                raise _refused(one.project, name, found, said)
            lost.add(name)
    return Odd(moved=moved, lost=lost)


def number_of(name: str) -> int:
    """Number of the answer in the id of an annotation."""
    return int(name.rpartition("/")[2])


def task_of(name: str) -> int:
    """Number of the task in the id of an annotation."""
    return int(name.split("/")[-2])


def _refused(number: int, name: str, found: str, made: datetime) -> LabelStudioError:
    return LabelStudioError(
        f"answer {number_of(name)} of project {number} {found}, and one of {_at(made)} has its number in the store: "
        "this server is a copy or an old backup of the one that was pulled before, so nothing was stored; pull "
        f"from that server, or delete project {number} here and push again"
    )


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

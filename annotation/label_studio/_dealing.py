"""Who is asked what: logins, and questions dealt evenly, each to as many people as are still missing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annotation.label_studio._lists import read_users
from workbench.errors import LabelStudioError
from workbench.records import content_key

if TYPE_CHECKING:
    from annotation.label_studio.client import Client

Identity = tuple[str, str]
"""Generation, and the other one of a pair or an empty text."""
ANYBODY = ""
"""Stands for somebody of a project for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One generation to be looked at, or two to be compared."""

    generation: str
    against: str | None = None
    """The other one of a pair."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the page shows beside the generation itself (JSON types), such as answers to adjudicate."""


def logins(named: Sequence[str]) -> tuple[str, ...]:
    """Logins as the server compares them: without space around them, in small letters.

    Raises:
        LabelStudioError: One is empty, or two are the same.
    """
    found = tuple(name.strip().casefold() for name in named)
    if "" in found:
        raise LabelStudioError(
            f"want logins such as 'ada@example.com', got {named[found.index('')]!r}: leave it out"
        )
    if doubled := [name for name, count in Counter(found).items() if count > 1]:
        raise LabelStudioError(
            f"want each login once, got {doubled[0]!r} {Counter(found)[doubled[0]]} times (capitals do not "
            "tell logins apart): leave it out once"
        )
    return found


def without_account(client: Client, annotators: Sequence[str]) -> tuple[str, ...]:
    """Which logins, as `logins` gives them, the server has no account of."""
    if not annotators:
        return ()
    there = {
        str(user.get(name) or "").casefold()
        for user in read_users(client)
        for name in ("email", "username")
    }
    return tuple(name for name in annotators if name not in there)


def assign(
    questions: Sequence[Question],
    annotators: Sequence[str],
    *,
    per_item: int,
    seed: int,
    held: Mapping[Identity, Sequence[str]] | None = None,
) -> dict[str, list[Question]]:
    """Deal questions to people: each to as many as are missing to `per_item`, those with the fewest first.

    Where nobody holds any, nobody gets more than one above another. Who shares items with whom is drawn, so
    that every two people meet.

    Args:
        questions: Without doubles; their order does not matter.
        annotators: Distinct names; their order does not matter.
        per_item: From 1 to the number of names.
        seed: Of the draw.
        held: Who is asked already, by `identity`, a name that is nobody's for somebody of a project for
            everybody. They count among the `per_item`, and what they hold is not in the result. None: nobody.
    """
    names = sorted(set(annotators))
    rng = random.Random(f"{seed} {names}")  # noqa: S311 (a draw, no secret)
    dealt: dict[str, list[Question]] = {name: [] for name in names}
    held = held or {}
    load = Counter(name for holders in held.values() for name in holders)
    ordered = sorted(questions, key=identity)
    rng.shuffle(ordered)
    for question in ordered:
        holders = held.get(identity(question), ())
        # The ones with the fewest items; chance decides between equals.
        free = sorted(names, key=lambda name: (load[name], rng.random()))
        free = [name for name in free if name not in holders]
        for name in free[: max(0, per_item - len(holders))]:
            dealt[name].append(question)
            load[name] += 1
    return dealt


def task_key(purpose: str, question: Question) -> str:
    """The key that a task carries in its data: 64 hex digits, from `Purpose.key` and generations alone."""
    return content_key("label studio task", purpose, *identity(question))


def order_of(question: Question) -> str:
    """By what tasks are sorted, the same in every project; neither draw nor strata can be read from it."""
    return content_key("label studio order", *identity(question))


def identity(question: Question) -> Identity:
    """What tells a question from another of the same purpose."""
    return (question.generation, question.against or "")

"""What projects of one purpose ask already, and what each of them is to ask: nothing twice, and never both modes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio._dealing import ANYBODY, Identity, Question, assign, identity, task_key
from annotation.label_studio.projects import (
    Project,
    Purpose,
    find_projects,
    noted_projects,
)
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

_FEW = 300
"""Keys that are asked for by name; where more are wanted, all tasks are listed instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A project of the same purpose, for somebody or everybody."""

    project: Project
    held: set[Identity]
    """Which of the questions it has tasks of."""
    answers: int = 1
    """How many people answer each."""

    @property
    def purpose(self) -> Purpose:
        """Its own, with its annotator."""
        return self.project.purpose

    @property
    def name(self) -> str:
        """Whom it is for, as `logins` gives names; `ANYBODY`: everybody."""
        return (self.purpose.annotator or ANYBODY).strip().casefold()


def projects_asking(
    client: Client,
    store: Store,
    purpose: Purpose,
    asked: Sequence[Question],
    *,
    counting: Collection[str] = (),
) -> Iterator[Asking]:
    """Projects of the purpose, the latest first: where two are for one person, the first one stands.

    So are those that ask the same on the same page for the audits `counting`, whose answers count for this one.
    """
    for project in reversed(find_projects(client, store)):
        own = replace(project.purpose, annotator=None)
        if own.audit in counting:
            own = replace(own, audit=purpose.audit, name=purpose.name)
        if own == purpose:
            keys = {task_key(project.purpose.key, one): identity(one) for one in asked}
            held = {keys[key] for key in _there(client, project.id, keys)}
            named = project.purpose.annotator
            answers = 1 if named else _answers_wanted(client, project)
            yield Asking(project=project, held=held, answers=answers)


def shares_of(
    asked: Sequence[Question],
    people: Sequence[str],
    there: Iterable[Asking],
    *,
    counting: Iterable[Asking] = (),
    per_item: int,
    seed: int,
) -> dict[str, list[Question]]:
    """What each project asks after this push: what it asks already, and what is missing. No empty ones are made.

    What projects of other audits ask counts where those are `counting`; they get nothing more.
    """
    held: dict[Identity, list[str]] = {identity(one): [] for one in asked}
    own = {one.name: one.held for one in there}
    for one in (*there, *counting):
        for key in one.held:
            held[key] += [one.name] * one.answers
    if people:
        new = assign(asked, people, per_item=per_item, seed=seed, held=held)
    else:
        new = {ANYBODY: [q for q in asked if len(held[identity(q)]) < per_item]}
    shares = {}
    for name, missing in new.items():
        asks = {identity(one) for one in missing} | own.get(name, set())
        share = [q for q in asked if identity(q) in asks]
        if share or name in own:
            shares[name] = share
    return shares


def _answers_wanted(client: Client, project: Project) -> int:
    shown = client.get(f"/api/projects/{project.id}", doing=f"read project {project.id}")
    return int(shown["maximum_annotations"])


def overlap_of(share: Iterable[Question], others: Iterable[Asking], per_item: int) -> int:
    """How many people answer each task of the project for everybody: those that no other project asks."""
    asked: Counter[Identity] = Counter()
    for one in others:
        asked.update(dict.fromkeys(one.held, one.answers))
    return max((1, *(per_item - asked[identity(one)] for one in share)))


LEASE = "label studio push"
"""What a push holds, and what takes a project away: which outputs are asked how is one question of a store."""


def refuse_both_modes(
    client: Client, store: Store, purpose: Purpose, asked: Sequence[Question]
) -> None:
    """A blind answer is not blind where another project shows what the judge said of the same output.

    Blind questions are refused where a project shows the judge's answers about their outputs, whoever finished
    it; the judge's answers are refused where blind answers about their outputs are still awaited. A task is
    finished when as many people answered it as the project wants; who skipped it did not.
    """
    if purpose.adjudicates:
        return
    ours = {key for one in asked for key in identity(one) if key}
    own = {project.id for project in noted_projects(client, store)}
    for project in find_projects(client, store):
        other = project.purpose
        # Another store's are not ours to take away, unless it is a copy of this one.
        if project.id not in own and (other.audit is None or other.audit != purpose.audit):
            continue
        if other.adjudicates or other.blind == purpose.blind:
            continue
        awaited = (
            (_tasks.where("total_annotations", "less", _answers_wanted(client, project), type="Number"),)
            if other.blind
            else ()
        )  # fmt: skip
        shown = [_outputs(task) & ours for task in _tasks.list_tasks(client, project.id, *awaited)]
        if both := sum(map(bool, shown)):
            how = (
                f"asks about {both:,} of the same outputs blind, and waits for answers"
                if other.blind
                else f"shows the judge's answers about {both:,} of the same outputs"
            )
            finish = "let people finish it first, or " if other.blind else ""
            raise LabelStudioError(
                f"project {project.id} {how}: everybody sees every project in Label Studio's open edition, so "
                f"blind answers would not be blind; {finish}take it away with `workbench annotate withdraw "
                f"{project.id}`; it is at {project.url}"
            )


def _outputs(task: Mapping[str, Any]) -> set[str]:
    """What a task is about."""
    data = task["data"] if isinstance(task["data"], dict) else {}
    return {key for name in ("generation", "against") if isinstance(key := data.get(name), str)}


def _there(client: Client, project: int, keys: Collection[str]) -> set[str]:
    """Which keys the project has tasks of."""
    if len(keys) <= _FEW:
        found = _tasks.tasks_with(client, project, "data.key", keys)
    else:
        found = _tasks.list_tasks(client, project)
    return {key for task in found if (key := key_of(task)) is not None and key in keys}


def key_of(task: Mapping[str, Any]) -> str | None:
    """Our key in a task's data; None where somebody else made the task, or wrote anything into it."""
    data = task["data"]
    key = data.get("key") if isinstance(data, dict) else None
    return key if isinstance(key, str) else None

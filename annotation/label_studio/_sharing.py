"""What projects of one purpose ask already, and what each of them is to ask: nothing twice, and never both modes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio._dealing import ANYBODY, Identity, Question, assign, identity, task_key
from annotation.label_studio.projects import Project, Purpose, find_projects
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

    @property
    def purpose(self) -> Purpose:
        """Its own, with its annotator."""
        return self.project.purpose

    @property
    def name(self) -> str:
        """Whom it is for, as `logins` gives names; `ANYBODY`: everybody."""
        return (self.purpose.annotator or ANYBODY).strip().casefold()


def projects_asking(
    client: Client, store: Store, purpose: Purpose, asked: Sequence[Question]
) -> Iterator[Asking]:
    """Projects of the purpose, the latest first: where two are for one person, the first one stands."""
    for project in reversed(find_projects(client, store)):
        if replace(project.purpose, annotator=None) == purpose:
            keys = {task_key(project.purpose.key, one): identity(one) for one in asked}
            held = {keys[key] for key in _there(client, project.id, keys)}
            yield Asking(project=project, held=held)


def shares_of(
    client: Client,
    asked: Sequence[Question],
    people: Sequence[str],
    there: Iterable[Asking],
    *,
    per_item: int,
    seed: int,
) -> dict[str, list[Question]]:
    """What each project asks after this push: what it asks already, and what is missing. No empty ones are made."""
    held: dict[Identity, list[str]] = {identity(one): [] for one in asked}
    for one in there:
        times = 1 if one.name else _answers_wanted(client, one.project)
        for key in one.held:
            held[key] += [one.name] * times
    if people:
        new = assign(asked, people, per_item=per_item, seed=seed, held=held)
    else:
        new = {ANYBODY: [q for q in asked if len(held[identity(q)]) < per_item]}
    named = {one.name for one in there}
    shares = {}
    for name, missing in new.items():
        fresh = {identity(one) for one in missing}
        share = [q for q in asked if identity(q) in fresh or name in held[identity(q)]]
        if share or name in named:
            shares[name] = share
    return shares


def _answers_wanted(client: Client, project: Project) -> int:
    shown = client.get(f"/api/projects/{project.id}", doing=f"read project {project.id}")
    return int(shown["maximum_annotations"])


def overlap_of(share: Iterable[Question], there: Iterable[Asking], per_item: int) -> int:
    """How many people answer each task of the project for everybody: those that no project of theirs asks."""
    own = Counter(key for one in there if one.name for key in one.held)
    return max((1, *(per_item - own[identity(one)] for one in share)))


def lease_of(purpose: Purpose) -> str:
    """What a push of `purpose` holds: one of an audit at a time, blind or not, whoever is named."""
    what = purpose.audit or replace(purpose, annotator=None).key
    return f"label studio push {what}"


def refuse_both_modes(client: Client, store: Store, purpose: Purpose) -> None:
    """A blind project is not blind where another one shows what the judge said of the same items.

    A task is finished when as many people answered it as the project wants; who skipped it did not.
    """
    if purpose.audit is None or purpose.adjudicates:
        return
    for project in find_projects(client, store):
        other = project.purpose
        if other.audit != purpose.audit or other.adjudicates or other.blind == purpose.blind:
            continue
        wanted = _answers_wanted(client, project)
        short = _tasks.where("total_annotations", "less", wanted, type="Number")
        if waiting := _tasks.count_tasks(client, project.id, short):
            how = "asks the same audit blind" if other.blind else "shows the judge's answers"
            raise LabelStudioError(
                f"project {project.id} {how} and {waiting:,} of its tasks wait for an answer yet: everybody "
                "sees every project in Label Studio's open edition, so blind answers would not be blind; let "
                "people finish it first, or take it away with `workbench annotate withdraw "
                f"{project.id}`; it is at {project.url}"
            )


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

"""Pull: what people said comes back, each answer once, and what they change or delete as new facts.

Only the server's clock counts, as `updated_at` tells it. A pull notes the newest `updated_at` that it saw before
it began to read; the next one reads from a minute before that, because a change becomes visible a little after
the moment that it carries. Then numbers are compared: where the server holds other answers than the store, all
their ids are, so that a deletion that left no trace and a change that fell between are found too.

Records and cursor are stored in one transaction. Two pulls at the same moment: the slower one finds the cursor
moved, stores nothing, and reads again.

An answer that its author deleted, or that was deleted for them, becomes a revision that says so. Where a whole
task or project was deleted, nothing was taken back: the answers stand, and the pull tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annotation.label_studio._changes import Changes, changes
from annotation.label_studio._copies import refuse_copy
from annotation.label_studio._lists import read_users
from annotation.label_studio._look import Look
from annotation.label_studio._reading import Contradictory, Left
from annotation.label_studio.projects import Project, Purpose, missing_projects, noted_projects
from workbench.errors import ConflictError, StoreError, WorkbenchError
from workbench.records import Annotation

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

_CURSOR = "label_studio/pulled/"
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledProject:
    """What a pull found in one project."""

    project: Project
    new: int
    """Answers that the store did not hold, skipped ones too."""
    changed: int
    deleted: int
    skipped: int
    """Skipped tasks among what is new or changed."""
    drafts: int
    """Tasks on which somebody has begun an answer and not sent it; drafts are never stored."""
    left: tuple[Left, ...] = ()
    """Answers that could not be stored; they are read again by every pull."""
    contradictory: tuple[Contradictory, ...] = ()
    """Answers among what is new or changed that contradict themselves."""
    vanished: tuple[int, ...] = ()
    """Numbers of tasks that were deleted on the server since the last pull; their answers stand."""
    counted: bool = True
    """False where people answered so fast that the numbers were never equal; the next pull sees the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedProject:
    """A project that could not be pulled, or not to its end."""

    project: Project
    reason: str

    def __str__(self) -> str:
        return f"not pulled: project {self.project.id}, {self.project.title}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a pull found."""

    projects: tuple[PulledProject, ...]
    failed: tuple[FailedProject, ...] = ()
    """Projects that could not be pulled; the others were."""
    missing: tuple[Purpose, ...] = ()
    """What was pushed from this store and is not on this server: deleted, or pushed to another one."""

    @property
    def complete(self) -> bool:
        """Whether every project on this server was pulled."""
        return not self.failed

    @property
    def stored(self) -> int:
        """Answers that were new, changed or deleted."""
        return sum(one.new + one.changed + one.deleted for one in self.projects)

    @property
    def left(self) -> tuple[Left, ...]:
        """Answers that could not be stored."""
        return tuple(left for one in self.projects for left in one.left)

    @property
    def contradictory(self) -> tuple[Contradictory, ...]:
        """Answers among what is new or changed that contradict themselves."""
        return tuple(answer for one in self.projects for answer in one.contradictory)


def pull(client: Client, store: Store) -> Pulled:
    """Store what people said since the last pull, in all projects that were pushed from `store`.

    What goes wrong with one project keeps none of the others back: see `Pulled.failed`. Only where the server is
    a copy of the one that was pulled before, nothing of any is stored.

    Raises:
        LabelStudioError: The server refuses to list people or projects, or is not there.
    """
    return _pull(client, store, whole=None)


def pull_whole(client: Client, store: Store, number: int) -> Pulled:
    """`pull`, and everything of the project `number` is read again, whatever the cursor says."""
    return _pull(client, store, whole=number)


def _pull(client: Client, store: Store, *, whole: int | None) -> Pulled:
    people = {one["id"]: str(one.get("email") or one.get("username")) for one in read_users(client)}
    looks: list[Look] = []
    failed: list[FailedProject] = []
    for project in noted_projects(client, store):
        try:
            looks.append(_look(client, store, project, people, whole=project.id == whole))
        except WorkbenchError as error:
            failed.append(FailedProject(project=project, reason=str(error)))
    projects: list[PulledProject] = []
    try:
        _settle(looks)
    except WorkbenchError as error:
        failed += [FailedProject(project=look.project, reason=str(error)) for look in looks]
    else:
        for place, look in enumerate(looks):
            others = [*looks[:place], *looks[place + 1 :]]
            try:
                projects.append(_stored(client, store, look, people, others))
            except WorkbenchError as error:
                failed.append(FailedProject(project=look.project, reason=str(error)))
    return Pulled(
        projects=tuple(projects),
        failed=tuple(failed),
        missing=missing_projects(client, store),
    )


def _look(
    client: Client, store: Store, project: Project, people: Mapping[int, str], *, whole: bool
) -> Look:
    raw = store.cursor(_CURSOR + project.fingerprint)
    look = Look(client, store, project, people, raw, whole=whole)
    look.read()
    return look


def _settle(looks: list[Look]) -> None:
    """See that the server is the one that was pulled before, and leave what it and the store see differently."""
    odd = refuse_copy([look.seen() for look in looks])
    for look in looks:
        look.leave_moved(odd.moved)
        look.leave_lost(odd.lost)


def _stored(
    client: Client, store: Store, look: Look, people: Mapping[int, str], others: list[Look]
) -> PulledProject:
    conflict = None
    for _ in range(_TRIES):
        try:
            found = _keep(store, look)
        except ConflictError as error:
            conflict = error
            look = _look(client, store, look.project, people, whole=look.whole)
            _settle([look, *others])
            continue
        look.require_counted()
        return PulledProject(
            project=look.project,
            new=found.new,
            changed=found.changed,
            deleted=found.deleted,
            skipped=sum(isinstance(r, Annotation) and r.state == "skipped" for r in found.records),
            drafts=look.drafts,
            left=tuple(look.told()),
            contradictory=tuple(look.contradictory(r.id for r in found.records)),
            vanished=tuple(sorted(look.vanished)),
            counted=look.counted,
        )
    assert conflict is not None
    raise conflict


def _keep(store: Store, look: Look) -> Changes:
    """Store what was read and move the cursor on; what the store refuses is left."""
    from workbench.store import Advance

    found = changes(store, look.given.values(), look.deleted)
    look.leave_older(found.older)
    moved = look.moved(stored=bool(found.records)).text()
    try:
        if moved != look.cursor:
            name = _CURSOR + look.project.fingerprint
            store.add(found.records, advance=Advance(name=name, before=look.cursor, after=moved))
    except ConflictError:
        raise
    except StoreError:
        if not look.leave_refused():
            raise
        return _keep(store, look)
    return found

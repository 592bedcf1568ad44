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

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio._changes import Changes, changes
from annotation.label_studio._copies import refuse_copy
from annotation.label_studio._cursor import Cursor
from annotation.label_studio._pages import stored_page
from annotation.label_studio._reading import Contradictory, Given, Left, read_tasks
from annotation.label_studio.interfaces import Interface
from annotation.label_studio.projects import Project, Purpose, missing_projects, noted_projects
from workbench.errors import ConflictError, StoreError, WorkbenchError
from workbench.records import Annotation

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

OVERLAP = timedelta(seconds=60)
"""How much older than the newest seen change a change may be that was not visible then."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedProject:
    """A project that could not be pulled; nothing of it was stored by this pull."""

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

    What goes wrong with one project keeps none of the others back: see `Pulled.failed`.

    Raises:
        LabelStudioError: The server refuses to list people or projects, or is not there.
    """
    people = _names(client)
    projects, failed = [], []
    for project in noted_projects(client, store):
        try:
            projects.append(_pull_project(client, store, project, people))
        except WorkbenchError as error:
            failed.append(FailedProject(project=project, reason=str(error)))
    return Pulled(
        projects=tuple(projects),
        failed=tuple(failed),
        missing=missing_projects(client, store),
    )


def _pull_project(
    client: Client, store: Store, project: Project, people: Mapping[int, str]
) -> PulledProject:
    name = _CURSOR + project.fingerprint
    conflict = None
    for _ in range(_TRIES):
        raw = store.cursor(name)
        reading = _Reading(client, store, project, people, Cursor.read(raw))
        reading.read()
        drafts = _tasks.drafts_open(client, project.id)
        try:
            found = _keep(store, reading, name, raw)
        except ConflictError as error:
            conflict = error
            continue
        return PulledProject(
            project=project,
            new=found.new,
            changed=found.changed,
            deleted=found.deleted,
            skipped=sum(isinstance(r, Annotation) and r.state == "skipped" for r in found.records),
            drafts=drafts,
            left=tuple(reading.told()),
            contradictory=tuple(reading.contradictory(r.id for r in found.records)),
            vanished=tuple(sorted(reading.vanished)),
        )
    assert conflict is not None
    raise conflict


def _keep(store: Store, reading: _Reading, name: str, raw: str | None) -> Changes:
    """Store what was read and move the cursor `name` on from `raw`; what the store refuses is left."""
    from workbench.store import Advance

    found = changes(store, reading.given.values(), reading.deleted)
    reading.leave_older(found.older)
    moved = reading.moved(stored=bool(found.records)).text()
    try:
        if moved != raw:
            store.add(found.records, advance=Advance(name=name, before=raw, after=moved))
    except ConflictError:
        raise
    except StoreError:
        if not reading.leave_refused():
            raise
        return _keep(store, reading, name, raw)
    return found


class _Reading:
    """One look at a project: what it holds now, and what it holds no more."""

    def __init__(
        self,
        client: Client,
        store: Store,
        project: Project,
        people: Mapping[int, str],
        before: Cursor,
    ) -> None:
        self.given: dict[str, Given] = {}
        self.left: list[Left] = []
        self.deleted: set[str] = set()
        """Annotations of the store that were deleted, while their tasks were not."""
        self.vanished: set[int] = set()
        self._client, self._store, self._project = client, store, project
        self._people, self._before = people, before
        self._page: Interface | None = None
        self._newest: str | None = None
        known = store.annotations(prefix=project.prefix)
        standing = known.loc[known["state"] != "deleted"]
        self._standing: dict[str, datetime] = {
            name: made.to_pydatetime()
            for name, made in zip(standing["id"], standing["created_at"], strict=True)
            if _task(name) not in before.vanished
        }
        self._touched: dict[int, datetime] = {}
        """Number to `updated_at` of the tasks that were seen."""

    def read(self) -> None:
        """Look at everything that may have changed.

        Raises:
            LabelStudioError: The server refuses, or is a copy of the one that was pulled before.
        """
        self._read()
        given = [one.annotation for one in self.given.values()]
        refuse_copy(self._project.id, self._standing, given, self.deleted, self._touched)

    def _read(self) -> None:
        number = self._project.id
        # First of all: what changes while we read is for the next pull.
        self._newest = _tasks.newest_change(self._client, number)
        since = [] if self._before.newest is None else [_since(self._before.newest)]
        for some in (_tasks.ANSWERED, _tasks.SKIPPED):
            self._take(_tasks.read_tasks(self._client, number, some, *since))
        self._take_numbered(self._before.left)
        if self._complete():
            return
        if since:
            unanswered = [*_tasks.UNANSWERED, *since]
            emptied = _tasks.list_tasks(self._client, number, *unanswered, data=False)
            self._compare({task: set() for task in self._seen(emptied)})
            if self._complete():
                return
        self._compare_all()

    def contradictory(self, ids: Iterable[str]) -> Iterator[Contradictory]:
        """Those of the records that are answers which contradict themselves."""
        for name in ids:
            if name in self.given and (reasons := self.given[name].contradictions):
                yield Contradictory(
                    project=self._project.id,
                    task=_task(name),
                    annotation=int(name.rpartition("/")[2]),
                    reasons=reasons,
                )

    def told(self) -> Iterator[Left]:
        """What is left, with what still counts where the store holds an older word of it."""
        for one in self.left:
            if self._name(one) in self._standing:
                kept = "; what the store holds of it from before still counts"
                yield replace(one, reason=one.reason + kept)
            else:
                yield one

    def leave_refused(self) -> int:
        """Leave answers that the store would refuse; their number."""
        from workbench.store import encode

        before = len(self.given)
        for name, one in list(self.given.items()):
            try:
                encode(one.annotation)
                for correction in one.corrections:
                    encode(correction)
            except StoreError as error:
                del self.given[name]
                self._leave(name, str(error))
        return before - len(self.given)

    def leave_older(self, older: Iterable[tuple[Annotation, Annotation]]) -> None:
        """Leave answers of which the store holds a later word; each comes with that one."""
        for came, stored in older:
            del self.given[came.id]
            self._leave(
                came.id,
                f"the server shows what {came.annotator} said at {came.updated_at:%Y-%m-%d %H:%M:%S} UTC, and the store "
                f"holds what they said later, at {stored.updated_at:%Y-%m-%d %H:%M:%S}: was the server put back from a "
                "backup, or its clock set back? Let them open it and press Update",
            )

    def _leave(self, name: str, reason: str) -> None:
        number = int(name.rpartition("/")[2])
        self.left.append(
            Left(project=self._project.id, task=_task(name), annotation=number, reason=reason)
        )

    def _name(self, left: Left) -> str:
        return f"{self._project.prefix}{left.task}/{left.annotation}"

    def moved(self, *, stored: bool) -> Cursor:
        """Where the cursor stands after this."""
        return Cursor(
            newest=self._newest,
            stored=self._before.stored + stored,
            left=tuple(sorted({left.task for left in self.left})),
            vanished=tuple(sorted({*self._before.vanished, *self.vanished})),
        )

    def _take(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Read the answers of tasks as they are now."""
        rows = list(tasks)
        if not rows:
            return
        asked = self._project.purpose
        self._page = self._page or stored_page(
            self._store, asked.rubric, kind=asked.kind, catalog=asked.catalog
        )
        numbers = {int(row["id"]) for row in rows}
        given, left = read_tasks(self._store, self._project, self._page, rows, self._people)
        self.left = [one for one in self.left if one.task not in numbers] + left
        self.given |= {one.annotation.id: one for one in given}
        self._compare(self._seen(rows))

    def _seen(self, rows: Iterable[Mapping[str, Any]]) -> dict[int, set[int]]:
        """Task number to the numbers of its answers, where they come along; notes when it was changed."""
        found = {}
        for row in rows:
            task = int(row["id"])
            if "updated_at" in row:
                self._touched[task] = datetime.fromisoformat(row["updated_at"])
            found[task] = {int(answer["id"]) for answer in row.get("annotations", ())}
        return found

    def _take_numbered(self, numbers: Iterable[int]) -> None:
        for some in _tasks.parts(sorted(numbers)):
            named = _tasks.where("id", "in_list", some)
            self._take(_tasks.read_tasks(self._client, self._project.id, named))

    def _compare(self, answers: Mapping[int, Collection[int]]) -> None:
        """Note which answers that the store holds are not among those that the tasks have now."""
        for name in self._standing:
            task = _task(name)
            if task in answers and int(name.rpartition("/")[2]) not in answers[task]:
                self.deleted.add(name)

    def _complete(self) -> bool:
        """Whether the server holds as many answers as the store will."""
        shown = self._client.get(
            f"/api/projects/{self._project.id}",
            doing=f"count the answers of project {self._project.id}",
            params={"include": "total_annotations_number,skipped_annotations_number"},
        )
        there = shown["total_annotations_number"] + shown["skipped_annotations_number"]
        return bool(there == len(self._expected() | set(map(self._name, self.left))))

    def _expected(self) -> set[str]:
        standing = {name for name in self._standing if _task(name) not in self.vanished}
        return (standing | set(self.given)) - self.deleted

    def _compare_all(self) -> None:
        """Compare every id: slow where much was answered, and rarely needed."""
        number = self._project.id
        there: dict[int, set[int]] = {}
        for some in (_tasks.ANSWERED, _tasks.SKIPPED):
            for row in _tasks.read_answer_ids(self._client, number, some):
                there |= self._seen([row])
        held = {_task(name) for name in self._expected()} - set(there)
        tasks = _tasks.tasks_with(self._client, number, "id", sorted(held), data=False)
        emptied = set(self._seen(tasks))
        self.vanished |= held - emptied
        self._compare(there | {task: set() for task in emptied})
        seen = {name.removeprefix(self._project.prefix) for name in self._expected()}
        seen |= {f"{left.task}/{left.annotation}" for left in self.left}
        self._take_numbered(
            task
            for task, answers in there.items()
            if any(f"{task}/{answer}" not in seen for answer in answers)
        )


def _task(annotation: str) -> int:
    """Number of the task in the id of an annotation."""
    return int(annotation.split("/")[-2])


def _since(newest: str) -> _tasks.Condition:
    moment = datetime.fromisoformat(newest).astimezone(UTC) - OVERLAP
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _tasks.where("updated_at", "greater_or_equal", text, type="Datetime")


def _names(client: Client) -> dict[int, str]:
    """User number to e-mail address, or user name where there is none."""
    return {user["id"]: str(user.get("email") or user.get("username")) for user in client.users()}

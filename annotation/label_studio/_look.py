"""One look at a project: what people have said there by now, held against what the store knows of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio._copies import SKEW, Known, Seen, number_of, task_of
from annotation.label_studio._cursor import Cursor
from annotation.label_studio._pages import stored_page
from annotation.label_studio._reading import Contradictory, Given, Left, read_tasks
from annotation.label_studio.interfaces import Interface
from annotation.label_studio.projects import Project
from workbench.errors import LabelStudioError, StoreError
from workbench.records import Annotation

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

OVERLAP = timedelta(seconds=60)
"""How much older than the newest seen change a change may be that was not visible then."""


class Look:
    """What a project holds now, and what it holds no more."""

    def __init__(
        self,
        client: Client,
        store: Store,
        project: Project,
        people: Mapping[int, str],
        cursor: str | None,
        *,
        whole: bool = False,
    ) -> None:
        """`cursor` as the store has it; `whole`: read everything, whatever it says."""
        self.given: dict[str, Given] = {}
        self.left: list[Left] = []
        self.deleted: set[str] = set()
        """Annotations of the store that were deleted, while their tasks were not."""
        self.vanished: set[int] = set()
        self.drafts = 0
        self.differs: tuple[int, int] | None = None
        """Answers that the server counts, and those that it shows; None where these are as many."""
        self.counted = True
        """False where the numbers differed, and moved while they were compared."""
        self.project, self.cursor, self.whole = project, cursor, whole
        self._client, self._store, self._people = client, store, people
        self._before = Cursor.read(cursor)
        self._page: Interface | None = None
        self._newest: str | None = None
        known = store.annotations(prefix=project.prefix)
        self._known: dict[str, Known] = {
            name: Known(
                created=made.to_pydatetime(),
                said=made.to_pydatetime() if str(said) == "NaT" else said.to_pydatetime(),
                stands=state != "deleted",
            )
            for name, made, said, state in zip(
                known["id"], known["created_at"], known["updated_at"], known["state"], strict=True
            )
        }
        self._standing = {
            name
            for name, one in self._known.items()
            if one.stands and task_of(name) not in self._before.vanished
        }
        self._touched: dict[int, datetime] = {}
        """Number to `updated_at` of the tasks that were seen."""
        self._again: set[int] = set()
        """Tasks that the next look has to see, beside those of `left`."""
        self._now = datetime.now(UTC)

    def read(self) -> None:
        """Look at everything that may have changed.

        Raises:
            LabelStudioError: The server refuses.
        """
        number = self.project.id
        # First of all: what changes while we read is for the next pull.
        newest = _tasks.newest_change(self._client, number)
        self._now = self._client.server_now or datetime.now(UTC)
        self._newest = newest if not self._is_ahead(newest) else self._now.isoformat()
        self._read()
        self.drafts = _tasks.drafts_open(self._client, number)

    def _is_ahead(self, moment: str | None) -> bool:
        """Whether the server's clock was set back since then: it knows that moment, and is not there yet."""
        return moment is not None and datetime.fromisoformat(moment) > self._now + SKEW

    def _read(self) -> None:
        number, newest = self.project.id, self._before.newest
        whole = self.whole or newest is None or self._is_ahead(newest)
        since = [] if whole or newest is None else [changed_since(newest)]
        counters: list[list[_tasks.Condition]] = [[_tasks.ANSWERED], [_tasks.SKIPPED]]
        everywhere: list[list[_tasks.Condition]] = [[]]
        for some in everywhere if self.whole else counters:
            self._take(_tasks.read_tasks(self._client, number, *some, *since))
        self._take_numbered([*self._before.left, *self._before.again])
        counted = self._count()
        if since and counted != self._shown():
            # Their last answer is gone; or a counter of the server is wrong, as after a kill.
            unanswered = [*_tasks.UNANSWERED, *since]
            emptied = _tasks.list_tasks(self._client, number, *unanswered, data=False)
            held = set(map(task_of, self._standing))
            self._take_numbered(int(row["id"]) for row in emptied if int(row["id"]) in held)
            counted = self._count()
        # The second time whatever the server's counters say: those of a task are wrong after a kill.
        for some_rows in (counters, everywhere, everywhere):
            if counted == self._shown():
                break
            self._compare_all(some_rows)
            before, counted = counted, self._count()
            self.counted = counted == before
        shown = self._shown()
        if counted == shown:
            self.counted = True
        elif self.counted:
            self.differs = counted, shown

    def seen(self) -> Seen:
        """What shows whether the server is the one that was pulled before."""
        return Seen(
            project=self.project.id,
            known=self._known,
            given=[one.annotation for one in self.given.values()],
            left={self._name(left) for left in self.left},
            missing=self.deleted,
            touched=self._touched,
            now=self._now,
        )

    def leave_moved(self, moved: Mapping[str, str]) -> None:
        """Leave answers that were moved to another task; id now to id in the store."""
        for now, before in moved.items():
            if now in self.given:
                del self.given[now]
                self._leave(
                    now,
                    f"answer {number_of(now)} was moved here from task {task_of(before)}, and what was said is about "
                    "what that one showed: move it back, or delete it; what the store holds of it from before "
                    "still counts",
                )
            if before in self._known:
                self._again.add(task_of(before))
                self.deleted.discard(before)

    def leave_lost(self, lost: Iterable[str]) -> None:
        """Leave answers that are gone while nothing was done to their tasks."""
        for name in lost:
            if name in self.deleted:
                self.deleted.discard(name)
                self._leave(
                    name,
                    f"answer {number_of(name)} is on the server no more, and its task was not changed since it was "
                    f"given at {self._known[name].said:%Y-%m-%d %H:%M:%S} UTC: was the server put back from a backup, "
                    "or its clock set back? Where it was meant to be deleted, answer or skip the task again",
                )

    def contradictory(self, ids: Iterable[str]) -> Iterator[Contradictory]:
        """Those of the records that are answers which contradict themselves."""
        for name in ids:
            if name in self.given and (reasons := self.given[name].contradictions):
                yield Contradictory(
                    project=self.project.id,
                    task=task_of(name),
                    annotation=number_of(name),
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
            what = "knows as deleted after that"
            if stored.state != "deleted":
                what = f"holds what they said later, at {stored.updated_at:%Y-%m-%d %H:%M:%S}"
            self._leave(
                came.id,
                f"the server shows what {came.annotator} said at {came.updated_at:%Y-%m-%d %H:%M:%S} UTC, and the store "
                f"{what}: was the server put back from a backup, or its clock set back? Let them open it and press "
                "Update, or delete it",
            )

    def moved(self, *, stored: bool) -> Cursor:
        """Where the cursor stands after this."""
        left = {left.task for left in self.left}
        return Cursor(
            newest=self._newest,
            stored=self._before.stored + stored,
            left=tuple(sorted(left)),
            vanished=tuple(sorted({*self._before.vanished, *self.vanished})),
            again=tuple(sorted(self._again - left)),
        )

    def require_counted(self) -> None:
        """Check that the server shows as many answers as it counts.

        Raises:
            LabelStudioError: It does not, however they are asked for.
        """
        if self.differs is not None:
            there, shown = self.differs
            raise LabelStudioError(
                f"the server counts {there:,} answers in it, and shows {shown:,}; what it shows was stored. Export "
                f"it at {self.project.url} and look for an answer that belongs to a task of another project"
            )

    def _leave(self, name: str, reason: str) -> None:
        self.left.append(
            Left(
                project=self.project.id,
                task=task_of(name),
                annotation=number_of(name),
                reason=reason,
            )
        )

    def _name(self, left: Left) -> str:
        return f"{self.project.prefix}{left.task}/{left.annotation}"

    def _take(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Read the answers of tasks as they are now."""
        rows = list(tasks)
        if not rows:
            return
        asked = self.project.purpose
        self._page = self._page or stored_page(
            self._store, asked.rubric, kind=asked.kind, catalog=asked.catalog
        )
        numbers = {int(row["id"]) for row in rows}
        given, left = read_tasks(self._store, self.project, self._page, rows, self._people)
        self.left = [one for one in self.left if one.task not in numbers] + left
        self.given |= {one.annotation.id: one for one in given}
        self._compare(self._seen(rows))

    def _seen(self, rows: Iterable[Mapping[str, Any]]) -> dict[int, set[int]]:
        """Task number to the numbers of its answers; notes when the task was changed."""
        found = {}
        for row in rows:
            task = int(row["id"])
            if "updated_at" in row:
                self._touched[task] = datetime.fromisoformat(row["updated_at"])
            found[task] = {int(answer["id"]) for answer in row["annotations"]}
        return found

    def _take_numbered(self, numbers: Iterable[int]) -> None:
        for some in _tasks.parts(sorted(numbers)):
            named = _tasks.where("id", "in_list", some)
            self._take(_tasks.read_tasks(self._client, self.project.id, named))

    def _compare(self, answers: Mapping[int, Collection[int]]) -> None:
        """Note which answers that the store holds are not among those that the tasks have now."""
        for name in self._standing:
            task = task_of(name)
            if task in answers:
                gone = number_of(name) not in answers[task]
                (self.deleted.add if gone else self.deleted.discard)(name)

    def _count(self) -> int:
        """Answers that the server holds, whatever it knows of its tasks."""
        return _tasks.count_answers(self._client, self.project.id)

    def _shown(self) -> int:
        """Answers that it should hold."""
        return len(self._expected() | set(map(self._name, self.left)))

    def _expected(self) -> set[str]:
        standing = {name for name in self._standing if task_of(name) not in self.vanished}
        return (standing | set(self.given)) - self.deleted

    def _compare_all(self, conditions: Iterable[Iterable[_tasks.Condition]]) -> None:
        """Compare every id: slow where much was answered, and rarely needed."""
        number = self.project.id
        there: dict[int, set[int]] = {}
        for some in conditions:
            there |= self._seen(_tasks.read_answer_ids(self._client, number, *some))
        held = {task_of(name) for name in self._expected()} - set(there)
        for part in _tasks.parts(sorted(held)):
            named = _tasks.where("id", "in_list", part)
            there |= self._seen(_tasks.read_answer_ids(self._client, number, named))
        self.vanished |= held - set(there)
        self._compare(there)
        seen = {name.removeprefix(self.project.prefix) for name in self._expected()}
        seen |= {f"{left.task}/{left.annotation}" for left in self.left}
        self._take_numbered(
            task
            for task, answers in there.items()
            if any(f"{task}/{answer}" not in seen for answer in answers)
        )


def changed_since(newest: str) -> _tasks.Condition:
    """Tasks that were changed after `newest`, or so shortly before that it may not have been visible."""
    moment = datetime.fromisoformat(newest).astimezone(UTC) - OVERLAP
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _tasks.where("updated_at", "greater_or_equal", text, type="Datetime")

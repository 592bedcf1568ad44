"""Withdraw: a project that was pushed in error is taken off the server; what was said in it stays in the store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from annotation.label_studio import _tasks
from annotation.label_studio._look import changed_since
from annotation.label_studio._sharing import LEASE
from annotation.label_studio.client import PASSING
from annotation.label_studio.projects import (
    Project,
    end_withdrawal,
    note_withdrawn,
    noted_projects,
)
from annotation.label_studio.pull import pull_whole
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

_TRIES = 5
_PAUSE = 0.2
"""Seconds before the second try to delete; each later one waits twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A project that is on the server no more."""

    number: int
    title: str
    pulled: int = 0
    """Answers of it that were new, changed or deleted, and were stored right before."""
    answers: int = 0
    """Answers of it that the store holds."""
    before: bool = False
    """Whether it had been withdrawn before, and nothing was done now."""


def withdraw(client: Client, store: Store, number: int) -> Withdrawn:
    """Take a project that was pushed from `store` off the server, once everything said in it is stored.

    Its answers stay in the store and count as before. A push of the same purpose makes a new project. Where
    this is killed, the project stands or is gone, and doing it again ends it. Label Studio's open edition
    cannot close a project: what somebody sends within the few milliseconds before it goes is lost.

    Args:
        client: The server.
        store: From which it was pushed.
        number: Of the project, as its address has it.

    Raises:
        LabelStudioError: The project is none of this store's, somebody is at work in it, an answer cannot be
            stored, or the server refuses; then it stays.
    """
    project = _noted(client, store, number)
    if project is not None:
        with store.alone(LEASE):
            # Another withdrawal may have held the lease before.
            if project := _noted(client, store, number):
                return _withdraw(client, store, project)
    title = end_withdrawal(client, store, number)
    if title is None:
        raise LabelStudioError(
            f"no project {number} on {client.url} was pushed from the store {store.url}: a project's number is "
            "in its address, and a push tells it"
        )
    return Withdrawn(number=number, title=title, before=True)


def _noted(client: Client, store: Store, number: int) -> Project | None:
    return next((one for one in noted_projects(client, store) if one.id == number), None)


def _withdraw(client: Client, store: Store, project: Project) -> Withdrawn:
    stored = 0
    for attempt in range(1, _TRIES + 1):
        # Before every try: what did not go at the first may have been answered in the meantime.
        stored += _bring_home(client, store, project)
        note_withdrawn(client, store, project, gone=False)
        try:
            client.delete_project(project.id)
            break
        except LabelStudioError as error:
            if attempt == _TRIES or (error.status is not None and error.status not in PASSING):
                raise
        time.sleep(_PAUSE * 2 ** (attempt - 1))
        if _noted(client, store, project.id) is None:
            break
    note_withdrawn(client, store, project, gone=True)
    known = store.annotations(prefix=project.prefix, state=["answered", "skipped"])
    return Withdrawn(
        number=project.id, title=project.title, pulled=stored, answers=len(known["id"])
    )


def _bring_home(client: Client, store: Store, project: Project) -> int:
    """Pull until nothing changes on the server meanwhile; how many answers of the project were stored.

    Everything is read, whatever was read before: a clock that was set back hides a change from the cursor.

    Raises:
        LabelStudioError: Something in it would be lost.
    """
    stored = 0
    for _ in range(_TRIES):
        before = _state(client, project)
        pulled = pull_whole(client, store, project.id)
        for failed in pulled.failed:
            if failed.project.id == project.id:
                raise LabelStudioError(f"project {project.id} stays: {failed.reason}")
        own = next((one for one in pulled.projects if one.project.id == project.id), None)
        if own is None:
            raise LabelStudioError(
                f"project {project.id} was deleted on {client.url} while it was withdrawn: its answers stand as far "
                "as they were pulled"
            )
        stored += own.new + own.changed + own.deleted
        if own.left:
            first = own.left[0]
            raise LabelStudioError(
                f"project {project.id} stays: {len(own.left):,} of its answers could not be stored and would be "
                f"lost, such as answer {first.annotation} to task {first.task} ({first.reason}); delete those "
                f"answers at {project.url} first"
            )
        if drafts := _tasks.drafts_open(client, project.id):
            raise LabelStudioError(
                f"project {project.id} stays: somebody has begun an answer to {drafts:,} of its tasks and not "
                f"sent it; let them press Submit or discard the draft at {project.url} first"
            )
        if own.counted and _state(client, project, before) == before:
            return stored
    raise LabelStudioError(
        f"project {project.id} stays: people answer in it right now; ask them to stop, and withdraw it again"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What moves when somebody answers, even where the server's clock was set back."""

    since: str
    answers: int
    changed: frozenset[tuple[int, str]]
    """Number and `updated_at` of the tasks that were changed since then, or seem to be."""


def _state(client: Client, project: Project, before: _State | None = None) -> _State:
    answers = _tasks.count_answers(client, project.id)
    now = client.server_now or datetime.now(UTC)
    since = before.since if before else now.isoformat()
    tasks = _tasks.list_tasks(client, project.id, changed_since(since), data=False)
    changed = frozenset((int(row["id"]), str(row["updated_at"])) for row in tasks)
    return _State(since=since, answers=answers, changed=changed)

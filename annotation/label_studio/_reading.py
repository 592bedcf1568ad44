"""What the server holds about a task, as records of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from annotation.label_studio._dealing import Question, task_key
from annotation.label_studio._shown import as_made
from annotation.label_studio.interfaces import Interface, read_result
from annotation.label_studio.projects import Project
from workbench.errors import LabelStudioError, WorkbenchError
from workbench.records import Annotation, Correction, Generation

if TYPE_CHECKING:
    from workbench.store import Store

SIMULATED = "@simulated.invalid"
"""End of the login of somebody who is no person; what they answer is stored as simulated."""
_LONGEST = 86_400.0
"""Seconds for which one can look at one task; what is over that is no measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An answer that is on the server and not in the store, and why; the rest was stored."""

    project: int
    task: int
    annotation: int
    """Its number on the server."""
    reason: str
    """What was wanted and what came, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradictory:
    """An answer whose parts do not fit each other; it was stored as it was given."""

    project: int
    task: int
    annotation: int
    """Its number on the server."""
    reasons: tuple[str, ...]
    """A sentence each, such as `approved with failure mode 'wrong_color', which refuses whatever else is said`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One person's answer as it is on the server now."""

    annotation: Annotation
    corrections: tuple[Correction, ...]
    contradictions: tuple[str, ...] = ()
    """What in it does not fit another part."""


def read_tasks(
    store: Store,
    project: Project,
    interface: Interface,
    tasks: Sequence[Mapping[str, Any]],
    people: Mapping[int, str],
) -> tuple[list[Given], list[Left]]:
    """Answers to `tasks` that can be stored, and those that cannot.

    Args:
        store: Knows the generations.
        project: That they are of.
        interface: That they were given in.
        tasks: As the server lists them, with their answers.
        people: User number to the name that the store keeps.
    """
    asked = {name for task in tasks for name in (_generation(task), _named(task, "against"))}
    known = {one.key: one for one in store.records(Generation, sorted(asked - {""}))}
    before = _stored_words(store, project, tasks)
    given, left = [], []
    for task in tasks:
        for answer in task["annotations"]:
            try:
                if "unreadable" in task:
                    raise LabelStudioError(
                        f"the server cannot show task {task['id']} of project {project.id}, so none of its "
                        f"answers was read ({task['unreadable']}); delete the one that holds what is no "
                        "Unicode text"
                    )
                if _generation(task) not in known:
                    raise LabelStudioError(
                        f"task {task['id']} of project {project.id} is none that was pushed from the store "
                        f"{store.url}: its answers are left alone"
                    )
                came = _read_pushed(
                    project, interface, task, answer, people=people, before=before, known=known
                )
                given.append(_own_word(store, answer, came, people, before))
            except WorkbenchError as error:
                number = int(answer["id"])
                left.append(
                    Left(
                        project=project.id,
                        task=int(task["id"]),
                        annotation=number,
                        reason=str(error),
                    )
                )
    return given, left


def _read_pushed(
    project: Project,
    interface: Interface,
    task: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    people: Mapping[int, str],
    before: Mapping[str, Annotation],
    known: Mapping[str, Generation],
) -> Given:
    """`_read`, where the page's own readers stumble over data that were changed by hand."""
    try:
        author = _author(project, task, answer, people, before)
        return _read(project, interface, task, answer, author=author, known=known)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LabelStudioError(
            f"the data of task {task['id']} of project {project.id} were changed by hand, so the answer to "
            f"it cannot be read ({type(error).__name__}: {error}); delete the task and push again"
        ) from error


def _generation(task: Mapping[str, Any]) -> str:
    return _named(task, "generation") if _named(task, "key") else ""


def _named(task: Mapping[str, Any], name: str) -> str:
    """Text of a task's data; empty where it has none of this name."""
    data = task.get("data")
    value = data.get(name) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else ""


def _stored_words(
    store: Store, project: Project, tasks: Iterable[Mapping[str, Any]]
) -> Mapping[str, Annotation]:
    """What the store holds of answers whose authors the server has no more, or that others saved after them."""
    names = [
        f"{project.prefix}{task['id']}/{answer['id']}"
        for task in tasks
        if "unreadable" not in task
        for answer in task["annotations"]
        if answer.get("completed_by") is None or _editor(answer) is not None
    ]
    return {a.id: a for a in store.records(Annotation, names)}


def _editor(answer: Mapping[str, Any]) -> int | None:
    """Number of the user who saved the answer last, where that is not its author."""
    editor = answer.get("updated_by")
    return None if editor == answer.get("completed_by") else editor


def _author(
    project: Project,
    task: Mapping[str, Any],
    answer: Mapping[str, Any],
    people: Mapping[int, str],
    before: Mapping[str, Annotation],
) -> tuple[str, bool]:
    """Annotator, and whether it is a simulated one."""
    user = answer["completed_by"]
    stored = before.get(f"{project.prefix}{task['id']}/{answer['id']}")
    if user is not None:
        name = people.get(user, f"label_studio user {user}")
    elif stored is not None:
        name = stored.annotator
    else:
        name = f"deleted user of annotation {answer['id']}"
    if name.endswith(SIMULATED):
        return f"simulated:{name.removesuffix(SIMULATED)}", True
    return name, user is None and stored is not None and stored.simulated


def _own_word(
    store: Store,
    answer: Mapping[str, Any],
    came: Given,
    people: Mapping[int, str],
    before: Mapping[str, Annotation],
) -> Given:
    """`came`, where its author was the last to save it; else their word as the store has it.

    Raises:
        LabelStudioError: Somebody else saved it, and the store has no equal word of its author: what it says now
            may be partly theirs, who saw what the first one had said, so it is not stored. A star that an
            administrator gives saves an answer too, and changes no word of it.
    """
    editor = _editor(answer)
    if editor is None:
        return came
    stored = before.get(came.annotation.id)
    if stored is not None and replace(came.annotation, **_making(stored)) == stored:
        found = store.corrections(annotation=[stored.id])["id"]
        corrections = tuple(store.records(Correction, found))
        if _texts(corrections) == _texts(came.corrections):
            return replace(came, annotation=stored, corrections=corrections)
    who = people.get(editor, f"label_studio user {editor}")
    raise LabelStudioError(
        f"{who} was the last to save what {came.annotation.annotator} had said, by a change or by no more than a "
        f"star, and the store has no equal word of {came.annotation.annotator}: let them open it and press Update, "
        "or delete it; pull before stars are given"
    )


def _making(stored: Annotation) -> dict[str, Any]:
    """What a later save changes, though nobody says anything else."""
    return {
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "run": stored.run,
        "seconds": stored.seconds,
        "blind": stored.blind,
    }


def _texts(corrections: Iterable[Correction]) -> set[tuple[str, str | None, str | None]]:
    return {(one.about, one.before, one.after) for one in corrections}


def _require_pushed(project: Project, task: Mapping[str, Any]) -> None:
    """Check that the task asks what was pushed: whoever may edit tasks can name another generation in it."""
    data = task["data"]
    generation, against = data["generation"], data.get("against")
    pushed = (against is None or isinstance(against, str)) and data["key"] == task_key(
        project.purpose.key, Question(generation=generation, against=against)
    )
    if not pushed:
        beside = "" if against is None else f" against {against!r:.14}"
        raise LabelStudioError(
            f"task {task['id']} of project {project.id} asks about {generation[:12]}{beside}, and its key "
            f"{data['key']!r:.14} is not of that: its data were changed on the server, put them back"
        )


def _seconds(lead_time: object) -> float | None:
    if isinstance(lead_time, int | float) and 0 <= lead_time <= _LONGEST:
        return float(lead_time)
    return None


def _read(
    project: Project,
    interface: Interface,
    task: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    author: tuple[str, bool],
    known: Mapping[str, Generation],
) -> Given:
    _require_pushed(project, task)
    data = task["data"]
    purpose = project.purpose
    annotator, simulated = author
    blank = Annotation(
        id=f"{project.prefix}{task['id']}/{answer['id']}",
        generation=data["generation"],
        against=data.get("against"),
        annotator=annotator,
        rubric=purpose.rubric,
        approved=None,
        state="skipped",
        seconds=_seconds(answer.get("lead_time")),
        # A prediction that somebody added by hand was seen, whatever the project was made for.
        blind=purpose.blind and not task.get("total_predictions"),
        adjudicates=purpose.adjudicates,
        audit=purpose.audit,
        simulated=simulated,
        created_at=datetime.fromisoformat(answer["created_at"]),
        updated_at=datetime.fromisoformat(answer["updated_at"]),
    )
    if answer["was_cancelled"]:
        return Given(annotation=blank, corrections=())
    try:
        made = as_made(interface, data, known)
    except LabelStudioError as error:
        raise LabelStudioError(f"task {task['id']} of project {project.id}: {error}") from error
    said = read_result(interface, answer["result"], made)
    annotation = replace(
        blank,
        state="answered",
        approved=said.approved,
        preferred=said.preferred,
        scores=dict(said.scores),
        failure_modes=said.failure_modes,
        note=said.note,
    )
    corrections = tuple(
        Correction(
            id=f"{blank.id}#{about}",
            annotation=blank.id,
            generation=blank.generation,
            about=about,
            before=before,
            after=after,
            simulated=simulated,
            created_at=datetime.fromisoformat(answer["updated_at"]),
        )
        for about, before, after in said.corrections
    )
    return Given(annotation=annotation, corrections=corrections, contradictions=said.contradictions)

"""What the server holds about a task, as records of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from annotation.label_studio._dealing import Question, task_key
from annotation.label_studio.interfaces import Interface, build_interface, read_result
from annotation.label_studio.projects import Project
from workbench.errors import LabelStudioError, WorkbenchError
from workbench.records import Annotation, Correction, Generation
from workbench.rubric import parse_rubric
from workbench.schema import parse_schema

if TYPE_CHECKING:
    from workbench.store import Store

SIMULATED = "@simulated.invalid"
"""End of the login of somebody who is no person; what they answer is stored as simulated."""
NAMED = 1000
"""Ids asked for in one call of the store."""
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


def page_of(store: Store, project: Project) -> Interface:
    """The page that the project's answers were given in.

    Raises:
        LabelStudioError: Its rubric is not in the store.
    """
    purpose = project.purpose
    name, _, version = purpose.rubric.rpartition("@")
    text = store.rubric_text(name, int(version)) if version.isdigit() else None
    if text is None:
        raise LabelStudioError(
            f"project {project.id} asks rubric {purpose.rubric}, which is not in the store {store.url}: "
            "pull into the store that it was pushed from"
        )
    words = None if purpose.catalog is None else store.schema_text(purpose.catalog)
    schema = None if words is None else parse_schema(words, where=f"schema of {purpose.catalog}")
    return build_interface(purpose.kind, parse_rubric(text, where=purpose.rubric), schema=schema)


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
    asked = {_generation(task) for task in tasks} - {""}
    known = store.known(Generation, asked)
    before = _stored_without_author(store, project, tasks)
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
                author = _author(project, task, answer, people, before)
                given.append(_read_pushed(project, interface, task, answer, author))
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
    author: tuple[str, bool],
) -> Given:
    """`_read`, where the page's own readers stumble over data that were changed by hand."""
    try:
        return _read(project, interface, task, answer, author)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LabelStudioError(
            f"the data of task {task['id']} of project {project.id} were changed by hand, so the answer to "
            f"it cannot be read ({type(error).__name__}: {error}); delete the task and push again"
        ) from error


def _generation(task: Mapping[str, Any]) -> str:
    data = task.get("data")
    key = data.get("generation") if isinstance(data, Mapping) and data.get("key") else None
    return key if isinstance(key, str) else ""


def _stored_without_author(
    store: Store, project: Project, tasks: Iterable[Mapping[str, Any]]
) -> Mapping[str, Annotation]:
    """What the store holds of answers whose authors the server has no more."""
    names = [
        f"{project.prefix}{task['id']}/{answer['id']}"
        for task in tasks
        for answer in task["annotations"]
        if answer.get("completed_by") is None and "unreadable" not in task
    ]
    return {a.id: a for part in _parts(names) for a in store.records(Annotation, part)}


def _author(
    project: Project,
    task: Mapping[str, Any],
    answer: Mapping[str, Any],
    people: Mapping[int, str],
    before: Mapping[str, Annotation],
) -> tuple[str, bool]:
    """Annotator, and whether it is a simulated one.

    Raises:
        LabelStudioError: Somebody else changed the answer. What it says now is partly theirs, and they saw
            what the first one had said: it is nobody's own answer, so it is not stored.
    """
    user, editor = answer["completed_by"], answer["updated_by"]
    stored = before.get(f"{project.prefix}{task['id']}/{answer['id']}")
    if user is not None:
        name = people.get(user, f"label_studio user {user}")
    elif stored is not None:
        name = stored.annotator
    else:
        name = f"deleted user of annotation {answer['id']}"
    if editor is not None and editor != user:
        raise LabelStudioError(
            f"{people.get(editor, f'label_studio user {editor}')} changed what {name} had said: want one "
            "person's own answer; let whoever gave it open it and press Update, or delete it"
        )
    if name.endswith(SIMULATED):
        return f"simulated:{name.removesuffix(SIMULATED)}", True
    return name, user is None and stored is not None and stored.simulated


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
    author: tuple[str, bool],
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
    said = read_result(interface, answer["result"], data)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Records that differ from what the store holds."""

    records: tuple[Annotation | Correction, ...]
    new: int
    """Answers that the store did not hold."""
    changed: int
    deleted: int


def changes(store: Store, given: Iterable[Given], gone: Collection[str]) -> Changes:
    """What has to be stored.

    Args:
        store: As it is.
        given: Answers as they are on the server now.
        gone: Ids of annotations of the store that were deleted there.
    """
    now = {one.annotation.id: one for one in given}
    ids = [*now, *gone]
    stored = {a.id: a for part in _parts(ids) for a in store.records(Annotation, part)}
    corrected: dict[str, dict[str, Correction]] = {}
    for part in _parts([key for key in ids if key in stored]):
        found = store.corrections(annotation=part, history=True)["id"]
        for correction in store.records(Correction, found):
            corrected.setdefault(correction.annotation, {})[correction.id] = correction

    records: list[Annotation | Correction] = []
    counts = {"new": 0, "changed": 0, "deleted": 0}
    for key, one in now.items():
        own = _corrections(corrected.get(key, {}), one.corrections)
        before = stored.get(key)
        if before is None or own or not _same(before, one.annotation):
            counts["new" if before is None else "changed"] += 1
            records += [one.annotation, *own]
    for key in gone:
        before = stored[key]
        if before.state != "deleted":
            counts["deleted"] += 1
            records += [_emptied(before), *_corrections(corrected.get(key, {}), ())]
    return Changes(records=tuple(records), **counts)


def _corrections(before: Mapping[str, Correction], now: Iterable[Correction]) -> list[Correction]:
    """Corrections that are new or changed, and those that were taken back."""
    given = {one.id: one for one in now}
    changed = [
        one for key, one in given.items() if key not in before or not _same(before[key], one)
    ]
    return changed + [
        replace(one, withdrawn=True)
        for key, one in before.items()
        if key not in given and not one.withdrawn
    ]


def _emptied(annotation: Annotation) -> Annotation:
    return replace(
        annotation,
        state="deleted",
        approved=None,
        preferred=None,
        scores={},
        failure_modes=(),
        note=None,
        updated_at=None,
    )


def _same(stored: Annotation | Correction, came: Annotation | Correction) -> bool:
    """Whether they say the same; moments and runs are about the making."""
    making: dict[str, Any] = {"created_at": stored.created_at}
    if isinstance(stored, Annotation):
        making |= {"updated_at": stored.updated_at, "run": stored.run}
    return replace(came, **making) == stored


def _parts(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[start : start + NAMED]) for start in range(0, len(ids), NAMED))

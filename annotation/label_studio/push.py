"""Push: questions about generations become tasks of projects, each once, whatever is killed in between.

One push of a purpose at a time holds the store's lease of that purpose: two pushes through one store never
make the same project or task. A push that was killed left its project's key and its tasks' keys on the server,
and the next one finds them. What only pushes through different stores at the same moment, or an import that
the server finished after its connection broke, could double, is found by counting, and the later one of two
tasks that nobody answered is removed.
"""

from __future__ import annotations

import functools
import random
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio.interfaces import Interface, instructions, prediction, task_data
from annotation.label_studio.pictures import serve_pictures
from annotation.label_studio.projects import Project, Purpose, configure, ensure_project
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item, Verdict, content_key
from workbench.rubric import dump_rubric
from workbench.store import catalog_of

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

_LONGEST_TITLE = 50
_FEW = 300
"""Keys that are asked for by name; where more are wanted, all tasks are listed instead."""
_VARIABLE = re.compile(r"\$(\w+)")
"""Where a page shows something of its task."""
_OURS = frozenset({"key", "generation", "against", "order", "rubric", "audit"})
"""Data of a task beside what its page shows; none of it tells what a judge said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One generation to be looked at, or two to be compared."""

    generation: str
    against: str | None = None
    """The other one of a pair."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the page shows beside the generation itself (JSON types), such as answers to adjudicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedProject:
    """What a push did to one project."""

    project: Project
    created: int
    """Tasks that were made now."""
    known: int
    """Tasks that were there."""
    removed: int = 0
    """Doubles that another push at the same moment had left, removed now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push did."""

    projects: tuple[PushedProject, ...]

    @property
    def created(self) -> int:
        """Tasks made now, in all projects."""
        return sum(one.created for one in self.projects)

    @property
    def known(self) -> int:
        """Tasks that were there, in all projects."""
        return sum(one.known for one in self.projects)


def push(
    client: Client,
    store: Store,
    questions: Iterable[Question],
    *,
    name: str,
    interface: Interface,
    blind: bool = True,
    audit: str | None = None,
    adjudicates: bool = False,
    annotators: Sequence[str] = (),
    per_item: int = 1,
    seed: int = 0,
    media: Path | None = None,
) -> Pushed:
    """Ask people `questions`: every one becomes a task, and none twice however often it is pushed.

    The open edition of Label Studio cannot assign tasks: each named annotator gets a project of their own,
    with the items that are theirs. Tasks come in an order of their keys, which says nothing about verdicts.

    Args:
        client: The server.
        store: Holds generations, items, pictures and verdicts; gets the rubric's text and the projects' notes.
        questions: Any number.
        name: Of the purpose, such as `audit <id>`: the same name means the same projects.
        interface: The page.
        blind: False: the latest verdict of the rubric on each generation is attached, and everybody sees it.
        audit: Whose draw it is.
        adjudicates: Whether the answers count instead of those that they settle.
        annotators: Who is asked; none: one project for everybody.
        per_item: How many people answer each question.
        seed: Of the assignment. The same people, items and seed give the same assignment.
        media: As in `serve_pictures`.

    Raises:
        LabelStudioError: A generation is not in the store, a task would tell what the judge said, fewer
            people are named than an item wants, or the server refuses; what was created stays, and the
            next push goes on from there.
    """
    asked = list({_identity(question): question for question in questions}.values())
    if per_item < 1 or (annotators and per_item > len(set(annotators))):
        raise LabelStudioError(
            f"want from 1 to {len(set(annotators)) or 'any number of'} people an item, got {per_item=}"
        )
    generations, items = _records(store, asked)
    first = next((items[g.item] for g in generations.values() if g.item in items), None)
    rubric = interface.rubric
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))

    photos = [one.photo for one in rubric.examples if (one.photo or "").startswith("sha256:")]
    examples = [photo for photo in photos if photo and store.images.has(photo)]

    def purpose_for(annotator: str | None) -> Purpose:
        return Purpose(
            kind=interface.kind,
            rubric=rubric.label,
            name=name,
            blind=blind,
            audit=audit,
            adjudicates=adjudicates,
            annotator=annotator,
            catalog=None if first is None else catalog_of(first.id),
        )

    shares: list[tuple[str | None, Sequence[Question]]] = [(None, asked)]
    if annotators:
        shares = [*assign(asked, annotators, per_item=per_item, seed=seed).items()]
    done = []
    for annotator, share in shares:
        purpose = purpose_for(annotator)
        with store.alone(f"label studio push {purpose.key}"):
            title = _title(interface, audit, annotator)
            project = ensure_project(client, store, purpose, title=title)
            shown = [*_pictures(share, generations, items), *examples]
            pictures = serve_pictures(client, store, project.id, shown, media=media)
            builder = _Builder(
                store=store,
                interface=interface,
                purpose=purpose,
                generations=generations,
                items=items,
                pictures=pictures,
            )
            configure(
                client,
                project,
                interface,
                words=instructions(interface, pictures=pictures),
                per_item=1 if annotators else per_item,
            )
            done.append(_fill(client, project, share, builder))
    return Pushed(projects=tuple(done))


def assign(
    questions: Sequence[Question], annotators: Sequence[str], *, per_item: int, seed: int
) -> dict[str, list[Question]]:
    """Deal questions to people: each to `per_item` of them, nobody more than one above another.

    Who shares items with whom is drawn, so that every two people meet.

    Args:
        questions: Without doubles; their order does not matter.
        annotators: Distinct names; their order does not matter.
        per_item: From 1 to the number of names.
        seed: Of the draw.
    """
    names = sorted(set(annotators))
    rng = random.Random(f"{seed} {names}")  # noqa: S311 (a draw, no secret)
    dealt: dict[str, list[Question]] = {name: [] for name in names}
    ordered = sorted(questions, key=_identity)
    rng.shuffle(ordered)
    for question in ordered:
        # The ones with the fewest items; chance decides between equals.
        free = sorted(names, key=lambda name: (len(dealt[name]), rng.random()))
        for name in free[:per_item]:
            dealt[name].append(question)
    return dealt


def task_key(purpose: str, question: Question) -> str:
    """The key that a task carries in its data: 64 hex digits, from `Purpose.key` and generations alone."""
    return content_key("label studio task", purpose, *_identity(question))


def _identity(question: Question) -> tuple[str, str]:
    return (question.generation, question.against or "")


def _title(interface: Interface, audit: str | None, annotator: str | None) -> str:
    """At most 50 characters; what is cut is whole in the project's description."""
    own = [audit[:6] if audit else "", annotator[:16] if annotator else ""]
    end = "".join(f" · {part}" for part in own if part)
    return interface.title[: _LONGEST_TITLE - len(end)].rstrip(" ·") + end


def _records(
    store: Store, questions: Sequence[Question]
) -> tuple[dict[str, Generation], dict[str, Item]]:
    keys = [key for question in questions for key in _identity(question) if key]
    generations = {g.key: g for g in store.records(Generation, dict.fromkeys(keys))}
    if missing := [key for key in keys if key not in generations]:
        raise LabelStudioError(
            f"{len(missing)} of {len(questions)} generations are not in the store {store.url}, such as "
            f"{missing[0][:12]!r}: push what `workbench run` or `workbench audit` made there"
        )
    names = {g.item for g in generations.values() if g.item}
    return generations, {item.id: item for item in store.records(Item, sorted(names))}


def _pictures(
    questions: Iterable[Question], generations: Mapping[str, Generation], items: Mapping[str, Item]
) -> Iterator[str]:
    """Addresses of every picture that a page may show."""
    for question in questions:
        for key in _identity(question):
            generation = generations.get(key)
            if generation is None:
                continue
            item = items.get(generation.item or "")
            shown = generation.inputs or (item.photos if item else ())
            yield from (address for address in shown if address.startswith("sha256:"))
            if generation.image is not None:
                yield generation.image


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builder:
    """Makes the tasks of one project."""

    store: Store
    interface: Interface
    purpose: Purpose
    generations: Mapping[str, Generation]
    items: Mapping[str, Item]
    pictures: Mapping[str, str]

    def tasks(self, asked: Sequence[tuple[str, Question]]) -> list[dict[str, Any]]:
        """Keys and questions as the server imports them."""
        verdicts = {} if self.purpose.blind else self._verdicts([q.generation for _, q in asked])
        return [self._task(key, question, verdicts) for key, question in asked]

    def _task(
        self, key: str, question: Question, verdicts: Mapping[str, Verdict]
    ) -> dict[str, Any]:
        generation = self.generations[question.generation]
        data = task_data(
            self.interface,
            generation,
            self.items.get(generation.item or ""),
            pictures=self.pictures,
            against=self.generations.get(question.against or ""),
        )
        data |= {**question.extra, "key": key}
        if self.purpose.audit is not None:
            data["audit"] = self.purpose.audit
        self._check(key, data)
        task: dict[str, Any] = {"data": data}
        if verdict := verdicts.get(generation.key):
            version = f"{verdict.judge} {verdict.revision[:8]}"
            task["predictions"] = [
                prediction(self.interface, verdict, generation, model_version=version)
            ]
        return task

    def _check(self, key: str, data: Mapping[str, Any]) -> None:
        """Every name of the page has its value, and nothing else goes along.

        One task that lacks a value has its whole batch refused; what it has beside, annotators can read.
        """
        shown = _shown(self.interface.config)
        if missing := sorted(shown - set(data)):
            raise LabelStudioError(
                f"task {key[:12]} lacks {missing[0]!r}, which the page shows: nothing of its batch was sent"
            )
        if strange := sorted(set(data) - shown - _OURS):
            raise LabelStudioError(
                f"task {key[:12]} carries {strange[0]!r}, which its page does not show and every annotator "
                "can read: leave it out"
            )

    def _verdicts(self, generations: Sequence[str]) -> dict[str, Verdict]:
        """The latest verdict of the rubric on each generation that has one."""
        found = self.store.decisions(generation=generations, rubric=self.interface.rubric.label)
        keys = dict(zip(found["generation"], found["key"], strict=True))
        by_key = {v.key: v for v in self.store.records(Verdict, keys.values())}
        return {generation: by_key[key] for generation, key in keys.items()}


@functools.lru_cache(maxsize=8)
def _shown(config: str) -> frozenset[str]:
    """Names that a page shows of its task."""
    return frozenset(_VARIABLE.findall(config))


def _fill(
    client: Client, project: Project, share: Sequence[Question], builder: _Builder
) -> PushedProject:
    """Make the tasks that are not there, and see that they are there once."""
    purpose = project.purpose.key
    wanted = {task_key(purpose, question): question for question in share}
    before = _tasks.count_tasks(client, project.id)
    there = _there(client, project.id, wanted) if before else set()
    # In the order of keys: neither the order of a draw nor its strata can be read from task numbers.
    new = sorted(key for key in wanted if key not in there)
    created = 0
    for some, tasks in _made_ahead(builder, [(key, wanted[key]) for key in new]):
        try:
            _tasks.import_tasks(client, project.id, tasks)
        except LabelStudioError as error:
            raise LabelStudioError(
                f"{error}; {created} of {len(new)} tasks of project {project.id} were made before "
                f"(the next begins with key {some[0][0][:12]}): push again, and it goes on from there",
                status=error.status,
            ) from None
        created += len(some)
    removed = 0
    if _tasks.count_tasks(client, project.id) != before + created or len(there) != before:
        removed = _remove_doubles(client, project.id)
    return PushedProject(
        project=project, created=created, known=len(wanted) - created, removed=removed
    )


def _made_ahead(
    builder: _Builder, asked: Sequence[tuple[str, Question]]
) -> Iterator[tuple[Sequence[tuple[str, Question]], list[dict[str, Any]]]]:
    """Batches and their tasks; the next one is made while the server takes the one before.

    The first one is small: the server begins while most tasks are still to be made.
    """
    first = min(_tasks.FIRST, _tasks.BATCH)
    cuts = [0, *range(first, len(asked), _tasks.BATCH), len(asked)]
    batches = [asked[start:end] for start, end in pairwise(cuts) if start < end]
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = deque(ahead.submit(builder.tasks, batch) for batch in batches[:1])
        for place, batch in enumerate(batches):
            tasks = coming.popleft().result()
            coming.extend(ahead.submit(builder.tasks, b) for b in batches[place + 1 : place + 2])
            yield batch, tasks


def _there(client: Client, project: int, keys: Collection[str]) -> set[str]:
    """Which keys the project has tasks of."""
    if len(keys) <= _FEW:
        found = _tasks.tasks_with(client, project, "data.key", keys)
    else:
        found = _tasks.list_tasks(client, project)
    return {key for task in found if (key := task["data"].get("key")) in keys}


def _remove_doubles(client: Client, project: int) -> int:
    """Keep one task of each key: the first that somebody answered, else the first. Answers are never removed."""
    tasks: dict[str, list[int]] = {}
    for task in _tasks.list_tasks(client, project):
        if isinstance(key := task["data"].get("key"), str):
            tasks.setdefault(key, []).append(int(task["id"]))
    doubles = {key: ids for key, ids in tasks.items() if len(ids) > 1}
    asked = [number for ids in doubles.values() for number in ids]
    answered = _tasks.worked_on(client, project, asked)
    removed = 0
    for ids in doubles.values():
        kept = next((number for number in ids if number in answered), ids[0])
        for number in ids:
            if number != kept and number not in answered:
                client.request(
                    "DELETE",
                    f"/api/tasks/{number}",
                    doing=f"remove the second of two equal tasks of project {project}",
                )
                removed += 1
    return removed

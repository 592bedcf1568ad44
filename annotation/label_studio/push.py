"""Push: questions about generations become tasks of projects, each once, whatever is killed in between.

One push of a purpose at a time holds the store's lease of that purpose: two pushes through one store never
make the same project or task. A push that was killed left its project's key and its tasks' keys on the server,
and the next one finds them. What only pushes through different stores at the same moment, or an import that
the server finished after its connection broke, could double, is found by counting, and the later one of two
tasks that nobody answered is removed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.label_studio import _tasks
from annotation.label_studio._building import Builder
from annotation.label_studio._dealing import (
    Identity,
    Question,
    assign,
    identity,
    logins,
    order_of,
    task_key,
    without_account,
)
from annotation.label_studio._sharing import (
    LEASE,
    key_of,
    overlap_of,
    projects_asking,
    refuse_both_modes,
    shares_of,
)
from annotation.label_studio.interfaces import Interface, fitted, instructions
from annotation.label_studio.pictures import largest, serve_pictures
from annotation.label_studio.projects import (
    Project,
    Purpose,
    configure,
    description_of,
    ensure_project,
    title_of,
)
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item
from workbench.rubric import dump_rubric

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

__all__ = ["Pushed", "PushedProject", "Question", "assign", "push", "task_key"]


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
    made: tuple[str, ...] = ()
    """Generations of the tasks that were made now."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Generations that the page cannot show, and why; there is no task of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push did."""

    projects: tuple[PushedProject, ...]
    elsewhere: tuple[tuple[Project, int], ...] = ()
    """Other projects of the purpose, and how many of the questions each of them asks already."""
    without_account: tuple[str, ...] = ()
    """Logins that the server has no account of: nobody can work as them yet."""

    @property
    def left(self) -> dict[str, str]:
        """Generations that the page cannot show, and why."""
        return {key: why for one in self.projects for key, why in one.left.items()}

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
    counting: Collection[str] = (),
) -> Pushed:
    """Ask people `questions`: every one becomes a task, and none twice however often it is pushed.

    The open edition of Label Studio cannot assign tasks: each named annotator gets a project of their own,
    with the items that are theirs. Tasks come in an order of their keys, which says nothing about verdicts.
    What projects of this purpose ask already counts, whoever was named then: people are dealt only what is
    missing to reach `per_item`. Everybody sees every project in that edition, so an output is asked about
    either blind or with the judge's answers, and not both at once.

    Args:
        client: The server.
        store: Holds generations, items, pictures and verdicts; gets the rubric's text and the projects' notes.
        questions: Any number.
        name: Of the purpose, such as `audit <id>`: the same name means the same projects.
        interface: The page.
        blind: False: the latest verdict of the rubric on each generation is attached, and everybody sees it.
        audit: Whose draw it is.
        adjudicates: Whether the answers count instead of those that they settle.
        annotators: Logins of those who are asked; none: one project for everybody.
        per_item: How many people answer each question.
        seed: Of the assignment. The same people, items and seed give the same assignment.
        media: As in `serve_pictures`.
        counting: Other audits whose answers count for this one: what their projects ask on the same page is
            not asked again.

    Raises:
        LabelStudioError: A generation is not in the store, a task would tell what the judge said, a login
            is empty or named twice, fewer people are named than an item wants, an output is asked about in
            the other mode, the page can show none of the generations, or the server refuses; what was created
            stays, and the next push goes on from there.
    """
    from workbench.store import catalog_of

    asked = list({identity(question): question for question in questions}.values())
    people = logins(annotators)
    if per_item < 1 or (people and per_item > len(people)):
        raise LabelStudioError(
            f"want from 1 to {len(people) or 'any number of'} people an item, got {per_item=}"
        )
    generations, items = _records(store, asked)
    first = next((items[g.item] for g in generations.values() if g.item in items), None)
    rubric = interface.rubric
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))

    photos = [one.photo for one in rubric.examples if (one.photo or "").startswith("sha256:")]
    examples = [photo for photo in photos if photo and store.images.has(photo)]

    purpose = Purpose(
        kind=interface.kind,
        rubric=rubric.label,
        name=name,
        blind=blind,
        audit=audit,
        adjudicates=adjudicates,
        catalog=None if first is None else catalog_of(first.id),
    )
    with store.alone(LEASE):
        refuse_both_modes(client, store, purpose, asked)
        asking = list(projects_asking(client, store, purpose, asked, counting=counting))
        there = {one.name: one for one in asking if one.purpose.audit == audit}
        others = [one for one in asking if one.purpose.audit != audit]
        shares = shares_of(
            asked, people, there.values(), counting=others, per_item=per_item, seed=seed
        )
        named = [*others, *(one for one in there.values() if one.name)]
        done = []
        for annotator, share in shares.items():
            known = there.get(annotator)
            own = replace(purpose, annotator=annotator or None) if known is None else known.purpose
            title = title_of(own, interface, others=people)
            words = description_of(own, len(share))
            project = ensure_project(client, store, own, title=title, words=words)
            shown = [*_pictures(share, generations, items), *examples]
            pictures = serve_pictures(client, store, project.id, shown, media=media)
            builder = Builder(
                store=store,
                interface=interface,
                purpose=own,
                generations=generations,
                items=items,
                pictures=pictures,
            )
            configure(
                client,
                project,
                replace(
                    interface,
                    config=fitted(interface.config, largest(store, _made(share, generations))),
                ),
                words=_words(interface, pictures, blind=blind),
                per_item=1 if annotator else overlap_of(share, named, per_item),
                about=words,
            )
            held = set() if known is None else known.held
            done.append(_fill(client, project, share, held, builder))
    others += [one for name, one in there.items() if name not in shares]
    pushed = Pushed(
        projects=tuple(done),
        elsewhere=tuple((one.project, len(one.held)) for one in others if one.held),
        without_account=without_account(client, people),
    )
    if pushed.left and not pushed.created + pushed.known:
        raise LabelStudioError(
            f"the page can show none of them: {next(iter(pushed.left.values()))}"
        )
    return pushed


def _words(interface: Interface, pictures: Mapping[str, str], *, blind: bool) -> str:
    """The project's instructions, as HTML."""
    words = instructions(interface, pictures=pictures)
    if blind:
        return words
    return f"<p><b>The form begins with the judge's answers.</b> Change what is wrong.</p>{words}"


def _records(
    store: Store, questions: Sequence[Question]
) -> tuple[dict[str, Generation], dict[str, Item]]:
    keys = [key for question in questions for key in identity(question) if key]
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
        for key in identity(question):
            generation = generations.get(key)
            if generation is None:
                continue
            item = items.get(generation.item or "")
            shown = generation.inputs or (item.photos if item else ())
            yield from (address for address in shown if address.startswith("sha256:"))
            if generation.image is not None:
                yield generation.image


def _made(questions: Iterable[Question], generations: Mapping[str, Generation]) -> set[str]:
    """Addresses of pictures that models made, one of each model: what one makes has one size."""
    one_each: dict[tuple[str, str], str] = {}
    for question in questions:
        generation = generations.get(question.generation)
        if generation is not None and generation.image is not None:
            one_each.setdefault((generation.model, generation.revision), generation.image)
    return set(one_each.values())


def _fill(
    client: Client,
    project: Project,
    share: Sequence[Question],
    held: Collection[Identity],
    builder: Builder,
) -> PushedProject:
    """Make the tasks that are not there, and see that they are there once."""
    purpose = project.purpose.key
    wanted = {task_key(purpose, one): one for one in share if identity(one) not in held}
    before = _tasks.count_tasks(client, project.id)
    new = sorted(wanted.items(), key=lambda one: order_of(one[1]))
    created = 0
    for some, tasks, body in _made_ahead(builder, new):
        try:
            if tasks:
                _tasks.import_tasks(client, project.id, tasks, body=body)
        except LabelStudioError as error:
            raise LabelStudioError(
                f"{error}; {created} of {len(new)} tasks of project {project.id} were made before "
                f"(the next begins with key {some[0][0][:12]}): push again, and it goes on from there",
                status=error.status,
            ) from None
        created += len(tasks)
    removed = 0
    known = len(share) - len(wanted)
    if _tasks.count_tasks(client, project.id) != before + created or known != before:
        removed = _remove_doubles(client, project.id)
    return PushedProject(
        project=project,
        created=created,
        known=known,
        removed=removed,
        made=tuple(one.generation for _, one in new if one.generation not in builder.left),
        left=builder.left,
    )


def _made_ahead(
    builder: Builder, asked: Sequence[tuple[str, Question]]
) -> Iterator[tuple[Sequence[tuple[str, Question]], list[dict[str, Any]], bytes]]:
    """Batches, their tasks and the JSON of those; the next one is made while the server takes the one before.

    The first one is small: the server begins while most tasks are still to be made.
    """
    first = min(_tasks.FIRST, _tasks.BATCH)
    cuts = [0, *range(first, len(asked), _tasks.BATCH), len(asked)]
    batches = [asked[start:end] for start, end in pairwise(cuts) if start < end]

    def make(batch: Sequence[tuple[str, Question]]) -> tuple[list[dict[str, Any]], bytes]:
        tasks = builder.tasks(batch)
        return tasks, _tasks.as_body(tasks)

    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = deque(ahead.submit(make, batch) for batch in batches[:1])
        for place, batch in enumerate(batches):
            tasks, body = coming.popleft().result()
            coming.extend(ahead.submit(make, b) for b in batches[place + 1 : place + 2])
            yield batch, tasks, body


def _remove_doubles(client: Client, project: int) -> int:
    """Keep one task of each key: the first that somebody answered, else the first. Answers are never removed."""
    tasks: dict[str, list[int]] = {}
    for task in _tasks.list_tasks(client, project):
        if (key := key_of(task)) is not None:
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

"""People's answers: an audit pushed into Label Studio, pulled back, measured, its disputes settled, its judge asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from annotation.label_studio import (
    Client,
    Project,
    Question,
    Withdrawn,
    connect,
    find_server,
    noted_projects,
    pull,
    push,
    read_credentials,
    server_folder,
)
from annotation.label_studio import withdraw as withdraw_project
from annotation.label_studio._dealing import logins, without_account
from annotation.label_studio._pages import stored_page
from annotation.label_studio.adjudicate import push_disputes
from annotation.label_studio.gold import choose_gold, known_answers
from annotation.label_studio.hints import (
    Hinter,
    Suggested,
    log_problem,
    refuse_blind,
    serve_hints,
)
from annotation.label_studio.interfaces import Interface
from pipelines.annotate_audits import answered_instead, asked_audit, asked_beside, grown_from
from pipelines.annotate_gold import gold_of_truth
from pipelines.annotate_summaries import PullSummary, PushSummary, contradictions, count
from pipelines.judge import load_judge, stored_schema
from pipelines.recorder import record
from pipelines.store_names import shown_store
from workbench.calibration.audited import answers_to, find_audit
from workbench.calibration.audits.sharing import share_answers
from workbench.errors import LabelStudioError
from workbench.judging.judge import has_output
from workbench.records import Annotation, Audit, Generation, Item
from workbench.schema import Schema
from workbench.store import catalog_of, group_of

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A Label Studio, and where pictures go."""

    client: Client
    media: Path | None
    """The folder that it serves; None where it is on another machine, and pictures are uploaded."""
    store: str
    """The store's address, the password hidden."""


@contextmanager
def connected(store: str) -> Iterator[Connected]:
    """Talk to the Label Studio of the store at this address, its own or a team's.

    Raises:
        LabelStudioError: None is known, it does not answer, or it refuses the token.
    """
    folder = server_folder(store)
    credentials = read_credentials(folder=folder)
    server = find_server(folder)
    own = server is not None and server.url == credentials.url
    with connect(credentials) as client:
        yield Connected(
            client=client, media=server.media if server and own else None, store=shown_store(store)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushJob:
    """What `push_audit` is asked for."""

    audit: str | None = None
    """Id, or the beginning of one; None: the latest."""
    blind: bool = True
    annotators: tuple[str, ...] = ()
    """Logins; none: one project for everybody."""
    per_item: int = 1
    """How many people answer each item."""
    gold: int = 0
    """How many items with a known answer are planted."""
    seed: int = 0
    """Of the assignment and the gold items."""


def push_audit(store: Store, studio: Connected, job: PushJob) -> PushSummary:
    """Ask people about what an audit drew; pushed again, nothing is asked twice.

    Nor is what another audit by the same rubric asks, in a project that stands, or has brought an answer about:
    of a person who did not see the judge's. That answer counts for both. What they skipped or deleted is asked.

    Raises:
        StoreError: There is no such audit.
        LabelStudioError: The rubric is not in the store, there are too few gold items or people, or the
            server refuses.
    """
    people = len(job.annotators)
    if people and job.per_item > people:
        raise LabelStudioError(
            f"--per-item {job.per_item} needs at least {_number(job.per_item)} --annotator, you named "
            f"{_number(people)}"
        )
    audit = asked_audit(store, job.audit)
    interface = interface_of(store, audit)
    others = asked_beside(store, audit)
    share_answers(store, audit, others)
    earlier = {
        a.generation for a in answers_to(store, audit) if a.audit != audit.id and _answers(a)
    }
    answered = [item.generation for item in audit.drawn if item.generation in earlier]
    drawn = [item.generation for item in audit.drawn if item.generation not in earlier]
    there = {g.key for g in store.records(Generation, drawn) if has_output(g)}
    asked = [key for key in drawn if key in there]
    gold: Sequence[str] = ()
    if job.gold:
        truth = gold_of_truth(store, audit, count=job.gold, seed=job.seed)
        known = truth | known_answers(store, audit.rubric)
        every = {item.generation for item in audit.drawn}
        gold = choose_gold(every, known, count=job.gold, seed=job.seed)
    pushed = push(
        studio.client,
        store,
        [Question(generation=key) for key in (*asked, *gold)],
        name=f"audit {audit.id}",
        interface=interface,
        blind=job.blind,
        audit=audit.id,
        annotators=job.annotators,
        per_item=job.per_item,
        seed=job.seed,
        media=studio.media,
        counting=(*grown_from(audit), *others),
    )
    by = f", each by {job.per_item} people" if job.per_item > 1 else ""
    hidden = "blind" if job.blind else "with the judge's answer to begin from"
    planted = f" and {count(len(gold), 'gold item')}" if gold else ""
    return PushSummary(
        audit=audit.id,
        what=f"{count(len(asked), 'item')}{planted} by {audit.rubric}, {hidden}{by}",
        pushed=pushed,
        gold=len(gold),
        without_output=len(drawn) - len(asked),
        answered=len(answered),
        store=studio.store,
        late_gold=sum(len(set(one.made) & set(gold)) for one in pushed.projects if one.known),
        shared=job.per_item > 1 and not job.annotators,
    )


def unknown_logins(studio: Connected, annotators: Sequence[str]) -> tuple[str, ...]:
    """Those of the logins that the server has no account of.

    Raises:
        LabelStudioError: A login is empty or named twice, or the server refuses.
    """
    return without_account(studio.client, logins(annotators))


def _number(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five")
    return words[number] if number < len(words) else f"{number:,}"


def _answers(said: Annotation) -> bool:
    """Whether it settles that an item need not be asked again."""
    return (
        said.state == "answered" and said.blind and said.approved is not None and not said.simulated
    )


def adjudicate_audit(
    store: Store, studio: Connected, *, audit: str | None = None, annotators: Sequence[str] = ()
) -> PushSummary:
    """Put what people dispute into a project of its own; the answers there count instead of theirs.

    Args:
        store: Holds the answers, pulled before.
        studio: The server.
        audit: Id, or the beginning of one; None: the latest, as `push_audit` and `annotation_status` take it.
        annotators: Logins of those who settle; none: one project for everybody.

    Raises:
        StoreError: There is no such audit.
        LabelStudioError: Nothing is in dispute, or the server refuses.
    """
    found = asked_audit(store, audit)
    if audit is None and (answered := answered_instead(store, found)):
        raise LabelStudioError(
            f"nobody's answers to the latest audit, {found.id[:12]}, are in the store yet: pull first, or name "
            f"another one; the latest with answers is --audit {answered.id[:12]}"
        )
    interface = interface_of(store, found)
    pushed = push_disputes(
        studio.client, store, found, interface, annotators=annotators, media=studio.media
    )
    return PushSummary(
        audit=found.id,
        what=f"{count(pushed.created + pushed.known, 'dispute')} to settle by {found.rubric}",
        pushed=pushed,
        gold=0,
        without_output=0,
        store=studio.store,
    )


def pull_answers(store: Store, studio: Connected) -> PullSummary:
    """Store what people said since the last pull, in all projects that were pushed from this store.

    Raises:
        LabelStudioError: The server refuses or is not there.
    """
    pulled = pull(studio.client, store)
    told = tuple(contradictions(store, pulled))
    return PullSummary(pulled=pulled, store=studio.store, contradictions=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawSummary:
    """What a withdrawal did."""

    withdrawn: Withdrawn

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "project": self.withdrawn.number,
            "title": self.withdrawn.title,
            "pulled": self.withdrawn.pulled,
            "answers": self.withdrawn.answers,
            "withdrawn_before": self.withdrawn.before,
        }

    def __str__(self) -> str:
        one = self.withdrawn
        named = f"Project {one.number}, {one.title}"
        if one.before:
            return f"{named}: was withdrawn before."
        new = f", {one.pulled:,} of them brought back now" if one.pulled else ""
        kept = f"{count(one.answers, 'answer')} of it stay{'s' if one.answers == 1 else ''} in the store{new}"
        return f"{named}: withdrawn. " + (
            f"{kept}." if one.answers else "Nobody had answered in it."
        )


def withdraw(store: Store, studio: Connected, project: int) -> WithdrawSummary:
    """Take a project off the server, once everything said in it is stored; the next push makes a new one.

    Args:
        store: From which it was pushed.
        studio: The server.
        project: Its number, as a push tells it and its address has it.

    Raises:
        LabelStudioError: The project is none of this store's, somebody is at work in it, an answer cannot be
            stored, or the server refuses; then it stays.
    """
    return WithdrawSummary(withdrawn=withdraw_project(studio.client, store, project))


def serve_judge(
    store: Store,
    studio: Connected,
    *,
    audit: str | None = None,
    judge: str | None = None,
    port: int = 0,
    announce: Callable[[Project, str], None],
    wait: Callable[[], object],
    told: Callable[[Suggested], None] = log_problem,
) -> None:
    """Let Label Studio ask a judge about the task that somebody opens, until `wait` returns.

    Args:
        store: Holds what was pushed.
        studio: The server.
        audit: Whose project; None: the latest that is not blind.
        judge: A model's string; None: the audit's own judge.
        port: To serve at; 0: any free one.
        announce: Told the project and the judge's address, once it is connected.
        wait: Returns, or is interrupted, when it is enough.
        told: Told of each task that was asked about, in another thread.

    Raises:
        LabelStudioError: The audit has no project on the server, or none that is not blind.
        ModelError: The judge cannot be loaded.
    """
    wanted = None if audit is None else find_audit(store, audit).id
    ours = [
        project
        for project in noted_projects(studio.client, store)
        if not project.purpose.adjudicates
        and project.purpose.audit is not None
        and wanted in {None, project.purpose.audit}
    ]
    if not ours:
        raise LabelStudioError(
            f"no audit of {store.url} has a project on {studio.client.url}"
            + (f" that asks audit {wanted[:12]}" if wanted else "")
            + ": make one with `workbench annotate push --with-judge`"
        )
    project = next((one for one in reversed(ours) if not one.purpose.blind), ours[-1])
    refuse_blind(project.id, blind=project.purpose.blind)
    found = find_audit(store, project.purpose.audit)
    name = judge or found.judge
    interface = interface_of(store, found)
    with record(store, "annotate hint", {"audit": found.id, "judge": name}, quiet=True) as recorder:
        schema, train = _learned_from(store, found)
        loaded = load_judge(
            name, interface.rubric, store=store, schema=schema, train=train, recorder=recorder
        )
        hinter = Hinter(
            store=store, judge=loaded, interface=interface, project=project.id, schema=schema,
            told=told,
        )  # fmt: skip
        with serve_hints(studio.client, hinter, blind=project.purpose.blind, port=port) as url:
            announce(project, url)
            wait()


def interface_of(store: Store, audit: Audit) -> Interface:
    """The page on which people answer what `audit` drew.

    Raises:
        LabelStudioError: The rubric is not in the store.
    """
    return stored_page(store, audit.rubric, catalog=_catalog(store, audit))


def _catalog(store: Store, audit: Audit) -> str | None:
    """Catalogue of what was drawn; None for outputs that describe no item."""
    drawn = store.records(Generation, [item.generation for item in audit.drawn])
    return next((catalog_of(g.item) for g in drawn if g.item), None)


def _learned_from(store: Store, audit: Audit) -> tuple[Schema, list[Item]]:
    """The catalogue's schema, and the items from which attribute heads may learn."""
    catalog = _catalog(store, audit)
    if catalog is None:
        return Schema(name="none", version="0", categories={}), []
    parts: dict[str, str] = dict(store.splits()[["group", "part"]].itertuples(index=False))
    own = (item for item in store.records(Item) if catalog_of(item.id) == catalog and item.photos)
    train = [item for item in own if parts.get(group_of(item)) == "train"]
    return stored_schema(store, catalog), train

"""`workbench annotate`: an audit goes to people, and what they say comes back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli_options import (
    AnnotatorOption,
    AuditOption,
    ImagesOption,
    JsonOption,
    StoreOption,
    address_of,
    at_terminal,
    open_store,
    tell,
    with_words,
)

if TYPE_CHECKING:
    from pipelines.annotate import Connected
    from workbench.store import Store

annotate_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask people in Label Studio about what an audit drew, and bring their answers back.",
)


@annotate_app.command(
    epilog="\b\nExamples:\n  workbench annotate push --store shop\n"
    "  workbench annotate push --store shop --annotator ada@shop.example --annotator bo@shop.example "
    "--per-item 2"
)
def push(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: AuditOption = None,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind/--with-judge",
            help="Blind: nobody sees what the judge said, and only such answers calibrate it. With the "
            "judge: the form begins with its answer.",
        ),
    ] = True,
    annotator: AnnotatorOption = None,
    per_item: Annotated[int, typer.Option(min=1, help="How many people answer each item.")] = 1,
    gold: Annotated[
        int,
        typer.Option(
            min=0,
            help="How many items whose right answer the store knows are mixed in at an audit's first push, "
            "to see how careful people are.",
        ),
    ] = 0,
    seed: Annotated[
        int, typer.Option(min=0, help="Of who answers what, and of the gold items.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make a task of every item that an audit drew. Pushed again, nothing is asked twice."""
    from pipelines.annotate import PushJob, push_audit, unknown_logins

    job = PushJob(
        audit=audit, blind=blind, annotators=tuple(annotator or ()), per_item=per_item, gold=gold,
        seed=seed,
    )  # fmt: skip
    with _at_work(store, images) as (opened, studio):
        if not as_json:
            _ask_about(unknown_logins(studio, job.annotators))
        summary = push_audit(opened, studio, job)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@annotate_app.command(
    epilog="\b\nExamples:\n  workbench annotate alignments --store shop --sample 100\n"
    "  workbench annotate alignments --store shop --annotator ada@shop.example --annotator bo@shop.example --per-item 2"
)
def alignments(
    store: StoreOption = None,
    images: ImagesOption = None,
    sample: Annotated[
        int,
        typer.Option(
            min=1, help="How many aligned listings are drawn; more of them later hold these."
        ),
    ] = 100,
    aligner: Annotated[
        str | None,
        typer.Option(help="Who aligned, such as rules; default: whoever aligned last."),
    ] = None,
    annotator: AnnotatorOption = None,
    per_item: Annotated[int, typer.Option(min=1, help="How many people answer each listing.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw and of who answers what.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Ask what photos show of listings that `workbench run mace` aligned; it tells later how right it was."""
    from pipelines.annotate import unknown_logins
    from pipelines.annotate_alignments import AlignmentJob, push_alignments

    job = AlignmentJob(
        sample=sample,
        aligner=aligner,
        annotators=tuple(annotator or ()),
        per_item=per_item,
        seed=seed,
    )
    with _at_work(store, images) as (opened, studio):
        if not as_json:
            _ask_about(unknown_logins(studio, job.annotators))
        summary = push_alignments(opened, studio, job)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@annotate_app.command(epilog="Example:  workbench annotate pull --store shop")
def pull(
    store: StoreOption = None, images: ImagesOption = None, as_json: JsonOption = False
) -> None:
    """Store what people said since the last pull: new answers, changed and deleted ones.

    Exit code 1 says that something on the server could not be stored; the rest was.
    """
    from pipelines.annotate import pull_answers

    with _at_work(store, images) as (opened, studio):
        summary = pull_answers(opened, studio)
    strange = summary.pulled.contradictory
    found = summary.as_dict() | {"contradictory": [asdict(one) for one in strange]}
    tell(
        as_json, found, lambda: "\n".join([str(summary), *_contradictions(summary.contradictions)])
    )
    if not summary.complete:
        raise typer.Exit(1)


@annotate_app.command(epilog="Example:  workbench annotate status --store shop")
def status(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: AuditOption = None,
    as_json: JsonOption = False,
) -> None:
    """How far people are, how they agree, what they dispute; from the answers that were pulled."""
    from pipelines.annotate_status import annotation_status

    with with_words(store), open_store(store, images) as opened:
        found = annotation_status(opened, audit=audit, named=address_of(store))
    tell(as_json, found.as_dict(), lambda: str(found))


@annotate_app.command(epilog="Example:  workbench annotate adjudicate --store shop")
def adjudicate(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: AuditOption = None,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the items that people dispute into a project of their own, with the answers side by side."""
    from pipelines.annotate import adjudicate_audit, unknown_logins

    with _at_work(store, images) as (opened, studio):
        if not as_json:
            _ask_about(unknown_logins(studio, annotator or ()))
        summary = adjudicate_audit(opened, studio, audit=audit, annotators=tuple(annotator or ()))
    tell(as_json, summary.as_dict(), lambda: str(summary))


@annotate_app.command(epilog="Example:  workbench annotate hint --store shop --judge hf:MODEL")
def hint(
    store: StoreOption = None,
    images: ImagesOption = None,
    audit: Annotated[
        str | None,
        typer.Option(
            help="An audit's id, or its beginning; default: the latest that is not blind."
        ),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="A model's string; default: the audit's own judge.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to answer at; 0: any free one.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Let Label Studio ask the judge about the task that somebody opens, until Ctrl-C. Not for blind projects."""
    from annotation.label_studio import Project
    from pipelines.annotate import serve_judge

    def announce(project: Project, url: str) -> None:
        tell(
            as_json,
            {"project": project.id, "url": project.url, "judge": url},
            lambda: (
                f"Project {project.id} asks the judge at {url}. Ctrl-C ends it.\n  {project.url}"
            ),
        )

    with _at_work(store, images) as (opened, studio), contextlib.suppress(KeyboardInterrupt):
        serve_judge(
            opened, studio, audit=audit, judge=judge, port=port, announce=announce,
            wait=threading.Event().wait,
            told=lambda one: tell(as_json, asdict(one), lambda: str(one)),
        )  # fmt: skip


@annotate_app.command(
    epilog="\b\nExamples:\n  workbench annotate receive --store shop\n"
    "  workbench annotate receive --store shop --host 10.0.0.5 --port 9090   # Label Studio is elsewhere"
)
def receive(
    store: StoreOption = None,
    images: ImagesOption = None,
    minutes: Annotated[
        float, typer.Option(help="After so many a pull follows, whether anything was heard or not.")
    ] = 5.0,
    host: Annotated[
        str, typer.Option(help="This machine's address, as the Label Studio server reaches it.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to be called at; 0: any free one.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Pull answers as they are given, until Ctrl-C: a `pull` that does not have to be run again.

    Label Studio calls this command when somebody answers. What it misses, the next pull brings: every
    few minutes, and after the server was away. With --json it prints an object a line.
    """
    from pipelines.annotate_receive import Received
    from pipelines.annotate_receive import receive as receive_answers

    def announce(url: str) -> None:
        tell(
            as_json,
            {"url": url, "minutes": minutes},
            lambda: f"Answers come in as they are given; Label Studio calls {url}. Ctrl-C ends it.",
        )

    def told(what: Received) -> None:
        tell(as_json, what.as_dict(), lambda: str(what))

    with _at_work(store, images) as (opened, studio), contextlib.suppress(KeyboardInterrupt):
        receive_answers(
            opened, studio, minutes=minutes, host=host, port=port, announce=announce, told=told,
            wait=threading.Event().wait,
        )  # fmt: skip


@annotate_app.command(epilog="Example:  workbench annotate withdraw 12 --store shop")
def withdraw(
    project: Annotated[
        int,
        typer.Argument(
            min=1, help="A project's number, as `push` tells it and its address has it."
        ),
    ],
    store: StoreOption = None,
    images: ImagesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a project that was pushed in error off the server; what people said in it stays in the store.

    Their answers are pulled first. A project in which somebody is at work, or with an answer that cannot
    be stored, stays.
    """
    from pipelines.annotate import withdraw as withdraw_project

    with _at_work(store, images) as (opened, studio):
        summary = withdraw_project(opened, studio, project)
    tell(as_json, summary.as_dict(), lambda: str(summary))


@contextmanager
def _at_work(store: str | None, images: str | None) -> Iterator[tuple[Store, Connected]]:
    """The store and its Label Studio."""
    from pipelines.annotate import connected

    with (
        with_words(store),
        open_store(store, images) as opened,
        connected(address_of(store)) as studio,
    ):
        yield opened, studio


def _ask_about(unknown: Sequence[str]) -> None:
    """On a terminal: whether people without an account are meant, before anything is made for them.

    A script is not asked; the answer of the command names them.
    """
    if unknown and at_terminal():
        have = "has" if len(unknown) == 1 else "have"
        typer.confirm(
            f"{', '.join(unknown)} {have} no account on this Label Studio. Make the tasks all the same?",
            abort=True,
            err=True,
        )


def _contradictions(told: Sequence[str]) -> Iterator[str]:
    """How many answers contradict themselves, and the first ones."""
    if not told:
        return
    many = len(told) > 1
    yield (
        f"{len(told):,} answer{'s contradict themselves' if many else ' contradicts itself'}; "
        f"{'they are' if many else 'it is'} stored as given:"
    )
    yield from (f"  {one}" for one in told[:3])
    if len(told) > 3:
        yield f"  and {len(told) - 3:,} more (--json lists them)"

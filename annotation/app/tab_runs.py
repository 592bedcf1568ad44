"""*Runs*: what was started, how far it is, what it cost; stopped and taken up again by those who write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from annotation.app._desk import Desk
from annotation.app._html import render
from annotation.app._live import Progress
from annotation.app._page import Query, asking, heading, read_query, told, view
from annotation.app._people import Person
from workbench.errors import WorkbenchError
from workbench.records import Cost, Run, RunEvent, utcnow

if TYPE_CHECKING:
    import gradio as gr

_SHOWN = 50
_ENDS = ("finished", "failed", "stopped")
_GONE = (
    "The app or terminal that had started it was gone, so it ended. What it made is in the store."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A run as it is shown."""

    run: Run
    state: str
    """`finished`, `failed`, `stopped`, `running` (here), or `open`: killed, or running somewhere else."""
    note: str
    stages: tuple[RunEvent, ...]
    cost: Cost
    ended: datetime | None
    progress: Progress | None
    later: Told | None = None
    """Of one that did not come to its end: the next run with the same command and arguments."""
    starting: str | None = None
    """What is printed by the process that takes it up again and is not in the store yet."""


def build(blocks: gr.Blocks, desk: Desk) -> None:
    """The tab."""
    import gradio as gr

    heading(blocks, desk, "/runs")
    said = gr.HTML(elem_id="said", padding=False)
    page = view(blocks, lambda query, person, _: show(desk, query, person), desk)
    with gr.Row(visible=False, elem_id="verdict") as buttons:
        stop = gr.Button("Stop", elem_id="stop", elem_classes="no", visible=False)
        again = gr.Button("Go on", elem_id="again", elem_classes="yes", visible=False)
    here = gr.Textbox(elem_id="here", label="Here", elem_classes="away")
    tick = gr.Timer(2, active=False)

    def place(query: Query, request: gr.Request) -> list[Any]:
        run = query.get("run", "")
        writes = desk.person(request).writes and desk.live.runs is not None
        found = next((one for one in _runs(desk) if one.run.id == run), None) if run else None
        going = found is not None and found.state == "running"
        live = any(one.state == "running" or one.starting == "starting" for one in _runs(desk))
        return [
            gr.update(visible=writes and found is not None),
            gr.update(visible=going),
            gr.update(visible=found is not None and _can_go_on(found)),
            run,
            gr.Timer(active=live),
        ]

    def opened(request: gr.Request) -> list[Any]:
        return place(dict(request.query_params), request)

    def moved(text: str, request: gr.Request) -> list[Any]:
        return ["", *place(read_query(text), request)]

    def ticked(run: str, request: gr.Request) -> list[Any]:
        query = {"run": str(run)} if run else {}
        person = desk.person(request)
        return [told(desk, lambda: show(desk, query, person)), *place(query, request)]

    def doing(what: str) -> Any:  # noqa: ANN401 - a handler of gradio's
        def done(run: str, request: gr.Request) -> list[Any]:
            person = desk.person(request)
            try:
                line = render("said", line=act(desk, person, what, str(run)), others=[])
            except WorkbenchError as error:
                line = render("wrong", said=desk.sentence(error))
            return [line, *ticked(run, request)]

        return done

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    state = [buttons, stop, again, here, tick]
    blocks.load(asking(opened), None, state, **quiet)
    page.address.change(asking(moved), page.address, [said, *state], **quiet)
    tick.tick(asking(ticked), here, [page.shown, *state], **quiet)
    stop.click(asking(doing("stop")), here, [said, page.shown, *state], **quiet)
    again.click(asking(doing("go on")), here, [said, page.shown, *state], **quiet)


def act(desk: Desk, person: Person, what: str, run: str) -> str:
    """Stop a run, or take it up again.

    Raises:
        WorkbenchError: They may not, or the run cannot be.
    """
    if not person.writes:
        raise WorkbenchError("Only somebody who signed in as a writer stops and starts runs.")
    if desk.live.runs is None:
        raise WorkbenchError("This app was started without runs.")
    return desk.live.runs.stop(run) if what == "stop" else desk.live.runs.go_on(run)


def show(desk: Desk, query: Query, person: Person) -> str:
    """All runs, or one where `query` names it."""
    runs = _runs(desk)
    if not runs:
        return render("no_runs", store=desk.name)
    if query.get("run"):
        found = next((one for one in runs if one.run.id == query["run"]), None)
        if found is None:
            return render("wrong", said=f"The store holds no run {query['run'][:40]!r}.")
        return render("run", one=found, writes=person.writes, store=desk.name)
    return render("runs", runs=runs[:_SHOWN], more=max(0, len(runs) - _SHOWN))


def _runs(desk: Desk) -> list[Told]:
    events: dict[str, list[RunEvent]] = {}
    for event in desk.store.records(RunEvent):
        events.setdefault(event.run, []).append(event)
    found = sorted(desk.store.records(Run), key=lambda one: one.created_at, reverse=True)
    told: list[Told] = []
    latest: dict[tuple[str, str], Told] = {}
    for run in found:
        job = (run.command, json.dumps(run.arguments, sort_keys=True, default=str))
        latest[job] = _told(desk, run, events.get(run.id, []), latest.get(job))
        told.append(latest[job])
    return told


def _can_go_on(one: Told) -> bool:
    """Whether a writer may take it up: not while it goes on here, and not where a later run did."""
    if one.state in ("finished", "running") or one.starting == "starting":
        return False
    return one.later is None


def _told(desk: Desk, run: Run, events: list[RunEvent], later: Told | None) -> Told:
    end = next((one for one in events if one.kind in _ENDS), None)
    stages = tuple(one for one in events if one.kind == "stage")
    live = desk.live.runs
    progress = live.progress(run.id) if end is None and live is not None else None
    now = utcnow() if progress else None
    until = end.created_at if end else now
    return Told(
        run=run,
        state=end.kind if end else "running" if progress else "open",
        note=_GONE if end and end.note.startswith("BrokenPipeError") else end.note if end else "",
        stages=stages,
        cost=Cost(
            seconds=(until - run.created_at).total_seconds()
            if until
            else sum(one.cost.seconds for one in stages),
            prompt_tokens=sum(one.cost.prompt_tokens for one in stages),
            completion_tokens=sum(one.cost.completion_tokens for one in stages),
            images=sum(one.cost.images for one in stages),
            device_memory_bytes=max((one.cost.device_memory_bytes for one in stages), default=0),
        ),
        ended=end.created_at if end else None,
        progress=progress,
        later=later if end is None or end.kind != "finished" else None,
        starting=live.starting(run.id) if live is not None else None,
    )

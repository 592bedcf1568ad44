"""*Rubric*: its versions, what each changed, what people's answers suggest, and the decision about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from annotation.app._desk import Desk
from annotation.app._html import render
from annotation.app._page import Query, asking, heading, patiently, read_query, told, view
from annotation.app._people import Person
from workbench.calibration.audited import rubric_of
from workbench.errors import RubricError, WorkbenchError
from workbench.evolution import current, decide, find_proposal, history
from workbench.records import RubricEvent, RubricProposal
from workbench.rubric import Rubric, diff_rubrics

if TYPE_CHECKING:
    import gradio as gr

_LONGEST = 1000
_SHOWN = 40
"""Events of a rubric's history that are shown."""


def build(blocks: gr.Blocks, desk: Desk) -> None:
    """The tab."""
    import gradio as gr

    heading(blocks, desk, "/rubric")
    said = gr.HTML(elem_id="said", padding=False)
    page = view(blocks, lambda query, person, _: show(desk, query, person), desk)
    with gr.Column(visible=False, elem_id="form", elem_classes="decide") as form:
        why = gr.Textbox(label="Your reason, for those who read it later", elem_id="why", lines=2)
        with gr.Row(elem_id="verdict"):
            yes = gr.Button("Accept", elem_id="accept", elem_classes="yes")
            no = gr.Button("Refuse", elem_id="refuse", elem_classes="no")
        now = gr.Textbox(elem_id="here", label="Here", elem_classes="away")

    def place(query: Query, request: gr.Request) -> list[Any]:
        person = desk.person(request)
        open_one = person.writes and bool(query.get("proposal"))
        return [gr.update(visible=open_one), query.get("proposal", ""), ""]

    def opened(request: gr.Request) -> list[Any]:
        return place(dict(request.query_params), request)

    def moved(text: str, request: gr.Request) -> list[Any]:
        return place(read_query(text), request)

    def deciding(accept: bool) -> Any:  # noqa: ANN401 - a handler of gradio's
        def decided(key: str, why: str, request: gr.Request) -> Iterator[list[Any]]:
            person = desk.person(request)

            def work() -> list[Any]:
                try:
                    line = settle(desk, person, str(key), accept=accept, why=str(why or ""))
                except WorkbenchError as error:
                    return [render("wrong", said=desk.sentence(error)), gr.skip(), gr.skip()]
                shown = told(desk, lambda: show(desk, {"proposal": str(key)}, person))
                return [render("said", line=line, others=[]), shown, ""]

            yield from patiently(work, 3)

        return decided

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    blocks.load(asking(opened), None, [form, now, said], **quiet)
    page.address.change(asking(moved), page.address, [form, now, said], **quiet)
    for button, accept in ((yes, True), (no, False)):
        button.click(asking(deciding(accept)), [now, why], [said, page.shown, why], **quiet)


def settle(desk: Desk, person: Person, key: str, *, accept: bool, why: str) -> str:
    """Store a decision, and say what was stored.

    Raises:
        WorkbenchError: They may not decide, give no reason, or there is no such proposal.
    """
    if not person.writes or person.name is None:
        raise WorkbenchError("Only somebody who signed in as a writer decides about a rubric.")
    if not why.strip():
        raise RubricError(
            "Say why: those who read it later, and the next suggestion, go by your reason."
        )
    desk.check_there()
    event = decide(
        desk.store,
        key,
        "accepted" if accept else "refused",
        by=person.name,
        why=why.strip()[:_LONGEST],
    )
    return (
        "Accepted. `workbench rubric prove` makes the version and tests it on answers that suggested nothing."
        if event.kind == "accepted"
        else "Refused. It stays in the history with your reason."
    )


def show(desk: Desk, query: Query, person: Person) -> str:
    """One rubric's version, what it changed, what is proposed, and what happened."""
    kept = desk.store.rubrics()
    if kept.empty:
        return render("no_rubric", store=desk.name)
    names = list(dict.fromkeys(str(name) for name in kept["name"]))
    proposal = _proposal(desk, query.get("proposal", ""))
    name = proposal.rubric.rpartition("@")[0] if proposal else query.get("name", "")
    name = name if name in names else names[0]
    versions = sorted(int(v) for v in kept["version"][kept["name"] == name])
    asked = query.get("version", "")
    version = int(asked) if asked.isdecimal() and int(asked) in versions else versions[-1]
    rubric, before = _version(desk, name, version), _before(desk, name, version, versions, query)
    events = [e for e in desk.store.records(RubricEvent) if e.rubric == name]
    states = {e.about: e.kind for e in events if e.kind in {"accepted", "edited", "refused"}}
    proposals = [
        p for p in desk.store.records(RubricProposal) if p.rubric.rpartition("@")[0] == name
    ]
    return render(
        "rubric",
        names=names,
        name=name,
        versions=versions,
        version=version,
        used=current(desk.store, name),
        rubric=rubric,
        before=before,
        changes=diff_rubrics(before, rubric).changes if rubric and before else (),
        proposals=[(one, states.get(one.key, "open")) for one in proposals],
        proposal=proposal,
        state=states.get(proposal.key, "open") if proposal else "",
        history=history(desk.store, name)[:_SHOWN],
        writes=person.writes,
        query={"name": name, "version": version},
    )


def _proposal(desk: Desk, key: str) -> RubricProposal | None:
    return find_proposal(desk.store, key) if key else None


def _version(desk: Desk, name: str, version: int) -> Rubric | None:
    return rubric_of(desk.store, f"{name}@{version}")


def _before(
    desk: Desk, name: str, version: int, versions: list[int], query: Query
) -> Rubric | None:
    """The version that is compared with: the one before, or the one asked for."""
    earlier = [one for one in versions if one != version]
    asked = query.get("against", "")
    if asked.isdecimal() and int(asked) in earlier:
        return _version(desk, name, int(asked))
    lower = [one for one in earlier if one < version]
    return _version(desk, name, lower[-1]) if lower else None

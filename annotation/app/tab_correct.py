"""*Correct*: one output at a time, by keys: suitable or not, what is wrong with it, and its fields as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotation.app._desk import Desk, visitor
from annotation.app._html import render, words
from annotation.app._page import Query, asking, heading, patiently, read_query, told
from annotation.app._people import Person
from annotation.app.tab_failures import answers_about
from annotation.notebook._labels import Labels, Word, price_text
from workbench.calibration.audited import rubric_of
from workbench.errors import StoreError, WorkbenchError
from workbench.records import Annotation, Audit, Generation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import gradio as gr

_LONGEST = 4000
"""Characters of a field at most."""
_WHAT = {"y": True, "n": False, "s": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An output as it stands in the fields."""

    key: str
    title: str = ""
    aspects: str = ""
    """One a line, such as `Color: red`."""
    price: str = ""
    prompt: str = ""
    modes: tuple[str, ...] = ()
    note: str = ""
    since: str = ""
    """When this person had answered last before they opened it, see `_moment`; empty where they had not."""


def build(blocks: gr.Blocks, desk: Desk) -> None:  # noqa: PLR0915 - a form, field by field
    """The tab."""
    import gradio as gr

    heading(blocks, desk, "/correct")
    address = gr.Textbox(elem_id="address", label="Address", elem_classes="away")
    key = gr.Textbox(elem_id="item-key", label="Item", elem_classes="away")
    said = gr.HTML(elem_id="said", padding=False)
    with gr.Row(elem_id="correct", visible=False) as whole:
        with gr.Column(scale=5, min_width=280):
            card = gr.HTML(elem_id="view", padding=False)
        with gr.Column(scale=6, min_width=280, elem_id="form"):
            with gr.Row(elem_id="verdict"):
                yes = gr.Button("Suitable", elem_id="key-y", elem_classes="yes")
                no = gr.Button("Not suitable", elem_id="key-n", elem_classes="no")
                skip = gr.Button("Skip", elem_id="key-s")
                undo = gr.Button("Undo", elem_id="key-z")
            modes = gr.CheckboxGroup([], label="What is wrong", elem_id="modes")
            title = gr.Textbox(label="Title", elem_id="field-title", max_lines=3)
            aspects = gr.Textbox(
                label="Aspects, one a line, such as Color: red", elem_id="field-aspects", lines=5
            )
            price = gr.Textbox(label="Price", elem_id="field-price")
            prompt = gr.Textbox(label="Prompt", elem_id="field-prompt", lines=4)
            note = gr.Textbox(label="Note for whoever reads this later", elem_id="field-note")
            gr.HTML(render("keys"), padding=False)
    since = gr.Textbox(elem_id="since", label="Answered", elem_classes="away")
    fields = [key, modes, title, aspects, price, prompt, note, since]
    everything = [said, whole, card, *fields]

    def fill(query: Query, request: gr.Request, said_before: str = "") -> list[Any]:
        person = desk.person(request)
        try:
            labels, which = turn(desk, person, str(query.get("item") or ""))
            form = form_of(desk, labels, which)
            place = desk.row(form.key)
            if place is None:
                raise WorkbenchError(f"The store holds no output {form.key[:64]!r}.")
            desk.opened(person, form.key)
            made = desk.store.find(Generation, form.key)
            listing = made is not None and made.listing is not None
            drawn = made is not None and made.kind == "image"
            offered = [(words(mode.id), mode.id) for mode in labels.rubric.failure_modes]
            return [
                said_before, gr.update(visible=True), _card(desk, labels, form.key, person),
                form.key, gr.update(choices=offered, value=list(form.modes)),
                gr.update(value=form.title, visible=listing), gr.update(value=form.aspects, visible=listing),
                gr.update(value=form.price, visible=listing), gr.update(value=form.prompt, visible=drawn),
                form.note, form.since,
            ]  # fmt: skip
        except WorkbenchError as error:
            why = render("cannot_correct", said=desk.sentence(error), person=person, empty=desk.rows(answers=False).frame.empty,
                         store=desk.name, done=said_before)  # fmt: skip
            return [why, gr.update(visible=False), "", "", *([gr.skip()] * (len(fields) - 1))]

    def save(which: str) -> Any:  # noqa: ANN401 - a handler of gradio's
        def saving(  # noqa: PLR0917 - one for each field
            key: str, modes: list[str], title: str, aspects: str, price: str, prompt: str, note: str, since: str,
            request: gr.Request,
        ) -> Iterator[list[Any]]:  # fmt: skip
            person = desk.person(request)
            form = Form(
                key=str(key), modes=tuple(map(str, modes or ())), title=str(title or ""),
                aspects=str(aspects or ""), price=str(price or ""), prompt=str(prompt or ""), note=str(note or ""),
                since=str(since or ""),
            )  # fmt: skip

            def work() -> list[Any]:
                try:
                    labels, _ = turn(desk, person, form.key)
                    after = following(desk, labels, form.key)
                    line = keep(
                        desk, person, labels, form, approved=_WHAT[which], browser=visitor(request)
                    )
                except (WorkbenchError, ValueError) as error:
                    return broken(error)
                return fill({"item": after}, request, line)

            yield from patiently(work, len(everything))

        return saving

    def broken(error: Exception) -> list[Any]:
        """The sentence, and everything as it was typed."""
        stays = " Nothing was stored; what you typed is still here."
        said = desk.sentence(error) + (f".{stays}" if isinstance(error, StoreError) else "")
        return [render("wrong", said=said), *([gr.skip()] * (len(everything) - 1))]

    def back(request: gr.Request) -> Iterator[list[Any]]:
        person = desk.person(request)

        def work() -> list[Any]:
            try:
                key = desk.undo(person)
            except WorkbenchError as error:
                return broken(error)
            if key is None:
                nothing = render("said", line="There is nothing to take back.", others=[])
                return [nothing, *([gr.skip()] * (len(everything) - 1))]
            desk.changed()
            return fill({"item": key}, request, render("said", line="Taken back.", others=[]))

        yield from patiently(work, len(everything))

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for button, which in ((yes, "y"), (no, "n"), (skip, "s")):
        button.click(asking(save(which)), fields, everything, **quiet)
    undo.click(asking(back), None, everything, **quiet)

    def opened(request: gr.Request) -> list[Any]:
        return fill(dict(request.query_params), request)

    def moved(text: str, request: gr.Request) -> list[Any]:
        return fill(read_query(text), request)

    blocks.load(asking(opened), None, everything, **quiet)
    address.change(asking(moved), address, everything, **quiet)


def form_of(desk: Desk, labels: Labels, key: str) -> Form:
    """An output as this person last wrote it; as the model did where they did not.

    Raises:
        WorkbenchError: The store does not hold it.
    """
    made = desk.store.find(Generation, key)
    if made is None:
        raise WorkbenchError(
            f"The store holds no output {key[:64]!r}: the address may be of another store."
        )
    mine = labels.own(key)
    right = dict(labels.corrected(key))
    listing = made.listing
    aspects = {} if listing is None else {n: ", ".join(v) for n, v in listing.aspects.items()}
    for about, text in right.items():
        if about.startswith("aspects."):
            name = about.removeprefix("aspects.")
            aspects.pop(name, None)
            aspects |= {} if text is None else {name: text}
    price = None if listing is None else price_text(listing.price)
    return Form(
        key=key,
        title=right.get("title") or ("" if listing is None else listing.title),
        aspects="\n".join(f"{name}: {value}" for name, value in aspects.items()),
        price=right.get("price", price) or "",
        prompt=right.get("prompt") or made.prompt,
        modes=() if mine is None else mine.failure_modes,
        note="" if mine is None else mine.note or "",
        since=_moment(mine),
    )


def keep(
    desk: Desk, person: Person, labels: Labels, form: Form, *, approved: bool | None, browser: str
) -> str:
    """Store what a person says, and tell them what was stored, and who else answered.

    Raises:
        ValueError: The fields contradict each other, or cannot be read.
        WorkbenchError: The store does not hold the output.
    """
    made = desk.store.find(Generation, form.key)
    if made is None:
        raise WorkbenchError(f"The store holds no output {form.key[:64]!r}: nothing was stored.")
    before, own = labels.others(form.key), labels.own(form.key)
    elsewhere = own if own is not None and _moment(own) != form.since else None
    fields = [_named(one) for one in labels.corrected(form.key)] if elsewhere else []
    saved = labels.save(
        form.key,
        Word(
            approved=approved,
            failure_modes=form.modes,
            note=form.note[:_LONGEST] or None,
            title=form.title[:_LONGEST] if made.listing else None,
            fields=_fields(made, form),
            seconds=desk.seconds(person, form.key),
            blind=not desk.saw(person, form.key, browser),
        ),
    )
    desk.answered(labels)
    desk.changed()
    answer = {True: "suitable", False: "not suitable", None: "skipped"}[approved]
    number = sum(not one.withdrawn for one in saved.corrections)
    line = (
        f"Kept: {answer}"
        + (f", {number} field{'s' if number > 1 else ''} corrected" if number else "")
        + "."
    )
    if saved.annotation.audit and not saved.annotation.blind:
        line += " The judge's answer was on your screen before, so yours does not count in what approvals are worth."
    return render("said", line=line, others=before, elsewhere=elsewhere, fields=fields)


def _moment(answer: Annotation | None) -> str:
    """Tells an answer of one person about one output from their next; empty where there is none."""
    return "" if answer is None else (answer.updated_at or answer.created_at).isoformat()


def _named(about: str) -> str:
    """A corrected field as people call it."""
    return about.removeprefix("aspects.").replace("_", " ")


def _fields(made: Generation, form: Form) -> Mapping[str, str | None]:
    if made.listing is None:
        return {"prompt": form.prompt[:_LONGEST]} if made.kind == "image" else {}
    found: dict[str, str | None] = {f"aspects.{name}": None for name in made.listing.aspects}
    for line in filter(None, map(str.strip, form.aspects[:_LONGEST].splitlines())):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not (name and colon and value):
            raise ValueError(
                f"Want one aspect a line, such as Color: red, got {line[:80]!r}. Nothing was stored."
            )
        if found.get(f"aspects.{name}") is not None:
            raise ValueError(f"{name!r} is there twice: keep one line of it. Nothing was stored.")
        found[f"aspects.{name}"] = value
    price = form.price.strip().replace(",", ".")
    try:
        found["price"] = f"{float(price):.2f}" if price else None
    except ValueError:
        raise ValueError(
            f"A price is a number such as 12.50, got {price[:40]!r}. Nothing was stored."
        ) from None
    return found


# ---- which one is next ---------------------------------------------------------------------------


def turn(desk: Desk, person: Person, key: str) -> tuple[Labels, str]:
    """What this person answers about, and where that answer goes.

    An output belongs to the audit for which they answered about it, else to the newest that drew it. Without a
    `key`: what nobody answered of the newest audit that has such, else what this person did not answer; in a store
    without audits, everything as it was made.

    Raises:
        WorkbenchError: They may not answer, nothing says by which rubric, or nothing is left.
    """
    shown = desk.labels(person)
    every = [desk.labels(person, one) for one in desk.audits() if _readable(desk, one)] or [shown]
    if key:
        drew = [one for one in every if one.audit and key in _order(desk, one)]
        said = (one for one in drew if _for_audit(one, key))
        return next(said, drew[0] if drew else shown), key
    for waiting in (_unanswered, _mine_to_answer):
        for labels in every:
            if found := waiting(desk, labels):
                return labels, found[0]
    if desk.rows(answers=False).frame.empty:
        raise WorkbenchError("Nothing was made yet.")
    if shown.audit is not None:
        raise WorkbenchError("You have answered everything that the audits drew.")
    return shown, _order(desk, shown)[0]


def following(desk: Desk, labels: Labels, key: str) -> str:
    """The next one after `key` that nobody answered, else that this person did not; empty where there is none."""
    order = _order(desk, labels)
    start = order.index(key) + 1 if key in order else 0
    for waiting in (_unanswered, _mine_to_answer):
        left = {one for one in waiting(desk, labels) if one != key}
        if found := next((one for one in (*order[start:], *order[:start]) if one in left), ""):
            return found
    return ""


def _order(desk: Desk, labels: Labels) -> list[str]:
    """What the audit drew, as it was drawn; without an audit, everything."""
    if labels.audit is not None:
        return [one.generation for one in labels.audit.drawn]
    return [str(key) for key in desk.rows(answers=False).frame["key"]]


def _mine_to_answer(desk: Desk, labels: Labels) -> list[str]:
    mine = labels.mine()
    return [key for key in _order(desk, labels) if key not in mine]


def _unanswered(desk: Desk, labels: Labels) -> list[str]:
    """What no person answered by this rubric, and this one did not skip."""
    said = desk.store.annotations(rubric=labels.rubric.label, state="answered", simulated=False)
    answered = set(said["generation"])
    return [key for key in _mine_to_answer(desk, labels) if key not in answered]


def _for_audit(labels: Labels, key: str) -> bool:
    """Whether this person's answer about `key` belongs to this audit."""
    mine = labels.mine().get(key)
    return mine is not None and labels.audit is not None and mine.audit == labels.audit.id


def _readable(desk: Desk, audit: Audit) -> bool:
    return rubric_of(desk.store, audit.rubric) is not None


def _card(desk: Desk, labels: Labels, key: str, person: Person) -> str:
    rows, order, mine = desk.rows(answers=False), _order(desk, labels), labels.mine()
    place = order.index(key) if key in order else None
    row = desk.row(key)
    assert row is not None
    others = [
        one
        for one in answers_about(desk, key)
        if one.annotator != person.name and not one.simulated
    ]
    answer: Annotation | None = mine.get(key)
    return told(
        desk,
        lambda: render(
            "correct",
            key=key,
            image=rows.frame["image"].iat[row],
            title=str(rows.frame["title"].iat[row]),
            category=str(rows.frame["category"].iat[row] or ""),
            model=str(rows.frame["model"].iat[row] or ""),
            rubric=labels.rubric.label,
            by=labels.annotator,
            place=place,
            drawn=len(order),
            done=sum(one in mine for one in order),
            audit=labels.audit,
            several=len(desk.audits()) > 1,
            before=order[place - 1] if place else "",
            after=order[place + 1] if place is not None and place + 1 < len(order) else "",
            others=len({one.annotator for one in others}),
            mine=answer,
        ),
    )

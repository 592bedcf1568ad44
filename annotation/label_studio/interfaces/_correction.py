"""One output, written anew by a person where it is not right: the fields begin with the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._records import Answer, Correction, Interface, TaskData
from annotation.label_studio.interfaces._regions import Fields
from annotation.label_studio.interfaces._review import (
    APPROVED,
    NOTE,
    REJECTED,
    VERDICT,
    heading,
    note_view,
    text_area,
    verdict_view,
)
from annotation.label_studio.interfaces._show import (
    aspects_of,
    lines_of,
    listing_of,
    picture,
    price_of,
    shown_url,
    strip,
)
from annotation.label_studio.interfaces._xml import clean, shown_when, tag
from workbench.records import Generation, Item
from workbench.rubric import Rubric

_SHOWN, _OUTPUT = "shown", "output"
_WHOLE = ("prompt", "title", "price")
_RATIO = "\u2236"
"""Looks like a colon, and stands for one in a name: the first colon of a line ends its name."""


def build(rubric: Rubric, *, slots: int) -> list[Element]:
    """The page's parts."""
    del slots
    if rubric.judges == "image":
        shown = tag("View", picture(_SHOWN, f"${_SHOWN}", room="70vh"), className="wb-shown")
        texts = [_field("prompt", "A better prompt", rows=4, required="Write a better prompt.")]
    else:
        photos = tag("HyperText", name=_SHOWN, value=f"${_SHOWN}", inline="true")
        shown = tag("View", photos, className="wb-shown wb-photos")
        texts = [
            _field("title", "The right title, then Enter", rows=1, required="Write the title."),
            _field("aspects", "The right aspects, one a line, such as Color: Red", rows=8),
            _field("price", "The right price, such as 12.50, then Enter", rows=1),
        ]
    view = tag("Text", name=_OUTPUT, value=f"${_OUTPUT}")
    ask = verdict_view(_SHOWN, ask="Is it right?", approve="Right as it is", reject="I correct it")
    questions = tag(
        "View",
        heading("What the model made" if rubric.judges == "listing" else "The prompt"),
        tag("View", view, className="wb-card"),
        ask,
        shown_when(VERDICT, REJECTED, *texts, name="wb-fix"),
        note_view(_SHOWN),
        className="wb-questions",
    )
    return [tag("View", shown, questions, className="wb-page")]


def data(
    interface: Interface,
    generation: Generation,
    item: Item | None,
    *,
    pictures: Mapping[str, str],
    against: Generation | None,
) -> dict[str, Any]:
    """What the page shows.

    Raises:
        LabelStudioError: There is no output to be corrected.
    """
    del against
    if interface.rubric.judges == "image":
        prompt = clean(generation.prompt)
        shown = shown_url(generation.image, pictures)
        return {_SHOWN: shown, _OUTPUT: prompt, "prompt": prompt}
    listing = listing_of(generation)
    return {
        _SHOWN: strip(generation.inputs or (item.photos if item else ()), pictures),
        _OUTPUT: lines_of(listing),
        "title": clean(listing.title),
        "price": price_of(listing),
        "aspects": "\n".join(_line(*stated) for stated in aspects_of(listing).items()),
    }


def read(interface: Interface, fields: Fields, data: TaskData) -> Answer:
    """What the person said."""
    del interface
    approved = fields[VERDICT][0] == APPROVED
    notes, contradictions = list(fields.get(NOTE, ())), []
    corrections: list[Correction] = []
    if not approved:
        for name in _WHOLE:
            said = "\n".join(fields.get(f"{name}_fix", ()))
            if name in data and said != data[name].strip():
                corrections.append((name, data[name] or None, said or None))
        if "aspects" in data:
            before, _ = _lines(data["aspects"])
            after, unread = _lines("\n".join(fields.get("aspects_fix", ())))
            corrections += _differences(before, after)
            notes += unread
            contradictions += [
                f"{line!r} is no `Name: value`, or says a name again" for line in unread
            ]
        if not corrections:
            contradictions.append("it was to be corrected, but is left as it was")
    return Answer(
        approved=approved,
        note="\n".join(notes) or None,
        corrections=tuple(corrections),
        contradictions=tuple(contradictions),
    )


def fields(interface: Interface, answer: Answer, data: TaskData) -> Fields:
    """What `read` reads as `answer`."""
    del interface
    found: Fields = {NOTE: (answer.note,) if answer.note else ()}
    if answer.approved is None:
        return found
    found[VERDICT] = (APPROVED if answer.approved else REJECTED,)
    after = {about: text for about, _, text in answer.corrections}
    for name in _WHOLE:
        if name in data:
            found[f"{name}_fix"] = (after.pop(name, data[name]) or "",)
    if "aspects" in data:
        before, _ = _lines(data["aspects"])
        right = before | {about.removeprefix("aspects."): text for about, text in after.items()}
        lines = [_line(name, text) for name, text in right.items() if text is not None]
        found["aspects_fix"] = ("\n".join(lines),)
    return {name: tuple(filter(None, values)) for name, values in found.items()}


def _field(name: str, words: str, *, rows: int, required: str | None = None) -> Element:
    area = text_area(
        f"{name}_fix", _OUTPUT, value=f"${name}", rows=rows, placeholder=words, required=required
    )
    return tag("View", heading(words), area)


def _line(name: str, value: str) -> str:
    return f"{' '.join(name.split()).replace(':', _RATIO)}: {' '.join(value.split())}"


def _lines(text: str) -> tuple[dict[str, str | None], list[str]]:
    """Aspects of `Name: value` lines, and lines that are none."""
    found: dict[str, str | None] = {}
    unread = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = (part.strip() for part in line.partition(":"))
        name = name.replace(_RATIO, ":")
        if name and value and name not in found:
            found[name] = value
        else:
            unread.append(line)
    return found, unread


def _differences(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Iterator[Correction]:
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield f"aspects.{name}", before.get(name), after.get(name)

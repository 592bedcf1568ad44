"""A second project that holds the disputes alone, and shows what each person said, side by side.

Whoever settles a dispute sees the output, the answers under letters, and the same questions. Names are hidden:
the letters are dealt anew for each item. What comes back is marked as an adjudication and counts instead of the
answers that it settles; those stay as they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring, tostring

from annotation.adjudication import APPROVED, Settled, settle
from annotation.label_studio.interfaces import Interface
from annotation.label_studio.projects import standing_projects
from annotation.label_studio.push import Pushed, Question, push
from annotation.people import drawn_answers
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Audit, Correction
from workbench.rubric import Criterion, Rubric
from workbench.store import Advance

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

ANSWERS = "answers"
"""Key of a task's data that holds the answers as a table."""

_STYLE = """
.wb .wb-answers { margin-bottom: 20px; }
.wb .wb-answers .lsf-richtext { max-height: none; overflow-wrap: normal; overflow-x: auto; }
.wb-answers table { border-collapse: collapse; width: 100%; font-size: 14px; }
.wb-answers th, .wb-answers td { padding: 6px 12px; text-align: left; vertical-align: top;
  border-bottom: 1px solid rgba(128, 128, 128, 0.3); min-width: 76px; }
.wb-answers thead th { font-size: 15px; }
.wb-answers tbody th { font-weight: 400; opacity: 0.75; min-width: 120px; }
.wb-answers tr.differs td { font-weight: 600; background: rgba(255, 180, 0, 0.16); }
.wb-answers p { margin: 10px 12px 0; opacity: 0.75; font-size: 13px; }
.wb-answers ul { margin: 4px 12px 0; padding-left: 18px; opacity: 0.75; font-size: 13px; }
.wb-answers li { margin-top: 4px; }
"""


def push_disputes(
    client: Client,
    store: Store,
    audit: Audit,
    interface: Interface,
    *,
    annotators: Sequence[str] = (),
    media: Path | None = None,
) -> Pushed:
    """Put what people dispute, and nobody has settled, into a project of its own.

    Pushed again, it takes what is disputed by now too; a task shows the answers as they were when it was made.

    Args:
        client: The server.
        store: Holds the answers, pulled before.
        audit: Whose draw they are about, those of the audits that it grew from too.
        interface: The page that the answers were given in.
        annotators: Who settles; none: one project for everybody.
        media: As for `push`.

    Raises:
        LabelStudioError: Nothing is disputed, or the server refuses.
    """
    queue = settle(drawn_answers(store, audit), rubric=interface.rubric).queue
    if not queue:
        raise LabelStudioError(
            f"nothing is in dispute: of {len(audit.drawn)} items of audit {audit.id[:12]} none has answers that "
            "differ and are not settled; pull the answers first, or ask two people about each item"
        )
    given = {one.id for item in queue for one in item.said.values()}
    corrections = [c for c in store.records(Correction) if c.annotation in given]
    pushed = push(
        client,
        store,
        [
            Question(
                generation=item.generation,
                extra={ANSWERS: answers_table(item, interface.rubric, corrections)},
            )
            for item in queue
        ],
        name=f"adjudication {audit.id}",
        interface=adjudication_interface(interface),
        audit=audit.id,
        adjudicates=True,
        annotators=annotators,
        media=media,
    )
    name = _note(audit)
    with store.alone(name):
        asked = sorted(asked_to_settle(store, audit) | {item.generation for item in queue})
        step = Advance(name=name, before=store.cursor(name), after=" ".join(asked))
        store.add([], advance=step)
    return pushed


def asked_to_settle(store: Store, audit: Audit) -> frozenset[str]:
    """Generations of `audit` that its adjudication project asks about, settled ones too; asks no server.

    None where that project was withdrawn.
    """
    made = [
        stands
        for purpose, stands in standing_projects(store)
        if purpose.adjudicates and purpose.audit == audit.id
    ]
    if made and not any(made):
        return frozenset()
    return frozenset((store.cursor(_note(audit)) or "").split())


def _note(audit: Audit) -> str:
    return f"label_studio/adjudication/{audit.id}"


def adjudication_interface(interface: Interface) -> Interface:
    """The page of `interface` with the answers above it; its questions and what they mean stay the same."""
    root = fromstring(interface.config)  # noqa: S314 (made by us)
    style = Element("Style")
    style.text = _STYLE
    shown = Element("View", className="wb-answers")
    shown.append(Element("Header", value="What people said", size="4"))
    shown.append(Element("HyperText", name=ANSWERS, value=f"${ANSWERS}", inline="true"))
    place = 1 + max((i for i, child in enumerate(root) if child.tag == "Style"), default=-1)
    root.insert(place, style)
    root.insert(place + 1, shown)
    label = interface.title.rpartition(" · ")[0]
    return replace(
        interface, config=tostring(root, encoding="unicode"), title=f"{label[:36]} · adjudication"
    )


def answers_table(item: Settled, rubric: Rubric, corrections: Sequence[Correction] = ()) -> str:
    """What each person said about one item, as HTML: a column a person, under letters instead of names.

    Which letter is whose depends on the item alone, and differs from item to item.

    Args:
        item: From a settlement.
        rubric: By which they answered; its words are shown.
        corrections: Any; those that belong to these answers are shown.

    Raises:
        LabelStudioError: More people answered than there are letters.
    """
    people = sorted(item.said)
    if len(people) > len(ascii_uppercase):
        raise LabelStudioError(
            f"want answers of at most {len(ascii_uppercase)} people about {item.generation[:12]}, "
            f"got {len(people)}"
        )
    random.Random(item.generation).shuffle(people)  # noqa: S311 (hides an order, guards nothing)
    said = [item.said[name] for name in people]
    rows = [_Row("Verdict", [_verdict(one) for one in said], APPROVED in item.differs)]
    alike = []
    for criterion in rubric.criteria:
        points = [_point(criterion, one) for one in said]
        if len(set(points)) > 1:
            rows.append(_Row(criterion.question, points, criterion.id in item.differs))
        elif points[0]:
            alike.append(f"<li>{escape(criterion.question)} <b>{escape(points[0])}</b></li>")
    words = {mode.id: mode.id.replace("_", " ").capitalize() for mode in rubric.failure_modes}
    modes = [", ".join(words.get(mode, mode) for mode in one.failure_modes) for one in said]
    rows.append(_Row("What is wrong with it", modes, empty="nothing named"))
    letters = ascii_uppercase[: len(said)]
    head = "".join(f"<th>{letter}</th>" for letter in letters)
    body = "".join(row.html() for row in rows if any(row.cells))
    texts = [
        f"<p><b>{letter}</b> {escape(what)}: {escape(text)}</p>"
        for letter, one in zip(letters, said, strict=True)
        for what, text in _texts(one, corrections)
    ]
    if alike:
        texts.append(f"<p>All agree:</p><ul>{''.join(alike)}</ul>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>{''.join(texts)}"


@dataclass(frozen=True, slots=True)
class _Row:
    question: str
    cells: Sequence[str]
    """One a person; empty where they said nothing."""
    differs: bool = False
    """Whether this is what the dispute is about."""
    empty: str = "not answered"
    """Shown where somebody said nothing."""

    def html(self) -> str:
        marked = ' class="differs"' if self.differs else ""
        shown = "".join(f"<td>{escape(cell or self.empty)}</td>" for cell in self.cells)
        return f"<tr{marked}><th>{escape(self.question)}</th>{shown}</tr>"


def _verdict(one: Annotation) -> str:
    return "Approve" if one.approved else "Reject"


def _point(criterion: Criterion, one: Annotation) -> str:
    """The point in the scale's words, such as `3` or `no`."""
    point = one.scores.get(criterion.id)
    return "" if point is None else criterion.scale[int(point) - 1]


def _texts(one: Annotation, corrections: Sequence[Correction]) -> Iterator[tuple[str, str]]:
    """What a person wrote: what it is about, and the words."""
    for found in corrections:
        if found.annotation == one.id and not found.withdrawn and found.about != "failure_mode":
            about = found.about.removeprefix("aspects.").lower()
            yield (
                f"would change the {about} to" if found.after else f"would take the {about} out",
                (found.after or found.before or ""),
            )
    if one.note:
        yield "notes", one.note

"""What annotators read before they begin, as HTML: the rubric in its own words, with its examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, tostring

from annotation.label_studio.interfaces._records import Interface, Kind
from annotation.label_studio.interfaces._xml import clean
from workbench.rubric import Criterion, Example, FailureMode, Rubric

_TASKS: dict[Kind, str] = {
    "image": "Approve the image (y) or reject it (n), answer each question, and name what is wrong with it "
    "if you reject it. Each choice shows its key; Ctrl+Enter sends the answer.",
    "listing": "Say of the title and of each aspect whether it is right or wrong. What is wrong gets the right "
    "value. Take out what no photo can show, and what should not be there. The price is optional. Add what the "
    "listing leaves out, answer each question, then approve the listing (y), or reject it (n) and name what is wrong "
    "with it. Each choice shows its key: down the keyboard, the upper letters say right, those below wrong, and "
    "those at the bottom take out. Ctrl+Enter sends the answer.",
    "pair": "Choose the better one: 1 for A, 2 for B, 3 where both are as good as each other, 4 where both "
    "are bad. Which one stands left is drawn by lot. Ctrl+Enter sends the answer.",
    "correction": "Where the output is right, say so (y). Where it is not (n), write it as it should be: the "
    "fields begin with the output. Ctrl+Enter sends the answer.",
    "alignment": "Choose every word of the seller's title that the photos bear out, or none of them. Then say of each "
    "aspect whether the photos show it plainly, whether it can be inferred from them, or neither. Each choice shows its "
    "key: down the keyboard, the upper letters say seen, those at the bottom not. Ctrl+Enter sends the answer.",
}

_TYPING = (
    "Keys choose only while no field holds the cursor. Click into a field, type, and press Enter (Shift+Enter in a "
    "field of several rows) or Add: that keeps the text, also in a draft that you come back to, and the keys choose "
    "again. Text that was only typed is lost when you leave the page without Submit."
)

# The server takes style attributes out and leaves this in; the window is wider than a phone without it.
_STYLE = """
.lsf-modal-ls__content { max-width: 100vw; }
.wb-instructions { overflow-wrap: anywhere; white-space: normal; line-height: 1.45; }
.wb-instructions p { margin: 0 0 12px; }
.wb-instructions h4 { margin: 18px 0 4px; font-weight: 600; }
.wb-instructions ul { margin: 0 0 8px; padding-left: 18px; list-style: disc; }
.wb-instructions blockquote { margin: 8px 0; padding: 6px 12px; border-left: 3px solid #888; }
.wb-instructions img { display: block; max-width: 100%; max-height: 240px; margin-bottom: 6px; }
"""


def instructions(interface: Interface, *, pictures: Mapping[str, str]) -> str:
    """The project's instructions: the task, the rubric's questions with their points, failure modes, examples.

    Args:
        interface: The page that they are about.
        pictures: Address of an example's photo, as the rubric gives it, to the URL that serves it; an
            example whose photo is not served is told without it.
    """
    rubric = interface.rubric
    page = _html(
        "div",
        _html("style", _STYLE),
        _html("p", _html("b", "Your task. "), _TASKS[interface.kind]),
        _html("p", _html("b", "Typing. "), _TYPING),
        *(
            _html("p", " ".join(part.split()))
            for part in rubric.instructions.split("\n\n")
            if part.strip()
        ),
        *(part for one in rubric.criteria for part in _criterion(rubric, one, pictures)),
        *_modes(rubric.failure_modes),
    )
    page.set("class", "wb-instructions")
    return tostring(page, encoding="unicode", method="html")


def _criterion(
    rubric: Rubric, criterion: Criterion, pictures: Mapping[str, str]
) -> Iterator[Element]:
    yield _html("h4", criterion.question)
    if criterion.points:
        rows = zip(criterion.scale, criterion.points, strict=True)
        yield _html("ul", *(_html("li", _html("b", point), f" {said}") for point, said in rows))
    else:
        yield _html("p", f"From worst to best: {', '.join(criterion.scale)}.")
    for example in rubric.examples:
        if example.criterion == criterion.id:
            yield _example(example, pictures)


def _example(example: Example, pictures: Mapping[str, str]) -> Element:
    url = pictures.get(example.photo) if example.photo else None
    shown = [] if url is None else [Element("img", src=clean(url), alt="Example")]
    return _html(
        "blockquote",
        *shown,
        _html("div", f"Example: {example.output}"),
        _html("div", _html("b", example.point), f" {example.why}"),
    )


def _modes(modes: tuple[FailureMode, ...]) -> Iterator[Element]:
    if modes:
        yield _html("h4", "What can be wrong")
        yield _html(
            "ul",
            *(
                _html(
                    "li",
                    _html("b", mode.id.replace("_", " ").capitalize()),
                    f" {mode.description}",
                    " It rejects the output, whatever else is good." if mode.blocks else "",
                )
                for mode in modes
            ),
        )


def _html(kind: str, *parts: Element | str) -> Element:
    """An element of HTML; text is escaped when it is written."""
    element = Element(kind)
    last: Element | None = None
    for part in parts:
        if isinstance(part, Element):
            element.append(part)
            last = part
        elif last is None:
            element.text = (element.text or "") + clean(part)
        else:
            last.tail = (last.tail or "") + clean(part)
    return element

"""One seller's own listing beside its photos: which of its words and aspects do the photos show?

Nobody sees what an aligner kept: what people say is held against it afterwards. Words of a title are choices that come
with the task; aspects have slots, as on the page of a listing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._keys import Keys, unreachable
from annotation.label_studio.interfaces._records import Answer, Interface, TaskData
from annotation.label_studio.interfaces._regions import Fields, missing, place
from annotation.label_studio.interfaces._review import (
    NOTE,
    Option,
    choices,
    classes,
    heading,
    note_view,
)
from annotation.label_studio.interfaces._show import strip
from annotation.label_studio.interfaces._xml import beside_photos, clean, shown_when, tag
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item
from workbench.rubric import Criterion, Rubric

SLOTS, WORDS = "slots", "words"
NONE = "(none of these)"
"""A choice beside the words; no word has a space in it."""
SHOWN, HIDDEN = 2.0, 1.0
"""Points of a word."""
VERDICTS = ("not", "inferable", "seen")
"""Points of an aspect, from 1."""

_OBJECT = "photos"
_PRESSED = "123456789"
_LABELS = ("Not in the photos", "Can be inferred", "Seen")


def alignment_rubric() -> Rubric:
    """What people are asked about a seller's listing: the only rubric of this page."""
    return Rubric(
        name="alignment",
        version=1,
        judges="listing",
        instructions=(
            "You see the photos of one product and what its seller typed about it. Say what the photos alone bear out, "
            "as somebody would who never held the product. What is only probable is not in the photos."
        ),
        criteria=(
            Criterion(
                id="words",
                question="Which words of the title do the photos bear out?",
                scale=("not", "shown"),
                threshold=2,
                points=(
                    "Size, brand, model, promotion, the fibre or technology of a fabric, or something else than is shown.",
                    "The kind of product, its color, pattern, form or a detail, as the photos show it.",
                ),
            ),
            Criterion(
                id="aspects",
                question="Do the photos show this aspect?",
                scale=VERDICTS,
                threshold=2,
                points=(
                    "The photos show something else, or cannot tell.",
                    "Nobody sees it plainly, but what is seen leaves little else: for whom it is made, wood, wool.",
                    "Plainly to be seen.",
                ),
            ),
        ),
    )


def build(rubric: Rubric, *, slots: int) -> list[Element]:
    """The page's parts."""
    keys = Keys()
    asked = tag(
        "Choices",
        name=WORDS,
        toName=_OBJECT,
        choice="multiple",
        value=f"${WORDS}",
        layout="inline",
        required="true",
        requiredMessage=f"The title is not answered yet: choose its words, or {NONE}.",
    )
    return beside_photos(
        _OBJECT,
        SLOTS,
        heading(rubric.criterion("words").question),
        tag("View", tag("Text", name="title", value="$title"), className="wb-card"),
        tag("View", asked, className="wb-criterion"),
        heading(rubric.criterion("aspects").question),
        *(_aspect(number, keys) for number in range(1, slots + 1)),
        note_view(_OBJECT),
    )


def data(
    interface: Interface,
    generation: Generation,
    item: Item | None,
    *,
    pictures: Mapping[str, str],
    against: Generation | None,
) -> dict[str, Any]:
    """What the page shows: the seller's words and aspects, and nothing of what was decided about them.

    Raises:
        LabelStudioError: The alignment could not be read, or the seller states more aspects than the page has room for.
    """
    del against
    title, aspects = generation.details.get("title"), generation.details.get("aspects")
    if not isinstance(title, list) or not isinstance(aspects, list):
        raise LabelStudioError(
            f"alignment {generation.key[:12]} decided nothing (the model's answer could not be read): run it again"
        )
    if len(aspects) > interface.slots:
        raise LabelStudioError(
            f"the seller of {generation.item} states {len(aspects)} aspects, and the interface has room for "
            f"{interface.slots}: leave it out, or build it with a schema of categories as large"
        )
    words = [clean(str(one["text"])) for one in title]
    filled: dict[str, Any] = {}
    for number in range(1, interface.slots + 1):
        stated = aspects[number - 1] if number <= len(aspects) else {"name": "", "values": ()}
        filled |= {
            f"aspect_{number}_name": clean(str(stated["name"])),
            f"aspect_{number}": clean(", ".join(map(str, stated["values"]))),
        }
    return {
        _OBJECT: strip(generation.inputs or (item.photos if item else ()), pictures),
        "title": " ".join(words) or "(no title)",
        WORDS: [
            {"value": value, "hotkey": _PRESSED[n] if n < len(_PRESSED) else unreachable(2000 + n)}
            for n, value in enumerate(_apart(words))
        ]
        + [{"value": NONE, "hotkey": "0"}],
        SLOTS: [
            {"value": f"aspect_{number}", "selected": True, "hotkey": unreachable(number)}
            for number in range(1, len(aspects) + 1)
        ],
        **filled,
    }


def read(interface: Interface, fields: Fields, data: TaskData) -> Answer:
    """What the person said: `word <n>` and `aspect <n>`, both from 1, to points.

    Raises:
        LabelStudioError: An aspect was not answered, or a word was chosen that the title has not.
    """
    del interface
    said = set(fields[WORDS])
    asked = [str(one["value"]) for one in data[WORDS]]
    if strange := sorted(said - set(asked)):
        raise LabelStudioError(
            f"{place(data)}, {WORDS}: want words of the title, got {strange[0]!r:.80}; the task was changed on the server"
        )
    scores = {
        f"word {number}": SHOWN if value in said else HIDDEN
        for number, value in enumerate(asked[:-1], start=1)
    }
    for number, slot in enumerate(data[SLOTS], start=1):
        answered = fields.get(f"{slot['value']}_is")
        if answered is None:
            raise missing(place(data), f"{slot['value']}_is")
        scores[f"aspect {number}"] = 1.0 + VERDICTS.index(answered[0])
    both = NONE in said and len(said) > 1
    return Answer(
        scores=scores,
        note="\n".join(fields.get(NOTE, ())) or None,
        contradictions=(f"words of the title are chosen beside {NONE!r}",) if both else (),
    )


def fields(interface: Interface, answer: Answer, data: TaskData) -> Fields:
    """What `read` reads as `answer`."""
    del interface
    asked = [str(one["value"]) for one in data[WORDS]]
    chosen = tuple(
        value for n, value in enumerate(asked[:-1], 1) if answer.scores.get(f"word {n}") == SHOWN
    )
    found: Fields = {
        WORDS: chosen or (NONE,),
        SLOTS: tuple(slot["value"] for slot in data[SLOTS]),
        NOTE: (answer.note,) if answer.note else (),
    }
    for number in range(1, len(data[SLOTS]) + 1):
        if (point := answer.scores.get(f"aspect {number}")) is not None:
            found[f"aspect_{number}_is"] = (VERDICTS[int(point) - 1],)
    return found


def _apart(words: list[str]) -> Iterator[str]:
    """Words as choices: one that stands in the title before gets its number."""
    seen: dict[str, int] = {}
    for word in words:
        seen[word] = seen.get(word, 0) + 1
        yield word if seen[word] == 1 else f"{word} ({seen[word]})"


def _aspect(number: int, keys: Keys) -> Element:
    name, pressed = f"aspect_{number}", keys.column(3)
    options = [
        Option(value=value, label=label, key=key)
        # Seen is on the upper row of keys, as what is right is on the page of a listing.
        for value, label, key in zip(VERDICTS[::-1], _LABELS[::-1], pressed, strict=True)
    ]
    question = choices(
        f"{name}_is",
        name,
        options,
        required=f"Row {number} is not answered yet: do the photos show it?",
    )
    row = tag(
        "View",
        tag("Header", value=f"{number}. ${name}_name", size="5"),
        tag("View", tag("Text", name=name, value=f"${name}"), className="wb-said"),
        question,
        className=classes("wb-slot", pressed),
    )
    return shown_when(SLOTS, name, row)

"""Two generations side by side, in an order that tells nothing: which one is better?

A question with four choices: Label Studio's `<Pairwise>` says left, right or nothing, so no tie and no
"both are bad", and the SDK refuses its predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._records import Answer, Interface, Preferred, TaskData
from annotation.label_studio.interfaces._regions import Fields, place
from annotation.label_studio.interfaces._review import NOTE, Option, choices, heading, note_view
from annotation.label_studio.interfaces._show import (
    lines_of,
    listing_of,
    picture,
    shown_url,
    strip,
)
from annotation.label_studio.interfaces._xml import clean, tag
from workbench.errors import LabelStudioError
from workbench.records import Generation, Item, content_key
from workbench.rubric import Rubric

_PREFERENCE, _ASKED = "preference", "asked"
_ORDERS: dict[str, tuple[Preferred, Preferred]] = {
    "generation-against": ("generation", "against"),
    "against-generation": ("against", "generation"),
}


def build(rubric: Rubric, *, slots: int) -> list[Element]:
    """The page's parts."""
    del slots
    options = [
        Option(value="a", label="A is better", key="1"),
        Option(value="b", label="B is better", key="2"),
        Option(value="tie", label="As good as each other", key="3"),
        Option(value="neither", label="Both are bad", key="4"),
    ]
    if rubric.judges == "image":
        shown = tag("View", tag("Text", name=_ASKED, value=f"${_ASKED}"), className="wb-prompt")
        sides = [(side, picture(f"side_{side}", f"$side_{side}", room="56vh")) for side in "ab"]
    else:
        photos = tag("HyperText", name=_ASKED, value=f"${_ASKED}", inline="true")
        shown = tag("View", photos, className="wb-photos wb-row")
        sides = [(s, tag("Text", name=f"side_{s}", value=f"$side_{s}")) for s in "ab"]
    return [
        shown,
        tag(
            "View",
            *(tag("View", heading(s.upper()), part, className="wb-side") for s, part in sides),
            className="wb-sides",
        ),
        tag(
            "View",
            heading("Which one would you rather put in the shop?"),
            choices(_PREFERENCE, _ASKED, options, required="Choose one of the four answers."),
            className="wb-verdict",
        ),
        note_view(_ASKED),
    ]


def data(
    interface: Interface,
    generation: Generation,
    item: Item | None,
    *,
    pictures: Mapping[str, str],
    against: Generation | None,
) -> dict[str, Any]:
    """What the page shows, and in which order.

    Raises:
        LabelStudioError: There is no second generation, it is of another kind, or one has no output.
    """
    if against is None or against.kind != generation.kind or against.key == generation.key:
        came = None if against is None else f"{against.key[:12]} of kind {against.kind!r}"
        raise LabelStudioError(
            f"want another generation of kind {generation.kind!r} beside {generation.key[:12]}, got {came}"
        )
    order = _order_of(generation.key, against.key)
    pair = {"generation": generation, "against": against}
    first, second = (pair[side] for side in _ORDERS[order])
    if interface.rubric.judges == "image":
        same = generation.prompt == against.prompt
        return {
            _ASKED: clean(generation.prompt if same else generation.category),
            "side_a": shown_url(first.image, pictures),
            "side_b": shown_url(second.image, pictures),
            "order": order,
            "against": against.key,
        }
    return {
        _ASKED: strip(generation.inputs or (item.photos if item else ()), pictures),
        "side_a": lines_of(listing_of(first)),
        "side_b": lines_of(listing_of(second)),
        "order": order,
        "against": against.key,
    }


def read(interface: Interface, fields: Fields, data: TaskData) -> Answer:
    """What the person said, of the two as they were asked about.

    Raises:
        LabelStudioError: The task does not say which side was which.
    """
    del interface
    said = fields[_PREFERENCE][0]
    sides: dict[str, Preferred] = dict(zip("ab", _order(data), strict=True))
    preferred: Preferred = "tie" if said == "tie" else sides.get(said, "neither")
    return Answer(preferred=preferred, note="\n".join(fields.get(NOTE, ())) or None)


def fields(interface: Interface, answer: Answer, data: TaskData) -> Fields:
    """What `read` reads as `answer`."""
    del interface
    sides: dict[str, str] = dict(zip(_order(data), "ab", strict=True))
    said = answer.preferred or ""
    noted = (answer.note,) if answer.note else ()
    return {_PREFERENCE: (sides.get(said, said),) if said else (), NOTE: noted}


def _order_of(generation: str, against: str) -> str:
    """Which side is shown first, from the two keys alone."""
    seed = int(content_key("sides", generation, against)[:8], 16)
    return list(_ORDERS)[seed % 2]


def _order(data: TaskData) -> tuple[Preferred, Preferred]:
    # Whoever may edit a task may turn the sides round: what its data say is compared with what was pushed.
    order = _order_of(str(data.get("generation")), str(data.get("against")))
    if data.get("order") != order:
        raise LabelStudioError(
            f"{place(data)}: want `order` to be {order!r}, as it was pushed, got {data.get('order')!r:.80}; "
            "the task was changed on the server"
        )
    return _ORDERS[order]

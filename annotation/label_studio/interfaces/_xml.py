"""Text of unknown origin, brought into XML attributes, HTML and JSON without changing what the page does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

from annotation.label_studio.interfaces._records import Control

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold; PostgreSQL and browsers stumble over the same characters."""

_WORD_JOINER = "\u2060"


def clean(text: str) -> str:
    """`text` with a visible mark (U+FFFD) for each character that XML cannot hold, such as NUL."""
    return _FORBIDDEN.sub("\ufffd", text)


def static(text: str) -> str:
    """`text` for an attribute, in which `$5` stays what it is.

    Label Studio reads `$name` anywhere in a value as the task's `name`. An invisible word joiner
    around the sign makes it a sign.
    """
    return clean(text).replace("$", f"{_WORD_JOINER}${_WORD_JOINER}")


def tag(kind: str, /, *children: Element, **attributes: str | None) -> Element:
    """An element; attributes that are None are left out."""
    element = Element(kind, {key: value for key, value in attributes.items() if value is not None})
    element.extend(children)
    return element


def shown_when(control: str, values: str, *children: Element, name: str | None = None) -> Element:
    """A view that shows only where one of `values` (with commas between them) is chosen.

    The condition stands on the view and not on the questions in it: headers have none of their own,
    and a required question is skipped where its view does not show.
    """
    return tag(
        "View",
        *children,
        className=name,
        visibleWhen="choice-selected",
        whenTagName=control,
        whenChoiceValue=values,
    )


def text(root: Element) -> str:
    """The tree as Label Studio takes it."""
    return tostring(root, encoding="unicode")


def controls_of(root: Element) -> Iterable[Control]:
    """Every question of the tree, in the page's order."""
    pending = [(root, False)]
    while pending:
        element, conditional = pending.pop()
        conditional |= "visibleWhen" in element.attrib
        if element.tag in {"Choices", "TextArea"}:
            listed = [choice.attrib["alias"] for choice in element]
            dynamic = element.tag == "TextArea" or "value" in element.attrib
            yield Control(
                name=element.attrib["name"],
                to_name=element.attrib["toName"],
                type="choices" if element.tag == "Choices" else "textarea",
                choices=None if dynamic else tuple(listed),
                multiple=element.get("choice") == "multiple" or element.tag == "TextArea",
                required=element.get("required") == "true" and not conditional,
            )
        pending.extend((child, conditional) for child in reversed(element))


def beside_photos(name: str, slots: str, *questions: Element) -> list[Element]:
    """Questions beside the item's photos, and which of the page's slots this task uses.

    Args:
        name: Of the photos' control, and of their field in the task's data.
        slots: The same of the slots.
        questions: From top to bottom.
    """
    gate = tag(
        "Choices", name=slots, toName=name, choice="multiple", value=f"${slots}", readOnly="true"
    )
    photos = tag("HyperText", name=name, value=f"${name}", inline="true")
    # The server lists a project's data in the order of this page: texts first, HTML and the gate last.
    return [
        tag(
            "View",
            tag("View", *questions, className="wb-questions"),
            tag("View", photos, className="wb-shown wb-photos wb-first"),
            className="wb-page",
        ),
        tag("View", gate, className="wb-gate"),
    ]

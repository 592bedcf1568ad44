"""One picture that a model made: the verdict, and a better prompt where it is rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from annotation.label_studio.interfaces._keys import Keys
from annotation.label_studio.interfaces._records import Answer, Interface, TaskData
from annotation.label_studio.interfaces._regions import Fields
from annotation.label_studio.interfaces._review import (
    REJECTED,
    VERDICT,
    criteria_views,
    heading,
    modes_view,
    note_view,
    read_review,
    review_fields,
    text_area,
    verdict_view,
)
from annotation.label_studio.interfaces._show import picture, shown_url, topic_of
from annotation.label_studio.interfaces._xml import clean, shown_when, tag
from workbench.records import Generation, Item
from workbench.rubric import Rubric

_OBJECT, _PROMPT = "image", "prompt_fix"


def build(rubric: Rubric, *, slots: int) -> list[Element]:
    """The page's parts."""
    del slots  # a picture has no aspects
    keys = Keys()
    better = text_area(
        _PROMPT, _OBJECT, value="$prompt", rows=3, placeholder="What to ask for instead"
    )
    criteria = list(criteria_views(rubric, _OBJECT, keys))
    measured = [one for one in criteria if one.get("className") == "wb-measured"]
    modes = modes_view(rubric, _OBJECT, keys)
    questions = tag(
        "View",
        verdict_view(_OBJECT, *modes, note_view(_OBJECT)),
        *(one for one in criteria if one not in measured),
        shown_when(VERDICT, REJECTED, heading("A better prompt (optional)"), better, name="wb-fix"),
        *measured,
        className="wb-questions",
    )
    shown = tag(
        "View",
        tag("View", tag("Header", value="$topic", size="3"), className="wb-topic"),
        tag("View", tag("Text", name="prompt", value="$prompt"), className="wb-prompt"),
        picture(_OBJECT, "$image", room="70vh"),
        className="wb-shown",
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
    """What the page shows."""
    del interface, item, against
    return {
        "image": shown_url(generation.image, pictures),
        "topic": topic_of(generation),
        "prompt": clean(generation.prompt),
    }


def read(interface: Interface, fields: Fields, data: TaskData) -> Answer:
    """What the person said."""
    answer = read_review(interface, fields)
    said = "\n".join(fields.get(_PROMPT, ()))
    if answer.approved or not said or said == data["prompt"].strip():
        return answer
    return replace(answer, corrections=(("prompt", data["prompt"], said),))


def fields(interface: Interface, answer: Answer, data: TaskData) -> Fields:
    """What `read` reads as `answer`."""
    del data
    better = tuple(after for about, _, after in answer.corrections if about == "prompt" and after)
    return review_fields(interface, answer) | {_PROMPT: better}

"""The words in which a model is asked to judge.

A context holds what all questions about one subject share: pictures, the rubric's instructions and the
output. A question holds one criterion. Engines read a context once, so whatever differs between
questions stays out of it. `WORDING` is part of every judge's revision.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workbench.judging.protocols import Asked, Subject
from workbench.models.protocols import Prompt, Question
from workbench.records import Listing
from workbench.rubric import Criterion, FailureMode, Rubric

if TYPE_CHECKING:
    from PIL.Image import Image

WORDING = 1
"""Raised with every change to a sentence below."""

SEEN = ("no", "yes")
"""Answers to the question whether a failure mode is to be seen."""


def context(subject: Subject, rubric: Rubric) -> Prompt:
    """Pictures, instructions and the output to be judged."""
    images: tuple[Image, ...]
    if subject.generation.kind == "image":
        images = () if subject.image is None else (subject.image,)
        output = f"The image above was made from this prompt:\n{subject.generation.prompt.strip()}"
    else:
        images = subject.photos
        n = len(images)
        shown = "Above is the seller's photo." if n == 1 else f"Above are {n} photos by the seller."
        output = (
            f"{shown} This is the listing to judge, as JSON:\n"
            f"{_listing(subject.generation.listing)}"
        )
    instructions = rubric.instructions or "Judge the output below."
    return Prompt(text=f"{instructions}\n\n{output}", images=images)


def question(criterion: Criterion, asked: Asked) -> Question:
    """One criterion, its points in words and the examples that belong to it."""
    lines = [f"Question: {criterion.question}", "", "Possible answers, from worst to best:"]
    if criterion.points:
        pairs = zip(criterion.scale, criterion.points, strict=True)
        lines += [f"{point} = {meaning}" for point, meaning in pairs]
    else:
        lines += list(criterion.scale)
    examples = [one for one in asked.rubric.examples if one.criterion == criterion.id]
    for example in examples:
        lines += [
            "",
            f"Example: {example.output}",
            f"Answer: {example.point}, because: {example.why}",
        ]
    lines += ["", f"Reply with nothing but one of: {', '.join(criterion.scale)}."]
    return Question(text="\n".join(lines), answers=criterion.scale)


def mode_question(mode: FailureMode) -> Question:
    """Whether a failure mode is to be seen."""
    return Question(
        text=(
            f"Question: Is this the case here? {mode.description}\n\n"
            f"Reply with nothing but one of: {', '.join(SEEN)}."
        ),
        answers=SEEN,
    )


def reason(shared: Prompt, criterion: Criterion, point: str) -> Prompt:
    """Why `point` was given: asked after the answer, for criteria that fail."""
    meaning = ""
    if criterion.points:
        meaning = f" ({criterion.points[criterion.scale.index(point)]})"
    return Prompt(
        images=shared.images,
        system=shared.system,
        text=(
            f"{shared.text}\n\nQuestion: {criterion.question}\n"
            f"The answer is: {point}{meaning}\n\n"
            "Say in one short sentence what you see that makes it so. Name the detail, and the "
            "word of the listing or prompt that it contradicts."
        ),
    )


def _listing(listing: Listing | None) -> str:
    if listing is None:
        return "{}"
    content: dict[str, object] = {"title": listing.title}
    if listing.aspects:
        content["aspects"] = {
            name: values[0] if len(values) == 1 else list(values)
            for name, values in listing.aspects.items()
        }
    if listing.price is not None:
        content["price"] = listing.price
    return json.dumps(content, ensure_ascii=False, indent=1)

"""Subjects to judge, and a scorer that looks at pixels and words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from workbench.judging import Subject
from workbench.models.protocols import Answer, Completion, Decoding, Prompt, Question
from workbench.records import Cost, Generation, Listing, content_key
from workbench.schema import Attribute, Category

COLORS = {"Red": (200, 30, 30), "Green": (30, 160, 60), "Blue": (30, 60, 200)}
TEES = Category(
    id="Men/Tees",
    name="Tees",
    path=("Men", "Tees"),
    attributes=(
        Attribute(name="Color", values=tuple(COLORS), visible="yes", required=True),
        Attribute(name="Size", values=("S", "M", "L"), visible="no", required=True),
    ),
)


def photo(color: str, side: int = 48) -> Image.Image:
    """A patch of one colour on white."""
    image = Image.new("RGB", (side, side), "white")
    image.paste(COLORS[color], (side // 4, side // 4, side - side // 4, side - side // 4))
    return image


def subject(shown: str | None = "Red", said: str | None = "Red", *, number: int = 0) -> Subject:
    """A listing that says `said` of a photo that shows `shown`; None: no listing, no photo."""
    listing = None
    if said is not None:
        listing = Listing(title=f"Men's {said} Tee", aspects={"Color": (said,)})
    generation = Generation(
        key=content_key(shown, said, number),
        kind="listing",
        category=TEES.id,
        model="test",
        revision="1",
        prompt="write a listing",
        listing=listing,
    )
    photos = () if shown is None else (photo(shown),)
    return Subject(generation=generation, photos=photos, category=TEES)


@dataclass
class ColorScorer:
    """Compares the colour that a listing states with the colour in the middle of the first photo.

    A scorer and text model in every respect but its size: it reads prompts, photos and questions, and
    nothing else. Yes or no questions get a sure answer; scales get more mass the better the match.
    """

    name: str = "test:colors"
    revision: str = "1"
    sees: bool = True
    coverage: float = 0.9
    score_calls: list[int] = field(default_factory=list)
    """Questions of each call."""
    complete_calls: list[int] = field(default_factory=list)

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: object = None,
    ) -> list[list[Answer]]:
        self.score_calls.append(sum(map(len, questions)))
        return [
            [self._answer(context, question) for question in several]
            for context, several in zip(contexts, questions, strict=True)
        ]

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, progress: object = None
    ) -> list[Completion]:
        self.complete_calls.append(len(prompts))
        return [
            Completion(
                text=f"The photo looks {self._seen(prompt)}. ", cost=Cost(completion_tokens=5)
            )
            for prompt in prompts
        ]

    def _answer(self, context: Prompt, question: Question) -> Answer:
        match = self._stated(context) == self._seen(context)
        good = 0.95 if match else 0.1
        if "Is this the case here?" in question.text:
            good = 1 - good  # a failure mode is there where the match is bad
        n = len(question.answers) - 1
        weight = np.array([good**k * (1 - good) ** (n - k) for k in range(n + 1)])
        return Answer(
            distribution=tuple(weight / weight.sum()),
            coverage=self.coverage,
            cost=Cost(seconds=0.001, prompt_tokens=10),
        )

    def _stated(self, context: Prompt) -> str:
        found = re.search(r"\{.*\}", context.text, re.DOTALL)
        return str(json.loads(found.group())["aspects"]["Color"]) if found else ""

    def _seen(self, context: Prompt) -> str:
        pixel = np.array(context.images[0].getpixel((24, 24)), dtype=float)
        return min(COLORS, key=lambda name: float(np.abs(pixel - COLORS[name]).sum()))


@pytest.fixture
def scorer() -> ColorScorer:
    return ColorScorer()


@pytest.fixture
def make_subject():
    return subject

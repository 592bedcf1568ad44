"""What the loop of category images works with: topics, those who write prompts for them, and how far it goes."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipelines.recorder import Stage
from workbench.judging.attempts import Attempt, Ending, Try
from workbench.records import Aspects, Cost, Generation, Item

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.protocols import ImageModel, ImageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What one picture is to stand for: a category, or a theme."""

    id: str
    """The category's id, or the theme's name: what generations carry as their `category`."""
    name: str
    """In words."""
    items: tuple[Item, ...]
    """The popular ones that stand for it, at least one; the first leads."""
    aspects: Aspects = field(default_factory=dict)
    """What a theme asks for; empty for a category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A prompt as the image model takes it."""

    prompt: str
    negative: str | None


class Prompts(Protocol):
    """Who writes prompts, and better ones; generations of kind `prompt`."""

    def first(self, topics: Sequence[Topic], titles: Stage, prompts: Stage) -> list[Generation]:
        """A prompt for each topic, in the store; one that cannot be written has `details["error"]`."""
        ...

    def better_key(self, attempt: Attempt, refused: Try) -> str:
        """Key of the prompt that follows `attempt`, known before it is written."""
        ...

    def better(self, refused: Sequence[tuple[Attempt, Try]]) -> list[Generation]:
        """A better prompt for each refused attempt, by its best picture; not stored yet."""
        ...

    def render(self, prompt: Generation) -> Rendered:
        """As the image model takes it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPlan:
    """How far the loop goes."""

    attempts: int
    """At most, from 1."""
    patience: int
    """Attempts in a row without progress after which it gives up; 0: never."""
    candidates: int
    """Pictures per prompt, from 1."""
    seed: int
    overlap: bool
    """The judge works while the next pictures are made: where they do not share a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One topic that has ended."""

    topic: Topic
    ending: Ending
    attempts: tuple[Attempt, ...]
    made: int
    """Pictures that this run made for it; 0 where all was in the store."""
    judged: int
    """Of its pictures, those that this run judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture that was made, ready to be stored."""

    key: str
    """Of its generation."""
    data: bytes | None
    """As PNG; None where `error` says why there is none."""
    error: str | None = None
    cut: bool = False
    """True where the prompt is longer than the model reads."""
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the pictures of one piece, in this process or another."""

    model: ImageModel

    def __call__(self, asked: Sequence[tuple[str, ImageRequest]]) -> list[Picture]:
        """A picture for each key and request, in order."""
        made = self.model.make([request for _, request in asked])
        return [
            Picture(
                key=key,
                data=None if one.image is None else png(one.image),
                error=one.error,
                cut=one.cut,
                cost=one.cost,
            )
            for (key, _), one in zip(asked, made, strict=True)
        ]


class Busy:
    """Counts the time inside towards a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._stage.worked(time.perf_counter() - self._started)


def png(image: Image) -> bytes:
    """A picture as PNG, the same bytes for the same pixels."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()

"""Work that may be done in other processes, and models that are loaded only there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from workbench.errors import ModelError
from workbench.models.registry import Kind, load_image, load_scorer, load_text

if TYPE_CHECKING:
    from workbench.models.protocols import (
        Answer,
        Completion,
        Decoding,
        ImageRequest,
        MadeImage,
        Progress,
        Prompt,
        Question,
    )

Piece = TypeVar("Piece")
Made = TypeVar("Made")


class Each(Protocol):
    """Does the same work on every piece; the builtin `map` is the one for this process."""

    def __call__(self, work: Callable[[Piece], Made], pieces: Iterable[Piece], /) -> Iterator[Made]:
        """What `work` makes of each piece, as it becomes ready: not always in the order of `pieces`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model says of itself where it is loaded."""

    kind: Kind
    asked: str
    """The string that loads it."""
    name: str
    revision: str
    sees: bool
    """False for one that makes images."""


def said_by(kind: Kind, asked: str) -> Said:
    """Load the model in this process, and keep it, to know what it says of itself.

    Raises:
        ModelError: It cannot be loaded.
    """
    model = _loaded(kind, asked)
    sees = kind != "image" and model.sees
    return Said(kind=kind, asked=asked, name=model.name, revision=model.revision, sees=sees)


@dataclass(frozen=True, slots=True)
class ModelElsewhere:
    """A `TextModel`, a `Scorer` or an `ImageModel` that is loaded in the process that first asks it something.

    What a pipeline needs of it to compute keys is known everywhere, so whoever only hands work on holds no weights.
    """

    said: Said

    @property
    def name(self) -> str:
        """As where it was loaded first."""
        return self.said.name

    @property
    def revision(self) -> str:
        """As where it was loaded first; any other is refused."""
        return self.said.revision

    @property
    def sees(self) -> bool:
        """As where it was loaded first."""
        return self.said.sees

    def complete(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """As the model answers.

        Raises:
            ModelError: It cannot be loaded in this process, or has other weights here.
        """
        answers: list[Completion] = self._model().complete(prompts, decoding, progress=progress)
        return answers

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """As the model answers.

        Raises:
            ModelError: It cannot be loaded in this process, or has other weights here.
        """
        answers: list[list[Answer]] = self._model().score(contexts, questions, progress=progress)
        return answers

    def make(
        self, requests: Sequence[ImageRequest], *, progress: Progress | None = None
    ) -> list[MadeImage]:
        """As the model makes them.

        Raises:
            ModelError: It cannot be loaded in this process, or has other weights here.
        """
        images: list[MadeImage] = self._model().make(requests, progress=progress)
        return images

    def _model(self) -> Any:
        model = _loaded(self.said.kind, self.said.asked)
        if model.revision != self.said.revision:
            raise ModelError(
                f"want {self.said.asked!r} at revision {self.said.revision!r}, as where this run began, but this "
                f"worker has {model.revision!r}: give every machine the same weights"
            )
        return model


_LOADING = Lock()


def _loaded(kind: Kind, asked: str) -> Any:
    """Once in a process, whichever of its threads ask first: transformers cannot load in two threads at once."""
    with _LOADING:
        return _loaded_once(kind, asked)


@cache
def _loaded_once(kind: Kind, asked: str) -> Any:
    load = {"text": load_text, "scorer": load_scorer, "image": load_image}[kind]
    return load(asked)

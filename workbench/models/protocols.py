"""What a model can be asked, and how it answers: the same for every engine.

A pipeline holds one of these protocols and never an engine. Pictures are RGB `PIL.Image`s. Every call
takes a batch and answers in input order; an input that the model cannot serve comes back with `error`
set and never stops its neighbours. Work is resumable because callers ask in chunks and store each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from workbench.errors import ModelError
from workbench.models.keepable import keepable
from workbench.records import Cost

if TYPE_CHECKING:
    from PIL.Image import Image

Progress = Callable[[int], None]
"""Called with the number of inputs answered since the last call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question to a text or vision-language model."""

    text: str
    images: tuple[Image, ...] = ()
    """Shown before the text, in order."""
    system: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How an answer is drawn."""

    max_tokens: int = 256
    temperature: float = 0.0
    """0: the most probable token each time."""
    top_p: float = 1.0
    seed: int = 0
    schema: Mapping[str, object] | None = None
    """JSON schema that the answer must follow; None: free text."""
    stop: tuple[str, ...] = ()


def decoding_of_each(
    prompts: Sequence[Prompt], decoding: Decoding | Sequence[Decoding]
) -> Sequence[Decoding]:
    """One per prompt: `decoding` for all of them, or the one in the prompt's place.

    Raises:
        ModelError: There are several, but not one per prompt.
    """
    if isinstance(decoding, Decoding):
        return [decoding] * len(prompts)
    if len(decoding) != len(prompts):
        raise ModelError(
            f"want one decoding, or one per prompt, got {len(decoding)} for {len(prompts)} prompts"
        )
    return decoding


def schemas_among(several: Iterable[Decoding]) -> list[Mapping[str, object]]:
    """The schemas of `several`, one that they share once."""
    return [
        schema
        for schema in {id(one.schema): one.schema for one in several}.values()
        if schema is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer."""

    text: str
    truncated: bool = False
    """True where `max_tokens` ended it."""
    error: str | None = None
    """Why there is no answer; `text` is then empty."""
    cost: Cost = field(default_factory=Cost)

    def __post_init__(self) -> None:
        """No answer ends a run because a database does not keep one of its characters."""
        object.__setattr__(self, "text", keepable(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One multiple-choice question about a shared context."""

    text: str
    answers: tuple[str, ...]
    """The possible answers, such as `("1", "2", "3", "4", "5")`; at least two, all different."""


def asked(context: Prompt, question: Question) -> Prompt:
    """The whole prompt of one question: the same words, whichever engine asks."""
    return replace(context, text=f"{context.text}\n\n{question.text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Probabilities over a question's answers."""

    distribution: tuple[float, ...]
    """One probability per answer, summing to 1; empty where `error` is set."""
    coverage: float = 1.0
    """Probability that the model gave to all of the answers together, before they were scaled to 1."""
    error: str | None = None
    cost: Cost = field(default_factory=Cost)


class Model(Protocol):
    """What every model can say of itself."""

    @property
    def name(self) -> str:
        """The string that loaded it."""
        ...

    @property
    def revision(self) -> str:
        """Digest or commit of the weights; part of every content key."""
        ...


@runtime_checkable
class TextModel(Model, Protocol):
    """Answers in text. A vision-language model is a `TextModel` that `sees`."""

    @property
    def sees(self) -> bool:
        """True where prompts may carry images."""
        ...

    def complete(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer each prompt; `decoding` is how, for all of them or one for each."""
        ...


class Scorer(Model, Protocol):
    """Reads probabilities of given answers; all questions about one context share one prefill."""

    @property
    def sees(self) -> bool:
        """True where contexts may carry images."""
        ...

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`: one list per context, in the order asked."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """What a scorer is besides that waits for others: it can be asked on while its answers are worked on."""

    def score_each(
        self, asked_of: Iterable[tuple[Prompt, Sequence[Question]]]
    ) -> Generator[tuple[int, list[Answer]]]:
        """Place and answers of each context with its questions, as they come, in any order.

        `asked_of` may be read in another thread. Closing it calls off what is being asked.
        """
        ...


@runtime_checkable
class Served(Protocol):
    """What a model behind servers is besides: several threads may ask it at once, and share its servers' room."""

    @property
    def servers(self) -> int:
        """How many there are."""
        ...

    def call_off(self) -> None:
        """End all that is being asked; whoever asked hears of it as `asyncio.CancelledError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One image to be made."""

    prompt: str
    seed: int
    negative_prompt: str | None = None
    width: int | None = None
    """Pixels; None: the model's own size."""
    height: int | None = None
    steps: int | None = None
    """Denoising steps; None: the model's own default."""
    guidance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeImage:
    """One image that was made."""

    image: Image | None
    """None where `error` is set."""
    error: str | None = None
    cut: bool = False
    """True where the prompt or the negative prompt is longer than the model reads: its end did not count."""
    cost: Cost = field(default_factory=Cost)


class ImageModel(Model, Protocol):
    """Makes images from prompts."""

    def make(
        self, requests: Sequence[ImageRequest], *, progress: Progress | None = None
    ) -> list[MadeImage]:
        """Make one image per request."""
        ...

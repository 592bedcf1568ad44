"""From next-token probabilities to the probabilities of a question's answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.models.protocols import Answer, Question

if TYPE_CHECKING:
    import torch

    from workbench.models.chat import Chat

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question about one context, as tokens."""

    context: int
    """Place of its context in the batch."""
    rendered: str
    """The whole prompt."""
    ids: Tokens
    """The whole prompt's tokens, a photo being its one placeholder."""
    ways: tuple[tuple[Tokens, ...], ...]
    """For each answer, the token sequences that say it."""

    @property
    def heads(self) -> list[Tokens]:
        """All but the last token of each sequence, each once: what the model must read besides."""
        return sorted({way[:-1] for ways in self.ways for way in ways})


class Sayings:
    """The token sequences that say an answer after a model's chat template.

    `yes` is said by "yes", " yes", "Yes" and " Yes", as far as the tokenizer tells them apart.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._known: dict[str, Tokens | None] = {}
        self._before: str | None = None

    def of(self, question: Question) -> tuple[tuple[Tokens, ...], ...]:
        """One tuple of token sequences per answer of `question`.

        Raises:
            ModelError: Two answers are the same to the tokenizer, or one cannot be written with it.
        """
        words = set(question.answers)
        found: list[tuple[Tokens, ...]] = []
        for answer in question.answers:
            spelled = {answer} | ({answer.capitalize(), answer.lower()} - words)
            ways = {self._tokens(lead + word) for word in spelled for lead in ("", " ")}
            found.append(tuple(sorted(way for way in ways if way)))
        flat = [way for ways in found for way in ways]
        if not all(found) or len(set(flat)) < len(flat):
            raise ModelError(
                f"want answers that the model's tokenizer tells apart, got {question.answers!r}"
            )
        return tuple(found)

    def _tokens(self, text: str) -> Tokens | None:
        """The tokens of `text` where it follows the template; None where they melt into it."""
        if text not in self._known:
            if self._before is None:
                self._before = f"x{self._chat.closing()}"
            before = self._chat.ids(self._before)
            whole = self._chat.ids(self._before + text)
            fits = whole[: len(before)] == before and len(whole) > len(before)
            tokens = tuple(whole[len(before) :])
            unknown = self._chat.tokenizer.unk_token_id
            usable = fits and (unknown is None or unknown not in tokens)
            self._known[text] = tokens if usable else None
        return self._known[text]


def read_answers(
    log_probabilities: torch.Tensor,
    several: Sequence[Asked],
    places: Mapping[tuple[int, Tokens], tuple[int, int]],
) -> list[Answer]:
    """Sum up, for each question, the probability of all ways to say each of its answers.

    Args:
        log_probabilities: Shape (rows, positions, vocabulary).
        several: The questions.
        places: From (question, head) to the row that read the head and the position of its first token.

    Returns:
        One `Answer` per question, without its cost.
    """
    import torch

    ways = [(place, way) for place, one in enumerate(several) for w in one.ways for way in w]
    cells = [
        (row, position + step, token)
        for place, way in ways
        for row, position in [places[place, way[:-1]]]
        for step, token in enumerate(way)
    ]
    index = torch.tensor(cells, device=log_probabilities.device).T
    values = iter(log_probabilities[index[0], index[1], index[2]].double().tolist())
    chances = {(place, way): math.exp(sum(next(values) for _ in way)) for place, way in ways}
    return [
        _answer(one, {way: chances[place, way] for w in one.ways for way in w})
        for place, one in enumerate(several)
    ]


def _answer(one: Asked, chances: Mapping[Tokens, float]) -> Answer:
    """Probabilities of answers from those of token sequences, some of which may continue others."""
    own = {
        way: chance - sum(chances[longer] for longer in _continuations(way, chances))
        for way, chance in chances.items()
    }
    sums = [max(0.0, sum(own[way] for way in ways)) for ways in one.ways]
    coverage = sum(sums)
    if not coverage > 0:
        return Answer(
            distribution=(),
            coverage=0.0,
            error="the model gave none of the answers any probability",
        )
    return Answer(distribution=tuple(chance / coverage for chance in sums), coverage=coverage)


def _continuations(way: Tokens, ways: Mapping[Tokens, float]) -> list[Tokens]:
    """The sequences that continue `way` with no other one in between: `10` continues `1`."""
    longer = [other for other in ways if len(other) > len(way) and other[: len(way)] == way]
    return [
        other
        for other in longer
        if not any(other != nearer and other[: len(nearer)] == nearer for nearer in longer)
    ]

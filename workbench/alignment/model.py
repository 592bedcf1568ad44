"""Alignment by a vision-language model that answers in JSON: MACE as it was published, by any model or server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.alignment import decisions as d
from workbench.alignment.decisions import AspectDecision, Decisions, WordDecision, aligned
from workbench.alignment.protocols import alignment_key, made
from workbench.alignment.rules import RuleAligner
from workbench.errors import ModelError
from workbench.models.protocols import Decoding, Prompt, TextModel
from workbench.records import Generation, Item, content_key
from workbench.schema import Category, Schema

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT = "kept"
WORD_ANSWERS = (
    KEPT, "size", "brand", d.MODEL_NUMBER, "condition", d.PROMOTION, d.TECHNOLOGY, d.HIDDEN, d.CONTRADICTED,
)  # fmt: skip
"""What may be said of a word: that it stays, or why it goes."""
ASPECT_ANSWERS = ("seen", "inferable", d.HIDDEN, d.CONTRADICTED)
"""What may be said of an aspect."""
_EACH = 32
"""Tokens of the answer for one word or aspect, number and quotes included."""

_QUESTION = """The photos above show one product of the category {category}. Its seller wrote this listing:
{title}
{aspects}
Compare the listing with the photos, word by word and aspect by aspect.
For each word of the title answer "kept" where the photos show what it says, or why it has to go: {words}.
For each aspect answer "seen" where the photos show it, "inferable" where an expert can tell it from them,
"{hidden}" where no photo can show it, "{contradicted}" where they show something else.
Answer with one JSON object: {{"title": {{"1": …}}, "aspects": {{"1": …}}}}, by the numbers above."""


@dataclass(frozen=True)
class ModelAligner:
    """Asks a model that sees about the whole listing, and holds its answer to a JSON schema."""

    model: TextModel
    schema: Schema
    rules: RuleAligner
    """Write what is kept in the schema's words, and drop what the schema says no photo can show."""
    temperature: float = 0.0

    sees = True

    def __post_init__(self) -> None:
        """Refuse a model that reads only.

        Raises:
            ModelError: It sees no photos.
        """
        if not self.model.sees:
            raise ModelError(
                f"want a vision-language model to compare listings with photos, but {self.model.name!r} reads "
                "text only: use one that sees, or align by `rules`"
            )

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Digest of weights, question, answers and rules."""
        return content_key(
            "alignment by a model", self.model.revision, self.rules.revision, _QUESTION,
            list(WORD_ANSWERS), list(ASPECT_ANSWERS), self.temperature,
        )  # fmt: skip

    @property
    def asks(self) -> object:
        """The model."""
        return self.model

    def key(self, item: Item) -> str:
        """Content key of the alignment, known before it is made."""
        return alignment_key(item, self.schema.category(item.category), self.revision)

    def align(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item; `listing` is None where the answer could not be read, and says why."""
        categories = [self.schema.category(item.category) for item in items]
        begun = [
            self.rules.decide(item, category, guess=False)
            for item, category in zip(items, categories, strict=True)
        ]
        prompts = [
            Prompt(text=_question(one, category), images=shown)
            for one, category, shown in zip(begun, categories, photos, strict=True)
        ]
        decodings = [
            Decoding(
                schema=answer_schema(len(one.title), len(one.aspects)),
                max_tokens=24 + _EACH * (len(one.title) + len(one.aspects)),
                temperature=self.temperature,
            )
            for one in begun
        ]
        answers = self.model.complete(prompts, decodings)
        found = []
        for i, item in enumerate(items):
            decided = _decided(begun[i], answers[i].text)
            listing = None if decided is None else aligned(decided, categories[i])
            why = answers[i].error or (
                None
                if decided
                else f"the answer is no JSON object of the form asked for: {answers[i].text[:80]!r}"
            )
            found.append(
                made(
                    item, self, decided, listing=listing, prompt=prompts[i].text, text=answers[i].text,
                    parameters=asdict(decodings[i]), error=why, cost=answers[i].cost, run=run,
                )
            )  # fmt: skip
        return found


def answer_schema(words: int, aspects: int) -> dict[str, object]:
    """JSON schema of an answer about so many words and aspects, numbered from 1."""

    def numbered(count: int, answers: tuple[str, ...]) -> dict[str, object]:
        names = [str(i + 1) for i in range(count)]
        return {
            "type": "object",
            "properties": {name: {"type": "string", "enum": list(answers)} for name in names},
            "required": names,
            "additionalProperties": False,
        }

    return {
        "type": "object",
        "properties": {
            "title": numbered(words, WORD_ANSWERS),
            "aspects": numbered(aspects, ASPECT_ANSWERS),
        },
        "required": ["title", "aspects"],
        "additionalProperties": False,
    }


def _question(begun: Decisions, category: Category) -> str:
    words = "\n".join(f"  {i + 1}. {word.text}" for i, word in enumerate(begun.title))
    aspects = "\n".join(
        f"  {i + 1}. {one.name}: {', '.join(one.values)}" for i, one in enumerate(begun.aspects)
    )
    return _QUESTION.format(
        category=" > ".join(category.path),
        title=f"Words of the title:\n{words}" if words else "No title.",
        aspects=f"Aspects:\n{aspects}" if aspects else "No aspects.",
        words=", ".join(f'"{one}"' for one in WORD_ANSWERS[1:]),
        hidden=d.HIDDEN,
        contradicted=d.CONTRADICTED,
    )


def _decided(begun: Decisions, text: str) -> Decisions | None:
    """The model's answer as decisions; None where it is not of the form asked for."""
    try:
        data = json.loads(text)
        words = [_one_of(data["title"], i, WORD_ANSWERS) for i in range(len(begun.title))]
        stated = [_one_of(data["aspects"], i, ASPECT_ANSWERS) for i in range(len(begun.aspects))]
    except (ValueError, TypeError, KeyError):
        return None
    return Decisions(
        title=tuple(_words(begun.title, words)),
        aspects=tuple(_aspect(one, said) for one, said in zip(begun.aspects, stated, strict=True)),
    )


def _one_of(answers: Mapping[str, object], place: int, allowed: tuple[str, ...]) -> str:
    said = answers[str(place + 1)]
    if said not in allowed:
        raise ValueError(said)
    return str(said)


def _words(begun: Sequence[WordDecision], said: Sequence[str]) -> list[WordDecision]:
    """Kept is what both the model and the schema let stand; a phrase stays whole or goes whole."""
    found: list[WordDecision] = []
    start = 0
    while start < len(begun):
        end = start + 1
        while begun[start].kept and end < len(begun) and begun[end].kept and not begun[end].written:
            end += 1
        against = next((one for one in said[start:end] if one != KEPT), None)
        for word in begun[start:end]:
            if word.kept and against:
                found.append(d.dropped(word, against))
            elif not word.kept and against:
                found.append(replace(word, kind=against))
            else:
                found.append(word)
        start = end
    return found


def _aspect(one: AspectDecision, said: str) -> AspectDecision:
    if not one.kept:
        return one
    if said in {"seen", "inferable"}:
        return replace(one, verdict="seen" if said == "seen" else "inferable")
    return d.refused(one, said)

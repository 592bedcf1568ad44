"""Photos to listings, by any model: one that sees writes from the photo, one that reads from facts.

A text model is given the facts that attribute heads read from the photo, and only those that are
probable; it words them, it is not asked to know them (hierarchical generation, arXiv:2510.21835).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from workbench.models.heads import AttributeHeads, Facts, Guess
from workbench.models.protocols import Completion, Decoding, Prompt, TextModel
from workbench.records import Aspects, Generation, Item, Listing, content_key
from workbench.schema import Category, Schema

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import PhotoEncoder

STATE_ABOVE = 0.5
"""A fact less probable than this is not stated."""
_FACTS_DECODING = Decoding(max_tokens=160)
_PHOTO_DECODING = Decoding(max_tokens=400)
_SHOWN_GUESSES = 3
"""Guesses per attribute that are kept with the listing as evidence."""


class ListingWriter(Protocol):
    """Writes listings from photos."""

    @property
    def name(self) -> str:
        """The model's string, and what reads the photo for it."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same photo could give another listing."""
        ...

    def key(self, item: Item) -> str:
        """Content key of the listing that would be written, known before it is written."""
        ...

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, in order; `listing` is None where the answer was none."""
        ...


@dataclass(frozen=True)
class FactsWriter:
    """A text model that words what attribute heads see."""

    encoder: PhotoEncoder
    heads: AttributeHeads
    model: TextModel
    schema: Schema
    decoding: Decoding = _FACTS_DECODING

    @property
    def name(self) -> str:
        """Both models: `imagenet:efficientnet-lite0+gguf:smollm2`."""
        return f"{self.encoder.name}+{self.model.name}"

    @cached_property
    def revision(self) -> str:
        """Digest of encoder, heads, text model, instructions and limits."""
        parts = (self.encoder.revision, self.heads.revision, self.model.revision)
        return content_key(*parts, _FACTS_SYSTEM, _FACTS_EXAMPLES, STATE_ABOVE)

    def key(self, item: Item) -> str:
        """Content key; the rendered facts follow from photo and revision."""
        return _key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from its first photo."""
        features = self.encoder.encode([i.photos[0] for i in items], [p[0] for p in photos])
        seen = self.heads.predict(features)
        kept = [probable(facts, self.schema) for facts in seen]
        prompts = [facts_prompt(category, aspects) for category, aspects in kept]
        schemas = [_facts_schema(category, aspects) for category, aspects in kept]
        answers = _complete(self.model, prompts, schemas, self.decoding)
        return [
            _generation(
                item,
                self,
                prompt=prompt,
                answer=answer,
                listing=_read(answer, category, facts.price.value if facts.price else None),
                decoding=self.decoding,
                details=_evidence(facts),
                run=run,
            )
            for item, facts, (category, _), prompt, answer in zip(
                items, seen, kept, prompts, answers, strict=True
            )
        ]


@dataclass(frozen=True)
class PhotoWriter:
    """A vision-language model that sees the photos."""

    model: TextModel
    schema: Schema
    decoding: Decoding = _PHOTO_DECODING

    @property
    def name(self) -> str:
        """The model's string."""
        return self.model.name

    @cached_property
    def revision(self) -> str:
        """Digest of the model and the question."""
        return content_key(self.model.revision, _PHOTO_QUESTION)

    def key(self, item: Item) -> str:
        """Content key of photos, question, model and decoding."""
        return _key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from all of its photos, in the category that its seller chose."""
        categories = [self.schema.category(item.category) for item in items]
        prompts = [
            Prompt(text=_photo_question(category), images=shown)
            for category, shown in zip(categories, photos, strict=True)
        ]
        schemas = [category.json_schema(visible_only=True) for category in categories]
        answers = _complete(self.model, prompts, schemas, self.decoding)
        return [
            _generation(
                item,
                self,
                prompt=prompt,
                answer=answer,
                listing=_read(answer, category, None),
                decoding=self.decoding,
                details={},
                run=run,
            )
            for item, category, prompt, answer in zip(
                items, categories, prompts, answers, strict=True
            )
        ]


def probable(facts: Facts, schema: Schema) -> tuple[Category, dict[str, tuple[str, ...]]]:
    """The most probable category, and the values over `STATE_ABOVE` of the aspects that it has."""
    category = schema.category(facts.category[0].value)
    stated = {}
    for attribute in category.attributes:
        guesses = facts.aspects.get(attribute.name, ())
        likely = tuple(g.value for g in guesses if g.probability > STATE_ABOVE)
        if likely:
            stated[attribute.name] = likely if attribute.multiple else likely[:1]
    return category, stated


_FACTS_SYSTEM = "You write short titles for an online shop. Use only the facts given."
_FACTS_EXAMPLES: tuple[tuple[str, str], ...] = ()


def facts_prompt(category: Category, aspects: Aspects) -> Prompt:
    """What the text model is asked."""
    facts = "; ".join(f"{name}: {', '.join(values)}" for name, values in aspects.items())
    return Prompt(text=f"type: {category.name}; {facts}", system=_FACTS_SYSTEM)


def _facts_schema(category: Category, aspects: Aspects) -> Mapping[str, object]:
    """The category's schema with the aspects that there are facts for, each to be stated."""
    schema: dict[str, Any] = category.json_schema(visible_only=True)
    inner = schema["properties"]["aspects"]
    inner["properties"] = {n: s for n, s in inner["properties"].items() if n in aspects}
    inner["required"] = list(inner["properties"])
    return schema


_PHOTO_QUESTION = """Write the listing of the product in the photo, for the category {category}.
Title: 3 to 12 words that a buyer would search for: kind of product, colour, pattern, material and
details that the photo shows. Aspects: only those that the photo shows; leave out what it does not show.
Answer with one JSON object with the keys "title" and "aspects"."""


def _photo_question(category: Category) -> str:
    return _PHOTO_QUESTION.format(category=" > ".join(category.path))


def _complete(
    model: TextModel,
    prompts: Sequence[Prompt],
    schemas: Sequence[Mapping[str, object]],
    decoding: Decoding,
) -> list[Completion]:
    """Answers in order; prompts whose answers follow the same schema are asked together."""
    alike: dict[str, list[int]] = {}
    for i, schema in enumerate(schemas):
        alike.setdefault(json.dumps(schema), []).append(i)
    answers: dict[int, Completion] = {}
    for rows in alike.values():
        asked = replace(decoding, schema=schemas[rows[0]])
        answered = model.complete([prompts[i] for i in rows], asked)
        answers.update(zip(rows, answered, strict=True))
    return [answers[i] for i in range(len(prompts))]


def _key(item: Item, revision: str, decoding: Decoding) -> str:
    return content_key("listing", item.id, item.photos, revision, asdict(decoding))


def _evidence(facts: Facts) -> dict[str, object]:
    def shown(guesses: Sequence[Guess]) -> list[list[object]]:
        return [[g.value, round(g.probability, 4)] for g in guesses[:_SHOWN_GUESSES]]

    return {
        "category": shown(facts.category),
        "aspects": {name: shown(guesses) for name, guesses in facts.aspects.items()},
        "price": asdict(facts.price) if facts.price else None,
    }


def _read(answer: Completion, category: Category, price: float | None) -> Listing | None:
    """The answer as a listing; None where it is no JSON object with a title and aspects."""
    try:
        data = json.loads(answer.text)
        aspects = {
            str(name): tuple(str(v) for v in (value if isinstance(value, list) else [value]))
            for name, value in data["aspects"].items()
        }
        return Listing(
            title=str(data["title"]).strip(), aspects=aspects, price=price, category=category.id
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _generation(
    item: Item,
    writer: ListingWriter,
    *,
    prompt: Prompt,
    answer: Completion,
    listing: Listing | None,
    decoding: Decoding,
    details: Mapping[str, object],
    run: str | None,
) -> Generation:
    return Generation(
        key=writer.key(item),
        kind="listing",
        category=item.category,
        model=writer.name,
        revision=writer.revision,
        prompt=f"{prompt.system}\n\n{prompt.text}" if prompt.system else prompt.text,
        parameters=asdict(decoding),
        seed=decoding.seed,
        item=item.id,
        inputs=item.photos,
        listing=listing,
        text=answer.text,
        details={**details, "error": answer.error} if answer.error else details,
        cost=answer.cost,
        run=run,
        simulated=item.simulated,
    )

"""Photos to listings, by any model: one that sees writes from the photo, one that reads from facts.

A text model is given the facts that attribute heads read from the photo, and only those that are
probable; it words them, it is not asked to know them (hierarchical generation, arXiv:2510.21835).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from workbench.metrics.claims import product_names
from workbench.models.heads import AttributeHeads, Facts, Guess, within
from workbench.models.protocols import Completion, Decoding, Prompt, TextModel
from workbench.records import Aspects, Cost, Generation, Item, Listing, content_key
from workbench.schema import Category, Schema, same_word

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import PhotoEncoder

STATE_ABOVE = 0.7
"""A fact less probable than this is not stated."""
_FACTS_DECODING = Decoding(max_tokens=160)
_PHOTO_DECODING = Decoding(max_tokens=400)
_MOST_VALUES = 2
"""Values of one aspect that are stated."""
_MOST_FACTS = 4
"""Aspects that a title names; with more of them it reads like a list."""
_AT_ONCE = 4
"""Groups of prompts that are asked at the same time, each with its own schema."""
_UNSAID = frozenset({"Solid"})
"""Values that go without saying."""
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
    _answers: dict[tuple[str, str], Completion] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Both models: `imagenet:efficientnet-lite0+gguf:smollm2`."""
        return f"{self.encoder.name}+{self.model.name}"

    @cached_property
    def revision(self) -> str:
        """Digest of encoder, heads, text model, instructions and limits."""
        parts = (self.encoder.revision, self.heads.revision, self.model.revision)
        return content_key(*parts, _examples(), STATE_ABOVE, _MOST_VALUES, _MOST_FACTS)

    def key(self, item: Item) -> str:
        """Content key; the rendered facts follow from photo and revision."""
        return _key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from its first photo."""
        features = self.encoder.encode([i.photos[0] for i in items], [p[0] for p in photos])
        seen = self.heads.predict(features)
        categories = [self.schema.category(facts.category[0].value) for facts in seen]
        seen = [within(f, c) for f, c in zip(seen, categories, strict=True)]
        kept = [(c, probable(f, c)) for f, c in zip(seen, categories, strict=True)]
        prompts = [facts_prompt(category, aspects) for category, aspects in kept]
        schemas = [_facts_schema(category, aspects) for category, aspects in kept]
        answers = _complete_once(self.model, prompts, schemas, self.decoding, self._answers)
        return [
            _generation(
                item,
                self,
                prompt=prompt,
                answer=answer,
                listing=read_listing(answer, category, facts.price.value if facts.price else None),
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
            Prompt(text=photo_question(category), images=shown)
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
                listing=read_listing(answer, category, None),
                decoding=self.decoding,
                details={},
                run=run,
            )
            for item, category, prompt, answer in zip(
                items, categories, prompts, answers, strict=True
            )
        ]


def probable(facts: Facts, category: Category) -> dict[str, tuple[str, ...]]:
    """What may be stated of a product of `category`: aspects of which a value is over `STATE_ABOVE`.

    What the category's path says already (`Men > Tops > Tees`) is taken from there, so that the listing
    does not contradict itself. What the category requires is stated whatever its probability. Aspects
    come in the order in which a title names them.

    Args:
        facts: From `within`, so that only allowed values are left.
        category: The one that the listing will state.
    """
    stated: dict[str, tuple[str, ...]] = {}
    for attribute in category.attributes:
        if attribute.visible == "no":
            continue
        implied = [step for step in category.path if step in attribute.values]
        least = 0.0 if attribute.required else STATE_ABOVE
        likely = [g.value for g in facts.aspects.get(attribute.name, ()) if g.probability > least]
        most = _MOST_VALUES if attribute.multiple else 1
        if values := tuple((implied or likely)[:most]):
            stated[attribute.name] = values
    return dict(sorted(stated.items(), key=lambda kv: _place_in_title(kv[0])))


_TITLE_ORDER = ("department", "gender", "color", "colour", "pattern", "material")


def _place_in_title(name: str) -> int:
    folded = name.casefold()
    return _TITLE_ORDER.index(folded) if folded in _TITLE_ORDER else len(_TITLE_ORDER)


def _examples() -> str:
    """Instructions and worked examples; the same for every prompt, so that they are read once."""
    shown = [
        ({"Department": "Men", "Color": "Navy", "Material": "Wool"}, "Jackets", "Navy Wool Jacket"),
        ({"Color": "Olive", "Pattern": "Camo", "Material": "Canvas"}, "Backpacks", "Olive Camo Canvas Backpack"),
        ({"Department": "Women", "Color": "White", "Pattern": "Striped"}, "Tees", "White Striped Tee"),
        ({"Department": "Women", "Color": "Teal", "Pattern": "Checked", "Material": "Organic Wool"}, "Hoodies & Sweatshirts", "Teal Checked Organic Wool Hoodie"),
        ({"Department": "Men", "Material": "Linen"}, "Pants", "Linen Pants"),
        ({"Department": "Men", "Color": "Brown", "Material": "Leather"}, "Boots & Sandals", "Brown Leather Sandals"),
        ({"Color": "Beige", "Material": "Straw", "Brim": "Wide Brim"}, "Hats", "Beige Straw Wide Brim Hat"),
        ({"Color": "Pink", "Pattern": "Solid", "Handle": "Double Handle"}, "Mugs", "Pink Double Handle Mug"),
    ]  # fmt: skip
    lines = ["Shop listings. Each title states every fact, in the same order, and nothing else."]
    for aspects, product, title in shown:
        whose = f"{aspects['Department']}'s " if "Department" in aspects else ""
        listing = json.dumps({"title": whose + title, "aspects": aspects})
        facts = _facts_line(product, {name: (value,) for name, value in aspects.items()})
        lines.append(f"{facts}\n{listing}")
    return "\n\n".join(lines)


def _facts_line(product: str, aspects: Aspects) -> str:
    """The facts that a title names: one value an aspect, the product last; what says nothing is left out."""
    values = [values[0] for values in aspects.values() if values[0] not in _UNSAID]
    own = {same_word(product), *product_names(product)}
    told = [v for v in values if same_word(v) not in own]
    return f"Facts: {', '.join([*told[:_MOST_FACTS], product])}\nListing:"


def facts_prompt(category: Category, aspects: Aspects) -> Prompt:
    """What the text model is asked; the worked examples are the same for every listing."""
    return Prompt(text=_facts_line(category.name, aspects), system=_examples())


def _facts_schema(category: Category, aspects: Aspects) -> dict[str, object]:
    """The category's schema narrowed to the facts: every one of them is stated, and nothing else."""
    schema: dict[str, Any] = category.json_schema(visible_only=True)
    inner = schema["properties"]["aspects"]
    several = {a.name for a in category.attributes if a.multiple}
    inner["properties"] = {
        name: {"const": list(values) if name in several else values[0]}
        for name, values in aspects.items()
    }
    inner["required"] = list(inner["properties"])
    return schema


_PHOTO_QUESTION = """Write the listing of the product in the photo, for the category {category}.
Title: 3 to 12 words that a buyer would search for: kind of product, colour, pattern, material and
details that the photo shows. Aspects: only those that the photo shows; leave out what it does not show.
Answer with one JSON object with the keys "title" and "aspects"."""


def photo_question(category: Category) -> str:
    """What a model that sees is asked for a listing in `category`."""
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

    def ask(rows: list[int]) -> list[Completion]:
        asked = replace(decoding, schema=schemas[rows[0]])
        return model.complete([prompts[i] for i in rows], asked)

    answers: dict[int, Completion] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # engines queue what they cannot do at once
        for rows, answered in zip(alike.values(), pool.map(ask, alike.values()), strict=True):
            answers.update(zip(rows, answered, strict=True))
    return [answers[i] for i in range(len(prompts))]


_Key = tuple[str, str]
"""What an answer depends on: the prompt's text and the schema."""


def _complete_once(
    model: TextModel,
    prompts: Sequence[Prompt],
    schemas: Sequence[Mapping[str, object]],
    decoding: Decoding,
    known: dict[_Key, Completion],
) -> list[Completion]:
    """Like `_complete`, but what was asked before in the same words is not asked again.

    Many photos show the same facts, and at temperature 0 the same question has the same answer. A
    repeated answer costs nothing and says so.
    """
    keys = [(p.text, json.dumps(s)) for p, s in zip(prompts, schemas, strict=True)]
    first = {key: i for i, key in reversed(list(enumerate(keys))) if key not in known}
    rows = sorted(first.values())
    asked = _complete(model, [prompts[i] for i in rows], [schemas[i] for i in rows], decoding)
    known.update({keys[i]: answer for i, answer in zip(rows, asked, strict=True)})
    return [
        known[key] if i in rows else replace(known[key], cost=Cost()) for i, key in enumerate(keys)
    ]


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


def read_listing(answer: Completion, category: Category, price: float | None) -> Listing | None:
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

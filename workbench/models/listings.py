"""Photos to listings, by any model: one that sees writes from the photo, one that reads from facts.

A text model is given the facts that attribute heads read from the photo, and only those that may be
stated; it words them, it is not asked to know them (hierarchical generation, arXiv:2510.21835). Of a
photo of which nothing may be stated it is not asked at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from workbench.metrics.claims import product_names
from workbench.models.grounded import grounded
from workbench.models.protocols import Completion, Decoding, Prompt, TextModel
from workbench.models.telling import MOST_VALUES, STATE_ABOVE, UNTOLD, FactSource, Told
from workbench.records import Aspects, Cost, Generation, Item, Listing, content_key
from workbench.schema import Category, Schema, same_word

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import Encoder

_METHOD = "facts writer/3"
"""Changes whenever the same answer could become another listing."""
_FACTS_DECODING = Decoding(max_tokens=160)
_PHOTO_DECODING = Decoding(max_tokens=400)
_MOST_FACTS = 4
"""Aspects that a title names; with more of them it reads like a list."""
_NOTHING_ASKED = Prompt(text="")
_Key = tuple[str, str]
"""What an answer depends on: the prompt's text and the schema."""
_UNSAID = frozenset({"Solid"})
"""Values that go without saying."""


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

    @property
    def asks(self) -> object:
        """The model that does most of the work; None: none."""
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
    """A text model that words what heads see."""

    encoder: Encoder
    source: FactSource
    """What may be stated; its heads take the encoder's features."""
    model: TextModel
    schema: Schema
    decoding: Decoding = _FACTS_DECODING
    _answers: dict[_Key, Future[Completion]] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Both models: `imagenet:efficientnet-lite0+gguf:smollm2`."""
        return f"{self.encoder.name}+{self.model.name}"

    @cached_property
    def revision(self) -> str:
        """Digest of encoder, heads, text model, instructions and limits."""
        parts = (self.encoder.revision, self.source.revision, self.model.revision)
        return content_key(_METHOD, *parts, _examples(), STATE_ABOVE, MOST_VALUES, _MOST_FACTS)

    @property
    def asks(self) -> object:
        """The text model."""
        return self.model

    def key(self, item: Item) -> str:
        """Content key; the rendered facts follow from photo and revision."""
        return listing_key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from its first photo.

        What a title says that was not told is cut out of it; the answer's own words stay in `text`.
        """
        features = self.encoder.encode([i.photos[0] for i in items], [p[0] for p in photos])
        told = self.source.tell(features, self.schema)
        known = [(i, t.category) for i, t in enumerate(told) if t.category is not None]
        prompts = {i: facts_prompt(category, told[i].aspects) for i, category in known}
        schemas = [_facts_schema(category, told[i].aspects) for i, category in known]
        asked = _complete_once(
            self.model, list(prompts.values()), schemas, self.decoding, self._answers
        )
        answers = dict(zip(prompts, asked, strict=True))
        return [
            generation_of(
                item,
                self,
                prompt=prompts.get(i, _NOTHING_ASKED),
                answer=answers.get(i, Completion(text="")),
                listing=self._listing(answers.get(i), one),
                decoding=self.decoding,
                details=one.evidence,
                run=run,
            )
            for i, (item, one) in enumerate(zip(items, told, strict=True))
        ]

    def _listing(self, answer: Completion | None, told: Told) -> Listing | None:
        """What was answered less what was not told; a title that says nothing of it is the kind's name."""
        if told.category is None or answer is None:
            return untold_listing()
        listing = read_listing(answer, told.category, told.price)
        if listing is None:
            return None
        return replace(
            listing,
            title=grounded(listing.title, told, self.schema),
            aspects=told.aspects,
            category=told.category.id or None,
        )


def untold_listing() -> Listing:
    """The listing of a photo of which nothing may be stated: no kind, no aspect, no price."""
    return Listing(title=UNTOLD)


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

    @property
    def asks(self) -> object:
        """The model."""
        return self.model

    def key(self, item: Item) -> str:
        """Content key of photos, question, model and decoding."""
        return listing_key(item, self.revision, self.decoding)

    def write(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item, from all of its photos, in the category that its seller chose."""
        categories = [self.schema.category(item.category) for item in items]
        prompts = [
            Prompt(text=photo_question(category), images=shown)
            for category, shown in zip(categories, photos, strict=True)
        ]
        schema = {c.id: c.json_schema(visible_only=True) for c in categories}
        decodings = [replace(self.decoding, schema=schema[c.id]) for c in categories]
        answers = self.model.complete(prompts, decodings)
        return [
            generation_of(
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


def _complete_once(
    model: TextModel,
    prompts: Sequence[Prompt],
    schemas: Sequence[Mapping[str, object]],
    decoding: Decoding,
    known: dict[_Key, Future[Completion]],
) -> list[Completion]:
    """Answers in order; what was asked before in the same words, or is being asked in another thread, is not asked again.

    Many photos show the same facts, and at temperature 0 the same question has the same answer. A
    repeated answer costs nothing and says so.
    """
    keys = [(p.text, json.dumps(s)) for p, s in zip(prompts, schemas, strict=True)]
    answers, ours = [], dict[int, Future[Completion]]()
    for i, key in enumerate(keys):
        fresh = Future[Completion]()
        answers.append(known.setdefault(key, fresh))
        if answers[i] is fresh:
            ours[i] = fresh
    decodings = [replace(decoding, schema=schemas[i]) for i in ours]
    try:
        asked = model.complete([prompts[i] for i in ours], decodings)
    except BaseException as error:
        for i, one in ours.items():  # asked again by whoever comes next
            del known[keys[i]]
            one.set_exception(error)
        raise
    for one, answer in zip(ours.values(), asked, strict=True):
        one.set_result(answer)
    return [
        one.result() if i in ours else replace(one.result(), cost=Cost())
        for i, one in enumerate(answers)
    ]


def listing_key(item: Item, revision: str, decoding: Decoding) -> str:
    """Content key of the listing that a writer of `revision` makes of the item's photos."""
    return content_key("listing", item.id, item.photos, revision, asdict(decoding))


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


def generation_of(
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
    """The record of one answer, keyed by content."""
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

"""What the starter models that see learn from: photos of the drawn catalogue, a question, an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from workbench.catalog.drawn import DrawnCatalog, DrawnEntry, clean_listing, seen_aspects
from workbench.models.listings import photo_question
from workbench.models.starter.drawers import drawn_by_all
from workbench.models.starter.runs import kept_array
from workbench.records import Aspects, Item
from workbench.schema import Category

if TYPE_CHECKING:
    from PIL.Image import Image

Targets = Literal["raw", "aligned"]
"""`raw`: what the seller typed. `aligned`: what the photos support, under the schema's names."""

TRAIN_SEED = 9_000_001
"""Seed of the drawn catalogue that starter models learn from."""
HELD_OUT_SEED = 9_000_002
"""Seed of the one that they are measured on; its designs are others."""
_NAMING_QUESTION = "Name of the product in the photo: {names}. Answer with one JSON object."
_ALONE = 200
"""Items that are drawn sooner than other processes would have started."""
_LEAST_DRAWN_SIDE = 128
"""Pixels at which training photos are drawn before the processor's scaling; half the time of 256."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question about some photos, and the answer to learn."""

    photos: tuple[int, ...]
    """Places in the array of photos, shown in order before the question."""
    question: str
    answer: str
    shared: str = ""
    """What comes before the question, and before others about the same photos."""


def write_listing(title: str, aspects: Aspects) -> str:
    """A listing as the JSON text that a model answers with.

    One value is text and several are a list, as `Category.json_schema` wants them; spaces and order are
    those of constrained decoding.
    """
    return json.dumps(
        {
            "title": title,
            "aspects": {
                name: values[0] if len(values) == 1 else list(values)
                for name, values in aspects.items()
            },
        }
    )


def listing_examples(catalog: DrawnCatalog, targets: Targets) -> list[Example]:
    """One example per item, all of its photos shown; photos are numbered as `draw_photos` draws them."""
    examples, first = [], 0
    for item, entry in walked(catalog, "writing listings"):
        if targets == "raw":
            answer = write_listing(item.title or "", item.aspects)
        else:
            listing = clean_listing(entry.product)
            answer = write_listing(listing.title, listing.aspects)
        count = len(entry.styles)
        examples.append(
            Example(
                photos=tuple(range(first, first + count)),
                question=photo_question(catalog.schema.category(item.category)),
                answer=answer,
            )
        )
        first += count
    return examples


def naming_examples(catalog: DrawnCatalog, targets: Targets) -> list[Example]:
    """One example per item of which something visible is said: the asked aspects, named."""
    examples, first = [], 0
    for item, entry in walked(catalog, "naming aspects"):
        said = said_aspects(item, entry, catalog.schema.category(item.category), targets)
        if said:
            examples.append(
                Example(
                    photos=tuple(range(first, first + len(entry.styles))),
                    question=_NAMING_QUESTION.format(names=", ".join(said)),
                    answer=json.dumps(said),
                )
            )
        first += len(entry.styles)
    return examples


def said_aspects(
    item: Item, entry: DrawnEntry, category: Category, targets: Targets
) -> dict[str, str]:
    """Visible aspects that are said of an item, in the schema's order and words.

    Sellers' values are read as the schema reads them (`crimson` is Red); what it does not know, under
    names that it does not know, or of attributes that no photo shows, is left out.
    """
    if targets == "aligned":
        return seen_aspects(entry.product)
    said = {}
    for name, (first, *_) in item.aspects.items():
        attribute = category.attribute(name)
        if attribute is not None and attribute.visible != "no":
            value = attribute.normalise(first)
            if value is not None:
                said[attribute.name] = value
    return {one.name: said[one.name] for one in category.attributes if one.name in said}


def drawn_items(catalog: DrawnCatalog) -> Iterator[Item]:
    """The items of a drawn catalogue, which has no problems to report."""
    return (item for item in catalog.items() if isinstance(item, Item))


def walked(catalog: DrawnCatalog, doing: str) -> Iterator[tuple[Item, DrawnEntry]]:
    """Items with what is true of them; a bar says what is `doing`, where it takes more than a second."""
    pairs = zip(drawn_items(catalog), catalog.entries, strict=True)
    yield from tqdm(pairs, total=catalog.count, desc=doing, unit="item", delay=1)


def draw_photos(catalog: DrawnCatalog, pixels: int) -> Pixels:
    """All photos of a catalogue, item after item, (photos, pixels, pixels, 3), drawn on all cores."""
    photos = np.empty((sum(len(e.styles) for e in catalog.entries), pixels, pixels, 3), np.uint8)
    place = 0
    draw = partial(_draw_item, catalog.seed, catalog.count, pixels)
    numbers = range(catalog.count)
    alone = catalog.count <= _ALONE
    several: Iterable[list[Pixels]] = map(draw, numbers) if alone else drawn_by_all(draw, numbers)
    with tqdm(total=len(photos), desc="drawing photos", unit="photo") as bar:
        for drawn in several:
            for photo in drawn:
                photos[place] = photo
                place += 1
                bar.update()
    return photos


def kept_photos(catalog: DrawnCatalog, pixels: int, folder: Path) -> Pixels:
    """The same, drawn once and kept in `folder`.

    Raises:
        LearningError: The file that is kept is damaged.
    """
    kept = folder / f"photos-{catalog.name}-{catalog.count}-{pixels}.npy"
    shape = (sum(len(entry.styles) for entry in catalog.entries), pixels, pixels, 3)
    return kept_array(kept, shape, lambda: draw_photos(catalog, pixels))


@lru_cache(maxsize=1)
def _catalog(seed: int, items: int, side: int) -> DrawnCatalog:
    """Made once in each process that draws: it takes a second."""
    return DrawnCatalog(seed=seed, items=items, size=side)


def _draw_item(seed: int, items: int, pixels: int, number: int) -> list[Pixels]:
    # Never scaled up; drawing larger takes time.
    catalog = _catalog(seed, items, max(_LEAST_DRAWN_SIDE, 1 << pixels.bit_length()))
    entry = catalog.entries[number]
    return [scaled(catalog.picture(entry, k), pixels) for k in range(len(entry.styles))]


def scaled(photo: Image, pixels: int) -> Pixels:
    """A photo as the processor scales it, (pixels, pixels, 3)."""
    from PIL.Image import Resampling

    return np.asarray(photo.resize((pixels, pixels), Resampling.LANCZOS))


def texts(examples: Sequence[Example]) -> Iterator[str]:
    """Everything that is read or written, for the tokenizer to learn from."""
    for example in examples:
        yield example.shared
        yield example.question
        yield example.answer

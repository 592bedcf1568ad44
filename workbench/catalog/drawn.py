"""A catalogue of products that we draw, so that the truth about each of them is known.

Nobody sells these items, and every record says so (`simulated`). It stands in where no outside file may
be assumed: models are trained in it, the demonstration runs on it, and a measurement can be checked
against what is really true.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.catalog.drawing.flaws import FLAWS
from workbench.catalog.drawing.kinds import KINDS
from workbench.catalog.drawing.market import traffic
from workbench.catalog.drawing.palette import COLOR_WEIGHTS, COLORS
from workbench.catalog.drawing.patterns import PATTERNS
from workbench.catalog.drawing.product import DrawnProduct, pick, sample_product
from workbench.catalog.drawing.render import LARGEST, SMALLEST, draw
from workbench.catalog.drawing.scenes import BACKGROUNDS, COMPOSITIONS, LIGHTS, STUDIO, PhotoStyle
from workbench.catalog.drawing.text import (
    clean_listing,
    clean_title,
    image_prompt,
    seen_aspects,
    seller_aspects,
    seller_title,
)
from workbench.catalog.drawing.vocabulary import drawn_schema
from workbench.errors import CatalogError
from workbench.records import Item, Problem
from workbench.schema import Schema

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "BACKGROUNDS",
    "COLORS",
    "COMPOSITIONS",
    "FLAWS",
    "KINDS",
    "LIGHTS",
    "PATTERNS",
    "STUDIO",
    "DrawnCatalog",
    "DrawnEntry",
    "DrawnProduct",
    "PhotoStyle",
    "clean_listing",
    "clean_title",
    "draw",
    "drawn_schema",
    "image_prompt",
    "open_drawn",
    "sample_product",
    "sample_style",
    "seen_aspects",
]

COLORS_PER_DESIGN: Mapping[str, float] = {"1": 0.35, "2": 0.30, "3": 0.22, "4": 0.13}
"""In how many colours one design is sold; its items share a `group`."""
SECOND_PHOTO = 0.30
"""How often an item has two photos."""
RELISTED = 0.04
"""How often an item is listed a second time, with other photos and another title."""
PRICE_MISSING = 0.03

SELLER_BACKGROUNDS: Mapping[str, float] = {
    "white studio": 0.24, "grey studio": 0.13, "cream paper": 0.10, "wooden table": 0.14,
    "marble counter": 0.07, "bedsheet": 0.10, "carpet": 0.09, "living room": 0.13,
}  # fmt: skip
"""Where sellers photograph."""
SELLER_LIGHTS: Mapping[str, float] = {
    "soft light": 0.40, "warm light": 0.20, "cool light": 0.12, "hard light": 0.14, "dim light": 0.14,
}  # fmt: skip
SELLER_COMPOSITIONS: Mapping[str, float] = {
    "centered": 0.55, "tilted": 0.18, "close-up": 0.12, "wide shot": 0.15,
}  # fmt: skip

_ADDRESS = re.compile(r"(?P<name>[^/]+)/(?P<number>\d+)/(?P<photo>\d+)")


def sample_style(rng: np.random.Generator) -> PhotoStyle:
    """A photo style as sellers have them: studios and kitchens, good light and bad."""
    return PhotoStyle(
        background=pick(SELLER_BACKGROUNDS, rng),
        light=pick(SELLER_LIGHTS, rng),
        composition=pick(SELLER_COMPOSITIONS, rng),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnEntry:
    """What stands behind one item."""

    number: int
    """Place in the catalogue, from 0."""
    product: DrawnProduct
    styles: tuple[PhotoStyle, ...]
    """One per photo."""
    group: str
    """Design that the item is one colour of."""


class DrawnCatalog:
    """Products drawn by us: a `Catalog` whose items carry their truth.

    `Item.title` and `Item.aspects` are a seller's: partly missing, partly wrong (the rates are constants
    of `workbench.catalog.drawing.text`). `Item.truth` is what is true: aspects under the schema's names,
    and in lower case what is no aspect (`title`, `price`, `background`, `light`, `composition`).
    Prices are log-linear in kind, material, pattern, details, brand and condition, with noise whose
    standard deviation is 0.22 in natural logarithms: R² of about 0.92 in logarithms is attainable.

    Args:
        seed: Another seed is another catalogue; its number is in `name` and in every id.
        items: How many items there are.
        size: Side of the photos in pixels.

    Raises:
        CatalogError: A number is out of range.
    """

    simulated = True

    def __init__(self, *, seed: int = 7, items: int = 120, size: int = 256) -> None:
        if seed < 0 or items < 1 or not SMALLEST <= size <= LARGEST:
            raise CatalogError(
                f"want seed ≥ 0, items ≥ 1 and size {SMALLEST} to {LARGEST}, "
                f"got {seed=}, {items=}, {size=}"
            )
        self.seed, self.count, self.size = seed, items, size
        self.entries: tuple[DrawnEntry, ...] = tuple(_entries(seed, items))
        """What stands behind each item, in order."""

    @property
    def name(self) -> str:
        """`drawn-<seed>`."""
        return f"drawn-{self.seed}"

    @property
    def schema(self) -> Schema:
        """The same for every drawn catalogue."""
        return drawn_schema()

    def items(self) -> Iterator[Item | Problem]:
        """Yield every item; there are no problems."""
        for entry in self.entries:
            yield self._item(entry)

    def photo(self, address: str) -> bytes:
        """The photo at `address` as PNG.

        Raises:
            CatalogError: No item of this catalogue has a photo of this address.
        """
        found = _ADDRESS.fullmatch(address)
        if found is not None and found["name"] == self.name and int(found["number"]) < self.count:
            entry, photo = self.entries[int(found["number"])], int(found["photo"])
            if photo < len(entry.styles):
                out = io.BytesIO()
                self.picture(entry, photo).save(out, "PNG", compress_level=1)
                return out.getvalue()
        raise CatalogError(
            f"want an address such as '{self.name}/00000/0' of a photo of this catalogue "
            f"({self.count} items), got {address!r}"
        )

    def picture(self, entry: DrawnEntry, photo: int = 0) -> Image:
        """One photo of `entry`, before it becomes a file."""
        return draw(
            entry.product,
            size=self.size,
            style=entry.styles[photo],
            seed=_photo_seed(self.seed, entry.number, photo),
        )

    def _item(self, entry: DrawnEntry) -> Item:
        product, style = entry.product, entry.styles[0]
        rng = np.random.default_rng([self.seed, entry.number, 6])
        seen = traffic(product, style, rng)
        number = f"{self.name}/{entry.number:05d}"
        return Item(
            id=number,
            category=product.kind,
            photos=tuple(f"{number}/{k}" for k in range(len(entry.styles))),
            title=seller_title(product, rng),
            aspects=seller_aspects(product, rng),
            price=None if rng.random() < PRICE_MISSING else product.price,
            currency="USD",
            clicks=seen.clicks,
            impressions=seen.impressions,
            group=f"{self.name}/{entry.group}",
            truth={
                **product.aspects,
                "title": clean_title(product),
                "price": f"{product.price:.2f}",
                "background": style.background,
                "light": style.light,
                "composition": style.composition,
            },
            simulated=True,
        )


def _photo_seed(seed: int, number: int, photo: int) -> int:
    return int(np.random.SeedSequence([seed, number, photo, 5]).generate_state(1)[0])


def _entries(seed: int, items: int) -> Iterator[DrawnEntry]:
    """Designs in turn over all kinds, each in some colours, until there are `items` of them."""
    number = design = 0
    kinds = tuple(KINDS)
    while True:
        turn, place = divmod(design, len(kinds))
        order = np.random.default_rng([seed, turn, 8]).permutation(len(kinds))
        rng = np.random.default_rng([seed, design, 9])
        parent = sample_product((seed, design), kind=kinds[int(order[place])])
        for color in _some_colors(int(pick(COLORS_PER_DESIGN, rng)), rng):
            product = replace(
                parent,
                color=color,
                look=int(rng.integers(2**31)),
                model=f"{parent.model}-{color[:2].upper()}",
            )
            for _ in range(1 + (rng.random() < RELISTED)):
                if number == items:
                    return
                styles = tuple(sample_style(rng) for _ in range(1 + (rng.random() < SECOND_PHOTO)))
                yield DrawnEntry(
                    number=number, product=product, styles=styles, group=f"d{design:05d}"
                )
                number += 1
        design += 1


def _some_colors(count: int, rng: np.random.Generator) -> list[str]:
    chosen: list[str] = []
    while len(chosen) < count:
        color = pick(COLOR_WEIGHTS, rng)
        if color not in chosen:
            chosen.append(color)
    return chosen


def open_drawn(options: Mapping[str, str]) -> DrawnCatalog:
    """The catalogue of an address such as `drawn:seed=7,items=120,size=256`.

    Raises:
        CatalogError: An option is unknown or no whole number.
    """
    numbers = {"seed": 7, "items": 120, "size": 256}
    for name, value in options.items():
        if name not in numbers or not re.fullmatch(r"\d{1,9}", value):
            raise CatalogError(
                f"want drawn:seed=<number>,items=<number>,size=<number>, got {name}={value!r}"
            )
        numbers[name] = int(value)
    return DrawnCatalog(seed=numbers["seed"], items=numbers["items"], size=numbers["size"])

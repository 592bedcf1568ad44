"""A Magento 2 export: one item per product and colour, with the schema of its attribute sets.

Reads the product CSV that Magento writes (`product_type`, `additional_attributes`,
`configurable_variations`), and the layout of Magento's sample data, whose simple products (bags,
fitness equipment, watches) stand in tables of their own. The whole table is held in memory, because a
parent may come after its children.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from workbench.catalog._csv import Row
from workbench.catalog._magento_schema import (
    Definitions,
    add_attribute,
    choose_category,
    distinct,
    read_active_roots,
    read_definitions,
)
from workbench.catalog._sources import Source
from workbench.catalog._text import one_line, plain_text
from workbench.errors import CatalogError
from workbench.records import Item, Problem, content_key
from workbench.schema import Attribute, Category, Schema

Include = Literal["configurable", "gear", "all"]
"""`configurable`: products that come in colours and sizes; `gear`: the sample data's simple products."""

Photos = Literal["main", "all"]
"""`main`: the one photo that catalogue pages show; `all`: further views too, which shops keep with less
care (in the sample data some show another colour, and two another product)."""

_COLUMNS = frozenset(
    {"sku", "store_view_code", "attribute_set_code", "product_type", "categories", "name"}
    | {"description", "price", "base_image", "additional_images", "additional_attributes"}
    | {"configurable_variations"}
)
_NOT_ATTRIBUTES = frozenset(
    {"category", "name", "sku", "price", "qty", "description", "special_price", "attribute_set"}
    | {"visibility", "url_key"}
)
"""Columns of a table of simple products that are no attributes."""

_ORDER = {"yes": 0, "sometimes": 1, "no": 2}
"""What a photo shows comes first in the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """One thing with its own photos: a colour of a parent, or a simple product."""

    id: str
    group: str
    name: str
    description: str
    prices: tuple[str, ...]
    row: int
    source: str
    set_name: str
    categories: tuple[tuple[str, ...], ...]
    attributes: Mapping[str, tuple[str, ...]]
    """Attribute code to values, as exported."""
    photos: tuple[str, ...]


class MagentoCatalog:
    """Items of a Magento export: see `open_catalog("magento:<folder>?include=…&photos=…&currency=…")`.

    Aspects carry the labels that shoppers see. `Department` and `Type` are the first and the last step
    of the category; `Size` gathers the sizes in which a colour is sold. `Item.group` is the parent's
    SKU, since all colours of a parent share name, description and price.

    Args:
        root: The export's folder: `products.csv`, or `fixtures/configurable/products.csv`; photos under
            `catalog/product/`. `attributes.csv` and `categories.csv` beside the products give labels,
            allowed values and the categories that are for sale.
        include: Which products; `gear` and `all` need the sample data's `fixtures/catalog/`.
        photos: Which photos of each item.
        currency: ISO 4217 code of the prices, which an export does not say; None: unknown.

    Raises:
        CatalogError: There is no such folder, or it holds no products.
    """

    simulated = False

    def __init__(
        self,
        root: str | Path,
        *,
        include: Include = "configurable",
        photos: Photos = "main",
        currency: str | None = None,
        name: str | None = None,
    ) -> None:
        if photos not in get_args(Photos):
            raise CatalogError(f"want photos= one of {', '.join(get_args(Photos))}, got {photos!r}")
        if include not in get_args(Include):
            raise CatalogError(
                f"want include= one of {', '.join(get_args(Include))}, got {include!r}"
            )
        self._root = Path(root)
        self._include = include
        self._photos = photos
        self._currency = currency
        self.name = name or self._root.resolve().name
        fixtures = self._root / "fixtures" / "configurable"
        self._products = (fixtures if fixtures.is_dir() else self._root) / "products.csv"
        self._gear = self._root / "fixtures" / "catalog"
        if include != "gear" and not self._products.is_file():
            raise CatalogError(
                f"want the folder of a Magento export with a products.csv, got {root!r}"
            )
        if include != "configurable" and not self._gear.is_dir():
            raise CatalogError(f"include={include} wants simple products in {str(self._gear)!r}")

    def items(self) -> Iterator[Item | Problem]:
        """One item per parent and colour, in the order of the export."""
        for product in self._found:
            if isinstance(product, Problem):
                yield product
            else:
                yield from self._item(product)

    def photo(self, address: str) -> bytes:
        """Bytes of the photo at `address`, such as `/m/h/mh01-black_main.jpg`."""
        media = self._root / "catalog" / "product"
        path = media / address.lstrip("/")
        if ".." in path.relative_to(media).parts:  # a link out of the folder is its owner's choice
            raise CatalogError(f"want a photo inside {str(media)!r}, got {address!r}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise CatalogError(f"cannot read photo {address!r}: {error.strerror}") from error

    @cached_property
    def schema(self) -> Schema:
        """One category per kind of product in the export, with the attributes of its attribute set."""
        products = [found for found in self._found if isinstance(found, _Product)]
        paths = list(dict.fromkeys(self._category(product) for product in products))
        steps = [path for path in paths if path]
        derived = [
            Attribute(
                name="Department",
                values=distinct(p[0] for p in steps),
                visible="sometimes",
            ),
            Attribute(name="Type", values=distinct(p[-1] for p in steps), visible="yes"),
        ]
        categories = {}
        for path in paths:
            here = [product for product in products if self._category(product) == path]
            attributes: dict[str, Attribute] = {each.name: each for each in derived if path}
            for definition in self._definitions_for(here):
                attributes = add_attribute(attributes, definition)
            own = "/".join(path)
            shown = path or (self.name,)  # what the export puts into no category
            shown_first = sorted(attributes.values(), key=lambda each: _ORDER[each.visible])
            categories[own] = Category(
                id=own, name=shown[-1], path=shown, attributes=tuple(shown_first)
            )
        said = [
            (c.id, [(a.name, a.values, a.visible, a.multiple) for a in c.attributes])
            for c in categories.values()
        ]
        return Schema(name=self.name, version=content_key(said)[:12], categories=categories)

    def _definitions_for(self, products: Sequence[_Product]) -> Iterator[Attribute]:
        for set_name in distinct(product.set_name for product in products):
            codes = distinct(c for p in products if p.set_name == set_name for c in p.attributes)
            of_set = self._definitions.of_set(set_name)
            known = {definition.code for definition in of_set}
            used = (self._definitions.find(code, set_name) for code in codes if code not in known)
            for definition in (*of_set, *(each for each in used if each)):
                yield definition.attribute()

    @cached_property
    def _definitions(self) -> Definitions:
        return Definitions(
            read_definitions(self._products.with_name("attributes.csv"))
            + read_definitions(self._gear / "attributes.csv")
        )

    @cached_property
    def _roots(self) -> frozenset[str]:
        return read_active_roots(self._products.with_name("categories.csv")) | read_active_roots(
            self._gear / "categories.csv"
        )

    @cached_property
    def _found(self) -> tuple[_Product | Problem, ...]:
        found: list[_Product | Problem] = []
        if self._include != "gear":
            found.extend(_configurable(self._products, self._products.relative_to(self._root)))
        if self._include != "configurable":
            found.extend(_simple(self._gear / "SimpleProduct", self._root))
        return tuple(found)

    def _category(self, product: _Product) -> tuple[str, ...]:
        return choose_category(product.categories, self._roots)

    def _item(self, product: _Product) -> Iterator[Item | Problem]:
        prices = {text: _price(text) for text in product.prices if text}
        wrong = [text for text, price in prices.items() if price is None]
        if wrong:
            yield Problem(
                source=product.source,
                row=product.row,
                reason=f"want a price of 0 or more, got {wrong[0]!r}; loaded without it",
            )
        category = self._category(product)
        aspects: dict[str, tuple[str, ...]] = {}
        if category:
            aspects = {"Department": (category[0],), "Type": (category[-1],)}
        for code, values in product.attributes.items():
            definition = self._definitions.find(code, product.set_name)
            if definition is not None and (found := definition.values(values)):
                aspects[definition.label] = distinct((*aspects.get(definition.label, ()), *found))
        yield Item(
            id=f"{self.name}/{product.id}",
            category="/".join(category),
            photos=product.photos if self._photos == "all" else product.photos[:1],
            title=one_line(product.name) or None,
            aspects=aspects,
            description=plain_text(product.description) or None,
            price=min((price for price in prices.values() if price is not None), default=None),
            currency=self._currency,
            group=product.group,
        )


def _price(text: str) -> float | None:
    try:
        price = float(text)
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None


def _pairs(text: str) -> dict[str, tuple[str, ...]]:
    """`material=Wool|Fleece,pattern=Solid` as code to values; a value may hold commas itself."""
    pairs = (part.partition("=") for part in re.split(r",(?=[A-Za-z0-9_]+=)", text))
    return {
        code.strip(): tuple(value.split("|")) for code, _, value in pairs if code.strip() and value
    }


def _images(rows: Sequence[Row]) -> tuple[str, ...]:
    """Addresses of photos, those that catalogue pages show first."""
    more = (image.strip() for row in rows for image in row["additional_images"].split(","))
    return distinct((*(row["base_image"] for row in rows), *more))


def _configurable(path: Path, source: Path) -> Iterator[_Product | Problem]:
    """Products of an export's table: each parent's colours, then simple products without a parent."""
    rows: dict[str, Row] = {}
    for row in Source(path, delimiter=",", label=str(source)).rows(_COLUMNS):
        if isinstance(row, Problem):
            yield row
        elif row["store_view_code"]:
            continue  # a translation of a row that has come already
        elif not row["sku"] or row["sku"] in rows:
            wanted = "want a sku that no other row has" if row["sku"] else "want a sku"
            reason = f"{wanted}, got {row['sku']!r}; left out"
            yield Problem(source=str(source), row=row.number, reason=reason)
        else:
            rows[row["sku"]] = row
    children: set[str] = set()
    products: list[_Product | Problem] = []
    for row in rows.values():
        if row["product_type"] == "configurable":
            variations = [_pairs(v) for v in row["configurable_variations"].split("|") if v]
            children.update(variation["sku"][0] for variation in variations if "sku" in variation)
            products.extend(_colours(row, variations, rows, str(source)))
    for sku, row in rows.items():
        if row["product_type"] == "simple" and sku not in children:
            products.append(_product(row, [row], sku=sku, colour=None, source=str(source)))
    order = sorted(products, key=lambda found: found.row or 0)
    yield from order


def _colours(
    parent: Row,
    variations: Sequence[Mapping[str, tuple[str, ...]]],
    rows: Mapping[str, Row],
    source: str,
) -> Iterator[_Product | Problem]:
    colours: dict[str, list[Row]] = {}
    for variation in variations:
        sku = variation.get("sku", ("",))[0]
        if sku not in rows:
            reason = f"parent {parent['sku']!r} names a variation {sku!r} that has no row; left out"
            yield Problem(source=source, row=parent.number, reason=reason)
            continue
        own = _pairs(rows[sku]["additional_attributes"])
        colour = (variation.get("color") or own.get("color") or ("",))[0]
        colours.setdefault(colour, []).append(rows[sku])
    if not colours:
        reason = f"parent {parent['sku']!r} has no variation in this table; left out"
        yield Problem(source=source, row=parent.number, reason=reason)
    for colour, children in colours.items():
        yield _product(parent, children, sku=parent["sku"], colour=colour or None, source=source)


def _product(
    parent: Row, children: Sequence[Row], *, sku: str, colour: str | None, source: str
) -> _Product:
    own = [_pairs(child["additional_attributes"]) for child in children]
    gathered = {
        code: distinct(value for pairs in own for value in pairs.get(code, ()))
        for code in distinct(code for pairs in own for code in pairs)
    }
    shared = _pairs(parent["additional_attributes"])
    paths = (parent["categories"] or children[0]["categories"]).split(",")
    return _Product(
        id=f"{sku}-{colour}" if colour else sku,
        group=parent["sku"],
        name=parent["name"],
        description=parent["description"],
        prices=distinct(child["price"] for child in children) or (parent["price"],),
        row=children[0].number,
        source=source,
        set_name=parent["attribute_set_code"],
        categories=tuple(_path(path) for path in paths),
        # colour and size first: they tell the items of a parent apart
        attributes={
            c: v
            for c in ("color", "size", *shared, *gathered)
            if (v := (gathered.get(c) or shared.get(c)))
        },
        photos=_images(children) or _images([parent]),
    )


def _path(text: str) -> tuple[str, ...]:
    """`Default Category/Men/Tops` as its steps, the root that shoppers never see left out."""
    steps = tuple(step for step in (one_line(part) for part in text.split("/")) if step)
    return steps[1:] if steps[:1] == ("Default Category",) else steps


def _simple(folder: Path, root: Path) -> Iterator[_Product | Problem]:
    """The sample data's simple products; sizes of one thing share a group, as they share its photos."""
    photos: dict[str, list[str]] = {}
    for path in sorted(folder.glob("images_*.csv")):
        for row in Source(path, delimiter=",", label=str(path.relative_to(root))).rows():
            if isinstance(row, Problem):
                yield row
            else:
                photos.setdefault(row["sku"], []).append(row["image"])
    taken: set[str] = set()
    for path in sorted(folder.glob("products_*.csv")):
        source = str(path.relative_to(root))
        for row in Source(path, delimiter=",", label=source).rows():
            if isinstance(row, Problem):
                yield row
                continue
            if not row["sku"] or row["sku"] in taken:
                reason = f"want a sku that no other row has, got {row['sku']!r}; left out"
                yield Problem(source=source, row=row.number, reason=reason)
                continue
            taken.add(row["sku"])
            name = one_line(row["name"]).removesuffix(row["size"]).strip()
            yield _Product(
                id=row["sku"],
                group=name,
                name=name,
                description=row["description"],
                prices=(row["price"],),
                row=row.number,
                source=source,
                set_name=row["attribute_set"],
                categories=_gear_paths(row["category"].splitlines()),
                attributes={
                    code: distinct(line.strip() for line in text.splitlines())
                    for code, text in row.cells.items()
                    if code not in _NOT_ATTRIBUTES
                },
                photos=distinct(photos.get(row["sku"], ())),
            )


def _gear_paths(steps: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """`Gear`, `Bags`, `Collections`, `Eco` as two paths of two steps, as these tables write them."""
    names = [one_line(step) for step in steps if step.strip()]
    return tuple(tuple(names[i : i + 2]) for i in range(0, len(names), 2))

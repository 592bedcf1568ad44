"""A table of items: CSV, JSON lines or Parquet, with a mapping from fields to columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from workbench.catalog._addresses import read_photo
from workbench.catalog._derived import derive_schema
from workbench.catalog._items import ItemBuilder
from workbench.catalog._mapping import column_mapping, read_mapping
from workbench.catalog._sources import Source
from workbench.errors import CatalogError
from workbench.records import Item, Problem
from workbench.schema import Schema


class TableCatalog:
    """Items of one table, read as a stream: see `open_catalog("table:<file>?…")`.

    A field is read from the column of its own name unless the mapping names another: `id`, `title`,
    `description`, `price`, `currency`, `category`, `photo`, `clicks`, `impressions`, `group`,
    `aspect.<name>` (one aspect), `aspects` (a JSON object of several). Instead of a column the mapping
    may give text with columns in braces, such as `photo=images/{sku}.jpg`, and for `currency` a code,
    such as `USD`. Without an `id` column the row's number is the id.

    Settings stand in the same mapping: `separator` between several values of one cell (`|` if
    not given), `decimal` (`.` or `,`: what starts the cents), `delimiter` between the cells of a CSV.

    A fourth, `taxonomy`, is the folder of Shopify's taxonomy: the schema is then the taxonomy, and a
    category is one of its ids (`aa-1-13-8`) or whole paths (`Apparel & Accessories > Clothing > …`).

    A mapping can also stand in a YAML file beside the table, `items.yaml` for `items.csv`, one
    `field: column` a line; the query wins where both name a field.

    A wrong price, count or aspect is reported, and its item loaded without it; a row that is broken as
    a whole, or whose id is empty or taken, is left out. Memory holds the ids of the rows read so far,
    and no rows.

    Args:
        path: The file, its format told by its ending (`.csv`, `.tsv`, `.jsonl`, `.ndjson`, each also
            with `.gz`; `.parquet`). Photos with relative paths are looked up from its folder.
        mapping: Field or setting to its value, as above.
        name: Of the catalogue; None: the file's, without its ending.

    Raises:
        CatalogError: The file cannot be read, or the mapping names what is not there.
    """

    simulated = False

    def __init__(
        self,
        path: str | Path,
        mapping: Mapping[str, str] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            raise CatalogError(f"want a table of items, got {str(path)!r}, which is no file")
        self.name = name or self._path.name.partition(".")[0]
        wanted = {**read_mapping(self._path), **(mapping or {})}
        self._source = Source(self._path, delimiter=wanted.get("delimiter"))
        self._mapping = column_mapping(wanted, self._source.columns, where=str(path))
        self._taxonomy = wanted.get("taxonomy")
        self._builder = ItemBuilder(
            name=self.name,
            source=str(self._path),
            mapping=self._mapping,
            separator=wanted.get("separator", "|"),
            decimal=wanted.get("decimal"),
        )

    def items(self) -> Iterator[Item | Problem]:
        """Items in the order of the table."""
        taken: set[str] = set()
        for row in self._source.rows(self._mapping.columns):
            if isinstance(row, Problem):
                yield row
                continue
            item, problems = self._builder.build(row)
            yield from problems
            if item is None:
                continue
            if item.id in taken:
                own = item.id.partition("/")[2]
                reason = f"want an id that no row above has, got {own!r} again; left out"
                yield Problem(source=str(self._path), row=row.number, reason=reason)
                continue
            taken.add(item.id)
            category = self._category(item.category)
            if category is None:
                reason = (
                    f"want a category of the taxonomy, got {item.category!r}; loaded without it"
                )
                yield Problem(source=str(self._path), row=row.number, reason=reason)
            yield item if category == item.category else replace(item, category=category or "")

    def photo(self, address: str) -> bytes:
        """Bytes of a photo: a path from the table's folder, or a URL."""
        return read_photo(address, folder=self._path.parent)

    @cached_property
    def schema(self) -> Schema:
        """The taxonomy, or the categories, aspects and values that occur in the table (read once more)."""
        if self._taxonomy is not None:
            from workbench.catalog.shopify_taxonomy import read_shopify_taxonomy

            return read_shopify_taxonomy(self._taxonomy)
        return derive_schema(self.name, (i for i in self.items() if isinstance(i, Item)))

    @cached_property
    def _ids(self) -> dict[str, str]:
        """Whole path of a category, as Shopify exports it, to its id."""
        return {" > ".join(each.path): own for own, each in self.schema.categories.items()}

    def _category(self, said: str) -> str | None:
        """Id of a category in the taxonomy; None where it has no such one."""
        if self._taxonomy is None or not said or said in self.schema.categories:
            return said
        return self._ids.get(said)

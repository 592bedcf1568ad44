"""Which column holds what: a mapping from a query or a YAML file, and the cells it finds in a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import _yaml
from workbench.catalog._cells import text_of
from workbench.errors import CatalogError

FIELDS = (
    *("id", "title", "description", "price", "currency", "category", "photo"),
    *("clicks", "impressions", "group", "aspects"),
)
"""Fields of an item that a column can hold."""

SETTINGS = ("separator", "decimal", "delimiter", "taxonomy")
"""How cells are read, and which schema the categories belong to."""

ASPECT = "aspect."

Getter = Callable[[Mapping[str, Any]], Any]
"""Takes the cell or cells of one field from a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Where the fields of an item stand in a table."""

    getters: Mapping[str, Getter]
    """Field (or `aspect.<name>`) to what takes it from a row."""
    columns: frozenset[str] | None
    """The columns that are needed; None where they are not known before the rows are."""
    currency: str | None
    """ISO 4217 code that holds for the whole table."""
    needs_id: bool
    """True where every row must have an id; else the row's number stands in for one."""
    open: bool
    """True where rows need not agree: any field and any `aspect.<name>` may turn up in a row."""


def read_mapping(table: Path) -> dict[str, str]:
    """The mapping of the YAML file beside `table` (`items.yaml` for `items.csv`); empty without one.

    Raises:
        CatalogError: The file is no YAML, or a value is no text.
    """
    stem = table.name.partition(".")[0]
    for path in (table.with_name(f"{stem}.yaml"), table.with_name(f"{stem}.yml")):
        if not path.is_file():
            continue
        try:
            document = _yaml.read(path.read_text(encoding="utf-8-sig"), where=str(path))
        except (_yaml.UnreadableError, UnicodeDecodeError) as error:
            raise CatalogError(str(error)) from error
        for line, message in document.duplicates:
            raise CatalogError(f"{path}:{line}: {message}")
        for name, value in document.data.items():
            if not isinstance(value, str):
                line = document.line((name,))
                raise CatalogError(f"{path}:{line}: {name}: want a column's name, got {value!r}")
        return dict(document.data)
    return {}


def column_mapping(
    wanted: Mapping[str, str], columns: Sequence[str] | None, *, where: str
) -> ColumnMapping:
    """Understand a mapping, against the columns that are there.

    Args:
        wanted: Field to column, or to text with columns in braces: `images/{sku}.jpg`.
        columns: Those of the table; None: not known before the rows are read.
        where: What the table is called in an error.

    Raises:
        CatalogError: An unknown field, or a column that is not there.
    """
    named = {name: value for name, value in wanted.items() if name not in SETTINGS}
    for name in named:
        if name not in FIELDS and not (name.startswith(ASPECT) and len(name) > len(ASPECT)):
            known = (*FIELDS, *SETTINGS, f"{ASPECT}Color")
            raise CatalogError(f"{where}: unknown field {name!r}{_yaml.nearest(name, known)}")
    currency = _currency(named, columns)
    needs_id = "id" in named or any(column.lower() == "id" for column in columns or ())
    for column in columns if columns is not None else FIELDS:
        field = column if column.startswith(ASPECT) else column.lower()
        if (field in FIELDS or field.startswith(ASPECT)) and field not in wanted:
            named.setdefault(field, column)
    if not named:
        raise CatalogError(
            f"{where}: no column is called {', '.join(FIELDS)}. It has: "
            f"{', '.join(columns or ()) or 'none that are known before'}. Say behind the file's name "
            "which column holds which of these, as in table:FILE?photo=COLUMN&category=COLUMN"
        )
    getters = {}
    needed: set[str] = set()
    for name, value in named.items():
        parts = re.split(r"\{([^{}]*)\}", value)
        own = parts[1::2] or [value]
        for column in own:
            if columns is not None and column not in columns:
                near = _yaml.nearest(column, columns)
                raise CatalogError(f"{where}: {name}={value}: no column {column!r}{near}")
        needed.update(own)
        getters[name] = _template(parts) if len(parts) > 1 else _column(value)
    return ColumnMapping(
        getters=getters,
        columns=None if columns is None else frozenset(needed),
        currency=currency,
        needs_id=needs_id,
        open=columns is None,
    )


def _currency(named: dict[str, str], columns: Sequence[str] | None) -> str | None:
    """Take `currency=USD` out of a mapping, unless a column is called so."""
    code = named.get("currency", "")
    if re.fullmatch(r"[A-Z]{3}", code) and code not in (columns or ()):
        return named.pop("currency")
    return None


def _column(name: str) -> Getter:
    return lambda cells: cells.get(name)


def _template(parts: Sequence[str]) -> Getter:
    """Text around columns; None where any of the columns is empty."""

    def fill(cells: Mapping[str, Any]) -> str | None:
        filled = [text_of(cells.get(part)) if i % 2 else part for i, part in enumerate(parts)]
        return "".join(filled) if all(filled[1::2]) else None

    return fill

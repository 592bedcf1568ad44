"""Attributes, attribute sets and categories of a Magento export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog._csv import Row
from workbench.catalog._sources import Source
from workbench.catalog._text import one_line
from workbench.catalog.visibility import visibility
from workbench.records import Problem
from workbench.schema import Attribute

_SYSTEM = frozenset({"has_options", "required_options"})
_PROMOTION = frozenset({"new", "sale", "erin_recommends"})
"""Flags that say how a shop promotes a thing, and nothing about the thing."""


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """`values` without repetitions and empty ones, in the order of their first appearance."""
    return tuple(dict.fromkeys(value for value in values if value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One attribute, as a row of `attributes.csv` defines it for some attribute sets."""

    code: str
    label: str
    """As shoppers see it."""
    kind: str
    """Magento's `frontend_input`: `select`, `multiselect`, `boolean`, …"""
    options: tuple[str, ...] = ()
    required: bool = False
    sets: frozenset[str] = frozenset()

    def attribute(self) -> Attribute:
        """The attribute as the schema has it."""
        return Attribute(
            name=self.label,
            values=("Yes", "No") if self.kind == "boolean" else self.options,
            visible=visibility(self.label),
            multiple=self.kind == "multiselect" or self.code == "size",  # an item gathers its sizes
            required=self.required,
        )

    def values(self, found: Iterable[str]) -> tuple[str, ...]:
        """`found` as the options spell it, each once."""
        spelled = {option.casefold(): option for option in self.options}
        if self.kind == "boolean":
            spelled = {"1": "Yes", "0": "No"}
        texts = (one_line(value) for value in found)
        return distinct(spelled.get(text.casefold(), text) for text in texts)


class Definitions:
    """Attributes by code and attribute set.

    Args:
        rows: Definitions in order of preference: the first that names a code and a set holds for them.
    """

    def __init__(self, rows: Sequence[Definition]) -> None:
        self._rows = rows

    def of_set(self, name: str) -> list[Definition]:
        """Every attribute of one set that says something about a thing."""
        found: dict[str, Definition] = {}
        for row in self._rows:
            if name in row.sets and row.code not in _PROMOTION:
                found.setdefault(row.code, row)
        return list(found.values())

    def find(self, code: str, set_name: str) -> Definition | None:
        """The attribute `code` of a set, or of any set; None for codes that describe no thing."""
        if code in _SYSTEM | _PROMOTION:
            return None
        rows = [row for row in self._rows if row.code == code]
        if not self._rows:  # an export without its attributes: what the code says
            return Definition(code=code, label=code.replace("_", " ").capitalize(), kind="text")
        of_set = [row for row in rows if set_name in row.sets]
        return next(iter(of_set or rows), None)


def read_definitions(path: Path) -> list[Definition]:
    """Rows of an `attributes.csv`; none where the file is not there."""
    if not path.is_file():
        return []
    found = []
    for row in Source(path, delimiter=",").rows():
        if isinstance(row, Problem) or not row["attribute_code"]:
            continue
        label = row["frontend_label"].splitlines() or [row["attribute_code"]]
        found.append(
            Definition(
                code=row["attribute_code"],
                label=one_line(label[-1]),  # the shop's own label stands under the administrator's
                kind=row["frontend_input"],
                options=distinct(one_line(option) for option in row["option"].splitlines()),
                required=row["is_required"] == "1",
                sets=frozenset(name.strip() for name in row["attribute_set"].splitlines()),
            )
        )
    return found


def read_active_roots(path: Path) -> frozenset[str]:
    """Top categories of a `categories.csv` that lead shoppers somewhere; empty where there is no file."""
    if not path.is_file():
        return frozenset()
    rows = [row for row in Source(path, delimiter=",").rows() if isinstance(row, Row)]
    return frozenset(row["name"] for row in rows if not row["path"] and row["active"] == "1")


def choose_category(paths: Sequence[tuple[str, ...]], roots: frozenset[str]) -> tuple[str, ...]:
    """The category that says what a thing is: the deepest path, the first among equals.

    Paths under a root that is not active (collections, promotions) count only where there is no other.
    """
    shown = [path for path in paths if path and (not roots or path[0] in roots)]
    return max(shown or [path for path in paths if path], key=len, default=())


def add_attribute(attributes: Mapping[str, Attribute], new: Attribute) -> dict[str, Attribute]:
    """`attributes` with `new`, the values of attributes of one name joined."""
    old = attributes.get(new.name)
    if old is None:
        return {**attributes, new.name: new}
    joined = Attribute(
        name=old.name,
        values=distinct((*old.values, *new.values)),
        visible=old.visible,
        multiple=old.multiple or new.multiple,
        required=old.required or new.required,
    )
    return {**attributes, new.name: joined}

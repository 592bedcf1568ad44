"""A schema for a catalogue that brings none: the categories, aspects and values that its items use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.catalog.visibility import visibility
from workbench.records import Item, content_key
from workbench.schema import Attribute, Category, Schema, folded

MOST_VALUES = 100
"""An aspect with more values than this is free text."""


@dataclass(slots=True)
class _Seen:
    """One aspect in one category."""

    items: int = 0
    multiple: bool = False
    values: Counter[str] | None = field(default_factory=Counter)
    """None once there were too many."""

    def add(self, values: tuple[str, ...]) -> None:
        self.items += 1
        self.multiple |= len(values) > 1
        if self.values is not None:
            self.values.update(values)
            if len(self.values) > MOST_VALUES:
                self.values = None

    def attribute(self, name: str) -> Attribute:
        values: tuple[str, ...] = ()
        if self.values is not None:
            spellings: dict[
                str, str
            ] = {}  # `Red` and `red` are one value: the more frequent spelling
            for value, _ in sorted(self.values.items(), key=lambda pair: (-pair[1], pair[0])):
                spellings.setdefault(folded(value), value)
            if self.items >= 2 * len(spellings):
                values = tuple(spellings.values())
        return Attribute(name=name, values=values, visible=visibility(name), multiple=self.multiple)


def derive_schema(name: str, items: Iterable[Item]) -> Schema:
    """Read `items` once and describe what is in them.

    An aspect gets the values that occur as its allowed values, the most frequent first, where at least
    two items share a value on average and there are at most `MOST_VALUES`; else it is free text. Items
    without a category fall under the id `""`.
    """
    seen: dict[str, dict[str, _Seen]] = {}
    for item in items:
        aspects = seen.setdefault(item.category, {})
        for aspect, values in item.aspects.items():
            aspects.setdefault(aspect, _Seen()).add(values)
    categories = {}
    for category, aspects in seen.items():
        path = tuple(filter(None, re.split(r"\s*[>/]\s*", category))) or (category or name,)
        attributes = tuple(each.attribute(aspect) for aspect, each in aspects.items())
        categories[category] = Category(
            id=category, name=path[-1], path=path, attributes=attributes
        )
    said = [
        [c.id, [[a.name, list(a.values), a.visible, a.multiple] for a in c.attributes]]
        for c in categories.values()
    ]
    return Schema(name=name, version=content_key(said)[:12], categories=categories)

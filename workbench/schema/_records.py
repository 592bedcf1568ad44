"""The schema itself: frozen records, and what follows from one record alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.errors import SchemaError
from workbench.schema._words import folded, spellings

Visible = Literal["yes", "sometimes", "no"]
"""Whether a photo can show an attribute: colour yes, material sometimes, size no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One aspect that a category asks for."""

    name: str
    """As it is shown: `Color`."""
    values: tuple[str, ...] = ()
    """Allowed values as they are shown; empty: any text."""
    visible: Visible = "sometimes"
    multiple: bool = False
    """True where an item may have several values at once."""
    required: bool = False
    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Other words for a value, lower case, to the value: `{"crimson": "Red"}`."""

    def normalise(self, value: str) -> str | None:
        """`value` as this attribute writes it.

        Case, hyphens, spaces, punctuation and synonyms do not count, nor a plural of the last word
        where only one value fits.

        Returns:
            An entry of `values`; for an attribute that allows any text, the text with its spaces
            tidied. None where the value is not allowed, or empty.
        """
        if not self.values:
            spelling = spellings((), tuple(self.synonyms.items())).find(value)
            return spelling or " ".join(value.split()) or None
        return spellings(self.values, tuple(self.synonyms.items())).find(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One kind of thing, with the attributes that it asks for."""

    id: str
    """Unique in the schema: `aa-1-1` or `Men/Tops/Tees`."""
    name: str
    """The last step, as it is shown: `Tees`."""
    path: tuple[str, ...]
    """From the root to `name`, as shown."""
    attributes: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> Attribute | None:
        """The attribute called `name`, case and hyphens aside; None where the category has none such."""
        wanted = folded(name)
        for attribute in self.attributes:
            if folded(attribute.name) == wanted:
                return attribute
        return None

    def json_schema(self, *, visible_only: bool = False, max_title: int = 80) -> dict[str, Any]:
        """JSON schema of a listing in this category, for constrained decoding.

        `{"title": "...", "aspects": {"Color": "Red", "Features": ["Hood", "Zip"]}}`: text for an
        attribute with one value, a list for one with several, enumerations where values are given,
        nothing else allowed.

        Args:
            visible_only: Leave out attributes that no photo can show (`visible` is `no`).
            max_title: Longest title, in characters.
        """
        asked = [one for one in self.attributes if not (visible_only and one.visible == "no")]
        return {
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": max_title},
                "aspects": {
                    "type": "object",
                    "properties": {one.name: _value_schema(one) for one in asked},
                    "required": [one.name for one in asked if one.required],
                    "additionalProperties": False,
                },
            },
            "required": ["title", "aspects"],
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All categories of one catalogue."""

    name: str
    version: str
    categories: Mapping[str, Category]
    """Category id to category."""

    def has_several(self, name: str) -> bool:
        """True where some category lets an item have several values of the attribute `name` at once."""
        return any(
            a.multiple for c in self.categories.values() for a in c.attributes if a.name == name
        )

    def category(self, category_id: str) -> Category:
        """The category called `category_id`.

        Raises:
            SchemaError: There is none; the message names the ids that are nearest.
        """
        if category_id in self.categories:
            return self.categories[category_id]
        from rapidfuzz import process, utils

        near = process.extract(
            category_id, list(self.categories), limit=3, processor=utils.default_process
        )
        names = ", ".join(repr(name) for name, _, _ in near) or "none: it is empty"
        raise SchemaError(
            f"schema {self.name!r} has no category {category_id!r}; nearest are: {names}"
        )


def _value_schema(attribute: Attribute) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "string"}
    one |= (
        {"enum": list(attribute.values)} if attribute.values else {"minLength": 1, "maxLength": 60}
    )
    if not attribute.multiple:
        return one
    most = min(len(attribute.values), 8) if attribute.values else 8
    return {"type": "array", "items": one, "minItems": 1, "maxItems": most}

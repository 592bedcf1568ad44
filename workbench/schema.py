"""Category → attributes → allowed values, and which attributes a photo can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All categories of one catalogue."""

    name: str
    version: str
    categories: Mapping[str, Category]
    """Category id to category."""

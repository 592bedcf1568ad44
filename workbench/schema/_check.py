"""What in a listing contradicts its category."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from workbench.records import Listing
from workbench.schema._records import Attribute, Category

ViolationKind = Literal[
    "empty_title",
    "unknown_aspect",
    "repeated_aspect",
    "unknown_value",
    "empty_value",
    "too_many_values",
    "missing_aspect",
]
"""What can be wrong; `unknown_value` is a value that the attribute does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One contradiction between a listing and its category."""

    kind: ViolationKind
    aspect: str | None
    """As the listing names it; None for the title."""
    value: str | None
    """None where no single value is at fault."""
    message: str
    """One sentence, with the nearest allowed name or value."""


def check_listing(listing: Listing, category: Category) -> list[Violation]:
    """Everything in `listing` that `category` does not allow; empty where all is allowed.

    Names and values count as allowed in any spelling that `Attribute.normalise` knows.
    """
    found: list[Violation] = []
    if not listing.title.strip():
        found.append(
            Violation(kind="empty_title", aspect=None, value=None, message="the title is empty")
        )
    stated: dict[str, str] = {}
    for name, values in listing.aspects.items():
        attribute = category.attribute(name)
        if attribute is None:
            found.append(_unknown_aspect(name, category))
            continue
        if attribute.name in stated:
            message = f"{name!r} says again what {stated[attribute.name]!r} says"
            found.append(
                Violation(kind="repeated_aspect", aspect=name, value=None, message=message)
            )
        stated.setdefault(attribute.name, name)
        found += _check_values(name, values, attribute)
    for attribute in category.attributes:
        if attribute.required and attribute.name not in stated:
            message = f"{category.name} wants {attribute.name!r}, which is not stated"
            found.append(
                Violation(kind="missing_aspect", aspect=attribute.name, value=None, message=message)
            )
    return found


def _check_values(name: str, values: tuple[str, ...], attribute: Attribute) -> list[Violation]:
    found: list[Violation] = []
    if not values:
        message = f"{name!r} has no value"
        found.append(Violation(kind="empty_value", aspect=name, value=None, message=message))
    if len(values) > 1 and not attribute.multiple:
        message = f"{name!r} takes one value, got {len(values)}: {', '.join(values)}"
        found.append(Violation(kind="too_many_values", aspect=name, value=None, message=message))
    for value in values:
        if not value.strip():
            message = f"{name!r} has an empty value"
            found.append(Violation(kind="empty_value", aspect=name, value=value, message=message))
        elif attribute.normalise(value) is None:
            message = f"{name!r} does not allow {value!r}{_nearest(value, attribute.values)}"
            found.append(Violation(kind="unknown_value", aspect=name, value=value, message=message))
    return found


def _unknown_aspect(name: str, category: Category) -> Violation:
    names = tuple(attribute.name for attribute in category.attributes)
    message = f"{category.name} has no aspect {name!r}{_nearest(name, names)}"
    return Violation(kind="unknown_aspect", aspect=name, value=None, message=message)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.5)
    return f"; nearest is {lower[near[0]]!r}" if near else ""

"""What a listing claims, in the schema's words, and the class that its share of right claims falls in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from workbench.records import Listing
from workbench.schema import Attribute, Category, Schema, same_word

COLOUR_NAMES = frozenset({"color", "colour"})
"""What the attribute that the criterion `color` is about is called, lower case."""
_LONGEST = 4
"""Words of the longest phrase that is looked up as one value."""
_WORD = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*")
_JOINS = re.compile(r"\s*(?:&|,|/|\band\b)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What was found in a text."""

    products: frozenset[str] = frozenset()
    """Names of the kinds of product that it names, as `product_names` gives them; empty: none."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute to the values that it names, in the schema's words."""


@lru_cache(maxsize=4096)
def product_names(name: str) -> frozenset[str]:
    """The kinds of product that a category's name stands for, case and plural aside.

    `Hoodies & Sweatshirts` stands for `hoodie` and `sweatshirt`.
    """
    return frozenset(same_word(part) for part in _JOINS.split(name.lower()) if part.strip())


def title_claims(title: str, category: Category, schema: Schema) -> Claims:
    """What `title` claims.

    Args:
        title: Any text.
        category: Whose attributes are looked for.
        schema: Whose categories are looked for, by the last step of their path.
    """
    phrases = list(_phrases(title))
    known = {name: one for one in schema.categories.values() for name in product_names(one.name)}
    products = frozenset(p for p in map(same_word, phrases) if p in known)
    # A word that names a kind of product claims that kind and no aspect, though a shop may have a
    # style that is called `Jacket` too.
    others = [p for p in phrases if same_word(p) not in known]
    values = {
        attribute.name: found
        for attribute in category.attributes
        if attribute.values and (found := _values(others, attribute))
    }
    return Claims(products=products, values=values)


def listing_claims(listing: Listing, category: Category, schema: Schema) -> Claims:
    """What a listing claims: its title, its aspects and its category together.

    Aspects that the category does not know are left out, and so are values that it does not allow.
    """
    title = title_claims(listing.title, category, schema)
    products = title.products
    stated = schema.categories.get(listing.category or "")
    if not products and stated:
        products = product_names(stated.name)
    values = {name: list(found) for name, found in title.values.items()}
    for name, said in listing.aspects.items():
        attribute = category.attribute(name)
        if attribute is None:
            continue
        for value in said:
            allowed = attribute.normalise(value)
            if allowed and allowed not in values.setdefault(attribute.name, []):
                values[attribute.name].append(allowed)
    return Claims(products=products, values={n: tuple(v) for n, v in values.items() if v})


def share_to_point(right: int, stated: int) -> int:
    """The five classes of a listing judgement: 1 under 30% right, … 5 for 95% and more or none stated.

    Source: OPAL, arXiv:2508.10116, the five classes of its judge.
    """
    share = right / stated if stated else 1.0
    return 1 + sum(share >= limit for limit in (0.30, 0.50, 0.80, 0.95))


def _phrases(text: str) -> Iterator[str]:
    """All runs of up to `_LONGEST` words, longest first."""
    words = _WORD.findall(text)
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _values(phrases: list[str], attribute: Attribute) -> tuple[str, ...]:
    """Values named by the longest phrases: `Navy Blue` is not also `Blue`."""
    found: dict[str, str] = {}  # value to the phrase that named it
    for phrase in phrases:
        value = attribute.normalise(phrase)
        if value and value not in found and not any(phrase in longer for longer in found.values()):
            found[value] = phrase
    return tuple(found)

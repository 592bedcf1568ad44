"""What a listing claims, in the schema's words, and the class that its share of right claims falls in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from workbench.records import Aspects, Listing
from workbench.schema import Attribute, Category, Schema, same_word

COLOUR_NAMES = frozenset({"color", "colour"})
"""What the attribute that the criterion `color` is about is called, lower case."""
_LONGEST = 4
"""Words of the longest phrase that is looked up as one value."""
_WORD = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*")
_JOINS = re.compile(r"\s*(?:&|,|/|\band\b)\s*")
_MOST_OBJECTS = 20_000
"""Categories and schemas whose words are kept."""
_MOST_PHRASES = 100_000
"""Phrases of one category that are kept; then they are forgotten, and looked up again."""


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
    words = _WORDS_OF(category)
    known = _PRODUCTS_OF(schema)
    phrases = [(phrase, words.same(phrase)) for phrase in _phrases(title)]
    products = frozenset(same for _, same in phrases if same in known)
    # A word that names a kind of product claims that kind and no aspect, though a shop may have a
    # style that is called `Jacket` too.
    others = [phrase for phrase, same in phrases if same not in known]
    found: dict[str, dict[str, str]] = {}  # attribute to value to the phrase that named it
    for phrase in others:
        for name, value in words.meant(phrase):
            own = found.setdefault(name, {})
            if value not in own and not any(phrase in longer for longer in own.values()):
                own[value] = phrase
    values = {one.name: tuple(found[one.name]) for one in category.attributes if one.name in found}
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
    for name, stated_values in schema_words(listing.aspects, category).items():
        own = values.setdefault(name, [])
        own += [value for value in stated_values if value not in own]
    return Claims(products=products, values={n: tuple(v) for n, v in values.items() if v})


def schema_words(aspects: Aspects, category: Category) -> dict[str, tuple[str, ...]]:
    """Aspects under the names and in the words of `category`; what it does not know or allow is left out."""
    words = _WORDS_OF(category)
    found: dict[str, dict[str, None]] = {}
    for name, values in aspects.items():
        attribute = words.attribute(name)
        if attribute is not None:
            allowed = (words.value(attribute, value) for value in values)
            found.setdefault(attribute.name, {}).update({one: None for one in allowed if one})
    return {name: tuple(values) for name, values in found.items() if values}


def schema_phrases(phrase: str, category: Category) -> tuple[tuple[str, str], ...]:
    """(attribute, value) for every attribute of `category` of which `phrase` as a whole names an allowed value."""
    return _WORDS_OF(category).meant(phrase)


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


class _Words:
    """What phrases mean in one category; each is looked up once, since listings say the same again and again."""

    def __init__(self, category: Category) -> None:
        self._category = category
        self._named = [one for one in category.attributes if one.values]
        self._meant: dict[str, tuple[tuple[str, str], ...]] = {}
        self._same: dict[str, str] = {}
        self._attributes: dict[str, Attribute | None] = {}
        self._values: dict[tuple[str, str], str | None] = {}

    def same(self, phrase: str) -> str:
        """`same_word` of the phrase."""
        return _kept(self._same, phrase, lambda: same_word(phrase))

    def meant(self, phrase: str) -> tuple[tuple[str, str], ...]:
        """(attribute, value) for every attribute of which the phrase names an allowed value."""

        def look_up() -> tuple[tuple[str, str], ...]:
            pairs = ((one.name, one.normalise(phrase)) for one in self._named)
            return tuple((name, value) for name, value in pairs if value)

        return _kept(self._meant, phrase, look_up)

    def attribute(self, name: str) -> Attribute | None:
        """`Category.attribute`."""
        return _kept(self._attributes, name, lambda: self._category.attribute(name))

    def value(self, attribute: Attribute, text: str) -> str | None:
        """`Attribute.normalise`."""
        return _kept(self._values, (attribute.name, text), lambda: attribute.normalise(text))


_K = TypeVar("_K")
_V = TypeVar("_V")


def _kept(known: dict[_K, _V], key: _K, make: Callable[[], _V]) -> _V:
    if key not in known:
        if len(known) >= _MOST_PHRASES:
            known.clear()
        known[key] = make()
    return known[key]


class _OfEach(Generic[_K, _V]):
    """What is made of an object that cannot be hashed, once; the object is held, so that its id stays its own."""

    def __init__(self, make: Callable[[_K], _V]) -> None:
        self._make = make
        self._made: dict[int, tuple[_K, _V]] = {}

    def __call__(self, one: _K) -> _V:
        found = self._made.get(id(one))
        if found is None or found[0] is not one:
            if len(self._made) >= _MOST_OBJECTS:
                self._made.clear()
            found = self._made[id(one)] = (one, self._make(one))
        return found[1]


def _products(schema: Schema) -> frozenset[str]:
    return frozenset(name for one in schema.categories.values() for name in product_names(one.name))


_WORDS_OF = _OfEach(_Words)
_PRODUCTS_OF = _OfEach(_products)

"""Attribute and price heads on photo features, fitted on a catalogue's own rows.

A head per attribute that a photo can show, one for the category and one for the price. Missing labels
are left out, head by head; a value that too few groups have is not learnt.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import LearningError
from workbench.models.linear_heads import (
    MIN_GROUPS,
    ChoiceHead,
    NumberHead,
    YesHeads,
    fit_choice,
    fit_each,
    fit_number,
    the_only_choice,
    values_with_groups,
)
from workbench.records import Item, content_key

if TYPE_CHECKING:
    from workbench.models.vector_cache import Features
    from workbench.schema import Category, Schema

_METHOD = "heads/2"
"""Changes whenever the fit does, so that listings made by another fit are other listings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One value and the probability that the photo shows it."""

    value: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGuess:
    """A price with its spread, in the catalogue's currency."""

    value: float
    """Median."""
    low: float
    """10th percentile."""
    high: float
    """90th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the heads see in one photo."""

    category: tuple[Guess, ...]
    """All categories known, most probable first."""
    aspects: Mapping[str, tuple[Guess, ...]]
    """Attribute to guesses, most probable first; an attribute with several values at once has a
    guess per value, and their probabilities do not sum to 1."""
    price: PriceGuess | None
    """None where no training item had a price."""


@dataclass(frozen=True)
class AttributeHeads:
    """Fitted heads; `fit` makes them."""

    revision: str
    """Digest of the encoder, the photos and labels learnt from, and the method."""
    trained_on: int
    """Photos learnt from."""
    _span: Features
    """Shape (d, r): the directions in which training photos differ; no head looks at others."""
    _category: ChoiceHead
    _single: Mapping[str, ChoiceHead]
    _multiple: Mapping[str, YesHeads]
    _price: NumberHead | None

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that they answer, the category aside."""
        return tuple(sorted([*self._single, *self._multiple]))

    def predict(self, x: Features) -> list[Facts]:
        """What is seen in each photo.

        Args:
            x: Shape (n, d), from the encoder that the heads were fitted on.
        """
        if len(x) == 0:
            return []
        z = x @ self._span
        category = _ranked(self._category, z)
        aspects = {name: _ranked(head, z) for name, head in self._single.items()}
        aspects |= {name: _ranked(head, z) for name, head in self._multiple.items()}
        prices: list[PriceGuess | None] = [None] * len(x)
        if self._price:
            prices = [
                PriceGuess(value=value, low=low, high=high)
                for value, low, high in self._price.predict(z)
            ]
        return [
            Facts(
                category=category[i],
                aspects={name: rows[i] for name, rows in aspects.items()},
                price=prices[i],
            )
            for i in range(len(x))
        ]


def within(facts: Facts, category: Category) -> Facts:
    """What is seen, once the category is known: only values that it allows.

    Probabilities of an attribute with one value are scaled to sum to 1 over what is left; an attribute
    that the category does not ask for, or of which nothing is left, is left out.
    """
    kept: dict[str, tuple[Guess, ...]] = {}
    for attribute in category.attributes:
        guesses = facts.aspects.get(attribute.name, ())
        allowed = [g for g in guesses if not attribute.values or g.value in attribute.values]
        total = 1.0 if attribute.multiple else sum(g.probability for g in allowed)
        if allowed and total > 0:
            kept[attribute.name] = tuple(
                Guess(value=g.value, probability=g.probability / total) for g in allowed
            )
    return replace(facts, aspects=kept)


def labels(item: Item, schema: Schema) -> dict[str, tuple[str, ...]]:
    """The item's aspects that a photo can show and the schema knows, in the schema's words."""
    category = schema.categories.get(item.category)
    found = {}
    for attribute in category.attributes if category else ():
        if attribute.visible == "no" or not attribute.values:
            continue
        said = (attribute.normalise(v) for v in item.aspects.get(attribute.name, ()))
        if values := tuple(dict.fromkeys(v for v in said if v is not None)):
            found[attribute.name] = values
    return found


def fit_heads(
    x: Features, items: Sequence[Item], schema: Schema, *, encoder_revision: str, seed: int = 0
) -> AttributeHeads:
    """Fit heads on photos and what their catalogue says of them.

    Args:
        x: Shape (n, d), one row per item.
        items: The items; their `group` is kept together in cross-validation.
        schema: Which attributes there are, and which a photo can show.
        encoder_revision: Of the encoder that made `x`.
        seed: Of the cross-validation's folds.

    Raises:
        LearningError: There is too little to learn from: neither two categories with enough groups, nor
            one category that has an attribute to tell.
    """
    from threadpoolctl import threadpool_limits

    # Matrices this small are slower with several threads, and on a busy machine many times slower.
    with threadpool_limits(1):
        return _fit(x, items, schema, encoder_revision=encoder_revision, seed=seed)


def require_categories(items: Sequence[Item], schema: Schema) -> None:
    """Say before any photo is read that `fit_heads` could not learn the category.

    Raises:
        LearningError: Fewer than two categories have enough groups, and the schema has several.
    """
    from workbench.store import group_of

    groups = [group_of(item) for item in items]
    few = len(values_with_groups([item.category for item in items], groups)) < 2
    if few and len(schema.categories) != 1:
        raise LearningError(_too_little(items, groups))


def _fit(
    x: Features, items: Sequence[Item], schema: Schema, *, encoder_revision: str, seed: int
) -> AttributeHeads:
    from workbench.store import group_of

    groups = np.array([group_of(item) for item in items])
    said = [labels(item, schema) for item in items]
    # Regularised linear models lie in the span of their data: in its coordinates the same models are
    # found, with as many numbers per photo as there are photos instead of 1,424.
    _, scale, directions = np.linalg.svd(x, full_matrices=False)
    span = directions[scale > 1e-6 * scale.max(initial=0.0)].T
    z = x @ span
    category = fit_choice(z, [item.category for item in items], groups, seed)
    if category is None and len(schema.categories) == 1:
        category = the_only_choice(*schema.categories)
    single: dict[str, ChoiceHead] = {}
    multiple: dict[str, YesHeads] = {}
    for name in sorted({name for row in said for name in row}):
        rows = [row.get(name) for row in said]
        if schema.has_several(name):
            if heads := fit_each(z, rows, groups, seed):
                multiple[name] = heads
        elif head := fit_choice(z, [r[0] if r else None for r in rows], groups, seed):
            single[name] = head
    if category is None or (len(category.values) == 1 and not single and not multiple):
        raise LearningError(_too_little(items, list(groups)))
    prices = np.array([math.nan if item.price is None else item.price for item in items])
    return AttributeHeads(
        revision=content_key(
            _METHOD,
            encoder_revision,
            seed,
            [
                [item.photos[0], item.group, item.category, item.price, row]
                for item, row in zip(items, said, strict=True)
            ],
        ),
        trained_on=len(items),
        _span=span,
        _category=category,
        _single=single,
        _multiple=multiple,
        _price=fit_number(z, prices, groups),
    )


def _too_little(items: Sequence[Item], groups: Sequence[str]) -> str:
    pairs = {(item.category, group) for item, group in zip(items, groups, strict=True)}
    found = Counter(category or "(none)" for category, _ in pairs)
    shown = ", ".join(f"{name!r} {n}" for name, n in found.most_common(8))
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return (
        f"want at least two categories with {MIN_GROUPS} groups of items each to learn from (a group is "
        "a product with its variants), or one category with an attribute that photos show and that has "
        f"two values in as many groups; {len(items)} training items have these groups by category: "
        f"{shown}{more}. Add items, sort photos into a folder per category, or use a vision-language "
        "model, which learns nothing here"
    )


def _ranked(head: ChoiceHead | YesHeads, x: Features) -> list[tuple[Guess, ...]]:
    return [
        _sorted(Guess(value=v, probability=float(p)) for v, p in zip(head.values, row, strict=True))
        for row in head.predict(x)
    ]


def _sorted(guesses: Iterator[Guess]) -> tuple[Guess, ...]:
    return tuple(sorted(guesses, key=lambda g: -g.probability))

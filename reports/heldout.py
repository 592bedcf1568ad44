"""What was read from photos of held-out items, against what their catalogue says: with intervals and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.metrics import (
    ClassificationScores,
    RegressionScores,
    classification_scores,
    regression_scores,
)
from workbench.records import Generation, Item
from workbench.store import group_of

_FEWEST = 10
"""An attribute that fewer held-out items have is not scored."""
CATEGORY = "Category"
TYPE = "Type"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow:
    """One attribute over the held-out items whose catalogue says something of it."""

    name: str
    items: int
    groups: int
    values: int
    """Different true values."""
    best_guess: ClassificationScores | None
    """The most probable value, stated or not; None where there is not one for every photo."""
    no_guess: str
    """In words: why there is no best guess; empty where there is one."""
    stated: ClassificationScores
    """What the listing states; a listing that does not state it counts as wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """All that was scored."""

    items: int
    groups: int
    trained_on: int
    """Training items, whose majority and mean are the baselines."""
    attributes: tuple[AttributeRow, ...]
    """Type and category first, then by how many items have it."""
    price: RegressionScores | None
    """None where too few items have a price, or listings have none."""
    currency: str | None


def score_held_out(
    generations: Sequence[Generation], items: Mapping[str, Item], training: Sequence[Item]
) -> HeldOut:
    """Score listings of held-out items.

    Truth is the item's own where it was drawn (`Item.truth`), else its catalogue's; an attribute with
    several values at once is not scored here. Rows that share a group (a parent product) are not
    independent: intervals are by group.

    Args:
        generations: Listings of held-out items.
        items: By id.
        training: The training part; may be empty, then there is no baseline.
    """
    rows = [(g, items[g.item]) for g in generations if g.item is not None and g.item in items]
    names: dict[str, int] = {}
    for _, item in rows:
        for name in truth(item):
            names[name] = names.get(name, 0) + 1
    scored = [
        _score(name, rows, training)
        for name in sorted(names, key=lambda n: (n != TYPE, n != CATEGORY, -names[n], n))
        if names[name] >= _FEWEST
    ]
    currencies = {item.currency for _, item in rows if item.currency}
    return HeldOut(
        items=len(rows),
        groups=len({group_of(i) for _, i in rows}),
        trained_on=len(training),
        attributes=tuple(row for row in scored if row is not None),
        price=_score_price(rows, training),
        currency=currencies.pop() if len(currencies) == 1 else None,
    )


def truth(item: Item) -> dict[str, str]:
    """Attribute to the one value that is known of the item; type and category are attributes too."""
    known = dict(item.truth) or {n: v[0] for n, v in item.aspects.items() if len(v) == 1}
    return known | _kinds(item.category)


def _kinds(category: str) -> dict[str, str]:
    """The type is the last step of a category's id; the category itself says more where it has several."""
    if not category:
        return {}
    last = category.rsplit("/", 1)[-1]
    return {TYPE: last} if last == category else {TYPE: last, CATEGORY: category}


def _guesses(generation: Generation) -> dict[str, str] | None:
    """The most probable value of every attribute; None where the generation carries no probabilities."""
    category, aspects = generation.details.get("category"), generation.details.get("aspects")
    if not isinstance(category, list) or not isinstance(aspects, dict) or not category:
        return None
    best = {name: str(guesses[0][0]) for name, guesses in aspects.items() if guesses}
    return best | _kinds(str(category[0][0]))


def _stated(generation: Generation) -> dict[str, str]:
    listing = generation.listing
    if listing is None:
        return {}
    aspects = {name: values[0] for name, values in listing.aspects.items() if len(values) == 1}
    return aspects | _kinds(listing.category or "")


def _score(
    name: str, rows: Sequence[tuple[Generation, Item]], training: Sequence[Item]
) -> AttributeRow | None:
    kept = [(g, i) for g, i in rows if name in truth(i)]
    true = [truth(i)[name] for _, i in kept]
    values = len(set(true))
    guessed = [_guesses(g) for g, _ in kept]
    stated = [_stated(g).get(name) for g, _ in kept]
    answered = any(s is not None for s in stated) or any(g and name in g for g in guessed)
    if values < 2 or not answered:
        return None
    groups = [group_of(i) for _, i in kept]
    known = [t[name] for i in training if name in (t := truth(i))]
    why = _why_no_guess(name, guessed)
    best = None
    if not why:
        best = classification_scores(
            [g[name] for g in guessed if g], true, training=known, groups=groups
        )
    return AttributeRow(
        name=name,
        items=len(kept),
        groups=len(set(groups)),
        values=values,
        best_guess=best,
        no_guess=why,
        stated=classification_scores(stated, true, training=known, groups=groups),
    )


def _why_no_guess(name: str, guessed: Sequence[Mapping[str, str] | None]) -> str:
    """Empty where every photo has a guess."""
    if any(g is None for g in guessed):
        return "the model gives no probabilities"
    photos = sum(1 for g in guessed if g and name in g)
    if photos == len(guessed):
        return ""
    if photos:
        return f"guessed for {photos} of {len(guessed)} photos only"
    return "too few photos of each value to learn"


def _score_price(
    rows: Sequence[tuple[Generation, Item]], training: Sequence[Item]
) -> RegressionScores | None:
    kept = [
        (g.listing.price, i.price, group_of(i))
        for g, i in rows
        if g.listing is not None and g.listing.price is not None and i.price is not None
    ]
    known = [i.price for i in training if i.price is not None]
    if len(kept) < _FEWEST or not known:
        return None
    predicted, true, groups = zip(*kept, strict=True)
    return regression_scores(list(predicted), list(true), training=known, groups=list(groups))

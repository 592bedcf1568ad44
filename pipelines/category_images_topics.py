"""Which items stand for what: categories and themes, and of each the popular items that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipelines.category_images_parts import Topic
from pipelines.learning import load_photo
from workbench.errors import CatalogError
from workbench.metrics.claims import title_claims
from workbench.models.encoder import PhotoEncoder
from workbench.models.text_encoder import TextEncoder
from workbench.prompting import Theme, items_of, popular_items, rate_items
from workbench.records import Aspects, Item
from workbench.schema import Schema, folded
from workbench.settings import read_settings

if TYPE_CHECKING:
    from workbench.store import Store

Likeness = Literal["words", "embeddings"]
"""How alike items are: by the words of their titles and aspects, or by embeddings of texts and photos."""


_NAMED = 5
"""Themes that a message names at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A category or theme with all of its items; a theme may have none."""

    id: str
    name: str
    items: tuple[Item, ...]
    aspects: Aspects = field(default_factory=dict)
    """What a theme asks for."""


def find_groups(
    items: Sequence[Item],
    schema: Schema,
    *,
    categories: Sequence[str],
    themes: Sequence[Theme],
) -> list[Group]:
    """Categories and themes with all of their items; themes may have none.

    Args:
        items: Of the catalogue.
        schema: For the categories' names.
        categories: Ids, or beginnings of paths; empty: all, unless there are themes.
        themes: Queries over items.

    Raises:
        CatalogError: A category has no items, nothing has, or two topics would be kept under one id.
    """
    by_category: dict[str, list[Item]] = {}
    for item in items:
        by_category.setdefault(item.category, []).append(item)
    every = not categories and not themes
    chosen = [
        c
        for c in sorted(by_category)
        if c and (every or any(c == w or c.startswith(f"{w}/") for w in categories))
    ]
    missing = [w for w in categories if not any(c == w or c.startswith(f"{w}/") for c in chosen)]
    if missing:
        raise CatalogError(
            f"want categories that the catalogue has items of, got {missing[0]!r}; there are: "
            f"{', '.join(sorted(by_category)[:12])}"
        )
    groups = [
        Group(
            id=c,
            name=schema.categories[c].name if c in schema.categories else c,
            items=tuple(by_category[c]),
        )
        for c in chosen
    ]
    groups += [
        Group(id=t.id, name=t.name, items=tuple(items_of(t, items)), aspects=t.aspects)
        for t in themes
    ]
    if doubled := [one for one, n in Counter(g.id for g in groups).items() if n > 1]:
        named = " and ".join(repr(g.name) for g in groups if g.id == doubled[0])
        raise CatalogError(
            f"want topics that can be told apart, but {named} are both kept as {doubled[0]!r}: give a theme another name"
        )
    if not any(g.items for g in groups):
        raise CatalogError(_nothing_to_show(len(items), [theme.name for theme in themes]))
    return groups


def _nothing_to_show(items: int, themes: Sequence[str]) -> str:
    if not themes:
        return f"want items of a category to make pictures of, but none of {items} items has a category"
    named = ", ".join(repr(name) for name in themes[:_NAMED])
    more = f" and {len(themes) - _NAMED} more" if len(themes) > _NAMED else ""
    return (
        f"want items of a theme to make pictures of, but none of {items} items fits {named}{more}; "
        "ask for less in the file of themes"
    )


def choose_topics(
    store: Store,
    items: Sequence[Item],
    groups: Sequence[Group],
    schema: Schema,
    *,
    count: int,
    diversity: float,
    likeness: Likeness,
) -> Iterator[Topic]:
    """Each group that has items with those that stand for it, as they are asked for.

    Args:
        store: Holds the photos.
        items: Of the whole catalogue: small categories learn from large ones what is popular.
        groups: From `find_groups`.
        schema: Says what titles claim.
        count: Items of each topic.
        diversity: 0: popularity alone; 1: items as unlike each other as can be.
        likeness: How alike items are.
    """
    rates = rate_items(items)
    cache = read_settings().cache
    by_vectors = likeness == "embeddings"
    texts = TextEncoder(cache=cache) if by_vectors else None
    photos = PhotoEncoder(cache=cache) if by_vectors else None
    for group in groups:
        chosen = popular_items(
            group.items,
            count=count,
            diversity=diversity,
            rates=rates,
            text_encoder=texts,
            photo_encoder=photos,
            load_photo=lambda address: load_photo(store, address),
        )
        if chosen:
            own = sorted((c.item for c in chosen), key=lambda i: _contradicts(i, group, schema))
            yield Topic(id=group.id, name=group.name, items=tuple(own), aspects=group.aspects)


def _contradicts(item: Item, group: Group, schema: Schema) -> bool:
    """Whether an item's title says otherwise than the theme that its aspects fit: it leads last."""
    category = schema.categories.get(item.category)
    if category is None or not group.aspects:
        return False
    claimed = title_claims(item.title or "", category, schema).values
    asked = {folded(name): {folded(v) for v in values} for name, values in group.aspects.items()}
    return any(
        folded(name) in asked and not asked[folded(name)] & {folded(v) for v in values}
        for name, values in claimed.items()
    )

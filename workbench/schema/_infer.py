"""A schema read off a catalogue that has none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from workbench.records import Item
from workbench.schema._records import Attribute, Category, Schema, Visible
from workbench.schema._words import folded


def infer_schema(
    items: Iterable[Item],
    *,
    name: str,
    version: str = "1",
    max_values: int = 30,
    required_share: float = 0.95,
    visible: Callable[[str], Visible] = lambda _: "sometimes",
) -> Schema:
    """The schema that `items` keep to: attributes seen per category, closed where values repeat.

    An attribute of a category is closed (its values are enumerated) where at most `max_values`
    different ones were seen, each twice on average; else it allows any text. Spellings that differ
    in case or hyphens only are one value, written as most items write it.

    Args:
        items: From one catalogue. Items without a category are left out.
        name: Of the schema.
        version: Of the schema.
        max_values: Most values that an attribute with enumerated values has.
        required_share: Attributes that at least this share (0 to 1) of a category's items state are
            required.
        visible: Attribute name to whether photos show it, such as `catalog.visibility.visibility`;
            without it every attribute is `sometimes`.
    """
    sizes: Counter[str] = Counter()
    # category -> attribute as folded -> spelling of its name, then of each value, counted
    names: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    values: dict[str, dict[str, dict[str, Counter[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(Counter))
    )
    several: set[tuple[str, str]] = set()
    for item in items:
        if not item.category:
            continue
        sizes[item.category] += 1
        for aspect, said in item.aspects.items():
            key = folded(aspect)
            names[item.category][key][aspect] += 1
            if len(said) > 1:
                several.add((item.category, key))
            for value in said:
                if folded(value):
                    values[item.category][key][folded(value)][value] += 1
    categories: dict[str, Category] = {}
    for category, size in sorted(sizes.items()):
        attributes: list[Attribute] = []
        for key, spelled in sorted(names[category].items()):
            seen = values[category][key]
            closed = 0 < len(seen) <= max_values and _times(seen) >= 2 * len(seen)
            attributes.append(
                Attribute(
                    name=(shown := _most(spelled)),
                    values=tuple(sorted(_most(one) for one in seen.values())) if closed else (),
                    visible=visible(shown),
                    multiple=(category, key) in several,
                    required=spelled.total() >= required_share * size,
                )
            )
        path = tuple(step for step in category.split("/") if step) or (category,)
        categories[category] = Category(
            id=category, name=path[-1], path=path, attributes=tuple(attributes)
        )
    return Schema(name=name, version=version, categories=categories)


def _most(spelled: Counter[str]) -> str:
    """The commonest spelling; of equally common ones the first in the alphabet."""
    return min(spelled, key=lambda word: (-spelled[word], word))


def _times(seen: dict[str, Counter[str]]) -> int:
    return sum(one.total() for one in seen.values())

"""Themes: named queries over items, read from a file, so that `summer dresses` can have a picture too."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench._yaml import Issue, UnreadableError, nearest, problems, read, sentence
from workbench.errors import CatalogError
from workbench.prompting._words import folded_words
from workbench.records import Aspects, Item
from workbench.schema import Schema, folded, same_word

if TYPE_CHECKING:
    from pydantic import BaseModel

_CONDITIONS: Mapping[str, object] = {
    "categories": [],
    "aspects": {},
    "title": [],
    "title_any": [],
    "price": {},
}
"""The parts of a theme, each as it asks for nothing."""
_OFF_LINE = ("Cc", "Zl", "Zp")
"""Unicode's categories of control characters and of ends of lines."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that turn the direction of what follows, beyond the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """A named query: an item belongs to it where every part that is given holds."""

    name: str
    """In words, as it stands in a prompt: `Summer dresses`."""
    categories: tuple[str, ...] = ()
    """Ids of categories, of which it has one; a step of a path (`Women`) holds all below it. Empty: any."""
    aspects: Aspects = field(default_factory=dict)
    """Aspect to the values of which it has one, case, hyphens and plural aside; all aspects hold."""
    title: tuple[str, ...] = ()
    """Words that the title has, all of them, in any order; case and plural aside."""
    title_any: tuple[str, ...] = ()
    """Words of which the title has one."""
    price_from: float | None = None
    """Lowest price, included; an item without a price is then out."""
    price_to: float | None = None
    """Highest price, included."""

    @property
    def id(self) -> str:
        """`theme:summer-dresses`: what its generations carry as category; letters of all languages stay."""
        return f"theme:{_slug(self.name)}"

    def holds(self, item: Item) -> bool:
        """Whether `item` belongs to it."""
        if self.categories and not any(_within(item.category, c) for c in self.categories):
            return False
        if not all(_has_value(item, name, values) for name, values in self.aspects.items()):
            return False
        said = {same_word(w) for w in folded_words(item.title or "")}
        if not all(same_word(w) in said for word in self.title for w in folded_words(word)):
            return False
        if self.title_any and not any(
            all(same_word(w) in said for w in folded_words(word)) for word in self.title_any
        ):
            return False
        low, high = self.price_from, self.price_to
        if low is None and high is None:
            return True
        return item.price is not None and (
            (low is None or item.price >= low) and (high is None or item.price <= high)
        )


def items_of(theme: Theme, items: Iterable[Item]) -> list[Item]:
    """The items that belong to `theme`, in order."""
    return [item for item in items if theme.holds(item)]


def load_themes(path: Path, *, schema: Schema | None = None) -> tuple[Theme, ...]:
    """Read a file of themes.

        themes:
          - name: Summer dresses
            categories: [dress]
            aspects: {Pattern: [Floral, Striped]}
            title_any: [summer, beach]
            price: {from: 10, to: 60}

    Args:
        path: A YAML file.
        schema: Whose categories and attributes the file's names have to be among; None: any are allowed.

    Raises:
        CatalogError: The file cannot be read or is wrong; the message names every problem with its line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"want a YAML file of themes, got {str(path)!r}: {error}") from error
    return parse_themes(text, where=str(path), schema=schema)


def parse_themes(
    text: str, *, where: str = "themes", schema: Schema | None = None
) -> tuple[Theme, ...]:
    """Like `load_themes`, for a text; `where` names it in messages."""
    try:
        document = read(text, where=where)
    except UnreadableError as error:
        raise CatalogError(str(error)) from error
    found = problems(
        document,
        _shape(),
        where=where,
        contradictions=list(_contradictions(document.data, schema)),
    )
    if found:
        raise CatalogError(sentence("The themes", found))
    return tuple(_theme(one) for one in document.data["themes"])


def _shape() -> type[BaseModel]:
    from pydantic import BaseModel, ConfigDict, Field

    class Part(BaseModel):
        model_config = ConfigDict(extra="forbid")

    class Price(Part):
        low: float | None = Field(default=None, alias="from", ge=0, strict=True)
        to: float | None = Field(default=None, ge=0, strict=True)

    class One(Part):
        name: str
        categories: list[str] = Field(default_factory=list)
        aspects: dict[str, list[str] | str] = Field(default_factory=dict)
        title: list[str] = Field(default_factory=list)
        title_any: list[str] = Field(default_factory=list)
        price: Price = Price()

    class File(Part):
        themes: list[One] = Field(min_length=1)

    return File


def _theme(data: Mapping[str, object]) -> Theme:
    price: Mapping[str, float] = data.get("price") or {}  # type: ignore[assignment]
    aspects: Mapping[str, object] = data.get("aspects") or {}  # type: ignore[assignment]
    return Theme(
        name=str(data["name"]),
        categories=tuple(data.get("categories") or ()),  # type: ignore[arg-type]
        aspects={
            name: (values,) if isinstance(values, str) else tuple(values)  # type: ignore[arg-type]
            for name, values in aspects.items()
        },
        title=tuple(data.get("title") or ()),  # type: ignore[arg-type]
        title_any=tuple(data.get("title_any") or ()),  # type: ignore[arg-type]
        price_from=price.get("from"),
        price_to=price.get("to"),
    )


def _contradictions(data: Mapping[str, object], schema: Schema | None) -> Iterable[Issue]:
    """What no shape tells: names that stand twice, conditions that say nothing, names that the schema lacks."""
    themes = data.get("themes")
    ids: dict[str, tuple[int, str]] = {}
    for k, one in enumerate(themes if isinstance(themes, list) else []):
        if not isinstance(one, Mapping):
            continue
        if isinstance(name := one.get("name"), str):
            yield from _name_issues(name, k, ids)
        if not set(one) - {"name"}:
            yield Issue(place=("themes", k), message=f"a theme needs at least one of {', '.join(_CONDITIONS)}")  # fmt: skip
        yield from _empty(one, k)
        if isinstance(price := one.get("price"), Mapping):
            yield from _price_issues(price, k)
        if schema is not None:
            yield from _unknown(one, k, schema)


def _name_issues(name: str, k: int, ids: dict[str, tuple[int, str]]) -> Iterable[Issue]:
    place = ("themes", k, "name")
    if any(unicodedata.category(sign) in _OFF_LINE or sign in _TURNING for sign in name):
        yield Issue(
            place=place,
            message=f"want a name on one line, without signs that turn its direction, got {name!r}",
        )
        return
    slug = _slug(name)
    if not slug:
        yield Issue(place=place, message=f"want a name with a letter or a digit, got {name!r}")
        return
    first, said = ids.setdefault(slug, (k, name))
    if first != k:
        yield Issue(
            place=place,
            message=f"{name!r} and themes[{first}], {said!r}, would both have the id 'theme:{slug}'; "
            "give one of them a name that differs in a letter or a digit",
        )


def _empty(one: Mapping[str, object], k: int) -> Iterable[Issue]:
    """Conditions that are written down and yet ask for nothing."""
    for key, empty in _CONDITIONS.items():
        value = one.get(key)
        if value == empty:
            yield Issue(place=("themes", k, key), message=_asks_nothing(value))
        elif key in ("title", "title_any") and isinstance(value, list):
            for j, word in enumerate(value):
                if isinstance(word, str) and not folded_words(word):
                    message = f"want a word or a number, got {word!r}, which any title holds"
                    yield Issue(place=("themes", k, key, j), message=message)
    aspects = one.get("aspects")
    for name, values in aspects.items() if isinstance(aspects, Mapping) else ():
        if values == []:
            message = "want at least one value, got []"
            yield Issue(place=("themes", k, "aspects", name), message=message)


def _asks_nothing(value: object) -> str:
    return f"this holds for every item, got {value!r}; fill it in or leave it out"


def _price_issues(price: Mapping[str, object], k: int) -> Iterable[Issue]:
    ends = {key: price.get(key) for key in ("from", "to")}
    place = ("themes", k, "price")
    if price and set(price) <= set(ends) and all(end is None for end in ends.values()):
        yield Issue(place=place, message=_asks_nothing(price))
    for key, end in ends.items():
        if end == math.inf:
            yield Issue(place=(*place, key), message=f"want a finite number, got {end!r}; leave `{key}` out where prices have no such limit")  # fmt: skip
    low, high = ends.values()
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        yield Issue(place=place, message=f"want `from` up to `to`, got {low!r} and {high!r}")


def _unknown(one: Mapping[str, object], k: int, schema: Schema) -> Iterable[Issue]:
    categories, aspects = one.get("categories"), one.get("aspects")
    for j, wanted in enumerate(categories if isinstance(categories, list) else []):
        if not any(_within(known, str(wanted)) for known in schema.categories):
            yield Issue(
                place=("themes", k, "categories", j),
                message=f"no such category: {wanted!r}{nearest(wanted, schema.categories)}",
            )
    names = {a.name for c in schema.categories.values() for a in c.attributes}
    for name in aspects if isinstance(aspects, Mapping) else ():
        if folded(str(name)) not in {folded(n) for n in names}:
            yield Issue(
                place=("themes", k, "aspects", name),
                message=f"no such aspect{nearest(name, names)}",
            )


def _slug(name: str) -> str:
    """Letters and digits of any language, and the marks upon them, with `-` between words."""
    whole = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    slug = ""
    for sign in whole:
        if sign.isalnum() or (slug[-1:] not in ("", "-") and unicodedata.category(sign)[0] == "M"):
            slug += sign
        elif slug[-1:] not in ("", "-"):
            slug += "-"
    return slug.strip("-")


def _within(category: str, wanted: str) -> bool:
    return category == wanted or category.startswith(f"{wanted}/")


def _has_value(item: Item, name: str, values: Iterable[str]) -> bool:
    wanted = {same_word(v) for v in values}
    return any(
        folded(own) == folded(name) and any(same_word(v) in wanted for v in said)
        for own, said in item.aspects.items()
    )

"""Words about a product: clean ones from its truth, and those that a hurried seller types."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.catalog.drawing.kinds import KINDS
from workbench.catalog.drawing.palette import COLORS
from workbench.catalog.drawing.product import DrawnProduct, pick
from workbench.catalog.drawing.scenes import PhotoStyle
from workbench.catalog.drawing.vocabulary import (
    COLOR_WORDS,
    PATTERN_WORDS,
    UNTELLABLE,
    drawn_schema,
)
from workbench.records import Aspects, Listing

# How often a seller's title …
TITLE_LEAVES_OUT_COLOR = 0.22
TITLE_NAMES_WRONG_COLOR = 0.05
TITLE_NAMES_BRAND = 0.55
TITLE_NAMES_SIZE = 0.50
TITLE_NAMES_MODEL = 0.22
TITLE_NAMES_CONDITION = 0.40
TITLE_NAMES_DEPARTMENT = 0.35
TITLE_NAMES_PATTERN = 0.70
TITLE_NAMES_DETAIL = 0.45
TITLE_NAMES_MATERIAL = 0.40
TITLE_USES_OTHER_WORDS = 0.30
TITLE_ADVERTISES = 0.45
TITLE_SHOUTS_A_WORD = 0.30
TITLE_SHOUTS = 0.10
TITLE_IS_LOWER_CASE = 0.14
TITLE_HAS_A_TYPO = 0.10
TITLE_EXCLAIMS = 0.16

# How often, per aspect, a seller …
ASPECT_MISSING = 0.26
ASPECT_WRONG = 0.09
ASPECT_RENAMED = 0.14
ASPECT_IN_OTHER_WORDS = 0.18
ASPECT_IN_ODD_CASE = 0.18
ASPECT_TWICE = 0.05
# … and, per listing, adds keys that the category does not know.
LISTING_HAS_FOREIGN_KEYS = 0.50

_ADVERTS = (
    "free ship", "L@@K", "HOT SALE", "fast shipping", "must have", "best price", "NEW ARRIVAL", "great deal",
    "gift idea", "RARE", "50% OFF", "trending",
)  # fmt: skip
_SHORT: Mapping[str, tuple[str, ...]] = {
    "New with tags": ("NWT", "brand new", "new w/ tags"),
    "New without tags": ("NWOT", "new"),
    "Pre-owned": ("pre-owned", "used", "EUC", "GUC"),
    "Vintage": ("VINTAGE", "vtg", "retro"),
}
_FOR: Mapping[str, str] = {"Women": "Womens", "Men": "Mens"}
_RENAMED: Mapping[str, tuple[str, ...]] = {
    "Color": ("Colour", "Main Color", "colors"),
    "Pattern": ("Print", "Design"),
    "Material": ("Fabric", "Made Of"),
    "Size": ("Sz", "size (US)"),
    "Brand": ("Maker", "Label"),
    "Department": ("Dept", "Gender"),
    "Model": ("MPN", "Style Code"),
    "Condition": ("Cond.",),
}
_FOREIGN: Mapping[str, tuple[str, ...]] = {
    "Season": ("All Seasons", "Summer", "Winter"),
    "Occasion": ("Casual", "Party", "Everyday"),
    "Country of Origin": ("Unknown", "Portugal", "Vietnam"),
    "Theme": ("90s", "Classic", "Boho"),
    "Shipping": ("Same day", "Free"),
    "Handmade": ("No", "Yes"),
}
_WORDS_FOR: Mapping[str, tuple[str, ...]] = {
    value: tuple(word for word, meant in {**COLOR_WORDS, **PATTERN_WORDS}.items() if meant == value)
    for value in {*COLOR_WORDS.values(), *PATTERN_WORDS.values()}
}


def seen_aspects(product: DrawnProduct) -> dict[str, str]:
    """The true aspects that a photo of `product` can show, in the order of the schema."""
    category = drawn_schema().categories[product.kind]
    visible = {one.name for one in category.attributes if one.visible != "no"}
    return {
        name: value
        for name, value in product.aspects.items()
        if name in visible and not (name == "Material" and value in UNTELLABLE)
    }


def clean_title(product: DrawnProduct) -> str:
    """A title that claims only what a photo can show: `Red Striped Linen V-Neck T-Shirt`."""
    words = [product.color]
    if product.pattern != "Solid":
        words.append(product.pattern)
    if product.material not in UNTELLABLE:
        words.append(product.material)
    if product.details:
        name, value = product.details[0]
        if not value.startswith("No "):
            words.append(f"{value} Skirt" if name == "Skirt Length" else value)
    name = KINDS[product.kind].name
    if words[-1].split()[-1] != name.split()[-1]:
        words.append(name)
    return " ".join(words)


def clean_listing(product: DrawnProduct) -> Listing:
    """The listing that the photos support: clean title, the aspects that can be seen, the price."""
    aspects = {name: (value,) for name, value in seen_aspects(product).items()}
    return Listing(
        title=clean_title(product), aspects=aspects, price=product.price, category=product.kind
    )


def subject(product: DrawnProduct) -> str:
    """The product as an image prompt names it: `red striped linen t-shirt with v-neck, short sleeve`."""
    pattern = "" if product.pattern == "Solid" else f"{product.pattern} "
    details = ", ".join(value for _, value in product.details)
    head = f"{product.color} {pattern}{product.material} {KINDS[product.kind].name}"
    return f"{head} with {details}".lower()


def image_prompt(product: DrawnProduct, style: PhotoStyle | None = None) -> str:
    """The prompt of a photo of `product`: subject, background, light, composition."""
    style = style or PhotoStyle()
    named = subject(product)
    article = "an" if named[0] in "aeiou" else "a"
    return (
        f"product photo of {article} {named}, {style.background} background, {style.light}, "
        f"{style.composition}"
    )


def seller_title(product: DrawnProduct, rng: np.random.Generator) -> str:
    """A title as sellers type them: some of the truth, in any order of importance, and noise."""

    def often(rate: float) -> bool:
        return bool(rng.random() < rate)

    kind = KINDS[product.kind]
    words: list[str] = []
    if often(TITLE_NAMES_CONDITION):
        words.append(pick(_SHORT[product.condition], rng))
    if often(TITLE_NAMES_BRAND) and product.brand != "Unbranded":
        words.append(product.brand)
    if often(TITLE_NAMES_DEPARTMENT) and product.department in _FOR:
        words.append(_FOR[product.department])
    if not often(TITLE_LEAVES_OUT_COLOR):
        others = [color for color in COLORS if color != product.color]
        wrong = often(TITLE_NAMES_WRONG_COLOR)
        words.append(_said(pick(others, rng) if wrong else product.color, rng))
    if product.pattern != "Solid" and often(TITLE_NAMES_PATTERN):
        words.append(_said(product.pattern, rng))
    if often(TITLE_NAMES_MATERIAL):
        words.append(product.material)
    if often(TITLE_NAMES_DETAIL):
        value = product.details[int(rng.integers(len(product.details)))][1]
        words.append(value)
    words.append(pick(kind.words, rng) if often(TITLE_USES_OTHER_WORDS) else kind.name)
    if often(TITLE_NAMES_SIZE):
        words.append(pick((f"Size {product.size}", f"Sz {product.size}", product.size), rng))
    if often(TITLE_NAMES_MODEL):
        words.append(product.model)
    if often(TITLE_ADVERTISES):
        words.insert(0 if often(0.35) else len(words), pick(_ADVERTS, rng))
    return _typed(words, rng)


def _typed(words: list[str], rng: np.random.Generator) -> str:
    """`words` as a hurried hand types them."""
    shout, typo, exclaim, loud, quiet = rng.random(5)
    if shout < TITLE_SHOUTS_A_WORD:
        chosen = int(rng.integers(len(words)))
        words[chosen] = words[chosen].upper()
    title = " ".join(words)
    if typo < TITLE_HAS_A_TYPO:
        title = _mistyped(title, rng)
    if exclaim < TITLE_EXCLAIMS:
        title += "!!"
    if loud < TITLE_SHOUTS:
        return title.upper()
    return title.lower() if quiet < TITLE_IS_LOWER_CASE else title


def seller_aspects(product: DrawnProduct, rng: np.random.Generator) -> Aspects:
    """Aspects as sellers fill them in: partly missing, partly wrong, partly under other names."""
    said: dict[str, tuple[str, ...]] = {}
    category = drawn_schema().categories[product.kind]
    for name, true in product.aspects.items():
        missing, wrong, renamed, reworded, cased, twice = rng.random(6)
        if missing < ASPECT_MISSING:
            continue
        key, value = name, true
        attribute = category.attribute(name)
        if wrong < ASPECT_WRONG and attribute is not None and len(attribute.values) > 1:
            value = pick([v for v in attribute.values if v != true], rng)
        if reworded < ASPECT_IN_OTHER_WORDS:
            value = pick((*_WORDS_FOR.get(value, ()), value), rng)
        if cased < ASPECT_IN_ODD_CASE:
            value = value.upper() if cased < ASPECT_IN_ODD_CASE / 2 else value.lower()
        if renamed < ASPECT_RENAMED and name in _RENAMED:
            key = pick(_RENAMED[name], rng)
        said[key] = (value, true) if twice < ASPECT_TWICE else (value,)
    if rng.random() < LISTING_HAS_FOREIGN_KEYS:
        for name in list(_FOREIGN)[int(rng.integers(3)) :][: int(rng.integers(1, 4))]:
            said[name] = (pick(_FOREIGN[name], rng),)
    order = rng.permutation(len(said))
    names = list(said)
    return {names[int(i)]: said[names[int(i)]] for i in order}


def _said(value: str, rng: np.random.Generator) -> str:
    """`value`, now and then in another word."""
    if rng.random() < TITLE_USES_OTHER_WORDS and _WORDS_FOR.get(value):
        return pick(_WORDS_FOR[value], rng)
    return value.lower() if rng.random() < 0.5 else value


def _mistyped(title: str, rng: np.random.Generator) -> str:
    """Two neighbouring letters change places."""
    spots = [i for i in range(len(title) - 1) if title[i].isalpha() and title[i + 1].isalpha()]
    if not spots:
        return title
    i = spots[int(rng.integers(len(spots)))]
    return title[:i] + title[i + 1] + title[i] + title[i + 2 :]

"""Pictures of drawn products with the words that people would ask for them in: what `starter:image` learns from.

Some pictures have a flaw. Three in four captions of such a picture name it, the others are silent, as
the web's captions are: so a model that learned from them makes flaws on its own at about the rate of
the silent ones, makes them when asked, and leaves them out when a prompt asks for the opposite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.catalog.drawing.kinds import KINDS, Kind
from workbench.catalog.drawing.product import DrawnProduct, sample_product
from workbench.catalog.drawing.render import draw
from workbench.catalog.drawing.scenes import BACKGROUNDS, COMPOSITIONS, LIGHTS, PhotoStyle
from workbench.catalog.drawing.vocabulary import COLOR_WORDS, PATTERN_WORDS

if TYPE_CHECKING:
    from PIL.Image import Image

FLAW_WORDS: Mapping[str, tuple[str, ...]] = {
    "unexpected_person": ("with a person", "held by a hand", "with a hand in the picture", "worn by a model"),
    "distorted_object": ("distorted", "warped and melting", "deformed", "bent out of shape"),
    "wrong_style": ("cartoon drawing", "painting", "sketch", "illustration"),
    "blurred_or_incomplete": ("blurry", "out of focus", "blurred and unfinished", "low quality"),
    "dark_background": ("dark background", "dark shadowy background", "black background", "deep shadows"),
    "unexpected_element": ("with flowers and leaves", "cluttered", "with props around it", "other objects in the picture"),
    "text_overlay": ("with text", "with a watermark", "with a sale banner", "text overlay"),
}  # fmt: skip
"""Failure mode to the words that ask for it; also what a negative prompt names."""

OPPOSITES: Mapping[str, tuple[str, ...]] = {
    "unexpected_person": ("no people", "nobody in the picture", "no person", "no hands"),
    "distorted_object": ("undistorted", "correct proportions", "well formed", "true shape"),
    "wrong_style": ("realistic photograph", "professional product photography", "real photo", "studio photograph"),
    "blurred_or_incomplete": ("sharp focus", "crisp detail", "highly detailed", "high quality"),
    "dark_background": ("bright even background", "light background", "evenly lit", "bright background"),
    "unexpected_element": ("nothing else in the picture", "isolated", "no props", "only the product"),
    "text_overlay": ("no text", "no watermark", "free of text", "without text"),
    "wrong_color": ("true color", "exact color", "accurate color"),
    "wrong_product": ("exactly as described", "accurate", "true to the description"),
}  # fmt: skip
"""Failure mode to the words that ask for its opposite."""

FLAW_RATE = 0.10
"""How often a picture has each flaw that words can ask for."""
FLAW_NAMED = 0.4
"""How often the caption names a flaw that is there."""
OPPOSITE_NAMED = 0.3
"""How often the caption names the opposite of a flaw that is not there."""
WRONG_COLOR_RATE, WRONG_PRODUCT_RATE = 0.03, 0.02
"""How often a caption names another colour or kind than its picture shows."""

_OPENINGS = ("product photo of", "photo of", "a picture of", "image of", "category image of", "")
_LIGHT_WORDS: Mapping[str, tuple[str, ...]] = {
    "soft light": ("soft light", "soft lighting", "diffused light"),
    "warm light": ("warm light", "warm lighting"),
    "cool light": ("cool light", "cool lighting"),
    "hard light": ("hard light", "harsh light"),
    "dim light": ("dim light", "low light"),
}
_PLACE_WORDS: Mapping[str, tuple[str, ...]] = {
    "white studio": ("white studio background", "white background", "plain white background", "on white"),
    "grey studio": ("grey studio background", "grey background", "gray background"),
    "cream paper": ("cream paper background", "cream background", "beige paper background"),
}  # fmt: skip
_PLAIN_PLACES = frozenset(_PLACE_WORDS)
_PLACE_RATES = (0.40, 0.14, 0.12, 0.08, 0.07, 0.06, 0.06, 0.07)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one training picture shows."""

    product: DrawnProduct
    style: PhotoStyle
    flaws: tuple[str, ...]
    """Those that are drawn and that words can ask for."""
    seed: int
    """Of the picture."""


def sample_scene(seed: int) -> Scene:
    """A scene of the catalogue that the image model learns from, the same for the same `seed`."""
    rng = np.random.default_rng([seed, 77])
    kinds = tuple(KINDS)
    product = sample_product(
        (7_700_000, seed), kind=kinds[int(rng.integers(len(kinds)))], color=_any_color(rng)
    )
    light = str(rng.choice(tuple(LIGHTS), p=(0.6, 0.13, 0.09, 0.09, 0.09)))
    style = PhotoStyle(
        background=str(rng.choice(BACKGROUNDS, p=_PLACE_RATES)),
        light=light,
        composition=str(rng.choice(tuple(COMPOSITIONS), p=(0.7, 0.1, 0.1, 0.1))),
    )
    flaws = tuple(flaw for flaw in FLAW_WORDS if rng.random() < FLAW_RATE)
    return Scene(product=product, style=style, flaws=flaws, seed=seed)


def looks_like_a_studio(style: PhotoStyle) -> bool:
    """Whether `style` suits product photography: a plain background, and light that is neither hard nor dim."""
    return style.background in _PLAIN_PLACES and style.light not in {"hard light", "dim light"}


def picture_of(scene: Scene, side: int) -> Image:
    """The picture of `scene`, `side` pixels wide and high."""
    return draw(scene.product, size=side, style=scene.style, flaws=scene.flaws, seed=scene.seed)


def _any_color(rng: np.random.Generator) -> str:
    """Every colour as often as every other: a prompt may ask for any."""
    return _one_of(sorted(set(COLOR_WORDS.values())), rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A caption, and what it says of the product and its setting; None: nothing."""

    text: str
    kind: str
    color: str | None
    pattern: str | None
    details: tuple[str, ...]
    background: str | None
    light: str | None
    composition: str | None


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """What somebody who asks for `scene` might type; another one on every call."""
    return describe(scene, rng).text


def describe(scene: Scene, rng: np.random.Generator) -> Said:
    """A caption of `scene`, and what it says."""
    product, style = scene.product, scene.style
    subject = _subject(product, rng)
    setting = _setting(style, rng)
    phrases = [*filter(None, setting), *_remarks(scene, rng)]
    right_color = subject.color_words if subject.color == product.color else ""
    if right_color and rng.random() < OPPOSITE_NAMED:
        phrases.append(_one_of((*OPPOSITES["wrong_color"], f"{right_color} color"), rng))
    if subject.kind == product.kind and rng.random() < OPPOSITE_NAMED:
        name = KINDS[product.kind].name
        phrases.append(_one_of((*OPPOSITES["wrong_product"], f"one {name}"), rng))
    order = rng.permutation(len(phrases))
    opening = _one_of(_OPENINGS, rng)
    article = _one_of(("a ", ""), rng) if opening else ""
    head = f"{opening} {article}{subject.text}".strip()
    place, light, composition = setting
    return Said(
        text=", ".join([head, *(phrases[int(i)] for i in order)]).lower(),
        kind=subject.kind,
        color=subject.color,
        pattern=subject.pattern,
        details=subject.details,
        background=style.background if place else None,
        light=style.light if light else None,
        composition=style.composition if composition else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """The product in words."""

    text: str
    kind: str
    color: str | None
    color_words: str
    pattern: str | None
    details: tuple[str, ...]


def _subject(product: DrawnProduct, rng: np.random.Generator) -> _Subject:
    wrong_color, wrong_kind, names_color, names_pattern, names_material = rng.random(5)
    color, kind = product.color, product.kind
    if wrong_color < WRONG_COLOR_RATE:
        color = _other(color, sorted(set(COLOR_WORDS.values())), rng)
    if wrong_kind < WRONG_PRODUCT_RATE:
        kind = _other(kind, list(KINDS), rng)
    said = _in_words(color, COLOR_WORDS, rng) if names_color < 0.95 else ""
    words = [said]
    pattern = None
    if product.pattern == "Solid":
        if names_pattern < 0.3:
            words.append(_one_of(("plain", "solid", "solid color"), rng))
            pattern = product.pattern
    elif names_pattern < 0.9:
        words.append(_in_words(product.pattern, PATTERN_WORDS, rng))
        pattern = product.pattern
    if names_material < 0.5:
        words.append(product.material)
    words.append(_kind_words(KINDS[kind], rng))
    text = " ".join(word for word in words if word)
    details = tuple(value for _, value in product.details if rng.random() < 0.5)
    if kind != product.kind:
        details = ()
    if details:
        text += f" with {', '.join(details)}"
    return _Subject(
        text=text,
        kind=kind,
        color=color if said else None,
        color_words=said,
        pattern=pattern,
        details=details,
    )


def _setting(style: PhotoStyle, rng: np.random.Generator) -> tuple[str, str, str]:
    """Words for background, light and composition; empty where nothing is said."""
    names_place, names_light, names_composition = rng.random(3)
    place = _PLACE_WORDS.get(style.background, (f"{style.background} background",))
    return (
        _one_of(place, rng) if names_place < 0.75 else "",
        _one_of(_LIGHT_WORDS[style.light], rng) if names_light < 0.5 else "",
        style.composition if names_composition < 0.6 else "",
    )


def _remarks(scene: Scene, rng: np.random.Generator) -> list[str]:
    """What the caption says of flaws that are there, and of some that are not."""
    said = []
    for flaw, asking in FLAW_WORDS.items():
        there = flaw in scene.flaws
        if rng.random() < (FLAW_NAMED if there else OPPOSITE_NAMED):
            said.append(_one_of(asking if there else OPPOSITES[flaw], rng))
    return said


def words_for(part: str, value: str, rng: np.random.Generator) -> str:
    """Words that captions use for a value of a part of the scene, such as `white background`; in lower case."""
    if part == "kind":
        words = _kind_words(KINDS[value], rng)
    elif part == "color":
        words = _in_words(value, COLOR_WORDS, rng)
    elif part == "pattern":
        words = _in_words(value, PATTERN_WORDS, rng)
    elif part == "background":
        words = _one_of(_PLACE_WORDS.get(value, (f"{value} background",)), rng)
    elif part == "light":
        words = _one_of(_LIGHT_WORDS[value], rng)
    else:
        words = value
    return words.lower()


def _other(value: str, known: Sequence[str], rng: np.random.Generator) -> str:
    return _one_of([one for one in known if one != value], rng)


def _one_of(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _in_words(value: str, words: Mapping[str, str], rng: np.random.Generator) -> str:
    """`value`, in one case of four in another word for it."""
    others = [word for word, meant in words.items() if meant == value]
    if others and rng.random() < 0.25:
        return _one_of(others, rng)
    return value


def _kind_words(kind: Kind, rng: np.random.Generator) -> str:
    luck = rng.random()
    if luck < 0.62:
        return kind.name
    return kind.plural if luck < 0.78 else _one_of(kind.words, rng)

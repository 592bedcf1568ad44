"""Small questions that a rubric's large ones are made of: is the color the one asked for, is this aspect right?

A criterion's answer hangs on many comparisons at once, and one answer for all of them teaches each of them
little. Asked one by one, they teach what to compare with what; then the rubric's questions only have to put it
together. Beside each comparison stand its two sides (what is shown, what is asked for): a word out of many
teaches where to look much faster than a yes or no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.catalog.drawing.scenes import PhotoStyle
from workbench.catalog.drawn import KINDS, DrawnCatalog, DrawnEntry, seen_aspects
from workbench.judging import prompts
from workbench.judging.protocols import Subject
from workbench.models.starter.captions import FLAW_WORDS, Said, Scene, describe, sample_scene
from workbench.models.starter.data import Example, drawn_items
from workbench.models.starter.questions import (
    IMAGE_RUBRIC,
    LISTING_RUBRIC,
    generation_of,
    picture,
    some_context,
    some_listing,
)
from workbench.records import Aspects
from workbench.rubric import load_rubric
from workbench.schema import Category

ASKED = "Is the {part} the one that the prompt asks for?"
IN_IMAGE = "Which {part} does the image show?"
IN_PROMPT = "Which {part} does the prompt ask for?"
UNSAID = "none"
SHOWN = "Is this in the image: {flaw}?"
STATED = "Is this aspect right: {name}?"
IN_PHOTOS = "Which {name} do the photos show?"
HIDDEN = "cannot be seen"
_PARTS = ("kind", "color", "pattern", "background", "light", "composition")
_PARTS_EACH = 3
"""Parts that each prompt is asked about."""


def lines() -> tuple[str, ...]:
    """The questions that stand as they are, whatever is asked about."""
    flaws = (SHOWN.format(flaw=words[0]) for words in FLAW_WORDS.values())
    about = (line.format(part=part) for line in (ASKED, IN_IMAGE, IN_PROMPT) for part in _PARTS)
    return (*about, *flaws)


def small_picture_questions(
    scenes: Sequence[Scene], seed: int, *, prompts_each: int
) -> list[Example]:
    """About each scene by each of its prompts; pictures are numbered as the scenes are."""
    rubric = load_rubric(IMAGE_RUBRIC)
    rng = np.random.default_rng([seed, 13])
    examples = []
    for number, scene in enumerate(scenes):
        for place in range(prompts_each):
            said = _mixed_prompt(scene, rng)
            generation = generation_of("image", prompt=said.text)
            context = some_context(Subject(generation=generation, image=picture()), rubric, rng)
            asked = list(_compared(said, scene, rng.choice(_PARTS, _PARTS_EACH, replace=False)))
            if place == 0:
                asked += [*_shown(scene), *_flaws(scene)]
            examples += [
                Example(photos=(number,), shared=context, question=question, answer=answer)
                for question, answer in asked
            ]
    return examples


def small_listing_questions(
    catalog: DrawnCatalog, seed: int, *, first: int, each: int
) -> list[Example]:
    """About every aspect of `each` listings of each item; photos are numbered from `first` on."""
    rubric = load_rubric(LISTING_RUBRIC)
    rng = np.random.default_rng([seed, 14])
    examples = []
    for item, entry in zip(drawn_items(catalog), catalog.entries, strict=True):
        photos = tuple(range(first, first + len(entry.styles)))
        category = catalog.schema.category(item.category)
        for _ in range(each):
            listing = some_listing(item, entry, catalog, rng)
            generation = generation_of("listing", category=item.category, listing=listing)
            subject = Subject(generation=generation, photos=(picture(),) * len(photos))
            context = some_context(subject, rubric, rng)
            examples += [
                Example(photos=photos, shared=context, question=question, answer=answer)
                for question, answer in _aspects(listing.aspects, entry, category)
            ]
        first += len(photos)
    return examples


def _mixed_prompt(scene: Scene, rng: np.random.Generator) -> Said:
    """A prompt that asks for each part of `scene` or of another one, as a coin falls."""
    other = sample_scene(int(rng.integers(2**31)))
    coins = iter(rng.random(len(_PARTS)) < 0.5)
    product = other.product if next(coins) else scene.product
    product = replace(
        product,
        color=(other if next(coins) else scene).product.color,
        pattern=(other if next(coins) else scene).product.pattern,
    )
    style = PhotoStyle(
        background=(other if next(coins) else scene).style.background,
        light=(other if next(coins) else scene).style.light,
        composition=(other if next(coins) else scene).style.composition,
    )
    return describe(replace(scene, product=product, style=style, flaws=()), rng)


def _compared(said: Said, scene: Scene, parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    there = _parts(scene)
    for part in parts:
        shown, wanted = there[part], getattr(said, part)
        yield IN_PROMPT.format(part=part), UNSAID if wanted is None else _word(part, wanted)
        if wanted is not None:
            yield ASKED.format(part=part), prompts.SEEN[wanted == shown]


def _shown(scene: Scene) -> Iterator[tuple[str, str]]:
    for part, shown in _parts(scene).items():
        yield IN_IMAGE.format(part=part), _word(part, shown)


def _parts(scene: Scene) -> Mapping[str, str]:
    product, style = scene.product, scene.style
    shown = (
        product.kind, product.color, product.pattern, style.background, style.light, style.composition,
    )  # fmt: skip
    return dict(zip(_PARTS, shown, strict=True))


def _word(part: str, value: str) -> str:
    return (KINDS[value].name if part == "kind" else value).lower()


def _flaws(scene: Scene) -> Iterator[tuple[str, str]]:
    for flaw, words in FLAW_WORDS.items():
        yield SHOWN.format(flaw=words[0]), prompts.SEEN[flaw in scene.flaws]


def _aspects(stated: Aspects, entry: DrawnEntry, category: Category) -> Iterator[tuple[str, str]]:
    true = seen_aspects(entry.product)
    for name, values in stated.items():
        attribute = category.attribute(name)
        if attribute is None:
            continue
        answer = HIDDEN
        yield IN_PHOTOS.format(name=name), true.get(attribute.name, HIDDEN).lower()
        if attribute.name in true:
            said = {attribute.normalise(value) for value in values}
            answer = prompts.SEEN[said == {true[attribute.name]}]
        yield STATED.format(name=name), answer

"""Small questions that a rubric's large ones are made of: is the color the one asked for, is this aspect right?

A criterion's answer hangs on many comparisons at once, and one answer for all of them teaches each of them
little. Asked one by one, in a dozen tokens each, they teach what to compare with what; then the rubric's
questions only have to put it together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from workbench.catalog.drawn import DrawnCatalog, DrawnEntry, seen_aspects
from workbench.judging import prompts
from workbench.judging.protocols import Subject
from workbench.models.starter.captions import FLAW_WORDS, Said, Scene
from workbench.models.starter.data import Example, drawn_items
from workbench.models.starter.questions import (
    IMAGE_RUBRIC,
    LISTING_RUBRIC,
    generation_of,
    picture,
    prompt_about,
    some_context,
    some_listing,
)
from workbench.records import Aspects
from workbench.rubric import load_rubric
from workbench.schema import Category

ASKED = "Is the {part} the one that the prompt asks for?"
SHOWN = "Is this in the image: {flaw}?"
STATED = "Is this aspect right: {name}?"
HIDDEN = "cannot be seen"
_PARTS = ("kind", "color", "pattern", "background", "light", "composition")


def lines() -> tuple[str, ...]:
    """The questions that stand as they are, whatever is asked about."""
    flaws = (SHOWN.format(flaw=words[0]) for words in FLAW_WORDS.values())
    return (*(ASKED.format(part=part) for part in _PARTS), *flaws)


def small_picture_questions(
    scenes: Sequence[Scene], seed: int, *, prompts_each: int
) -> list[Example]:
    """About each scene by each of its prompts; pictures are numbered as the scenes are."""
    rubric = load_rubric(IMAGE_RUBRIC)
    rng = np.random.default_rng([seed, 13])
    examples = []
    for number, scene in enumerate(scenes):
        for place in range(prompts_each):
            said = prompt_about(scene, rng)
            generation = generation_of("image", prompt=said.text)
            context = some_context(Subject(generation=generation, image=picture()), rubric, rng)
            asked = [*_compared(said, scene), *(_flaws(scene) if place == 0 else ())]
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


def _compared(said: Said, scene: Scene) -> Iterator[tuple[str, str]]:
    product, style = scene.product, scene.style
    there = (
        product.kind, product.color, product.pattern, style.background, style.light, style.composition,
    )  # fmt: skip
    for part, shown in zip(_PARTS, there, strict=True):
        wanted = getattr(said, part)
        if wanted is not None:
            yield ASKED.format(part=part), prompts.SEEN[wanted == shown]


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
        if attribute.name in true:
            said = {attribute.normalise(value) for value in values}
            answer = prompts.SEEN[said == {true[attribute.name]}]
        yield STATED.format(name=name), answer

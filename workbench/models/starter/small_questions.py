"""Small questions that a rubric's large ones are made of: is the color the one asked for, is this aspect right?

A criterion's answer hangs on many comparisons at once, and one answer for all of them teaches each of them
little. Asked one by one, they teach what to compare with what; then the rubric's questions only have to put it
together. The smallest asks whether one word is true of the picture, in the words of prompts: what a
word of a prompt can see of the picture before it is what tells a right prompt from a wrong one. Questions whose
answer is a word out of many teach where to look much faster than a yes or no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm.auto import tqdm

from workbench.catalog.drawing.scenes import PhotoStyle
from workbench.catalog.drawn import KINDS, DrawnCatalog, DrawnEntry, seen_aspects
from workbench.judging import prompts
from workbench.judging.protocols import Subject
from workbench.models.starter.captions import (
    FLAW_WORDS,
    Said,
    Scene,
    describe,
    sample_scene,
    words_for,
)
from workbench.models.starter.data import Example, walked
from workbench.models.starter.questions import (
    IMAGE_RUBRIC,
    LISTING_RUBRIC,
    generation_of,
    picture,
    some_context,
    some_listing,
)
from workbench.models.starter.scenes import PARTS
from workbench.records import Aspects
from workbench.rubric import load_rubric
from workbench.schema import Category

TRUE = "Is this what the picture shows:"
ASKED = "Is the {part} the one that the prompt asks for?"
DIFFERS = "What does the prompt ask for that the image does not show?"
IN_IMAGE = "Which {part} does the image show?"
IN_PROMPT = "Which {part} does the prompt ask for?"
STATED = "Is this aspect right: {name}?"
WRONG = "Which aspects of the listing are wrong?"
IN_PHOTOS = "Which {name} do the photos show?"
NONE = "none"
HIDDEN = "cannot be seen"
_PARTS = ("kind", "color", "pattern", "background", "light", "composition")
_FLAWS = "flaws"
_COMPARED = 2
"""Parts of each prompt, and aspects of each listing, that are compared one by one."""
_NAMED = 3
"""Parts of each picture that are asked for by name."""


def lines() -> tuple[str, ...]:
    """The questions that stand as they are, whatever is asked about."""
    about = [line.format(part=part) for line in (ASKED, IN_IMAGE, IN_PROMPT) for part in _PARTS]
    return (*about, IN_IMAGE.format(part=_FLAWS), TRUE, DIFFERS, WRONG)


def small_picture_questions(
    scenes: Sequence[Scene], seed: int, *, prompts_each: int
) -> list[Example]:
    """About each scene by each of its prompts; pictures are numbered as the scenes are."""
    rubric = load_rubric(IMAGE_RUBRIC)
    rng = np.random.default_rng([seed, 13])
    examples = []
    for number, scene in enumerate(tqdm(scenes, desc="comparing with prompts", delay=1)):
        for place in range(prompts_each):
            said = _mixed_prompt(scene, rng)
            generation = generation_of("image", prompt=said.text)
            context = some_context(Subject(generation=generation, image=picture()), rubric, rng)
            asked = list(_compared(said, scene, rng))
            if place == 0:
                asked += [*_named(scene, rng), *_true_of(scene, rng)]
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
    for item, entry in walked(catalog, "comparing with listings"):
        photos = tuple(range(first, first + len(entry.styles)))
        category = catalog.schema.category(item.category)
        for place in range(each):
            listing = some_listing(item, entry, catalog, rng)
            generation = generation_of("listing", category=item.category, listing=listing)
            subject = Subject(generation=generation, photos=(picture(),) * len(photos))
            context = some_context(subject, rubric, rng)
            asked = list(_checked(listing.aspects, entry, category, rng))
            if place == 0:
                asked += _true_aspects(entry, category, rng)
            examples += [
                Example(photos=photos, shared=context, question=question, answer=answer)
                for question, answer in asked
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


def _compared(said: Said, scene: Scene, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    there = _parts(scene)
    wanted = {part: value for part in _PARTS if (value := getattr(said, part)) is not None}
    differ = [part for part, value in wanted.items() if value != there[part]]
    yield DIFFERS, ", ".join(differ) or NONE
    for part in _some(tuple(wanted), _COMPARED, rng):
        yield ASKED.format(part=part), prompts.SEEN[part not in differ]
    part = _PARTS[int(rng.integers(len(_PARTS)))]
    yield IN_PROMPT.format(part=part), _name(part, wanted[part]) if part in wanted else NONE


def _named(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    there = _parts(scene)
    for part in _some(_PARTS, _NAMED, rng):
        yield IN_IMAGE.format(part=part), _name(part, there[part])
    flaws = ", ".join(FLAW_WORDS[flaw][0] for flaw in scene.flaws)
    yield IN_IMAGE.format(part=_FLAWS), flaws or NONE


def _true_of(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Words for what is there and for what is not, each half of the time; of flaws, all that are there."""
    for part, shown in _parts(scene).items():
        value = _right_or_wrong(shown, PARTS[part], rng)
        yield f"{TRUE} {words_for(part, value, rng)}", prompts.SEEN[value == shown]
    for name, shown in scene.product.details:
        value = _right_or_wrong(shown, tuple(KINDS[scene.product.kind].details[name]), rng)
        yield f"{TRUE} {value.lower()}", prompts.SEEN[value == shown]
    absent = tuple(flaw for flaw in FLAW_WORDS if flaw not in scene.flaws)
    for flaw in (*scene.flaws, *_some(absent, 1 + len(scene.flaws), rng)):
        words = FLAW_WORDS[flaw]
        told = words[int(rng.integers(len(words)))]
        yield f"{TRUE} {told}", prompts.SEEN[flaw in scene.flaws]


def _parts(scene: Scene) -> Mapping[str, str]:
    product, style = scene.product, scene.style
    shown = (
        product.kind, product.color, product.pattern, style.background, style.light, style.composition,
    )  # fmt: skip
    return dict(zip(_PARTS, shown, strict=True))


def _name(part: str, value: str) -> str:
    return (KINDS[value].name if part == "kind" else value).lower()


def _checked(
    stated: Aspects, entry: DrawnEntry, category: Category, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    true = seen_aspects(entry.product)
    answers = {}
    for name, values in stated.items():
        attribute = category.attribute(name)
        if attribute is not None:
            said = {attribute.normalise(value) for value in values}
            known = true.get(attribute.name)
            answers[name] = HIDDEN if known is None else prompts.SEEN[said == {known}]
    yield (
        WRONG,
        ", ".join(name for name, said in answers.items() if said == prompts.SEEN[False]) or NONE,
    )
    for name in _some(tuple(answers), _COMPARED, rng):
        yield STATED.format(name=name), answers[name]


def _true_aspects(
    entry: DrawnEntry, category: Category, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    for name, shown in seen_aspects(entry.product).items():
        attribute = category.attribute(name)
        if attribute is None:
            continue
        yield IN_PHOTOS.format(name=name), shown
        value = _right_or_wrong(shown, attribute.values, rng)
        yield f"{TRUE} {value}", prompts.SEEN[value == shown]


def _right_or_wrong(shown: str, values: Sequence[str], rng: np.random.Generator) -> str:
    """The value shown, or as often another one."""
    others = [value for value in values if value != shown]
    if not others or rng.random() < 0.5:
        return shown
    return others[int(rng.integers(len(others)))]


def _some(values: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """`count` of `values`, or all."""
    places = rng.choice(len(values), min(count, len(values)), replace=False)
    return [values[int(place)] for place in places]

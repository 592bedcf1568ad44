"""What `starter:judge` learns from: the questions of a rubric about drawn pictures and listings, with true answers.

A picture and the prompt that it is judged by agree in two of five cases; else the prompt asks for another
kind, color, pattern or setting. A listing says what its photos show, what the seller typed, or something
changed on purpose. Questions are worded as judges word them; now and then a rubric's examples, points or
instructions are left out, as a rubric that people change leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from tqdm.auto import tqdm

from workbench.catalog.annotators import known_listing
from workbench.catalog.drawn import KINDS, DrawnCatalog, DrawnEntry, clean_listing, sample_product
from workbench.judging import prompts
from workbench.judging.protocols import Asked, Subject
from workbench.models.protocols import Question
from workbench.models.starter.captions import (
    FLAW_WORDS,
    Said,
    Scene,
    describe,
    looks_like_a_studio,
    sample_scene,
)
from workbench.models.starter.data import Example, walked
from workbench.records import Generation, Item, Listing
from workbench.rubric import Rubric, load_rubric

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.schema import Schema

IMAGE_RUBRIC, LISTING_RUBRIC = "category-image", "listing"
AGREES = 0.4
"""How often a picture is what its prompt asks for, flaws aside."""
_LEFT_OUT = 0.2
"""How often a rubric's examples are left out; points and instructions half as often."""
_IMAGE_WEIGHTS: Mapping[str, float] = {
    "fidelity": 6, "clarity": 3, "style": 2, "sharpness": 1, "background": 1, "clutter": 1, "text": 1,
    "wrong_product": 2, "wrong_color": 3, "unexpected_person": 1, "distorted_object": 1, "wrong_style": 1,
    "blurred_or_incomplete": 1, "dark_background": 1, "unexpected_element": 1, "text_overlay": 1,
}  # fmt: skip
"""How often each question about a picture is asked."""
_LISTING_CRITERIA = ("product", "color", "aspects")
NAMING = "Say what the picture shows."
_ANSWERS = "assistant\n"
"""The chat template's words before every answer."""
_SHORT = 20
"""Lines of fewer characters are words like others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is true of one picture: criterion to point, failure mode to whether it is there."""

    points: Mapping[str, str]
    modes: Mapping[str, bool]


def judge_picture(said: Said, scene: Scene) -> Judgement:
    """What the shipped rubric's questions are to be answered with, `scene` being what is shown."""
    product, style, flaws = scene.product, scene.style, set(scene.flaws)
    wrong_product = said.kind != product.kind
    wrong_color = said.color not in {None, product.color}
    wrong_pattern = said.pattern not in {None, product.pattern}
    shown = {value for _, value in product.details}
    setting = (
        said.background in {None, style.background}
        and said.light in {None, style.light}
        and said.composition in {None, style.composition}
        and shown >= set(said.details)
    )
    fidelity = 5 if setting else 4
    if wrong_color or wrong_pattern or "unexpected_person" in flaws:
        fidelity = 2 if wrong_color and wrong_pattern else 3
    if wrong_product:
        fidelity = 1
    blurred, bent = "blurred_or_incomplete" in flaws, "distorted_object" in flaws
    dark = "dark_background" in flaws or style.light == "dim light"
    alone = not flaws & {"unexpected_element", "unexpected_person"}
    look = 5
    if style.composition != "centered" or style.light in {"warm light", "cool light"}:
        look = 4
    if dark or not looks_like_a_studio(style) or "text_overlay" in flaws:
        look = 3
    if not alone:
        look = 2
    if "wrong_style" in flaws:
        look = 1
    words = {True: "yes", False: "no"}
    return Judgement(
        points={
            "fidelity": str(fidelity),
            "clarity": str(5 - 2 * blurred - 3 * bent + (blurred and bent)),
            "style": str(look),
            "sharpness": words[not blurred],
            "background": words[not dark],
            "clutter": words[alone and style.background != "living room"],
            "text": words["text_overlay" not in flaws],
        },
        modes={
            "wrong_product": wrong_product,
            "wrong_color": wrong_color,
            **{flaw: flaw in flaws for flaw in FLAW_WORDS},
        },
    )


def prompt_about(scene: Scene, rng: np.random.Generator) -> Said:
    """A prompt that `scene` may be judged by: of itself, or of something that differs from it."""
    product, style = scene.product, scene.style
    luck = rng.random()
    other = sample_scene(int(rng.integers(2**31)))
    if luck < AGREES:
        pass
    elif luck < AGREES + 0.15:
        product = other.product
    elif luck < AGREES + 0.33:
        product = replace(product, color=other.product.color)
        if luck > AGREES + 0.25:
            product = replace(product, pattern=other.product.pattern)
    elif luck < AGREES + 0.43:
        look = sample_product((7_800_000, int(rng.integers(2**31))), kind=product.kind)
        product = replace(product, pattern=look.pattern, details=look.details)
    else:
        style = other.style
    return describe(replace(scene, product=product, style=style, flaws=()), rng)


def picture_examples(
    scenes: Sequence[Scene], seed: int, *, prompts_each: int, each: int
) -> list[Example]:
    """`each` questions about each scene by each of its prompts; pictures are numbered as the scenes are."""
    rubrics = _versions(load_rubric(IMAGE_RUBRIC))
    rng = np.random.default_rng([seed, 11])
    shares = np.array(list(_IMAGE_WEIGHTS.values()))
    examples = []
    for number, scene in enumerate(tqdm(scenes, desc="asking about pictures", delay=1)):
        for said in [prompt_about(scene, rng) for _ in range(prompts_each)]:
            truth = judge_picture(said, scene)
            subject = Subject(generation=generation_of("image", prompt=said.text), image=picture())
            context = some_context(subject, rubrics[0], rng)
            for place in rng.choice(len(shares), size=each, replace=False, p=shares / shares.sum()):
                name = list(_IMAGE_WEIGHTS)[int(place)]
                question, answer = _question(name, _some_version(rubrics, rng), truth)
                examples.append(
                    Example(photos=(number,), shared=context, question=question.text, answer=answer)
                )
    return examples


def naming_questions(scenes: Sequence[Scene]) -> list[Example]:
    """What each scene shows, in the words that prompts use; pictures are numbered as the scenes are."""
    return [
        Example(photos=(number,), question=NAMING, answer=_named(scene))
        for number, scene in enumerate(scenes)
    ]


def _named(scene: Scene) -> str:
    product, style = scene.product, scene.style
    flaws = ", ".join(FLAW_WORDS[flaw][0] for flaw in scene.flaws) or "none"
    words = {
        "product": KINDS[product.kind].name, "color": product.color, "pattern": product.pattern,
        "background": style.background, "light": style.light, "composition": style.composition,
        "details": ", ".join(value for _, value in product.details), "flaws": flaws,
    }  # fmt: skip
    return "; ".join(f"{name}: {value}" for name, value in words.items()).lower()


def standing_lines(others: Iterable[str] = ()) -> tuple[str, ...]:
    """The lines that judges' prompts repeat: of instructions, of questions, of points and examples, and `others`.

    A line that is part of another one is left out. What stands before every answer comes first.
    """
    lines = {NAMING, *others}
    for name, kind in ((IMAGE_RUBRIC, "image"), (LISTING_RUBRIC, "listing")):
        rubric = load_rubric(name)
        bare = [replace(rubric, examples=()), rubric, replace(rubric, criteria=tuple(
            replace(criterion, points=()) for criterion in rubric.criteria
        ))]  # fmt: skip
        for version in bare:
            for criterion in version.criteria:
                told = Asked(rubric=version, criteria=(criterion,))
                lines |= set(prompts.question(criterion, told).text.splitlines())
        for mode in rubric.failure_modes:
            lines |= set(prompts.mode_question(mode).text.splitlines())
        lines |= set(rubric.instructions.splitlines())
        for count in (1, 2):
            generation = generation_of(kind, listing=Listing(title=""))  # type: ignore[arg-type]
            subject = Subject(generation=generation, photos=(picture(),) * count, image=picture())
            shared = prompts.context(subject, replace(rubric, instructions="")).text
            lines |= {line for line in shared.splitlines() if len(line) > _SHORT}
    long = sorted(line for line in lines if len(line) > _SHORT)
    own = (one for one in long if not any(one in other for other in long if other != one))
    return (_ANSWERS, *own)


def listing_questions(catalog: DrawnCatalog, seed: int, *, first: int, each: int) -> list[Example]:
    """All questions about `each` listings of each item; photos are numbered from `first` on."""
    rubrics = _versions(load_rubric(LISTING_RUBRIC))
    rng = np.random.default_rng([seed, 12])
    examples = []
    for item, entry in walked(catalog, "asking about listings"):
        places = tuple(range(first, first + len(entry.styles)))
        for listing in [some_listing(item, entry, catalog, rng) for _ in range(each)]:
            generation = generation_of("listing", category=item.category, listing=listing)
            truth = listing_truth(generation, item, catalog.schema, rubrics[0])
            subject = Subject(generation=generation, photos=(picture(),) * len(places))
            context = some_context(subject, rubrics[0], rng)
            for name in _LISTING_CRITERIA:
                question, answer = _question(name, _some_version(rubrics, rng), truth)
                examples.append(
                    Example(photos=places, shared=context, question=question.text, answer=answer)
                )
        first += len(places)
    return examples


def some_listing(
    item: Item, entry: DrawnEntry, catalog: DrawnCatalog, rng: np.random.Generator
) -> Listing:
    """A listing of `item`: right, the seller's, another product's, or right but for some aspects."""
    clean = replace(clean_listing(entry.product), price=None)
    luck = rng.random()
    if luck < 0.2:
        return clean
    if luck < 0.45:
        return Listing(title=item.title or "", aspects=item.aspects, category=item.category)
    other = catalog.entries[int(rng.integers(len(catalog.entries)))].product
    if luck < 0.6:
        return replace(clean_listing(other), price=None, category=item.category)
    product, aspects = entry.product, dict(clean.aspects)
    category = catalog.schema.category(item.category)
    for name, said in clean.aspects.items():
        attribute = category.attribute(name)
        if attribute is None or rng.random() < 0.5:
            continue
        value = str(rng.choice([one for one in attribute.values if (one,) != said]))
        aspects[name] = (value,)
        if attribute.name == "Color":
            product = replace(product, color=value)
    # Half of the changed listings say the wrong color in the title too.
    title = clean_listing(product).title if rng.random() < 0.5 else clean.title
    return replace(clean, title=title, aspects=aspects)


def listing_truth(generation: Generation, item: Item, schema: Schema, rubric: Rubric) -> Judgement:
    """What the shipped rubric's questions are to be answered with about a listing of `item`."""
    known = known_listing(generation, item, schema=schema, rubric=rubric)
    points = {
        name: rubric.criterion(name).scale[round(known.scores[name]) - 1]
        for name in _LISTING_CRITERIA
    }
    return Judgement(points=points, modes={})


def _question(name: str, rubric: Rubric, truth: Judgement) -> tuple[Question, str]:
    if name in truth.points:
        criterion = rubric.criterion(name)
        return prompts.question(
            criterion, Asked(rubric=rubric, criteria=(criterion,))
        ), truth.points[name]
    mode = next(one for one in rubric.failure_modes if one.id == name)
    return prompts.mode_question(mode), prompts.SEEN[truth.modes[name]]


def some_context(subject: Subject, rubric: Rubric, rng: np.random.Generator) -> str:
    """What is read before the questions, now and then without the rubric's instructions."""
    if rng.random() < _LEFT_OUT / 2:
        rubric = replace(rubric, instructions="")
    return prompts.context(subject, rubric).text


def _versions(rubric: Rubric) -> tuple[Rubric, ...]:
    """The rubric, without examples, and without points."""
    bare = tuple(replace(criterion, points=()) for criterion in rubric.criteria)
    return rubric, replace(rubric, examples=()), replace(rubric, criteria=bare)


def _some_version(rubrics: Sequence[Rubric], rng: np.random.Generator) -> Rubric:
    shares = (1 - 1.5 * _LEFT_OUT, _LEFT_OUT, _LEFT_OUT / 2)
    return rubrics[int(rng.choice(len(shares), p=shares))]


def generation_of(
    kind: Literal["listing", "image"],
    *,
    category: str = "",
    prompt: str = "",
    listing: Listing | None = None,
) -> Generation:
    """An output to ask about, of which only the words count."""
    return Generation(
        key="",
        kind=kind,
        category=category,
        model="",
        revision="",
        prompt=prompt,
        listing=listing,
    )


def picture() -> Image:
    """Something that stands where a picture does: only that there is one counts for the words."""
    from PIL.Image import new

    return new("RGB", (1, 1))

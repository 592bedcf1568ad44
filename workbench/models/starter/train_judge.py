"""Train `starter:judge`: it answers a rubric's questions about generated images and listings.

    python -m workbench.models.starter.train_judge --out runs/judge

First the part that sees learns to tell what pictures show, flaws among it; then the whole learns to name it in
the words of prompts and listings, to compare it with them, then to judge.
Run again after a kill, it goes on from the last checkpoint. `--plan large` is the way on a GPU.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from workbench.catalog.drawn import DrawnCatalog
from workbench.metrics import Estimate, proportion
from workbench.models.devices import choose_device
from workbench.models.registry import load_image, load_scorer
from workbench.models.starter import checking, small_questions
from workbench.models.starter.answering import lessons, teach_to_answer
from workbench.models.starter.captions import Scene
from workbench.models.starter.card import (
    RANDOM,
    WENT_ON,
    Card,
    library_versions,
    weight_digests,
    write_card,
)
from workbench.models.starter.checking import check_listings, check_pictures, generated_pictures
from workbench.models.starter.classifier import load_classifier
from workbench.models.starter.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    Example,
    Pixels,
    draw_photos,
    naming_examples,
    scaled,
    texts,
)
from workbench.models.starter.questions import (
    NAMING,
    listing_questions,
    naming_questions,
    picture_examples,
    standing_lines,
)
from workbench.models.starter.runs import claimed, kept_array, replaced
from workbench.models.starter.scenes import MARKS, PARTS, draw_scenes, marks, parts, sampled
from workbench.models.starter.seeing import Told, teach_to_see
from workbench.models.starter.small_questions import (
    small_listing_questions,
    small_picture_questions,
)
from workbench.models.starter.training import Recipe, run_command, training_parser
from workbench.models.starter.vlm import (
    LARGE,
    SMALL,
    Size,
    build_model,
    build_processor,
    build_tokenizer,
    save_model,
    use_of,
)
from workbench.records import content_key

NAME = "starter:judge"
MODEL = "model"
"""Folder of the finished model, inside the run's."""
FIRST_SCENE = 60_000_000
"""Number of the judge's first scene: no image model and no classifier learns from these."""
HEADLINE = "precision of approvals of listings"
PICTURES = 800
"""Generated pictures that it is measured on."""
LISTINGS = 400
QUESTIONS = 5
"""About each picture by each of its prompts."""
_ABOUT = (
    "A small vision-language model (Idefics3, trained from random weights) that answers the questions of the "
    "rubrics `category-image` and `listing` about a picture: each criterion on its scale, failure modes by yes "
    "and no. It is there to try the workbench without a GPU or a model hub. It is wrong now and then, which "
    "is what an audit is for."
)
_DATA = (
    "Trained on {scenes} pictures drawn by this project, judged by prompts that agree or differ in a known "
    "way, and on listings of {items} products of the drawn catalogue (`drawn:seed={train}`), right or wrong "
    "in a known way. Measured on pictures that `{pictures}` made, whose truth is known where the prompt and "
    "a classifier that learned from other drawn pictures agree, and on listings of `drawn:seed={held_out}`. No photo or text of "
    "any person or shop is in it."
)
_LIMITS = (
    "It knows seventeen kinds of drawn products. On photographs of real products its answers mean nothing.",
    "It was taught the wording of the rubrics that ship; of a new criterion's wording it knows nothing.",
    "It gives no reasons: it answers with a point of a scale, not with sentences.",
)
_PICTURE = 64
"""Side of the pictures of `starter:image`, at which scenes are drawn before they are scaled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to train the model."""

    size: Size
    scenes: int
    """Drawn pictures to judge."""
    items: int
    """Of the drawn catalogue, with a listing each to judge."""
    seeing: Recipe
    """The eyes alone."""
    naming: Recipe
    """Eyes and words learn to name what pictures show."""
    comparing: Recipe
    """Small questions: is the color the one asked for, is this aspect right?"""
    answering: Recipe
    """The whole learns to judge."""


def small(seed: int = 0) -> Plan:
    """About an hour on two cores."""
    return Plan(
        size=SMALL,
        scenes=24_000,
        items=8_000,
        seeing=Recipe(steps=3000, batch=96, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        naming=Recipe(steps=400, batch=48, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        comparing=Recipe(steps=1500, batch=16, rate=1e-3, warmup=100, seed=seed, layers=2.5e-3),
        answering=Recipe(steps=800, batch=16, rate=1e-3, warmup=50, seed=seed, layers=2.5e-3),
    )


def quick(seed: int = 0) -> Plan:
    """A quarter of an hour on two cores, for a judge that has seen a quarter as much."""
    return Plan(
        size=SMALL,
        scenes=6_000,
        items=2_000,
        seeing=Recipe(steps=800, batch=96, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        naming=Recipe(steps=150, batch=48, rate=1.5e-3, warmup=30, seed=seed, layers=4e-3),
        comparing=Recipe(steps=300, batch=24, rate=1.5e-3, warmup=30, seed=seed, layers=4e-3),
        answering=Recipe(steps=350, batch=24, rate=1.5e-3, warmup=30, seed=seed, layers=4e-3),
    )


def large(seed: int = 0) -> Plan:
    """For a GPU."""
    return Plan(
        size=LARGE,
        scenes=100_000,
        items=40_000,
        seeing=Recipe(steps=8000, batch=256, rate=1e-3, warmup=200, seed=seed),
        naming=Recipe(steps=3000, batch=256, rate=8e-4, warmup=200, seed=seed),
        comparing=Recipe(steps=8000, batch=256, rate=8e-4, warmup=200, seed=seed),
        answering=Recipe(steps=15_000, batch=256, rate=8e-4, warmup=200, seed=seed),
    )


PLANS = {"small": small, "quick": quick, "large": large}
"""`quick` shows the way; `large` is for a GPU."""


def learn(plan: Plan, out: Path, *, device: str | None = None) -> Path:
    """Train, going on where an earlier call with the same arguments was stopped.

    Args:
        plan: Size, data and recipe.
        out: The run's folder: pictures, checkpoints, log, and the finished model in `model`.
        device: Such as `cuda` or `cpu`; None: the best that this machine has.

    Returns:
        The finished model's folder.

    Raises:
        LearningError: `out` holds another run, or what it holds is damaged.
        ModelError: The device is not there.
        SettingsError: `out` cannot be written to.
    """
    place = choose_device(device)
    with claimed(out, NAME, asdict(plan)):
        scenes = sampled(FIRST_SCENE, plan.scenes)
        catalog = DrawnCatalog(seed=TRAIN_SEED, items=plan.items)
        photos = _pictures(scenes, catalog, plan.size.pixels, out)
        asked = _asked(scenes, catalog, plan)
        tokenizer = build_tokenizer(
            texts([*asked["answering"][::QUESTIONS], *asked["comparing"][::QUESTIONS], *asked["naming"]]),
            vocabulary=plan.size.vocabulary,
            standing=standing_lines(small_questions.lines()),
        )  # fmt: skip
        processor = build_processor(tokenizer, plan.size)
        model = build_model(tokenizer, plan.size, seed=plan.answering.seed)
        if place.type == "cpu":
            model.set_attn_implementation("eager")  # faster than SDPA here, at these lengths
        model.to(place)
        settings: dict[str, object] = {
            "scenes": plan.scenes,
            "items": plan.items,
            "size": asdict(plan.size),
        }
        shown = [*scenes, *_photographed(catalog)]
        teach_to_see(model, photos, _told(shown), plan.seeing, out, settings=settings)
        recipes = {
            "naming": plan.naming,
            "comparing": plan.comparing,
            "answering": plan.answering,
        }
        settings["words"] = content_key(tokenizer.backend_tokenizer.to_str())
        for stage, recipe in recipes.items():
            learnt = lessons(processor, asked[stage])
            teach_to_answer(model, learnt, photos, recipe, out, stage=stage, settings=settings)
        model.set_attn_implementation("sdpa")
        with replaced(out / MODEL) as half:
            save_model(model, processor, half)
    return out / MODEL


def _asked(
    scenes: Sequence[Scene], catalog: DrawnCatalog, plan: Plan
) -> Mapping[str, list[Example]]:
    """What each stage asks, by its name; scenes are the first photos, the catalogue's come after them."""
    return {
        "answering": [
            *picture_examples(scenes, plan.answering.seed, prompts_each=3, each=QUESTIONS),
            *listing_questions(catalog, plan.answering.seed, first=len(scenes), each=2),
        ],
        "comparing": [
            *small_picture_questions(scenes, plan.comparing.seed, prompts_each=3),
            *small_listing_questions(catalog, plan.comparing.seed, first=len(scenes), each=2),
        ],
        "naming": [
            *naming_questions(scenes),
            *(
                replace(one, photos=tuple(len(scenes) + place for place in one.photos))
                for one in naming_examples(catalog, "aligned")
            ),
        ],
    }


def describe(folder: Path, plan: Plan, *, image_model: str) -> Card:
    """Measure the finished model and write its card.

    Args:
        folder: The model's.
        plan: The one that it was trained by.
        image_model: The model whose pictures it is measured on, such as `starter:image`.
    """
    digests = weight_digests(folder)
    shown = generated_pictures(load_image(image_model), load_classifier(), PICTURES)
    judge = load_scorer(f"dir:{folder}")
    figures = check_pictures(judge, shown) | check_listings(judge, LISTINGS)
    for name in ("fidelity", "clarity", "style"):
        known = proportion([name in one.holds for one in shown])
        figures[f"{name}: pictures whose truth is known"] = known
    card = replace(card_of(plan, figures, image_model=image_model), sha256=digests)
    write_card(folder, card)
    return card


def card_of(plan: Plan, figures: Mapping[str, Estimate], *, image_model: str) -> Card:
    """The card of a model that `plan` made, but for its digests.

    Args:
        plan: Size, data and recipe.
        figures: As `describe` measures them.
        image_model: As for `describe`.
    """
    return Card(
        name=NAME,
        pipeline="image-text-to-text",
        library="transformers",
        about=_ABOUT,
        use=use_of(NAMING),
        data=_DATA.format(
            scenes=plan.scenes, items=plan.items, train=TRAIN_SEED, held_out=HELD_OUT_SEED, pictures=image_model
        ),
        sources={
            f"scenes {FIRST_SCENE} to {FIRST_SCENE + plan.scenes - 1}, to learn from": "models/starter/captions.py",
            f"`drawn:seed={TRAIN_SEED},items={plan.items}`, to learn from": "catalog/drawn.py",
            f"prompts of scenes {checking.FIRST_SCENE} to {checking.FIRST_SCENE + PICTURES - 1}, to measure": "models/starter/checking.py",
            f"`drawn:seed={HELD_OUT_SEED},items={LISTINGS}`, to measure": "catalog/drawn.py",
        },
        recipe={**json.loads(json.dumps(asdict(plan))), WENT_ON: RANDOM},
        versions=library_versions(),
        headline=HEADLINE,
        figures=figures,
        limits=_LIMITS,
        sha256={},
    )  # fmt: skip


def _photographed(catalog: DrawnCatalog) -> list[Scene]:
    """The catalogue's photos as scenes, in the order in which they are drawn."""
    return [
        Scene(product=entry.product, style=style, flaws=(), seed=0)
        for entry in catalog.entries
        for style in entry.styles
    ]


def _told(scenes: Sequence[Scene]) -> Told:
    """Everything that is true of each scene."""
    values = {**PARTS, **{mark: ("no", "yes") for mark in MARKS}}
    labels = [[*parts(scene), *marks(scene)] for scene in scenes]
    return Told(values=values, labels=np.array(labels, np.int64))


def _pictures(scenes: Sequence[Scene], catalog: DrawnCatalog, pixels: int, out: Path) -> Pixels:
    """Scenes, then the catalogue's photos, (n, pixels, pixels, 3); kept in the run's folder."""
    from PIL import Image

    several = [len(entry.styles) for entry in catalog.entries]

    def draw() -> Pixels:
        small = draw_scenes(scenes, _PICTURE, out)
        both = np.empty((len(small) + sum(several), pixels, pixels, 3), np.uint8)
        both[len(small) :] = draw_photos(catalog, pixels)
        for place, picture in enumerate(tqdm(small, desc="scaling pictures", unit="picture")):
            both[place] = scaled(Image.fromarray(picture), pixels)
        return both

    kept = out / f"judged-{len(scenes)}-{catalog.count}-{pixels}.npy"
    return kept_array(kept, (len(scenes) + sum(several), pixels, pixels, 3), draw)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    parser.add_argument(
        "--pictures", default="starter:image", help="image model whose pictures it is measured on"
    )
    told = parser.parse_args(arguments)
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, answering=replace(plan.answering, steps=told.steps))
    load_image(told.pictures)  # refused now, not after an hour
    folder = learn(plan, told.out, device=told.device)
    card = describe(folder, plan, image_model=told.pictures)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


if __name__ == "__main__":
    main()

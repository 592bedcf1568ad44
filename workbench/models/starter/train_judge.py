"""Train `starter:judge`: it answers a rubric's questions about generated images and listings.

    python -m workbench.models.starter.train_judge --out runs/judge

First the part that sees learns to tell what pictures show, flaws among it; then the whole learns to name it in
the words of prompts and listings, to compare it with them, then to judge.
Run again after a kill, it goes on from the last checkpoint. `--plan large` is the way on a GPU.
With `--start` a finished judge only learns to judge again, as where the rubric's truth has changed:

    python -m workbench.models.starter.train_judge --out runs/again --start runs/judge/model --steps 500
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from workbench.catalog.drawn import DrawnCatalog
from workbench.metrics import Estimate, proportion
from workbench.models.devices import choose_device
from workbench.models.registry import load_image, load_scorer
from workbench.models.revisions import folder_revision
from workbench.models.starter import checking, small_questions
from workbench.models.starter.answering import lessons, teach_to_answer
from workbench.models.starter.captions import Scene
from workbench.models.starter.card import (
    RANDOM,
    WENT_ON,
    Card,
    library_versions,
    recipe_before,
    weight_digests,
    write_card,
)
from workbench.models.starter.checking import check_listings, check_pictures, generated_pictures
from workbench.models.starter.classifier import load_classifier
from workbench.models.starter.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    Example,
    naming_examples,
    texts,
)
from workbench.models.starter.judged import everything_true, judged_pictures, photographed
from workbench.models.starter.questions import (
    NAMING,
    listing_questions,
    naming_questions,
    picture_examples,
    standing_lines,
)
from workbench.models.starter.runs import claimed, replaced
from workbench.models.starter.scenes import sampled
from workbench.models.starter.seeing import freeze_eyes, teach_to_see
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
    open_model,
    save_model,
    size_of,
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


def learn(plan: Plan, out: Path, *, start: Path | None = None, device: str | None = None) -> Path:
    """Train, going on where an earlier call with the same arguments was stopped.

    Args:
        plan: Size, data and recipe.
        out: The run's folder: pictures, checkpoints, log, and the finished model in `model`.
        start: Folder of a judge to go on from, tokenizer, size and all: it sees as it does, and learns to judge again;
            None: random weights.
        device: Such as `cuda` or `cpu`; None: the best that this machine has.

    Returns:
        The finished model's folder.

    Raises:
        LearningError: `out` holds another run, what it holds is damaged, or there is no model where one was named.
        ModelError: The device is not there.
        SettingsError: `out` cannot be written to.
    """
    place = choose_device(device)
    stages = _stages(plan, start=start)
    opened = None if start is None else open_model(start)
    size = plan.size if opened is None else size_of(*opened)
    learnt = {name: asdict(recipe) for name, recipe in stages.items()}
    settings: dict[str, object] = {"scenes": plan.scenes, "items": plan.items, "size": asdict(size)}
    if start is not None:
        settings["start"] = folder_revision(start)
    with claimed(out, NAME, {**settings, **learnt}):
        scenes = sampled(FIRST_SCENE, plan.scenes)
        catalog = DrawnCatalog(seed=TRAIN_SEED, items=plan.items)
        photos = judged_pictures(scenes, catalog, size.pixels, out)
        asked = _asked(scenes, catalog, plan, stages)
        model, processor = opened or _new(asked, plan)
        if place.type == "cpu":
            model.set_attn_implementation("eager")  # faster than SDPA here, at these lengths
        model.to(place)
        if "seeing" in stages:
            shown = [*scenes, *photographed(catalog)]
            teach_to_see(
                model, photos, everything_true(shown), stages["seeing"], out, settings=settings
            )
        else:
            freeze_eyes(model)
        settings["words"] = content_key(processor.tokenizer.backend_tokenizer.to_str())
        for stage, questions in asked.items():
            learnt_from = lessons(processor, questions)
            teach_to_answer(
                model, learnt_from, photos, stages[stage], out, stage=stage, settings=settings
            )
        model.set_attn_implementation("sdpa")
        with replaced(out / MODEL) as half:
            save_model(model, processor, half)
    return out / MODEL


def _stages(plan: Plan, *, start: Path | None) -> dict[str, Recipe]:
    """What is learnt in this run, in order: a judge that goes on sees, names and compares already."""
    answering = {"answering": plan.answering}
    if start is not None:
        return answering
    return {
        "seeing": plan.seeing, "naming": plan.naming, "comparing": plan.comparing, **answering,
    }  # fmt: skip


def _new(asked: Mapping[str, Sequence[Example]], plan: Plan) -> tuple[Any, Any]:
    """A model with random weights, and its processor."""
    tokenizer = build_tokenizer(
        texts([*asked["answering"][::QUESTIONS], *asked["comparing"][::QUESTIONS], *asked["naming"]]),
        vocabulary=plan.size.vocabulary,
        standing=standing_lines(small_questions.lines()),
    )  # fmt: skip
    model = build_model(tokenizer, plan.size, seed=plan.answering.seed)
    return model, build_processor(tokenizer, plan.size)


def _asked(
    scenes: Sequence[Scene], catalog: DrawnCatalog, plan: Plan, stages: Collection[str]
) -> dict[str, list[Example]]:
    """What each stage asks, in their order; scenes are the first photos, the catalogue's come after them."""
    first = len(scenes)
    asks: dict[str, Callable[[], list[Example]]] = {
        "naming": lambda: [
            *naming_questions(scenes),
            *(
                replace(one, photos=tuple(first + place for place in one.photos))
                for one in naming_examples(catalog, "aligned")
            ),
        ],
        "comparing": lambda: [
            *small_picture_questions(scenes, plan.comparing.seed, prompts_each=3),
            *small_listing_questions(catalog, plan.comparing.seed, first=first, each=2),
        ],
        "answering": lambda: [
            *picture_examples(scenes, plan.answering.seed, prompts_each=3, each=QUESTIONS),
            *listing_questions(catalog, plan.answering.seed, first=first, each=2),
        ],
    }
    return {stage: ask() for stage, ask in asks.items() if stage in stages}


def describe(folder: Path, plan: Plan, *, image_model: str, start: Path | None = None) -> Card:
    """Measure the finished model and write its card.

    Args:
        folder: The model's.
        plan: The one that it was trained by.
        start: As for `learn`.
        image_model: The model whose pictures it is measured on, such as `starter:image`.
    """
    digests = weight_digests(folder)
    shown = generated_pictures(load_image(image_model), load_classifier(), PICTURES)
    judge = load_scorer(f"dir:{folder}")
    figures = check_pictures(judge, shown) | check_listings(judge, LISTINGS)
    for name in ("fidelity", "clarity", "style"):
        known = proportion([name in one.holds for one in shown])
        figures[f"{name}: pictures whose truth is known"] = known
    before = recipe_before(start)
    told = card_of(
        plan, figures, image_model=image_model, before=before, size=size_of(*open_model(folder))
    )
    card = replace(told, sha256=digests)
    write_card(folder, card)
    return card


def card_of(
    plan: Plan,
    figures: Mapping[str, Estimate],
    *,
    image_model: str,
    size: Size = SMALL,
    before: object = RANDOM,
) -> Card:
    """The card of a model that `plan` made, but for its digests.

    Args:
        plan: Data and recipe.
        figures: As `describe` measures them.
        image_model: As for `describe`.
        size: Of the model.
        before: See `recipe_before`; where it is a recipe, only the last of the plan's stages was learnt.
    """
    learnt = (
        asdict(plan)
        if before == RANDOM
        else {
            "scenes": plan.scenes,
            "items": plan.items,
            "answering": asdict(plan.answering),
        }
    )
    recipe = json.loads(json.dumps({**learnt, "size": asdict(size), WENT_ON: before}))
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
        recipe=recipe,
        versions=library_versions(),
        headline=HEADLINE,
        figures=figures,
        limits=_LIMITS,
        sha256={},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    parser.add_argument(
        "--pictures", default="starter:image", help="image model whose pictures it is measured on"
    )
    parser.add_argument(
        "--start", type=Path, help="folder of a judge to go on from, which learns to judge again"
    )
    told = parser.parse_args(arguments)
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, answering=replace(plan.answering, steps=told.steps))
    load_image(told.pictures)  # refused now, not after an hour
    folder = learn(plan, told.out, start=told.start, device=told.device)
    card = describe(folder, plan, image_model=told.pictures, start=told.start)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


if __name__ == "__main__":
    main()

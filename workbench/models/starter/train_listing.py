"""Train `starter:listing`: photo to title and aspects, from what sellers of the drawn catalogue typed.

    python -m workbench.models.starter.train_listing --out runs/listing

Three stages on the same sellers' words: the part that sees learns to tell what they say about a photo, the
whole learns to name the aspects that it is asked for, then to write listings. Learnt at once, the noise of
listings drowns what little of them depends on the photo, and the model never looks.
With `--eyes` it sees by the eyes of another model, such as those that `starter:judge` ships with.
Run again after a kill, it goes on from the last checkpoint. `--targets aligned` learns from listings that
say what the photos show, and with `--start` goes on from another run's model: the way from a model that
repeats sellers' noise to one that does not. Runs of 800 to 1,000 steps ended at an aspect F1 of .87 to .88; an hour on two
cores, in which it looks at more pixels of each photo, ended at .90:

    python -m workbench.models.starter.train_listing --out runs/aligned --targets aligned --start runs/listing/model --steps 1000
    python -m workbench.models.starter.train_listing --out runs/closer --targets aligned --start runs/listing/model --plan closer --look-again

What ships in `weights/listing` is the first run's folder `model`, made with `--eyes weights/judge`; its card is told of
the last by `--further runs/closer`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from workbench.catalog.drawn import DrawnCatalog
from workbench.models.devices import choose_device
from workbench.models.registry import load_text
from workbench.models.revisions import folder_revision
from workbench.models.starter.answering import lessons, teach_to_answer
from workbench.models.starter.card import (
    Card,
    recipe_before,
    weight_digests,
    write_card,
)
from workbench.models.starter.data import (
    TRAIN_SEED,
    Targets,
    kept_photos,
    listing_examples,
    naming_examples,
    texts,
)
from workbench.models.starter.listing_card import HELD_OUT_ITEMS, NAME, card_of, further_card
from workbench.models.starter.measuring import held_out, measure_listings
from workbench.models.starter.runs import claimed, replaced
from workbench.models.starter.seeing import (
    check_eyes,
    eyes_words,
    freeze_eyes,
    look_closer,
    take_eyes,
    teach_to_see,
    told,
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
)

MODEL = "model"
"""Folder of the finished model, inside the run's."""
_AGAIN = 0.3
"""Rates of a vision part that learns a second time, as a share of the first time's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to train the model."""

    size: Size
    items: int
    """Of the drawn catalogue; about 1.3 photos each."""
    seeing: Recipe
    """The eyes learn to tell what is said; a run that goes on from another one's model skips it."""
    naming: Recipe
    """Eyes and words learn to name the aspects asked for; skipped likewise."""
    writing: Recipe
    """The whole learns to write listings."""
    closer: int | None = None
    """Pixels to which a model that looks again scales photos from then on; None: as before. See `look_closer`."""


def small(seed: int = 0) -> Plan:
    """Minutes on two cores."""
    return Plan(
        size=SMALL,
        items=10_000,
        seeing=Recipe(steps=800, batch=96, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        naming=Recipe(steps=300, batch=48, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        writing=Recipe(steps=500, batch=32, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
    )


def large(seed: int = 0) -> Plan:
    """For a GPU."""
    return Plan(
        size=LARGE,
        items=60_000,
        seeing=Recipe(steps=6000, batch=256, rate=1e-3, warmup=200, seed=seed),
        naming=Recipe(steps=2000, batch=256, rate=8e-4, warmup=200, seed=seed),
        writing=Recipe(steps=10_000, batch=128, rate=8e-4, warmup=200, seed=seed),
    )


def closer(seed: int = 0) -> Plan:
    """An hour on two cores, for a small model that goes on and looks again."""
    return replace(
        small(seed),
        items=24_000,
        seeing=Recipe(steps=1500, batch=96, rate=2e-3, warmup=50, seed=seed, layers=5e-3),
        writing=Recipe(steps=600, batch=32, rate=1.5e-3, warmup=50, seed=seed, layers=4e-3),
        closer=128,
    )


PLANS = {"small": small, "closer": closer, "large": large}
"""`large` is for a GPU."""


def learn(
    plan: Plan,
    out: Path,
    *,
    targets: Targets = "raw",
    start: Path | None = None,
    eyes: Path | None = None,
    look_again: bool = False,
    device: str | None = None,
) -> Path:
    """Train, going on where an earlier call with the same arguments was stopped.

    Args:
        plan: Size, data and recipe.
        out: The run's folder: photos, checkpoints, log, and the finished model in `model`.
        targets: What to learn from.
        start: Folder of a model to go on from, tokenizer, size and all; None: random weights.
        eyes: Folder of a model whose vision part is taken over, as it is; None: it learns to see.
        look_again: Of a model that goes on: whether its vision part first learns what `targets` say of photos,
            more gently than the first time. Otherwise it stays as it is.
        device: Such as `cuda` or `cpu`; None: the best that this machine has.

    Returns:
        The finished model's folder.

    Raises:
        LearningError: `out` holds another run, or what it holds is damaged; the eyes are of another size, or there
            is no model where one was named, or its photos cannot be seen closer as the plan says.
        ModelError: The device is not there.
        SettingsError: `out` cannot be written to.
    """
    place = choose_device(device)
    stages = _stages(plan, start=start, eyes=eyes, look_again=look_again)
    opened = None if start is None else open_model(start)
    if opened is not None and look_again and plan.closer is not None:
        look_closer(*opened, plan.closer)
    seen = None if eyes is None else open_model(eyes)[0]
    if seen is not None:
        check_eyes(seen, plan.size, where=eyes)
    settings: dict[str, object] = {
        "targets": targets,
        "items": plan.items,
        "size": asdict(plan.size if opened is None else size_of(*opened)),
        "start": start and folder_revision(start),
    }
    if eyes is not None:
        settings["eyes"] = folder_revision(eyes)
    if look_again:
        settings["look again"] = True
    learnt = {name: asdict(recipe) for name, recipe in stages.items()}
    with claimed(out, NAME, {**settings, **learnt}):
        catalog = DrawnCatalog(seed=TRAIN_SEED, items=plan.items)
        model, processor = opened or _new(catalog, plan)
        if place.type == "cpu":
            model.set_attn_implementation("eager")  # faster than SDPA here, at these lengths
        model.to(place)
        photos = kept_photos(catalog, model.config.vision_config.image_size, out)
        if "seeing" in stages:
            words = told(catalog, targets)
            teach_to_see(model, photos, words, stages["seeing"], out, settings=settings)
        elif seen is not None:
            take_eyes(model, seen)
        else:
            freeze_eyes(model)
        for stage, examples in (("naming", naming_examples), ("writing", listing_examples)):
            if stage in stages:
                shown = lessons(processor, examples(catalog, targets))
                recipe = stages[stage]
                teach_to_answer(model, shown, photos, recipe, out, stage=stage, settings=settings)
        model.set_attn_implementation("sdpa")
        with replaced(out / MODEL) as half:
            save_model(model, processor, half)
    return out / MODEL


def _stages(
    plan: Plan, *, start: Path | None, eyes: Path | None, look_again: bool
) -> dict[str, Recipe]:
    """What is learnt in this run, in order: a model that goes on, or that has eyes, knows some of it."""
    if start is None and eyes is None:
        return {"seeing": plan.seeing, "naming": plan.naming, "writing": plan.writing}
    if start is None:
        return {"naming": plan.naming, "writing": plan.writing}
    if not look_again:
        return {"writing": plan.writing}
    rate, layers = _AGAIN * plan.seeing.rate, _AGAIN * (plan.seeing.layers or 0)
    return {"seeing": replace(plan.seeing, rate=rate, layers=layers), "writing": plan.writing}


def _new(catalog: DrawnCatalog, plan: Plan) -> tuple[Any, Any]:
    """A model with random weights, and its processor."""
    # Words of both targets, so that a model goes on from one to the other with the same tokens.
    corpus = [
        *listing_examples(catalog, "raw"),
        *listing_examples(catalog, "aligned"),
        *naming_examples(catalog, "raw"),
    ]
    tokenizer = build_tokenizer(texts(corpus), vocabulary=plan.size.vocabulary)
    model = build_model(tokenizer, plan.size, seed=plan.writing.seed)
    return model, build_processor(tokenizer, plan.size)


def describe(
    folder: Path,
    plan: Plan,
    *,
    targets: Targets,
    start: Path | None = None,
    eyes: Path | None = None,
    look_again: bool = False,
    further: Card | None = None,
) -> Card:
    """Measure the model in `folder` on held-out items and put its card beside the weights.

    Args:
        folder: The finished model's.
        plan: The one that it was trained by.
        targets: What it learnt from.
        start: Folder of the model that it went on from; None: random weights.
        eyes: Folder of the model whose vision part it took over; None: it learnt to see.
        look_again: As in `learn`.
        further: Card of a model that went on from this one with aligned listings; its headline is
            told too.
    """
    digests = weight_digests(folder)
    model = load_text(f"dir:{folder}", device="cpu")
    figures = measure_listings(model, held_out(HELD_OUT_ITEMS)).figures
    stages = _stages(plan, start=start, eyes=eyes, look_again=look_again)
    card = card_of(
        stages,
        figures,
        items=plan.items,
        size=size_of(*open_model(folder)),
        targets=targets,
        before=recipe_before(start),
        eyes=None if eyes is None else eyes_words(eyes),
        further=further,
    )
    card = replace(card, sha256=digests)
    write_card(folder, card)
    return card


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    parser.add_argument("--targets", choices=get_args(Targets), default="raw")
    parser.add_argument("--start", type=Path, help="folder of a model to go on from, of its size")
    parser.add_argument(
        "--eyes", type=Path, help="folder of a model whose vision part it takes over"
    )
    parser.add_argument(
        "--look-again",
        action="store_true",
        help="with --start: its vision part learns too, before it goes on to write",
    )
    parser.add_argument(
        "--further", type=Path, help="finished run that went on from this one, for the model card"
    )
    told = parser.parse_args(arguments)
    if told.start and told.eyes:
        parser.error("want --start or --eyes: a model that goes on has eyes")
    if told.look_again and not told.start:
        parser.error("want --start with --look-again: a new model learns to see in any case")
    if PLANS[told.plan]().closer and not told.look_again:
        parser.error(f"want --look-again with --plan {told.plan}, which sees more of each photo")
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, writing=replace(plan.writing, steps=told.steps))
    further = told.further and further_card(told.further / MODEL)
    way = {"start": told.start, "eyes": told.eyes, "look_again": told.look_again}
    folder = learn(plan, told.out, targets=told.targets, device=told.device, **way)
    card = describe(folder, plan, targets=told.targets, further=further, **way)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


if __name__ == "__main__":
    main()

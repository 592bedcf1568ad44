"""Train `starter:listing`: photo to title and aspects, from what sellers of the drawn catalogue typed.

    python -m workbench.models.starter.train_listing --out runs/listing

Three stages on the same sellers' words: the part that sees learns to tell what they say about a photo, the
whole learns to name the aspects that it is asked for, then to write listings. Learnt at once, the noise of
listings drowns what little of them depends on the photo, and the model never looks.
With `--eyes` it sees by the eyes of another model, such as those that `starter:judge` ships with.
Run again after a kill, it goes on from the last checkpoint. `--targets aligned` learns from listings that
say what the photos show, and with `--start` goes on from another run's model: the way from a model that
repeats sellers' noise to one that does not:

    python -m workbench.models.starter.train_listing --out runs/aligned --targets aligned --start runs/listing/model --steps 1500

What ships in `weights/listing` is the first run's folder `model`, made with `--eyes weights/judge`; its card is told of
the second by `--further runs/aligned`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import LearningError
from workbench.metrics import Estimate
from workbench.models.devices import choose_device
from workbench.models.listings import photo_question
from workbench.models.registry import load_text
from workbench.models.revisions import folder_revision
from workbench.models.starter.answering import lessons, teach_to_answer
from workbench.models.starter.card import (
    RANDOM,
    WENT_ON,
    Card,
    library_versions,
    read_card,
    recipe_before,
    weight_digests,
    write_card,
)
from workbench.models.starter.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    Targets,
    kept_photos,
    listing_examples,
    naming_examples,
    texts,
)
from workbench.models.starter.measuring import ASPECT_F1, held_out, measure_listings
from workbench.models.starter.runs import claimed, replaced
from workbench.models.starter.seeing import (
    check_eyes,
    eyes_words,
    freeze_eyes,
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
    use_of,
)

NAME = "starter:listing"
MODEL = "model"
"""Folder of the finished model, inside the run's."""
HELD_OUT_ITEMS = 300
"""Items that the card's figures come from."""
FURTHER = "aspect F1 after further training on aligned listings"
_AGAIN = 0.3
"""Rates of a vision part that learns a second time, as a share of the first time's."""

_TARGETS = {
    "raw": "what their sellers typed: titles with sizes, brands, promotions and typing errors, aspects "
    "partly missing, partly wrong, partly under other names",
    "aligned": "listings that say what the photos show and nothing else, under the schema's names",
}
_ABOUT = (
    "A small vision-language model (Idefics3, trained from random weights) that writes the listing of a "
    "product from its photos: a title and aspects as one JSON object. It is there to try the workbench "
    "without a GPU or a model hub: it is small, it is wrong in the ways that sellers are, and it gets "
    "better when it is corrected."
)
_DATA = (
    "Trained on {items} products of the drawn catalogue (`drawn:seed={train}`), photos drawn by this "
    "project, and {words}. Measured on `drawn:seed={held_out}`, whose designs are others, against the "
    "aspects that the photos show. No photo or text of any person or shop is in it."
)
_LIMITS = (
    "It knows seventeen kinds of drawn products. On photographs of real products its answers are "
    "well-formed and mean nothing.",
    "It was taught one question, the one that listing runs ask; other wordings are foreign to it.",
    "It reads one or two photos, each scaled to a small square, in which linen, denim or corduroy look alike: of its "
    "errors after training on aligned listings half are about the material.",
    "Trained on sellers' listings, it states what no photo shows where no schema rules it out.",
)


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


PLANS = {"small": small, "large": large}
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
            is no model where one was named.
        ModelError: The device is not there.
        SettingsError: `out` cannot be written to.
    """
    place = choose_device(device)
    stages = _stages(plan, start=start, eyes=eyes, look_again=look_again)
    opened = None if start is None else open_model(start)
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


def card_of(
    stages: Mapping[str, Recipe],
    figures: Mapping[str, Estimate],
    *,
    items: int,
    size: Size,
    targets: Targets,
    before: object = RANDOM,
    eyes: str | None = None,
    further: Card | None = None,
) -> Card:
    """The card of a model that learnt `stages`, but for its digests.

    Args:
        stages: Name to recipe, in order.
        figures: As `describe` measures them.
        items: Of the drawn catalogue, that it learnt from.
        size: Of the model.
        targets: What it learnt from.
        before: See `recipe_before`.
        eyes: From which model the vision part comes; None: it learnt to see, or has what `before` had.
        further: As for `describe`.
    """
    recipe: dict[str, object] = {"targets": targets, "drawn items": items, "size": asdict(size)}
    if eyes is not None:
        recipe["vision part"] = eyes
    recipe |= {name: asdict(one) for name, one in stages.items()}
    recipe[WENT_ON] = before
    figures = dict(figures)
    if further is not None:
        figures[FURTHER] = further.figures[further.headline]
        recipe["further training"] = {k: v for k, v in further.recipe.items() if k != WENT_ON}
    data = _DATA.format(
        items=items, train=TRAIN_SEED, held_out=HELD_OUT_SEED, words=_TARGETS[targets]
    )
    return Card(
        name=NAME,
        pipeline="image-text-to-text",
        library="transformers",
        about=_ABOUT,
        use=use_of(photo_question(held_out(1).schema.category("mug"))),
        data=data,
        sources={
            f"`drawn:seed={TRAIN_SEED},items={items}`, to learn from": "catalog/drawn.py",
            f"`drawn:seed={HELD_OUT_SEED},items={HELD_OUT_ITEMS}`, to measure": "catalog/drawn.py",
        },
        recipe=recipe,
        versions=library_versions(),
        headline=ASPECT_F1,
        figures=figures,
        limits=_LIMITS,
        sha256={},
    )


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
    run_command(parser.prog, partial(_run, told))


def _run(told: argparse.Namespace) -> str:
    plan = PLANS[told.plan](told.seed)
    if told.steps is not None:
        plan = replace(plan, writing=replace(plan.writing, steps=told.steps))
    further = told.further and _further(told.further / MODEL)
    way = {"start": told.start, "eyes": told.eyes, "look_again": told.look_again}
    folder = learn(plan, told.out, targets=told.targets, device=told.device, **way)
    card = describe(folder, plan, targets=told.targets, further=further, **way)
    return f"{folder}: {card.headline} {card.figures[card.headline]}"


def _further(folder: Path) -> Card:
    card = read_card(folder)
    if card.name != NAME or not isinstance(card.recipe.get(WENT_ON), dict):
        raise LearningError(
            f"want a run that went on from this one after --further, but {str(folder)!r} holds {card.name!r}, "
            f"which went on from {RANDOM}"
        )
    return card


if __name__ == "__main__":
    main()

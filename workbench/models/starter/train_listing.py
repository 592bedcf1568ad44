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

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from workbench.catalog.drawn import DrawnCatalog
from workbench.models.devices import choose_device
from workbench.models.registry import load_text
from workbench.models.revisions import folder_revision
from workbench.models.starter.answering import lessons, teach_to_answer
from workbench.models.starter.card import Card, drop_card, read_card, weight_digests, write_card
from workbench.models.starter.data import (
    HELD_OUT_SEED,
    TRAIN_SEED,
    Pixels,
    Targets,
    draw_photos,
    listing_examples,
    naming_examples,
    texts,
)
from workbench.models.starter.measuring import ASPECT_F1, held_out, measure_listings
from workbench.models.starter.seeing import freeze_eyes, take_eyes, teach_to_see, told
from workbench.models.starter.training import Recipe, training_parser
from workbench.models.starter.vlm import (
    LARGE,
    SMALL,
    Size,
    build_model,
    build_processor,
    build_tokenizer,
    open_model,
    save_model,
)

NAME = "starter:listing"
MODEL = "model"
"""Folder of the finished model, inside the run's."""
HELD_OUT_ITEMS = 300
"""Items that the card's figures come from."""
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
        start: Folder of a model to go on from, tokenizer and all; None: random weights.
        eyes: Folder of a model whose vision part is taken over, as it is; None: it learns to see.
        look_again: Of a model that goes on: whether its vision part first learns what `targets` say of photos,
            more gently than the first time. Otherwise it stays as it is.
        device: Such as `cuda` or `cpu`; None: the best that this machine has.

    Returns:
        The finished model's folder.

    Raises:
        LearningError: `out` holds the checkpoint of another run, or the eyes are of another size.
    """
    place = choose_device(device)
    out.mkdir(parents=True, exist_ok=True)
    catalog = DrawnCatalog(seed=TRAIN_SEED, items=plan.items)
    settings = {
        "targets": targets,
        "items": plan.items,
        "size": asdict(plan.size),
        "start": start and folder_revision(start),
    }
    if eyes is not None:
        settings["eyes"] = folder_revision(eyes)
    if look_again:
        settings["look again"] = True
    if start is None:
        # Of both targets, so that a model goes on from one to the other with the same tokens.
        tokenizer = build_tokenizer(
            texts(
                [
                    *listing_examples(catalog, "raw"),
                    *listing_examples(catalog, "aligned"),
                    *naming_examples(catalog, "raw"),
                ]
            ),
            vocabulary=plan.size.vocabulary,
        )
        processor = build_processor(tokenizer, plan.size)
        model = build_model(tokenizer, plan.size, seed=plan.writing.seed)
    else:
        model, processor = open_model(start)
    if place.type == "cpu":
        model.set_attn_implementation("eager")  # faster than SDPA here, at these lengths
    model.to(place)
    photos = _photos(catalog, model.config.vision_config.image_size, out)
    if look_again:
        seeing = replace(
            plan.seeing, rate=_AGAIN * plan.seeing.rate, layers=_AGAIN * (plan.seeing.layers or 0)
        )
        teach_to_see(model, photos, told(catalog, targets), seeing, out, settings=settings)
    elif start is not None:
        freeze_eyes(model)
    if start is None:
        if eyes is not None:
            take_eyes(model, eyes)
        else:
            teach_to_see(model, photos, told(catalog, targets), plan.seeing, out, settings=settings)
        learnt = lessons(processor, naming_examples(catalog, targets))
        teach_to_answer(model, learnt, photos, plan.naming, out, stage="naming", settings=settings)
    learnt = lessons(processor, listing_examples(catalog, targets))
    teach_to_answer(model, learnt, photos, plan.writing, out, stage="writing", settings=settings)
    model.set_attn_implementation("sdpa")
    drop_card(out / MODEL)
    save_model(model, processor, out / MODEL)
    return out / MODEL


def describe(
    folder: Path,
    plan: Plan,
    *,
    targets: Targets,
    eyes: Path | None = None,
    further: Path | None = None,
) -> Card:
    """Measure the model in `folder` on held-out items and put its card beside the weights.

    Args:
        folder: The finished model's.
        plan: The one that it was trained by.
        targets: What it learnt from.
        eyes: Folder of the model whose vision part it took over; None: it learnt to see.
        further: Folder of a model that went on from this one with aligned listings; its headline is
            told too.
    """
    model = load_text(f"dir:{folder}", device="cpu")
    figures = dict(measure_listings(model, held_out(HELD_OUT_ITEMS)).figures)
    if further is not None:
        after = read_card(further)
        figures[f"{after.headline} after further training on aligned listings"] = after.figures[
            after.headline
        ]
    card = Card(
        name=NAME,
        pipeline="image-text-to-text",
        about=_ABOUT,
        data=_DATA.format(
            items=plan.items, train=TRAIN_SEED, held_out=HELD_OUT_SEED, words=_TARGETS[targets]
        ),
        recipe={
            "targets": targets,
            "drawn items": plan.items,
            "size": asdict(plan.size),
            "first stage, seeing": asdict(plan.seeing)
            if eyes is None
            else f"none: the vision part of {read_card(eyes).name}, which learnt what drawn pictures show",
            "second stage, naming aspects": asdict(plan.naming),
            "third stage, writing listings": asdict(plan.writing),
        },
        headline=ASPECT_F1,
        figures=figures,
        limits=_LIMITS,
        sha256=weight_digests(folder),
    )
    write_card(folder, card)
    return card


def _photos(catalog: Any, pixels: int, out: Path) -> Pixels:
    """The catalogue's photos, drawn once per run's folder."""
    kept = out / f"photos-{catalog.name}-{catalog.count}-{pixels}.npy"
    if not kept.exists():
        half = kept.with_suffix(".half.npy")
        np.save(half, draw_photos(catalog, pixels))
        half.replace(kept)
    photos: Pixels = np.load(kept, mmap_mode="r")
    return photos


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = training_parser(__doc__, PLANS)
    parser.add_argument("--targets", choices=get_args(Targets), default="raw")
    parser.add_argument("--start", type=Path, help="folder of a model to go on from")
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
    plan = PLANS[told.plan](told.seed)
    if told.steps:
        plan = replace(plan, writing=replace(plan.writing, steps=told.steps))
    if told.start and told.eyes:
        parser.error("want --start or --eyes: a model that goes on has eyes")
    if told.look_again and not told.start:
        parser.error("want --start with --look-again: a new model learns to see in any case")
    folder = learn(
        plan,
        told.out,
        targets=told.targets,
        start=told.start,
        eyes=told.eyes,
        look_again=told.look_again,
        device=told.device,
    )
    further = told.further and told.further / MODEL
    card = describe(folder, plan, targets=told.targets, eyes=told.eyes, further=further)
    figure = card.figures[card.headline]
    print(f"{folder}: {card.headline} {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})")  # noqa: T201


if __name__ == "__main__":
    main()

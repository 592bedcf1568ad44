"""What the card of `starter:listing` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from workbench.errors import LearningError
from workbench.metrics import Estimate
from workbench.models.listings import photo_question
from workbench.models.starter.card import RANDOM, WENT_ON, Card, library_versions, read_card
from workbench.models.starter.data import HELD_OUT_SEED, TRAIN_SEED, Targets
from workbench.models.starter.measuring import ASPECT_F1, held_out
from workbench.models.starter.training import Recipe
from workbench.models.starter.vlm import Size, use_of

NAME = "starter:listing"
HELD_OUT_ITEMS = 300
"""Items that the card's figures come from."""
FURTHER = "aspect F1 after further training on aligned listings"
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
    "It reads one or two photos, each scaled to a small square, in which linen, denim or corduroy look alike: most of "
    "its errors after training on aligned listings are about the material.",
    "Trained on sellers' listings, it states what no photo shows where no schema rules it out.",
)


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


def further_card(folder: Path) -> Card:
    """The card of a run that went on from another, in `folder`.

    Raises:
        LearningError: It is of another model, or of one that went on from none.
    """
    card = read_card(folder)
    if card.name != NAME or not isinstance(card.recipe.get(WENT_ON), dict):
        raise LearningError(
            f"want a run that went on from this one after --further, but {str(folder)!r} holds {card.name!r}, "
            f"which went on from {RANDOM}"
        )
    return card

"""From items and their photos' features to a calibrated model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.metrics import regression_scores
from workbench.models.attributes.calibrating import fit_spread, fit_temperature
from workbench.models.attributes.familiarity import fit_familiarity
from workbench.models.attributes.model import AttributeModel
from workbench.models.attributes.targets import CATEGORY, Floats, Targets, read_targets
from workbench.models.attributes.training import Recipe, fit_network
from workbench.models.heads import Facts
from workbench.records import Item, content_key
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.models.protocols import Progress

_METHOD = "attributes/4"
"""Changes whenever the fit does, so that what another fit said is another's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A model, and what its kind says of photos that it had not seen."""

    model: AttributeModel
    held_out: tuple[Facts | None, ...]
    """Of each training photo, by networks that saw nothing of its group; None where none left it out."""
    steps: int
    """Steps that were kept."""


def fit_attributes(
    x: Floats,
    items: Sequence[Item],
    schema: Schema,
    *,
    encoder: str,
    encoder_revision: str,
    recipe: Recipe | None = None,
    held_out: npt.NDArray[np.bool_] | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Learnt:
    """Learn attributes, category and price jointly from photos and what their catalogue says of them.

    Args:
        x: Shape (n, d), one row per item.
        items: The training part; items of one group are held out together.
        schema: Which attributes there are, and which a photo can show.
        encoder: Name of the backbone that made `x`.
        encoder_revision: Of that backbone.
        recipe: How; None: the defaults.
        held_out: Shape (n,), True for items that a tuned backbone has not seen; None: folds.
        checkpoint: File from which a stopped fit goes on.
        progress: Told how many steps were done.

    Raises:
        LearningError: There is too little to learn from.
    """
    targets = read_targets(items, schema)
    return fit_targets(
        x, items, targets, encoder=encoder, encoder_revision=encoder_revision, recipe=recipe,
        held_out=held_out, checkpoint=checkpoint, progress=progress,
    )  # fmt: skip


def fit_targets(
    x: Floats,
    items: Sequence[Item],
    targets: Targets,
    *,
    encoder: str,
    encoder_revision: str,
    recipe: Recipe | None = None,
    held_out: npt.NDArray[np.bool_] | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Learnt:
    """Like `fit_attributes`, for targets that were chosen, such as one task alone.

    Raises:
        LearningError: There are fewer than two groups.
    """
    recipe = recipe or Recipe()
    fitted = fit_network(
        x, targets, recipe, held_out=held_out, checkpoint=checkpoint, progress=progress
    )
    unseen = np.logical_not(np.isnan(fitted.held_out).any(axis=1))
    temperatures = []
    for t, (task, span) in enumerate(zip(targets.tasks, targets.spans(), strict=True)):
        rows = unseen & (targets.known[:, t] > 0)
        answers = targets.answers[rows][:, span].astype(np.float64)
        temperatures.append(fit_temperature(fitted.held_out[rows][:, span], answers, task))
    price, price_range, price_worth = None, None, None
    if fitted.price is not None and targets.log_price is not None:
        mean, deviation = fitted.price
        told_price = mean + deviation * fitted.held_out[:, -1]
        price = (mean, deviation, fit_spread(told_price[unseen], targets.log_price[unseen]))
        price_range = float(np.nanmin(targets.log_price)), float(np.nanmax(targets.log_price))
        rows = unseen & ~np.isnan(targets.log_price)
        price_worth = regression_scores(
            told_price[rows],
            targets.log_price[rows],
            training=[mean],
            groups=targets.groups[rows],
        ).r2
    told = any(task.name == CATEGORY for task in targets.tasks)
    categories = {item.category for item in items}
    model = AttributeModel(
        encoder=encoder,
        encoder_revision=encoder_revision,
        revision=content_key(
            _METHOD, encoder_revision, asdict(recipe), targets.tasks_key(), price is not None,
            [[item.photos[0], item.group, item.category, item.price] for item in items],
            targets.answers.astype(int).tolist(),
        ),
        trained_on=len(items),
        tasks=targets.tasks,
        temperatures=tuple(temperatures),
        price=price,
        price_range=price_range,
        price_worth=price_worth,
        only_category=items[0].category if len(categories) == 1 and not told else None,
        mean=fitted.mean,
        directions=fitted.directions,
        weights=fitted.weights,
        familiarity=fit_familiarity(x, targets.groups, held_out=held_out, seed=recipe.seed),
    )  # fmt: skip
    facts = model.read(np.where(unseen[:, None], fitted.held_out, 0.0))
    return Learnt(
        model=model,
        held_out=tuple(f if seen else None for f, seen in zip(facts, unseen.tolist(), strict=True)),
        steps=fitted.steps,
    )


def siloed(targets: Targets) -> list[Targets]:
    """The same items, one task each: every attribute alone, then the price alone."""
    alone = [targets.only(task.name, price=False) for task in targets.tasks]
    if targets.log_price is not None:
        alone.append(targets.only(price=True))
    return alone

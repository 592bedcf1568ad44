"""A backbone tuned on a catalogue's own photos, with all heads at once; what comes out is a folder like any other.

Photos of some groups are held out from the tuning. Only those may say afterwards how sure heads on the
tuned features may be: of photos that it was tuned on, the backbone knows the answers by heart.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import LearningError
from workbench.models.attributes.targets import Targets
from workbench.models.attributes.training import fold_of_groups, price_scale
from workbench.models.backbones import Backbone, open_backbone
from workbench.records import content_key

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from workbench.models.attributes.network import Arms, TaskLosses
    from workbench.models.protocols import Progress

DONE, CHECKPOINT = "tuned.json", "checkpoint.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How a backbone is tuned."""

    epochs: int = 10
    """At most."""
    patience: int = 2
    """Epochs without a better held-out loss after which tuning ends."""
    batch: int = 32
    """Photos of a step."""
    rate: float = 3e-5
    """AdamW's learning rate of the backbone."""
    head_rate: float = 1e-3
    hidden: int = 128
    weight_decay: float = 0.05
    folds: int = 5
    """One of so many parts, of whole groups, is held out."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A tuned backbone."""

    name: str
    """`dir:<folder>`, as `load_encoder` takes it."""
    held_out: npt.NDArray[np.bool_]
    """Shape (n,), True for photos that it was not tuned on: `fit_attributes` wants it."""
    losses: tuple[float, ...]
    """Mean held-out loss, all tasks added up: before tuning, then after each epoch."""


def tune_backbone(
    name: str,
    addresses: Sequence[str],
    photos: Sequence[Image],
    targets: Targets,
    folder: Path,
    *,
    tuning: Tuning | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Tune an image backbone of transformers on all tasks jointly, and leave the best epoch in `folder`.

    Killed, the same call goes on at the last whole epoch; done already, it returns what is there.

    Args:
        name: `hf:<name>` or `dir:<folder>`.
        addresses: Content address of each photo; part of what a checkpoint must agree with.
        photos: n RGB pictures.
        targets: Of the same n photos.
        folder: Where the tuned backbone goes.
        tuning: How; None: the defaults.
        progress: Told how many photos were gone through; `epochs` × photos that are not held out in all.

    Raises:
        ModelError: The backbone cannot be loaded.
        LearningError: There are fewer than two groups, or the loss is no number any more.
    """
    import torch

    tuning = tuning or Tuning()
    if len(set(targets.groups)) < 2:
        raise LearningError(
            "want photos of two groups at least, one to tune on and one to hold out"
        )
    held_out = fold_of_groups(targets.groups, tuning.folds, tuning.seed) == 0
    key = content_key(
        name, asdict(tuning), list(addresses), targets.tasks_key(), targets.answers.tolist(),
        [None if math.isnan(p) else p for p in targets.log_price.tolist()] if targets.log_price is not None else None,
    )  # fmt: skip
    if (folder / DONE).is_file():
        done = json.loads((folder / DONE).read_text())
        if done["key"] == key:
            return Tuned(name=f"dir:{folder}", held_out=held_out, losses=tuple(done["losses"]))
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(tuning.seed)
        run = _Tuning(open_backbone(name), photos, targets, held_out, tuning)
        run.train(folder / CHECKPOINT, key, progress)
    run.backbone.model.load_state_dict(run.best)
    run.backbone.model.save_pretrained(folder)
    run.backbone.processor.save_pretrained(folder)
    (folder / DONE).write_text(json.dumps({"key": key, "losses": run.losses, "from": name}) + "\n")
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return Tuned(name=f"dir:{folder}", held_out=held_out, losses=tuple(run.losses))


class _Tuning:
    """A tuning that goes on."""

    def __init__(
        self,
        backbone: Backbone,
        photos: Sequence[Image],
        targets: Targets,
        held_out: npt.NDArray[np.bool_],
        tuning: Tuning,
    ) -> None:
        import torch

        from workbench.models.attributes.network import Arms, TaskLosses

        self.backbone, self._photos, self._tuning = backbone, photos, tuning
        self._rows, self._held = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        price = price_scale(targets.log_price, ~held_out)
        if price is None:
            targets = replace(targets, log_price=None)
        self._losses: TaskLosses = TaskLosses(targets, balance=0.5, price=price or (0.0, 1.0))
        with torch.no_grad():
            width = backbone.pool(backbone.pixels(photos[:1])).shape[1]
        self._heads: Arms = Arms(
            arms=1, inputs=width, hidden=tuning.hidden,
            outputs=targets.answers.shape[1] + (price is not None), tasks=self._losses.count,
        )  # fmt: skip
        self._optimiser = torch.optim.AdamW(
            [
                {"params": list(backbone.model.parameters()), "lr": tuning.rate},
                *(
                    {**group, "lr": tuning.head_rate}
                    for group in self._heads.weight_groups(tuning.weight_decay)
                ),
            ],
            weight_decay=tuning.weight_decay,
        )
        self.losses: list[float] = []
        self.best: dict[str, Tensor] = {}

    def train(self, checkpoint: Path, key: str, progress: Progress | None) -> None:
        """Epoch after epoch, until photos held out are told no better."""
        if checkpoint.is_file():
            self._resume(checkpoint, key)
        if not self.losses:
            self._measure()
        elif progress:
            progress(len(self._rows) * (len(self.losses) - 1))
        while len(self.losses) <= self._tuning.epochs and not self._stale():
            self._epoch(progress)
            self._measure()
            self._save(checkpoint, key)

    def _stale(self) -> bool:
        return len(self.losses) - 1 - int(np.argmin(self.losses)) >= self._tuning.patience

    def _outputs(self, rows: npt.NDArray[np.intp], *, flip: bool) -> Tensor:
        import torch

        pixels = self.backbone.pixels([self._photos[i] for i in rows])
        if flip and torch.rand(()) < 0.5:  # a product seen in a mirror is the same product
            pixels = pixels.flip(-1)
        return self._heads(self.backbone.pool(pixels).float().cpu(), dropout=0.3 if flip else 0.0)

    def _epoch(self, progress: Progress | None) -> None:
        import torch

        self.backbone.model.train()
        order = self._rows[torch.randperm(len(self._rows)).numpy()]
        for start in range(0, len(order), self._tuning.batch):
            rows = order[start : start + self._tuning.batch]
            losses = self._losses(
                self._outputs(rows, flip=True), torch.from_numpy(rows), torch.ones(1, len(rows))
            )
            self._optimiser.zero_grad()
            self._heads.weighed(losses, None).backward()
            self._optimiser.step()
            if progress:
                progress(len(rows))

    def _measure(self) -> None:
        import torch

        self.backbone.model.eval()
        batch = self._tuning.batch
        with torch.no_grad():
            outputs = torch.cat(
                [
                    self._outputs(self._held[start : start + batch], flip=False)
                    for start in range(0, len(self._held), batch)
                ],
                dim=1,
            )
            rows = torch.from_numpy(self._held)
            loss = float(self._losses(outputs, rows, torch.ones(1, len(rows))).sum())
        if not math.isfinite(loss):
            raise LearningError(f"the held-out loss became {loss}: lower the tuning's rate")
        if loss < min(self.losses, default=math.inf):
            self.best = copy.deepcopy(self.backbone.model.state_dict())
        self.losses.append(loss)

    def _save(self, checkpoint: Path, key: str) -> None:
        import torch

        unfinished = checkpoint.with_suffix(".part")
        state: dict[str, Any] = {
            "key": key,
            "backbone": self.backbone.model.state_dict(),
            "best": self.best,
            "heads": {name: p.detach() for name, p in self._heads.parameters.items()},
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "losses": self.losses,
        }
        torch.save(state, unfinished)
        unfinished.rename(checkpoint)

    def _resume(self, checkpoint: Path, key: str) -> None:
        import torch

        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        if state["key"] != key:  # other photos, or another tuning
            return
        self.backbone.model.load_state_dict(state["backbone"])
        with torch.no_grad():
            for name, tensor in self._heads.parameters.items():
                tensor.copy_(state["heads"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self.best, self.losses = state["best"], list(state["losses"])

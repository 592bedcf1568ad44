"""The loop that teaches starter models that see: the same to the last bit when it was stopped.

A loop of our own and not TRL's: batches follow from the seed and the step alone, so a killed run goes on
from its checkpoint as if nothing had happened; photos stay bytes in memory and are never decoded twice.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from workbench.errors import LearningError, SettingsError, WorkbenchError, exit_code
from workbench.models.devices import training_dtype

if TYPE_CHECKING:
    import torch

    from workbench.models.starter.data import Pixels

Floats = npt.NDArray[np.float32]

LOG = "log.jsonl"
_SAVE_EVERY = 30.0
"""Seconds between checkpoints."""
_LOG_EVERY = 20
"""Steps whose mean loss is one line of the log."""
_SEEDS = 2**32
STOPPED = 130
"""Exit code of a command that the user stopped."""
_MOVED = 5
"""Pixels by which a photo is moved at most, in each direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How long and how fast to learn.

    Raises:
        SettingsError: There is no step, nothing in a batch, or the seed is out of range.
    """

    steps: int
    batch: int
    """Examples per step."""
    rate: float
    """Highest learning rate of AdamW: reached after `warmup` steps, then a half cosine down to 5% of it."""
    warmup: int = 100
    weight_decay: float = 0.05
    seed: int = 0
    layers: float | None = None
    """Highest rate of Muon for the matrices of layers (Jordan et al. 2024), in AdamW's scale; None: AdamW
    for these too."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise SettingsError(
                f"want at least one step of one example, got {self.steps!r} steps of {self.batch!r}"
            )
        if not 0 <= self.seed < _SEEDS:
            raise SettingsError(f"want a seed from 0 to {_SEEDS - 1}, got {self.seed!r}")


def training_parser(about: str | None, plans: Iterable[str]) -> argparse.ArgumentParser:
    """The arguments that every training command has; `about` is its module's docstring.

    The first of `plans` is the one taken where none is named.
    """
    first, *others = plans
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--plan",
        choices=(first, *others),
        default=first,
        help="size, data and steps (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, help="of the last stage (default: the plan's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    return parser


def run_command(name: str, work: Callable[[], str]) -> None:
    """Do a training command's work and print what it says of it.

    An error raised on purpose is one sentence on stderr and the exit code that `workbench` has for it.
    """
    try:
        said = work()
    except WorkbenchError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        print(  # noqa: T201
            f"{name}: stopped; run the same command again and it goes on where it was",
            file=sys.stderr,
        )
        sys.exit(STOPPED)
    print(said)  # noqa: T201


def train(
    model: Any,
    loss_of: Callable[[int], torch.Tensor],
    recipe: Recipe,
    folder: Path,
    *,
    stage: str,
    settings: Mapping[str, object],
) -> None:
    """Teach `model` in place, going on from the folder's checkpoint where there is one.

    Args:
        model: On its device, in float32; computes as `training_dtype` says.
        loss_of: The loss of a step's batch, which follows from the step's number alone.
        recipe: Steps, batch and rate.
        folder: Where checkpoint and log are kept.
        stage: What is learnt, in one word: the checkpoint is `<stage>.pt`.
        settings: What else the run depends on (JSON types); a checkpoint of others is refused.

    Raises:
        LearningError: The folder's checkpoint is another run's, is damaged or cannot be written.
    """
    import torch

    device = next(model.parameters()).device
    precision = training_dtype(device)
    optimizers = _optimizers(model, recipe)
    rates = [[group["lr"] for group in one.param_groups] for one in optimizers]
    run = json.dumps({**settings, **asdict(recipe)}, sort_keys=True)
    checkpoint = folder / f"{stage}.pt"
    done = _resume(checkpoint, run, model, optimizers)
    started = saved = time.monotonic()
    losses: list[torch.Tensor] = []
    model.train()
    with (
        tqdm(total=recipe.steps, initial=done, desc=stage, unit="step") as bar,
        (folder / LOG).open("a") as log,
    ):
        for step in range(done, recipe.steps):
            pace = _pace(step, recipe)
            for optimizer, highest in zip(optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, highest, strict=True):
                    group["lr"] = rate * pace
            with torch.autocast(device.type, torch.bfloat16, enabled=precision is torch.bfloat16):
                loss = loss_of(step)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            losses.append(loss.detach())
            bar.update()
            last = step + 1 == recipe.steps
            if (step + 1) % _LOG_EVERY == 0 or last:
                mean = float(torch.stack(losses).mean())
                losses.clear()
                seconds = round(time.monotonic() - started, 1)
                line = {"stage": stage, "step": step + 1, "loss": mean, "seconds": seconds}
                log.write(json.dumps(line) + "\n")
                log.flush()
                bar.set_postfix(loss=f"{mean:.3f}", refresh=False)
            if time.monotonic() - saved > _SAVE_EVERY or last:
                _save(checkpoint, run, step + 1, model, optimizers)
                saved = time.monotonic()
    model.eval()


def dealt(count: int, recipe: Recipe, step: int) -> npt.NDArray[np.intp]:
    """Which of `count` examples step `step` learns from, (batch,): each one once an epoch."""
    size = min(recipe.batch, count)
    epoch, place = divmod(step, count // size)
    order = np.random.default_rng([recipe.seed, epoch]).permutation(count)
    return order[place * size : (place + 1) * size]


def shown(photos: Pixels, places: npt.NDArray[np.intp], recipe: Recipe, step: int) -> Floats:
    """Photos as the model sees them, (n, 3, side, side), −1 to 1, half of them mirrored, all moved a bit.

    Scaling is Idefics3's: (x / 255 − 0.5) / 0.5. A place of −1 is no photo: zeros, which Idefics3 skips.
    """
    rng = np.random.default_rng([recipe.seed, step, 1])
    mirrored = rng.random(len(places)) < 0.5
    moves = rng.integers(0, 2 * _MOVED + 1, (len(places), 2))
    side = photos.shape[1]
    out = np.zeros((len(places), 3, side, side), np.float32)
    for row, place in enumerate(places):
        if place < 0:
            continue
        wide = np.pad(photos[place], ((_MOVED, _MOVED), (_MOVED, _MOVED), (0, 0)), mode="edge")
        down, right = moves[row]
        moved = wide[down : down + side, right : right + side]
        moved = moved[:, ::-1] if mirrored[row] else moved
        out[row] = moved.transpose(2, 0, 1) / np.float32(127.5) - 1
    return out


def _pace(step: int, recipe: Recipe) -> float:
    """Share of the highest learning rate at `step`."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + float(np.cos(np.pi * part)))


def _optimizers(model: Any, recipe: Recipe) -> list[Any]:
    """AdamW, and Muon where the recipe names its rate. Matrices decay, biases and norms do not."""
    import torch

    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    layers = [p for name, p in named if recipe.layers and p.ndim == 2 and ".layers." in name]
    chosen = {id(p) for p in layers}
    rest = [p for _, p in named if id(p) not in chosen]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    found: list[Any] = [torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95), fused=True)]
    if recipe.layers and layers:
        found.append(
            torch.optim.Muon(
                layers,
                lr=recipe.layers,
                weight_decay=recipe.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return found


def _save(checkpoint: Path, run: str, step: int, model: Any, optimizers: Sequence[Any]) -> None:
    """Write the checkpoint beside the old one and put it in its place, so that a kill leaves one whole."""
    import torch

    half = checkpoint.with_suffix(".half")
    state = {
        "run": run, "step": step, "model": model.state_dict(),
        "optimizers": [one.state_dict() for one in optimizers],
    }  # fmt: skip
    try:
        torch.save(state, half)
        half.replace(checkpoint)
    except (OSError, RuntimeError) as error:  # torch's writer raises the latter on a full disk
        raise LearningError(
            f"{str(checkpoint)!r} cannot be written: {str(error).splitlines()[0]}"
        ) from error


def _resume(checkpoint: Path, run: str, model: Any, optimizers: Sequence[Any]) -> int:
    """Steps already done; model and optimizers are put back to where they were."""
    import torch

    if not checkpoint.exists():
        return 0
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        theirs, step, weights, kept = (state[k] for k in ("run", "step", "model", "optimizers"))
    except (
        Exception
    ) as error:  # a zip file, a pickle and its dictionary each fail in ways of their own
        raise _damaged(checkpoint) from error
    if theirs != run:
        raise LearningError(
            f"{str(checkpoint)!r} is of a run with other settings ({theirs}); this one has "
            f"{run}: name another folder, or remove the checkpoint to start anew"
        )
    try:
        model.load_state_dict(weights)
        for optimizer, one in zip(optimizers, kept, strict=True):
            optimizer.load_state_dict(one)
        return int(step)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(checkpoint) from error


def _damaged(checkpoint: Path) -> LearningError:
    return LearningError(
        f"the checkpoint {str(checkpoint)!r} is damaged: remove it, and its stage starts anew"
    )

"""Supervised fine-tuning on examples: what the assistant says is learnt, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from workbench.errors import SettingsError
from workbench.metrics import Estimate, bootstrap_mean
from workbench.training.card import write_results
from workbench.training.driving import Ready, carry_out, done_already, make_ready, processes, save
from workbench.training.examples import Example, Photos
from workbench.training.layouts import collate, example_batch
from workbench.training.plan import TrainingPlan
from workbench.training.run import Stages, Trained, alone, finish, silent
from workbench.training.scoring import Floats, score_examples
from workbench.training.trainers import example_trainer


def read_file(address: str) -> bytes:
    """A photo whose address is its path."""
    return Path(address).read_bytes()


def train_sft(
    model: str,
    examples: Sequence[Example],
    *,
    plan: TrainingPlan,
    out: Path,
    evaluation: Sequence[Example] = (),
    photos: Photos = read_file,
    cache: Path | None = None,
    device: str | None = None,
    stages: Stages = silent,
) -> Trained:
    """Fine-tune `model` on `examples`; called again after a kill with the same arguments, it goes on.

    Photos are encoded once, before the first step, where the projector is frozen. Every row is checked before
    anything is trained.

    Args:
        model: What to start from: `starter:listing`, `dir:…` or `hf:…`.
        examples: What is learnt; `mix` puts several kinds together.
        plan: How; its method is `sft`.
        out: The run's folder: new, empty, or this same run's. `run.py` tells what it holds; the finished model
            is `out/model`.
        evaluation: Held-out examples, about other items: they choose the weights that are kept, stop early where
            the plan has `patience`, and give the figures.
        photos: Opens an address; by default a path.
        cache: Folder of encoded photos that several runs share; None: the run's own, removed at its end.
        device: Such as `cuda` or `cpu`; None: the best there is.
        stages: Told of progress.

    Returns:
        What came of it; at once where the run is done already.

    Raises:
        LearningError: Rows are bad (all are named), an item is both learnt and held out, the folder is another
            run's or another process trains in it, or the loss says that nothing is learnt.
        ModelError: The model cannot be loaded or trained.
        SettingsError: The plan is for DPO, or for another number of processes.
    """
    if plan.method != "sft":
        raise SettingsError(f"want a plan for sft, got one for {plan.method!r}")
    if (done := done_already(model, examples, evaluation, plan=plan, out=out)) is not None:
        return done
    with alone(out) if processes(device).is_main_process else nullcontext():
        ready = make_ready(
            model, examples, evaluation, plan=plan, out=out, photos=photos, cache=cache, device=device,
            stages=stages, head=("log_probs", "entropy", "is_top1"),
        )  # fmt: skip
        from trl import SFTConfig

        before = _losses(ready, ready.model)
        finished = carry_out(
            ready,
            example_trainer(),
            SFTConfig,
            collate(example_batch, ready.batcher, ready.rows),
            config={"dataset_kwargs": {"skip_prepare_dataset": True}},
        )
        figures = held_out_figures(before, _losses(ready, finished.model), evaluation)
        save(ready, finished)
        return finish(
            write_results(ready, finished, figures, examples, evaluation), main=ready.main
        )


def held_out_figures(before: Floats, after: Floats, rows: Sequence[Example]) -> dict[str, Estimate]:
    """Held-out loss before and after, and the difference row by row; empty where nothing is held out."""
    if not rows:
        return {}
    groups = np.array([row.item or row.key for row in rows])
    return {
        "held-out loss before": bootstrap_mean(before, groups=groups),
        "held-out loss after": bootstrap_mean(after, groups=groups),
        "held-out loss, after less before": bootstrap_mean(after - before, groups=groups),
    }


def _losses(ready: Ready, model: object) -> Floats:
    return score_examples(
        model, ready.batcher, ready.held_out, batch=ready.plan.batch, autocast=ready.autocast
    )

"""What every run does in the same way: open, check, freeze, encode photos once, train, go on after a kill, save."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import LearningError, SettingsError
from workbench.models.devices import choose_device
from workbench.training.checking import Checked, TokenReport, check_format, check_rows
from workbench.training.examples import Example, Pair, Photos
from workbench.training.features import Features, encode_photos, folder_for, vision_digest
from workbench.training.freezing import check_trainable, core_of, freeze, with_lora
from workbench.training.layouts import Batcher
from workbench.training.opening import open_trainable, revision_of
from workbench.training.plan import TrainingPlan
from workbench.training.reading import Reader
from workbench.training.run import (
    CACHE,
    MODEL,
    Advance,
    Stages,
    Trained,
    arguments_of,
    autocast_of,
    callbacks_of,
    claim,
    last_checkpoint,
    read_trained,
    total_steps,
)
from workbench.training.sharding import asked_sharding
from workbench.training.trainers import Order


@dataclass
class Ready:
    """A run whose rows are read and whose photos are encoded."""

    plan: TrainingPlan
    out: Path
    cache: Path
    model: Any
    """On its device; the fused head is on it, adapters are not."""
    processor: Any
    name: str
    revision: str
    rows: list[Any]
    """Tokens of what is learnt, then of what is held out: a row's number is its place."""
    learnt: int
    """Rows that are learnt."""
    tokens: TokenReport
    batcher: Batcher
    device: Any
    autocast: Callable[[], Any]
    stages: Stages
    main: bool
    """Whether this process writes files."""

    @property
    def held_out(self) -> list[Any]:
        """Tokens of the rows that are held out."""
        return self.rows[self.learnt :]


def processes(device: str | None = None) -> Any:
    """The processes that train together, one where nothing says otherwise: accelerate's state.

    `device` says where they compute; once they are known it is not asked again.
    """
    import torch
    from accelerate import PartialState

    return PartialState(cpu=device == "cpu" or not torch.cuda.is_available())


def done_already(
    name: str,
    rows: Sequence[Example | Pair],
    held_out: Sequence[Example | Pair],
    *,
    plan: TrainingPlan,
    out: Path,
) -> Trained | None:
    """What came of this run where it is done, without loading anything; None where it is not.

    Raises:
        LearningError: Another run is done in `out`.
    """
    done = read_trained(out)
    if done is None:
        return None
    revision = revision_of(name) or done.revision
    claim(out, plan, start=name, revision=revision, rows=rows, held_out=held_out)
    return done


def make_ready(
    name: str,
    rows: Sequence[Example | Pair],
    held_out: Sequence[Example | Pair],
    *,
    plan: TrainingPlan,
    out: Path,
    photos: Photos,
    cache: Path | None,
    device: str | None,
    stages: Stages,
    head: tuple[str, ...],
) -> Ready:
    """Open the model, read every row, refuse bad ones, freeze, and encode the photos.

    `head` names what TRL's fused head computes of each token.
    """
    together = processes(device)
    if together.num_processes != plan.devices:
        raise SettingsError(
            f"the plan is for {plan.devices} devices and {together.num_processes} process(es) were started: a step "
            "would have other rows than planned. Set `devices`, or start it with `accelerate launch` or `torchrun`"
        )
    main = bool(together.is_main_process)
    opened = open_trainable(name, attention=plan.attention)
    with together.main_process_first():
        claim(out, plan, start=name, revision=opened.revision, rows=rows, held_out=held_out)
    reader = Reader(opened.processor, photos)
    with stages("read rows", len(rows) + len(held_out), "rows") as advance:
        learnt, aside = _checked(rows, held_out, reader, plan, advance)
        check_format(rows, reader)
    place = choose_device(device)
    if place.type == "cuda" and device is None:
        place = choose_device(f"cuda:{together.local_process_index}")
    model = opened.model.to(place)
    freeze(model, projector=plan.projector)
    autocast = autocast_of(plan, place)
    every = [*learnt.rows, *(aside.rows if aside else ())]
    kept = cache or out / CACHE
    features = None
    if plan.projector == "frozen" and plan.feature_gigabytes:
        digest = vision_digest(model, opened.processor, precision=plan.precision)
        features = Features(folder_for(kept, digest))
        addresses = sorted({photo for row in every for photo in row.photos})
        with stages("encode photos", len(addresses), "photos") as advance:
            advance(sum(one in features for one in addresses))
            fits = encode_photos(
                model,
                reader,
                addresses,
                features,
                limit=plan.feature_gigabytes * 2**30,
                autocast=autocast,
                share=(together.process_index, together.num_processes),
                progress=advance,
            )
        together.wait_for_everyone()
        features.refresh()
        # Where another process found that they do not fit, its part is missing.
        features = features if fits and all(one in features for one in addresses) else None
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model, outputs=head)
    return Ready(
        plan=plan,
        out=out,
        cache=kept,
        model=model,
        processor=opened.processor,
        name=name,
        revision=opened.revision,
        rows=every,
        learnt=len(learnt.rows),
        tokens=learnt.tokens,
        batcher=Batcher(reader, features, core_of(model)),
        device=place,
        autocast=autocast,
        stages=stages,
        main=main,
    )


def _checked(
    rows: Sequence[Example | Pair],
    held_out: Sequence[Example | Pair],
    reader: Reader,
    plan: TrainingPlan,
    advance: Advance,
) -> tuple[Checked, Checked | None]:
    """Rows that are learnt and rows that are not, both read before anything is refused: one error names all bad ones."""
    refused, found = list[str](), list[Checked]()
    for some, what in ((rows, "rows to learn from"), (held_out, "held-out rows")):
        if some is rows or some:
            try:
                found.append(check_rows(some, reader, plan, what=what))
            except LearningError as error:
                refused.append(str(error))
        advance(len(some))
    if refused:
        raise LearningError("\n".join(refused))
    return found[0], found[1] if held_out else None


@dataclass
class Finished:
    """A trainer that is done."""

    trainer: Any
    model: Any
    """Adapters merged, where there were any."""
    learning: int
    best_step: int | None
    stopped_early: bool
    steps: int
    seconds: float


def carry_out(
    ready: Ready,
    trainer_class: type,
    config_class: type,
    collator: Any,
    *,
    config: dict[str, Any],
    **extra: Any,
) -> Finished:
    """Train, going on from the newest whole checkpoint.

    Args:
        ready: The run.
        trainer_class: From `trainers`.
        config_class: TRL's configuration for it.
        collator: Makes batches of row numbers.
        config: What it takes beside the plan.
        extra: Further arguments of the trainer.
    """
    import torch
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from transformers.trainer_callback import PrinterCallback

    plan, held_out = ready.plan, len(ready.held_out)
    if plan.weights == "lora" and (sharded := asked_sharding()):
        raise SettingsError(
            f"want `weights: full` where {sharded} shards them, got `weights: lora`: adapters cannot be merged into "
            "shards. Start adapters without the sharding configuration; they need little memory"
        )
    torch.manual_seed(plan.seed)
    model = ready.model
    if plan.weights == "lora":
        model = with_lora(model, rank=plan.lora_rank, alpha=plan.lora_alpha, seed=plan.seed)
    learning = check_trainable(model, projector=plan.projector)
    arguments = arguments_of(
        plan, ready.out, rows=ready.learnt, evaluated=bool(held_out), cpu=ready.device.type == "cpu"
    )
    numbers = list(range(len(ready.rows)))
    lengths = [len(row) for row in ready.rows[: ready.learnt]]
    with ready.stages("train", total_steps(plan, ready.learnt), "steps") as advance:
        callbacks = callbacks_of(ready.out, advance, main=ready.main)
        if plan.patience is not None and held_out:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=plan.patience))
        trainer = trainer_class(
            model=model,
            args=config_class(**arguments, **config),
            data_collator=collator,
            train_dataset=Dataset.from_dict({"row": numbers[: ready.learnt]}),
            eval_dataset=Dataset.from_dict({"row": numbers[ready.learnt :]}) if held_out else None,
            processing_class=ready.processor,
            callbacks=callbacks,
            order=Order(
                ready.learnt,
                batch=plan.batch,
                seed=plan.seed,
                lengths=lengths if plan.group_by_length else None,
            ),
            **extra,
        )
        trainer.remove_callback(PrinterCallback)
        checkpoint = last_checkpoint(ready.out)
        started = time.perf_counter()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = time.perf_counter() - started
    state = trainer.state
    merged = trainer.accelerator.unwrap_model(trainer.model)
    if plan.weights == "lora":
        merged = merged.merge_and_unload()
    return Finished(
        trainer=trainer,
        model=merged,
        learning=learning,
        best_step=state.best_global_step if held_out and state.best_global_step else None,
        stopped_early=state.global_step < state.max_steps,
        steps=int(state.global_step),
        seconds=seconds,
    )


def save(ready: Ready, finished: Finished) -> Path:
    """Write the finished model's folder, whole or not at all; the weights in memory end in the plan's precision."""
    import torch

    folder, half = ready.out / MODEL, ready.out / f"{MODEL}.half"
    trainer = finished.trainer
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        _save_shards(ready, trainer, half)
    elif ready.main:
        shutil.rmtree(half, ignore_errors=True)
        # A patched forward is no part of the weights.
        finished.model.to("cpu", getattr(torch, ready.plan.saved_as)).save_pretrained(half)
    if ready.main:
        ready.processor.save_pretrained(half)
        shutil.rmtree(folder, ignore_errors=True)
        half.replace(folder)
    trainer.accelerator.wait_for_everyone()
    return folder


def _save_shards(ready: Ready, trainer: Any, half: Path) -> None:
    """The same folder from weights that are spread over processes: gathered by all, written by the first."""
    import torch

    gathered = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if ready.main:
        shutil.rmtree(half, ignore_errors=True)
        model = trainer.accelerator.unwrap_model(trainer.model)
        tied = set(getattr(model, "all_tied_weights_keys", None) or ())
        kept = {
            name: one.to("cpu", getattr(torch, ready.plan.saved_as))
            if one.is_floating_point()
            else one
            for name, one in gathered.items()
            if name not in tied
        }
        model.save_pretrained(half, state_dict=kept)


def history(finished: Finished) -> list[dict[str, float]]:
    """What was logged, from the first step on."""
    return [dict(one) for one in finished.trainer.state.log_history]

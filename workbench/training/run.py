"""A training run's folder: what it was asked, where it goes on after a kill, what it leaves.

out/run.json       what was asked; another run in the same folder is refused
out/checkpoints/   the newest two and the best, removed when the run is done
out/cache/         encoded photos and reference log-probabilities, unless they are kept elsewhere
out/log.jsonl      one line a logged step
out/tensorboard/   the same for TensorBoard
out/model/         the finished model, which `dir:` loads, with its card
out/curves.svg     losses
out/lineage.jsonl  which row was made from what
out/trained.json   what came of it; where it is, the run is done
"""

from __future__ import annotations

import errno
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import LearningError, SettingsError
from workbench.metrics import Estimate
from workbench.models.holding import held
from workbench.records import content_key
from workbench.training.checking import TokenReport
from workbench.training.examples import Example, Pair
from workbench.training.plan import TrainingPlan

Advance = Callable[[int], None]
Stages = Callable[[str, int, str], AbstractContextManager[Advance]]
"""Name, total and unit of a stage to a context that is told of progress."""

CHECKPOINTS, CACHE, MODEL = "checkpoints", "cache", "model"
_ASKED, _DONE, _LOG = "run.json", "trained.json", "log.jsonl"


@contextmanager
def silent(_name: str, _total: int, _unit: str) -> Iterator[Advance]:
    """A stage of which nothing is shown."""
    yield lambda _done: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What came of a run."""

    out: Path
    method: str
    start: str
    """The string of the model that it started from."""
    revision: str
    """Of that model's weights."""
    rows: int
    held_out: int
    simulated: int
    """Rows that no person wrote or said."""
    tokens: TokenReport
    steps: int
    best_step: int | None
    """The step whose weights were kept, the best on held-out rows; None: the last one."""
    stopped_early: bool
    learning: int
    """Parameters that learnt."""
    seconds: float
    """Of training itself, since the last start."""
    figures: Mapping[str, Estimate]
    """On held-out rows, with intervals; empty where there are none."""

    @property
    def folder(self) -> Path:
        """The finished model."""
        return self.out / MODEL

    @property
    def model(self) -> str:
        """The string that loads it."""
        return f"dir:{self.folder}"

    def as_dict(self) -> dict[str, object]:
        """As JSON; paths stay out, so that a moved folder says the same."""
        return {
            "method": self.method,
            "start": self.start,
            "revision": self.revision,
            "rows": self.rows,
            "held_out": self.held_out,
            "simulated": self.simulated,
            "tokens": {
                name: getattr(self.tokens, name) for name in TokenReport.__dataclass_fields__
            },
            "steps": self.steps,
            "best_step": self.best_step,
            "stopped_early": self.stopped_early,
            "learning": self.learning,
            "seconds": self.seconds,
            "figures": {name: one.to_dict() for name, one in self.figures.items()},
        }

    def __str__(self) -> str:
        """What was trained on what, how well it does on held-out rows, where it is."""
        kind = "pairs" if self.method == "dpo" else "examples"
        lines = [
            f"{self.method.upper()} from {self.start} on {self.rows:,} {kind}: {self.steps:,} steps, "
            f"{self.seconds:,.0f} s, {self.learning:,} parameters learnt",
            f"tokens: {self.tokens}",
        ]
        if self.simulated:
            lines.append(
                f"{self.simulated:,} of {self.rows:,} {kind} are simulated: no person wrote them"
            )
        if self.stopped_early:
            lines.append("stopped early: held-out rows got no better")
        if self.best_step is not None:
            lines.append(
                f"kept: step {self.best_step:,}, the best on {self.held_out:,} held-out {kind}"
            )
        lines += [f"  {name}: {one}, n = {one.n:,}" for name, one in self.figures.items()]
        if not self.held_out:
            lines.append("nothing was held out, so nothing is known of how well it does")
        return "\n".join([*lines, f"model: {self.model}"])


def read_trained(out: Path) -> Trained | None:
    """What came of the run in `out`; None where it is not done."""
    path = out / _DONE
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    tokens = TokenReport(**told.pop("tokens"))
    figures = {name: Estimate.from_dict(one) for name, one in told.pop("figures").items()}
    return Trained(out=out, tokens=tokens, figures=figures, **told)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the run's folder, making it where it is not there; the hold ends with the process, however that ends.

    Raises:
        LearningError: Another process trains in it now.
        SettingsError: Nothing can be written there, or its disk is full.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(out))
        except OSError as error:
            raise _unwritable(out, error) from error
        try:
            yield
        except Exception as error:
            if _no_room(error):
                raise _unwritable(out, error) from error
            raise
        finally:
            with suppress(OSError):  # it is not empty
                out.rmdir()


def _unwritable(out: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"want to write a training run to {str(out)!r}, which cannot be done: {error}. Make room or name another folder "
        "with --out; the same command goes on where it was"
    )


def _no_room(error: Exception) -> bool:
    """Whether a disk or a folder refused: libraries in other languages say so in words of their own."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}
    told = str(error)
    return any(
        one in told for one in ("os error 28", "PytorchStreamWriter failed", "unexpected pos")
    )


def claim(
    out: Path,
    plan: TrainingPlan,
    *,
    start: str,
    revision: str,
    rows: Sequence[Example | Pair],
    held_out: Sequence[Example | Pair],
) -> None:
    """Make `out` this run's folder.

    Raises:
        LearningError: It is another run's, or a row is both learnt and held out.
        SettingsError: `out` holds something else.
    """
    keys, eval_keys = [row.key for row in rows], [row.key for row in held_out]
    items = {row.item for row in rows if row.item is not None}
    both = sorted({row.item for row in held_out if row.item is not None} & items)
    if both or set(keys) & set(eval_keys):
        shown = ", ".join(both[:5]) or "rows about no item"
        raise LearningError(f"{len(both) or 'some'} items are both learnt and held out: {shown}")
    asked = {
        "plan": plan.as_dict(),
        "start": start,
        "revision": revision,
        "rows": content_key(keys),
        "held_out": content_key(eval_keys),
    }
    path = out / _ASKED
    if path.is_file():
        before = json.loads(path.read_text())
        if differs := [name for name in asked if before.get(name) != asked[name]]:
            raise LearningError(
                f"the folder {str(out)!r} holds another run ({', '.join(differs)} differ): name another with --out, "
                "or delete it"
            )
        return
    if out.is_dir() and any(one.name != CACHE for one in out.iterdir()):
        raise SettingsError(f"want a new or empty folder for a training run, got {str(out)!r}")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, asked)


def last_checkpoint(out: Path) -> Path | None:
    """The newest checkpoint that was written whole; its state is the last file that is written."""
    found = []
    for path in (out / CHECKPOINTS).glob("checkpoint-*"):
        try:
            step = int(json.loads((path / "trainer_state.json").read_text())["global_step"])
        except (OSError, ValueError, KeyError):
            shutil.rmtree(path, ignore_errors=True)
            continue
        found.append((step, path))
    return max(found)[1] if found else None


def arguments_of(
    plan: TrainingPlan, out: Path, *, rows: int, evaluated: bool, cpu: bool
) -> dict[str, Any]:
    """The plan in the words of transformers' `TrainingArguments`."""
    steps = total_steps(plan, rows)
    every = (plan.evaluate_every or plan.save_every) if evaluated else plan.save_every
    when: dict[str, Any] = {"save_strategy": "steps" if every else "epoch"}
    if every:
        when["save_steps"] = every
    if evaluated:
        when |= {"eval_strategy": when["save_strategy"], "load_best_model_at_end": True}
        when |= {"metric_for_best_model": "eval_loss", "greater_is_better": False}
        if every:
            when["eval_steps"] = every
    return when | {
        "output_dir": str(out / CHECKPOINTS),
        "per_device_train_batch_size": plan.batch,
        "per_device_eval_batch_size": plan.batch,
        "gradient_accumulation_steps": plan.accumulation,
        "learning_rate": plan.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": math.ceil(plan.warmup * steps),
        "weight_decay": plan.weight_decay,
        "num_train_epochs": plan.epochs,
        "max_steps": plan.steps or -1,
        "bf16": plan.precision == "bfloat16",
        # The second name is the old one of the first, which TRL sets otherwise.
        "activation_checkpointing": plan.gradient_checkpointing,
        "gradient_checkpointing": plan.gradient_checkpointing,
        "max_length": None,
        "seed": plan.seed,
        "logging_steps": max(1, steps // 200),
        "logging_first_step": True,
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": True,
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": not cpu,
        "use_cpu": cpu,
        "ddp_backend": "gloo" if cpu and plan.devices > 1 else None,
        # A tuned projector learns nothing from a batch without photos.
        "ddp_find_unused_parameters": plan.projector == "tuned",
        "optim": "adamw_torch",
    }


def total_steps(plan: TrainingPlan, rows: int) -> int:
    """Steps of the optimizer that the plan takes for so many rows."""
    if plan.steps is not None:
        return plan.steps
    batches = math.ceil(math.ceil(rows / plan.batch) / plan.devices)
    return max(1, math.ceil(plan.epochs * math.ceil(batches / plan.accumulation)))


def autocast_of(plan: TrainingPlan, device: Any) -> Callable[[], Any]:
    """Makes the context in which the plan computes."""
    if plan.precision == "float32":
        return nullcontext
    import torch

    return lambda: torch.autocast(device.type, torch.bfloat16)


def callbacks_of(out: Path, advance: Advance, *, main: bool) -> list[Any]:
    """What follows a run: the log, TensorBoard, progress."""
    from transformers import TrainerCallback

    class Follow(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            # A checkpoint names the best one by a path, which is another where the folder was moved or is named from
            # elsewhere; and it does not keep transformers from training on after the end.
            best = out / CHECKPOINTS / f"checkpoint-{state.best_global_step}"
            if best.is_dir():
                state.best_model_checkpoint = str(best)
            said = state.stateful_callbacks.get("TrainerControl", {}).get("args", {})
            control.should_training_stop = bool(state.global_step) and (
                state.global_step >= state.max_steps or bool(said.get("should_training_stop"))
            )
            advance(state.global_step)
            if main:
                lines = [json.dumps(one) + "\n" for one in state.log_history]
                (out / _LOG).write_text("".join(lines))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            advance(1)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if main:
                with (out / _LOG).open("a") as log:
                    log.write(json.dumps({**logs, "step": state.global_step}) + "\n")

    found: list[Any] = [Follow()]
    if main:
        from tensorboardX import SummaryWriter
        from transformers.integrations import TensorBoardCallback

        found.append(TensorBoardCallback(SummaryWriter(str(out / "tensorboard"))))
    return found


def read_log(out: Path) -> list[dict[str, float]]:
    """The run's log, one mapping a logged step."""
    path = out / _LOG
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lineage(out: Path, rows: Sequence[Example | Pair], parts: Sequence[str]) -> None:
    """One line a row: its key, item and source, what it was made from, and whether it was learnt."""
    half = out / "lineage.half"
    with half.open("w") as file:
        for row, part in zip(rows, parts, strict=True):
            told = {
                "key": row.key,
                "part": part,
                "item": row.item,
                "source": row.source,
                "made_from": list(row.lineage),
                "simulated": row.simulated,
            }
            file.write(json.dumps(told) + "\n")
    half.replace(out / "lineage.jsonl")


def finish(trained: Trained, *, main: bool) -> Trained:
    """Say that the run is done, then remove what it needed to go on; the first of several processes does it."""
    if not main:
        return trained
    write_json(trained.out / _DONE, trained.as_dict())
    shutil.rmtree(trained.out / CHECKPOINTS, ignore_errors=True)
    shutil.rmtree(trained.out / CACHE, ignore_errors=True)
    return trained


def write_json(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
    half.replace(path)

"""Fine-tuning on what a store holds: examples of the kinds that are asked for, mixed, checked, learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder, record
from pipelines.training_data import Kind, apart, examples_of
from workbench.models.quiet import no_bars
from workbench.training import load_plan, mix, train_sft

if TYPE_CHECKING:
    from workbench.store import Store
    from workbench.training import Trained
    from workbench.training.run import Advance

HELD_OUT = 0.1
"""Share of the training part's items that choose the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """What to train, on what, how, and where it goes."""

    model: str
    plan: str
    """A plan that ships, or a YAML file."""
    out: Path
    held_out: float = HELD_OUT
    """Share of the training part's items that are not learnt and choose the weights, 0 to under 1."""
    seed: int = 0
    """Of the mixture and of what is held out; the plan has its own."""
    device: str | None = None
    cache: Path | None = None
    """Folder of encoded photos that several runs share; None: the run's own."""


def train_sft_from(
    store: Store,
    job: TrainJob,
    *,
    kinds: Mapping[Kind, float],
    quiet: bool = False,
) -> Trained:
    """Fine-tune on the store's examples; run again after a kill, it goes on.

    Args:
        store: Items of its training part alone are learnt, and choose the weights.
        job: What and how.
        kinds: Kind of examples to how often each of them comes (`mix`).
        quiet: No progress bars.

    Raises:
        LearningError: There are no examples of a kind, or rows are bad (all are named).
        LeakageError: An item that is held out for evaluation was about to train.
        ModelError: The model cannot be loaded or trained.
        SettingsError: The plan is wrong.
    """
    plan = load_plan(job.plan, "sft")
    arguments = {**_told(job), "kinds": dict(kinds)}
    with record(store, "train sft", arguments, quiet=quiet) as recorder, no_bars():
        parts = examples_of(store, kinds)
        mixed = mix({str(k): rows for k, rows in parts.items()}, _weights(kinds), seed=job.seed)
        learnt, aside = apart(mixed, share=job.held_out, seed=job.seed)
        return train_sft(
            job.model,
            learnt,
            evaluation=list({row.key: row for row in aside}.values()),
            plan=plan,
            out=job.out,
            photos=store.images.get,
            cache=job.cache,
            device=job.device,
            stages=stages_of(recorder),
        )


def stages_of(recorder: Recorder) -> _Stages:
    """A recorder's stages in the form that trainers tell."""
    return _Stages(recorder)


@dataclass(frozen=True)
class _Stages:
    recorder: Recorder

    @contextmanager
    def __call__(self, name: str, total: int, unit: str) -> Iterator[Advance]:
        with self.recorder.stage(name, total, unit=unit) as stage:
            yield stage.advance


def _weights(kinds: Mapping[Kind, float]) -> dict[str, float]:
    return {str(kind): weight for kind, weight in kinds.items()}


def _told(job: TrainJob) -> dict[str, object]:
    """A job for the record."""
    return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(job).items()}

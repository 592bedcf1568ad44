"""Learning to prefer from what a store holds: its pairs, or an exported folder of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.recorder import record
from pipelines.sft import TrainJob, stages_of
from pipelines.training_data import apart, exported_pairs, stored_pairs
from workbench.models.quiet import no_bars
from workbench.training import load_plan, train_dpo

if TYPE_CHECKING:
    from workbench.store import Store
    from workbench.training import Trained


def train_dpo_from(
    store: Store, job: TrainJob, *, pairs: Path | None = None, quiet: bool = False
) -> Trained:
    """Learn from the store's pairs; run again after a kill, it goes on.

    Args:
        store: Its stored pairs are learnt, and keep the run.
        job: What and how.
        pairs: A folder that `workbench pairs --format trl` wrote, learnt in their place; None: the store's.
        quiet: No progress bars.

    Raises:
        LearningError: There are no pairs, or some are bad (all are named).
        LeakageError: A pair is about an item that is held out for evaluation.
        ModelError: The model cannot be loaded or trained.
        SettingsError: The plan is wrong.
    """
    plan = load_plan(job.plan, "dpo")
    told = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(job).items()}
    arguments = {**told, "pairs": pairs and str(pairs)}
    with record(store, "train dpo", arguments, quiet=quiet) as recorder, no_bars():
        photos = store.images.get
        if pairs is None:
            rows = stored_pairs(store)
        else:
            rows, files = exported_pairs(store, pairs)

            def photos(address: str) -> bytes:
                return files[address].read_bytes()

        learnt, aside = apart(rows, share=job.held_out, seed=job.seed)
        return train_dpo(
            job.model,
            learnt,
            evaluation=aside,
            plan=plan,
            out=job.out,
            photos=photos,
            cache=job.cache,
            device=job.device,
            stages=stages_of(recorder),
        )

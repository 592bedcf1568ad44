"""Direct preference optimisation on pairs: the chosen answer becomes likelier than the rejected one.

Sigmoid loss (Rafailov et al. 2023, arXiv:2305.18290), with a term for the likelihood of what is chosen and the
explicit KL term of arXiv:2508.10116, eq. 3, where the plan gives them a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.errors import SettingsError
from workbench.metrics import Estimate, bootstrap_mean, proportion
from workbench.records import content_key
from workbench.training.card import write_results
from workbench.training.driving import Ready, carry_out, done_already, make_ready, processes, save
from workbench.training.examples import Pair, Photos
from workbench.training.layouts import collate, pair_batch
from workbench.training.plan import TrainingPlan
from workbench.training.run import Stages, Trained, alone, finish, silent
from workbench.training.scoring import Scored, load_scores, save_scores, score_pairs
from workbench.training.sft import read_file
from workbench.training.trainers import pair_trainer


def train_dpo(
    model: str,
    pairs: Sequence[Pair],
    *,
    plan: TrainingPlan,
    out: Path,
    evaluation: Sequence[Pair] = (),
    photos: Photos = read_file,
    cache: Path | None = None,
    device: str | None = None,
    stages: Stages = silent,
) -> Trained:
    """Teach `model` to prefer; called again after a kill with the same arguments, it goes on.

    The reference is the model that training starts from. Its log-probabilities are computed once, before the
    first step, and no second model is kept in memory.

    Args:
        model: What to start from, usually a model that was fine-tuned: `dir:…`, `hf:…` or `starter:…`.
        pairs: What is learnt.
        plan: How; its method is `dpo`.
        out: The run's folder, as for `train_sft`.
        evaluation: Held-out pairs, about other items.
        photos: Opens an address; by default a path.
        cache: Folder of encoded photos that several runs share; None: the run's own.
        device: Such as `cuda` or `cpu`; None: the best there is.
        stages: Told of progress.

    Returns:
        What came of it, with the share of held-out pairs whose chosen answer is the likelier one, before and
        after.

    Raises:
        LearningError: As for `train_sft`; or the reference is not the model that training starts from.
        ModelError: The model cannot be loaded or trained.
        SettingsError: The plan is for SFT, or for another number of processes.
    """
    if plan.method != "dpo":
        raise SettingsError(f"want a plan for dpo, got one for {plan.method!r}")
    if (done := done_already(model, pairs, evaluation, plan=plan, out=out)) is not None:
        return done
    with alone(out) if processes(device).is_main_process else nullcontext():
        ready = make_ready(
            model, pairs, evaluation, plan=plan, out=out, photos=photos, cache=cache, device=device,
            stages=stages, head=("log_probs",),
        )  # fmt: skip
        from trl import DPOConfig

        reference = _reference(ready, [*pairs, *evaluation])
        losses, weights = ["sigmoid"], [1.0]
        if plan.sft_weight:
            losses, weights = ["sigmoid", "sft"], [1.0, plan.sft_weight]
        finished = carry_out(
            ready,
            pair_trainer(),
            DPOConfig,
            collate(pair_batch, ready.batcher, ready.rows),
            config={
                "beta": plan.beta,
                "loss_type": losses,
                "loss_weights": weights,
                "precompute_ref_log_probs": True,
            },
            reference=reference,
            kl_weight=plan.kl_weight,
            precision=plan.precision,
        )
        after = score_pairs(
            finished.model, ready.batcher, ready.held_out, batch=plan.batch, autocast=ready.autocast
        )
        figures = preference_figures(reference[ready.learnt :], after, evaluation, beta=plan.beta)
        save(ready, finished)
        return finish(write_results(ready, finished, figures, pairs, evaluation), main=ready.main)


def preference_figures(
    before: Sequence[Scored], after: Sequence[Scored], rows: Sequence[Pair], *, beta: float
) -> dict[str, Estimate]:
    """How often the chosen answer is the likelier one, before and after; and DPO's own margin.

    The first three compare log-probabilities of whole answers. `rewards` compares how far each answer has moved
    from the reference, times β, which is what DPO's loss sees.
    """
    if not rows:
        return {}
    groups = np.array([row.item or row.key for row in rows])
    was, now = _margins(before), _margins(after)
    first, last = was > 0, now > 0
    return {
        "chosen likelier than rejected, before": proportion(first, groups=groups),
        "chosen likelier than rejected, after": proportion(last, groups=groups),
        "chosen likelier than rejected, after less before": bootstrap_mean(
            last.astype(float) - first.astype(float), groups=groups
        ),
        "rewards of chosen over rejected": proportion(now > was, groups=groups),
        "margin of rewards": bootstrap_mean(beta * (now - was), groups=groups),
    }


def _margins(scored: Sequence[Scored]) -> npt.NDArray[np.float64]:
    return np.array([float(chosen.sum()) - float(rejected.sum()) for chosen, rejected in scored])


def _reference(ready: Ready, pairs: Sequence[Pair]) -> list[Scored]:
    """Log-probabilities of all rows by the model that training starts from; kept, and shared out over processes."""
    plan, together = ready.plan, processes()
    rank, count = together.process_index, together.num_processes
    key = content_key(ready.revision, plan.precision, [pair.key for pair in pairs])[:16]
    ready.cache.mkdir(parents=True, exist_ok=True)

    def part(number: int) -> Path:
        return ready.cache / f"reference-{key}-{number}of{count}.npz"

    with ready.stages("reference", len(ready.rows[rank::count]), "pairs") as advance:
        if not part(rank).is_file():
            mine = score_pairs(
                ready.model,
                ready.batcher,
                ready.rows[rank::count],
                batch=plan.batch,
                autocast=ready.autocast,
                progress=advance,
            )
            save_scores(part(rank), mine)
    together.wait_for_everyone()
    parts = [load_scores(part(number)) for number in range(count)]
    return [parts[place % count][place // count] for place in range(len(ready.rows))]

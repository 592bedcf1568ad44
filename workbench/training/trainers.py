"""TRL's trainers, told where they go wrong with photos: what is resumed, what is encoded twice, what is silent.

Written for TRL 1.16 and transformers 5.23. The classes are made when they are first asked for, because their
bases take seconds to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import LearningError, ModelError
from workbench.training.scoring import Scored, model_inputs, pair_outputs
from workbench.training.sharding import asked_sharding, check_sharding

_LN2 = float(np.log(2))
FIRST_LOSS = {"float32": 1e-3, "bfloat16": 3e-2}
"""Precision to how far from ln 2 DPO's first loss may be: there, model and reference are the same."""


class Order:
    """The order of rows in an epoch: it follows from seed and epoch alone, so a resumed run meets the same rows.

    Rows of like length come together where lengths are given, in chunks of `batch`, chunks in random order.
    """

    _AT_ONCE = 50
    """Batches within which rows are sorted by length."""

    def __init__(self, count: int, *, batch: int, seed: int, lengths: Sequence[int] | None) -> None:
        """`lengths`: of every row; None: rows come in any order."""
        self.count, self.batch, self.seed, self.epoch = count, batch, seed, 0
        self.lengths = None if lengths is None else np.asarray(lengths)

    def set_epoch(self, epoch: int) -> None:
        """Told by the trainer at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        rows = rng.permutation(self.count)
        if self.lengths is not None:
            size = self.batch * self._AT_ONCE
            spans = [rows[start : start + size] for start in range(0, self.count, size)]
            rows = np.concatenate(
                [one[np.argsort(self.lengths[one], kind="stable")] for one in spans]
            )
            whole = len(rows) // self.batch * self.batch
            chunks = rows[:whole].reshape(-1, self.batch)
            rows = np.concatenate([chunks[rng.permutation(len(chunks))].ravel(), rows[whole:]])
        return iter(rows.tolist())


def load_strictly(model: Any, folder: Path) -> None:
    """Put the weights that were saved in `folder` into `model`, all of them.

    transformers resumes with a loose `load_state_dict`; checkpoints of Qwen2-VL, LLaVA and InternVL name tensors as
    the hub does, so that nothing would be loaded and training would go on from the base weights.

    Raises:
        ModelError: A tensor is missing, is another's, or has another shape.
    """
    saved, told = type(model).from_pretrained(
        folder, dtype=model.dtype, local_files_only=True, output_loading_info=True
    )
    wrong = {what: sorted(map(str, told[what])) for what in told if told[what]}
    if wrong:
        first = "; ".join(f"{what}: {names[0]}" for what, names in wrong.items())
        raise ModelError(f"the checkpoint {str(folder)!r} does not fit the model: {first}")
    model.load_state_dict(saved.state_dict(), strict=True)


class _Ours:
    """What both trainers share; stands before a TRL trainer among the bases."""

    order: Order
    args: Any
    model: Any
    state: Any
    control: Any
    accelerator: Any
    is_fsdp_enabled: bool
    is_deepspeed_enabled: bool
    _looked_at_shards = False

    def _send_telemetry(self) -> None:
        """Nobody is told what is trained."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The finished folder gets a card of its own."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        """Rows are numbers: their tokens are known already."""
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order

    def _loads_itself(self, folder: str) -> bool:
        adapters = (Path(folder) / "adapter_config.json").is_file()
        return adapters or self.is_fsdp_enabled or self.is_deepspeed_enabled

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._loads_itself(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        else:
            load_strictly(model or self.model, Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        best = self.state.best_model_checkpoint
        if self._loads_itself(best):
            super()._load_best_model()  # type: ignore[misc]
        else:
            load_strictly(self.model, Path(best))

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """One epoch; none where the checkpoint that it goes on from was the last one."""
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)  # type: ignore[misc]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One batch; weights that are not sharded as asked, or a loss that says that nothing is learnt, stop the run."""
        if not self._looked_at_shards and (asked := asked_sharding()):
            learning = [one for one in self.model.parameters() if one.requires_grad]
            check_sharding(learning, asked=asked, processes=self.accelerator.num_processes)
        self._looked_at_shards = True
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        check_loss(float(loss.detach()), step=int(self.state.global_step))
        return loss


def check_loss(loss: float, *, step: int) -> None:
    """Stop a run that learns nothing.

    Raises:
        LearningError: The loss is exactly 0, infinite or no number.
    """
    if loss == 0:
        raise LearningError(
            f"the loss is exactly 0 at step {step + 1}: no token of the batch is learnt. Look at the answers: they "
            "are empty, or something cut them off"
        )
    if not np.isfinite(loss):
        raise LearningError(
            f"the loss is {loss!r} at step {step + 1}: lower the learning rate, or compute in float32"
        )


@cache
def example_trainer() -> type:
    """The class that fine-tunes on examples."""
    from trl import SFTTrainer

    class ExampleTrainer(_Ours, SFTTrainer):  # type: ignore[misc]
        """SFT whose batches come tokenised, with photos that are encoded already where they can be."""

        def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
            self.order = order
            super().__init__(*args, **kwargs)

        def compute_loss(
            self,
            model: Any,
            inputs: Any,
            return_outputs: bool = False,
            num_items_in_batch: Any = None,
        ) -> Any:
            """TRL's loss, over features in place of pixels."""
            words = ("input_ids", "attention_mask", "labels")
            given = {name: inputs[name] for name in words} | model_inputs(inputs)
            return super().compute_loss(model, given, return_outputs, num_items_in_batch)

    return ExampleTrainer


@cache
def pair_trainer() -> type:
    """The class that learns from pairs."""
    import torch
    from trl import DPOTrainer

    class PairTrainer(_Ours, DPOTrainer):  # type: ignore[misc]
        """DPO against log-probabilities that were computed once, both answers in one sequence, with a KL term.

        The KL term is λ · mean(exp(d) − d − 1) over the tokens of both answers, d being the reference's
        log-probability less the model's: an estimate of KL(model ‖ reference) that is never negative (Schulman,
        2020, "Approximating KL divergence", k3), for the term of arXiv:2508.10116, eq. 3.
        """

        def __init__(
            self,
            *args: Any,
            order: Order,
            reference: Sequence[Scored],
            kl_weight: float,
            precision: str,
            **kwargs: Any,
        ) -> None:
            """`reference`: by the number of the row, those of training and then the held-out ones."""
            self.order, self.reference, self.kl_weight = order, reference, kl_weight
            self._tolerance, self._started = FIRST_LOSS[precision], False
            super().__init__(*args, **kwargs)

        def _precompute_ref_logps(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
            kept: dict[str, Any] = {}

            def forward(**_: Any) -> Any:
                kept["outputs"] = pair_outputs(model, inputs)
                return kept["outputs"]

            said = inputs["said"]  # (2n, answer)
            known = self._known(inputs["rows"], said)
            # TRL reads which tokens are learnt after shifting by one.
            before = said.new_zeros(len(said), 1)
            learnt = torch.cat([before, said], 1).long()
            chosen, rejected = known.sum(1).chunk(2)
            small = {
                "input_ids": learnt,
                "attention_mask": learnt,
                "completion_mask": learnt,
                "ref_chosen_logps": chosen,
                "ref_rejected_logps": rejected,
            }
            loss = super()._compute_loss(forward, small, return_outputs)
            policy = kept["outputs"].log_probs
            self._check_start(policy, known)
            if self.kl_weight:
                gap = known - policy
                kl = ((gap.exp() - gap - 1) * said).sum() / said.sum()
                mode = "train" if self.model.training else "eval"
                gathered = self.accelerator.gather_for_metrics(kl.detach())
                self._metrics[mode]["kl"].append(gathered.mean().item())
                loss = loss + self.kl_weight * kl
            return loss

        def _known(self, rows: Any, said: Any) -> Any:
            """The reference's log-probabilities of a batch's tokens, (2n, answer)."""
            known = np.zeros(tuple(said.shape), dtype=np.float32)
            numbers = rows.tolist()
            for i, number in enumerate(numbers):
                for side, tokens in enumerate(self.reference[number]):
                    known[side * len(numbers) + i, : len(tokens)] = tokens
            return torch.from_numpy(known).to(said.device)

        def _check_start(self, policy: Any, known: Any) -> None:
            """Before the first step model and reference are one, so DPO's loss is ln 2."""
            if self._started or not self.model.training:
                return
            self._started = True
            if self.state.global_step:
                return  # it goes on from a checkpoint
            chosen, rejected = (policy.detach() - known).sum(1).chunk(2)
            loss = -torch.nn.functional.logsigmoid(self.beta * (chosen - rejected)).mean().item()
            check_reference(loss, tolerance=self._tolerance)

    return PairTrainer


def check_reference(loss: float, *, tolerance: float) -> None:
    """Stop a run whose reference is not the model that it starts from.

    Raises:
        LearningError: DPO's first loss, its sigmoid term alone, is not ln 2.
    """
    if not abs(loss - _LN2) <= tolerance:
        raise LearningError(
            f"DPO's first loss is {loss:.4f} and not ln 2 = {_LN2:.4f}: the reference is not the model that training "
            "starts from. Delete the run's `reference-*.npz`, or start from the model that it belongs to"
        )

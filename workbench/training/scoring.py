"""Log-probabilities of answers: of a reference, once for all epochs, and of held-out rows before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.training.features import encoder_outputs
from workbench.training.layouts import Batcher, example_batch, pair_batch
from workbench.training.reading import ExampleRow, PairRow

Floats = npt.NDArray[np.float32]
Scored = tuple[Floats, Floats]
"""Log-probabilities of the chosen tokens and of the rejected ones."""
_VISION = (
    "pixel_values",
    "pixel_attention_mask",
    "image_grid_thw",
    "image_sizes",
    "mm_token_type_ids",
)
_TOKEN_FIELDS = ("log_probs", "entropy", "mean_logits", "is_top1")


def model_inputs(batch: dict[str, Any]) -> dict[str, Any]:
    """What the model takes of a batch's photos: features that are known, or pixels."""
    given = {name: batch[name] for name in _VISION if name in batch}
    if batch.get("encoded"):
        given["mm_encoder_outputs"] = encoder_outputs(batch["encoded"])
    return given


def pair_outputs(model: Any, batch: dict[str, Any]) -> Any:
    """One forward over pairs laid out by `pair_batch`.

    Args:
        model: With TRL's fused head (`add_fused_lm_head`), wrapped for several processes or not.
        batch: On the model's device.

    Returns:
        `log_probs` and whatever else the head was asked for, each (2n, answer): chosen rows, then rejected ones; 0
        where there is no token.
    """
    import torch

    seen = batch["seen"]
    if _attention(model) == "eager":
        added = torch.zeros(seen.shape, device=seen.device)
        seen = added.masked_fill_(~seen, torch.finfo(torch.float32).min)
    made = model(
        input_ids=batch["input_ids"],
        attention_mask=seen,
        position_ids=batch["position_ids"],
        shift_labels=batch["shift_labels"],
        fused_lm_head=True,
        **model_inputs(batch),
    )
    places, said = batch["places"], batch["said"]
    picked = {}
    for name in _TOKEN_FIELDS:
        tokens = getattr(made, name, None)
        if tokens is not None:
            apart = tokens.repeat(2, 1).gather(1, places)  # (2n, answer)
            picked[name] = apart.masked_fill(~said, 0)
    return SimpleNamespace(**picked, aux_loss=made.aux_loss)


def _attention(model: Any) -> str:
    while hasattr(model, "module"):
        model = model.module
    return str(model.config.get_text_config()._attn_implementation)


def score_pairs(
    model: Any,
    batcher: Batcher,
    rows: Sequence[PairRow],
    *,
    batch: int,
    autocast: Callable[[], Any],
    progress: Callable[[int], None] | None = None,
) -> list[Scored]:
    """Log-probability of every token of both answers, pair by pair.

    Args:
        model: On its device, with the fused head.
        batcher: Lays pairs out.
        rows: Any number.
        batch: Pairs that go through at once.
        autocast: Makes the context in which the model computes: the one it is trained in.
        progress: Told of pairs that are done.
    """
    scored: list[Scored] = []
    for start, given in _batches(model, rows, batch, lambda some: pair_batch(batcher, some)):
        some = rows[start : start + batch]
        with autocast():
            tokens = pair_outputs(model, given).log_probs.float().cpu().numpy()
        for i, row in enumerate(some):
            chosen = tokens[i, : len(row.chosen)].copy()
            scored.append((chosen, tokens[len(some) + i, : len(row.rejected)].copy()))
        if progress is not None:
            progress(len(some))
    return scored


def score_examples(
    model: Any,
    batcher: Batcher,
    rows: Sequence[ExampleRow],
    *,
    batch: int,
    autocast: Callable[[], Any],
) -> Floats:
    """Mean negative log-likelihood of what is learnt in each example, in nats a token: shape (n,)."""
    losses: list[Floats] = []
    for _, given in _batches(model, rows, batch, lambda some: example_batch(batcher, some)):
        with autocast():
            made = model(
                input_ids=given["input_ids"],
                attention_mask=given["attention_mask"],
                labels=given["labels"],
                fused_lm_head=True,
                **model_inputs(given),
            )
        counted = made.label_mask.sum(1).clamp(min=1)
        losses.append((-made.log_probs.float().sum(1) / counted).cpu().numpy())
    return np.concatenate(losses) if losses else np.zeros(0, dtype=np.float32)


def _batches(model: Any, rows: Sequence[Any], size: int, make: Callable[[Any], Any]) -> Any:
    """Batches on the model's device, without gradients and without dropout."""
    import torch

    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    try:
        with torch.no_grad():
            for start in range(0, len(rows), size):
                yield start, moved(make(rows[start : start + size]), device)
    finally:
        model.train(was_training)


def moved(value: Any, device: Any) -> Any:
    """Tensors in lists and mappings on another device."""
    if isinstance(value, dict):
        return {name: moved(one, device) for name, one in value.items()}
    if isinstance(value, list):
        return [moved(one, device) for one in value]
    return value.to(device) if hasattr(value, "to") else value


def save_scores(path: Path, scored: Sequence[Scored]) -> None:
    """Keep scores of pairs, whole or not at all."""
    sides = {
        name: np.concatenate([*(one[k] for one in scored), np.zeros(0, np.float32)])
        for k, name in enumerate(("chosen", "rejected"))
    }
    counts = np.array([[len(one[0]), len(one[1])] for one in scored], dtype=np.int64)
    half = path.with_suffix(".half.npz")
    np.savez(half, counts=counts, chosen=sides["chosen"], rejected=sides["rejected"])
    half.replace(path)


def load_scores(path: Path) -> list[Scored]:
    """What `save_scores` kept."""
    with np.load(path) as kept:
        ends = kept["counts"].cumsum(0)
        chosen = np.split(kept["chosen"], ends[:-1, 0]) if len(ends) else []
        rejected = np.split(kept["rejected"], ends[:-1, 1]) if len(ends) else []
    return list(zip(chosen, rejected, strict=True))

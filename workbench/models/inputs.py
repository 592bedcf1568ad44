"""Tensors that go into a transformers model."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch


def to_model(inputs: dict[str, Any], model: Any) -> dict[str, Any]:
    """Inputs on the model's device, pixels in its precision, without keys that it does not take."""
    takes = inspect.signature(model.forward).parameters
    if "token_type_ids" not in takes:
        inputs.pop("token_type_ids", None)
    return {
        key: value.to(model.device, model.dtype if value.is_floating_point() else None)
        for key, value in inputs.items()
    }


def check_length(tokens: int, longest: int | None) -> None:
    """Refuse what the model was not built to read.

    Raises:
        ModelError: Prompt and answer together are longer than the model's context.
    """
    if longest is not None and tokens > longest:
        raise ModelError(
            f"prompt and answer of {tokens} tokens are more than the {longest} that the model reads: "
            "shorten the prompt, use smaller photos or lower max_tokens"
        )


def without_ends(inputs: dict[str, Any], drop: Sequence[int], pad: int) -> dict[str, Any]:
    """Inputs padded on the left, the last `drop[i]` tokens of row i taken away.

    Everything of the shape of `input_ids`, (n, longest), is cut alike; the rest (pixels) stays.
    """
    import torch

    shape = inputs["input_ids"].shape
    lengths: list[int] = inputs["attention_mask"].sum(-1).tolist()
    kept = [length - less for length, less in zip(lengths, drop, strict=True)]
    cut = dict(inputs)
    for key, value in inputs.items():
        if value.shape != shape:
            continue
        filler = pad if key == "input_ids" else 0
        cut[key] = torch.full((shape[0], max(kept)), filler, dtype=value.dtype, device=value.device)
        for row, (keep, less) in enumerate(zip(kept, drop, strict=True)):
            cut[key][row, max(kept) - keep :] = value[row, shape[1] - less - keep : shape[1] - less]
    return cut


def padded_right(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and their mask, both (rows, longest), padded on the right."""
    import torch

    longest = max(len(row) for row in rows)
    tokens = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor(
        [[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device
    )
    return tokens, mask

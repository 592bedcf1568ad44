"""Answers drawn at random that belong to their prompt and not to their batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from workbench.models.protocols import Prompt


def prompt_seed(prompt: Prompt, seed: int) -> int:
    """A seed of 63 bits from a prompt (its photos included) and the seed of the call."""
    digest = hashlib.sha256(repr((seed, prompt.system, prompt.text)).encode())
    for image in prompt.images:
        digest.update(repr((image.mode, image.size)).encode())
        digest.update(image.tobytes())
    return int.from_bytes(digest.digest()[:8]) >> 1


class Draw:
    """Adds noise to the logits so that the largest is a draw from the distribution.

    The largest of logits / temperature + Gumbel noise is distributed as a sample from the softmax
    (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030). Each row's noise comes from a generator of its
    own, so a prompt draws the same noise alone and in any batch. Its logits still differ in the last
    bits with the shape of the batch, which can turn a near tie: exact only for equal batches.
    """

    def __init__(
        self, seeds: Sequence[int], *, temperature: float, top_p: float, device: torch.device
    ) -> None:
        import torch

        self._temperature = temperature
        self._top_p = top_p
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Noisy logits (rows, vocabulary) from `scores` of the same shape."""
        import torch

        logits = scores.float() / self._temperature
        if self._top_p < 1:
            ordered, order = logits.sort(dim=-1, descending=True)
            chances = ordered.softmax(-1)
            # A token stays while those more probable than it make up less than top_p.
            beyond = chances.cumsum(-1) - chances >= self._top_p
            logits = logits.masked_fill(beyond.scatter(-1, order, beyond), -torch.inf)
        noise = torch.empty_like(logits)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return logits - noise.log()

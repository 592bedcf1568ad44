"""Drawn pictures made as a small image model would have made them, for who has to look at such pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MOVED = 3
"""Pixels by which pictures are moved at most, in each direction."""


def worn(x: torch.Tensor, luck: torch.Generator) -> torch.Tensor:
    """Pictures as a small image model would have made them: soft, grainy, blotchy, off in tone; flipped and moved.

    Args:
        x: (n, 3, side, side) in -1..1; unchanged.
        luck: Source of chance.
    """
    import torch

    functional = torch.nn.functional
    n, _, side, _ = x.shape

    def share() -> torch.Tensor:
        return torch.rand(n, 1, 1, 1, generator=luck)

    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    soft = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, groups=3)
    x = x + (soft - x) * (1.6 * share() - 0.6).clamp(0, 1)
    x = x + torch.randn(x.shape, generator=luck) * 0.12 * share() ** 2
    blotches = torch.randn(n, 3, side // 4, side // 4, generator=luck)
    x = x + functional.interpolate(blotches, scale_factor=4) * 0.08 * share() ** 2
    x = x * (1 + 0.045 * torch.randn(n, 3, 1, 1, generator=luck).clamp(-2, 2))
    x = x + 0.04 * torch.randn(n, 3, 1, 1, generator=luck)
    x = torch.where(share() < 0.5, x.flip(3), x)
    down, right = torch.randint(-_MOVED, _MOVED + 1, (2,), generator=luck).tolist()
    return x.roll((down, right), (2, 3))

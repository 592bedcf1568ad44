"""Pictures as the grid of patches that a pixel-space diffusion model works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class PixelPatches(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Stands where a latent model has its autoencoder: patches in, pixels out, nothing lost.

    A pipeline of the Stable Diffusion family asks its `vae` for `decode` and for a few numbers of its
    configuration, and that is all that it needs to make pictures in pixel space.

    Args:
        patch: Side of a patch in pixels, a power of two; a picture of side s is a grid of s / patch.
        block_out_channels: For pipelines, which take 2 ** (its length - 1) for the factor between picture
            and grid; None: what `patch` makes of it.
        scaling_factor: For pipelines: 1, as patches are pixels.
        latent_channels: For pipelines; None: what `patch` makes of it.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        patch: int = 8,
        block_out_channels: tuple[int, ...] | None = None,
        scaling_factor: float = 1.0,
        latent_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.register_to_config(
            block_out_channels=block_out_channels or (1,) * patch.bit_length(),
            latent_channels=latent_channels or 3 * patch**2,
        )
        # A module without weights has no type and no device of its own.
        self.register_buffer("anchor", torch.zeros(1))

    def encode(self, pixels: Tensor) -> Tensor:
        """Pictures (B, 3, s, s), −1 to 1, as patches (B, 3 · patch², s / patch, s / patch)."""
        return functional.pixel_unshuffle(pixels, self.config.patch)

    def decode(
        self, patches: Tensor, return_dict: bool = True, generator: object = None
    ) -> DecoderOutput | tuple[Tensor]:
        """Patches as pictures again; `generator` is there because pipelines pass one."""
        pixels = functional.pixel_shuffle(patches, self.config.patch)
        return DecoderOutput(sample=pixels) if return_dict else (pixels,)

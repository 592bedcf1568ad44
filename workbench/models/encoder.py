"""Photos to feature vectors: an ImageNet network that comes as a Python package, and a colour histogram.

ImageNet networks are trained to ignore colour, sellers are not: the histogram of the foreground beside
the network's features lifts colour accuracy on real shop photos from .71 to .88 (see DECISIONS.md).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import MissingExtraError, ModelError
from workbench.models.devices import usable_cores
from workbench.models.known_weights import find_known
from workbench.models.vector_cache import Features, VectorCache

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

    from workbench.models.protocols import Progress

_COMPUTING = threading.Lock()
"""Held while vectors are computed: one thread at a time has the whole machine."""
_SIZES = {"efficientnet-lite0": 224, "efficientnet-lite2": 260}
"""Network to the side in pixels that it was trained on."""
_GPU_BATCH = 64
_CPU_CHUNK = 16
"""Photos between two reports of progress."""
_HISTOGRAM_BINS = (12, 3, 4)
"""Bins of hue, saturation and value."""
_HISTOGRAM_WEIGHT = 8.0
"""Brings the histogram's square roots to the scale of the network's features."""
_HISTOGRAM_SIDE = 96
_BACKGROUND_DISTANCE = 24
"""A pixel whose channels all lie within this distance (of 255) of the border's colour is background."""


class Encoder(Protocol):
    """Photos to vectors, computed once per content address."""

    @property
    def name(self) -> str:
        """The string that names it in records."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same photo could give another vector."""
        ...

    def encode(
        self,
        addresses: Sequence[str],
        photos: Sequence[Image],
        *,
        progress: Progress | None = None,
    ) -> Features:
        """Vectors, shape (n, d), of RGB pictures with these addresses."""
        ...

    def knows(self, address: str) -> bool:
        """True where the photo's vector need not be computed."""
        ...

    def recall(self, addresses: Sequence[str]) -> Features:
        """Vectors, shape (n, d), of photos that were encoded before."""
        ...


@dataclass(frozen=True)
class PhotoEncoder:
    """Encodes photos as vectors of the network's pooled features and a colour histogram.

    Raises:
        ModelError: The network is not one of those known; the message lists them. When it is first used:
            the installed weights are not the ones that the name means.
        MissingExtraError: When it is first used, where the network's package is not installed.
    """

    network: str = "efficientnet-lite0"
    cache: Path | None = None
    """Folder for vectors that were computed before; None: nothing is kept."""

    def __post_init__(self) -> None:
        if self.network not in _SIZES:
            known = ", ".join(sorted(_SIZES))
            raise ModelError(f"no photo encoder {self.network!r}; known: {known}")

    def __reduce__(self) -> tuple[type[PhotoEncoder], tuple[str, Path | None]]:
        # Another process finds network and vectors by itself, on a device of its own.
        return PhotoEncoder, (self.network, self.cache)

    @property
    def name(self) -> str:
        """The string that names it in records."""
        return f"imagenet:{self.network}"

    @cached_property
    def revision(self) -> str:
        """Sha256 of the weight file and of the histogram's parameters."""
        digest = hashlib.sha256(find_known(self.name).read_bytes())
        digest.update(
            repr(("hsv/2", _HISTOGRAM_BINS, _HISTOGRAM_WEIGHT, _BACKGROUND_DISTANCE)).encode()
        )
        return digest.hexdigest()

    def encode(
        self,
        addresses: Sequence[str],
        photos: Sequence[Image],
        *,
        progress: Progress | None = None,
    ) -> Features:
        """Vectors for photos given as pictures.

        Args:
            addresses: One content address per photo; a vector is computed once per address.
            photos: RGB pictures of any size, in the same order.
            progress: Told how many photos were done.

        Returns:
            Shape (n, d), float32.
        """
        step = _GPU_BATCH if _device() == "cuda" else _CPU_CHUNK
        with _COMPUTING:
            return self._vectors.fill(
                addresses, photos, self._compute, step=step, progress=progress
            )

    def knows(self, address: str) -> bool:
        """True where the photo's vector need not be computed, so that its pixels need not be read."""
        return address in self._vectors

    def recall(self, addresses: Sequence[str]) -> Features:
        """Vectors, shape (n, d), of photos that were encoded before.

        Raises:
            KeyError: An address was never encoded.
        """
        return self._vectors.take(addresses)

    @cached_property
    def _vectors(self) -> VectorCache:
        folder = None if self.cache is None else self.cache / f"{self.network}-{self.revision[:12]}"
        return VectorCache(folder)

    @cached_property
    def _net(self) -> nn.Module:
        import torch

        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise MissingExtraError(
                library="efficientnet-lite-pytorch",
                extra="laptop",
                purpose=f"the photo encoder {self.network!r}",
            ) from None
        net: nn.Module = EfficientNet.from_name(self.network)
        net.load_state_dict(
            torch.load(find_known(self.name), map_location="cpu", weights_only=True)
        )
        return net.eval().to(_device())

    def _compute(self, photos: Sequence[Image]) -> Features:
        squares = [_square(photo) for photo in photos]
        _ = self._net  # built once, before threads ask for it
        pooled = self._pool(squares) if _device() == "cuda" else self._pool_each(squares)
        colours = np.stack([_histogram(s) for s in squares]) * _HISTOGRAM_WEIGHT
        return np.hstack([pooled, colours]).astype(np.float32)

    def _pool_each(self, squares: Sequence[Image]) -> Features:
        """Like `_pool`, a photo a thread.

        A photo's vector then depends on nothing else, and a busy machine slows this down by its share
        only: two threads that work on one photo wait for each other at every layer.
        """
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(usable_cores()) as workers:
                return np.concatenate(list(workers.map(lambda s: self._pool([s]), squares)))
        finally:
            torch.set_num_threads(before)

    def _pool(self, squares: Sequence[Image]) -> Features:
        """The network's pooled features, shape (n, 1280)."""
        import torch

        side = _SIZES[self.network]
        pixels = np.stack([np.asarray(s.resize((side, side)), dtype=np.float32) for s in squares])
        net = self._net
        x = torch.from_numpy((pixels - 127) / 128).permute(0, 3, 1, 2).to(_device())  # (B, 3, H, W)
        with torch.inference_mode():
            pooled: Features = net.extract_features(x).mean((2, 3)).float().cpu().numpy()  # type: ignore[operator]
        return pooled


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def colour_histogram(photo: Image) -> Features:
    """How the photo's foreground is coloured, shape (144,): what networks are trained to ignore."""
    return np.asarray(_histogram(_square(photo)) * _HISTOGRAM_WEIGHT, dtype=np.float32)


def _square(photo: Image) -> Image:
    """The photo on a square of its border's colour, so that nothing is stretched."""
    from PIL import Image as PILImage

    if photo.width == photo.height:
        return photo
    side = max(photo.size)
    colour = tuple(int(c) for c in _border_colour(np.asarray(photo)))
    square = PILImage.new("RGB", (side, side), colour)
    square.paste(photo, ((side - photo.width) // 2, (side - photo.height) // 2))
    return square


def _border_colour(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Median colour, shape (3,), of the outermost pixels of (H, W, 3)."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(border, axis=0))


def _histogram(square: Image) -> Features:
    """Square roots of the share of foreground pixels per hue, saturation and value, shape (144,)."""
    small = square.resize((_HISTOGRAM_SIDE, _HISTOGRAM_SIDE))
    rgb = np.asarray(small)
    distance = np.abs(rgb.astype(np.float64) - _border_colour(rgb)).max(-1)
    foreground = distance > _BACKGROUND_DISTANCE
    if not foreground.any():
        foreground[:] = True
    hsv = np.asarray(small.convert("HSV"))[foreground].astype(np.float64)  # (n, 3)
    hsv[:, 0] = (hsv[:, 0] + 128 / _HISTOGRAM_BINS[0]) % 256  # red is the middle of a bin, no edge
    counts, _ = np.histogramdd(hsv, bins=_HISTOGRAM_BINS, range=[(0, 256)] * 3)
    return np.sqrt(counts.ravel() / len(hsv)).astype(np.float32)

"""One picture, prepared once for all instruments: sizes, perceptual colours, what is ground and what is not."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FINE = 512
"""Longer side, in pixels, at which detail is measured; smaller pictures stay as they are."""
COARSE = 128
"""Longer side, in pixels, at which areas are measured."""
_RING = 3
"""Width of the border, in coarse pixels, that tells the ground's colour."""
_NEAR = 0.05
"""Least distance in OKLab at which a colour is another one: about twice a just visible step of grey."""

# sRGB primaries to cone responses, and those to lightness and two colour axes.
# Source: Björn Ottosson, "A perceptual color space for image processing" (2020), public domain.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def oklab(rgb: npt.NDArray[np.uint8]) -> Floats:
    """Perceptual colours: (…, 3) sRGB bytes to lightness (0 to 1), green–red, blue–yellow."""
    cones = np.cbrt(_LINEAR[rgb] @ _TO_CONES.T)
    return np.asarray(cones @ _TO_LAB.T, dtype=np.float32)


class View:
    """What instruments measure on. Everything is computed when it is first asked for."""

    def __init__(self, image: Image) -> None:
        self._image = image if image.mode == "RGB" else image.convert("RGB")

    @cached_property
    def fine(self) -> npt.NDArray[np.uint8]:
        """Grey levels (h, w) with a longer side of at most `FINE` pixels."""
        return np.asarray(self._scaled(FINE).convert("L"))

    @cached_property
    def lab(self) -> Floats:
        """Colours (h, w, 3) in OKLab, the longer side `COARSE` pixels at most."""
        return oklab(np.asarray(self._scaled(COARSE)))

    @cached_property
    def ring(self) -> Mask:
        """The border of the coarse picture (h, w)."""
        ring = np.ones(self.lab.shape[:2], dtype=bool)
        ring[_RING:-_RING, _RING:-_RING] = False
        return ring

    @cached_property
    def ground(self) -> Floats:
        """Colour that the ground would have at each pixel (h, w, 3), read off the border.

        A plane per colour axis, so that light falling off to one side is no edge; border pixels that
        fit worst (a product that is cut off, a shadow) are left out and the plane fitted again.
        """
        height, width = self.lab.shape[:2]
        rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        basis = np.stack([np.ones_like(rows), rows, columns], axis=-1)  # (h, w, 3)
        here, seen = basis[self.ring], self.lab[self.ring]
        keep = np.linalg.norm(seen - np.median(seen, axis=0), axis=-1)
        for _ in range(3):
            kept = keep <= np.quantile(keep, 0.7) + 1e-6
            plane, *_ = np.linalg.lstsq(here[kept], seen[kept], rcond=None)
            keep = np.linalg.norm(seen - here @ plane, axis=-1)
        return np.asarray(basis @ plane, dtype=np.float32)

    @cached_property
    def off_ground(self) -> Floats:
        """Distance of each coarse pixel from the ground's colour (h, w), in OKLab."""
        return np.asarray(np.linalg.norm(self.lab - self.ground, axis=-1), dtype=np.float32)

    @cached_property
    def foreground(self) -> Mask:
        """Coarse pixels (h, w) that are not ground: unlike it, or enclosed by what is unlike it."""
        from scipy import ndimage

        on_ring = self.off_ground[self.ring]
        noise = float(np.quantile(on_ring, 0.5))
        unlike = self.off_ground > max(_NEAR, 4 * noise)
        unlike = ndimage.binary_opening(unlike, structure=np.ones((2, 2), dtype=bool))
        return np.asarray(ndimage.binary_fill_holes(unlike), dtype=bool)

    @cached_property
    def parts(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Connected pieces of the foreground: label per pixel (0 is ground), and pixels per label."""
        from scipy import ndimage

        joined, _ = ndimage.label(ndimage.binary_dilation(self.foreground, iterations=1))
        labels = np.where(self.foreground, joined, 0).astype(np.int32)
        return labels, np.bincount(labels.ravel()).astype(np.int64)

    @cached_property
    def main(self) -> Mask:
        """The largest piece of the foreground (h, w); all False where there is none."""
        labels, sizes = self.parts
        if len(sizes) < 2:
            return np.zeros(labels.shape, dtype=bool)
        return np.asarray(labels == 1 + int(np.argmax(sizes[1:])), dtype=bool)

    def _scaled(self, longest: int) -> Image:
        from PIL import Image as Pictures

        if max(self._image.size) <= longest:
            return self._image
        scale = longest / max(self._image.size)
        size = tuple(max(1, round(side * scale)) for side in self._image.size)
        return self._image.resize((size[0], size[1]), Pictures.Resampling.BOX)


_kept = threading.local()


def view(image: Image) -> View:
    """The view of `image`; that of the latest picture is kept, for the instruments that follow."""
    latest: tuple[Image, View] | None = getattr(_kept, "latest", None)
    if latest is None or latest[0] is not image:
        latest = (image, View(image))
        _kept.latest = latest
    return latest[1]

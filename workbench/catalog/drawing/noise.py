"""Smooth random maps, the stuff of cloth, wood and plaster."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]


def single(values: npt.ArrayLike) -> Floats:
    """`values` in single precision."""
    return np.asarray(values, np.float32)


def smooth_noise(rng: np.random.Generator, size: int, cells: int | tuple[int, int]) -> Floats:
    """(size, size), about -1 to 1, periodic: `cells` (down, across) random values, smoothed between."""
    down, across = (cells, cells) if isinstance(cells, int) else cells
    grid = rng.uniform(-1, 1, (down, across)).astype(np.float32)
    pad_down, pad_across = min(2, down), min(2, across)
    wide = np.pad(grid, ((pad_down, pad_down), (pad_across, pad_across)), mode="wrap")
    box = (pad_across, pad_down, pad_across + across, pad_down + down)
    grown = Image.fromarray(wide).resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.asarray(grown, np.float32)


def cloudy(rng: np.random.Generator, size: int, cells: int, octaves: int = 3) -> Floats:
    """Noise of several scales, each half as strong as the one before; about -1 to 1."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        total += smooth_noise(rng, size, cells * 2**octave) * 0.5**octave
    return total / 1.5

"""Materials: what a surface's texture is and how it takes the light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from workbench.catalog.drawing.noise import Floats, cloudy, single, smooth_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a body of this material is shown."""

    texture: str = "plain"
    gloss: float = 0.0
    """Brightness of the highlight, 0 (matt) to 1."""
    sharpness: float = 3.0
    """How narrow the highlight is; 2 broad (satin), 9 narrow (glaze)."""
    contrast: float = 0.36
    """How much darker the side turned from the light is."""
    clear: float = 0.0
    """How much of the background shows through, 0 to 1."""
    mirror: float = 0.0
    """How strongly the surroundings are reflected, 0 to 1."""
    stitched: bool = False
    """True where seams are sewn in sight, with thread of another tone."""


MATERIALS: Mapping[str, Material] = {
    "Cotton": Material(texture="plain"),
    "Polyester": Material(texture="plain", gloss=0.12, sharpness=2.2),
    "Linen": Material(texture="slub"),
    "Silk": Material(texture="plain", gloss=0.55, sharpness=2.6, contrast=0.55),
    "Wool Knit": Material(texture="knit", contrast=0.4),
    "Fleece": Material(texture="fuzzy", contrast=0.3),
    "Denim": Material(texture="twill", stitched=True),
    "Corduroy": Material(texture="cord", contrast=0.34),
    "Velvet": Material(texture="nap", gloss=0.28, sharpness=1.6, contrast=0.6),
    "Canvas": Material(texture="weave", stitched=True),
    "Nylon": Material(texture="plain", gloss=0.22, sharpness=3.0, contrast=0.4),
    "Mesh": Material(texture="mesh"),
    "Suede": Material(texture="fuzzy", contrast=0.3, stitched=True),
    "Leather": Material(texture="grain", gloss=0.42, sharpness=4.0, contrast=0.46, stitched=True),
    "Faux Leather": Material(
        texture="plain", gloss=0.5, sharpness=4.5, contrast=0.46, stitched=True
    ),
    "Straw": Material(texture="basket", contrast=0.34),
    "Rattan": Material(texture="basket", contrast=0.34),
    "Silicone": Material(texture="plain", gloss=0.15, sharpness=2.0),
    "Ceramic": Material(texture="plain", gloss=0.75, sharpness=8.0, contrast=0.44),
    "Enamel": Material(texture="speckle", gloss=0.7, sharpness=8.0, contrast=0.42),
    "Glass": Material(texture="plain", gloss=0.95, sharpness=9.0, contrast=0.3, clear=0.5),
    "Plastic": Material(texture="plain", gloss=0.4, sharpness=5.0, contrast=0.36),
    "Stainless Steel": Material(texture="brushed", gloss=0.6, sharpness=5.0, mirror=0.75),
    "Metal": Material(texture="brushed", gloss=0.55, sharpness=5.0, mirror=0.6),
    "Wood": Material(texture="wood", gloss=0.1, sharpness=3.0, contrast=0.4),
    "Paper": Material(texture="plain", contrast=0.2),
}
"""A body's material, by the name that its listing gives it."""

TILES = 3
"""Different tiles of each texture."""


@lru_cache(maxsize=96)
def texture_tile(texture: str, variant: int, size: int) -> Floats:
    """(size × size,): factors around 1 by which a body's tone is multiplied; a periodic tile.

    Raises:
        KeyError: There is no `texture` of this name.
    """
    rng = np.random.default_rng([variant, sorted(_TEXTURES).index(texture), 99])
    return np.ascontiguousarray(1 + _TEXTURES[texture](rng, size), np.float32).ravel()


def _grid(size: int) -> tuple[Floats, Floats]:
    down, across = np.mgrid[0:size, 0:size].astype(np.float32) / size
    return down, across


def _count(size: int, units: float) -> int:
    """How many threads of `units` (of 100) fit a tile, each at least 2.7 pixels wide."""
    return max(4, round(min(100 / units, size / 2.7)))


def _plain(rng: np.random.Generator, size: int) -> Floats:
    return 0.025 * cloudy(rng, size, 6) + 0.012 * _grains(rng, size)


def _grains(rng: np.random.Generator, size: int) -> Floats:
    return single(rng.uniform(-1, 1, (size, size)))


def _slub(rng: np.random.Generator, size: int) -> Floats:
    across = smooth_noise(rng, size, (size // 2, 12))
    down = smooth_noise(rng, size, (12, size // 2))
    return single(0.10 * across + 0.10 * down + 0.02 * _grains(rng, size))


def _weave(rng: np.random.Generator, size: int) -> Floats:
    down, across = _grid(size)
    n = _count(size, 2.2)
    cross = np.sin(2 * np.pi * n * across) * np.sin(2 * np.pi * n * down)
    return single(0.11 * cross + 0.03 * _grains(rng, size))


def _knit(rng: np.random.Generator, size: int) -> Floats:
    down, across = _grid(size)
    n = _count(size, 4.2)
    column = across * n % 1
    vee = np.abs(column - 0.5) * 2  # each column of stitches is a row of Vs
    loops = np.sin(2 * np.pi * (down * round(n * 1.25) + vee * 0.5))
    groove = np.exp(-((np.minimum(column, 1 - column) / 0.12) ** 2))
    return single(0.15 * loops - 0.2 * groove)


def _fuzzy(rng: np.random.Generator, size: int) -> Floats:
    return 0.10 * smooth_noise(rng, size, size // 3) + 0.05 * cloudy(rng, size, 8)


def _twill(rng: np.random.Generator, size: int) -> Floats:
    down, across = _grid(size)
    n = _count(size, 2.4)
    worn = 0.11 * cloudy(rng, size, 3)
    pale = 0.06 * smooth_noise(rng, size, (size // 2, size // 6))
    return single(0.11 * np.sin(2 * np.pi * n * (across + down)) + worn + pale)


def _cord(rng: np.random.Generator, size: int) -> Floats:
    _, across = _grid(size)
    n = _count(size, 3.4)
    return single(0.19 * np.sin(2 * np.pi * n * across) + 0.03 * _grains(rng, size))


def _nap(rng: np.random.Generator, size: int) -> Floats:
    return 0.17 * cloudy(rng, size, 4, octaves=2) + 0.02 * _grains(rng, size)


def _mesh(rng: np.random.Generator, size: int) -> Floats:
    down, across = _grid(size)
    n = _count(size, 3.0)
    row = np.floor(down * n)
    x, y = (across * n + 0.5 * (row % 2)) % 1 - 0.5, down * n % 1 - 0.5
    return single(-0.38 * np.exp(-(x**2 + y**2) / 0.05))


def _grain(rng: np.random.Generator, size: int) -> Floats:
    pebbles = np.abs(smooth_noise(rng, size, size // 4)) - 0.35
    return 0.13 * pebbles + 0.05 * cloudy(rng, size, 5)


def _basket(rng: np.random.Generator, size: int) -> Floats:
    down, across = _grid(size)
    n = _count(size, 3.4) // 2 * 2
    over = (np.floor(down * n) + np.floor(across * n)) % 2
    along = np.abs((across * n) % 1 - 0.5) * over + np.abs((down * n) % 1 - 0.5) * (1 - over)
    beside = np.abs((down * n) % 1 - 0.5) * over + np.abs((across * n) % 1 - 0.5) * (1 - over)
    strand = 0.10 - 0.20 * (2 * along) ** 3 - 0.20 * (2 * beside) ** 4
    return single(strand + 0.16 * (over - 0.5))


def _speckle(rng: np.random.Generator, size: int) -> Floats:
    spots = smooth_noise(rng, size, size // 3) * smooth_noise(rng, size, size // 3)
    return single(-0.75 * np.clip((spots - 0.42) * 6, 0, 1))


def _brushed(rng: np.random.Generator, size: int) -> Floats:
    return 0.07 * smooth_noise(rng, size, (size // 2, 3))


def _wood(rng: np.random.Generator, size: int) -> Floats:
    """Grain that runs down: growth rings seen from the side."""
    _, across = _grid(size)
    bend = smooth_noise(rng, size, (3, 5)) * 0.035
    rings = np.sin(2 * np.pi * 11 * (across + bend)) + 0.5 * np.sin(
        2 * np.pi * 27 * (across + bend)
    )
    fibres = smooth_noise(rng, size, (8, size // 2))
    return single(0.10 * rings + 0.07 * fibres)


_TEXTURES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "plain": _plain,
    "slub": _slub,
    "weave": _weave,
    "knit": _knit,
    "fuzzy": _fuzzy,
    "twill": _twill,
    "cord": _cord,
    "nap": _nap,
    "mesh": _mesh,
    "grain": _grain,
    "basket": _basket,
    "speckle": _speckle,
    "brushed": _brushed,
    "wood": _wood,
}

"""Where a product is photographed: backgrounds, light and composition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.catalog.drawing.noise import Floats, cloudy, single, smooth_noise
from workbench.catalog.drawing.palette import Tone
from workbench.catalog.drawing.rooms import WALLS, flat, living_room, planks


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoStyle:
    """How a photo is taken, in words that an image prompt can say."""

    background: str = "white studio"
    """One of `BACKGROUNDS`."""
    light: str = "soft light"
    """One of `LIGHTS`."""
    composition: str = "centered"
    """One of `COMPOSITIONS`."""

    def check(self) -> None:
        """Refuse words that no photo can be taken by.

        Raises:
            ValueError: A part is unknown; the message names those that are known.
        """
        for part, known in (
            ("background", BACKGROUNDS), ("light", tuple(LIGHTS)), ("composition", tuple(COMPOSITIONS)),
        ):  # fmt: skip
            if (word := getattr(self, part)) not in known:
                raise ValueError(f"want one of {', '.join(known)} as {part}, got {word!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """One kind of light."""

    exposure: float
    """Factor on the whole picture."""
    tint: Tone
    contrast: float
    """Factor on the difference between lit and shaded sides."""
    shadow: float
    """Darkness of the shadow on the ground, 0 to 1."""


LIGHTS: Mapping[str, Light] = {
    "soft light": Light(exposure=1.0, tint=(1.0, 1.0, 1.0), contrast=0.9, shadow=0.34),
    "warm light": Light(exposure=0.98, tint=(1.05, 0.99, 0.88), contrast=1.05, shadow=0.42),
    "cool light": Light(exposure=0.98, tint=(0.92, 0.99, 1.06), contrast=1.0, shadow=0.40),
    "hard light": Light(exposure=1.04, tint=(1.02, 1.01, 0.98), contrast=1.55, shadow=0.62),
    "dim light": Light(exposure=0.70, tint=(1.04, 0.98, 0.88), contrast=1.15, shadow=0.50),
}

COMPOSITIONS: Mapping[str, float] = {
    "centered": 0.98,
    "close-up": 1.15,
    "wide shot": 0.66,
    "tilted": 0.88,
}
"""Composition to the share of the frame that the canvas of the product fills."""

_VARIANTS = 12
_MARGIN = (
    1.25  # a background is this much larger than the frame, so that it can be cropped anywhere
)


def backdrop(style: PhotoStyle, size: int, stands: bool, rng: np.random.Generator) -> Floats:
    """(size, size, 3), 0 to 1: one view of the style's background."""
    kind = style.background
    plate = _plate(kind, int(rng.integers(_VARIANTS)), size, stands)
    room = plate.shape[0] - size
    level = kind in {"living room", "wooden table"} and stands  # the horizon stays where it is
    x = int(rng.integers(room + 1))
    y = room // 2 if level else int(rng.integers(room + 1))
    view = plate[y : y + size, x : x + size]
    if rng.random() < 0.5:
        view = view[:, ::-1]
    return view.astype(np.float32) / np.float32(255)


@lru_cache(maxsize=256)
def _plate(kind: str, variant: int, size: int, stands: bool) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng([variant, BACKGROUNDS.index(kind), 55])
    plate = _PLATES[kind](rng, round(size * _MARGIN), stands)
    return (np.clip(plate, 0, 1) * 255 + 0.5).astype(np.uint8)


def _swept(rng: np.random.Generator, size: int, tone: Tone, fall: float) -> Floats:
    """Paper swept up behind the product: a little darker towards the rim and the foot."""
    down, across = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    rim = 1 - fall * (across**2 + (down * 0.9) ** 2) / 2
    foot = 1 - fall * 0.5 * np.clip(down - 0.35, 0, 1)
    return single(flat(tone, size) * (rim * foot)[..., None])


def _white(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    return _swept(rng, size, (0.985, 0.985, 0.985), rng.uniform(0.0, 0.06))


def _grey(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    tone = rng.uniform(0.74, 0.86)
    return _swept(rng, size, (tone, tone, tone + 0.012), rng.uniform(0.1, 0.25))


def _cream(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    plate = _swept(rng, size, (0.96, rng.uniform(0.90, 0.93), rng.uniform(0.79, 0.85)), 0.07)
    return plate * (1 + 0.008 * cloudy(rng, size, 20))[..., None]


def _wooden_table(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    if not stands:
        return planks(rng, size, int(rng.integers(5, 8)))
    wall = _swept(rng, size, WALLS[int(rng.integers(len(WALLS)))], 0.18)
    table = planks(rng, size, int(rng.integers(7, 10)))
    edge = int(size * rng.uniform(0.60, 0.68))
    # The far edge of the table is squeezed together by perspective.
    rows = edge + (np.linspace(0, 1, size - edge) ** 0.8 * (size - edge - 1)).astype(int)
    wall[edge:] = table[rows] * np.linspace(0.86, 1.06, size - edge)[:, None, None]
    wall[edge : edge + max(1, size // 70)] *= 1.12
    return wall


def _marble(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    bend = cloudy(rng, size, 3)
    veins = np.zeros((size, size), np.float32)
    for turn in (0.9, 1.4, -0.7):
        down, across = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j].astype(np.float32)
        along = across * turn + down + 0.22 * bend + rng.uniform(0, 1)
        veins += np.exp(-((np.abs(along * 2 % 1 - 0.5) / 0.03) ** 2)) * 0.5
    grey = 0.92 + 0.025 * cloudy(rng, size, 5) - 0.13 * veins
    return flat((1.0, 0.995, 0.985), size) * grey[..., None]


def _bedsheet(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    tones: tuple[Tone, ...] = (
        (0.90, 0.89, 0.87),
        (0.74, 0.79, 0.85),
        (0.86, 0.79, 0.74),
        (0.66, 0.67, 0.70),
    )
    height = (
        smooth_noise(rng, size, (4, 3))
        + 0.5 * smooth_noise(rng, size, (7, 5))
        + 0.2 * smooth_noise(rng, size, 14)
    )
    slope_down, slope_across = np.gradient(height)
    light = 1 + np.clip((slope_across + slope_down) * size / 100 * 0.9, -0.22, 0.16)
    return single(flat(tones[int(rng.integers(4))], size) * light[..., None])


def _carpet(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    tones: tuple[Tone, ...] = (
        (0.55, 0.52, 0.48),
        (0.42, 0.45, 0.50),
        (0.63, 0.55, 0.45),
        (0.50, 0.36, 0.34),
    )
    tufts = 0.12 * rng.uniform(-1, 1, (size, size)) + 0.10 * smooth_noise(rng, size, size // 3)
    plate = (
        flat(tones[int(rng.integers(4))], size)
        * (1 + tufts + 0.06 * cloudy(rng, size, 4))[..., None]
    )
    if rng.random() < 0.5:  # woven bands along one side
        place = np.arange(size) / size
        bands = ((place > 0.1) & (place < 0.14)) | ((place > 0.17) & (place < 0.2))
        plate[:, bands] *= np.array((1.35, 1.28, 1.15), np.float32)
    return single(plate)


_PLATES: dict[str, Callable[[np.random.Generator, int, bool], Floats]] = {
    "white studio": _white,
    "grey studio": _grey,
    "cream paper": _cream,
    "wooden table": _wooden_table,
    "marble counter": _marble,
    "bedsheet": _bedsheet,
    "carpet": _carpet,
    "living room": living_room,
}

BACKGROUNDS: tuple[str, ...] = tuple(_PLATES)
STUDIO: tuple[str, ...] = ("white studio", "grey studio", "cream paper")
"""Backgrounds that a category image may have."""

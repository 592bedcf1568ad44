"""Patterns: periodic tiles that say where a body shows its second and third tone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from workbench.catalog.drawing.noise import Floats, single, smooth_noise

VARIANTS = 6
"""Different tiles of each pattern: scale, proportion and arrangement vary."""

_ZOOM = 4


@lru_cache(maxsize=96)
def pattern_tile(pattern: str, variant: int, size: int) -> Floats:
    """(2, size × size): shares of the second and third tone, 0 to 1; a periodic square tile.

    Raises:
        KeyError: `pattern` is none of `PATTERNS`.
    """
    rng = np.random.default_rng([variant, sorted(_DRAWERS).index(pattern), 77])
    return _DRAWERS[pattern](rng, variant % VARIANTS, size).reshape(2, -1)


@lru_cache(maxsize=128)
def graphic_mark(motif: str, x: float, y: float, radius: float, size: int) -> Floats:
    """(2, size × size): a printed motif at (`x`, `y`) of the canvas of 100 units; not periodic.

    Raises:
        KeyError: `motif` is none of `MOTIFS`.
    """
    second, third = _canvas(size), _canvas(size)
    unit = size * _ZOOM / 100
    _MOTIFS[motif](ImageDraw.Draw(second), ImageDraw.Draw(third), x * unit, y * unit, radius * unit)
    return _maps(second, third).reshape(2, -1)


def _canvas(size: int) -> Image.Image:
    return Image.new("L", (size * _ZOOM, size * _ZOOM))


def _maps(second: Image.Image, third: Image.Image) -> Floats:
    both = single([np.asarray(m.reduce(_ZOOM), np.float32) / 255 for m in (second, third)])
    both[0] *= 1 - both[1]  # the third tone lies on the second
    return both


def _solid(rng: np.random.Generator, variant: int, size: int) -> Floats:
    return np.zeros((2, size, size), np.float32)


def _striped(rng: np.random.Generator, variant: int, size: int) -> Floats:
    count = (8, 10, 12, 7, 9, 14)[variant]
    share = (0.42, 0.36, 0.45, 0.3, 0.42, 0.4)[variant]
    place = np.arange(size * _ZOOM) / (size * _ZOOM) * count % 1
    line = (place < share).astype(np.float32)
    thin = ((place > share + 0.14) & (place < share + 0.24)).astype(np.float32)
    second = line.reshape(size, _ZOOM).mean(1)
    third = thin.reshape(size, _ZOOM).mean(1) * (variant in {3})
    upright = variant == 4
    both = np.stack([second, third])[:, :, None] * np.ones((1, 1, size), np.float32)
    return np.ascontiguousarray(both.transpose(0, 2, 1) if upright else both, np.float32)


def _scattered(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, side: int) -> None:
    """A disc that reappears at the opposite edge."""
    for dx in (-side, 0, side):
        for dy in (-side, 0, side):
            pen.ellipse([x + dx - r, y + dy - r, x + dx + r, y + dy + r], fill=255)


def _dotted(rng: np.random.Generator, variant: int, size: int) -> Floats:
    count = (8, 10, 12, 7, 9, 8)[variant]
    share = (0.27, 0.25, 0.27, 0.24, 0.3, 0.32)[variant]
    second, third = _canvas(size), _canvas(size)
    side = size * _ZOOM
    step = side / count
    even = count - count % 2  # rows pair up across the tile's edge
    for row in range(even):
        for column in range(count):
            x = (column + 0.5 * (row % 2) + 0.25) * step
            _scattered(ImageDraw.Draw(second), x, (row + 0.5) * side / even, step * share, side)
    return _maps(second, third)


def _checked(rng: np.random.Generator, variant: int, size: int) -> Floats:
    count = (7, 9, 6, 8, 5, 10)[variant]
    place = np.arange(size * _ZOOM) / (size * _ZOOM) * count % 1
    line = (place < 0.47).astype(np.float32).reshape(size, _ZOOM).mean(1)
    second = 0.5 * line[:, None] + 0.5 * line[None, :]  # gingham: three tones from two
    third = np.zeros_like(second)
    if variant in {2, 4}:  # tartan: a thin line through each field
        thin = ((place > 0.7) & (place < 0.8)).astype(np.float32).reshape(size, _ZOOM).mean(1)
        third = np.maximum(thin[:, None] + 0 * second, thin[None, :] + 0 * second) * 0.85
        second = second * 0.62 * (1 - third)
    return np.stack([second, third]).astype(np.float32)


def _floral(rng: np.random.Generator, variant: int, size: int) -> Floats:
    side = size * _ZOOM
    second, third = _canvas(size), _canvas(size)
    petals, hearts = ImageDraw.Draw(second), ImageDraw.Draw(third)
    count = (6, 7, 8, 6, 7, 9)[variant]
    step = side / count
    even = count - count % 2 or 2
    for row in range(even):
        for column in range(count):
            x = (column + 0.5 * (row % 2) + rng.uniform(0.1, 0.4)) * step
            y = (row + rng.uniform(0.35, 0.65)) * side / even
            r = step * rng.uniform(0.2, 0.26)
            turn = rng.uniform(0, 6.28)
            for k in range(5):
                angle = turn + k * 6.283 / 5
                px, py = x + r * 0.85 * np.cos(angle), y + r * 0.85 * np.sin(angle)
                _scattered(petals, px, py, r * 0.62, side)
            _scattered(hearts, x, y, r * 0.5, side)
            leaf = turn + 0.6
            for more in (0.0, 1.1):
                px, py = x + r * 2.1 * np.cos(leaf + more), y + r * 2.1 * np.sin(leaf + more)
                _scattered(hearts, px, py, r * 0.3, side)
    return _maps(second, third)


def _zigzag(rng: np.random.Generator, variant: int, size: int) -> Floats:
    rows = (6, 8, 7, 9, 6, 8)[variant]
    teeth = (8, 8, 10, 9, 6, 12)[variant]
    place = (np.arange(size * _ZOOM, dtype=np.float32) + 0.5) / (size * _ZOOM)
    wave = np.abs((place * teeth) % 1 - 0.5) * 2 * 0.85  # height of the teeth, in rows
    inside = ((place[:, None] * rows + wave[None, :]) % 1 < 0.42).astype(np.float32)
    second = inside.reshape(size, _ZOOM, size, _ZOOM).mean((1, 3))
    return np.stack([second, np.zeros_like(second)]).astype(np.float32)


def _camouflage(rng: np.random.Generator, variant: int, size: int) -> Floats:
    cells = (13, 15, 17, 14, 16, 18)[variant]
    blots = [smooth_noise(rng, size * 2, cells) for _ in range(2)]
    maps = [
        np.clip((blot - 0.22) * 14, 0, 1).reshape(size, 2, size, 2).mean((1, 3)) for blot in blots
    ]
    maps[0] = maps[0] * (1 - maps[1])
    return np.stack(maps).astype(np.float32)


_DRAWERS: dict[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "Solid": _solid,
    "Striped": _striped,
    "Dotted": _dotted,
    "Checked": _checked,
    "Floral": _floral,
    "Zigzag": _zigzag,
    "Camouflage": _camouflage,
}

Pen = ImageDraw.ImageDraw


def _star(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    angles = -np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, r, r * 0.42)
    second.polygon(
        [(x + a * np.cos(t), y + a * np.sin(t)) for a, t in zip(radii, angles, strict=True)],
        fill=255,
    )


def _mountain(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    second.ellipse([x - r, y - r, x + r, y + r], fill=255)
    third.polygon(
        [(x - r * 0.8, y + r * 0.55), (x - r * 0.2, y - r * 0.45), (x + r * 0.1, y + r * 0.05),
         (x + r * 0.32, y - r * 0.2), (x + r * 0.8, y + r * 0.55)],
        fill=255,
    )  # fmt: skip


def _rings(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    for share in (1.0, 0.66, 0.33):
        a = r * share
        second.ellipse([x - a, y - a, x + a, y + a], outline=255, width=max(1, int(r * 0.16)))


def _heart(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    t = np.linspace(0, 2 * np.pi, 60)
    across = 16 * np.sin(t) ** 3 / 17
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17
    second.polygon([(x + r * a, y + r * d) for a, d in zip(across, down, strict=True)], fill=255)


def _leaf(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    for turn in (-60, -25, 25, 60, 0):
        angle = np.radians(turn - 90)
        tip = np.array([x + r * np.cos(angle), y + r * 0.4 + 1.3 * r * np.sin(angle)])
        root = np.array([x, y + r * 0.7])
        side = np.array([-(tip - root)[1], (tip - root)[0]]) * 0.16
        middle = (tip + root) / 2
        outline = [tuple(root), tuple(middle + side), tuple(tip), tuple(middle - side)]
        second.polygon([(float(a), float(b)) for a, b in outline], fill=255)


def _sun(second: Pen, third: Pen, x: float, y: float, r: float) -> None:
    second.pieslice([x - r, y - r, x + r, y + r], 180, 360, fill=255)
    for k in range(3):
        top = y + r * (0.14 + 0.26 * k)
        half = r * (0.95 - 0.22 * k)
        third.rectangle([x - half, top, x + half, top + r * 0.12], fill=255)


_MOTIFS: dict[str, Callable[[Pen, Pen, float, float, float], None]] = {
    "star": _star,
    "mountain": _mountain,
    "rings": _rings,
    "heart": _heart,
    "leaf": _leaf,
    "sun": _sun,
}

PATTERNS: tuple[str, ...] = (*_DRAWERS, "Graphic")
MOTIFS: tuple[str, ...] = tuple(_MOTIFS)

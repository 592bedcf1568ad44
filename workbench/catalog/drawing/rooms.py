"""Rooms that sellers photograph in: walls, boards, and the things of a household, out of focus."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from workbench.catalog.drawing.noise import Floats, single, smooth_noise
from workbench.catalog.drawing.palette import Tone

Ink = tuple[int, int, int]


def flat(tone: Tone, size: int) -> Floats:
    """(size, size, 3) of one tone."""
    return single(np.ones((size, size, 3)) * np.array(tone))


_WOODS: tuple[Tone, ...] = (
    (0.72, 0.52, 0.33),
    (0.50, 0.32, 0.19),
    (0.82, 0.67, 0.47),
    (0.60, 0.55, 0.49),
)
WALLS: tuple[Tone, ...] = (
    (0.90, 0.88, 0.84), (0.78, 0.83, 0.86), (0.87, 0.82, 0.73), (0.80, 0.85, 0.79), (0.93, 0.92, 0.92),
    (0.84, 0.76, 0.74),
)  # fmt: skip


def planks(rng: np.random.Generator, size: int, count: int) -> Floats:
    """(size, size, 3) boards that run across, each with its own tone and grain."""
    tone = _WOODS[int(rng.integers(len(_WOODS)))]
    fibres = 0.5 * smooth_noise(rng, size, (size // 2, 6)) + 0.5 * smooth_noise(
        rng, size, (size // 5, 3)
    )
    edges = np.linspace(0, size, count + 1).astype(int)
    light = np.ones((size, size), np.float32)
    for start, end in itertools.pairwise(edges.tolist()):
        light[start:end] *= rng.uniform(0.90, 1.08)
        light[start:end] = np.roll(
            light[start:end] * (1 + 0.11 * fibres[start:end]), int(rng.integers(size)), 1
        )
        light[start : start + max(1, size // 110)] *= 0.62
    return flat(tone, size) * light[..., None]


def living_room(rng: np.random.Generator, size: int, stands: bool) -> Floats:
    """(size, size, 3): a room, or for what lies flat the floor of one with things around the edge."""
    image = _wall_and_floor(rng, size) if stands else _floor(rng, size)
    soft = image.filter(ImageFilter.GaussianBlur(size / 128 * rng.uniform(0.7, 1.5)))
    return single(np.asarray(soft, np.float32) / 255)


def _ink(rng: np.random.Generator, low: int = 50, high: int = 215) -> Ink:
    base = int(rng.integers(low, high))
    red, green, blue = (int(np.clip(base + v, 20, 245)) for v in rng.integers(-60, 60, size=3))
    return red, green, blue


def _boards(rng: np.random.Generator, size: int, count: int) -> Image.Image:
    return Image.fromarray((np.clip(planks(rng, size, count), 0, 1) * 230).astype(np.uint8))


Pen = ImageDraw.ImageDraw


def _pictures(pen: Pen, rng: np.random.Generator, x: float, floor: float, unit: float) -> None:
    for k in range(2):
        left, top = x + 14 * k, rng.uniform(6, 20)
        _box(pen, unit, (left, top, left + 12, top + 16), _ink(rng, 20, 80))
        _box(pen, unit, (left + 1.5, top + 1.5, left + 10.5, top + 14.5), _ink(rng, 120, 220))


def _books(pen: Pen, rng: np.random.Generator, x: float, floor: float, unit: float) -> None:
    for row in range(3):
        top, left = 10 + 17 * row, x
        _box(pen, unit, (x, top + 15, x + 28, top + 17), (96, 68, 46))
        while left < x + 26:
            broad = rng.uniform(1.8, 4)
            _box(pen, unit, (left, top + rng.uniform(2, 6), left + broad, top + 15), _ink(rng))
            left += broad


def _sofa(pen: Pen, rng: np.random.Generator, x: float, floor: float, unit: float) -> None:
    red, green, blue = cloth = _ink(rng, 60, 180)
    _box(pen, unit, (x, floor - 20, x + 42, floor + 10), cloth, 5)
    seat = (int(red * 0.82), int(green * 0.82), int(blue * 0.82))
    _box(pen, unit, (x - 2, floor - 6, x + 44, floor + 12), seat, 4)


def _green(pen: Pen, rng: np.random.Generator, x: float, floor: float, unit: float) -> None:
    pot = [(x, floor - 2), (x + 12, floor - 2), (x + 10, floor + 10), (x + 2, floor + 10)]
    pen.polygon([(a * unit, b * unit) for a, b in pot], fill=_ink(rng, 90, 200))
    for _ in range(11):
        way, far = rng.uniform(-2.6, -0.5), rng.uniform(12, 26)
        tip = (x + 6 + far * np.cos(way), floor - 2 + far * np.sin(way))
        line = [((x + 6) * unit, (floor - 2) * unit), (float(tip[0]) * unit, float(tip[1]) * unit)]
        pen.line(line, fill=(46, int(rng.integers(90, 140)), 58), width=max(2, int(4 * unit)))


def _boxes(pen: Pen, rng: np.random.Generator, x: float, floor: float, unit: float) -> None:
    for k in range(2):
        left, top = x + 8 * k, floor + rng.uniform(0, 10)
        _box(pen, unit, (left, top - 12, left + 16, top + 6), _ink(rng, 110, 190))


_FURNITURE: tuple[Callable[[Pen, np.random.Generator, float, float, float], None], ...] = (
    _pictures, _books, _sofa, _green, _boxes,
)  # fmt: skip


def _box(
    pen: Pen, unit: float, corners: tuple[float, float, float, float], ink: Ink, round_by: float = 0
) -> None:
    pen.rounded_rectangle([v * unit for v in corners], round_by * unit, fill=ink)


def _wall_and_floor(rng: np.random.Generator, size: int) -> Image.Image:
    red, green, blue = WALLS[int(rng.integers(len(WALLS)))]
    image = Image.new("RGB", (size, size), (int(255 * red), int(255 * green), int(255 * blue)))
    pen = ImageDraw.Draw(image)
    floor = float(rng.uniform(58, 66))
    line = int(size * floor / 100)
    image.paste(_boards(rng, size, 9).crop((0, line, size, size)), (0, line))
    pen.rectangle([0, line - size // 40, size, line], fill=(236, 234, 230))
    chosen = rng.permutation(len(_FURNITURE))[:4]
    for thing, slot in zip(chosen, rng.permutation(4), strict=True):
        x = float(slot) * 26 + rng.uniform(-6, 4)
        _FURNITURE[int(thing)](pen, rng, x, floor, size / 100)
    return image


def _floor(rng: np.random.Generator, size: int) -> Image.Image:
    """The floor from above: boards, a rug, magazines, a cable, a pair of slippers at the edges."""
    image = _boards(rng, size, int(rng.integers(6, 9)))
    pen = ImageDraw.Draw(image)
    unit = size / 100
    if rng.random() < 0.6:  # a round rug that reaches in
        x, y, r = rng.choice([8, 92]), rng.uniform(0, 100), rng.uniform(30, 45)
        for share, ink in (
            (1.0, _ink(rng, 110, 200)),
            (0.9, _ink(rng, 110, 200)),
            (0.8, _ink(rng, 110, 200)),
        ):
            a = r * share
            pen.ellipse([(x - a) * unit, (y - a) * unit, (x + a) * unit, (y + a) * unit], fill=ink)
    for spot in rng.permutation(6)[:4]:
        x, y = ((10, 12), (90, 14), (8, 55), (93, 52), (12, 90), (90, 90))[int(spot)]
        _thing_on_floor(image, rng, x * unit, y * unit, unit)
    cable = rng.uniform(0, 100, (4, 2)) * unit
    cable[0], cable[-1] = (
        (0, rng.uniform(0, size)),
        (rng.uniform(0, size), 0 if rng.random() < 0.5 else size),
    )
    steps = np.linspace(0, 1, 30)[:, None]
    weights = ((1 - steps) ** 3, 3 * steps * (1 - steps) ** 2, 3 * steps**2 * (1 - steps), steps**3)
    path = sum(w * p for w, p in zip(weights, cable, strict=True))
    pen.line(
        [(float(a), float(b)) for a, b in np.asarray(path)],
        fill=(40, 40, 44),
        width=max(1, int(1.2 * unit)),
    )
    return image


def _thing_on_floor(
    image: Image.Image, rng: np.random.Generator, x: float, y: float, unit: float
) -> None:
    """A magazine, a toy or a slipper, turned at random."""
    wide, tall = int(unit * rng.uniform(14, 22)), int(unit * rng.uniform(18, 28))
    card = Image.new("RGBA", (wide, tall))
    pen = ImageDraw.Draw(card)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.rectangle([0, 0, wide, tall], fill=(*_ink(rng, 140, 230), 255))
        pen.rectangle(
            [wide * 0.1, tall * 0.08, wide * 0.9, tall * 0.22], fill=(*_ink(rng, 30, 90), 255)
        )
        pen.rectangle([wide * 0.15, tall * 0.35, wide * 0.85, tall * 0.9], fill=(*_ink(rng), 255))
    elif kind == 1:
        for k in range(4):
            top = tall * k / 4
            pen.rectangle([0, top, wide * 0.6, top + tall * 0.22], fill=(*_ink(rng), 255))
    else:
        pen.ellipse([0, 0, wide * 0.6, tall], fill=(*_ink(rng, 60, 160), 255))
        pen.ellipse(
            [wide * 0.12, tall * 0.45, wide * 0.48, tall * 0.92], fill=(*_ink(rng, 150, 220), 255)
        )
    turned = card.rotate(float(rng.uniform(0, 360)), Image.Resampling.BICUBIC, expand=True)
    image.paste(turned, (int(x - turned.width / 2), int(y - turned.height / 2)), turned)

"""What goes wrong in made images, drawn on purpose: the failure modes of the `category-image` rubric."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from workbench.catalog.drawing.kinds import KINDS
from workbench.catalog.drawing.noise import Floats, single, smooth_noise
from workbench.catalog.drawing.palette import contrasting
from workbench.catalog.drawing.product import DrawnProduct, sample_product
from workbench.catalog.drawing.props import PROPS

FLAWS = (
    "wrong_product", "wrong_color", "unexpected_person", "distorted_object", "wrong_style",
    "blurred_or_incomplete", "dark_background", "unexpected_element", "text_overlay",
)  # fmt: skip
"""Ids of the failure modes that can be drawn."""


def check_flaws(flaws: Collection[str]) -> None:
    """Refuse a flaw that cannot be drawn.

    Raises:
        ValueError: One is none of `FLAWS`.
    """
    for flaw in flaws:
        if flaw not in FLAWS:
            raise ValueError(f"want flaws among {', '.join(FLAWS)}; got {flaw!r}")


def misunderstood(
    product: DrawnProduct, flaws: Collection[str], rng: np.random.Generator
) -> DrawnProduct:
    """What is drawn instead of `product` where its colour or its kind is wrong."""
    if "wrong_color" in flaws:
        product = replace(product, color=contrasting(product.color, rng))
    if "wrong_product" in flaws:
        others = [kind for kind in KINDS if kind != product.kind]
        kind = others[int(rng.integers(len(others)))]
        pattern = product.pattern if product.pattern in KINDS[kind].patterns else None
        product = sample_product(
            int(rng.integers(2**31)), kind=kind, color=product.color, pattern=pattern
        )
    return product


Mesh = list[tuple[tuple[int, int, int, int], tuple[float, ...]]]
"""Target boxes and the eight numbers of the source corners, as PIL takes them."""

Weakness = Literal["", "blurred", "faded", "cropped"]


def weakness(flaws: Collection[str], rng: np.random.Generator) -> Weakness:
    """The way in which a picture is blurred or incomplete; empty where it is not."""
    if "blurred_or_incomplete" not in flaws:
        return ""
    way = rng.random()
    return "blurred" if way < 0.55 else "faded" if way < 0.8 else "cropped"


def spoilt(
    pictures: Sequence[Image.Image],
    flaws: Collection[str],
    weakness: Weakness,
    rng: np.random.Generator,
) -> list[Image.Image]:
    """Pictures of one product (itself, its shadow) with what is wrong with its shape."""
    spoilt = list(pictures)
    if "distorted_object" in flaws:
        mesh = _pulled(pictures[0].width, rng)
        spoilt = [_bent(picture, mesh) for picture in spoilt]
    if weakness == "faded":
        keep = _unfinished(pictures[0].width, rng)
        spoilt = [_dimmed(picture, keep) for picture in spoilt]
    return spoilt


def finished(
    photo: Image.Image, flaws: Collection[str], weakness: Weakness, rng: np.random.Generator
) -> Image.Image:
    """The photo with what happens to it as a whole."""
    if "wrong_style" in flaws:
        photo = _sketched(photo, rng)
    if weakness == "blurred":
        photo = _blurred(photo, rng)
    return _lettered(photo, rng) if "text_overlay" in flaws else photo


_CELLS = 9
"""Rows and columns of the net in which a picture is pulled about."""


def _pulled(size: int, rng: np.random.Generator) -> Mesh:
    """Where each cell of a net takes its pixels from: bent at random, and melting downwards."""
    corners = _CELLS + 1
    rough = rng.normal(0, 1, (2, 4, 4)).astype(np.float32)
    bend = np.stack(
        [_stretched(axis, corners) for axis in rough]
    )  # (across or down, rows, columns)
    bend *= 0.075 * size / max(0.6, float(bend.std()))
    drops = np.abs(np.sin(np.linspace(0, rng.uniform(4, 7), corners)))
    bend[1] -= 0.10 * size * drops[None, :] * np.linspace(0, 1, corners)[:, None]
    grid = np.linspace(0, size, corners)
    mesh: Mesh = []
    for row, column in itertools.product(range(_CELLS), repeat=2):
        around = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
        source = tuple(
            float(v) for r, c in around for v in (grid[c] + bend[0, r, c], grid[r] + bend[1, r, c])
        )
        target = (int(grid[column]), int(grid[row]), int(grid[column + 1]), int(grid[row + 1]))
        mesh.append((target, source))
    return mesh


def _stretched(values: Floats, side: int) -> Floats:
    grown = Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC)
    return np.array(grown, np.float32)


def _bent(picture: Image.Image, mesh: Mesh) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _unfinished(size: int, rng: np.random.Generator) -> Floats:
    """(size, size): 1 where a model painted the product, 0 where it stopped."""
    down, across = np.mgrid[-0.5 : 0.5 : size * 1j, -0.5 : 0.5 : size * 1j].astype(np.float32)
    way = rng.uniform(0, 2 * np.pi)
    along = across * float(np.cos(way)) + down * float(np.sin(way))
    along += 0.07 * smooth_noise(rng, size, 6)
    return single(np.clip((rng.uniform(-0.02, 0.10) - along) / 0.05, 0, 1))


def _dimmed(picture: Image.Image, keep: Floats) -> Image.Image:
    values = np.asarray(picture, np.float32)
    left = (values * (keep if values.ndim == 2 else keep[..., None])).astype(np.uint8)
    return Image.frombytes(picture.mode, picture.size, left.tobytes())


def darkened(ground: Floats, rng: np.random.Generator) -> Floats:
    """The background in the dark, with a pool of light at most."""
    size = ground.shape[0]
    down, across = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    x, y = rng.uniform(-0.4, 0.4, 2)
    pool = np.exp(-((across - x) ** 2 + (down - y) ** 2) / 0.5)
    level = rng.uniform(0.08, 0.15) + rng.uniform(0.05, 0.16) * pool
    return np.asarray(ground * level[..., None], np.float32)


def _blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(picture.width * rng.uniform(0.022, 0.036)))


def _sketched(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """No photo but a drawing: pencil lines on paper."""
    grey = picture.convert("L")
    soft = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(picture.width / 45))
    lines = np.asarray(grey, np.float32) * 255 / np.maximum(255 - np.asarray(soft, np.float32), 1)
    lines = np.clip(lines, 0, 255) ** 2.2 / 255**1.2
    paper = (
        np.array([250, 246, 236], np.float32)
        * (0.985 + 0.012 * smooth_noise(rng, picture.width, 40))[..., None]
    )
    return Image.fromarray(
        (np.clip(lines / 255, 0, 1)[..., None] * paper).clip(0, 255).astype(np.uint8)
    )


_WORDS = (
    "SALE", "50% OFF", "NEW", "FREE SHIPPING", "BEST PRICE", "HOT DEAL", "LIMITED", "BUY NOW", "ONLY 9.99",
    "100% ORIGINAL",
)  # fmt: skip
_MARKS = ("SAMPLE", "PREVIEW", "PHOTO 2041", "COPYRIGHT")
_INKS = ((214, 32, 38), (20, 20, 24), (16, 96, 180), (240, 180, 20), (24, 130, 70))


@lru_cache(maxsize=256)
def _lettering(text: str, height: int) -> Image.Image:
    font = ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(mask).text(
        (1 - left, 1 - top), text, font=font, fill=255, stroke_width=max(0, height // 22)
    )
    return mask


def _lettered(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Advertising, a badge or a watermark laid over the picture."""
    size = picture.width
    way = int(rng.integers(3))
    if way == 0:  # a banner across the top or the foot
        text, ink = _WORDS[int(rng.integers(len(_WORDS)))], _INKS[int(rng.integers(len(_INKS)))]
        high = int(size * rng.uniform(0.14, 0.19))
        top = 0 if rng.random() < 0.4 else size - high
        picture.paste(ink, (0, top, size, top + high))
        mask = _fitting(text, int(high * 0.62), int(size * 0.92))
        picture.paste(
            (255, 255, 255), ((size - mask.width) // 2, top + (high - mask.height) // 2), mask
        )
    elif way == 1:  # a round badge in a corner
        text, ink = (
            ("SALE", "NEW", "-50%", "TOP", "-30%")[int(rng.integers(5))],
            _INKS[int(rng.integers(3))],
        )
        r = int(size * rng.uniform(0.14, 0.18))
        x, y = (r + size // 30 if rng.random() < 0.5 else size - r - size // 30), r + size // 30
        disc = Image.new("L", (8 * r, 8 * r))
        ImageDraw.Draw(disc).ellipse([0, 0, 8 * r - 1, 8 * r - 1], fill=255)
        picture.paste(ink, (x - r, y - r), disc.reduce(4))
        mask = _fitting(text, int(r * 0.75), int(r * 1.6))
        picture.paste((255, 255, 255), (x - mask.width // 2, y - mask.height // 2), mask)
    else:  # a watermark, repeated aslant
        mask = _fitting(_MARKS[int(rng.integers(len(_MARKS)))], max(9, size // 8), size)
        strength = rng.uniform(0.45, 0.65)
        layer = Image.new("L", (2 * size, 2 * size))
        for row in range(0, 2 * size, int(mask.height * 3.2)):
            for x in range((row // 3) % mask.width - mask.width, 2 * size, int(mask.width * 1.35)):
                layer.paste(mask, (x, row))
        turned = layer.rotate(rng.uniform(20, 35), Image.Resampling.BILINEAR)
        seen = turned.crop((size // 2, size // 2, size // 2 + size, size // 2 + size))
        tone = (255, 255, 255) if np.asarray(picture.resize((1, 1))).mean() < 150 else (90, 90, 96)
        picture.paste(tone, (0, 0), seen.point(lambda v: int(v * strength)))
    return picture


def _fitting(text: str, height: int, width: int) -> Image.Image:
    """`text` as large as `height` and `width` allow."""
    mask = _lettering(text, max(6, height))
    if mask.width > width:
        mask = _lettering(text, max(6, int(height * width / mask.width)))
    return mask


def intruder(flaws: Collection[str], rng: np.random.Generator) -> str | None:
    """The thing that turns up although nobody asked for it; None where `flaws` holds none such."""
    if "unexpected_person" in flaws:
        return "hand"
    if "unexpected_element" in flaws:
        names = [name for name in PROPS if name != "hand"]
        return names[int(rng.integers(len(names)))]
    return None

"""Flaws put into pictures on purpose, so that their presence and strength are known.

For checking instruments, and for fitting them to a catalogue of one's own. Every function takes an RGB
picture and returns a new one of the same size; those that draw by chance take a seeded generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from workbench.judging.instruments._view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAYINGS = (
    "SALE 50% OFF",
    "Free shipping",
    "BEST PRICE",
    "www.my-shop.example",
    "NEW ARRIVAL",
    "Limited offer",
    "SAMPLE",
    "Sku 0881-103",
)


def blur(image: Image.Image, *, sigma: float) -> Image.Image:
    """Out of focus: a Gaussian of standard deviation `sigma` pixels."""
    return image.filter(ImageFilter.GaussianBlur(sigma))


def expose(image: Image.Image, *, stops: float) -> Image.Image:
    """Too little light (`stops` under 0) or too much (over 0); -1 halves the light.

    Light that passes white is cut off, as a sensor does.
    """
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear * 2.0**stops, 0, 1)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return image.point([round(255 * value) for value in shown] * 3)


def change_ground(image: Image.Image, ground: Image.Image) -> Image.Image:
    """The product of a studio photo before another ground, which is scaled to fit.

    What is product is told by `View.foreground`, so the photo must have a plain ground itself.
    """
    mask = Image.fromarray(View(image).foreground.astype(np.uint8) * 255)
    mask = mask.resize(image.size, Image.Resampling.BILINEAR)
    mask = mask.filter(ImageFilter.GaussianBlur(max(image.size) / 512))
    return Image.composite(image, ground.convert("RGB").resize(image.size), mask)


def shadow(image: Image.Image, rng: np.random.Generator, *, strength: float) -> Image.Image:
    """A soft shadow over one side; `strength` is the share of light that it takes, 0 to 1."""
    angle, start = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3)
    rows, columns = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    across = np.cos(angle) * columns + np.sin(angle) * rows - start
    light = 1 - strength / (1 + np.exp(-6 * across))  # (h, w)
    return _lit(image, light)


def overlay_text(
    image: Image.Image, rng: np.random.Generator, *, height: float, opacity: float = 1.0
) -> Image.Image:
    """A line of text somewhere: `height` as a share of the longer side, `opacity` from 0 to 1."""
    size = max(6, round(height * max(image.size) / 0.7))  # capitals are 0.7 of a font's size
    font = ImageFont.load_default(size)
    words = str(rng.choice(_SAYINGS))
    left, top, right, bottom = font.getbbox(words)
    while right - left > image.width and size > 6:
        size -= 1
        font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(words)
    x = rng.uniform(0, max(image.width - (right - left), 1)) - left
    y = rng.uniform(0, max(image.height - (bottom - top), 1)) - top
    under = np.asarray(image.convert("L"))[
        max(int(y), 0) : int(y + bottom) + 1, max(int(x), 0) : int(x + right) + 1
    ]
    dark = under.mean() > 127
    color = tuple(int(c) for c in (rng.integers(0, 90, 3) if dark else rng.integers(180, 256, 3)))
    layer = Image.new("RGBA", image.size, (*color, 0))
    ImageDraw.Draw(layer).text((x, y), words, font=font, fill=(*color, round(255 * opacity)))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def clutter(
    image: Image.Image,
    rng: np.random.Generator,
    *,
    count: int,
    size: float,
    others: Sequence[Image.Image] = (),
) -> Image.Image:
    """Things that nobody asked for, where the product leaves most room.

    Args:
        image: RGB.
        rng: Where, and which.
        count: Number of things.
        size: Longer side of each, as a share of the picture's longer side.
        others: Studio photos, of which shrunken products are taken; without them leaves are drawn.
    """
    scene = image.copy()
    product = View(image).foreground
    side = max(8, round(size * max(image.size)))
    for _ in range(count):
        thing = (
            _cut_out(others[int(rng.integers(len(others)))]) if len(others) else _leaf(rng, side)
        )
        thing.thumbnail((side, side))
        places = rng.uniform(0, 1, (20, 2)) * (
            image.width - thing.width,
            image.height - thing.height,
        )
        shrink = product.shape[1] / image.width
        covered = [
            product[
                int(y * shrink) : int((y + thing.height) * shrink) + 1,
                int(x * shrink) : int((x + thing.width) * shrink) + 1,
            ].mean()
            for x, y in places
        ]
        x, y = places[int(np.argmin(covered))]
        scene.paste(thing, (round(x), round(y)), thing)
    return scene


def _lit(image: Image.Image, light: npt.NDArray[np.float64]) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float64) * light[..., None]
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _cut_out(image: Image.Image) -> Image.Image:
    mask = Image.fromarray(View(image).main.astype(np.uint8) * 255)
    thing = image.convert("RGBA")
    thing.putalpha(mask.resize(image.size, Image.Resampling.BILINEAR))
    box = thing.getchannel("A").getbbox()
    return thing.crop(box) if box else thing


def _leaf(rng: np.random.Generator, side: int) -> Image.Image:
    """A twig of three leaves or petals."""
    leaf = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(leaf)
    hue = [(46, 125, 50), (104, 159, 56), (216, 67, 120), (142, 68, 173), (121, 85, 72)]
    color = hue[rng.integers(len(hue))]
    for step in range(3):
        top = step * side // 4
        draw.ellipse([side // 5, top, side - side // 5, top + side // 2], fill=(*color, 255))
        draw.line([side // 2, top, side // 2, top + side // 2], fill=(30, 60, 30, 255), width=1)
    return leaf.rotate(float(rng.uniform(0, 360)))

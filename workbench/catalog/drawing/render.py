"""From a product and a photo style to a photo."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from workbench.catalog.drawing import flaws as spoil
from workbench.catalog.drawing.noise import Floats
from workbench.catalog.drawing.paint import CUTS, paint_product, paint_prop, product_layers
from workbench.catalog.drawing.product import DrawnProduct
from workbench.catalog.drawing.raster import Layers
from workbench.catalog.drawing.scenes import COMPOSITIONS, LIGHTS, Light, PhotoStyle, backdrop

Matrix = npt.NDArray[np.float64]
Window = tuple[int, int, int, int]
"""Left, top, right and lower edge, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """How a shadow falls."""

    away: float
    """Pixels by which it lies right of and below what casts it."""
    dark: float
    """0 to 1."""


SMALLEST, LARGEST = 16, 1024
"""Sides of a picture, in pixels."""

_FINE = 160
"""Up to this side, in pixels, small pictures are kept crisp by the slower resampling."""


def draw(
    product: DrawnProduct,
    *,
    size: int = 128,
    style: PhotoStyle | None = None,
    flaws: Collection[str] = (),
    seed: int = 0,
) -> Image.Image:
    """Photograph `product`.

    Equal arguments give equal pixels, in any process. Another `seed` gives another photo of the same
    thing: camera, light from the left or the right, another corner of the background.

    Args:
        product: What is shown.
        size: Side of the square picture in pixels, 16 to 1024.
        style: Background, light and composition; None: a white studio, soft light, centred.
        flaws: Failure modes to draw, among `FLAWS`.
        seed: Chooses among the photos that fit.

    Returns:
        An RGB picture.

    Raises:
        ValueError: `size` is out of range, or a flaw or a part of the style is unknown.
    """
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(f"want a size of {SMALLEST} to {LARGEST} pixels, got {size!r}")
    style = style or PhotoStyle()
    style.check()
    rng = np.random.default_rng([seed, 2])
    if flaws:
        spoil.check_flaws(flaws)
        product = spoil.misunderstood(product, flaws, rng)
    light = LIGHTS[style.light]
    layers = product_layers(product.kind, product.details, product.look % CUTS, size)
    cutout = paint_product(product, layers, light, rng)
    ground = backdrop(style, size, layers.stands, rng)
    matrix = _camera(layers, style, rng)
    if not flaws:
        picture = _placed(cutout, layers.contact, matrix, ground, _fall(layers, light))
        return _developed(picture, light, rng)
    weakness = spoil.weakness(flaws, rng)
    cutout, shadow = spoil.spoilt((cutout, layers.contact), flaws, weakness, rng)
    if weakness == "cropped":
        far, way = rng.uniform(0.46, 0.54) * size, rng.uniform(0, 2 * np.pi)
        matrix = _move(far * float(np.cos(way)), far * float(np.sin(way))) @ matrix
    if dark := "dark_background" in flaws:
        ground = spoil.darkened(ground, rng)
    picture = _placed(cutout, shadow, matrix, ground, _fall(layers, light))
    if (thing := spoil.intruder(flaws, rng)) is not None:
        picture = _with_prop(thing, picture, light, rng)
    if dark:
        picture *= rng.uniform(0.62, 0.8)
    return spoil.finished(_developed(picture, light, rng), flaws, weakness, rng)


def _camera(layers: Layers, style: PhotoStyle, rng: np.random.Generator) -> Matrix:
    """(3, 3): where a point of the cut-out comes to lie in the photo, in homogeneous pixels."""
    size, half = layers.size, layers.size / 2
    fill = COMPOSITIONS[style.composition] * rng.uniform(0.95, 1.05)
    turn = rng.normal(0, 1.5 if layers.stands else 3.0)
    if style.composition == "tilted":
        most = (7, 12) if layers.stands else (14, 28)
        turn += rng.choice([-1, 1]) * rng.uniform(*most)
    angle, stretch = np.radians(turn), rng.uniform(0.94, 1.06)
    shift = rng.normal(0, 0.018 * size, 2)
    if layers.stands:  # a smaller thing stands on the same ground
        shift[1] += (1.1 - fill) * 0.16 * size
    turned = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    tilted = np.eye(3)
    tilted[2, :2] = rng.normal(0, 0.045, 2) / half
    scaled = np.diag([fill * stretch, fill / stretch, 1.0])
    return np.asarray(
        _move(half + shift[0], half + shift[1]) @ tilted @ turned @ scaled @ _move(-half, -half)
    )


def _move(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=float)


def _warped(picture: Image.Image, matrix: Matrix, window: Window) -> Floats:
    """`picture` as it lies in `window` of the photo once `matrix` has moved it; 0 to 255."""
    x0, y0, x1, y1 = window
    back = np.linalg.inv(
        _move(-x0, -y0) @ matrix
    )  # PIL asks where each pixel of the photo comes from
    numbers = tuple(float(v) for v in (back / back[2, 2]).ravel()[:8])
    fine = picture.mode != "L" and picture.width <= _FINE
    resample = Image.Resampling.BICUBIC if fine else Image.Resampling.BILINEAR
    shape = (x1 - x0, y1 - y0)
    moved = picture.transform(shape, Image.Transform.PERSPECTIVE, numbers, resample)
    return np.asarray(moved, np.float32)


def _window(box: Window, matrices: Sequence[Matrix], size: int) -> Window:
    """The part of a photo in which `box` lies once the matrices have moved it."""
    x0, y0, x1, y1 = box
    corners = np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1, 1, 1, 1]], dtype=float)
    moved = np.concatenate([matrix @ corners for matrix in matrices], axis=1)
    across, down = moved[:2] / moved[2]
    low, high = np.floor((across.min(), down.min())), np.ceil((across.max(), down.max()))
    left, top = (int(v) for v in np.clip(low - 1, 0, size))
    right, foot = (int(v) for v in np.clip(high + 1, 0, size))
    return left, top, right, foot


def _fall(layers: Layers, light: Light) -> Fall:
    return Fall(away=0.0 if layers.stands else 0.018 * layers.size, dark=light.shadow)


def _placed(
    cutout: Image.Image, shadow: Image.Image, matrix: Matrix, ground: Floats, fall: Fall
) -> Floats:
    """(size, size, 3): `ground`, with the product and its shadow laid upon it, in place."""
    size = ground.shape[0]
    away = np.asarray(_move(fall.away, fall.away) @ matrix)
    window = _window(cutout.getbbox() or (0, 0, size, size), (matrix, away), size)
    # A shadow reaches a little farther than what casts it.
    x0, y0, x1, y1 = _grown(window, size // 12, size)
    if x1 <= x0 or y1 <= y0:
        return ground
    part = ground[y0:y1, x0:x1]
    part *= (1 - _warped(shadow, away, (x0, y0, x1, y1)) * (fall.dark / 255))[..., None]
    x0, y0, x1, y1 = window
    if x1 <= x0 or y1 <= y0:
        return ground
    part = ground[y0:y1, x0:x1]
    rgba = _warped(cutout, matrix, window) * np.float32(1 / 255)
    part *= 1 - rgba[..., 3:]
    part += rgba[..., :3]
    return ground


def _grown(window: Window, by: int, size: int) -> Window:
    x0, y0, x1, y1 = window
    return max(0, x0 - by), max(0, y0 - by), min(size, x1 + by), min(size, y1 + by)


def _with_prop(name: str, picture: Floats, light: Light, rng: np.random.Generator) -> Floats:
    """A thing that nobody asked for, beside the product and a little over it."""
    size = picture.shape[0]
    cutout, layers = paint_prop(name, size, light, rng)
    scale = rng.uniform(0.42, 0.56)
    side = rng.choice([-1, 1])
    if name == "hand":  # reaches in from below
        x, y, scale, turn = (
            0.5 + side * rng.uniform(0.14, 0.26),
            rng.uniform(0.76, 0.84),
            0.62,
            side * -0.3,
        )
    else:
        x, y = 0.5 + side * rng.uniform(0.26, 0.34), rng.uniform(0.62, 0.78)
        turn = 0.0 if layers.stands else rng.uniform(-0.5, 0.5)
    turned = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    matrix = (
        _move(x * size, y * size)
        @ turned
        @ np.diag([scale, scale, 1.0])
        @ _move(-size / 2, -size / 2)
    )
    return _placed(cutout, layers.contact, np.asarray(matrix), picture, _fall(layers, light))


@lru_cache(maxsize=8)
def _grain(size: int) -> Floats:
    rng = np.random.default_rng([size, 4])
    return rng.normal(0, 1, (2 * size, 2 * size, 1)).astype(np.float32)


def _developed(picture: Floats, light: Light, rng: np.random.Generator) -> Image.Image:
    """The picture as a camera gives it: exposure, white balance, a little noise; 8 bits a channel."""
    size = picture.shape[0]
    gain = np.array(light.tint, np.float32) * np.float32(light.exposure * rng.uniform(0.97, 1.03))
    x, y = (int(v) for v in rng.integers(size, size=2))
    picture *= gain * 255
    picture += _grain(size)[y : y + size, x : x + size] * np.float32(rng.uniform(0.25, 1.5))
    return Image.fromarray(np.clip(picture, 0, 255, out=picture).astype(np.uint8))

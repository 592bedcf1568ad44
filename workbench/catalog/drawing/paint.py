"""Colour and light on a shape: from layers and a product to the cut-out picture of the product."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from workbench.catalog.drawing.kinds import KINDS
from workbench.catalog.drawing.materials import MATERIALS, TILES, Material, texture_tile
from workbench.catalog.drawing.noise import Floats, single
from workbench.catalog.drawing.palette import Tone, brightness, companions, mixed, tone_of
from workbench.catalog.drawing.patterns import MOTIFS, VARIANTS, graphic_mark, pattern_tile
from workbench.catalog.drawing.product import DrawnProduct
from workbench.catalog.drawing.props import PROPS
from workbench.catalog.drawing.raster import Layers, rasterise
from workbench.catalog.drawing.scenes import Light
from workbench.catalog.drawing.sketch import PAINTS, fitted

CUTS = 3
"""Proportions in which each shape is cut."""

_FINISHES: dict[str, Tone] = {
    "Silver Case": (0.78, 0.79, 0.81),
    "Gold Case": (0.84, 0.66, 0.32),
    "Black Case": (0.17, 0.17, 0.18),
}
_WOODS: tuple[Tone, ...] = ((0.66, 0.46, 0.27), (0.42, 0.27, 0.16), (0.80, 0.64, 0.44))
_LEATHERS: tuple[Tone, ...] = ((0.55, 0.33, 0.18), (0.16, 0.15, 0.15), (0.72, 0.53, 0.34))
_KHAKI = np.array((0.82, 0.78, 0.64), np.float32)
_METAL, _ACCENT, _STITCH = (PAINTS.index(p) for p in ("metal", "accent", "stitch"))


@lru_cache(maxsize=400)
def product_layers(kind: str, details: tuple[tuple[str, str], ...], cut: int, size: int) -> Layers:
    """The layers of one shape, made once. All 360 shapes take about 100 MB at 128 pixels."""
    return rasterise(fitted(KINDS[kind].sketch(dict(details), cut)), size)


@lru_cache(maxsize=64)
def _prop_layers(name: str, size: int) -> Layers:
    return rasterise(fitted(PROPS[name].sketch()), size)


def _tones(body: Tone, metal: Tone, look: np.random.Generator, thread: Tone | None) -> Floats:
    """(paints, 3): the tone of every paint of one product."""
    second, third = companions(body, look)
    wood = _WOODS[int(look.integers(3))]
    accents = (*_LEATHERS, mixed(body, (0.1, 0.1, 0.1), 0.35), (0.86, 0.84, 0.80))
    accent = accents[int(look.integers(len(accents)))]
    if brightness(body) > 0.2:
        trim, inside = mixed(body, (0.05, 0.05, 0.08), 0.22), mixed(body, (0.05, 0.05, 0.07), 0.5)
    else:  # on black, depth is shown by what is lighter
        trim, inside = mixed(body, (1, 1, 1), 0.12), mixed(body, (1, 1, 1), 0.09)
    pale = brightness(body) > 0.7
    thread = thread or mixed(body, (0.1, 0.05, 0) if pale else (1, 1, 1), 0.58)
    tones: dict[str, Tone] = {
        "body": body, "second": second, "third": third, "trim": trim, "inside": inside,
        "light": (0.94, 0.93, 0.90), "dark": (0.15, 0.15, 0.17), "metal": metal, "wood": wood,
        "accent": accent, "stitch": thread,
    }  # fmt: skip
    return np.array([tones[paint] for paint in PAINTS], np.float32)


def paint_product(
    product: DrawnProduct, layers: Layers, light: Light, rng: np.random.Generator
) -> Image.Image:
    """The lit product without its background, `RGBa` (colours multiplied by alpha).

    Dye, print and finish follow from `product.look`; `rng` moves only the light.
    """
    look = np.random.default_rng([product.look, 3])
    body = tone_of(product.color, look)
    finish = dict(product.details).get("Case Finish")
    metal = _FINISHES[finish or ("Silver Case", "Silver Case", "Gold Case")[int(look.integers(3))]]
    thread = (0.86, 0.62, 0.30) if product.material == "Denim" else None
    tones = _tones(body, metal, look, thread)
    if product.pattern == "Camouflage":  # shades of one colour, so that the colour keeps its name
        tones[1], tones[2] = tones[0] * 0.5, tones[0] + (_KHAKI - tones[0]) * 0.45
    size = layers.size
    shift = int(look.integers(size)) * size  # whole rows: across, tiles stay where they are
    marks: Floats | None = None
    if product.pattern == "Graphic" and layers.graphic is not None:
        motif = MOTIFS[int(look.integers(len(MOTIFS)))]
        marks = graphic_mark(motif, *layers.graphic, size)[:, layers.where]
    elif product.pattern not in {"Solid", "Graphic"}:
        tile = pattern_tile(product.pattern, int(look.integers(VARIANTS)), size)
        marks = tile[:, (layers.cloth + shift) % (size * size)]
    return _lit(
        layers, tones, MATERIALS[product.material], marks=marks, shift=shift, light=light, rng=rng
    )


def paint_prop(
    name: str, size: int, light: Light, rng: np.random.Generator
) -> tuple[Image.Image, Layers]:
    """A thing that is not for sale, lit like the product: its picture and its layers."""
    prop = PROPS[name]
    layers = _prop_layers(name, size)
    tones = _tones(prop.tone, _FINISHES["Silver Case"], rng, None)
    tones[_ACCENT] = prop.accent
    return _lit(layers, tones, MATERIALS[prop.material], light=light, rng=rng), layers


def _lit(
    layers: Layers,
    tones: Floats,
    material: Material,
    *,
    marks: Floats | None = None,
    shift: int = 0,
    light: Light,
    rng: np.random.Generator,
) -> Image.Image:
    size = layers.size
    weights, body = layers.weights, layers.weights[:, 0]
    colour = weights @ tones[list(layers.used)]  # (n, 3), multiplied by alpha
    if marks is not None:
        colour += (body * marks[0])[:, None] * (tones[1] - tones[0])
        colour += (body * marks[1])[:, None] * (tones[2] - tones[0])
    from_left = rng.random() < 0.7
    light_x = np.float32(rng.uniform(0.35, 0.75) * (-1 if from_left else 1))
    light_y = np.float32(rng.uniform(-0.75, -0.4))
    lean = layers.normal_x * light_x + layers.normal_y * light_y  # towards the light
    shine = layers.shade * (1 + np.float32(material.contrast * light.contrast) * lean)
    tile = texture_tile(material.texture, shift // size % TILES, size)
    shine *= 1 + body * (tile[(layers.cloth + shift) % (size * size)] - 1)
    metal = layers.share(_METAL)
    shine *= 1 + (0.5 * metal + material.mirror * body) * _reflection(layers.normal_x)
    alpha = layers.alpha
    if material.clear:
        opaque = marks[0] if marks is not None else np.float32(0)
        clear = material.clear * body * (1 - 0.55 * np.abs(layers.normal_x)) * (1 - 0.7 * opaque)
        colour, alpha = colour * (1 - 0.75 * clear)[:, None], alpha - clear
    shaded = np.minimum(shine, 1)[:, None]
    picture = colour * shaded
    if material.stitched:
        thread = (layers.stitch * alpha)[:, None]
        picture += thread * (tones[_STITCH] * shaded - picture)
    gloss = material.gloss * body + 0.6 * metal + 0.25 * layers.share(_ACCENT)
    across = (layers.normal_x - 0.75 * light_x) * np.float32(material.sharpness)
    down = (layers.normal_y - 0.35 * light_y) * np.float32(0.27 * material.sharpness)
    bright = gloss * np.exp(-(across**2) - down**2) * np.float32(light.contrast)
    glow = np.maximum(shine - 1, 0) * np.float32(0.6) * alpha + bright * np.float32(0.8)
    picture += glow[:, None] * (alpha[:, None] - picture)
    if material.clear:
        alpha = np.clip(alpha + 0.6 * bright, 0, 1)
    covered = np.empty((len(alpha), 4), np.float32)
    covered[:, :3], covered[:, 3] = picture, alpha
    pixels = np.zeros((size * size, 4), np.uint8)
    covered *= 255
    pixels[layers.where] = np.clip(covered, 0, 255, out=covered).astype(np.uint8)
    return Image.frombytes("RGBa", (size, size), pixels.tobytes())


_BANDS = np.interp(
    np.linspace(-1, 1, 256),
    [-1.0, -0.85, -0.62, -0.45, -0.2, 0.1, 0.35, 0.55, 0.8, 1.0],
    [-0.55, -0.35, 0.45, 0.60, -0.10, -0.30, -0.05, 0.40, -0.30, -0.60],
).astype(np.float32)


def _reflection(normal_x: Floats) -> Floats:
    """What polished metal shows of a room: bands of light and dark, by the lean of the surface."""
    return single(_BANDS[((normal_x + 1) * 127.5).astype(np.uint8)])

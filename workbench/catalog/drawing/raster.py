"""From a sketch to maps of pixels: who is painted where, how it bulges, where it folds.

The maps are made once per shape and size and kept; a picture is then a few sums over them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from workbench.catalog.drawing.noise import Floats, single
from workbench.catalog.drawing.sketch import PAINTS, Fill, Line, Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """One shape at one size. Maps hold only the n pixels that the shape covers at least a little."""

    size: int
    where: npt.NDArray[np.int32]
    """(n,): place of each covered pixel in a picture of `size` × `size`, row by row."""
    weights: Floats
    """(n, paints): how much of each paint is seen in a pixel; sums to `alpha`."""
    alpha: Floats
    """(n,): how much of the pixel the product covers, 0 to 1."""
    normal_x: Floats
    """(n,): how far the surface leans to the right, -1 to 1."""
    normal_y: Floats
    """(n,): how far the surface leans down, -1 to 1."""
    shade: Floats
    """(n,): light that folds, seams and nearby parts leave, about 0.4 to 1.3."""
    stitch: Floats
    """(n,): thread, 0 to 1; shown where the material is sewn in sight."""
    cloth: npt.NDArray[np.int32]
    """(n,): index into a square periodic tile of `size` × `size`: where a pattern or texture is read."""
    contact: Image.Image
    """Shadow of the product where it stands, or around it where it lies: `L`, 255 the deepest."""
    graphic: tuple[float, float, float] | None
    """Centre and radius of a printed motif, in units of 100."""
    stands: bool


def rasterise(sketch: Sketch, size: int) -> Layers:
    """Draw `sketch` on `size` × `size` pixels, smooth at the edges."""
    zoom = 4 if size <= 160 else 3
    weights: Floats = np.zeros((size, size, len(PAINTS)), np.float32)
    alpha: Floats = np.zeros((size, size), np.float32)
    normal: Floats = np.zeros((2, size, size), np.float32)
    shade: Floats = np.ones((size, size), np.float32)
    stitch: Floats = np.zeros((size, size), np.float32)
    rows: Floats = single(np.mgrid[0:size, 0:size][0])
    columns: Floats = single(np.mgrid[0:size, 0:size][1])
    u, v = columns, rows
    for mark in sketch.marks:
        if isinstance(mark, Line):
            soft = _line(mark, size, zoom)
            if mark.kind == "stitch":
                stitch = np.maximum(stitch, soft)
            else:
                shade *= 1 + mark.strength * soft
            continue
        mask = _mask(mark, size, zoom)
        if mark.lift:
            shade *= 1 - 0.32 * mark.lift * np.roll(_blur(mask, 0.016 * size), size // 90, (0, 1))
        keep = 1 - mask
        weights *= keep[..., None]
        weights[..., PAINTS.index(mark.paint)] += mask
        alpha = alpha * keep + mask
        bulge = _bulge(mark, mask, size)
        normal = normal * keep + bulge * mask
        rim: Floats | float = (
            1 - 0.14 * (1 - _blur(mask, 0.012 * size)) if mark.form != "flat" else 1.0
        )
        shade = shade * keep + mask * rim
        stitch = stitch * keep
        inside = mask > 0.5
        own_u, own_v = _cloth(mark, mask, bulge, (columns, rows))
        u, v = np.where(inside, own_u, u), np.where(inside, own_v, v)
    index = (np.round(v).astype(np.int32) % size) * size + np.round(u).astype(np.int32) % size
    where = np.flatnonzero(alpha > 1 / 512).astype(np.int32)
    return Layers(
        size=size,
        where=where,
        weights=np.ascontiguousarray(weights.reshape(size * size, -1)[where]),
        alpha=alpha.ravel()[where],
        normal_x=normal[0].ravel()[where],
        normal_y=normal[1].ravel()[where],
        shade=shade.ravel()[where],
        stitch=stitch.ravel()[where],
        cloth=index.ravel()[where],
        contact=Image.fromarray((_contact(alpha, sketch, size) * 255 + 0.5).astype(np.uint8)),
        graphic=sketch.graphic,
        stands=sketch.stands,
    )


def _mask(mark: Fill, size: int, zoom: int) -> Floats:
    big = Image.new("L", (size * zoom, size * zoom))
    pen = ImageDraw.Draw(big)
    scale = size * zoom / 100
    pen.polygon([(x * scale, y * scale) for x, y in mark.outline], fill=255)
    for hole in mark.holes:
        pen.polygon([(x * scale, y * scale) for x, y in hole], fill=0)
    return single(np.asarray(big.reduce(zoom), np.float32) / 255)


def _line(mark: Line, size: int, zoom: int) -> Floats:
    big = Image.new("L", (size * zoom, size * zoom))
    pen = ImageDraw.Draw(big)
    scale = size * zoom / 100
    points = [(x * scale, y * scale) for x, y in mark.points]
    width = max(1, round(mark.width * scale))
    if mark.kind == "stitch":
        for start, end in _dashes(points, length=2.0 * scale, gap=1.6 * scale):
            pen.line([start, end], fill=255, width=width)
        return single(np.asarray(big.reduce(zoom), np.float32) / 255)
    pen.line(points, fill=255, width=width, joint="curve")
    flat = single(np.asarray(big.reduce(zoom), np.float32) / 255)
    if mark.kind == "seam":
        return flat
    # A fold fades to its sides and to its ends.
    return single(_blur(flat, mark.width * size / 100 * 0.55) * 1.25)


def _dashes(
    points: list[tuple[float, float]], *, length: float, gap: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    xy = np.array(points)
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0, walked[-1], length + gap)
    ends = np.minimum(starts + length, walked[-1])
    at = [np.interp(where, walked, xy[:, axis]) for where in (starts, ends) for axis in (0, 1)]
    return [((a, b), (c, d)) for a, b, c, d in zip(*(x.tolist() for x in at), strict=True)]


def _bulge(mark: Fill, mask: Floats, size: int) -> Floats:
    """(2, size, size): the surface's lean to the right and down."""
    if mark.form == "flat":
        return np.zeros((2, size, size), np.float32)
    height = 0.55 * _blur(mask, 0.018 * size) + 0.9 * _blur(mask, 0.06 * size)
    gradient_y, gradient_x = np.gradient(height)
    lean = single(np.stack([-gradient_x, -gradient_y]) * (size / 100 * 5.0))
    if mark.form == "cloth":
        return single(np.clip(lean * mark.relief, -0.9, 0.9))
    across = _position(mask, axis=1)
    down = _position(mask, axis=0)
    if mark.form == "upright":
        round_x, round_y = across, 0.25 * lean[1]
    elif mark.form == "lying":
        round_x, round_y = 0.25 * lean[0], down
    else:
        round_x, round_y = across * np.sqrt(1 - 0.5 * down**2), down * np.sqrt(1 - 0.5 * across**2)
    return single(np.clip(np.stack([round_x, round_y]) * mark.relief, -1, 1))


def _position(mask: Floats, axis: int) -> Floats:
    """Where each pixel lies between the ends of its row (axis 1) or column (axis 0): -1 to 1."""
    place = np.arange(mask.shape[axis], dtype=np.float32)
    along = place[None, :] if axis == 1 else place[:, None]
    inside = mask > 0.5
    first = np.where(inside, along, np.inf).min(axis=axis, keepdims=True)
    last = np.where(inside, along, -np.inf).max(axis=axis, keepdims=True)
    with np.errstate(invalid="ignore"):
        where = (along - (first + last) / 2) / np.maximum((last - first) / 2, 1)
    return single(np.clip(np.nan_to_num(where), -1, 1))


def _cloth(
    mark: Fill, mask: Floats, bulge: Floats, grid: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """The coordinates at which a pattern is read: bent around cylinders, turned by `grain`."""
    columns, rows = grid
    u, v = grid
    if mark.form in {"upright", "ball"}:
        inside = mask > 0.5
        width = float(inside.sum(axis=1).max()) if inside.any() else float(mask.shape[0])
        u = single(columns[0].mean() + np.arcsin(np.clip(bulge[0], -0.97, 0.97)) * width * 0.45)
        if mark.form == "upright":  # seen a little from above: rings sag in the middle
            v = single(rows - 0.05 * width * np.sqrt(np.clip(1 - bulge[0] ** 2, 0, 1)))
    if mark.grain:
        turn = np.radians(mark.grain)
        across, down = float(np.cos(turn)), float(np.sin(turn))
        u, v = u * across + v * down, v * across - u * down
    return u, v


def _contact(alpha: Floats, sketch: Sketch, size: int) -> Floats:
    unit = size / 100
    if not sketch.stands:
        near = _blur(alpha, 2.2 * unit)
        return single(np.clip(0.75 * near + 0.35 * _blur(alpha, 5 * unit), 0, 1))
    foot = alpha[int(max(0, (sketch.base - 9) * unit)) :].max(axis=0)  # what is near the ground
    line = np.zeros_like(alpha)
    y = int(min(sketch.base, 97) * unit)
    deep = max(1, int(1.8 * unit))
    line[max(0, y - deep) : y + deep] = foot
    tight = _blur(line, 1.0 * unit)
    from scipy.ndimage import gaussian_filter

    wide = np.asarray(gaussian_filter(line, (2.4 * unit, 7 * unit)), np.float32)
    shade = np.zeros_like(alpha)  # what the whole of it keeps from the ground: a lying oval
    shade[max(0, y - 2 * deep) : y + 2 * deep] = alpha.max(axis=0)
    broad = _blur(shade, 3.5 * unit)
    return single(np.clip(0.85 * tight + 1.2 * wide + 0.35 * broad, 0, 1))


def _blur(values: Floats, radius: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    return single(gaussian_filter(values, radius))

"""From a sketch to maps of pixels: who is painted where, how it bulges, where it folds.

The maps are made once per shape and size and kept; a picture is then a few sums over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from workbench.catalog.drawing.noise import Floats, single
from workbench.catalog.drawing.sketch import PAINTS, Fill, Line, Polygon, Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """One shape at one size. Maps hold only the n pixels that the shape covers at least a little."""

    size: int
    where: npt.NDArray[np.int32]
    """(n,): place of each covered pixel in a picture of `size` × `size`, row by row."""
    weights: Floats
    """(n, used): how much of each used paint is seen in a pixel; sums to `alpha`."""
    used: tuple[int, ...]
    """Which of `PAINTS` the columns of `weights` stand for; the first is always the body."""
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

    def share(self, paint: int) -> Floats | float:
        """(n,): how much of `PAINTS[paint]` is seen; 0 where it is not used."""
        return self.weights[:, self.used.index(paint)] if paint in self.used else 0.0


@dataclass(slots=True)
class _Window:
    """The part of a canvas that a mark can reach; all the work on the mark is done there."""

    size: int
    """Side of the whole canvas, in pixels."""
    left: int
    top: int
    right: int
    foot: int

    @property
    def part(self) -> tuple[slice, slice]:
        """For indexing: rows, columns."""
        return slice(self.top, self.foot), slice(self.left, self.right)

    def drawn(self, fills: Sequence[tuple[Polygon, int]]) -> Floats:
        """Polygons filled with 255 or 0, drawn large and made small: shares of each pixel, 0 to 1."""
        big, pen, scale = self._large()
        for polygon, value in fills:
            pen.polygon(self._moved(polygon, scale), fill=value)
        return self._small(big)

    def lines(self, paths: Sequence[Polygon], width: float) -> Floats:
        """Lines of `width` units, drawn likewise."""
        big, pen, scale = self._large()
        for path in paths:
            points = self._moved(path, scale)
            pen.line(points, fill=255, width=max(1, round(width * scale)), joint="curve")
        return self._small(big)

    def _large(self) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
        zoom = 4 if self.size <= 160 else 3
        shape = ((self.right - self.left) * zoom, (self.foot - self.top) * zoom)
        big = Image.new("L", shape)
        return big, ImageDraw.Draw(big), self.size * zoom / 100

    def _moved(self, polygon: Polygon, scale: float) -> list[tuple[float, float]]:
        across, down = self.left * 100 / self.size, self.top * 100 / self.size
        return [((x - across) * scale, (y - down) * scale) for x, y in polygon]

    def _small(self, big: Image.Image) -> Floats:
        shares = np.asarray(big.reduce(big.width // (self.right - self.left)), np.float32)
        return single(shares / 255)


def _window(polygon: Polygon, reach: float, size: int) -> _Window:
    """Where `polygon` lies, and `reach` units around it."""
    xy = np.array(polygon)
    low = np.clip(np.floor((xy.min(axis=0) - reach) * size / 100), 0, size - 1)
    high = np.clip(np.ceil((xy.max(axis=0) + reach) * size / 100), low + 1, size)
    return _Window(size, int(low[0]), int(low[1]), int(high[0]), int(high[1]))


@dataclass(slots=True)
class _Canvas:
    """Maps that grow mark by mark; (size, size) each, with weights (…, paints) and normal (2, …)."""

    weights: Floats
    alpha: Floats
    normal: Floats
    shade: Floats
    stitch: Floats
    u: Floats
    v: Floats


def rasterise(sketch: Sketch, size: int) -> Layers:
    """Draw `sketch` on `size` × `size` pixels, smooth at the edges."""
    square = (size, size)
    rows, columns = np.mgrid[0:size, 0:size]
    canvas = _Canvas(
        weights=single(np.zeros((*square, len(PAINTS)))),
        alpha=single(np.zeros(square)),
        normal=single(np.zeros((2, *square))),
        shade=single(np.ones(square)),
        stitch=single(np.zeros(square)),
        u=single(columns),
        v=single(rows),
    )
    for mark in sketch.marks:
        if isinstance(mark, Line):
            _lay_line(mark, canvas, size)
        else:
            _lay_fill(mark, canvas, size)
    across, down = (np.round(c).astype(np.int32) % size for c in (canvas.u, canvas.v))
    where = np.flatnonzero(canvas.alpha > 1 / 512).astype(np.int32)
    weights = canvas.weights.reshape(size * size, -1)[where]
    used = [0, *(k for k in range(1, len(PAINTS)) if weights[:, k].any())]
    shadow = _contact(canvas.alpha, sketch, size)
    return Layers(
        size=size,
        where=where,
        weights=np.ascontiguousarray(weights[:, used]),
        used=tuple(used),
        alpha=canvas.alpha.ravel()[where],
        normal_x=canvas.normal[0].ravel()[where],
        normal_y=canvas.normal[1].ravel()[where],
        shade=canvas.shade.ravel()[where],
        stitch=canvas.stitch.ravel()[where],
        cloth=(down * size + across).ravel()[where],
        contact=Image.fromarray((shadow * 255 + 0.5).astype(np.uint8)),
        graphic=sketch.graphic,
        stands=sketch.stands,
    )


def _lay_fill(mark: Fill, canvas: _Canvas, size: int) -> None:
    window = _window(mark.outline, 6.0, size)
    part = window.part
    mask = window.drawn([(mark.outline, 255), *((hole, 0) for hole in mark.holes)])
    keep = 1 - mask
    if mark.lift:
        cast = np.roll(blurred(mask, 0.016 * size), size // 90, (0, 1))
        canvas.shade[part] *= 1 - 0.32 * mark.lift * cast
    canvas.weights[part] *= keep[..., None]
    canvas.weights[(*part, PAINTS.index(mark.paint))] += mask
    canvas.alpha[part] *= keep
    canvas.alpha[part] += mask
    canvas.stitch[part] *= keep
    canvas.shade[part] *= keep
    canvas.normal[:, *part] *= keep
    lean = np.zeros((2, *mask.shape), np.float32)
    if mark.form == "flat":
        canvas.shade[part] += mask
    else:
        lean = _lean(mark, mask, size)
        canvas.normal[:, *part] += lean * mask
        canvas.shade[part] += mask * (0.86 + 0.14 * blurred(mask, 0.012 * size))
    inside = mask > 0.5
    top, left = np.float32(window.top), np.float32(window.left)
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float32)
    u, v = _cloth(mark, mask, lean, (columns + left, rows + top))
    canvas.u[part] = np.where(inside, u, canvas.u[part])
    canvas.v[part] = np.where(inside, v, canvas.v[part])


def _lay_line(mark: Line, canvas: _Canvas, size: int) -> None:
    window = _window(mark.points, 2.2 * mark.width + 1, size)
    part = window.part
    if mark.kind == "stitch":
        dashes = window.lines(_dashes(mark.points, length=2.0, gap=1.6), mark.width)
        canvas.stitch[part] = np.maximum(canvas.stitch[part], dashes)
        return
    line = window.lines([mark.points], mark.width)
    if mark.kind == "fold":  # fades to its sides and to its ends
        line = 1.25 * blurred(line, mark.width * size / 100 * 0.55)
    canvas.shade[part] *= 1 + mark.strength * line


def _dashes(points: Polygon, *, length: float, gap: float) -> list[Polygon]:
    """The pieces of a dashed line."""
    xy = np.array(points)
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0, walked[-1], length + gap)
    ends = np.minimum(starts + length, walked[-1])
    at = [np.interp(where, walked, xy[:, axis]) for where in (starts, ends) for axis in (0, 1)]
    return [((a, b), (c, d)) for a, b, c, d in zip(*(x.tolist() for x in at), strict=True)]


def _lean(mark: Fill, mask: Floats, size: int) -> Floats:
    """(2, …): how far the surface leans to the right and down."""
    height = 0.55 * blurred(mask, 0.018 * size) + 0.9 * blurred(mask, 0.06 * size)
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
    """The shadow on the ground: close around what lies, under the feet of what stands."""
    unit = size / 100
    if not sketch.stands:
        near = blurred(alpha, 2.2 * unit)
        return single(np.clip(0.75 * near + 0.35 * blurred(alpha, 5 * unit), 0, 1))
    y = int(min(sketch.base, 97) * unit)
    deep = max(1, int(1.8 * unit))
    feet, whole = np.zeros_like(alpha), np.zeros_like(alpha)
    feet[max(0, y - deep) : y + deep] = alpha[int(max(0, (sketch.base - 9) * unit)) :].max(axis=0)
    whole[max(0, y - 2 * deep) : y + 2 * deep] = alpha.max(axis=0)
    near, wide = blurred(feet, 1.0 * unit), blurred(feet, (2.4 * unit, 7 * unit))
    return single(np.clip(0.85 * near + 1.2 * wide + 0.35 * blurred(whole, 3.5 * unit), 0, 1))


def blurred(values: Floats, radius: float | tuple[float, float]) -> Floats:
    """`values` smoothed by a Gaussian of `radius` pixels (down, across).

    A broad one is computed on fewer pixels, where it costs a tenth and looks the same.
    """
    from scipy.ndimage import gaussian_filter

    broad = np.atleast_1d(radius).min()
    step = int(min(8, broad // 1.7))
    if step < 2 or min(values.shape) < 4 * step:
        return single(gaussian_filter(values, radius, truncate=3.0))
    down, across = values.shape
    small = np.asarray(Image.fromarray(values).reduce(step))
    soft = single(gaussian_filter(small, np.asarray(radius) / step, truncate=3.0))
    box = (0, 0, across / step, down / step)
    grown = Image.fromarray(soft).resize((across, down), Image.Resampling.BICUBIC, box=box)
    return np.asarray(grown, np.float32)

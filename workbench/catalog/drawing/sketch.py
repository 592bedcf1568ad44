"""A product as outlines, strokes, seams and folds on a canvas of 100 × 100 units.

x runs right and y down. A sketch knows no pixels, no colours and no materials: it says which area is
the body, which is metal, where cloth folds and which way a pattern runs; `raster` makes pixels of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Paint = Literal[
    "body",
    "second",
    "third",
    "trim",
    "inside",
    "light",
    "dark",
    "metal",
    "wood",
    "accent",
    "stitch",
]
"""What an area is painted with. `second` and `third` are the further tones of the body's pattern."""

PAINTS: tuple[Paint, ...] = (
    "body", "second", "third", "trim", "inside", "light", "dark", "metal", "wood", "accent", "stitch",
)  # fmt: skip

Form = Literal["flat", "cloth", "upright", "lying", "ball"]
"""How an area bulges: not at all, a little at its rim, as an upright or lying cylinder, as a ball."""

Point = tuple[float, ...]
"""(x, y); a third number marks a corner, at which a curve does not stay smooth."""

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One painted area; later areas cover earlier ones."""

    outline: Polygon
    holes: tuple[Polygon, ...] = ()
    paint: Paint = "body"
    form: Form = "cloth"
    grain: float = 0.0
    """Degrees by which the pattern is turned on this area."""
    lift: float = 0.5
    """How strong a shadow the area casts on what it covers, 0 to 1."""
    relief: float = 1.0
    """Strength of the bulge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A seam (narrow, sharp), a fold (broad, soft; positive is lit) or a row of stitches."""

    points: Polygon
    kind: Literal["seam", "fold", "stitch"]
    width: float
    strength: float


@dataclass(slots=True)
class Sketch:
    """Areas and lines in the order in which they are laid down."""

    marks: list[Fill | Line] = field(default_factory=list)
    base: float = 92.0
    """y of the product's foot."""
    graphic: tuple[float, float, float] | None = None
    """Centre and radius of the place where a printed motif goes; None where there is none."""
    stands: bool = False
    """True where the product stands on a surface, False where it lies or hangs."""

    def fill(
        self,
        outline: Sequence[Sequence[float]],
        paint: Paint = "body",
        form: Form = "cloth",
        *,
        holes: Sequence[Sequence[Sequence[float]]] = (),
        grain: float = 0.0,
        lift: float = 0.5,
        relief: float = 1.0,
    ) -> None:
        """Add an area."""
        self.marks.append(
            Fill(
                outline=_polygon(outline),
                holes=tuple(_polygon(hole) for hole in holes),
                paint=paint,
                form=form,
                grain=grain,
                lift=lift,
                relief=relief,
            )
        )

    def stroke(
        self,
        points: Sequence[Sequence[float]],
        width: float,
        paint: Paint = "trim",
        form: Form = "cloth",
        *,
        lift: float = 0.4,
    ) -> None:
        """Add a band of even `width` along `points`."""
        self.fill(band(points, width), paint, form, lift=lift)

    def seam(
        self, points: Sequence[Sequence[float]], width: float = 0.7, dark: float = 0.3
    ) -> None:
        """Add a narrow dark line."""
        self.marks.append(Line(points=_polygon(points), kind="seam", width=width, strength=-dark))

    def fold(self, points: Sequence[Sequence[float]], width: float = 4, lit: float = -0.16) -> None:
        """Add a broad soft line, dark where `lit` is negative."""
        self.marks.append(Line(points=_polygon(points), kind="fold", width=width, strength=lit))

    def stitch(self, points: Sequence[Sequence[float]], width: float = 0.7) -> None:
        """Add a dashed line of thread, seen on leather and denim only."""
        self.marks.append(Line(points=_polygon(points), kind="stitch", width=width, strength=1.0))


def fitted(sketch: Sketch, extent: float = 84.0) -> Sketch:
    """`sketch` moved to the middle of the canvas, its longer side scaled to `extent` units."""
    areas = [np.array(mark.outline) for mark in sketch.marks if isinstance(mark, Fill)]
    every = np.concatenate(areas)
    low, high = every.min(axis=0), every.max(axis=0)
    scale = extent / float((high - low).max())
    move = 50 - scale * (low + high) / 2

    def moved(polygon: Polygon) -> Polygon:
        return _polygon(np.array(polygon) * scale + move)

    marks: list[Fill | Line] = []
    for mark in sketch.marks:
        if isinstance(mark, Fill):
            holes = tuple(moved(hole) for hole in mark.holes)
            marks.append(replace(mark, outline=moved(mark.outline), holes=holes))
        else:
            marks.append(replace(mark, points=moved(mark.points), width=mark.width * scale))
    graphic = None
    if sketch.graphic is not None:
        x, y, radius = sketch.graphic
        graphic = (x * scale + move[0], y * scale + move[1], radius * scale)
    foot = float(high[1] * scale + move[1])
    return Sketch(marks=marks, base=foot, graphic=graphic, stands=sketch.stands)


def _polygon(points: Sequence[Sequence[float]] | npt.NDArray[np.float64]) -> Polygon:
    return tuple((float(p[0]), float(p[1])) for p in points)


def curve(*points: Point, closed: bool = False, steps: int = 10) -> list[tuple[float, float]]:
    """A smooth line through `points`; points with a third number are corners."""
    xy = np.array([p[:2] for p in points], dtype=float)  # (n, 2)
    corner = [len(p) > 2 for p in points]
    count = len(points)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    out: list[tuple[float, float]] = []
    for i in range(count if closed else count - 1):
        j = (i + 1) % count
        chord = xy[j] - xy[i]
        bends_i = not corner[i] and (closed or i > 0)
        bends_j = not corner[j] and (closed or j < count - 1)
        leave = (xy[j] - xy[i - 1]) / 2 if bends_i else chord
        arrive = (xy[(j + 1) % count] - xy[i]) / 2 if bends_j else chord
        line = (
            (2 * t**3 - 3 * t**2 + 1) * xy[i]
            + (t**3 - 2 * t**2 + t) * leave
            + (-2 * t**3 + 3 * t**2) * xy[j]
            + (t**3 - t**2) * arrive
        )
        out.extend((float(x), float(y)) for x, y in line)
    if not closed:
        out.append((float(xy[-1][0]), float(xy[-1][1])))
    return out


def closed(*points: Point) -> list[tuple[float, float]]:
    """A smooth outline through `points`."""
    return curve(*points, closed=True)


def mirrored(*points: Point, middle: float = 50.0) -> list[tuple[float, float]]:
    """A smooth outline whose right half is `points`, from the top of the middle to its foot."""
    left = [(2 * middle - p[0], *p[1:]) for p in reversed(points) if abs(p[0] - middle) > 1e-6]
    return curve(*points, *left, closed=True)


def flipped(points: Sequence[Sequence[float]], middle: float = 50.0) -> list[tuple[float, float]]:
    """`points` in a mirror that stands at x = `middle`."""
    return [(2 * middle - p[0], p[1]) for p in points]


def same(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """`points` as they are: the other side of `flipped`."""
    return [(p[0], p[1]) for p in points]


SIDES = (same, flipped)
"""What makes of a right half the right one and the left one."""


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, *, start: float = 0, end: float = 360
) -> list[tuple[float, float]]:
    """Points of an ellipse, or of its part from `start` to `end` degrees (0 right, 90 down)."""
    angle = np.radians(np.linspace(start, end, 40))
    radius = rx if ry is None else ry
    return [(x + rx * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angle]


def box(
    x0: float, y0: float, x1: float, y1: float, round_by: float = 0
) -> list[tuple[float, float]]:
    """A rectangle, its corners rounded by `round_by`."""
    r = min(round_by, (x1 - x0) / 2, (y1 - y0) / 2)
    if r <= 0:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    corners = (
        (x1 - r, y0 + r, -90),
        (x1 - r, y1 - r, 0),
        (x0 + r, y1 - r, 90),
        (x0 + r, y0 + r, 180),
    )
    out: list[tuple[float, float]] = []
    for x, y, start in corners:
        angle = np.radians(np.linspace(start, start + 90, 8))
        out.extend((x + r * float(np.cos(a)), y + r * float(np.sin(a))) for a in angle)
    return out


def band(points: Sequence[Sequence[float]], width: float) -> list[tuple[float, float]]:
    """The outline of a line of even `width`."""
    xy = np.array([p[:2] for p in points], dtype=float)
    direction = np.gradient(xy, axis=0)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) * width / 2
    both = np.concatenate([xy + normal, (xy - normal)[::-1]])
    return [(float(x), float(y)) for x, y in both]

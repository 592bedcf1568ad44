"""Whether text is laid over a picture: rows of flat, evenly stroked shapes of one height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.judging.instruments._view import View

_STEP = 12
"""Grey levels, of 255, between a stroke and the mean around it."""
_AROUND = 31
"""Pixels across which that mean is taken."""
_LOWEST, _HIGHEST = 5, 0.2
"""Height of letters: pixels at least, and share of the picture's height at most."""
_MOST = 500
"""Shapes that are looked at, the tallest first: a woven ground has thousands that are no letters."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Connected strokes with the proportions of letters; every field has shape (n,)."""

    top: Floats
    bottom: Floats
    left: Floats
    right: Floats
    tone: Floats
    """Mean grey level."""
    contrast: Floats
    """Grey levels between the stroke and what is around it."""
    flatness: Floats
    """Spread of grey levels within the stroke, as a share of its contrast."""
    fill: Floats
    """Share of its box that it covers."""
    stroke: Floats
    """Width of its strokes, as a share of its height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Shapes that stand in rows as letters do."""

    features: Floats
    """Shape (k, 11); see `_features`."""
    boxes: Floats
    """Shape (k, 4): top, bottom, left, right, in pixels of `View.fine`."""


def text_rows(view: View) -> Rows:
    """Rows of at least three shapes, whether they are writing or not.

    Strokes darker or lighter than what is around them are cut out; those with the proportions of letters
    are joined to rows by height, grey level and distance.
    """
    from scipy import ndimage

    levels = view.fine.astype(np.float32)
    mean = ndimage.uniform_filter(levels, _AROUND)
    features: list[Floats] = [np.empty((0, 11))]
    boxes: list[Floats] = [np.empty((0, 4))]
    for strokes in (levels < mean - _STEP, levels > mean + _STEP):
        shapes = _shapes(strokes, levels, mean)
        for members in _joined(shapes):
            features.append(_features(shapes, members, view.fine.shape[0])[None])
            sides = (shapes.top, shapes.bottom, shapes.left, shapes.right)
            ends = (np.min, np.max, np.min, np.max)
            boxes.append(np.array([[end(s[members]) for s, end in zip(sides, ends, strict=True)]]))
    return Rows(features=np.concatenate(features), boxes=np.concatenate(boxes))


def _shapes(
    strokes: npt.NDArray[np.bool_],
    levels: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
) -> Shapes:
    from scipy import ndimage

    labels, n = ndimage.label(strokes)
    # (n, 4): first and last row and column of each shape
    boxes = np.array(
        [(r.start, r.stop, c.start, c.stop) for r, c in ndimage.find_objects(labels)],
        dtype=float,
    ).reshape(n, 4)

    def per_shape(values: npt.NDArray[np.float32]) -> Floats:
        sums = np.bincount(labels.ravel(), weights=values.ravel(), minlength=n + 1)
        return np.asarray(sums[1:], dtype=np.float64)

    area = np.bincount(labels.ravel(), minlength=n + 1)[1:].astype(float)
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    inner = np.where(ndimage.binary_erosion(strokes, cross), labels, 0)
    rim = area - np.bincount(inner.ravel(), minlength=n + 1)[1:]
    tone = per_shape(levels) / area
    spread = np.sqrt(np.maximum(per_shape(levels**2) / area - tone**2, 0))
    contrast = np.abs(tone - per_shape(mean) / area)
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    stroke = 2 * area / np.maximum(rim, 1) / height
    fill = area / (height * width)
    fits = (
        (height >= _LOWEST)
        & (height <= _HIGHEST * levels.shape[0])
        & (width <= 6 * height)
        & (width >= 0.08 * height)
        & (fill >= 0.12)
        & (fill <= 0.98)
        & (stroke <= 0.7)
        & (spread <= 12 + 0.6 * contrast)
    )
    kept = np.flatnonzero(fits)
    kept = kept[np.argsort(-height[kept], kind="stable")][:_MOST]
    top, bottom, left, right = boxes[kept].T
    return Shapes(
        top=top,
        bottom=bottom,
        left=left,
        right=right,
        tone=tone[kept],
        contrast=contrast[kept],
        flatness=spread[kept] / np.maximum(contrast[kept], 1),
        fill=fill[kept],
        stroke=stroke[kept],
    )


def _joined(shapes: Shapes) -> list[npt.NDArray[np.intp]]:
    """Indices of the shapes of each row, rows of at least three."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(shapes.top)
    if n < 3:
        return []
    height = shapes.bottom - shapes.top
    taller = np.maximum(height[:, None], height[None])  # (n, n), and so are the others
    level = np.abs(shapes.bottom[:, None] - shapes.bottom[None]) <= 0.2 * taller
    level |= np.abs(shapes.top[:, None] - shapes.top[None]) <= 0.2 * taller
    gap = np.maximum(
        shapes.left[:, None] - shapes.right[None], shapes.left[None] - shapes.right[:, None]
    )
    near = (gap <= 0.9 * taller) & (gap >= -0.3 * taller)
    alike = np.minimum(height[:, None], height[None]) >= 0.5 * taller
    weaker = np.minimum(shapes.contrast[:, None], shapes.contrast[None])
    alike &= np.abs(shapes.tone[:, None] - shapes.tone[None]) <= 12 + 0.4 * weaker
    one, other = np.nonzero(np.triu(level & near & alike, 1))
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(n, n))
    _, row = connected_components(graph, directed=False)
    order = np.argsort(row, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(row[order])) + 1)
    return [group for group in groups if len(group) >= 3]


def _features(shapes: Shapes, members: npt.NDArray[np.intp], picture: int) -> Floats:
    """What tells writing from stripes, laces, buttons and weave."""
    height = (shapes.bottom - shapes.top)[members]
    tall = float(np.median(height))
    left = np.sort(shapes.left[members])
    steps = np.diff(left) / tall
    level = min(np.std(shapes.bottom[members]), np.std(shapes.top[members])) / tall
    return np.array(
        [
            np.log(len(members)),
            np.std(shapes.fill[members]),
            np.std((shapes.right - shapes.left)[members] / height),
            level,
            np.std(height) / tall,
            np.std(steps),
            np.median(shapes.contrast[members]) / 64,
            np.median(shapes.flatness[members]),
            np.std(shapes.tone[members]) / np.median(shapes.contrast[members]),
            np.median(shapes.stroke[members]),
            np.log(len(shapes.top) / len(members)),
        ]
    )

"""Whether the product is in focus: how many pixels its crispest edges take."""

from __future__ import annotations

import numpy as np

from workbench.judging.instruments._view import View

_WINDOW = 9
"""Pixels across which the two sides of an edge are looked for."""
_CONTRAST = 30
"""Grey levels, of 255, between the sides of what counts as an edge."""
_CRISPEST = 10
"""Percentile of edge widths that is taken: parts out of focus on purpose do not count."""
_FEWEST = 20
"""Edge points without which there is nothing to measure."""


def edge_width(view: View) -> float | None:
    """Width of the crispest edges, in pixels of `View.fine`; None where the picture has no edge.

    The contrast across an edge divided by its steepest slope: 2 for a step, about 2.5 σ for one that a
    Gaussian of σ pixels has softened. Contrast cancels, so neither a pale product nor a dark one is
    taken for a blurred one. Blur along one direction only leaves the edges along it crisp, and is missed.
    """
    from scipy import ndimage

    grey = view.fine
    levels = grey.astype(np.float32)
    down = (levels[2:, 1:-1] - levels[:-2, 1:-1]) / 2
    right = (levels[1:-1, 2:] - levels[1:-1, :-2]) / 2
    slope = np.hypot(down, right)
    high = ndimage.maximum_filter(grey, _WINDOW)[1:-1, 1:-1].astype(np.float32)
    contrast = high - ndimage.minimum_filter(grey, _WINDOW)[1:-1, 1:-1]
    edge = (contrast >= _CONTRAST) & (slope >= ndimage.maximum_filter(slope, 3))
    if edge.sum() < _FEWEST:
        return None
    return float(np.percentile(contrast[edge] / np.maximum(slope[edge], 1e-3), _CRISPEST))

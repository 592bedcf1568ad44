"""The ground and the light: dark, uneven, cluttered; too little of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.judging.instruments._view import View

_EDGE = 0.04
"""Step in OKLab between neighbouring coarse pixels that counts as an edge."""
_SMALLEST = 0.0015
"""Share of the picture that a piece beside the product must cover to count; less is noise."""


def ground_features(view: View) -> npt.NDArray[np.float64]:
    """Shape (2,): darkness and unevenness of the ground.

    Lightness is OKLab's, 0 to 1. Darkness is 1 minus that of the darkest tenth of the ground; unevenness
    is the lightness between its lightest and darkest twentieth.
    """
    lightness = view.lab[..., 0][_ground(view)]  # (n,)
    low, dark, high = np.quantile(lightness, [0.05, 0.1, 0.95])
    return np.array([1 - dark, high - low])


def clutter_features(view: View) -> npt.NDArray[np.float64]:
    """Shape (2,): edges and pieces outside the product, as square roots, which are lengths.

    Share of the pixels outside the product that lie on an edge; share of the picture that pieces beside
    the main one cover. A thing that touches the product, or lies on it, is taken for a part of it.
    """
    outside = ~_grown(view.main)
    lab = view.lab
    down = np.zeros(lab.shape[:2], dtype=np.float32)
    down[1:] = np.linalg.norm(np.diff(lab, axis=0), axis=-1)
    across = np.zeros_like(down)
    across[:, 1:] = np.linalg.norm(np.diff(lab, axis=1), axis=-1)
    edges = (np.maximum(down, across) > _EDGE)[outside]
    _, sizes = view.parts
    pieces = np.sort(sizes[1:])[:-1] / outside.size
    besides = float(pieces[pieces >= _SMALLEST].sum())
    return np.sqrt([float(edges.mean()) if edges.size else 0.0, besides])


def lightest(view: View) -> float:
    """Lightness (OKLab, 0 to 1) that a twentieth of the picture reaches.

    Too little light keeps it down. Too much light shows nowhere reliably: a white product on a white
    ground is as white as a burnt-out one.
    """
    return float(np.quantile(view.lab[..., 0], 0.95))


def _ground(view: View) -> npt.NDArray[np.bool_]:
    """Pixels of the ground, or the border where nearly nothing fits it."""
    ground = ~_grown(view.foreground)
    return ground if ground.mean() >= 0.05 else view.ring


def _grown(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` and two pixels around it: an edge mixes both sides."""
    from scipy import ndimage

    return np.asarray(ndimage.binary_dilation(mask, iterations=2), dtype=bool)

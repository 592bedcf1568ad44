"""Places on a map: two numbers per row, from columns `x` and `y` or the plane in which embeddings differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def places_of(frame: pd.DataFrame) -> tuple[np.ndarray[Any, Any] | None, str]:
    """Shape (rows, 2), float32, each axis 0 to 1, NaN where a row has no place; and how they came about.

    None, with the reason, where there are none. Embeddings are laid on their first two principal components.

    Raises:
        ValueError: Embeddings differ in length.
    """
    if {"x", "y"} <= set(frame.columns):
        found = frame[["x", "y"]].to_numpy(dtype=float, na_value=np.nan)
        return _unit(found), "by the columns x and y"
    if "embedding" not in frame.columns or not frame["embedding"].notna().any():
        return None, (
            "There is no map: that takes a column `embedding` with a vector per row (or `x` and `y`); "
            "`show(store, embeddings={key: vector})` adds one to a store's rows."
        )
    there = frame["embedding"].notna().to_numpy()
    given = [np.asarray(one, dtype=np.float32) for one in frame["embedding"][there]]
    if len({one.shape for one in given}) != 1 or given[0].ndim != 1:
        shapes = sorted({str(one.shape) for one in given})
        raise ValueError(f"want embeddings of one length, got shapes {', '.join(shapes[:4])}")
    vectors = np.stack(given)
    centred = vectors - vectors.mean(axis=0)
    spread, axes = np.linalg.eigh(centred.T @ centred)
    shares = spread[::-1] / max(float(spread.sum()), 1e-12)
    found = np.full((len(frame), 2), np.nan)
    plane = axes[:, ::-1][:, :2]
    found[there, : plane.shape[1]] = centred @ plane
    if plane.shape[1] == 1:
        found[there, 1] = 0.0
    told = f"by embeddings, on the two directions in which they differ most ({shares[:2].sum():.0%} of their variance)"
    return _unit(found), told


def _unit(found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not np.isfinite(found).any():
        return found.astype(np.float32)
    low, high = np.nanmin(found, axis=0), np.nanmax(found, axis=0)
    scaled = (found - low) / np.where(high > low, high - low, 1)
    unit: np.ndarray[Any, Any] = scaled.astype(np.float32)
    return unit

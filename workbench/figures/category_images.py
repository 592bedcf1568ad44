"""Plots of category images: who gets an approved picture, and whether pictures grow alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures._whiskers import Row, whiskers
from workbench.figures.svg import ACCENT, BAD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration.watching.narrowing import Narrowing
    from workbench.metrics.estimate import Estimate


def plot_by_popularity(rates: Sequence[tuple[str, Estimate]], *, overall: float | None) -> Figure:
    """Share of topics with an approved picture, by how popular the item is that leads them.

    Args:
        rates: Name of each group and its share, the least popular first.
        overall: Share of all topics, drawn as a line; None: no line.
    """
    return whiskers(
        [Row(name=name, estimate=rate) for name, rate in rates],
        label="share of topics approved",
        at=[] if overall is None else [(overall, "all")],
        empty="no item of these topics has clicks and impressions",
    )


def plot_narrowing(found: Sequence[Narrowing]) -> Figure:
    """Diversity of approved pictures over that of their items' photos, by attempt; 1: as diverse."""
    rows = [
        Row(
            name=f"attempt {one.attempt} ({one.pictures})",
            estimate=one.diversity,
            colour=BAD if (one.diversity.high or 1.0) < 1.0 else ACCENT,
        )
        for one in found
    ]
    return whiskers(
        rows,
        label="diversity, own photos of the items = 1",
        limits=None,
        at=[(1.0, "as diverse")],
        empty="no picture was approved yet",
    )

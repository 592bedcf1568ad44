"""Two ways to do the same beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.figures._whiskers import Row, legend, whiskers
from workbench.figures.svg import ACCENT, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.metrics.ways import Compared, Comparison


def plot_ways(found: Comparison) -> Figure:
    """Each measure of both ways, dots with intervals, one under the other.

    Measures that share an axis are drawn: shares, or where none is a share the first measure alone.
    """
    shares = [one for one in found.measures if one.better and _is_share(one)]
    drawn = shares or list(found.measures[:1])
    rows = [
        row
        for one in drawn
        for row in (
            Row(name=one.measure, estimate=one.first),
            Row(name=" ", estimate=one.second, colour=MUTED, hollow=True),
        )
    ]
    lows = [e.low for one in drawn for e in (one.first, one.second) if e.low is not None]
    limits = (min([0.0, *lows]), 1.0) if shares else None
    label = "" if shares else drawn[0].measure
    figure = whiskers(rows, label=label, limits=limits, empty="nothing was measured")
    axes = figure.axes[0]
    (first, second) = found.ways
    axes.plot([], [], "o", color=ACCENT, label=first)
    axes.plot([], [], "o", color=MUTED, markerfacecolor="none", label=second)
    if rows:
        legend(axes)
    return figure


def _is_share(one: Compared) -> bool:
    bounds = [b for e in (one.first, one.second) for b in (e.value, e.high) if b is not None]
    return bool(bounds) and max(bounds) <= 1

"""A plot of how many there are of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.figures._whiskers import SMALL, WIDTH, say, shortened
from workbench.figures.svg import ACCENT, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 0.27  # inches
_MARGIN = 0.7  # inches for the axis below


def plot_counts(counts: Mapping[str, int], *, label: str) -> Figure:
    """One bar each, with its number, in the order given.

    Args:
        counts: Name to how many, 0 or more.
        label: Of the axis, such as `items`.
    """
    figure = new_figure(WIDTH, _MARGIN + _ROW * max(2, len(counts)))
    if not counts:
        return say(figure, "nothing to count")
    axes = figure.axes[0]
    place = list(range(len(counts)))[::-1]
    axes.barh(place, list(counts.values()), color=ACCENT, height=0.62)
    for y, number in zip(place, counts.values(), strict=True):
        axes.annotate(
            f"{number:,}", (number, y), xytext=(4, 0), textcoords="offset points", va="center", color=MUTED,
            fontsize=SMALL,
        )  # fmt: skip
    axes.set_yticks(place, [shortened(name) for name in counts])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(0, 1.14 * max(1, *counts.values())), ylim=(-0.6, len(counts) - 0.4))
    axes.set_xlabel(label)
    return figure

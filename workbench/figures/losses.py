"""A plot of losses by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures.svg import ACCENT, GOOD, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_losses(
    learnt: Sequence[tuple[int, float]],
    held_out: Sequence[tuple[int, float]] = (),
    *,
    best: int | None = None,
) -> Figure:
    """Losses by step: of what is learnt, and of held-out rows where there were looks at them.

    Args:
        learnt: Step and mean loss since the last logged step.
        held_out: Step and loss on held-out rows.
        best: The step whose weights were kept; None: the last one's.
    """
    figure = new_figure(6.4, 3.0)
    axes = figure.axes[0]
    if learnt:
        axes.plot(*zip(*learnt, strict=True), color=MUTED, linewidth=1.2, label="learnt rows")
    if held_out:
        axes.plot(
            *zip(*held_out, strict=True),
            color=ACCENT,
            linewidth=1.8,
            marker="o",
            markersize=4,
            label="held-out rows",
        )
    if best is not None:
        axes.axvline(best, color=GOOD, linewidth=1, linestyle="--", label=f"kept: step {best:,}")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    return figure

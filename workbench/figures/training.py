"""Plots of training: ways to train beside each other, losses by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.figures._whiskers import Row, whiskers
from workbench.figures.svg import ACCENT, BAD, GOOD, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.metrics.estimate import Estimate


def plot_differences(differences: Mapping[str, Estimate], *, label: str) -> Figure:
    """Differences of two ways, one row a measure; green or red where they are told from 0.

    Args:
        differences: Measure to the first way less the second; more is better.
        label: Of the axis, such as `joint − siloed`.
    """
    rows = [Row(name=name, estimate=one, colour=_told(one)) for name, one in differences.items()]
    return whiskers(rows, label=label, limits=None, at=[(0.0, "no difference")])


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


def _told(difference: Estimate) -> str:
    if difference.low is not None and difference.low > 0:
        return GOOD
    return BAD if difference.high is not None and difference.high < 0 else ACCENT

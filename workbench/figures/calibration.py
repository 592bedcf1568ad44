"""Plots of what a judge's confidence is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures._whiskers import legend
from workbench.figures.svg import ACCENT, BAD, GOOD, INK, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import Reliability

_BINS = 20


def plot_reliability(curve: Reliability, *, after: Reliability | None = None) -> Figure:
    """Share that is suitable against the judge's confidence, a point and its interval per bin.

    Bins without labels are left out. The diagonal is a judge whose confidence can be taken at its word.

    Args:
        curve: The judge's own confidence.
        after: The same labels by a map of its confidence; None: only one curve.
    """
    figure = new_figure(4.4, 3.6)
    axes = figure.axes[0]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    sides = [(curve, ACCENT, "the judge's own")]
    if after is not None:
        sides = [(curve, MUTED, "the judge's own"), (after, ACCENT, "mapped")]
    for side, colour, name in sides:
        for one in side.bins:
            seen = one.observed
            if one.mean_confidence is None or seen.value is None:
                continue
            if seen.low is not None and seen.high is not None:
                axes.plot(
                    [one.mean_confidence] * 2, [seen.low, seen.high], color=colour, alpha=0.45
                )
            axes.plot(one.mean_confidence, seen.value, "o", color=colour, markersize=6)
        if after is not None:
            axes.plot([], [], "o", color=colour, label=name)
    if after is not None:
        legend(axes)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("confidence" if after is not None else "judge's confidence")
    axes.set_ylabel("share that is suitable")
    return figure


def plot_confidence(
    confidence: Sequence[float],
    approved: Sequence[bool],
    *,
    threshold: float | None = None,
) -> Figure:
    """How many outputs the judge is how sure of, approvals and rejections apart.

    Args:
        confidence: Shape (n,), 0 to 1.
        approved: Shape (n,).
        threshold: A line is drawn here; None: none.
    """
    figure = new_figure(4.4, 3.6)
    axes = figure.axes[0]
    yes = [c for c, a in zip(confidence, approved, strict=True) if a]
    no = [c for c, a in zip(confidence, approved, strict=True) if not a]
    axes.hist(
        [yes, no],
        bins=_BINS,
        range=(0, 1),
        stacked=True,
        color=[GOOD, BAD],
        label=["approved", "rejected"],
        rwidth=0.92,
    )
    if threshold is not None:
        axes.axvline(threshold, color=ACCENT, linewidth=1.5)
        axes.annotate(
            f"{threshold:.2f} ", (threshold, 1), xycoords=("data", "axes fraction"),
            ha="right", va="top", color=ACCENT,
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_xlabel("judge's confidence")
    axes.set_ylabel("outputs")
    # The figure's style has ended here: without a colour of its own the legend would be black.
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.14), ncols=2, labelcolor=INK)
    return figure

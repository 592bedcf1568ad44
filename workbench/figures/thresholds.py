"""Plots of what a threshold on the judge's confidence buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.figures._whiskers import SMALL, WIDTH, legend, promised, say
from workbench.figures.svg import ACCENT, GOOD, INK, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import RiskCoverage, Threshold

_CURVE = 5  # thresholds; fewer are points, since a line between two would claim what lies between


def plot_threshold(risks: RiskCoverage, threshold: Threshold | None = None) -> Figure:
    """Precision and the share that is approved against the threshold, with the promise and the choice.

    The band is each point's own interval over all labels, which also chose; the dot at the chosen
    threshold is its precision on held-out labels, which did not.
    """
    figure = new_figure(WIDTH, 3.5)
    axes = figure.axes[0]
    points = [p for p in risks.points if p.risk.value is not None]
    if not points:
        return say(figure, risks.area.reason or "no label has a confidence")
    points = points[::-1]  # from low to high threshold
    at = [p.threshold for p in points]
    sure = [p for p in points if p.risk.low is not None]
    curve = len(points) >= _CURVE
    if curve:
        axes.fill_between(
            [p.threshold for p in sure],
            [1 - (p.risk.high or 0.0) for p in sure],
            [1 - (p.risk.low or 0.0) for p in sure],
            color=ACCENT, alpha=0.18, linewidth=0,
        )  # fmt: skip
    else:
        for p in sure:
            axes.plot(
                [p.threshold] * 2,
                [1 - (p.risk.high or 0.0), 1 - (p.risk.low or 0.0)],
                color=ACCENT,
                linewidth=3,
                alpha=0.45,
                label="_interval",
            )
    axes.plot(
        at,
        [1 - (p.risk.value or 0.0) for p in points],
        color=ACCENT,
        marker=None if curve else "o",
        linestyle="-" if curve else "none",
        label="precision",
    )
    axes.plot(
        at,
        [p.coverage for p in points],
        color=MUTED,
        marker=None if curve else "s",
        linestyle=(0, (1, 1.5)) if curve else "none",
        label="approved share",
    )
    lacking = ""
    if threshold is not None:
        promised(axes, threshold.promise)
        held = threshold.held_out
        if threshold.value is not None:
            axes.axvline(threshold.value, color=GOOD, linewidth=1.2)
            axes.annotate(
                f"{threshold.value:.2f}", (threshold.value, 0), xycoords=("data", "axes fraction"),
                xytext=(4, 4), textcoords="offset points", color=INK, fontsize=SMALL,
            )  # fmt: skip
            if held is not None and held.value is not None:
                if held.low is not None and held.high is not None:
                    axes.plot(
                        [threshold.value] * 2,
                        [held.low, held.high],
                        color=GOOD,
                        linewidth=3,
                        alpha=0.6,
                    )
                axes.plot(
                    threshold.value, held.value, "o", color=GOOD, markersize=7, label="held-out"
                )
        else:
            lacking = "\n(no threshold qualifies)"
    left, right = axes.get_xlim() if curve else (-0.02, 1.02)
    axes.set(xlim=(max(left, -0.02), min(right, 1.02)), ylim=(-0.02, 1.04))
    axes.set_xlabel("approve from this confidence on" + lacking)
    axes.set_ylabel("share")
    legend(axes, columns=3)
    return figure


def plot_risk_coverage(risks: RiskCoverage) -> Figure:
    """Share of unsuitable items among the surest, against the share that is approved.

    The dashed line is a judge whose confidence tells nothing.
    """
    figure = new_figure(WIDTH, 3.5)
    axes = figure.axes[0]
    points = [p for p in risks.points if p.risk.value is not None]
    if not points:
        return say(figure, risks.area.reason or "no label has a confidence")
    sure = [p for p in points if p.risk.low is not None]
    axes.fill_between(
        [p.coverage for p in sure],
        [p.risk.low or 0.0 for p in sure],
        [p.risk.high or 0.0 for p in sure],
        color=ACCENT, alpha=0.18, linewidth=0,
    )  # fmt: skip
    axes.plot(
        [p.coverage for p in points],
        [p.risk.value or 0.0 for p in points],
        "o-" if len(points) >= _CURVE else "o",
        color=ACCENT,
        markersize=3.5 if len(points) >= _CURVE else 6,
    )
    if risks.constant.value is not None:
        axes.axhline(risks.constant.value, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.set_title(
            f"- - -  without a confidence {risks.constant.value:.2f}",
            loc="left", color=MUTED, fontsize=SMALL,
        )  # fmt: skip
    top = max([p.risk.high or p.risk.value or 0.0 for p in points] + [risks.constant.value or 0.0])
    axes.set(xlim=(0, 1.02), ylim=(0, min(1.02, 1.12 * top + 0.02)))
    axes.set_xlabel("share approved, the surest first")
    axes.set_ylabel("unsuitable among them")
    return figure

"""Plots of where the judge fails: slices, failure modes, and criteria that would have caught an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.calibration.sentences import FALSE_SHARE
from workbench.figures._whiskers import SMALL, WIDTH, Row, draw, legend, say, shortened, whiskers
from workbench.figures.svg import ACCENT, BAD, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import FailureModeRate, Failures, Slice
    from workbench.metrics.estimate import Estimate

_MOST = 16  # rows of a plot; the table has all


def plot_slices(slices: Sequence[Slice], *, overall: Estimate | None = None) -> Figure:
    """Precision of each slice, the lowest upper bound first; red where it stands out after all were tested.

    Args:
        slices: Of one label. Those without an answer are left out, and at most 16 are drawn.
        overall: Precision of all approvals, a dashed line; None: no line.
    """
    known = [s for s in slices if s.precision.value is not None]
    known.sort(key=lambda s: (s.precision.high or 1.0, s.precision.value or 0.0, s.name))
    line = (
        []
        if overall is None or overall.value is None
        else [(overall.value, f"all approvals {overall.value:.2f}")]
    )
    return whiskers(
        [
            Row(
                name=s.name or "none",
                estimate=s.precision,
                colour=BAD if s.q_value is not None and s.q_value <= FALSE_SHARE else ACCENT,
            )
            for s in known[:_MOST]
        ],
        label="precision of its approvals",
        at=line,
        empty="no slice has an answered approval",
    )


def plot_failure_modes(modes: Sequence[FailureModeRate]) -> Figure:
    """For each mode the share of approvals that show it, and how much of it is rejected; at most 8 are drawn."""
    shown = modes[: _MOST // 2]
    figure = new_figure(WIDTH, 1.2 + 0.5 * max(2, len(shown)))
    if not shown:
        return say(figure, "no answer names a failure mode")
    axes = figure.axes[0]
    for i, one in enumerate(shown):
        y = len(shown) - 1 - i
        if one.in_approvals.value is None and one.caught.value is None:
            draw(axes, Row(name="", estimate=one.in_approvals), y, (0.0, 1.0))
            continue
        for e, colour, place in ((one.in_approvals, BAD, y + 0.16), (one.caught, ACCENT, y - 0.2)):
            if e.value is not None:
                draw(axes, Row(name="", estimate=e, colour=colour), place, (0.0, 1.0))
            else:  # beside a number there is one line of room; the table has the reason
                axes.annotate(
                    "— not known, see the data", (0.0, place), va="center", color=colour, fontsize=SMALL
                )  # fmt: skip
    axes.plot([], [], "o", color=BAD, label="in approvals")
    axes.plot([], [], "o", color=ACCENT, label="rejected of it")
    axes.set_yticks(
        range(len(shown)), [shortened(one.mode.replace("_", " ")) for one in reversed(shown)]
    )
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(shown) - 0.4))
    axes.set_xlabel("share")
    legend(axes)
    return figure


def plot_criteria(failures: Failures) -> Figure:
    """False positives by the criterion that would have caught them at the least cost, and by the least room."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(WIDTH, 1.2 + 0.5 * max(2, min(_MOST, len(failures.criteria))))
    axes = figure.axes[0]
    total = len(failures.items.false_positives)
    if not failures.criteria or not total:
        why = "no false positive was found" if failures.criteria else "no criterion has scores"
        return say(figure, why)
    shown = sorted(failures.criteria, key=lambda c: (c.best_for, c.lowest_in, c.criterion))[-_MOST:]
    places = range(len(shown))
    axes.barh(
        [y + 0.19 for y in places],
        [c.best_for for c in shown],
        0.34,
        color=ACCENT,
        label="catches it cheapest",
    )
    axes.barh(
        [y - 0.19 for y in places],
        [c.lowest_in for c in shown],
        0.34,
        color=MUTED,
        alpha=0.5,
        label="least room",
    )
    for y, c in zip(places, shown, strict=True):
        for dy, n in ((0.19, c.best_for), (-0.19, c.lowest_in)):
            axes.annotate(
                f"{n}", (n, y + dy), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=SMALL, color=MUTED,
            )  # fmt: skip
    axes.set_yticks(list(places), [shortened(c.criterion.replace("_", " ")) for c in shown])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1.1 * max(max(c.best_for, c.lowest_in) for c in shown) or 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"of {total} answered false positives")
    legend(axes)
    return figure

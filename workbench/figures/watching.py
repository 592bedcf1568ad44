"""Plots of what changes: a promise watched label by label, drift between versions, narrowing of the look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.figures._whiskers import SMALL, WIDTH, legend, promised, say
from workbench.figures.svg import ACCENT, BAD, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import Convergence, ScoreDrift, Watched


def plot_watch(watched: Watched) -> Figure:
    """Bounds of precision after each label, the promise, and the alarms."""
    figure = new_figure(WIDTH, 3.4)
    axes = figure.axes[0]
    watch = watched.watch
    if not watched.low:
        return say(figure, "there is no label yet")
    first = watch.labels - len(watched.low) + 1
    labels = np.arange(first, watch.labels + 1)
    axes.fill_between(
        labels, watched.low, watched.high, color=ACCENT, alpha=0.22, linewidth=0, step="post"
    )
    axes.step(labels, watched.low, where="post", color=ACCENT, linewidth=1.2)
    axes.step(labels, watched.high, where="post", color=ACCENT, linewidth=1.2)
    promised(axes, watch.promise)
    alarms = {watch.alarm_at: "below the promise", watch.drop_at: "has dropped"}
    for i, (at, words) in enumerate((at, words) for at, words in alarms.items() if at is not None):
        axes.axvline(at, color=BAD, linewidth=1.3)
        axes.annotate(
            f"{words} ({at:,})", (at, 0.03 + 0.07 * i), xycoords=("data", "axes fraction"),
            xytext=(-4, 0) if at > watch.labels / 2 else (4, 0), textcoords="offset points",
            ha="right" if at > watch.labels / 2 else "left", va="bottom", color=BAD, fontsize=SMALL,
        )  # fmt: skip
    axes.set(ylim=(-0.02, 1.05), xlim=(first - 1, max(watch.labels, first + 1)))
    axes.set_xlabel("labels")
    axes.set_ylabel("precision, at every look")
    return figure


def plot_drift(
    before: Sequence[float | None], after: Sequence[float | None], drift: ScoreDrift
) -> Figure:
    """Share of scores up to each value, before and after; the arrow is the largest distance of the two.

    Args:
        before: Scores, None where there is none.
        after: Likewise.
        drift: What `workbench.calibration.watching.drift` found about them.
    """
    figure = new_figure(WIDTH, 3.4)
    axes = figure.axes[0]
    sides = [np.sort([x for x in side if x is not None]) for side in (before, after)]
    if not all(side.size for side in sides):
        return say(figure, drift.wasserstein.reason or "one side has no score")
    for side, colour, name in zip(sides, (MUTED, ACCENT), ("before", "after"), strict=True):
        axes.step(
            np.append(side, side[-1]), np.append(np.arange(side.size) / side.size, 1.0), where="post",
            color=colour, label=f"{name}, n = {side.size:,}",
        )  # fmt: skip
    points = np.unique(np.concatenate(sides))
    shares = [np.searchsorted(side, points, side="right") / side.size for side in sides]
    widest = int(np.argmax(abs(shares[0] - shares[1])))
    low, high = sorted((shares[0][widest], shares[1][widest]))
    if drift.q_value is not None and high > low:
        axes.plot([points[widest]] * 2, [low, high], color=BAD, linewidth=1.5)
        axes.annotate(
            f"{high - low:.2f}", (points[widest], (low + high) / 2), xytext=(5, 0),
            textcoords="offset points", va="center", color=BAD, fontsize=SMALL,
        )  # fmt: skip
    axes.set(ylim=(-0.02, 1.02))
    axes.set_xlabel(drift.name)
    axes.set_ylabel("share up to here")
    legend(axes)
    return figure


def plot_diversity(found: Convergence) -> Figure:
    """Diversity of approved pictures by attempt, as a share of that of the items' own; 1 keeps it."""
    figure = new_figure(WIDTH, 3.4)
    axes = figure.axes[0]
    drawn = False
    for shift, colour, name in (
        (-0.06, ACCENT, "effective number"),
        (0.06, MUTED, "mean distance"),
    ):
        of = [
            (a.attempt, a.vendi if name == "effective number" else a.distance)
            for a in found.attempts
        ]
        known = [(attempt, e, e.value) for attempt, e in of if e.value is not None]
        for attempt, e, _ in known:
            if e.low is not None and e.high is not None:
                axes.plot(
                    [attempt + shift] * 2, [e.low, e.high], color=colour, alpha=0.45, linewidth=3
                )
        axes.plot(
            [a + shift for a, _, _ in known],
            [value for *_, value in known],
            "o-",
            color=colour,
            label=name,
        )
        drawn = drawn or bool(known)
    if not drawn:
        return say(figure, found.slope.reason or "nothing can be compared")
    axes.axhline(1, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
    axes.set_xticks([a.attempt for a in found.attempts])
    axes.set_ylim(bottom=0)
    axes.margins(x=0.12)
    axes.set_xlabel("attempt")
    axes.set_ylabel("made ÷ the items' own")
    legend(axes)
    return figure

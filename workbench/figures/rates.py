"""Plots of what approvals are worth: rates, three estimates beside each other, the four cells."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from workbench.figures._whiskers import SMALL, WIDTH, Row, whiskers
from workbench.figures.svg import ACCENT, BAD, GOOD, INK, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import Confusion, Corrected, Rates
    from workbench.metrics.estimate import Estimate


_LINE = 0.17
"""Inches of a line below the four cells."""


def plot_rates(rates: Rates) -> Figure:
    """Every rate with its interval; one that cannot be known says why."""
    rows = (
        ("Precision", rates.precision),
        ("Recall", rates.recall),
        ("Suitable rate", rates.suitable_rate),
        ("False positive rate", rates.false_positive_rate),
        ("Suitable among rejected", rates.missed),
        ("Accuracy", rates.accuracy),
        ("Cohen's κ", rates.kappa),
    )
    below = rates.kappa.low if rates.kappa.low is not None else 0.0
    return whiskers(
        [Row(name=name, estimate=e) for name, e in rows],
        label="share, 0 to 1 (κ from −1)",
        limits=(min(0.0, below), 1.0),
    )


def plot_corrected(corrected: Corrected) -> Figure:
    """Suitable rate and precision by labels alone, by PPI++ and by Rogan and Gladen; the narrowest is filled."""
    rows = []
    for name, side in (
        ("Suitable rate", corrected.suitable_rate),
        ("Precision", corrected.precision),
    ):
        for method, e in (
            ("labels only", side.labels_only),
            ("PPI++", side.ppi),
            ("Rogan–Gladen", side.rogan_gladen),
        ):
            best = side.narrowest == method
            text = f"{name}: labels" if method == "labels only" else method
            rows.append(
                Row(name=text, estimate=e, colour=ACCENT if best else MUTED, hollow=not best)
            )
    known = [x for row in rows for x in (row.estimate.low, row.estimate.high) if x is not None]
    least, most = min(known, default=0.0), max(known, default=1.0)
    room = 0.05 * (most - least) or 0.05
    return whiskers(rows, label="share", limits=(max(0.0, least - room), min(1.0, most + room)))


def plot_confusion(confusion: Confusion) -> Figure:
    """The four cells of judge against answers, in items with intervals; the tone of a square is its share of the largest.

    Why a number or an interval is missing stands below the squares, once.
    """
    cells = (
        (0, 1, confusion.true_positives, GOOD),
        (1, 1, confusion.false_positives, BAD),
        (0, 0, confusion.false_negatives, BAD),
        (1, 0, confusion.true_negatives, GOOD),
    )
    missing = dict.fromkeys(
        line
        for _, _, e, _ in cells
        if e.reason and (e.value is None or e.low is None)
        for line in textwrap.wrap(e.reason, 52)
    )
    figure = new_figure(WIDTH, 3.4 + _LINE * len(missing))
    axes = figure.axes[0]
    most = max((e.value for _, _, e, _ in cells if e.value is not None), default=0.0)
    from matplotlib.patches import Rectangle

    for x, y, e, colour in cells:
        if e.value is not None and most > 0:
            tone = 0.05 + 0.35 * e.value / most  # equal squares: every count fits into its own
            axes.add_patch(
                Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, color=colour, alpha=tone, linewidth=0)
            )
        axes.annotate(
            _count(e), (x, y), ha="center", va="bottom", color=INK, fontsize=15, fontweight="bold"
        )
        axes.annotate(
            _between(e), (x, y), xytext=(0, -3), textcoords="offset points",
            ha="center", va="top", color=MUTED, fontsize=SMALL,
        )  # fmt: skip
    if missing:
        axes.set_xlabel("\n".join(missing), color=MUTED, fontsize=SMALL, labelpad=8)
    axes.set(xlim=(-0.52, 1.52), ylim=(-0.52, 1.52), aspect="equal")
    axes.set_xticks([0, 1], ["suitable", "not suitable"])
    axes.set_yticks([0, 1], ["rejected", "approved"])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _count(e: Estimate) -> str:
    return "—" if e.value is None else f"{e.value:,.0f}"


def _between(e: Estimate) -> str:
    if e.value is None:
        return "not known"
    if e.low is None or e.high is None:
        return "no interval"
    return f"{e.low:,.0f} to {e.high:,.0f}"

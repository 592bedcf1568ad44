"""Plots of judges beside each other and beside people, and of what an audit would buy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.figures._whiskers import SMALL, WIDTH, Row, legend, say, whiskers
from workbench.figures.svg import ACCENT, BAD, GOOD, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.calibration import Comparison, People, Plan
    from workbench.metrics.estimate import Estimate


def plot_comparison(found: Comparison) -> Figure:
    """Second judge less first in precision, recall and accuracy; green or red where it is told from 0."""
    rows = [
        Row(name=one.measure.capitalize(), estimate=one.difference, colour=_told(one.difference))
        for one in (found.precision, found.recall, found.accuracy)
    ]
    return whiskers(
        rows, label=f"{found.second} − {found.first}", limits=None, at=[(0.0, "no difference")]
    )


def _told(difference: Estimate) -> str:
    if difference.low is not None and difference.low > 0:
        return GOOD
    return BAD if difference.high is not None and difference.high < 0 else ACCENT


def plot_people(people: People) -> Figure:
    """The judge and a single person, held against the other people, and how far people agree."""
    judge, person = people.ceiling.judge, people.ceiling.person
    rows = [
        Row(name="Precision: judge", estimate=judge.precision),
        Row(name="a person", estimate=person.precision, colour=MUTED, hollow=True),
        Row(name="Recall: judge", estimate=judge.recall),
        Row(name="a person", estimate=person.recall, colour=MUTED, hollow=True),
        Row(name="Cohen's κ: judge", estimate=judge.kappa),
        Row(name="a person", estimate=person.kappa, colour=MUTED, hollow=True),
        Row(name="People's α", estimate=people.alpha, colour=MUTED, hollow=True),
    ]
    lows = [row.estimate.low for row in rows if row.estimate.low is not None]
    return whiskers(
        rows, label="against the majority of the others", limits=(min([0.0, *lows]), 1.0)
    )


def plot_plans(plans: Sequence[Plan]) -> Figure:
    """Expected half-width of precision and recall against labels, for plans of one design."""
    figure = new_figure(WIDTH, 3.4)
    axes = figure.axes[0]
    drawn = False
    for colour, style, name in ((ACCENT, "o-", "precision"), (MUTED, "s-", "recall")):
        known = [
            (plan.labels, expected.half_width)
            for plan in sorted(plans, key=lambda plan: plan.labels)
            if (expected := plan.precision if name == "precision" else plan.recall).half_width
            is not None
        ]
        if known:
            drawn = True
            axes.plot(
                [n for n, _ in known],
                [w for _, w in known],
                style,
                color=colour,
                label=name,
                markersize=5,
            )
    if not drawn:
        why = [p.precision.reason for p in plans if p.precision.reason]
        return say(figure, why[0] if why else "there is no plan")
    enough = [
        plan.labels
        for plan in plans
        if plan.to_promise is not None and plan.approvals >= plan.to_promise
    ]
    if enough:
        axes.axvline(min(enough), color=GOOD, linewidth=1.2)
        axes.annotate(
            f"enough to promise {plans[0].promise:g}", (min(enough), 1), xycoords=("data", "axes fraction"),
            xytext=(-4, -2), textcoords="offset points", ha="right", va="top", color=GOOD, fontsize=SMALL,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("labels")
    axes.set_ylabel("half of the interval's width")
    legend(axes)
    return figure

"""Plots of an ablation: every arm beside the others, and what each step adds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from workbench.figures._whiskers import Row, whiskers
from workbench.figures.svg import ACCENT, BAD, GOOD, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.metrics.estimate import Estimate


def plot_arms(
    arms: Mapping[str, Estimate], *, label: str, controls: Collection[str] = ()
) -> Figure:
    """One row an arm; controls are hollow.

    Args:
        arms: Name to its estimate, a share.
        label: Of the axis, such as `aspect F1`.
        controls: Names of arms that are there to be held against.
    """
    rows = [
        Row(
            name=name, estimate=one, colour=MUTED if name in controls else ACCENT,
            hollow=name in controls,
        )
        for name, one in arms.items()
    ]  # fmt: skip
    return whiskers(rows, label=label)


def plot_added(steps: Mapping[str, Estimate], *, label: str) -> Figure:
    """What each step adds, one row a step; green or red where it is told from 0.

    Args:
        steps: Name to the arm with the step less the arm without it; more is better.
        label: Of the axis, such as `aspect F1 added`.
    """
    rows = [Row(name=name, estimate=one, colour=_told(one)) for name, one in steps.items()]
    return whiskers(rows, label=label, limits=None, at=[(0.0, "nothing")])


def _told(one: Estimate) -> str:
    if one.low is not None and one.low > 0:
        return GOOD
    return BAD if one.high is not None and one.high < 0 else ACCENT

"""Plots of ways to train beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.figures._whiskers import Row, whiskers
from workbench.figures.svg import ACCENT, BAD, GOOD

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


def _told(difference: Estimate) -> str:
    if difference.low is not None and difference.low > 0:
        return GOOD
    return BAD if difference.high is not None and difference.high < 0 else ACCENT

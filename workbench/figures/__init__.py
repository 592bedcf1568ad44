"""Data in, a plot out; used by widgets, app and pages alike."""

from workbench.figures.calibration import plot_confidence, plot_reliability
from workbench.figures.svg import to_svg

__all__ = ["plot_confidence", "plot_reliability", "to_svg"]

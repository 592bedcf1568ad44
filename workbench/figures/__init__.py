"""Data in, a plot out; used by widgets, app and pages alike."""

from workbench.figures.calibration import plot_confidence, plot_reliability
from workbench.figures.category_images import plot_by_popularity, plot_narrowing
from workbench.figures.comparing import plot_comparison, plot_people, plot_plans
from workbench.figures.counts import plot_counts
from workbench.figures.failures import plot_criteria, plot_failure_modes, plot_slices
from workbench.figures.losses import plot_losses
from workbench.figures.rates import plot_confusion, plot_corrected, plot_rates
from workbench.figures.svg import to_svg
from workbench.figures.thresholds import plot_risk_coverage, plot_threshold
from workbench.figures.watching import plot_diversity, plot_drift, plot_watch
from workbench.figures.ways import plot_differences, plot_ways, sharing_axes

__all__ = [
    "plot_by_popularity",
    "plot_comparison",
    "plot_confidence",
    "plot_confusion",
    "plot_corrected",
    "plot_counts",
    "plot_criteria",
    "plot_differences",
    "plot_diversity",
    "plot_drift",
    "plot_failure_modes",
    "plot_losses",
    "plot_narrowing",
    "plot_people",
    "plot_plans",
    "plot_rates",
    "plot_reliability",
    "plot_risk_coverage",
    "plot_slices",
    "plot_threshold",
    "plot_watch",
    "plot_ways",
    "sharing_axes",
    "to_svg",
]

"""What the judge's approvals are worth: people against judge. No torch."""

from workbench.calibration._shares import About
from workbench.calibration.agreement import (
    Kappa,
    cohen_kappa,
    confusion_table,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    mean_pairwise_agreement,
    percent_agreement,
)
from workbench.calibration.audit import Budget, budget, draw_audit, labels_for, stratum_of
from workbench.calibration.calibrate import Calibration, Confusion, Counts, calibrate
from workbench.calibration.estimates import Rates, rates
from workbench.calibration.gather import AuditedVerdicts, gather
from workbench.calibration.reliability import Bin, Reliability, auroc, reliability
from workbench.calibration.slices import FailureModeRate, Slice, benjamini_hochberg, fisher
from workbench.calibration.thresholds import Threshold, choose_threshold, labels_to_promise
from workbench.metrics.estimate import Estimate
from workbench.metrics.intervals import Interval, clopper_pearson, proportion, wilson

__all__ = [
    "About",
    "AuditedVerdicts",
    "Bin",
    "Budget",
    "Calibration",
    "Confusion",
    "Counts",
    "Estimate",
    "FailureModeRate",
    "Interval",
    "Kappa",
    "Rates",
    "Reliability",
    "Slice",
    "Threshold",
    "auroc",
    "benjamini_hochberg",
    "budget",
    "calibrate",
    "choose_threshold",
    "clopper_pearson",
    "cohen_kappa",
    "confusion_table",
    "draw_audit",
    "fisher",
    "fleiss_kappa",
    "gather",
    "gwet_ac1",
    "krippendorff_alpha",
    "labels_for",
    "labels_to_promise",
    "mean_pairwise_agreement",
    "percent_agreement",
    "proportion",
    "rates",
    "reliability",
    "stratum_of",
    "wilson",
]

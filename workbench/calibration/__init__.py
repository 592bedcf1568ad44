"""What the judge's approvals are worth: people against judge. No torch."""

from workbench.calibration._calibration import Calibration, Confusion, Counts, People, UnnamedModes
from workbench.calibration._draws import in_words, with_spread
from workbench.calibration.audits._strata import Decision, Design, stratum_of
from workbench.calibration.audits.audit import draw_audit, grow_audit
from workbench.calibration.audits.budget import Budget, budget, labels_for
from workbench.calibration.audits.planning import Expected, Plan, PlannedStratum, plan_audit
from workbench.calibration.calibrate import calibrate_arrays
from workbench.calibration.comparing._comparison import Comparison, CriterionComparison, Difference
from workbench.calibration.comparing.compare import compare, compare_criteria, compare_verdicts
from workbench.calibration.comparing.mcnemar import McNemar, mcnemar
from workbench.calibration.confidence._trials import Procedure, labels_to_promise
from workbench.calibration.confidence.reliability import Bin, Reliability, auroc, reliability
from workbench.calibration.confidence.scores import (
    ScoreCalibration,
    ScoreMap,
    ScoreMethod,
    calibrate_scores,
    fit_scores,
    hold_out,
)
from workbench.calibration.confidence.selective import RiskCoverage, RiskPoint, risk_coverage
from workbench.calibration.confidence.thresholds import (
    Threshold,
    Thresholds,
    choose_threshold,
    choose_thresholds,
)
from workbench.calibration.errors.clusters import (
    FailureCluster,
    FailureClusters,
    failure_clusters,
)
from workbench.calibration.errors.criteria import (
    Caught,
    CriterionScores,
    RaisedThreshold,
    WrongRejections,
)
from workbench.calibration.errors.failures import (
    ConfusionItems,
    Failures,
)
from workbench.calibration.errors.slices import FailureModeRate, Slice
from workbench.calibration.errors.words import (
    Word,
    marking_words,
)
from workbench.calibration.exact_tests import benjamini_hochberg, boschloo, fisher
from workbench.calibration.frame import calibrate
from workbench.calibration.gather import (
    AuditedVerdicts,
    adjudications,
    gather,
    latest_answers,
)
from workbench.calibration.people._adjudicated import AdjudicatedItem, Adjudication, AnnotatorErrors
from workbench.calibration.people.adjudicate import adjudicate, majority
from workbench.calibration.people.agreement import (
    Kappa,
    cohen_kappa,
    confusion_table,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    mean_pairwise_agreement,
    percent_agreement,
)
from workbench.calibration.people.annotators import AgainstOthers, against_others, median_of
from workbench.calibration.people.ceiling import AgainstPeople, Ceiling, human_ceiling
from workbench.calibration.people.ranks import RankAgreement, rank_agreement
from workbench.calibration.rates._shares import About
from workbench.calibration.rates.corrected import Corrected, Estimator, SideBySide, corrected
from workbench.calibration.rates.estimates import Rates, rates
from workbench.calibration.rates.ppi import PPIMean, PPIRates, Tuning, ppi_mean, ppi_rates
from workbench.calibration.rates.rogan_gladen import RoganGladen, rogan_gladen
from workbench.calibration.sentences import Section, sentences_of
from workbench.calibration.watching.delay import (
    AlarmDelay,
    alarm_delay,
)
from workbench.calibration.watching.diversity import (
    AttemptDiversity,
    Convergence,
    convergence,
    mean_distance,
    neighbour_coverage,
    vendi_score,
)
from workbench.calibration.watching.drift import (
    Drift,
    ScoreDrift,
    Scoring,
    drift,
)
from workbench.calibration.watching.watch import (
    Watch,
    Watched,
    watch_precision,
)
from workbench.metrics.estimate import Estimate
from workbench.metrics.intervals import Interval, clopper_pearson, proportion, wilson

__all__ = [
    "About",
    "AdjudicatedItem",
    "Adjudication",
    "AgainstOthers",
    "AgainstPeople",
    "AlarmDelay",
    "AnnotatorErrors",
    "AttemptDiversity",
    "AuditedVerdicts",
    "Bin",
    "Budget",
    "Calibration",
    "Caught",
    "Ceiling",
    "Comparison",
    "Confusion",
    "ConfusionItems",
    "Convergence",
    "Corrected",
    "Counts",
    "CriterionComparison",
    "CriterionScores",
    "Decision",
    "Design",
    "Difference",
    "Drift",
    "Estimate",
    "Estimator",
    "Expected",
    "FailureCluster",
    "FailureClusters",
    "FailureModeRate",
    "Failures",
    "Interval",
    "Kappa",
    "McNemar",
    "PPIMean",
    "PPIRates",
    "People",
    "Plan",
    "PlannedStratum",
    "Procedure",
    "RaisedThreshold",
    "RankAgreement",
    "Rates",
    "Reliability",
    "RiskCoverage",
    "RiskPoint",
    "RoganGladen",
    "ScoreCalibration",
    "ScoreDrift",
    "ScoreMap",
    "ScoreMethod",
    "Scoring",
    "Section",
    "SideBySide",
    "Slice",
    "Threshold",
    "Thresholds",
    "Tuning",
    "UnnamedModes",
    "Watch",
    "Watched",
    "Word",
    "WrongRejections",
    "adjudicate",
    "adjudications",
    "against_others",
    "alarm_delay",
    "auroc",
    "benjamini_hochberg",
    "boschloo",
    "budget",
    "calibrate",
    "calibrate_arrays",
    "calibrate_scores",
    "choose_threshold",
    "choose_thresholds",
    "clopper_pearson",
    "cohen_kappa",
    "compare",
    "compare_criteria",
    "compare_verdicts",
    "confusion_table",
    "convergence",
    "corrected",
    "draw_audit",
    "drift",
    "failure_clusters",
    "fisher",
    "fit_scores",
    "fleiss_kappa",
    "gather",
    "grow_audit",
    "gwet_ac1",
    "hold_out",
    "human_ceiling",
    "in_words",
    "krippendorff_alpha",
    "labels_for",
    "labels_to_promise",
    "latest_answers",
    "majority",
    "marking_words",
    "mcnemar",
    "mean_distance",
    "mean_pairwise_agreement",
    "median_of",
    "neighbour_coverage",
    "percent_agreement",
    "plan_audit",
    "ppi_mean",
    "ppi_rates",
    "proportion",
    "rank_agreement",
    "rates",
    "reliability",
    "risk_coverage",
    "rogan_gladen",
    "sentences_of",
    "stratum_of",
    "vendi_score",
    "watch_precision",
    "wilson",
    "with_spread",
]

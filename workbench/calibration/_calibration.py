"""What one call returns: everything that a calibration page shows, through JSON and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from workbench.calibration.confidence.reliability import Reliability
from workbench.calibration.confidence.scores import ScoreCalibration
from workbench.calibration.confidence.selective import RiskCoverage
from workbench.calibration.confidence.thresholds import Threshold, Thresholds
from workbench.calibration.errors.clusters import FailureClusters
from workbench.calibration.errors.failures import Failures
from workbench.calibration.errors.slices import FailureModeRate, Slice
from workbench.calibration.people.ceiling import Ceiling
from workbench.calibration.rates._shares import About
from workbench.calibration.rates.corrected import Corrected
from workbench.calibration.rates.estimates import Rates
from workbench.metrics.estimate import Estimate

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many items, and what became of them. Plain counts: for shares see `Rates`."""

    judged: int
    approved: int
    rejected: int
    abstained: int
    """Items that the judge did not decide; they are in no rate."""
    drawn_approvals: int
    drawn_rejections: int
    answered_approvals: int
    answered_rejections: int
    suitable_approvals: int
    """Answered approvals that are suitable."""
    suitable_rejections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Judge against answers over all judged items, in items; scaled up from the audit."""

    true_positives: Estimate
    """Approved and suitable."""
    false_positives: Estimate
    """Approved, not suitable."""
    false_negatives: Estimate
    """Rejected, suitable."""
    true_negatives: Estimate
    """Rejected, not suitable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What the people who answered agree on, where they answered the same items."""

    annotators: tuple[str, ...]
    items: int
    """Decided items with two answers or more."""
    alpha: Estimate
    """Krippendorff's α of approvals, nominal, −1 to 1: agreement beyond chance."""
    ceiling: Ceiling
    """The judge and a single person, both against the majority of the other people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnamedModes:
    """Places among embeddings where the judge's errors crowd: failure modes that nobody has named yet."""

    false_positives: FailureClusters
    """Among answered approvals, those that are unsuitable."""
    false_negatives: FailureClusters
    """Among answered rejections, those that are suitable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the judge's approvals are worth, by an audit whose drawing probabilities are known."""

    about: About
    """Whom the numbers are about: items like these, or these items alone."""
    level: float
    simulated: bool
    """True where answers came from a simulation or the catalogue's own truth, not from people."""
    counts: Counts
    rates: Rates
    confusion: Confusion
    threshold: Threshold | None
    """None where no confidences were given, or none of an answered item."""
    joint_threshold: Thresholds | None
    """One threshold per criterion; None where none were asked for."""
    reliability: Reliability | None
    """None where no confidences were given."""
    score_calibration: ScoreCalibration | None
    """None where no confidences were given; where labels are too few, `notes` says so."""
    risk_coverage: RiskCoverage | None
    """None where no confidences were given."""
    corrected: Corrected | None
    """What the confidences on unlabelled items add; None where none were given."""
    slices: tuple[Slice, ...]
    """By each label that was asked for, the largest first within one."""
    failure_modes: tuple[FailureModeRate, ...]
    """As the answers named them, the one that gets through most often first."""
    unnamed_modes: UnnamedModes | None
    """None where no embeddings were given."""
    failures: Failures | None
    """Errors by item and criterion; None where no keys were given."""
    people: People | None
    """None where no answers by person were given."""
    notes: tuple[str, ...]
    """What a reader must know before the numbers, in words."""

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal record; None is null, NaN cannot occur."""
        return _adapter().dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not such JSON, a field is missing, or numbers contradict each other.
        """
        return _adapter().validate_json(text)

    def __str__(self) -> str:
        """A table of rates and what there is to say, for a terminal of 80 columns."""
        from workbench.calibration.shown import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """The same for a notebook; no script, nothing loaded from elsewhere."""
        from workbench.calibration.shown import as_html

        return as_html(self)


@cache
def _adapter() -> TypeAdapter[Calibration]:
    from pydantic import TypeAdapter  # 0.1 s

    return TypeAdapter(Calibration)

"""What a comparison of two judges returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.calibration.ceiling import Ceiling
from workbench.calibration.mcnemar import McNemar
from workbench.metrics.estimate import Estimate

Measure = Literal["precision", "recall", "accuracy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One measure of two judges on the same items, and `second` − `first`."""

    measure: Measure
    first: str
    second: str
    of_first: Estimate
    of_second: Estimate
    difference: Estimate
    """`second` − `first`, from the same resamples; −1 to 1."""
    least: float | None
    """One-sided lower bound of the difference at confidence 1 − `alpha`; None where there is none."""
    alpha: float
    p_value: float | None
    """One-sided, that `second` is no better than `first`; None where there is no interval."""

    def exceeds(self, margin: float = 0.0) -> bool:
        """Whether `second` is better by more than `margin`, at level `alpha`; never where it cannot be known.

        A margin under 0 asks that it is not worse by that much (non-inferiority).
        """
        return self.least is not None and self.least > margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two judges on the items that both decided."""

    first: str
    second: str
    items: int
    """Items that both decided."""
    answered: int
    """Those among them that people answered."""
    undecided: tuple[int, int]
    """Items that the first, and that the second, did not decide; they are left out."""
    precision: Difference
    recall: Difference
    accuracy: Difference
    approvals: McNemar
    """Whether one approves more often; needs no answers."""
    right: McNemar
    """Whether one is right more often, on the answered items."""
    agreement: Estimate
    """Share of items on which both say the same."""
    kappa: Estimate
    """Cohen's κ between the two."""
    constant: tuple[Difference, ...]
    """Precision and accuracy of each judge (`second`) against judges that always say the same (`first`)."""
    ceiling: tuple[Ceiling, Ceiling] | None
    """The first, and the second, beside a single person; None where `people` was not passed."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionComparison:
    """Two judges on one criterion, among others."""

    criterion: str
    comparison: Comparison
    q_value: float | None
    """`p_value` of the difference in accuracy, after Benjamini and Hochberg over the criteria."""

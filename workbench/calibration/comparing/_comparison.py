"""What a comparison of two judges returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.calibration._draws import in_words, negated
from workbench.calibration.comparing.mcnemar import McNemar
from workbench.calibration.people.ceiling import Ceiling
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


def in_one_sentence(found: Comparison, sizes: npt.NDArray[np.intp]) -> str:
    """Say what a comparison found, and what its numbers are to be held against.

    Args:
        found: With any sentence.
        sizes: Items that neither, only the second, only the first, and both approve.
    """
    if not found.items:
        return (
            f"{found.first} and {found.second} decided no item in common: nothing can be compared."
        )
    text = f"Of {found.items} items {found.first} approves {sizes[2:].sum()}, {found.second} {sizes[1::2].sum()}; "
    text += _verdict(found.precision)
    if found.ceiling is not None:
        judges = [beside.judge.precision for beside in found.ceiling]
        person = found.ceiling[1].person.precision
        if person.value is not None:
            first, second = (in_words(judge) for judge in judges)
            text += (
                f" Held against the majority of the other people, {found.first} reaches a precision of "
                f"{first}, {found.second} {second}, and a single person {in_words(person)}."
            )
    for against in found.constant:
        low = against.difference.low
        if against.measure == "precision" and low is not None and low <= 0:
            text += (
                f" It is not shown that {against.second} is more precise than to {against.first}."
            )
        high = against.difference.high
        if against.measure == "accuracy" and high is not None and high < 0:
            better = in_words(against.of_first)
            text += (
                f" To {against.first} would be right more often, {better}, than {against.second}."
            )
    return text


def _verdict(precision: Difference) -> str:
    gain = precision.difference
    if gain.value is None or gain.low is None or gain.high is None:
        return f"which of them approves more precisely cannot be said: {gain.reason}."
    if gain.low <= 0 <= gain.high:
        return f"the difference in precision, {in_words(gain, signed=True)}, cannot be told from 0."
    better, by = (precision.second, gain) if gain.low > 0 else (precision.first, negated(gain))
    return f"{better} approves more precisely by {in_words(by)}."

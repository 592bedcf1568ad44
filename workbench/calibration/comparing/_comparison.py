"""What a comparison of two judges returns."""

from __future__ import annotations

from collections.abc import Sequence
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
    text += f"{_verdict(found)} {_mcnemar(found)}"
    if found.ceiling is not None:
        judges = [beside.judge.precision for beside in found.ceiling]
        person = found.ceiling[1].person.precision
        if person.value is not None:
            first, second = (in_words(judge) for judge in judges)
            text += (
                f" Held against the majority of the other people, {found.first} reaches a precision of "
                f"{first}, {found.second} {second}, and a single person {in_words(person)}."
            )
    return text + _constants(found)


def _verdict(found: Comparison) -> str:
    """Every measure that differs beyond chance, then those that may not, then those that cannot be known."""
    apart, alike = [], []
    unknown: dict[str, list[str]] = {}
    for one in (found.precision, found.recall, found.accuracy):
        gain = one.difference
        if gain.value is None or gain.low is None or gain.high is None:
            unknown.setdefault(gain.reason or "", []).append(one.measure)
        elif gain.low <= 0 <= gain.high:
            alike.append(f"{one.measure} by {in_words(gain, signed=True)}")
        else:
            way, size = ("higher", gain) if gain.low > 0 else ("lower", negated(gain))
            apart.append(f"{one.measure} is {way} by {in_words(size)}")
    said = []
    if apart:
        said.append(f"{found.second} against {found.first}: {_joined(apart)}")
    if alike:
        said.append(f"differences that cannot be told from 0: {_joined(alike)}")
    for reason, measures in unknown.items():
        said.append(
            f"how {_joined(measures)} differ{'s' * (len(measures) == 1)} cannot be said: {reason}"
        )
    return "; ".join(said) + "."


def _mcnemar(found: Comparison) -> str:
    """Who is right more often, by the items on which only one is."""
    test = found.right
    if test.p_value is None:
        return f"McNemar's test does not say who is right more often: {test.reason}."
    units = "clusters" if found.agreement.method.startswith("cluster") else "items"
    p = "< 0.001" if test.p_value < 0.001 else f"= {test.p_value:.2g}"
    text = (
        f"Of the {units} that people answered {found.first} alone is right on {test.first_only}, "
        f"{found.second} alone on {test.second_only}; "
    )
    if test.p_value <= 1 - found.accuracy.difference.level:
        more = found.first if test.first_only > test.second_only else found.second
        return f"{text}by McNemar's test {more} is right more often (p {p})."
    return f"{text}by McNemar's test that may be chance (p {p})."


def _constants(found: Comparison) -> str:
    """What a judge that always says the same would do as well or better, each said once for both judges."""
    unproven: dict[str, list[str]] = {}
    beaten: dict[str, list[str]] = {}
    rates: dict[str, Estimate] = {}
    for against in found.constant:
        low, high = against.difference.low, against.difference.high
        if against.measure == "precision" and low is not None and low <= 0:
            unproven.setdefault(against.first, []).append(against.second)
        if against.measure == "accuracy" and high is not None and high < 0:
            beaten.setdefault(against.first, []).append(against.second)
            rates[against.first] = against.of_first
    text = ""
    for constant, judges in unproven.items():
        text += f" It is not shown that {' or '.join(judges)} is more precise than to {constant}."
    for constant, judges in beaten.items():
        text += (
            f" To {constant} would be right more often, {in_words(rates[constant])}, "
            f"than {' or '.join(judges)}."
        )
    return text


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

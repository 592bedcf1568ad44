"""Three estimates of one rate side by side, and which is narrowest on this data, and why.

Labels alone, labels with the judge's confidence on all items (PPI++), and the judge's approvals
corrected by its errors on the labels (Rogan–Gladen). None is narrowest always: it depends on what
the confidence knows beyond the verdict, and on how often the judge is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.calibration._sample import Floats, Sample, read_sample
from workbench.calibration.rates._shares import About
from workbench.calibration.rates.estimates import Rates, rates_of
from workbench.calibration.rates.ppi import TUNE_FROM, Tuning, ppi_rates_of, read_confidence
from workbench.calibration.rates.rogan_gladen import METHOD, rogan_gladen
from workbench.metrics.estimate import Estimate, undefined

Estimator = Literal["labels only", "PPI++", "Rogan–Gladen"]

_ALIKE = 0.02  # widths that differ by less, as a share, are alike

NOTE = (
    "Which is narrowest was looked up after the answers were in. An interval picked for being narrow holds "
    "the truth less often than its level says: decide on one estimate before the next audit and keep to it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """One rate, estimated three ways from the same audit."""

    labels_only: Estimate
    """As in `Rates`: labels, weighted, by verdict and stratum. It uses the verdicts of all items already."""
    ppi: Estimate
    """The same with the judge's confidence on all items."""
    rogan_gladen: Estimate
    """The approval rate of items without a label, corrected; None with the reason where it is not valid."""
    narrowest: Estimator | None
    """Labels only where another is less than 2% narrower; None where none has an interval."""
    why: str
    """Which is narrowest on this data and why, in words. No promise for other data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What the judge's own scores on unlabelled items add to the labels."""

    suitable_rate: SideBySide
    precision: SideBySide
    approvals: Tuning | None
    """How far the confidence was used among approvals; None where none was labelled."""
    rejections: Tuning | None
    """How far the confidence was used among rejections; None where none was labelled."""
    note: str
    """What choosing by the look of it does to an interval."""


def corrected(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    confidence: Sequence[float | None],
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    about: About = "items like these",
    level: float = 0.95,
) -> Corrected:
    """Estimate suitable rate and precision by labels only, PPI++ and Rogan–Gladen, side by side.

    Rogan–Gladen is valid here where all items had one chance to be drawn, are independent, and some
    have no label; for another batch than the audited one see `rogan_gladen`.

    Args:
        approved: Length N, the judge's verdicts on the whole population; None where it abstained.
        inclusion_probability: Length N, over 0 and up to 1; None where the item was not drawn.
        answer: Length N, people's answer; None where nobody was asked or nobody answered.
        confidence: Length N, the judge's, 0 to 1, that people approve; None where it gave none.
        stratum: Length N, the audit's stratum of every item; None: one per verdict.
        cluster: Length N, items that belong together; None: independent.
        about: As in `rates`.
        level: Between 0 and 1.

    Raises:
        ValueError: A shape or range is wrong.
    """
    sample = read_sample(
        approved=approved,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
        cluster=cluster,
    )
    scores = read_confidence(confidence, sample, n=len(approved))
    alone = rates_of(sample, about=about, level=level)
    return corrected_of(sample, scores, alone, about=about, level=level)


def corrected_of(
    sample: Sample, scores: Floats, alone: Rates, *, about: About, level: float
) -> Corrected:
    """`corrected` of a sample that was read already, beside its labels-only rates."""
    powered = ppi_rates_of(sample, scores, about=about, level=level)
    from_errors, weak = _rogan_gladen(sample, about=about, level=level)
    both = (("approvals", powered.approvals), ("rejections", powered.rejections))
    no_precision = undefined(
        "Rogan–Gladen corrects the rate of all items; the precision of approvals takes labelled approvals",
        method=METHOD,
        level=level,
    )
    return Corrected(
        suitable_rate=_side_by_side(
            alone.suitable_rate, powered.rates.suitable_rate, from_errors, both, weak=weak
        ),
        precision=_side_by_side(
            alone.precision, powered.rates.precision, no_precision, both[:1], weak=""
        ),
        approvals=powered.approvals,
        rejections=powered.rejections,
        note=NOTE,
    )


def _rogan_gladen(sample: Sample, *, about: About, level: float) -> tuple[Estimate, str]:
    """Return the corrected rate of items without a label, or why there is none; and what widens it, in words."""
    drawn = sample.inclusion[~np.isnan(sample.inclusion)]
    rest = np.isnan(sample.inclusion)
    reason = None
    if about == "these items":
        reason = "Rogan–Gladen speaks of items like these, not of one finished batch"
    elif sample.clusters is not None:
        reason = "Rogan–Gladen takes items to be independent, and these share clusters"
    elif not sample.answered.any():
        reason = "not identifiable: no item was labelled"
    elif np.ptp(drawn) > 1e-9:
        reason = (
            "labels were drawn by verdict or stratum: plain error rates would be wrong, and with weights "
            "Rogan–Gladen is the labels-only estimate"
        )
    elif not rest.any():
        reason = "every item was drawn: there is no rate of others to correct"
    if reason is not None:
        return undefined(reason, method=METHOD, level=level), ""
    found = rogan_gladen(
        approved=sample.approved[rest].tolist(),
        verdict=sample.approved[sample.answered].tolist(),
        answer=sample.suitable[sample.answered].tolist(),
        level=level,
    )
    j = found.youden.value
    return found.suitable_rate, "" if j is None else f"it divides by J = {j:.2f}"


def _side_by_side(
    labels_only: Estimate,
    ppi: Estimate,
    rogan_gladen: Estimate,
    tunings: Sequence[tuple[str, Tuning | None]],
    *,
    weak: str,
) -> SideBySide:
    widths = {
        name: width
        for name, one in (
            ("PPI++", ppi),
            ("Rogan–Gladen", rogan_gladen),
            ("labels only", labels_only),
        )
        if (width := _width(one)) is not None
    }
    narrowest: Estimator | None = None
    if "labels only" in widths:
        narrowest = "labels only"
        least = min(widths, key=lambda name: widths[name])
        if widths[least] < (1 - _ALIKE) * widths["labels only"]:
            narrowest = "PPI++" if least == "PPI++" else "Rogan–Gladen"
    return SideBySide(
        labels_only=labels_only,
        ppi=ppi,
        rogan_gladen=rogan_gladen,
        narrowest=narrowest,
        why=_why(narrowest, widths, labels_only, tunings, weak=weak),
    )


def _width(estimate: Estimate) -> float | None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.high - estimate.low


def _why(
    narrowest: Estimator | None,
    widths: dict[str, float],
    labels_only: Estimate,
    tunings: Sequence[tuple[str, Tuning | None]],
    *,
    weak: str,
) -> str:
    if narrowest is None:
        return f"No estimate has an interval: {labels_only.reason}."
    alone, ours = widths["labels only"], widths.get("PPI++", widths["labels only"])
    used = [(name, one) for name, one in tunings if one is not None]
    known = "; ".join(_said(name, one) for name, one in used)
    if narrowest == "PPI++":
        first = (
            f"PPI++ is narrowest, {ours:.3f} wide against {alone:.3f} by the labels alone: {known}."
        )
    elif narrowest == "Rogan–Gladen":
        first = (
            f"Rogan–Gladen is narrowest, {widths['Rogan–Gladen']:.3f} wide against {alone:.3f} by the labels "
            f"alone; PPI++ is {ours:.3f} wide: {known}."
        )
    elif all(one.lam == 0 for _, one in used):
        first = f"Labels alone are as narrow as it gets, {alone:.3f} wide: {known}."
    else:
        first = f"Labels alone are as good, {alone:.3f} wide against {ours:.3f} by PPI++: {known}."
    wide = widths.get("Rogan–Gladen")
    if wide is None or narrowest == "Rogan–Gladen":
        return first
    return f"{first} Rogan–Gladen is {wide:.3f} wide: {weak}."


def _said(name: str, tuning: Tuning) -> str:
    """Return what the confidence did for one verdict's share, or why it was not used."""
    if tuning.lam > 0:
        return (
            f"among {name} the confidence explains {tuning.explained:.0%} of the answers' variance "
            f"(λ = {tuning.lam:.2f}), which makes each of {tuning.labels} labels worth {tuning.worth:.2f}"
        )
    if tuning.explained == 0:
        return f"among {name} the confidence does not rise with the answers"
    if tuning.labels < TUNE_FROM:
        return f"{name} have {tuning.labels} labels, and λ is not tuned on fewer than {TUNE_FROM} labels"
    return f"all {name} have their label"

"""One call from verdicts, audit and answers to everything that a calibration page shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from workbench.calibration._sample import Bools, Floats, Sample, read_sample
from workbench.calibration._shares import About
from workbench.calibration.corrected import Corrected, corrected_of
from workbench.calibration.estimates import Rates, rates_of
from workbench.calibration.ppi import read_confidence
from workbench.calibration.reliability import Reliability, reliability
from workbench.calibration.slices import (
    FailureModeRate,
    Slice,
    failure_modes_of,
    slices_of,
)
from workbench.calibration.thresholds import Threshold, choose_threshold
from workbench.metrics.estimate import Estimate, check_level, undefined

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_GRID_STEPS = 50  # thresholds tried: quantiles of the judged items' confidence
_START = 100, 300  # labels at which the sequence of thresholds begins, where there are enough


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
    """None where no confidences were given."""
    reliability: Reliability | None
    """None where no confidences were given."""
    corrected: Corrected | None
    """What the confidences on unlabelled items add; None where none were given."""
    slices: tuple[Slice, ...]
    """By each label that was asked for, the largest first within one."""
    failure_modes: tuple[FailureModeRate, ...]
    """As the answers named them, the one that gets through most often first."""
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


def calibrate(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    confidence: Sequence[float | None] | None = None,
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[str]] | None = None,
    failure_modes: Sequence[Collection[str]] | None = None,
    about: About = "items like these",
    level: float = 0.95,
    promise: float = 0.9,
    failure_probability: float = 0.05,
    held_out: float = 1 / 3,
    seed: int = 0,
    simulated: bool = False,
) -> Calibration:
    """Measure a judge against the answers on an audited sample.

    All sequences have one entry per item that the judge saw, N in all, audited or not, in one order.
    The threshold is chosen on a random part of the labels and its precision reported on the rest;
    clusters stay together.

    Args:
        approved: The judge's verdict; None where it abstained.
        inclusion_probability: With which the audit drew the item, over 0 and up to 1; None where not drawn.
        answer: Whether people find it suitable; None where nobody was asked or nobody answered.
        confidence: The judge's, 0 to 1, that people approve; None where it gave none.
        stratum: The audit's stratum of every item, drawn or not; None: one stratum per verdict.
        cluster: Items that belong together, such as the parent product; None: independent.
        slices: Label name to one label per item, such as `{"category": [...]}`.
        failure_modes: What people named, one collection per item; None: they were not asked.
        about: `these items` for statements on this batch alone (finite-population variance).
        level: Of all intervals, between 0 and 1.
        promise: Precision that the threshold shall keep, between 0 and 1.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        held_out: Share of labels kept from choosing the threshold, 0 to below 1.
        seed: Of the split, the thinning and the bootstrap.
        simulated: True where the answers are not people's.

    Example:
        One hundred approvals that people answered, and fifty rejections that nobody looked at:

        >>> found = calibrate(
        ...     approved=[True] * 100 + [False] * 50,
        ...     inclusion_probability=[1.0] * 100 + [None] * 50,
        ...     answer=[True] * 88 + [False] * 12 + [None] * 50,
        ... )
        >>> precision = found.rates.precision
        >>> f"{precision.value:.2f}, from {precision.low:.3f} to {precision.high:.3f}"
        '0.88, from 0.802 to 0.930'
        >>> found.rates.recall.value, found.rates.recall.reason
        (None, 'not identifiable: no rejection was audited')

    Raises:
        ValueError: Lengths differ, a value is out of range, or an item was answered but not drawn.
    """
    check_level(level)
    n = len(approved)
    for name, values in {
        "confidence": confidence, "failure_modes": failure_modes, **(slices or {}),
    }.items():  # fmt: skip
        if values is not None and len(values) != n:
            raise ValueError(
                f"`{name}` wants one value for each of {n} verdicts, got {len(values)}"
            )
    if not 0 <= held_out < 1:
        raise ValueError(f"`held_out` is a share from 0 to below 1, got {held_out!r}")
    sample = read_sample(
        approved=approved,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
        cluster=cluster,
    )
    counts = _counts(sample, judged=n)
    found = rates_of(sample, about=about, level=level)
    threshold, curve, beside = None, None, None
    if confidence is not None:
        scores = read_confidence(confidence, sample, n=n)
        threshold = _threshold(
            sample, scores, promise=promise, failure_probability=failure_probability,
            held_out=held_out, level=level, seed=seed,
        )  # fmt: skip
        curve = _reliability(sample, scores, level=level, seed=seed)
        beside = corrected_of(sample, scores, found, about=about, level=level)
    return Calibration(
        about=about,
        level=level,
        simulated=simulated,
        counts=counts,
        rates=found,
        confusion=_confusion(found, counts),
        threshold=threshold,
        reliability=curve,
        corrected=beside,
        slices=tuple(
            one
            for by, labels in (slices or {}).items()
            for one in slices_of(sample, labels, by=by, about=about, level=level)
        ),
        failure_modes=()
        if failure_modes is None
        else failure_modes_of(sample, failure_modes, about=about, level=level),
        notes=_notes(counts, simulated=simulated),
    )


def _counts(sample: Sample, *, judged: int) -> Counts:
    drawn = ~np.isnan(sample.inclusion)
    yes, no = sample.approved, ~sample.approved
    return Counts(
        judged=judged,
        approved=int(yes.sum()),
        rejected=int(no.sum()),
        abstained=judged - sample.approved.size,
        drawn_approvals=int((yes & drawn).sum()),
        drawn_rejections=int((no & drawn).sum()),
        answered_approvals=int((yes & sample.answered).sum()),
        answered_rejections=int((no & sample.answered).sum()),
        suitable_approvals=int((yes & sample.answered & sample.suitable).sum()),
        suitable_rejections=int((no & sample.answered & sample.suitable).sum()),
    )


def _confusion(rates: Rates, counts: Counts) -> Confusion:
    return Confusion(
        true_positives=_scaled(rates.precision, counts.approved),
        false_positives=_scaled(rates.precision, counts.approved, rest=True),
        false_negatives=_scaled(rates.missed, counts.rejected),
        true_negatives=_scaled(rates.missed, counts.rejected, rest=True),
    )


def _scaled(share: Estimate, items: int, *, rest: bool = False) -> Estimate:
    """`share` of `items` (or the rest of them), in items."""
    if items == 0:
        return replace(
            share, value=0.0, low=0.0, high=0.0, method="counted", effective_n=None, reason=None
        )
    if share.value is None or share.low is None or share.high is None:
        return share
    value, low, high = (
        (1 - share.value, 1 - share.high, 1 - share.low)
        if rest
        else (share.value, share.low, share.high)
    )
    return replace(share, value=value * items, low=low * items, high=high * items)


def _threshold(
    sample: Sample,
    scores: Floats,
    *,
    promise: float,
    failure_probability: float,
    held_out: float,
    level: float,
    seed: int,
) -> Threshold | None:
    scored = ~np.isnan(scores)
    usable = sample.answered & scored
    if not usable.any():
        return None
    reporting = usable & _held_out(sample, held_out, seed)
    choosing = usable & ~reporting
    chosen = choose_threshold(
        scores[choosing],
        sample.suitable[choosing],
        grid=_grid(sample, scores, choosing),
        promise=promise,
        failure_probability=failure_probability,
        keep_probability=sample.inclusion[choosing],
        groups=None if sample.clusters is None else sample.clusters[choosing],
        seed=seed,
    )
    if chosen.value is None:
        split = (
            f"; of {int(usable.sum())} answered items with a confidence, {int(choosing.sum())} were "
            f"there to choose by and {int(reporting.sum())} were kept to check the choice"
        )
        return replace(chosen, reason=f"{chosen.reason}{split}")
    return replace(
        chosen,
        approved_share=float((scores[scored] >= chosen.value).mean()),
        held_out=_precision_at(sample, scores >= chosen.value, reporting, level=level),
    )


def _grid(sample: Sample, scores: Floats, choosing: Bools) -> list[float]:
    """Thresholds to try, strict to loose: they look at judged items and the design, at no answer.

    A fixed sequence that begins where hardly a label lies fails at once, and one that begins at a
    point that depends on the promise may keep a promise and refuse a smaller one. So it begins where
    the design puts a fixed number of labels above it: a quarter of what it can count at most, but
    100 to 300; where there are few, half of them or the judge's own approvals, whichever are fewer.
    """
    scored = ~np.isnan(scores)
    grid = np.unique(np.quantile(scores[scored], np.linspace(0, 1, _GRID_STEPS), method="lower"))
    # Labels per item of each cell: above a threshold the scarcest cell sets what thinning leaves.
    count = int(sample.cells.max()) + 1
    sizes = np.bincount(sample.cells[scored], minlength=count)
    rate = np.bincount(sample.cells[choosing], minlength=count) / np.maximum(sizes, 1)
    expected = []
    for threshold in grid:
        above = sample.cells[scored & (scores >= threshold)]
        expected.append(above.size * float(rate[above].min()))
    most = max(expected)
    approved = sample.cells[scored & sample.approved]
    own = approved.size * float(rate[approved].min(initial=1))
    least = min(most / 2, own or most, max(_START[0], min(most / 4, _START[1])))
    return [float(t) for t, n in zip(grid, expected, strict=True) if n >= least][::-1]


def _held_out(sample: Sample, share: float, seed: int) -> Bools:
    """Choose `share` of the items (of the clusters, where there are any), shape (N,)."""
    units = np.arange(sample.approved.size) if sample.clusters is None else sample.clusters
    luck = np.random.default_rng(seed).random(int(units.max(initial=0)) + 1)
    chosen: Bools = luck[units] < share
    return chosen


def _precision_at(sample: Sample, above: Bools, reporting: Bools, *, level: float) -> Estimate:
    """Share of suitable items above the threshold, from labels that took no part in choosing it."""
    drawn = np.where(reporting, sample.inclusion, np.nan)
    part = replace(sample, answered=reporting, inclusion=drawn).subset(above)
    if not part.answered.any():
        return undefined("no held-out label lies above the threshold", method="none", level=level)
    as_approved = replace(part, approved=np.ones(part.approved.size, dtype=bool))
    return rates_of(as_approved, level=level).precision


def _reliability(sample: Sample, scores: Floats, *, level: float, seed: int) -> Reliability:
    part = sample.subset(~np.isnan(scores))
    labelled = part.answered
    everyone = scores[~np.isnan(scores)]
    return reliability(
        everyone[labelled],
        part.suitable[labelled],
        weights=part.weights[labelled],
        population=everyone,
        groups=None if part.clusters is None else part.clusters[labelled],
        level=level,
        seed=seed,
    )


def _notes(counts: Counts, *, simulated: bool) -> tuple[str, ...]:
    notes = []
    if simulated:
        notes.append(
            "The answers are not people's: they were simulated or taken from the catalogue's truth."
        )
    if counts.abstained:
        notes.append(
            f"The judge did not decide {counts.abstained} of {counts.judged} items; no rate counts them."
        )
    if counts.rejected and not counts.answered_rejections:
        notes.append(
            "No rejection was audited: precision is known, but recall, false positives among the unsuitable, "
            "false negatives, accuracy and κ are not identifiable. Audit some rejections."
        )
    if counts.approved and not counts.answered_approvals:
        notes.append(
            "No approval was audited: precision is not identifiable. Audit some approvals."
        )
    silent = (
        counts.drawn_approvals + counts.drawn_rejections
        - counts.answered_approvals - counts.answered_rejections
    )  # fmt: skip
    if silent:
        notes.append(
            f"{silent} drawn items have no answer yet; they are taken to be like their stratum."
        )
    return tuple(notes)


@cache
def _adapter() -> TypeAdapter[Calibration]:
    from pydantic import TypeAdapter  # 0.1 s

    return TypeAdapter(Calibration)

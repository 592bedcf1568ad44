"""False positives and false negatives, item by item, and which criterion is behind them.

A false positive is an approval that people find unsuitable, a false negative a rejection that they
find suitable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration._sample import Bools, Floats, Sample, as_floats
from workbench.calibration.errors.criteria import (
    Caught,
    CriterionScores,
    CriterionTable,
    RaisedThreshold,
    WrongRejections,
    caught_by,
    criterion_scores,
    failed_criteria,
    raised_thresholds,
    wrong_rejections,
)
from workbench.metrics.estimate import check_level


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionItems:
    """Keys of the answered items in each cell of judge against people, in the order that they came."""

    true_positives: tuple[str, ...]
    """Approved and suitable."""
    false_positives: tuple[str, ...]
    """Approved, not suitable."""
    false_negatives: tuple[str, ...]
    """Rejected, suitable."""
    true_negatives: tuple[str, ...]
    """Rejected, not suitable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Where judge and people part, item by item and criterion by criterion."""

    items: ConfusionItems
    criteria: tuple[CriterionScores, ...]
    """In the rubric's order."""
    caught: tuple[Caught, ...]
    """One for each false positive, in the order of `items.false_positives`."""
    raised: tuple[RaisedThreshold, ...]
    """The one that surely removes most false positives per true positive lost comes first."""
    wrong_rejections: tuple[WrongRejections, ...]
    """The one that is behind most false negatives comes first."""
    notes: tuple[str, ...]
    """What a reader must know, in words."""


def failures_of(
    sample: Sample,
    *,
    keys: Sequence[str],
    scores: Mapping[str, Sequence[float | None]],
    thresholds: Mapping[str, float],
    decides: Mapping[str, bool] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Failures:
    """Take the judge's errors apart by criterion.

    Args:
        sample: The judged population with its audit.
        keys: One per item that came in, N in all.
        scores: Criterion to one score per item that came in; None (or NaN) where it was not answered.
        thresholds: Criterion to the score from which on it is passed, of the same criteria.
        decides: Criterion to whether failing it rejects; None: all do.
        level: Of all intervals, between 0 and 1.
        seed: Of the bootstrap.

    Raises:
        ValueError: A length is wrong, a score is infinite, or a criterion has no threshold.
    """
    check_level(level)
    cells = confusion_items_of(sample, keys)
    scored = CriterionTable(
        sample=sample,
        keys=tuple(keys[row] for row in sample.rows.tolist()),
        names=tuple(scores),
        table=_table(sample, keys, scores, thresholds),
        thresholds=np.array([thresholds[name] for name in scores], dtype=float),
        decides=np.array([(decides or {}).get(name, True) for name in scores], dtype=bool),
    )
    caught = caught_by(scored, level=level)
    return Failures(
        items=cells,
        criteria=criterion_scores(scored, caught, level=level, seed=seed),
        caught=caught,
        raised=raised_thresholds(scored, level=level),
        wrong_rejections=wrong_rejections(scored, level=level),
        notes=_notes(scored, cells),
    )


def confusion_items_of(sample: Sample, keys: Sequence[str]) -> ConfusionItems:
    """Name the answered items of each cell.

    Raises:
        ValueError: There is not one key for each item that the sample decided.
    """
    if len(keys) <= sample.rows.max(initial=-1):
        raise ValueError(
            f"`keys` wants one for each item of the population, got {len(keys)} keys and an item in "
            f"row {int(sample.rows.max())}"
        )

    def named(inside: Bools) -> tuple[str, ...]:
        return tuple(keys[row] for row in sample.rows[inside & sample.answered].tolist())

    yes, good = sample.approved, sample.suitable
    return ConfusionItems(
        true_positives=named(yes & good),
        false_positives=named(yes & ~good),
        false_negatives=named(~yes & good),
        true_negatives=named(~yes & ~good),
    )


def _table(
    sample: Sample,
    keys: Sequence[str],
    scores: Mapping[str, Sequence[float | None]],
    thresholds: Mapping[str, float],
) -> Floats:
    """Scores of decided items, shape (N, criteria); NaN where there is none."""
    columns = []
    for name, values in scores.items():
        if len(values) != len(keys):
            raise ValueError(
                f"scores of {name!r} want one value for each of {len(keys)} keys, got {len(values)}"
            )
        if name not in thresholds or not np.isfinite(thresholds[name]):
            raise ValueError(
                f"criterion {name!r} wants a finite threshold, got {thresholds.get(name)!r}"
            )
        columns.append(as_floats(values)[sample.rows])
        if np.isinf(columns[-1]).any():
            raise ValueError(f"scores of {name!r} must be finite or None, got an infinite one")
    if not columns:
        return np.empty((sample.rows.size, 0))
    table: Floats = np.stack(columns, axis=1)
    return table


def _notes(scored: CriterionTable, cells: ConfusionItems) -> tuple[str, ...]:
    notes = []
    if not cells.true_positives and not cells.false_positives:
        notes.append("No approval was audited: no false positive can be named.")
    if not cells.true_negatives and not cells.false_negatives:
        notes.append("No rejection was audited: no false negative can be named.")
    rejections = np.flatnonzero(~scored.sample.approved & scored.sample.answered)
    passed_all = int((~failed_criteria(scored, rejections).any(axis=1)).sum())
    if scored.names and passed_all:
        notes.append(
            f"{passed_all} answered rejections fail no criterion: a failure mode that blocks rejected "
            "them, or the rubric has changed since."
        )
    return tuple(notes)

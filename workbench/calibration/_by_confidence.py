"""What the judge's confidence is good for, with one split of the labels into choosing and reporting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.calibration._sample import Bools, Floats, Sample
from workbench.calibration.confidence.reliability import Reliability, reliability
from workbench.calibration.confidence.scores import (
    FEWEST_LABELS,
    ScoreCalibration,
    calibrate_scores,
)
from workbench.calibration.confidence.selective import RiskCoverage, risk_coverage
from workbench.calibration.confidence.thresholds import (
    Threshold,
    Thresholds,
    approves,
    choose_threshold,
    choose_thresholds,
)
from workbench.calibration.rates.estimates import rates_of
from workbench.metrics.estimate import Estimate, undefined

_GRID_STEPS = 50  # thresholds tried: quantiles of the judged items' confidence
_START = 100, 300  # labels at which the sequence of thresholds begins, where there are enough
_VECTORS = 512  # of one threshold per criterion, at most: each more asks more of the first
ISOTONIC_FROM = 200
"""Labels to fit to from which a map of scores may have any rising shape; fewer fit Platt's line."""


def held_out_of(sample: Sample, share: float, seed: int) -> Bools:
    """Choose `share` of the items (of the clusters, where there are any), shape (N,)."""
    units = np.arange(sample.approved.size) if sample.clusters is None else sample.clusters
    luck = np.random.default_rng(seed).random(int(units.max(initial=0)) + 1)
    chosen: Bools = luck[units] < share
    return chosen


def threshold_of(
    sample: Sample,
    scores: Floats,
    *,
    kept: Bools,
    promise: float,
    failure_probability: float,
    level: float,
    seed: int,
) -> Threshold | None:
    """Choose a threshold by the answered items that are not `kept`, shape (N,), and report it on those.

    None where no answered item has a confidence.
    """
    scored = ~np.isnan(scores)
    usable = sample.answered & scored
    if not usable.any():
        return None
    reporting, choosing = usable & kept, usable & ~kept
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
        return replace(chosen, reason=f"{chosen.reason}{_split(usable, choosing, reporting)}")
    return replace(
        chosen,
        approved_share=float((scores[scored] >= chosen.value).mean()),
        held_out=_precision_at(sample, scores >= chosen.value, reporting, level=level),
    )


def joint_threshold_of(
    sample: Sample,
    scores: Mapping[str, Floats],
    *,
    kept: Bools,
    promise: float,
    failure_probability: float,
    level: float,
    seed: int,
) -> Thresholds | None:
    """Choose one threshold per criterion, each with scores (N,), by the items that are not `kept`.

    Items that lack a score of one are left out. None where no answered item has all of them.
    """
    table = np.stack(list(scores.values()))  # (criteria, N)
    scored = ~np.isnan(table).any(axis=0)
    usable = sample.answered & scored
    reporting, choosing = usable & kept, usable & ~kept
    if not choosing.any():
        return None
    steps = max(2, int(_VECTORS ** (1 / len(table)) + 1e-9))
    everyone = table[:, scored]
    grid = {
        name: sorted(
            set(np.quantile(row, np.arange(steps) / steps, method="lower").tolist()), reverse=True
        )
        for name, row in zip(scores, everyone, strict=True)
    }
    chosen = choose_thresholds(
        dict(zip(scores, table[:, choosing], strict=True)),
        sample.suitable[choosing],
        grid=grid,
        promise=promise,
        failure_probability=failure_probability,
        population=dict(zip(scores, everyone, strict=True)),
        keep_probability=sample.inclusion[choosing],
        groups=None if sample.clusters is None else sample.clusters[choosing],
        seed=seed,
    )
    if chosen.values is None:
        return replace(chosen, reason=f"{chosen.reason}{_split(usable, choosing, reporting)}")
    above = approves(table, chosen.values)  # NaN is never at or above
    return replace(chosen, held_out=_precision_at(sample, above, reporting, level=level))


def score_calibration_of(
    sample: Sample, scores: Floats, *, kept: Bools, level: float, seed: int
) -> ScoreCalibration | str:
    """Fit a map on the labels that are not `kept` and assess it on those; a sentence where they are too few.

    The sentence is empty where there is no label at all.
    """
    usable = sample.answered & ~np.isnan(scores)
    if not usable.any():
        return ""
    fitting = int((usable & ~kept).sum())
    if fitting < FEWEST_LABELS or not (usable & kept).any():
        return (
            f"What a confidence is worth cannot be said yet: that takes {FEWEST_LABELS} answers to learn from and "
            f"some to check by. Of {int(usable.sum())} answered items that have a confidence, {fitting} "
            f"{'is' if fitting == 1 else 'are'} there to learn from: answer more items."
        )
    return calibrate_scores(
        scores[usable],
        sample.suitable[usable],
        held_out=kept[usable],
        weights=sample.weights[usable],
        groups=None if sample.clusters is None else sample.clusters[usable],
        method="isotonic" if fitting >= ISOTONIC_FROM else "platt",
        level=level,
        seed=seed,
    )


def reliability_of(sample: Sample, scores: Floats, *, level: float, seed: int) -> Reliability:
    """Compare the confidences of all answered items with their answers."""
    return reliability(**_labelled(sample, scores), level=level, seed=seed)


def risk_coverage_of(sample: Sample, scores: Floats, *, level: float, seed: int) -> RiskCoverage:
    """Risk against coverage over all answered items."""
    return risk_coverage(**_labelled(sample, scores), level=level, seed=seed)


def _labelled(sample: Sample, scores: Floats) -> dict[str, Any]:
    """The answered items with a confidence, by the names of what `reliability` and `risk_coverage` take."""
    part, everyone = _scored(sample, scores)
    asked = part.answered
    return {
        "confidence": everyone[asked],
        "suitable": part.suitable[asked],
        "weights": part.weights[asked],
        "population": everyone,
        "groups": None if part.clusters is None else part.clusters[asked],
    }


def _scored(sample: Sample, scores: Floats) -> tuple[Sample, Floats]:
    """Items with a confidence, as a population, and their confidences."""
    there = ~np.isnan(scores)
    return sample.subset(there), scores[there]


def _split(usable: Bools, choosing: Bools, reporting: Bools) -> str:
    return (
        f"; of {int(usable.sum())} answered items with a confidence, {int(choosing.sum())} were "
        f"there to choose by and {int(reporting.sum())} were kept to check the choice"
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


def _precision_at(sample: Sample, above: Bools, reporting: Bools, *, level: float) -> Estimate:
    """Share of suitable items above the threshold, from labels that took no part in choosing it."""
    drawn = np.where(reporting, sample.inclusion, np.nan)
    part = replace(sample, answered=reporting, inclusion=drawn).subset(above)
    if not part.answered.any():
        return undefined("no held-out label lies above the threshold", method="none", level=level)
    as_approved = replace(part, approved=np.ones(part.approved.size, dtype=bool))
    return rates_of(as_approved, level=level).precision

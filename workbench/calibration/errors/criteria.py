"""Which criterion is behind the judge's errors, and what a higher threshold on it would do.

Nothing is fitted here, and what is chosen on these labels, such as the best threshold to raise,
looks better on them than it will on others: test a change on labels that did not suggest it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.calibration._sample import Bools, Codes, Floats, Sample
from workbench.calibration.confidence.reliability import auroc
from workbench.calibration.errors._weighted import labelled_part, more_often, weighted_share
from workbench.calibration.exact_tests import benjamini_hochberg
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.resampling import bootstrap, sums_by_group

_GRID_STEPS = 20  # raised thresholds tried per criterion: quantiles of the approvals' scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CriterionTable:
    """An audited population with the judge's score on every criterion."""

    sample: Sample
    keys: tuple[str, ...]
    """Length N, one per decided item."""
    names: tuple[str, ...]
    """The criteria, C in all."""
    table: Floats
    """Shape (N, C); NaN where the criterion was not answered."""
    thresholds: Floats
    """Shape (C,): passed from here on."""
    decides: Bools
    """Shape (C,): whether failing it rejects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionScores:
    """How one criterion scores the approvals that were right and those that were not."""

    criterion: str
    in_true_positives: Estimate
    """Mean score, on the criterion's scale (weighted; bootstrap)."""
    in_false_positives: Estimate
    separation: Estimate
    """Chance that a suitable approval scores higher than an unsuitable one (DeLong); .5 says nothing."""
    lowest_in: int
    """False positives in which it has the least room above its threshold, in points of its scale."""
    best_for: int
    """False positives that it would have caught at the least cost of all criteria; see `Caught`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """One false positive, and which criterion would have caught it."""

    key: str
    lowest: str | None
    """The criterion with the least room above its threshold; None where none has a score."""
    by: str | None
    """The criterion whose threshold, raised just over this item's score, rejects the smallest share of
    true positives with it; None where the item has the highest score of all approvals throughout."""
    threshold: float | None
    """That threshold: the next higher score of an approval, on the criterion's scale."""
    lost: Estimate
    """Share of true positives that it would reject, too (Clopper–Pearson)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedThreshold:
    """What a higher threshold on one criterion would do to the approvals."""

    criterion: str
    threshold: float
    """On the criterion's scale; approvals that score below it would be rejected."""
    removed: Estimate
    """Share of false positives that it rejects (Clopper–Pearson, as all here)."""
    lost: Estimate
    """Share of true positives that it rejects."""
    unsuitable: Estimate
    """Share of the approvals it rejects that are unsuitable."""
    precision: Estimate
    """Share of the approvals it keeps that are suitable."""
    p_value: float | None
    """One-sided Fisher test that what it rejects is unsuitable no more often than what it keeps."""
    q_value: float | None
    """`p_value` after Benjamini and Hochberg over all pairs tried."""

    @property
    def per_lost(self) -> float | None:
        """False positives removed for each true positive lost; None where none of those seen is lost."""
        return _odds(self.unsuitable.value)

    @property
    def per_lost_low(self) -> float | None:
        """Lower bound of `per_lost`, mapped from the exact one of `unsuitable`: what the ranking uses."""
        return _odds(self.unsuitable.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongRejections:
    """A criterion that decides, and the rejections that it is behind."""

    criterion: str
    rejects: int
    """Answered rejections below its threshold."""
    alone: int
    """Those that no other criterion rejects."""
    suitable: Estimate
    """Share of `rejects` that are suitable (Clopper–Pearson, as all here)."""
    suitable_alone: Estimate
    """Share of `alone` that are suitable: what would come back without this criterion."""
    behind: Estimate
    """Share of all false negatives that it rejects."""
    keys: tuple[str, ...]
    """False negatives that it alone rejects."""
    p_value: float | None
    """One-sided Fisher test that what it alone rejects is suitable no more often than other rejections."""
    q_value: float | None
    """`p_value` after Benjamini and Hochberg over the criteria."""


def _odds(share: float | None) -> float | None:
    return None if share is None or share >= 1 else share / (1 - share)


def caught_by(scored: CriterionTable, *, level: float) -> tuple[Caught, ...]:
    """Find, for each answered false positive, the cheapest threshold over its score."""
    sample, table = scored.sample, scored.table
    places, weights, clusters = labelled_part(sample, sample.approved)
    good = sample.suitable[places]
    right, mass = table[places][good], weights[good]  # of true positives
    kept = None if clusters is None else clusters[good]
    wrong = places[~good]
    steps = np.full((wrong.size, len(scored.names)), np.nan)  # each item's next higher threshold
    cost = np.full(steps.shape, np.inf)  # true positives below it, weighted
    for i in range(len(scored.names)):
        own = table[wrong, i]
        ladder = _points(table[sample.approved, i])
        place = np.searchsorted(ladder, own, side="right")
        there = (place < ladder.size) & ~np.isnan(own)
        steps[there, i] = ladder[place[there]]
        known = ~np.isnan(right[:, i])
        order = np.argsort(right[known, i], kind="stable")
        below = np.append(0.0, np.cumsum(mass[known][order]))
        cost[there, i] = below[np.searchsorted(right[known, i][order], own[there], side="right")]
    found = []
    for row, place in enumerate(wrong.tolist()):
        room = table[place] - scored.thresholds
        best = int(np.argmin(cost[row])) if np.isfinite(cost[row]).any() else None
        found.append(
            Caught(
                key=scored.keys[place],
                lowest=None if np.isnan(room).all() else scored.names[int(np.nanargmin(room))],
                by=None if best is None else scored.names[best],
                threshold=None if best is None else float(steps[row, best]),
                lost=undefined(
                    "no criterion scores it below another approval", method="none", level=level
                )
                if best is None
                else weighted_share(
                    right[:, best] < steps[row, best],
                    mass,
                    kept,
                    empty="no audited approval was suitable",
                    level=level,
                ),
            )
        )
    return tuple(found)


def criterion_scores(
    scored: CriterionTable, caught: Sequence[Caught], *, level: float, seed: int
) -> tuple[CriterionScores, ...]:
    """Compare each criterion's scores among right and wrong approvals; `caught` is `caught_by`'s."""
    places, weights, clusters = labelled_part(scored.sample, scored.sample.approved)
    good = scored.sample.suitable[places]

    def mean(values: Floats, rows: Bools) -> Estimate:
        sums = np.stack([weights[rows] * values[rows], weights[rows]], axis=1)
        return bootstrap(
            sums_by_group(sums, None if clusters is None else clusters[rows]),
            lambda s: s[:, 0] / np.where(s[:, 1] > 0, s[:, 1], np.nan),
            n=int(rows.sum()),
            level=level,
            resamples=1000,
            seed=seed,
            clustered=clusters is not None,
        )

    found = []
    for i, name in enumerate(scored.names):
        values = scored.table[places, i]
        known = ~np.isnan(values)
        found.append(
            CriterionScores(
                criterion=name,
                in_true_positives=mean(values, good & known),
                in_false_positives=mean(values, ~good & known),
                separation=auroc(
                    values[known],
                    good[known],
                    weights=weights[known],
                    groups=None if clusters is None else clusters[known],
                    level=level,
                )
                if known.any()
                else undefined("no audited approval has a score", method="none", level=level),
                lowest_in=sum(one.lowest == name for one in caught),
                best_for=sum(one.by == name for one in caught),
            )
        )
    return tuple(found)


def raised_thresholds(scored: CriterionTable, *, level: float) -> tuple[RaisedThreshold, ...]:
    """Try higher thresholds on every criterion, best first: by the lower bound of `per_lost`."""
    sample = scored.sample
    places, weights, clusters = labelled_part(sample, sample.approved)
    bad = ~sample.suitable[places]

    def share(hits: Bools, of: Bools, empty: str) -> Estimate:
        kept = None if clusters is None else clusters[of]
        return weighted_share(hits[of], weights[of], kept, empty=empty, level=level)

    found = []
    for i, name in enumerate(scored.names):
        for threshold in _grid(scored.table[sample.approved, i]):
            out = scored.table[places, i] < threshold  # False without a score: it cannot reject
            if not out.any():
                continue
            found.append(
                RaisedThreshold(
                    criterion=name,
                    threshold=threshold,
                    removed=share(out, bad, "no audited approval was unsuitable"),
                    lost=share(out, ~bad, "no audited approval was suitable"),
                    unsuitable=share(bad, out, "it rejects no audited approval"),
                    precision=share(~bad, ~out, "it rejects every audited approval"),
                    p_value=more_often(bad, out, weights, clusters),
                    q_value=None,
                )
            )
    adjusted = benjamini_hochberg([one.p_value for one in found])
    marked = [replace(one, q_value=q) for one, q in zip(found, adjusted, strict=True)]
    return tuple(sorted(marked, key=lambda one: (-(one.unsuitable.low or 0), one.lost.value or 0)))


def wrong_rejections(scored: CriterionTable, *, level: float) -> tuple[WrongRejections, ...]:
    """Count which criteria reject suitable items; the one behind most false negatives comes first."""
    places, weights, clusters = labelled_part(scored.sample, ~scored.sample.approved)
    good = scored.sample.suitable[places]
    failed = failed_criteria(scored, places)
    count = failed.sum(axis=1)

    def share(hits: Bools, of: Bools, empty: str) -> Estimate:
        kept = None if clusters is None else clusters[of]
        return weighted_share(hits[of], weights[of], kept, empty=empty, level=level)

    found = []
    for i in np.flatnonzero(scored.decides).tolist():
        own, alone = failed[:, i], failed[:, i] & (count == 1)
        found.append(
            WrongRejections(
                criterion=scored.names[i],
                rejects=int(own.sum()),
                alone=int(alone.sum()),
                suitable=share(good, own, "it rejects no audited item"),
                suitable_alone=share(good, alone, "it alone rejects no audited item"),
                behind=share(own, good, "no audited rejection was suitable"),
                keys=tuple(scored.keys[place] for place in places[alone & good].tolist()),
                p_value=more_often(good, alone, weights, clusters),
                q_value=None,
            )
        )
    adjusted = benjamini_hochberg([one.p_value for one in found])
    marked = [replace(one, q_value=q) for one, q in zip(found, adjusted, strict=True)]
    return tuple(sorted(marked, key=lambda one: (-(one.behind.value or 0), one.criterion)))


def failed_criteria(scored: CriterionTable, places: Codes) -> Bools:
    """Which deciding criteria the items at `places`, shape (n,), fail: (n, C); False without a score."""
    failed: Bools = (scored.table[places] < scored.thresholds) & scored.decides
    return failed


def _points(scores: Floats) -> Floats:
    """Distinct known scores, ascending."""
    points: Floats = np.unique(scores[~np.isnan(scores)])
    return points


def _grid(scores: Floats) -> list[float]:
    """Thresholds to try: of judged approvals, no answer looked at. The lowest score rejects nothing."""
    points = _points(scores)
    if points.size > _GRID_STEPS:
        steps = np.linspace(0, 1, _GRID_STEPS + 1)
        known = scores[~np.isnan(scores)]
        grid = np.unique(np.quantile(known, steps, method="higher"))
    else:
        grid = points
    return [float(t) for t in grid if t > points[0]]

"""What refusing the least sure buys: risk against coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.calibration._draws import times_drawn
from workbench.calibration._sample import Floats
from workbench.calibration.confidence._scored import Scored, read_scored
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.resampling import group_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """What approving from one confidence on would mean."""

    threshold: float
    """Least confidence that is approved."""
    coverage: float
    """Share of all items at or above it, over 0 and up to 1."""
    risk: Estimate
    """Share of those that are unsuitable, with Clopper–Pearson's interval: of this point alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """Selective risk against coverage, from the surest items to all."""

    points: tuple[RiskPoint, ...]
    """From high to low threshold; the last one covers everything that was answered."""
    area: Estimate
    """Area under the curve (AURC): mean risk over all coverages, 0 to 1, lower is better."""
    constant: Estimate
    """What a judge whose confidence tells nothing would have: the risk of approving everything."""


def risk_coverage(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    population: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    points: int = 20,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> RiskCoverage:
    """Measure the share of unsuitable items among the surest ones, for every share of items kept.

    The area takes each item at the risk of its own confidence, items of equal confidence together.

    Args:
        confidence: Shape (n,), 0 to 1, of the labelled items.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        weights: Shape (n,), items that each label stands for (1 / inclusion probability); None: equal.
        population: Shape (N,), confidences of all judged items, which say what a threshold covers;
            None: the labelled ones do, by their weights.
        groups: Shape (n,), labels of items that belong together; None: independent.
        points: At most this many points, at about equal steps of coverage; the area takes all.
        level: Between 0 and 1.
        resamples: Of the bootstrap for the area.
        seed: Of the bootstrap.

    Raises:
        ValueError: A shape or range is wrong.

    Source: El-Yaniv & Wiener 2010, JMLR 11:1605; Geifman & El-Yaniv 2017, arXiv:1705.08500 (the curve);
    Geifman, Uziel & El-Yaniv 2019, arXiv:1805.08206 (its area).
    """
    check_level(level)
    if points < 1 or resamples < 1:
        raise ValueError(f"want one or more, got {points=}, {resamples=}")
    labels = read_scored(confidence, suitable, weights=weights, groups=groups)
    everyone = labels.scores if population is None else np.asarray(population, dtype=float)
    if not np.all((everyone >= 0) & (everyone <= 1)):
        raise ValueError("`population` must lie between 0 and 1; leave out items without one")
    if labels.scores.size == 0:
        nothing = undefined("no item with a confidence was answered", method="none", level=level)
        return RiskCoverage(points=(), area=nothing, constant=nothing)
    mass = labels.mass if population is None else np.ones(everyone.size)
    order = np.argsort(everyone)
    reached = np.cumsum(mass[order][::-1])[::-1] / mass.sum()  # share at or above each, ascending
    thresholds = np.unique(labels.scores)[::-1]
    places = np.searchsorted(everyone[order], thresholds, side="left")
    covered = np.append(reached, 0.0)[places]
    chosen = sorted({int(np.argmin(abs(covered - k / points))) for k in range(1, points + 1)})
    chosen = sorted({*chosen, thresholds.size - 1})
    return RiskCoverage(
        points=tuple(
            RiskPoint(
                threshold=float(thresholds[i]),
                coverage=float(covered[i]),
                risk=labels.share(
                    labels.scores >= thresholds[i],
                    level=level,
                    of=False,
                    empty="nothing is covered",
                ),
            )
            for i in chosen
            if covered[i] > 0
        ),
        area=_area(labels, level=level, resamples=resamples, seed=seed),
        constant=labels.share(
            np.ones(labels.scores.size, dtype=bool), level=level, of=False, empty=""
        ),
    )


def _area(labels: Scored, *, level: float, resamples: int, seed: int) -> Estimate:
    """Mean over the items of the risk at their own confidence, with a percentile bootstrap of the groups."""
    n = labels.scores.size
    thresholds, place = np.unique(-labels.scores, return_inverse=True)  # surest first
    count = thresholds.size

    def area(times: Floats) -> Floats:
        """Of weights (B, n): shape (B,)."""
        rows = np.arange(len(times))[:, None] * count + place
        kept = np.bincount(rows.ravel(), weights=times.ravel(), minlength=len(times) * count)
        bad = np.bincount(
            rows.ravel(), weights=(times * ~labels.hits).ravel(), minlength=len(times) * count
        )
        mass = kept.reshape(-1, count)
        covered = np.cumsum(mass, axis=1)
        lost = np.cumsum(bad.reshape(-1, count), axis=1)
        risk = np.divide(lost, covered, out=np.zeros_like(lost), where=covered > 0)
        found: Floats = (mass * risk).sum(axis=1) / covered[:, -1]
        return found

    value = float(area(labels.mass[None, :])[0])
    codes, groups = group_codes(labels.codes, n)
    words = (
        "items are independent" if labels.codes is None else f"{groups} clusters are independent"
    )
    same = labels.hits.all() or not labels.hits.any()
    if groups < 2 or same:
        reason = (
            "all answers agree: resampling cannot show how others would differ"
            if same
            else "only one cluster: how clusters differ is unknown"
        )
        return Estimate(
            value=value, low=None, high=None, level=level, method="bootstrap", n=n,
            assumptions=(words,), reason=f"no interval: {reason}",
        )  # fmt: skip
    drawn = [
        area(times * labels.mass)
        for times in times_drawn(codes, groups, resamples=resamples, seed=seed)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        level=level,
        method=f"bootstrap, {resamples} resamples",
        n=n,
        effective_n=float(groups),
        assumptions=(words,),
    )

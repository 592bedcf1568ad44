"""The three shares that every rate is made of, each with how much is known about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.calibration._sample import Floats, Sample
from workbench.metrics.estimate import Estimate
from workbench.metrics.intervals import Interval, clopper_pearson, student_factor, wilson

About = Literal["items like these", "these items"]
"""Whom a statement is about: the judge's work on items drawn like these, or this finished batch alone."""

NO_REJECTION = "not identifiable: no rejection was audited"
NO_APPROVAL = "not identifiable: no approval was audited"

FEW = 10  # (effective) successes or failures below which formulas take the exact interval
PRIOR = 4.0  # rows at the overall share, as Agresti & Coull add: sparse cells hide their spread
_DOUBT = 2.0  # rarer answers that speak against a gain by strata: it shows in few of them by luck


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of a, p₁ and p₀, with how much is known about it."""

    value: float
    n: int = 0
    effective_n: float = math.inf
    """Independent rows that would tell as much; infinite where nothing is uncertain."""
    dof: int | None = None
    """Clusters − 1; None without clusters."""
    influence: Floats | None = None
    """Shape (clusters,): what each cluster adds to the estimate's error; None without clusters."""
    groups: float = 0.0
    """Kish's count of the clusters: what doubts about few of them never go below; 0 without clusters."""

    @property
    def few(self) -> bool:
        """Whether successes or failures are so few that formulas take the exact interval."""
        return min(self.value, 1 - self.value) * min(self.effective_n, 1e9) < FEW

    def interval(self, *, level: float, exact: bool) -> Interval:
        """Clopper–Pearson's interval of the effective counts if `exact`, else Wilson's."""
        if math.isinf(self.effective_n):
            return Interval(low=self.value, high=self.value)
        n = self.effective_n
        hits = min(self.value * n, n)
        if exact:
            n = self._surely(level)
            return clopper_pearson(min(self.value * n, n), n, level=level)
        return wilson(hits, n, level=level, dof=math.inf if self.dof is None else max(self.dof, 1))

    def _surely(self, level: float) -> float:
        """Effective rows less what few clusters leave unsure of them."""
        if self.influence is None:
            return self.effective_n
        # Clusters without an answer of this verdict add nothing, and show no spread either.
        factor = student_factor(self.influence[self.influence != 0], (1 - level) / 2)
        return max(self.effective_n * factor, min(self.effective_n, self.groups))

    def estimate(self, *, level: float, exact: bool, words: tuple[str, ...]) -> Estimate:
        """Return it as it is shown."""
        known = math.isinf(self.effective_n)
        interval = self.interval(level=level, exact=exact)
        name = "Clopper–Pearson" if exact else "Wilson"
        plain = self.dof is None and abs(self.effective_n - self.n) < 1e-6 * self.n
        return Estimate(
            value=self.value, low=interval.low, high=interval.high, level=level,
            method="counted" if known else name if plain else f"{name}, effective counts",
            n=self.n, assumptions=words,
            effective_n=None if known else self._surely(level) if exact else self.effective_n,
        )  # fmt: skip


def limits_of(shares: Sequence[Share], *, level: float) -> list[tuple[float, float]]:
    """Limits of each share as formulas take them: exact ones where little was seen."""
    found = [share.interval(level=level, exact=share.few) for share in shares]
    return [(one.low, one.high) for one in found]


def share_of(sample: Sample, *, approved: bool, about: About) -> Share | str:
    """Return the share of suitable items among approvals or rejections; a sentence where it cannot be known."""
    inside = sample.approved == approved
    if not inside.any():
        return "the judge approved nothing" if approved else "the judge rejected nothing"
    part = sample.subset(inside)
    labelled = part.answered
    n = int(labelled.sum())
    if n == 0:
        return NO_APPROVAL if approved else NO_REJECTION
    weights, suitable = part.weights[labelled], part.suitable[labelled]
    total = float(weights.sum())
    k = int(suitable.sum())
    # Rounding must not move an edge.
    p = float(k > 0) if k in (0, n) else float((weights * suitable).sum() / total)
    if part.clusters is None or sample.clusters is None or about == "these items":
        effective_n = _effective_n(part, weights, p, about=about)
        if abs(effective_n - n) < 1e-9 * n:  # rounding: a plain sample counts as it is
            effective_n = float(n)
        return Share(value=p, n=n, effective_n=effective_n)
    _, clusters = np.unique(part.clusters[labelled], return_inverse=True)
    dof = int(clusters.max())
    if n == 1:
        one = "approval" if approved else "rejection"
        return (
            f"not identifiable: only one {one} was answered, which cannot show how clusters differ"
        )
    if dof == 0:
        return "not identifiable: all audited items of this verdict belong to one cluster"
    errors = weights * (suitable - p) / total
    influence: Floats = np.bincount(
        sample.clusters[inside][labelled], weights=errors, minlength=int(sample.clusters.max()) + 1
    ).astype(float)
    variance = (dof + 1) / dof * float((influence**2).sum())
    kish = total**2 / float((np.bincount(clusters, weights=weights) ** 2).sum())
    effective_n = min(float(n), p * (1 - p) / variance) if variance > 0 else kish
    return Share(value=p, n=n, effective_n=effective_n, dof=dof, influence=influence, groups=kish)


def _effective_n(part: Sample, weights: Floats, p: float, *, about: About) -> float:
    """Independent rows that tell as much as these stratified ones; infinite where all were audited."""
    labelled = part.answered
    size, n = part.approved.size, int(labelled.sum())
    whole = about == "these items"
    if p in (0.0, 1.0):
        kish = float(weights.sum()) ** 2 / float((weights**2).sum())
        unseen = 1 - n / size if whole else 1.0
        return kish / unseen if unseen > 0 else math.inf
    codes, cell = np.unique(part.cells[labelled], return_inverse=True)
    sizes = np.bincount(part.cells)[codes]
    counts = np.bincount(cell)
    mass, squares = np.bincount(cell, weights=weights), np.bincount(cell, weights=weights**2)
    hits = np.bincount(cell, weights=weights * part.suitable[labelled]) / mass * counts
    steady = (hits + PRIOR * p) / (counts + PRIOR)
    # Of each cell's share its weight in the variance, drawn without replacement.
    each = (mass / weights.sum()) ** 2 * (1 - counts / sizes) * squares / mass**2
    variance, alike = float((each * steady * (1 - steady)).sum()), float(each.sum()) * p * (1 - p)
    kish = float(weights.sum()) ** 2 / float((weights**2).sum())
    variance = doubted(variance, alike, rarer=min(p, 1 - p) * kish)
    if not whole:
        variance += p * (1 - p) / size
    return p * (1 - p) / variance if variance > 0 else math.inf


def doubted(variance: float, alike: float, *, rarer: float) -> float:
    """Variance under strata, where it looks smaller than `alike`, that of strata with one share.

    How much smaller is seen in the rarer answers alone. Where they are few, luck may have put them all
    into a small stratum: with an oversampled one, intervals that believe it cover 84% to 92%.
    """
    if variance >= alike:
        return variance
    return (rarer * variance + _DOUBT * alike) / (rarer + _DOUBT)


def approval_share(sample: Sample, *, about: About) -> Share:
    n = sample.approved.size
    a = float(sample.approved.mean())
    if about == "these items":
        return Share(value=a, n=n)
    if sample.clusters is None:
        return Share(value=a, n=n, effective_n=float(n))
    sizes = np.bincount(sample.clusters).astype(float)
    kish = n**2 / float((sizes**2).sum())
    if a in (0.0, 1.0):  # no spread to see: what Kish's design effect leaves of the rows
        return Share(value=a, n=n, effective_n=kish)
    influence: Floats = np.bincount(sample.clusters, weights=(sample.approved - a) / n).astype(
        float
    )
    count = influence.size
    variance = count / max(count - 1, 1) * float((influence**2).sum())
    effective_n = min(float(n), a * (1 - a) / variance) if variance > 0 else float(n)
    return Share(
        value=a, n=n, effective_n=effective_n, dof=count - 1, influence=influence, groups=kish
    )

"""Prediction-powered inference: labels of a few items, and the judge's confidence on all of them.

A share among n labelled of N judged items is estimated as the labels' mean plus λ times the distance
between the mean confidence of the items without a label and of those with one. λ = 0 is the labels
alone. λ is tuned to the variance and kept between 0 and 1, so a confidence that says nothing, or the
reverse of the truth, leaves the labels' estimate. What the judge's confidence says about the labels
decides how much is gained: with r² of their variance explained, r²·(1 − n/N) of it goes away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Bools, Floats, Sample, as_floats, read_sample
from workbench.calibration.rates._shares import About, Share, share_of
from workbench.calibration.rates.estimates import Rates, rates_of
from workbench.metrics.estimate import Estimate, check_level

FEW_LABELS = 50
"""Labels below which the estimate says that PPI++ wants more."""
TUNE_FROM = 20
"""Labels of a verdict below which λ stays 0: a slope through fewer is luck."""
_PRIOR = 4.0  # labels at "nothing is explained", added to the residuals' variance


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How far the confidence was used in one share, and what that gained."""

    lam: float
    """λ, 0 to 1: the weight given to the confidence; 0 is the labels alone."""
    explained: float
    """Share of the labels' variance that the confidence explains, r², 0 to 1; within strata."""
    labels: int
    """Labels that λ was tuned on."""
    worth: float
    """Variance of the labels-only share over that of this one: labels are worth so many each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PPIMean:
    """A mean by prediction-powered inference as published, with a normal interval."""

    estimate: Estimate
    lam: float
    """λ, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PPIRates:
    """The rates of `Rates` with the judge's confidence on unlabelled items used in both shares."""

    rates: Rates
    approvals: Tuning | None
    """Of the share of suitable approvals; None where it is not identifiable."""
    rejections: Tuning | None
    """Of the share of suitable rejections; None where it is not identifiable."""


def ppi_mean(
    answer: npt.ArrayLike,
    prediction: npt.ArrayLike,
    rest: npt.ArrayLike,
    *,
    level: float = 0.95,
    lam: float | None = None,
) -> PPIMean:
    """Estimate a mean from few labels and many predictions, as published; labels drawn uniformly.

    The interval is normal: near 0 and 1, and below some 50 labels, it is too narrow for a share.
    `ppi_rates` is the one for judges: it knows the audit's design, and its interval holds there.

    Args:
        answer: Shape (n,), labels: any numbers, or 0 and 1. n is at least 2.
        prediction: Shape (n,), the predictions for the labelled items.
        rest: Shape (N,), the predictions for the others. N is at least 2.
        level: Between 0 and 1.
        lam: λ, 0 to 1; None tunes it.

    Raises:
        ValueError: A shape or range is wrong, or a number is missing.

    Source: Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453 (the mean, with power tuning).
    """
    check_level(level)
    _check_lam(lam)
    y, f, g = (np.asarray(one, dtype=float) for one in (answer, prediction, rest))
    if y.ndim != 1 or y.shape != f.shape or g.ndim != 1 or y.size < 2 or g.size < 2:
        raise ValueError(
            "want labels and their predictions, shape (n,), and the other predictions, shape (N,), with "
            f"n and N at least 2; got {y.shape}, {f.shape} and {g.shape}"
        )
    if not all(np.isfinite(one).all() for one in (y, f, g)):
        raise ValueError("labels and predictions are finite numbers; leave out items without one")
    n, others = y.size, g.size
    if lam is None:
        spread = float(np.concatenate([f, g]).var(ddof=1)) * (1 + n / others)
        together = float(((y - y.mean()) * (f - f.mean())).mean())
        lam = min(1.0, max(0.0, together / spread)) if spread > 0 else 0.0
    left = y - lam * f
    value = float(left.mean() + lam * g.mean())
    z = float(special.ndtri((1 + level) / 2))
    half = z * math.sqrt(float(left.var()) / n + lam**2 * float(g.var()) / others)
    return PPIMean(
        lam=lam,
        estimate=Estimate(
            value=value, low=value - half, high=value + half, level=level, method=f"PPI++, λ = {lam:.2f}",
            n=n, assumptions=("labels were drawn at random, all alike", "items are independent", *_few(n)),
        ),
    )  # fmt: skip


def ppi_rates(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    confidence: Sequence[float | None],
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    about: About = "items like these",
    level: float = 0.95,
    lam: float | None = None,
) -> PPIRates:
    """Estimate what `rates` does, with the judge's confidence on the items that nobody labelled.

    Labels must be drawn at random, with the stated probabilities; below 50 of a verdict the estimate
    says that PPI++ wants more. The shares of suitable approvals and of suitable rejections are estimated by PPI++, each with its
    own λ, tuned over its strata; everything else follows from them as in `rates`. In a stratum whose
    items were drawn alike the share is the published one. Its interval is Wilson's at the effective
    count: the labels-only one, divided by the share of the variance that is left, which is taken a
    little larger than seen (as if four more labels had not been explained at all).

    Args:
        approved: Length N, the judge's verdicts on the whole population; None where it abstained.
        inclusion_probability: Length N, over 0 and up to 1; None where the item was not drawn.
        answer: Length N, people's answer; None where nobody was asked or nobody answered.
        confidence: Length N, the judge's, 0 to 1, that people approve; None where it gave none:
            such items take the mean of their verdict's.
        stratum: Length N, the audit's stratum of every item; None: one per verdict.
        cluster: Length N, items that belong together; None: independent.
        about: As in `rates`.
        level: Between 0 and 1.
        lam: λ, 0 to 1, of both shares; None tunes it, and leaves it 0 below 20 labels.

    Raises:
        ValueError: A shape or range is wrong.

    Source: Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453; Särndal, Swensson & Wretman 1992,
    chapter 6 (the same estimator under any known design: the regression estimator).
    """
    sample = read_sample(
        approved=approved,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
        cluster=cluster,
    )
    scores = read_confidence(confidence, sample, n=len(approved))
    return ppi_rates_of(sample, scores, about=about, level=level, lam=lam)


def ppi_rates_of(
    sample: Sample,
    scores: Floats,
    *,
    about: About = "items like these",
    level: float = 0.95,
    lam: float | None = None,
) -> PPIRates:
    """`ppi_rates` of a sample that was read already; scores have shape (N,), NaN where there is none."""
    _check_lam(lam)
    tunings: dict[bool, Tuning] = {}

    def share(sample: Sample, *, approved: bool, about: About) -> Share | str:
        found, tuning = ppi_share(sample, scores, approved=approved, about=about, lam=lam)
        if tuning is not None:
            tunings[approved] = tuning
        return found

    found = rates_of(sample, about=about, level=level, share=share)
    words = _words(sample, scores)
    named = {
        field.name: _named(getattr(found, field.name), words, tunings, of=field.name)
        for field in fields(Rates)
    }
    return PPIRates(
        rates=Rates(**named), approvals=tunings.get(True), rejections=tunings.get(False)
    )


def read_confidence(confidence: Sequence[float | None], sample: Sample, *, n: int) -> Floats:
    """Return confidences of the sample's items, shape (N,), NaN where there is none.

    Raises:
        ValueError: There is not one for each of the `n` verdicts, or one is not between 0 and 1.
    """
    if len(confidence) != n:
        raise ValueError(
            f"`confidence` wants one value for each of {n} verdicts, got {len(confidence)}"
        )
    scores = as_floats(confidence)
    wrong = np.flatnonzero(~np.isnan(scores) & ~((scores >= 0) & (scores <= 1)))
    if wrong.size:
        raise ValueError(
            "a confidence lies between 0 and 1 (None where there is none), "
            f"got {float(scores[wrong[0]])!r} in row {int(wrong[0])}"
        )
    return scores[sample.rows]


def ppi_share(
    sample: Sample, scores: Floats, *, approved: bool, about: About, lam: float | None = None
) -> tuple[Share | str, Tuning | None]:
    """Return the share of suitable items among approvals or rejections, with how λ came out."""
    plain = share_of(sample, approved=approved, about=about)
    if isinstance(plain, str):
        return plain, None
    inside = sample.approved == approved
    part, known = sample.subset(inside), scores[inside]
    scored = ~np.isnan(known)
    filled = np.where(scored, known, known[scored].mean() if scored.any() else 0.0)
    line = _Line.of(part, filled)
    slope = line.slope(lam)
    if slope == 0.0 or math.isinf(plain.effective_n):
        return plain, Tuning(lam=0.0, explained=line.explained, labels=plain.n, worth=1.0)
    value = min(1.0, max(0.0, plain.value + slope * line.distance))
    whole = about == "these items"
    influence = None
    if plain.influence is None or sample.clusters is None:
        left = line.left(slope)
    else:
        influence = plain.influence + line.influence(
            slope, part.weights, sample.clusters[inside], plain.influence.size
        )
        before, after = float((plain.influence**2).sum()), float((influence**2).sum())
        left = _steady(after, before, before or after, plain.dof or 1)
    # The draw's part of the variance shrinks to `left`; that of the items themselves stays.
    items = 0.0 if whole or influence is not None else 1 / part.approved.size
    effective_n = 1 / (left * max(1 / plain.effective_n - items, 0.0) + items)
    share = replace(plain, value=value, effective_n=effective_n, influence=influence)
    return share, Tuning(
        lam=min(1.0, round(slope * line.rest, 12)),
        explained=line.explained,
        labels=plain.n,
        worth=effective_n / plain.effective_n,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Line:
    """The labels of one verdict against their confidence, within cells."""

    labelled: Bools
    y: Floats
    """Shape (n,): labels less their cell's mean."""
    f: Floats
    """Shape (n,): confidences of the labelled items less their cell's labelled mean."""
    weights: Floats
    """Shape (n,): what each adds to the variance of the share, but for its square."""
    hits: int
    """Labels that say suitable."""
    explained: float
    """r² of labels and confidence within cells; 0 where one of them is constant or they run against each other."""
    covariance: float
    """Of labels and confidence, as it enters the variance of the share."""
    variance: float
    """Of the confidence, over all items of the cells."""
    distance: float
    """Mean confidence of all items less that of the labelled ones, cells weighted by their size."""
    rest: float
    """Share of the items that have no label, 0 to 1."""
    centred: Floats
    """Shape (N,): confidence of every item less its cell's mean, 0 in cells without a label."""

    @classmethod
    def of(cls, part: Sample, scores: Floats) -> _Line:
        labelled, weights = part.answered, part.weights[part.answered]
        cells, cell = np.unique(part.cells[labelled], return_inverse=True)
        place = np.searchsorted(cells, part.cells).clip(max=cells.size - 1)
        seen = cells[place] == part.cells
        place, everyone = place[seen], scores[seen]
        sizes, counts = np.bincount(place), np.bincount(cell)
        mass = np.bincount(cell, weights=weights)
        means = np.bincount(place, weights=everyone) / sizes
        ours = np.bincount(cell, weights=weights * scores[labelled]) / mass
        answers = np.bincount(cell, weights=weights * part.suitable[labelled]) / mass
        spread = np.bincount(place, weights=(everyone - means[place]) ** 2) / np.maximum(
            sizes - 1, 1
        )
        y, f = part.suitable[labelled] - answers[cell], scores[labelled] - ours[cell]
        # Of each cell's mean: its share of the whole squared, times what was not drawn, over its labels.
        squares = np.bincount(cell, weights=weights**2)
        worth = (mass / mass.sum()) ** 2 * (1 - counts / sizes) * squares / mass**2
        each = (worth / mass)[cell] * weights
        together = float((weights * y * f).sum())
        apart = float((weights * y**2).sum()) * float((weights * f**2).sum())
        centred = np.zeros(scores.size)
        centred[seen] = everyone - means[place]
        return cls(
            labelled=labelled,
            y=y,
            f=f,
            weights=each,
            hits=int(part.suitable[labelled].sum()),
            explained=min(1.0, together**2 / apart) if together > 0 and apart > 1e-18 else 0.0,
            covariance=float((each * y * f).sum()),
            variance=float((worth * spread).sum()),
            distance=float((mass / mass.sum() * (means - ours)).sum()),
            rest=1 - int(labelled.sum()) / part.approved.size,
            centred=centred,
        )

    @property
    def _flat(self) -> bool:
        """Whether the confidence does not vary but for rounding."""
        return float(np.abs(self.centred).max(initial=0.0)) < 1e-9 or not np.any(
            np.abs(self.f) > 1e-9
        )

    def slope(self, lam: float | None) -> float:
        """λ as the weight of `distance`; λ itself is that of the distance from the unlabelled items."""
        if self.rest <= 0 or self._flat:
            return 0.0
        if lam is not None:
            return lam / self.rest
        if self.y.size < TUNE_FROM or self.covariance <= 0 or self.variance <= 0:
            return 0.0
        return min(self.covariance / self.variance, 1 / self.rest)

    def left(self, slope: float) -> float:
        """Share of the labels' variance that is left, over 0."""
        before = float((self.weights * self.y**2).sum())
        after = float((self.weights * (self.y - slope * self.f) ** 2).sum())
        n = self.y.size
        hits = (self.hits + _PRIOR / 2) / (n + _PRIOR)
        return _steady(after, before, float(self.weights.sum()) * hits * (1 - hits), n)

    def influence(
        self, slope: float, weights: Floats, clusters: npt.NDArray[np.intp], count: int
    ) -> Floats:
        """Shape (count,): what the confidences add to each cluster's part of the error."""
        errors = self.centred.copy()
        errors[self.labelled] -= weights[self.labelled] * self.f
        found = np.bincount(clusters, weights=errors, minlength=count).astype(float)
        return slope * found / float(weights.sum())


def _steady(after: float, before: float, usual: float, n: int) -> float:
    """Ratio of two variances from n labels, with the label that the slope costs and `_PRIOR` unexplained ones."""
    if usual <= 0:  # all that was drawn is known
        return 1.0
    return (n * after * (n - 1) / max(n - 2, 1) + _PRIOR * usual) / (n * before + _PRIOR * usual)


def _check_lam(lam: float | None) -> None:
    if lam is not None and not 0 <= lam <= 1:
        raise ValueError(f"λ (`lam`) lies between 0 and 1, or is None to be tuned; got {lam!r}")


def _few(n: int) -> tuple[str, ...]:
    if n >= FEW_LABELS:
        return ()
    return (f"{n} labels are few: PPI++ wants about {FEW_LABELS} before its λ can be relied on",)


def _words(sample: Sample, scores: Floats) -> tuple[str, ...]:
    words = ["confidences were given before anyone answered"]
    missing = int(np.isnan(scores).sum())
    if missing:
        words.append(f"{missing} items without a confidence take the mean of their verdict's")
    return tuple(words)


def _named(
    estimate: Estimate, words: tuple[str, ...], tunings: dict[bool, Tuning], *, of: str
) -> Estimate:
    """Return the estimate as one by PPI++, where a share in it is."""
    sides = {"approval_rate": (), "precision": (True,), "missed": (False,)}.get(of, (True, False))
    used = [tunings[side] for side in sides if side in tunings]
    if estimate.value is None or not used:
        return estimate
    lams = " and ".join(f"{one.lam:.2f}" for one in used)
    few = _few(min(one.labels for one in used))
    return replace(
        estimate,
        method=f"PPI++, λ = {lams}: {estimate.method}",
        assumptions=(*estimate.assumptions, *words, *few),
    )

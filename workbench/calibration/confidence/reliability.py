"""Whether a confidence of .8 means eight in ten: reliability bins, ECE, Brier score, AUROC."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._draws import with_spread
from workbench.calibration._sample import Bools, Codes, Floats
from workbench.calibration.confidence._scored import Scored, read_scored
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import wilson
from workbench.metrics.resampling import bootstrap, group_codes, sums_by_group


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Items of about the same confidence."""

    low: float
    """Least confidence in the bin; bins are closed below, the last one above too."""
    high: float
    labels: int
    mean_confidence: float | None
    """Weighted, over the labelled items; None where the bin has none."""
    observed: Estimate
    """Share that is suitable by the answers, with Clopper–Pearson's interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """The judge's confidence against the answers."""

    bins: tuple[Bin, ...]
    """From low to high confidence, about equally many judged items in each."""
    ece: Estimate
    """Expected calibration error over these bins: mean distance of confidence and share, 0 to 1. Noise
    alone raises the value, the more the fewer labels; it is here because others report it. The interval
    reaches down to what is left when that noise is taken off, so a judge that is right may have 0."""
    calibration_error: Estimate
    """Root mean square of that distance with the noise taken off, 0 to 1 (Kumar et al. 2019)."""
    brier: Estimate
    """Mean squared distance of confidence and answer (1 or 0): 0 is perfect, .25 knows nothing."""
    auroc: Estimate
    """Chance that a suitable item has more confidence than an unsuitable one; ties count half."""


def reliability(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    population: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    bins: int = 10,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Reliability:
    """Compare confidences with the answers.

    Args:
        confidence: Shape (n,), 0 to 1, of the labelled items.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        weights: Shape (n,), items that each label stands for (1 / inclusion probability); None: equal.
        population: Shape (N,), confidences of all judged items, which set the bins; None: the labelled ones.
        groups: Shape (n,), labels of items that belong together; None: independent.
        bins: At most this many; fewer where there are less than ten labels to each.
        level: Between 0 and 1.
        resamples: Of the bootstrap for ECE and Brier.
        seed: Of the bootstrap.

    Raises:
        ValueError: A shape or range is wrong.

    Source: Niculescu-Mizil & Caruana 2005; Naeini et al. 2015 (ECE); Kumar, Liang & Ma 2019,
    arXiv:1909.10155, section 4.2 (noise taken off); DeLong et al. 1988, weighted, and
    Obuchowski 1997 (AUROC, clusters).
    """
    check_level(level)
    labels = read_scored(confidence, suitable, weights=weights, groups=groups)
    scores, hits, mass = labels.scores, labels.hits, labels.mass
    everyone = scores if population is None else np.asarray(population, dtype=float)
    if not np.all((everyone >= 0) & (everyone <= 1)):
        raise ValueError("`population` must lie between 0 and 1; leave out items without one")
    if bins < 1:
        raise ValueError(f"want at least one bin, got {bins=}")
    if scores.size == 0:
        nothing = undefined("no item with a confidence was answered", method="none", level=level)
        return Reliability(
            bins=(), ece=nothing, calibration_error=nothing, brier=nothing, auroc=nothing
        )
    edges = _edges(everyone, max(1, min(bins, scores.size // 10)))
    count = len(edges) - 1
    place = np.clip(np.searchsorted(edges[:-1], scores, side="right") - 1, 0, None)
    found = tuple(
        _bin(labels, float(edges[b]), float(edges[b + 1]), place == b, level) for b in range(count)
    )
    error = _debiased(labels, place, count, level=level, resamples=resamples, seed=seed)
    ece = _ece(labels, place, count, error, level=level, resamples=resamples, seed=seed)
    brier = bootstrap(
        sums_by_group(np.stack([mass * (scores - hits) ** 2, mass], axis=1), groups),
        lambda s: s[:, 0] / s[:, 1],
        n=scores.size, level=level, resamples=resamples, seed=seed, clustered=groups is not None,
    )  # fmt: skip
    same = all(one.observed.value in (None, 0.0, 1.0) for one in found)
    return Reliability(
        bins=found,
        ece=_with_spread(ece, same=same),
        calibration_error=_with_spread(error, same=same),
        brier=_with_spread(brier, same=same),
        auroc=auroc(scores, hits, weights=mass, groups=groups, level=level),
    )


def _with_spread(estimate: Estimate, *, same: bool) -> Estimate:
    """Take the interval away where resampling has no spread to show; `same`: each bin holds one answer."""
    if not same or estimate.low is None:
        return with_spread(estimate)
    reason = "within each bin all answers agree: resampling cannot show how others would differ"
    return replace(estimate, low=None, high=None, reason=f"no interval: {reason}")


def auroc(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Area under the ROC curve with DeLong's interval on the logit scale.

    Weighted where `weights` are given, with errors added up within `groups`. At 0 or 1, where the
    variance vanishes, Wilson's interval for the rarer answer's count stands in.

    Args:
        confidence: Shape (n,).
        suitable: Shape (n,), booleans.
        weights: Shape (n,), over 0; None: equal.
        groups: Shape (n,), labels of items that belong together; None: independent.
        level: Between 0 and 1.

    Raises:
        ValueError: A shape is wrong.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; Obuchowski 1997, Biometrics 53:567.
    """
    scores, hits = np.asarray(confidence, dtype=float), np.asarray(suitable, dtype=bool)
    mass = np.ones(scores.shape) if weights is None else np.asarray(weights, dtype=float)
    if scores.ndim != 1 or not scores.shape == hits.shape == mass.shape:
        raise ValueError(f"want (n,) arrays, got {scores.shape=}, {hits.shape=}, {mass.shape=}")
    method, n = "DeLong, logit", scores.size
    few = min(int(hits.sum()), int((~hits).sum()))
    if few == 0:
        answer = "unsuitable" if not hits.any() else "suitable"
        return undefined(f"every answered item was {answer}", method=method, n=n, level=level)
    yes, no = mass[hits] / mass[hits].sum(), mass[~hits] / mass[~hits].sum()
    of_yes = _mass_below(scores[hits], scores[~hits], no)  # chance to beat an unsuitable item
    of_no = 1 - _mass_below(scores[~hits], scores[hits], yes)
    value = round(float(yes @ of_yes), 12)  # sums of weights may pass 1 by a rounding error
    errors = np.zeros(n)
    errors[hits], errors[~hits] = yes * (of_yes - value), no * (of_no - value)
    codes, count = group_codes(groups, n)
    if groups is None:
        # DeLong's divisors: each answer's own count less one.
        parts = ((errors[side], int(side.sum())) for side in (hits, ~hits))
        variance = sum(float((e**2).sum()) * m / max(m - 1, 1) for e, m in parts)
    else:
        variance = (
            count / max(count - 1, 1) * float((np.bincount(codes, weights=errors) ** 2).sum())
        )
    if variance <= 0 or value in (0.0, 1.0):
        interval = wilson(round(value) * few, few, level=level)
        low, high, method = (
            min(value, interval.low),
            max(value, interval.high),
            "Wilson of the rarer answer",
        )
    else:
        step = float(special.ndtri((1 + level) / 2)) * math.sqrt(variance) / (value * (1 - value))
        low, high = (float(special.expit(special.logit(value) + s)) for s in (-step, step))
    words = "items are independent" if groups is None else f"{count} clusters are independent"
    return Estimate(
        value=value, low=low, high=high, level=level, method=method, n=n, assumptions=(words,)
    )


def _mass_below(of: Floats, others: Floats, mass: Floats) -> Floats:
    """Share of `mass` at scores below each of `of`, ties counted half: shape of `of`."""
    order = np.argsort(others, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(mass[order])])
    under = total[np.searchsorted(others[order], of, side="left")]
    upto = total[np.searchsorted(others[order], of, side="right")]
    half: Floats = (under + upto) / 2
    return half


def _edges(everyone: Floats, bins: int) -> Floats:
    """Lower edges with about equally many items between them, then the maximum; ties make fewer bins."""
    cuts = np.quantile(everyone, np.linspace(0, 1, bins + 1), method="higher")
    edges: Floats = np.append(np.unique(cuts[:-1]), cuts[-1])
    return edges


def _bin(labels: Scored, low: float, high: float, inside: Bools, level: float) -> Bin:
    n = int(inside.sum())
    w = labels.mass[inside]
    return Bin(
        low=low,
        high=high,
        labels=n,
        mean_confidence=float((w * labels.scores[inside]).sum() / w.sum()) if n else None,
        observed=labels.share(inside, level=level, empty="no item of this confidence was answered"),
    )


def _ece(
    labels: Scored,
    place: Codes,
    count: int,
    error: Estimate,
    *,
    level: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """Mean distance per bin; `error` is `_debiased`'s, which says whether there may be none at all."""
    columns = np.zeros((place.size, count + 1))  # signed distances per bin, then the weight
    columns[np.arange(place.size), place] = labels.mass * (labels.hits - labels.scores)
    columns[:, count] = labels.mass
    plain = bootstrap(
        sums_by_group(columns, labels.codes),
        lambda s: np.abs(s[:, :count]).sum(axis=1) / s[:, count],
        n=place.size, level=level, resamples=resamples, seed=seed,
        clustered=labels.codes is not None,
    )  # fmt: skip
    words = (*plain.assumptions, f"{count} bins; with few labels noise alone raises it")
    if plain.value is None or plain.low is None or plain.high is None:
        return replace(plain, assumptions=words)
    # Resamples carry the noise twice. The basic bootstrap takes some off, at 0 the debiased error all of it.
    low = 0.0 if error.low == 0 else max(0.0, min(plain.low, 2 * plain.value - plain.high))
    return replace(
        plain, low=low, method=f"{plain.method}, basic and percentile", assumptions=words
    )


def _debiased(
    labels: Scored, place: Codes, count: int, *, level: float, resamples: int, seed: int
) -> Estimate:
    """Root of the mean squared distance of confidence and share per bin, less what noise adds.

    The square of a bin's mean distance d is too large by the variance of d; that variance is estimated
    from the spread of distances in the bin (between clusters where there are any) and subtracted. A bin
    with one label adds nothing. Resamples are noisy twice: they are moved back by the noise of one.
    """
    method = f"debiased over {count} bins"
    codes, groups = group_codes(labels.codes, place.size)
    cells = codes * count + place
    size = groups * count
    weight = np.bincount(cells, weights=labels.mass, minlength=size)
    gap = np.bincount(cells, weights=labels.mass * (labels.hits - labels.scores), minlength=size)
    columns = np.stack([gap, weight, gap**2, gap * weight, weight**2, (weight > 0).astype(float)])
    sums: Floats = columns.reshape(6, groups, count).transpose(1, 0, 2).reshape(groups, 6 * count)

    def parts(s: Floats) -> tuple[Floats, Floats]:
        """Mean squared distance and its noise, each of shape (B,)."""
        gaps, mass, gap2, cross, mass2, units = s.reshape(len(s), 6, count).transpose(1, 0, 2)
        there = np.where(mass > 0, mass, 1.0)
        d = gaps / there
        spread = np.maximum(gap2 - 2 * d * cross + d**2 * mass2, 0) / there**2
        noise = np.where(units > 1, spread * units / np.maximum(units - 1, 1), d**2)
        share = mass / mass.sum(axis=1, keepdims=True)
        return (share * d**2).sum(axis=1), (share * noise).sum(axis=1)

    square, noise = (float(x[0]) for x in parts(sums.sum(axis=0, keepdims=True)))
    plain = bootstrap(
        sums,
        lambda s: np.subtract(*parts(s)) - noise,
        n=place.size, level=level, resamples=resamples, seed=seed,
        clustered=labels.codes is not None,
    )  # fmt: skip
    value = math.sqrt(max(square - noise, 0.0))
    if plain.low is None or plain.high is None:
        return replace(plain, value=value, method=method)
    return replace(
        plain,
        value=value,
        low=min(value, math.sqrt(max(plain.low, 0.0))),
        high=max(value, math.sqrt(max(plain.high, 0.0))),
        method=f"{method}, {plain.method}",
    )

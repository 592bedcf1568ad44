"""Whether a confidence of .8 means eight in ten: reliability bins, ECE, Brier score, AUROC."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import clopper_pearson, clustered_effective_n, wilson
from workbench.metrics.resampling import Floats, bootstrap, group_codes, sums_by_group

_NO_SPREAD = 1e-12  # width of an interval that is rounding alone


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
    """Expected calibration error over these bins: mean distance of confidence and share, 0 to 1."""
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

    Source: Niculescu-Mizil & Caruana 2005; Naeini et al. 2015 (ECE); DeLong et al. 1988, weighted, and
    Obuchowski 1997 (AUROC, clusters).
    """
    check_level(level)
    scores, hits = np.asarray(confidence, dtype=float), np.asarray(suitable, dtype=bool)
    mass = np.ones(scores.shape) if weights is None else np.asarray(weights, dtype=float)
    if scores.ndim != 1 or not scores.shape == hits.shape == mass.shape:
        raise ValueError(f"want (n,) arrays, got {scores.shape=}, {hits.shape=}, {mass.shape=}")
    everyone = scores if population is None else np.asarray(population, dtype=float)
    for name, values in (("confidence", scores), ("population", everyone)):
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(f"`{name}` must lie between 0 and 1; leave out items without one")
    if not np.all(mass > 0) or bins < 1:
        raise ValueError("weights must be over 0 and there must be at least one bin")
    if scores.size == 0:
        nothing = undefined("no item with a confidence was answered", method="none", level=level)
        return Reliability(bins=(), ece=nothing, brier=nothing, auroc=nothing)
    edges = _edges(everyone, max(1, min(bins, scores.size // 10)))
    count = len(edges) - 1
    place = np.clip(np.searchsorted(edges[:-1], scores, side="right") - 1, 0, None)
    labels = _Labels(
        scores=scores,
        hits=hits,
        mass=mass,
        codes=None if groups is None else group_codes(groups, scores.size)[0],
    )
    found = tuple(
        _bin(labels, float(edges[b]), float(edges[b + 1]), place == b, level) for b in range(count)
    )
    ece = _ece(labels, place, count, level=level, resamples=resamples, seed=seed)
    brier = bootstrap(
        sums_by_group(np.stack([mass * (scores - hits) ** 2, mass], axis=1), groups),
        lambda s: s[:, 0] / s[:, 1],
        n=scores.size, level=level, resamples=resamples, seed=seed, clustered=groups is not None,
    )  # fmt: skip
    same = all(one.observed.value in (None, 0.0, 1.0) for one in found)
    return Reliability(
        bins=found,
        ece=_with_spread(ece, same=same),
        brier=_with_spread(brier, same=same),
        auroc=auroc(scores, hits, weights=mass, groups=groups, level=level),
    )


def _with_spread(estimate: Estimate, *, same: bool) -> Estimate:
    """Take the interval away where resampling has no spread to show; `same`: each bin holds one answer."""
    if estimate.low is None or estimate.high is None:
        return estimate
    if same:
        reason = "within each bin all answers agree: resampling cannot show how others would differ"
    elif estimate.high - estimate.low < _NO_SPREAD:
        reason = (
            "every resample gives the same number: resampling cannot show how others would differ"
        )
    else:
        return estimate
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
    value = float(yes @ of_yes)
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """The labelled items, all arrays of shape (n,)."""

    scores: Floats
    hits: npt.NDArray[np.bool_]
    mass: Floats
    codes: npt.NDArray[np.intp] | None


def _bin(
    labels: _Labels, low: float, high: float, inside: npt.NDArray[np.bool_], level: float
) -> Bin:
    n = int(inside.sum())
    if n == 0:
        nothing = undefined("no item of this confidence was answered", method="none", level=level)
        return Bin(low=low, high=high, labels=0, mean_confidence=None, observed=nothing)
    w, y = labels.mass[inside], labels.hits[inside]
    p = float((w * y).sum() / w.sum()) if 0 < y.sum() < n else float(y.any())
    effective = float(w.sum() ** 2 / (w**2).sum())
    words = ("items are independent",)
    if labels.codes is not None:
        _, own = np.unique(labels.codes[inside], return_inverse=True)
        count = int(own.max()) + 1
        effective *= clustered_effective_n(y, own, count) / n if count > 1 else 1 / n
        words = (f"{count} clusters are independent",)
    interval = clopper_pearson(min(p * effective, effective), effective, level=level)
    return Bin(
        low=low,
        high=high,
        labels=n,
        mean_confidence=float((w * labels.scores[inside]).sum() / w.sum()),
        observed=Estimate(
            value=p, low=interval.low, high=interval.high, level=level, method="Clopper–Pearson",
            n=n, effective_n=effective, assumptions=words,
        ),
    )  # fmt: skip


def _ece(
    labels: _Labels,
    place: npt.NDArray[np.intp],
    count: int,
    *,
    level: float,
    resamples: int,
    seed: int,
) -> Estimate:
    columns = np.zeros((place.size, count + 1))  # signed distances per bin, then the weight
    columns[np.arange(place.size), place] = labels.mass * (labels.hits - labels.scores)
    columns[:, count] = labels.mass
    plain = bootstrap(
        sums_by_group(columns, labels.codes),
        lambda s: np.abs(s[:, :count]).sum(axis=1) / s[:, count],
        n=place.size, level=level, resamples=resamples, seed=seed,
        clustered=labels.codes is not None,
    )  # fmt: skip
    noise = f"{count} bins; with few labels noise alone raises it"
    return replace(plain, assumptions=(*plain.assumptions, noise))

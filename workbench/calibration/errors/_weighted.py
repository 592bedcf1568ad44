"""Shares of some of the labelled items, such as the false positives: weighted, with exact intervals."""

from __future__ import annotations

import numpy as np

from workbench.calibration._sample import Bools, Codes, Floats, Sample
from workbench.calibration.exact_tests import fisher
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.intervals import clopper_pearson, clustered_effective_n


def effective_n_of(
    hits: Bools, weights: Floats, clusters: Codes | None, *, tail: float | None = None
) -> float:
    """Equal independent items that tell as much about the weighted share of `hits`: over 0, at most n.

    Kish's count of the weights without clusters, else `clustered_effective_n`, cut at `tail`.

    Args:
        hits: Shape (n,), n ≥ 1.
        weights: Shape (n,), over 0.
        clusters: Shape (n,), items that belong together share a number; None: independent.
        tail: Beyond an exact bound; None: no cut for few clusters.

    Source: Kish 1965; Korn & Graubard 1998 (effective counts).
    """
    # Where each item is a cluster of its own, all are independent.
    if clusters is None or np.unique(clusters).size == hits.size:
        kish = float(weights.sum()) ** 2 / float((weights**2).sum())
        # Rounding: equal weights count as they are.
        return float(hits.size) if abs(kish - hits.size) < 1e-9 * hits.size else kish
    names, codes = np.unique(clusters, return_inverse=True)
    return clustered_effective_n(hits, codes, len(names), weights=weights, tail=tail)


def weighted_share(
    hits: Bools, weights: Floats, clusters: Codes | None, *, empty: str, level: float
) -> Estimate:
    """Weighted share of `hits`, with Clopper and Pearson's interval of the effective counts.

    Shapes as in `effective_n_of`; `empty` is the reason where there is no item at all.
    """
    method, n = "Clopper–Pearson", hits.size
    if n == 0:
        return undefined(empty, method=method, level=level)
    effective_n = effective_n_of(hits, weights, clusters, tail=(1 - level) / 2)
    p = float(hits.all()) if hits.all() or not hits.any() else float(weights @ hits / weights.sum())
    interval = clopper_pearson(min(p * effective_n, effective_n), effective_n, level=level)
    words = ["the answers are the truth", "items were drawn with the stated probabilities"]
    if clusters is None:
        words.append("items are independent")
    else:
        words.append(
            f"{len(np.unique(clusters))} clusters are independent, items within one are not"
        )
    return Estimate(
        value=p,
        low=min(p, interval.low),
        high=max(p, interval.high),
        level=level,
        method=method if effective_n == n else f"{method}, effective counts",
        n=n,
        effective_n=effective_n,
        assumptions=tuple(words),
    )


def more_often(hits: Bools, inside: Bools, weights: Floats, clusters: Codes | None) -> float | None:
    """One-sided Fisher test of effective counts: are `hits` more frequent where `inside` than elsewhere?

    None where either side has no item. Shapes (n,).
    """
    counts = []
    for side in (inside, ~inside):
        if not side.any():
            return None
        own, mass = hits[side], weights[side]
        effective_n = effective_n_of(own, mass, None if clusters is None else clusters[side])
        rows = max(1, round(effective_n))
        counts += [min(rows, round(float(mass @ own / mass.sum()) * rows)), rows]
    return fisher(*counts, more=True)


def labelled_part(sample: Sample, inside: Bools) -> tuple[Codes, Floats, Codes | None]:
    """Return places, shape (n,), of answered items where `inside`; their weights; their clusters."""
    places = np.flatnonzero(inside & sample.answered)
    clusters = None if sample.clusters is None else sample.clusters[places]
    return places, sample.weights[places], clusters

"""Failure modes that nobody has named yet: places among embeddings where failures crowd.

Half of the labels propose: around each failure, is there a neighbourhood that holds more of them than chance
would put there? The other half tests what was proposed, and took no part in proposing, so that a
found cluster is no artefact of the search. Noise has no clusters, and the answer then says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Bools, Codes, Floats
from workbench.calibration.errors._weighted import more_often, weighted_share
from workbench.calibration.errors.words import Word, marking_words
from workbench.calibration.exact_tests import benjamini_hochberg
from workbench.metrics.estimate import Estimate, check_level
from workbench.metrics.resampling import group_codes

_COMPONENTS = 32  # principal components kept: further ones are mostly noise between neighbours
_FITTED = 2000  # rows, about, that the components are computed from
_SIZES = 12  # neighbourhoods tried around each failure, from `_LEAST` items to a quarter of all
_LEAST = 5  # items of the proposing half that a neighbourhood holds at least
_PROPOSED = 10  # neighbourhoods that go to the test
_SHOWN = 5  # items shown of a cluster
_AT_ONCE = 4_000_000  # distances held in memory: 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCluster:
    """Items that look alike and fail more often than the rest."""

    rate: Estimate
    """Share of its items that fail, by the testing half alone (Clopper–Pearson)."""
    rest: Estimate
    """Share of all other items that fail, by the testing half."""
    p_value: float
    """One-sided Fisher test on the testing half that it fails no more often than the rest."""
    q_value: float
    """`p_value` after Benjamini and Hochberg over all neighbourhoods that were tested."""
    keys: tuple[str, ...]
    """Its failures of both halves, the most typical first: for people to look at and name."""
    typical: tuple[str, ...]
    """The medoid, which is the failure nearest to all its other failures, and those nearest to it."""
    words: tuple[Word, ...]
    """Words that mark its items against all others, the surest first; empty without texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClusters:
    """What the search found."""

    clusters: tuple[FailureCluster, ...]
    """Those that stand out, the surest first."""
    proposed: int
    """Neighbourhoods that were tested."""
    false_share: float
    """Share of `clusters` that may be false on average."""
    sentence: str
    """The result in words."""


def failure_clusters(
    embeddings: npt.ArrayLike,
    failed: Sequence[bool],
    keys: Sequence[str],
    *,
    texts: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    groups: Sequence[str] | None = None,
    false_share: float = 0.1,
    level: float = 0.95,
    seed: int = 0,
) -> FailureClusters:
    """Find groups of similar items that fail more often than the rest.

    Pass the audited approvals, with `failed` where people find them unsuitable, for false positives; the
    audited rejections, with `failed` where people find them suitable, for false negatives.

    Neighbourhoods are proposed by the scan statistic for counts and tested by Fisher's exact test.
    Distance is that of unit vectors, less their mean, on the first 32 principal components.

    Args:
        embeddings: Shape (n, d), finite, one vector per item, of any kind: photos, made images or text.
        failed: Length n.
        keys: Length n.
        texts: Length n, such as titles or prompts; None: words are not looked at.
        weights: Length n, over 0: items that each label stands for; None: equal.
        groups: Length n, items that belong together, such as one product's; they stay on one side.
        false_share: Accepted share of false clusters among those found, between 0 and 1.
        level: Of the intervals, between 0 and 1.
        seed: Of the split.

    Raises:
        ValueError: A shape is wrong, or a number is not finite.

    Source: Kulldorff 1997, Commun. Stat. 26:1481 (scan statistic); Benjamini & Hochberg 1995.
    """
    check_level(level)
    if not 0 < false_share < 1:
        raise ValueError(f"`false_share` lies between 0 and 1, got {false_share!r}")
    vectors, bad, mass = _read(embeddings, failed, weights, {"keys": keys, "texts": texts})
    units, count = group_codes(groups, bad.size)
    clusters = None if groups is None else units

    def nothing(why: str, proposed: int = 0) -> FailureClusters:
        return FailureClusters(
            clusters=(), proposed=proposed, false_share=false_share,
            sentence=f"No cluster stands out: {why}.",
        )  # fmt: skip

    if not bad.any() or bad.all():
        return nothing("no item failed" if not bad.any() else "every item failed")
    proposing = np.random.default_rng(seed).permutation(count)[units] < count / 2
    if min(int((bad & side).sum()) for side in (proposing, ~proposing)) < 2:
        return nothing(
            f"{int(bad.sum())} failures are too few to propose by one half and test by another"
        )
    points = _components(vectors, proposing)
    found = _propose(points[proposing], bad[proposing], mass[proposing])
    if not found:
        return nothing("failures are spread like all other items")
    testing = ~proposing
    of_test = None if clusters is None else clusters[testing]
    reach = [_distance(points, centre) <= radius for centre, radius in found]
    p_values = [more_often(bad[testing], near[testing], mass[testing], of_test) for near in reach]
    q_values = benjamini_hochberg(p_values)
    clusters_found = []
    for near, p, q in zip(reach, p_values, q_values, strict=True):
        if p is None or q is None or q > false_share:
            continue
        order = _typical(points, np.flatnonzero(near & bad))

        def rate(side: Bools) -> Estimate:
            kept = testing & side
            return weighted_share(
                bad[kept], mass[kept], None if clusters is None else clusters[kept],
                empty="it has no item in the testing half", level=level,
            )  # fmt: skip

        clusters_found.append(
            FailureCluster(
                rate=rate(near),
                rest=rate(~near),
                p_value=p,
                q_value=q,
                keys=tuple(keys[i] for i in order.tolist()),
                typical=tuple(keys[i] for i in order[:_SHOWN].tolist()),
                words=() if texts is None else marking_words(texts, near),
            )
        )
    if not clusters_found:
        known = [q for q in q_values if q is not None]
        best = f"the surest has q = {min(known):.2g}" if known else "none has an item to test by"
        return nothing(f"{len(found)} neighbourhoods were tested and {best}", len(found))
    clusters_found.sort(key=lambda one: one.p_value)
    return FailureClusters(
        clusters=tuple(clusters_found),
        proposed=len(found),
        false_share=false_share,
        sentence=_sentence(clusters_found, len(found)),
    )


def _read(
    embeddings: npt.ArrayLike,
    failed: Sequence[bool],
    weights: Sequence[float] | None,
    others: dict[str, Sequence[str] | None],
) -> tuple[Floats, Bools, Floats]:
    vectors: Floats = np.asarray(embeddings, dtype=float)
    bad = np.asarray(failed)
    n = bad.size
    if n == 0 and vectors.size == 0:
        vectors = vectors.reshape(0, 1)
    if vectors.ndim != 2 or bad.ndim != 1 or len(vectors) != n or vectors.shape[1] == 0:
        raise ValueError(
            f"want embeddings of shape (n, d) and n answers, got {vectors.shape} and {bad.shape}"
        )
    if n and bad.dtype != bool:
        raise ValueError(f"`failed` holds True and False, got {bad.dtype} such as {bad[0]!r}")
    if not np.isfinite(vectors).all():
        place = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ValueError(
            f"embeddings must be finite; row {place} holds NaN or infinity: leave it out"
        )
    mass = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    if mass.shape != (n,) or not np.all((mass > 0) & np.isfinite(mass)):
        raise ValueError(f"`weights` wants a finite number over 0 for each of {n} items")
    for name, values in others.items():
        if values is not None and len(values) != n:
            raise ValueError(f"`{name}` wants one for each of {n} items, got {len(values)}")
    return vectors, bad.astype(bool), mass


def _components(vectors: Floats, fit: Bools) -> Floats:
    """Unit vectors less their mean, on their principal components by the rows `fit`: (n, ≤ 32)."""
    scale = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    unit = vectors / np.where(scale > 0, scale, 1)  # first, so that no square overflows
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    unit /= np.where(length > 0, length, 1)
    centred = unit - unit[fit].mean(axis=0)
    rows = np.flatnonzero(fit)[:: max(1, int(fit.sum()) // _FITTED)]
    axes = np.linalg.svd(centred[rows], full_matrices=False)[2][:_COMPONENTS]  # (≤ 32, d)
    projected: Floats = centred @ axes.T
    return projected


def _distance(points: Floats, centre: Floats) -> Floats:
    distances: Floats = np.sqrt(((points - centre) ** 2).sum(axis=1))
    return distances


def _propose(points: Floats, bad: Bools, mass: Floats) -> list[tuple[Floats, float]]:
    """Centres and radii of the neighbourhoods that hold most failures for their size, none within another.

    A neighbourhood is a failure with its nearest items; it scores by the likelihood ratio of one
    failure rate inside and another outside against one rate for all.
    """
    n, largest = len(points), len(points) // 4
    if largest < _LEAST:
        return []
    sizes = np.unique(np.geomspace(_LEAST, largest, _SIZES).astype(int))
    centres = points[bad]
    total, failures = mass.sum(), (mass * bad).sum()
    scores, radii = np.empty((len(centres), sizes.size)), np.empty((len(centres), sizes.size))
    squares = (points**2).sum(axis=1)
    step = max(1, _AT_ONCE // n)
    for start in range(0, len(centres), step):
        block = centres[start : start + step]
        apart = np.maximum(squares + (block**2).sum(axis=1)[:, None] - 2 * block @ points.T, 0)
        order = np.argpartition(apart, largest - 1, axis=1)[:, :largest]  # (block, largest)
        order = np.take_along_axis(
            order, np.argsort(np.take_along_axis(apart, order, 1), axis=1), 1
        )
        held = np.cumsum(mass[order], axis=1)[:, sizes - 1]
        hits = np.cumsum((mass * bad)[order], axis=1)[:, sizes - 1]
        scores[start : start + step] = _likelihood_ratio(hits, held, failures, total)
        radii[start : start + step] = np.sqrt(
            np.take_along_axis(apart, order[:, sizes - 1], axis=1)
        )
    found: list[tuple[Floats, float]] = []
    taken = np.zeros(n, dtype=bool)
    for flat in np.argsort(-scores, axis=None, kind="stable").tolist():
        row, column = divmod(flat, sizes.size)
        if scores[row, column] <= 0 or len(found) == _PROPOSED:
            break
        radius = float(radii[row, column]) * (1 + 1e-9)
        near = _distance(points, centres[row]) <= radius
        if (near & taken).sum() > near.sum() / 2:
            continue  # mostly seen already
        taken |= near
        found.append((centres[row], radius))
    return found


def _likelihood_ratio(hits: Floats, held: Floats, failures: float, total: float) -> Floats:
    """Log likelihood ratio of two rates against one; 0 where the inside does not fail more often."""
    outside, rest = failures - hits, total - held
    two = _log_likelihood(hits, held) + _log_likelihood(outside, rest)
    one = _log_likelihood(np.asarray(failures), np.asarray(total))
    ratio: Floats = np.where(hits * rest > outside * held * (1 + 1e-9), two - one, 0.0)
    return ratio


def _log_likelihood(hits: Floats, held: Floats) -> Floats:
    share = hits / np.maximum(held, 1e-300)
    logs: Floats = special.xlogy(hits, share) + special.xlogy(held - hits, 1 - share)
    return logs


def _typical(points: Floats, members: Codes) -> Codes:
    """Order members by their distance to the medoid, which comes first."""
    own = points[members]
    squares = (own**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares + squares[:, None] - 2 * own @ own.T, 0))
    medoid = int(apart.sum(axis=1).argmin())
    apart[medoid, medoid] = -1
    order: Codes = members[np.argsort(apart[medoid], kind="stable")]
    return order


def _sentence(found: Sequence[FailureCluster], proposed: int) -> str:
    first = found[0]
    share, rest = first.rate, first.rest
    words = f", marked by {', '.join(repr(w.word) for w in first.words[:3])}" if first.words else ""
    count = "1 cluster stands" if len(found) == 1 else f"{len(found)} clusters stand"
    if share.value is None or rest.value is None:
        return f"{count} out of {proposed} neighbourhoods tested."
    return (
        f"{count} out of {proposed} neighbourhoods tested: in the surest{words}, {share.value:.0%} of items "
        f"fail, and {rest.value:.0%} elsewhere (q = {first.q_value:.2g})."
    )

"""How far one distribution of scores lies from another: distances, their noise, and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from workbench.calibration._sample import Codes, Floats
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.resampling import sums_by_group

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_POINTS = 500  # values that distances are taken at: all where there are fewer, else quantiles
_SHUFFLES = 999
_RESAMPLES = 600
_BINS = 10  # of the stability index
_BLOCKS = 1000  # units per kind above which units are put together
_WORK = 300_000_000  # counts times shuffles: some seconds
_AT_ONCE = 4_000_000  # numbers per block of shuffles: 32 MB
_LEAST = 99  # shuffles and resamples, however many rows there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One score, two samples of it."""

    n_before: int
    n_after: int
    change: Estimate
    ks: float | None
    wasserstein: Estimate
    psi: float | None
    psi_noise: float | None
    p_value: float | None


def compare_samples(
    before: Floats,
    after: Floats,
    groups: tuple[Codes, Codes] | None,
    *,
    paired: bool = False,
    level: float,
    seed: int,
) -> Moved:
    """Compare two samples of one score; NaN stands for no score and is left out.

    Args:
        before: Shape (n,).
        after: Shape (m,); with `paired` the same items in the same order.
        groups: Of each side's items, in one numbering; None: independent.
        paired: Whether items are the same.
        level: Of the intervals.
        seed: Of shuffles and bootstrap.
    """
    known = (~np.isnan(before), ~np.isnan(after))
    if paired:
        known = (known[0] & known[1],) * 2
    one, two = before[known[0]], after[known[1]]
    units = None if groups is None else (groups[0][known[0]], groups[1][known[1]])
    if paired and units is None:
        units = (np.arange(one.size),) * 2
    if one.size == 0 or two.size == 0:
        nothing = undefined("one side has no score", method="none", level=level)
        return Moved(
            n_before=one.size, n_after=two.size, change=nothing, ks=None, wasserstein=nothing,
            psi=None, psi_noise=None, p_value=None,
        )  # fmt: skip
    words = ("items are independent" if groups is None else "groups of items are independent",)
    counts = _Counts.of(one, two, units)
    rng = np.random.default_rng(seed)
    shuffled = counts.shuffled(rng)
    cells = _cells(counts.points, one)
    ks = float(_ks(counts.seen)[0])
    # The data are one of the shuffles that might have come, so p is never 0.
    p_value = (1 + int((_ks(shuffled) >= ks - 1e-12).sum())) / (1 + len(shuffled))
    if paired:  # two tests, so the smaller counts twice (Bonferroni)
        ranks = _wilcoxon(two - one, None if units is None else units[0])
        p_value = min(1.0, 2 * min(p_value, ranks))
    return Moved(
        n_before=one.size,
        n_after=two.size,
        change=_change(one, two, units, paired=paired, words=words, level=level),
        ks=ks,
        wasserstein=_wasserstein(counts, rng, n=one.size + two.size, words=words, level=level),
        psi=float(_psi(counts.seen, cells)[0]),
        psi_noise=float(np.quantile(_psi(shuffled, cells), 0.95)),
        p_value=p_value,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counts:
    """Two samples as counts of values, and what may be drawn again as a whole."""

    points: Floats
    """Shape (K,): values counted, ascending; a value between two counts for the higher."""
    bins: tuple[Codes, Codes]
    """Each row's value, as a place in `points`."""
    units: tuple[Codes, Codes] | None
    """Each row's unit, numbered from 0; None: each row is one, and the sides have none in common."""

    @classmethod
    def of(cls, one: Floats, two: Floats, units: tuple[Codes, Codes] | None) -> _Counts:
        points = np.unique(np.concatenate([one, two]))
        if points.size > _POINTS:
            steps = np.linspace(0, points.size - 1, _POINTS).astype(int)
            pooled = np.sort(np.concatenate([one, two]))
            places = np.linspace(0, pooled.size - 1, _POINTS // 2).astype(int)
            points = np.unique(np.concatenate([points[steps[::2]], pooled[places], points[-1:]]))
        if units is not None:
            both = _merged(np.unique(np.concatenate(units), return_inverse=True)[1], one.size)
            units = (both[: one.size], both[one.size :])
        bins = (np.searchsorted(points, one), np.searchsorted(points, two))
        return cls(points=points, bins=bins, units=units)

    @property
    def seen(self) -> Floats:
        """Counts of the data, shape (1, 2, K)."""
        k = self.points.size
        return np.stack([np.bincount(b, minlength=k) for b in self.bins])[None].astype(float)

    def shuffled(self, rng: np.random.Generator) -> Floats:
        """Counts as they might have come without drift, shape (shuffles, 2, K)."""
        if self.units is None:
            one, two = self.seen[0].astype(np.int64)
            drawn = rng.multivariate_hypergeometric(one + two, int(one.sum()), size=_SHUFFLES)
            return np.stack([drawn, one + two - drawn], axis=1).astype(float)
        kinds, (one, two) = self._laid_out(self.units)
        change = (
            two - one
        ).T.tocsr()  # (K, units): what turning a unit over adds to the first side
        apart = np.append(kinds[0], kinds[1])
        parts = []
        for rows in self._tries(_SHUFFLES, one.shape[0]):
            # A unit on both sides may have come the other way round; others may have come elsewhere.
            turned = np.zeros((rows, one.shape[0]))
            turned[:, kinds[2]] = rng.integers(0, 2, (rows, kinds[2].size))
            for row in turned:
                first = rng.permutation(apart)
                row[np.intersect1d(first[: kinds[0].size], kinds[1], assume_unique=True)] = 1
                row[np.intersect1d(first[kinds[0].size :], kinds[0], assume_unique=True)] = 1
            moved = (change @ turned.T).T
            parts.append(np.stack([self.seen[0, 0] + moved, self.seen[0, 1] - moved], axis=1))
        return np.concatenate(parts)

    def resampled(self, rng: np.random.Generator) -> Floats:
        """Counts of units drawn again with replacement, shape (resamples, 2, K)."""
        if self.units is None:
            sides = [
                rng.multinomial(int(c.sum()), c / c.sum(), size=_RESAMPLES) for c in self.seen[0]
            ]
            return np.stack(sides, axis=1).astype(float)
        kinds, counts = self._laid_out(self.units)
        columns = [side.T.tocsr() for side in counts]
        parts = []
        for rows in self._tries(_RESAMPLES, counts[0].shape[0]):
            times = np.zeros((rows, counts[0].shape[0]))
            for pool in kinds:
                for i in range(rows if pool.size else 0):
                    drawn = rng.choice(pool, pool.size)
                    times[i] += np.bincount(drawn, minlength=times.shape[1])
            parts.append(np.stack([(column @ times.T).T for column in columns], axis=1))
        return np.concatenate(parts)

    def _laid_out(
        self, units: tuple[Codes, Codes]
    ) -> tuple[tuple[Codes, Codes, Codes], tuple[csr_array, csr_array]]:
        """Return units that are before only, after only, and on both sides; each side's counts, (units, K)."""
        from scipy.sparse import csr_array

        before, after = np.unique(units[0]), np.unique(units[1])
        both = np.intersect1d(before, after)
        shape = (int(max(before[-1], after[-1])) + 1, self.points.size)
        sides = [
            csr_array(
                (np.ones(place.size), (unit, place)), shape=shape
            )  # adds up what is there twice
            for unit, place in zip(units, self.bins, strict=True)
        ]
        return (np.setdiff1d(before, both), np.setdiff1d(after, both), both), (sides[0], sides[1])

    def _tries(self, most: int, units: int) -> list[int]:
        """Draws in all, in blocks that fit in memory."""
        held = min(sum(b.size for b in self.bins), 2 * units * self.points.size)
        left = max(_LEAST, min(most, _WORK // held))
        block = max(1, _AT_ONCE // units)
        return [min(block, left - start) for start in range(0, left, block)]


def _merged(unit: Codes, before: int) -> Codes:
    """Put many units together at random, so that shuffles take no longer than for some thousand.

    Shuffling blocks of units is a shuffle of units, too. Those on one side only keep one size of block on
    either side: a side's spread depends on how much is in it.

    Args:
        unit: Shape (n,), from 0, of the rows of both sides.
        before: Rows of the first side.
    """
    count = int(unit.max()) + 1
    first, second = (
        np.bincount(rows, minlength=count) > 0 for rows in (unit[:before], unit[before:])
    )
    kinds = [np.flatnonzero(k) for k in (first & ~second, second & ~first, first & second)]
    together = (min(kinds[0].size, kinds[1].size) // _BLOCKS,) * 2 + (kinds[2].size // _BLOCKS,)
    rng = np.random.default_rng(0)
    block = np.empty(count, dtype=np.intp)
    start = 0
    for members, size in zip(kinds, together, strict=True):
        blocks = max(1, members.size // max(1, size))
        block[rng.permutation(members)] = start + np.arange(members.size) % blocks
        start += blocks
    return block[unit]


def _shares(counts: Floats) -> Floats:
    """Counts (..., K) to shares of each sample; 0 for a resample that came out empty."""
    totals = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    return shares


def _ks(counts: Floats) -> Floats:
    """Largest distance of the cumulative shares: (B, 2, K) to (B,)."""
    shares = np.cumsum(_shares(counts), axis=-1)
    distance: Floats = np.abs(shares[:, 0] - shares[:, 1]).max(axis=-1)
    return distance


def _earth(counts: Floats, points: Floats) -> Floats:
    """First Wasserstein distance: (B, 2, K) to (B,)."""
    shares = np.cumsum(_shares(counts), axis=-1)
    distance: Floats = np.abs(shares[:, 0] - shares[:, 1])[:, :-1] @ np.diff(points)
    return distance


def _cells(points: Floats, before: Floats) -> Codes:
    """The stability index's cell of each point: tenths of the scores before; equal edges make one."""
    edges = np.unique(np.quantile(before, np.arange(1, _BINS) / _BINS, method="lower"))
    cells: Codes = np.searchsorted(edges, points)
    return cells


def _psi(counts: Floats, cells: Codes) -> Floats:
    """Population stability index: (B, 2, K) to (B,). Half a row per cell, spread as both samples are, is added."""
    size = int(cells.max()) + 1
    onto = np.zeros((cells.size, size))
    onto[np.arange(cells.size), cells] = 1
    held = counts @ onto  # (B, 2, cells)
    pooled = _shares(held.sum(axis=1, keepdims=True))
    shares = _shares(held + 0.5 * size * pooled)
    one, two = shares[:, 0], shares[:, 1]
    there = pooled[:, 0] > 0
    logs = np.log(np.where(there, two, 1) / np.where(there, one, 1))
    index: Floats = ((two - one) * logs).sum(axis=-1)
    return index


def _wasserstein(
    counts: _Counts, rng: np.random.Generator, *, n: int, words: tuple[str, ...], level: float
) -> Estimate:
    """Distance with a bootstrap interval that spans the basic and the percentile one.

    Resampling adds distance. The basic bootstrap takes that off and so reaches 0, but lies too low where
    the distance is small beside its noise; the percentile one never reaches 0.
    """
    value = float(_earth(counts.seen, counts.points)[0])
    drawn = _earth(counts.resampled(rng), counts.points)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value,
        low=min(value, float(low), max(0.0, 2 * value - float(high))),
        high=max(value, float(high), 2 * value - float(low)),
        level=level,
        method=f"bootstrap, basic and percentile, {len(drawn)} resamples",
        n=n,
        assumptions=words,
    )


def _change(
    one: Floats,
    two: Floats,
    units: tuple[Codes, Codes] | None,
    *,
    paired: bool,
    words: tuple[str, ...],
    level: float,
) -> Estimate:
    """Difference of the means with Student's interval, clusters counted as wholes."""
    value = float(two.mean() - one.mean())
    n = one.size if paired else one.size + two.size
    method = "paired t" if paired else "Welch's t"
    sides = ((one.mean() - one) / one.size, (two - two.mean()) / two.size)
    if units is None or not np.intersect1d(*units).size:
        parts = [
            sums_by_group(side[:, None], None if units is None else units[i])[:, 0]
            for i, side in enumerate(sides)
        ]
    else:
        parts = [sums_by_group(np.concatenate(sides)[:, None], np.concatenate(units))[:, 0]]
    if any(part.size < 2 for part in parts):
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=n,
            reason="a side has only one independent item or group: how they differ is unknown",
        )  # fmt: skip
    pieces = [part.size / (part.size - 1) * float((part**2).sum()) for part in parts]
    variance = sum(pieces)
    # Satterthwaite's degrees of freedom; no spread at all has no use for them.
    below = sum(v**2 / (part.size - 1) for v, part in zip(pieces, parts, strict=True))
    dof = variance**2 / below if below > 0 else 1.0
    half = float(special.stdtrit(dof, (1 + level) / 2)) * math.sqrt(variance)
    return Estimate(
        value=value, low=value - half, high=value + half, level=level, method=method, n=n,
        assumptions=words,
    )  # fmt: skip


def _wilcoxon(differences: Floats, units: Codes | None) -> float:
    """Two-sided signed-rank test that differences lie around 0; a group counts by its mean."""
    from scipy import stats  # 0.3 s

    sums = sums_by_group(np.stack([differences, np.ones_like(differences)], axis=1), units)
    means = sums[:, 0] / sums[:, 1]
    if not means.any():
        return 1.0
    return float(stats.wilcoxon(means).pvalue)

"""Two judges' verdicts as four cells, with what the answers tell of each, and resamples of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration._draws import times_drawn
from workbench.calibration._sample import Bools, Codes, Floats, as_floats, clusters_of, tristate

Decisions = tuple[int, int, int, int]
"""What a judge says (1 or 0) in the cells neither, second only, first only, both."""

_FEW = 5  # suitable or unsuitable answers of a cell below which resampling shows too little spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Sizes of the four cells and the share of suitable items in each, of the data or of B resamples."""

    size: Floats
    """Shape (B, 4)."""
    share: Floats
    """Shape (B, 4); NaN where the cell has no answer."""

    def precision(self, said: Decisions) -> Floats:
        """Shape (B,); NaN where it approves nothing or a cell is unknown."""
        return _over(self._good(said), self._sum(self.size, said))

    def recall(self, said: Decisions) -> Floats:
        """Shape (B,); NaN where nothing is suitable or a cell is unknown."""
        return _over(self._good(said), self._good((1, 1, 1, 1)))

    def accuracy(self, said: Decisions) -> Floats:
        """Shape (B,); NaN where a cell is unknown."""
        rejected = (1 - said[0], 1 - said[1], 1 - said[2], 1 - said[3])
        right = self._good(said) + self._sum(self.size * (1 - self.share), rejected)
        return _over(right, self.size.sum(axis=1))

    def accuracy_difference(self, first: Decisions, second: Decisions) -> Floats:
        """Accuracy of `second` − `first`, (B,): the cells where both say the same need no answer."""
        gain = np.zeros(len(self.size))
        for cell in cells_where(first, second):
            sign = second[cell] - first[cell]
            only: Decisions = (cell == 0, cell == 1, cell == 2, cell == 3)
            gain += sign * self._sum(self.size * (2 * self.share - 1), only)
        return _over(gain, self.size.sum(axis=1))

    def agreement(self) -> Floats:
        """Share of items on which both say the same, (B,)."""
        return _over(self.size[:, 0] + self.size[:, 3], self.size.sum(axis=1))

    def kappa(self) -> Floats:
        """Cohen's κ between the two judges, (B,); NaN where chance alone makes them agree."""
        n = self.size.sum(axis=1)
        first, second = self.size[:, 2:].sum(axis=1), self.size[:, 1::2].sum(axis=1)
        chance = _over(first * second + (n - first) * (n - second), n**2)
        return _over(self.agreement() - chance, 1 - chance)

    def _good(self, said: Decisions) -> Floats:
        return self._sum(self.size * self.share, said)

    def _sum(self, values: Floats, said: Decisions) -> Floats:
        """Sum over the cells that `said` names, (B,); an empty cell adds nothing, whatever its share."""
        inside = np.asarray(said, dtype=bool)
        total: Floats = np.where(self.size > 0, values, 0.0)[:, inside].sum(axis=1)
        return total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """N items that both judges decided, and what people said of some."""

    rows: Codes
    """Shape (N,): position of each item in what came in."""
    cell: Codes
    """Shape (N,): 2 × the first's approval + the second's."""
    answered: Bools
    suitable: Bools
    weights: Floats
    """Shape (N,): 1 / inclusion probability; 0 without an answer."""
    sizes: Floats
    """Shape (N,): how many items each stands for: 1, or its weight where only a sample came in."""
    clusters: Codes | None
    undecided: tuple[int, int]
    """Items that the first, and that the second, did not decide."""
    names: tuple[str, str]

    @property
    def units(self) -> int:
        """Items or clusters that are independent of each other."""
        return self.rows.size if self.clusters is None else int(self.clusters.max(initial=-1)) + 1

    @property
    def equal(self) -> bool:
        """Whether all answered items were drawn with one probability."""
        return bool(np.ptp(self.weights[self.answered]) < 1e-9) if self.answered.any() else True

    def counts(self) -> Counts:
        """Of the data, with B = 1."""
        size = np.bincount(self.cell, weights=self.sizes, minlength=4).astype(float)
        mass = np.bincount(self.cell, weights=self.weights, minlength=4)
        good = np.bincount(self.cell, weights=self.weights * self.suitable, minlength=4)
        share = _over(good.astype(float), mass.astype(float))
        return Counts(size=size[None], share=share[None])

    def draws(self, *, resamples: int, seed: int) -> Counts:
        """Of resampled items or clusters, B = `resamples`; one row of NaN where there are no two of them."""
        if self.units < 2:
            return Counts(size=np.full((1, 4), math.nan), share=np.full((1, 4), math.nan))
        rng = np.random.default_rng(seed)
        if self.clusters is None:
            # Items of one cell, answer and weight are alike: how often each kind comes is multinomial.
            weight = np.unique(self.weights, return_inverse=True)[1]
            kinds = 16 * weight + 4 * self.cell + 2 * self.answered + self.suitable
            _, first, frequency = np.unique(kinds, return_index=True, return_counts=True)
            kind = np.zeros((first.size, 3, 4))
            weights = self.weights[first]
            kind[np.arange(first.size), :, self.cell[first]] = np.stack(
                [self.sizes[first], weights, weights * self.suitable[first]], axis=1
            )
            times = rng.multinomial(self.rows.size, frequency / self.rows.size, size=resamples)
            sums = times @ kind.reshape(first.size, 12)
        else:
            place = 4 * self.clusters + self.cell
            columns = np.stack(
                [
                    np.bincount(place, weights=values, minlength=4 * self.units).reshape(-1, 4)
                    for values in (self.sizes, self.weights, self.weights * self.suitable)
                ],
                axis=1,
            ).reshape(-1, 12)
            every = np.arange(self.units)
            parts = times_drawn(every, self.units, resamples=resamples, seed=seed)
            sums = np.concatenate([times @ columns for times in parts])
        size, mass, good = np.moveaxis(sums.reshape(-1, 3, 4), 1, 0)
        share = _over(good, mass)
        for cell, p in enumerate(self.counts().share[0]):
            n = self._effective_n(cell)
            if n > 0 and min(p, 1 - p) * n < _FEW:
                share[:, cell] = rng.beta(p * n + 0.5, (1 - p) * n + 0.5, size=resamples)
        return Counts(size=size, share=share)

    def net(self, plus: Bools, minus: Bools) -> tuple[int, int]:
        """How many items are in `plus`, and in `minus`, (N,) each; of clusters, in which of them more items are."""
        if self.clusters is None:
            return int(plus.sum()), int(minus.sum())
        more = np.bincount(self.clusters, weights=plus.astype(float) - minus)
        return int((more > 0).sum()), int((more < 0).sum())

    def answered_units(self, cells: Sequence[int]) -> int:
        """Items, or clusters, with an answer in any of these cells."""
        inside = self.answered & np.isin(self.cell, list(cells))
        return int(inside.sum()) if self.clusters is None else np.unique(self.clusters[inside]).size

    def _effective_n(self, cell: int) -> float:
        """Answers of equal weight, or clusters with an answer, that would tell as much of this cell."""
        inside = self.answered & (self.cell == cell)
        if not inside.any():
            return 0.0
        weights = self.weights[inside]
        if self.clusters is not None:
            weights = np.bincount(self.clusters[inside], weights=weights)
        return float(weights.sum() ** 2 / (weights**2).sum())


def read_cells(
    *,
    first: Sequence[bool | None],
    second: Sequence[bool | None],
    answer: Sequence[bool | None],
    inclusion_probability: Sequence[float | None] | None,
    cluster: Sequence[str] | None,
    names: tuple[str, str],
    sampled: bool,
) -> Cells:
    """Check what came, and leave out items that one of the two did not decide.

    Raises:
        ValueError: Lengths differ, a probability is out of range, or an item was answered but not drawn.
    """
    n = len(first)
    for name, values in (
        (names[1], second),
        ("answer", answer),
        ("inclusion_probability", inclusion_probability),
        ("cluster", cluster),
    ):
        if values is not None and len(values) != n:
            raise ValueError(
                f"{name!r} wants one value for each of the {n} items of {names[0]!r}, got {len(values)}"
            )
    a, b, said = tristate(first, names[0]), tristate(second, names[1]), tristate(answer, "answer")
    inclusion: Floats = np.ones(n)
    if inclusion_probability is not None:
        inclusion = as_floats(inclusion_probability)
        wrong = ~np.isnan(inclusion) & ~((inclusion > 0) & (inclusion <= 1))
        wrong |= (said >= 0) & np.isnan(inclusion)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                "an inclusion probability lies over 0 and up to 1, and every answered item has one; "
                f"got {inclusion_probability[row]!r} in row {row}"
            )
    rows = np.flatnonzero((a >= 0) & (b >= 0))
    answered = said[rows] >= 0
    weights = np.divide(1.0, inclusion[rows], out=np.zeros(rows.size), where=answered)
    return Cells(
        rows=rows,
        cell=(2 * a[rows] + b[rows]).astype(np.intp),
        answered=answered,
        suitable=said[rows] == 1,
        weights=weights,
        sizes=weights if sampled else np.ones(rows.size),
        clusters=None if cluster is None else clusters_of([cluster[row] for row in rows]),
        undecided=(int((a < 0).sum()), int((b < 0).sum())),
        names=names,
    )


def cells_where(first: Decisions, second: Decisions) -> list[int]:
    """Cells in which the two say different things."""
    return [cell for cell in range(4) if first[cell] != second[cell]]


def _over(top: Floats, under: Floats) -> Floats:
    """Quotient, NaN where `under` is 0."""
    ratio: Floats = np.divide(top, under, out=np.full(np.shape(top), np.nan), where=under > 1e-12)
    return ratio

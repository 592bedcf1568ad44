"""How well people agree with each other, beside how well the judge agrees with them: the human ceiling.

A judge is held against many people, a person against the others: only numbers against the same target
are comparable. So each person is left out in turn, and person and judge are held against the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.calibration._draws import from_draws, in_words, times_drawn, with_spread
from workbench.calibration._sample import as_floats
from workbench.metrics.estimate import Estimate, check_level
from workbench.metrics.resampling import group_codes

Measure = Literal["spearman", "kendall"]
Floats = npt.NDArray[np.float64]
_Statistic = Callable[[Floats], Floats]
"""How often each item counts, (b, n), to one number each, (b,); NaN where it is undefined."""

_BLOCK = 256  # cells whose pairs with all others are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAgreement:
    """How alike judge and people order the items, and people among themselves; each from −1 to 1."""

    measure: Measure
    """`spearman`: ρ of midranks; `kendall`: τ-b, which corrects for ties."""
    judge_to_mean: Estimate
    """The judge against the mean of all people. No person can be held against that: see `judge_to_others`."""
    judge_to_each: Mapping[str, Estimate]
    """The judge against each person."""
    judge_to_person: Estimate
    """Mean of those; its ceiling is `person_to_person`."""
    person_to_each: Mapping[tuple[str, str], Estimate]
    """Every two people against each other."""
    person_to_person: Estimate
    """Mean of those."""
    each_to_others: Mapping[str, Estimate]
    """Each person against the mean of the others."""
    person_to_others: Estimate
    """Mean of those: the ceiling of `judge_to_others`."""
    judge_to_others: Estimate
    """The judge against the mean of all people but one, on average over who is left out."""
    gap: Estimate
    """`person_to_others` − `judge_to_others`, from the same resamples: what is left to gain."""
    sentence: str


def rank_agreement(
    judge: Sequence[float | None],
    people: Mapping[str, Sequence[float | None]],
    *,
    measure: Measure = "spearman",
    cluster: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> RankAgreement:
    """Hold a judge's scores against people's, with people's agreement among themselves beside it.

    Intervals are percentiles over resampled items (or clusters, each with all its items), with ranks
    taken anew in every resample.

    Args:
        judge: Length n, higher is better; None (or NaN) where it gave no score.
        people: Person to scores of length n on any scale of one direction; None (or NaN) where they gave none.
        measure: `spearman` or `kendall`. The latter takes time in the square of the distinct pairs of
            scores: about a minute for 10,000 items without ties.
        cluster: Length n, items that belong together; None: items are independent.
        level: Between 0 and 1.
        resamples: How many times the items are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: Nobody is in `people`, lengths differ, a score is infinite or an option is unknown.

    Source: Spearman 1904; Kendall 1945, Biometrika 33:239 (τ-b); Field & Welsh 2007 (clusters).
    """
    check_level(level)
    if measure not in ("spearman", "kendall"):
        raise ValueError(f"`measure` is 'spearman' or 'kendall', got {measure!r}")
    names, own, ratings = _scores(judge, people)
    n = own.size
    codes, count = group_codes(cluster, n)
    pairs: dict[tuple[str, ...], tuple[Floats, Floats]] = {("mean",): (own, _mean(ratings))}
    for r, name in enumerate(names):
        rest = _mean(np.delete(ratings, r, axis=0))
        pairs["judge", name] = own, ratings[r]
        pairs["others", name] = ratings[r], rest
        # The judge against the same target, on the items that the person rated, too.
        pairs["judge-others", name] = own, np.where(np.isnan(ratings[r]), np.nan, rest)
    for a, b in combinations(range(len(names)), 2):
        pairs["people", names[a], names[b]] = ratings[a], ratings[b]
    make = _spearman if measure == "spearman" else _kendall
    statistics = {key: make(x, y) for key, (x, y) in pairs.items()}
    ones = np.ones((1, n))
    values = {key: float(statistic(ones)[0]) for key, statistic in statistics.items()}
    parts = [
        np.stack([statistic(times) for statistic in statistics.values()])
        for times in times_drawn(codes, count, resamples=resamples if count > 1 else 0, seed=seed)
    ]
    drawn = np.concatenate(parts, axis=1) if parts else np.full((len(pairs), 1), np.nan)
    draws = dict(zip(statistics, drawn, strict=True))
    sizes = {key: int((~np.isnan(x) & ~np.isnan(y)).sum()) for key, (x, y) in pairs.items()}
    enough = {key: not math.isnan(value) for key, value in values.items()}

    def estimate(keys: list[tuple[str, ...]], why: str, sign: Floats | None = None) -> Estimate:
        signs = np.ones(len(keys)) / max(len(keys), 1) if sign is None else sign
        value = float(signs @ [values[key] for key in keys]) if keys else math.nan
        rows = np.stack([draws[key] for key in keys]) if keys else np.full((0, 1), np.nan)
        found = from_draws(
            value, signs @ rows if keys else np.full(1, np.nan), n=max((sizes[k] for k in keys), default=0),
            groups=count, clustered=cluster is not None, level=level, reason=why,
        )  # fmt: skip
        return with_spread(found)

    def one(key: tuple[str, ...]) -> Estimate:
        few = sizes[key] < 3
        return estimate(
            [key],
            f"only {sizes[key]} items have both scores"
            if few
            else "all scores of one side are tied",
        )

    def several(kind: str, also: str | None = None) -> list[tuple[str, ...]]:
        """Pairs of one kind that are defined (and whose counterparts of the kind `also` are)."""
        return [
            key
            for key in pairs
            if key[0] == kind and enough[key] and (also is None or enough[also, key[1]])
        ]

    alone = "nobody else rated these items" if len(names) < 2 else "no two people's scores compare"
    mine, theirs = several("judge-others", "others"), several("others", "judge-others")
    both = [*theirs, *mine]
    found = RankAgreement(
        measure=measure,
        judge_to_mean=one(("mean",)),
        judge_to_each={name: one(("judge", name)) for name in names},
        judge_to_person=estimate(several("judge"), "the judge's scores compare with nobody's"),
        person_to_each={
            (key[1], key[2]): one(key) for key in pairs if key[0] == "people"
        },
        person_to_person=estimate(several("people"), alone),
        each_to_others={name: one(("others", name)) for name in names},
        person_to_others=estimate(several("others"), alone),
        judge_to_others=estimate(several("judge-others"), alone),
        gap=estimate(
            both, alone, np.repeat([1.0, -1.0], len(mine)) / len(mine) if mine else None
        ),
        sentence="",
    )  # fmt: skip
    return _told(found)


def _told(found: RankAgreement) -> RankAgreement:
    name = "Spearman" if found.measure == "spearman" else "Kendall's τ-b"
    if found.person_to_others.value is None:
        beside = f"how far people agree is {in_words(found.person_to_others)}"
    else:
        beside = f"a person with those others {in_words(found.person_to_others)}"
    sentence = f"{name} of the judge with all people but one is {in_words(found.judge_to_others)}, {beside}."
    low, high = found.gap.low, found.gap.high
    if low is not None and high is not None:
        if low > 0:
            sentence += " The judge orders items less like people do than a person does."
        elif high < 0:
            sentence += " The judge orders items more like people do than a single person does."
        else:
            sentence += " The difference cannot be told from 0."
    return replace(found, sentence=sentence)


def _scores(
    judge: Sequence[float | None], people: Mapping[str, Sequence[float | None]]
) -> tuple[list[str], Floats, Floats]:
    """Names, the judge's scores (n,) and people's (people, n); NaN where there is none."""
    if not people:
        raise ValueError("want the scores of one person at least, got none")
    for name, scores in people.items():
        if len(scores) != len(judge):
            raise ValueError(
                f"want one score of {name!r} for each of {len(judge)} items (None where there is "
                f"none), got {len(scores)}"
            )
    own, ratings = as_floats(judge), np.stack([as_floats(scores) for scores in people.values()])
    for name, scores in zip(("the judge", *people), (own, *ratings), strict=True):
        if np.isinf(scores).any():
            row = int(np.flatnonzero(np.isinf(scores))[0])
            raise ValueError(
                f"a score of {name!r} is infinite, in row {row}; pass finite numbers or None"
            )
    return list(people), own, ratings


def _mean(ratings: Floats) -> Floats:
    """Mean of the people who rated an item: (people, n) to (n,); NaN where nobody did."""
    there = (~np.isnan(ratings)).sum(axis=0)
    total: Floats = np.nansum(ratings, axis=0)
    # Rounded: means that are equal on paper must tie.
    mean: Floats = np.divide(total, there, out=np.full(there.shape, np.nan), where=there > 0)
    return np.round(mean, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """The distinct pairs of scores: what a resample counts."""

    items: npt.NDArray[np.intp]
    """Shape (rows,): positions of items with both scores, sorted by pair."""
    starts: npt.NDArray[np.intp]
    """Shape (cells,): where each pair's items start."""
    x: npt.NDArray[np.intp]
    """Shape (cells,): rank of the pair's first score among the distinct ones."""
    y: npt.NDArray[np.intp]

    def count(self, times: Floats) -> Floats:
        """How often each pair occurs, (b, cells)."""
        counts: Floats = np.add.reduceat(times[:, self.items], self.starts, axis=1)
        return counts


def _cells(x: Floats, y: Floats) -> _Cells | None:
    """None with fewer than three items: two are always in perfect order."""
    both = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if both.size < 3:
        return None
    a, b = np.unique(x[both], return_inverse=True)[1], np.unique(y[both], return_inverse=True)[1]
    order = np.lexsort((b, a))
    pair = a[order] * (int(b.max()) + 1) + b[order]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    return _Cells(items=both[order], starts=starts, x=a[order][starts], y=b[order][starts])


def _totals(counts: Floats, codes: npt.NDArray[np.intp]) -> Floats:
    """Sum (b, cells) over cells of one code: (b, codes)."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    totals: Floats = np.add.reduceat(counts[:, order], starts, axis=1)
    return totals


def _spearman(x: Floats, y: Floats) -> _Statistic:
    """Pearson's correlation of midranks."""
    cells = _cells(x, y)
    if cells is None:
        return lambda times: np.full(len(times), np.nan)

    def statistic(times: Floats) -> Floats:
        counts = cells.count(times)
        middle = counts.sum(axis=1, keepdims=True) / 2
        ranks = []
        for codes in (cells.x, cells.y):
            totals = _totals(counts, codes)
            ranks.append((np.cumsum(totals, axis=1) - totals / 2 - middle)[:, codes])
        a, b = ranks
        spread = (counts * a * a).sum(axis=1) * (counts * b * b).sum(axis=1)
        return _ratio((counts * a * b).sum(axis=1), spread)

    return statistic


def _kendall(x: Floats, y: Floats) -> _Statistic:
    """τ-b: concordant less discordant pairs, over the geometric mean of the pairs untied in each."""
    cells = _cells(x, y)
    if cells is None:
        return lambda times: np.full(len(times), np.nan)

    def statistic(times: Floats) -> Floats:
        counts = cells.count(times)
        n = counts.sum(axis=1)
        order = np.zeros(len(times))
        for start in range(0, cells.x.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            signs = np.sign(np.subtract.outer(cells.x, cells.x[part])) * np.sign(
                np.subtract.outer(cells.y, cells.y[part])
            )  # (cells, block)
            order += ((counts @ signs.astype(float)) * counts[:, part]).sum(axis=1)
        untied = [n**2 - (_totals(counts, codes) ** 2).sum(axis=1) for codes in (cells.x, cells.y)]
        return _ratio(order, untied[0] * untied[1])

    return statistic


def _ratio(top: Floats, square: Floats) -> Floats:
    """`top` over the root of `square`, between −1 and 1; NaN where that is 0."""
    root = np.sqrt(np.maximum(square, 0))
    ratio = np.divide(top, root, out=np.full(top.shape, np.nan), where=root > 1e-9)
    clipped: Floats = np.clip(ratio, -1, 1)
    return clipped

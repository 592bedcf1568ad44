"""What a single person would reach in the judge's place: the human ceiling of precision and its relatives.

Each person is left out in turn, and their answers are held against the majority of the others, as if they
were the judge; the judge is held against the same majorities on the same items. Where the others are
split, either answer is right half the time: leaving such items out would make both look better than they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from workbench.calibration._draws import from_draws, in_words, times_drawn, with_spread
from workbench.calibration._sample import Codes, Floats, as_floats, tristate
from workbench.metrics.estimate import Estimate, check_level
from workbench.metrics.resampling import group_codes

MEASURES = ("precision", "recall", "accuracy", "kappa")
_EMPTY = {
    "precision": "nothing was approved",
    "recall": "the others approve of nothing",
    "accuracy": "there are no items",
    "kappa": "one answer only on one of the sides",
}
_FEWEST = 30  # items or clusters below which resampling shows too little of how a difference varies
_ALONE = "not identifiable: no two people answered the same item"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstPeople:
    """Somebody's approvals held against the majority of people other than one."""

    precision: Estimate
    """Share of their approvals of which the majority approves."""
    recall: Estimate
    """Share of what the majority approves that they approve."""
    accuracy: Estimate
    kappa: Estimate
    """Cohen's κ, −1 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The judge and a single person, both against the majority of the other people, on the same items."""

    judge: AgainstPeople
    """On average over who is left out."""
    person: AgainstPeople
    """On average over people: the ceiling."""
    people: Mapping[str, AgainstPeople]
    """Each person against the others."""
    gap: AgainstPeople
    """`person` − `judge`, from the same resamples: over 0 where a person does better. No interval below 30
    items (or clusters): a nominal 95% covers 80% at 10, 88% at 15 and 20, 91% to 94% at 30 and 60."""
    items: int
    """Items with a verdict and two answers or more."""
    sentence: str


def human_ceiling(
    judge: Sequence[bool | None],
    people: Mapping[str, Sequence[bool | None]],
    *,
    inclusion_probability: Sequence[float | None] | None = None,
    cluster: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Ceiling:
    """Say what one person would reach in the judge's place.

    Args:
        judge: Length n, its approvals; None where it abstained (such items are left out for all).
        people: Person to answers of length n; None where they gave none.
        inclusion_probability: Length n, over 0 and up to 1, with which each item was drawn for people; None (as
            a whole): all alike. Items are weighted by its inverse.
        cluster: Length n, items that belong together; None: items are independent.
        level: Between 0 and 1.
        resamples: How many times the items (or clusters) are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: Nobody is in `people`, lengths differ, or an answered item has no inclusion probability.
    """
    check_level(level)
    people = dict(sorted(people.items()))
    said, answers, weights = _read(judge, people, inclusion_probability)
    tables = []
    for r in range(len(people)):
        target = _majority(np.delete(answers, r, axis=0))
        use = (said >= 0) & (answers[r] >= 0) & ~np.isnan(target)
        tables.append([_table(who == 1, target, use, weights) for who in (said, answers[r])])
    stacked = np.array(tables)  # (people, judge or person, 4, n)
    used = np.flatnonzero(stacked.any(axis=(0, 1, 2)))
    groups, _ = group_codes(cluster, said.size)
    used = used[_in_order(stacked[:, :, :, used], groups[used])]
    codes = _by_first(groups[used])
    count = int(codes.max(initial=-1)) + 1
    clustered = count < used.size
    flat = stacked.reshape(8 * len(people), said.size)[:, used]
    values = _measures(flat.sum(axis=1).reshape(stacked.shape[:3]))  # (people, 2, measures)
    parts = [
        _measures((times @ flat.T).reshape(-1, *stacked.shape[:3]))
        for times in times_drawn(codes, count, resamples=resamples if count > 1 else 0, seed=seed)
    ]
    draws = np.concatenate(parts) if parts else np.full((1, *values.shape), np.nan)

    def record(signs: tuple[float, float], who: Sequence[int], n: int) -> AgainstPeople:
        """Weigh the judge's and the person's numbers by `signs`, on average over `who` is left out."""
        found = {}
        for m, measure in enumerate(MEASURES):
            needed = values[..., m] if len(who) > 1 else values[..., m][:, np.flatnonzero(signs)]
            rows = [r for r in who if not np.isnan(needed[r]).any()]
            value, drawn = math.nan, np.full(1, np.nan)
            if rows:
                value = float((values[..., m][rows] @ signs).mean())
                drawn = (draws[..., m][:, rows] @ np.array(signs)).mean(axis=1)
            found[measure] = with_spread(
                from_draws(
                    value,
                    drawn,
                    n=n,
                    groups=count,
                    clustered=clustered,
                    level=level,
                    reason=_EMPTY[measure] if n else _ALONE,
                    assumptions=(
                        "where the others are split, either answer is right half the time",
                    ),
                    share=min(signs) >= 0 and measure != "kappa",
                    behind=count,
                )
            )
        return AgainstPeople(**found)

    everyone = range(len(people))
    sizes = [int(stacked[r, 1].any(axis=0).sum()) for r in everyone]
    mine = record((1.0, 0.0), everyone, used.size)
    theirs = record((0.0, 1.0), everyone, used.size)
    gap = record((-1.0, 1.0), everyone, used.size)
    if count < _FEWEST:
        unit = "clusters" if clustered else "items"
        gap = AgainstPeople(**{m: _unsure(getattr(gap, m), count, unit) for m in MEASURES})
    return Ceiling(
        judge=mine,
        person=theirs,
        people={name: record((0.0, 1.0), [r], sizes[r]) for r, name in enumerate(people)},
        gap=gap,
        items=used.size,
        sentence=_sentence(mine, theirs, gap),
    )


def _unsure(estimate: Estimate, count: int, unit: str) -> Estimate:
    if estimate.low is None:
        return estimate
    why = f"{count} {unit} are too few to say how a difference varies, {_FEWEST} would do"
    return replace(estimate, low=None, high=None, reason=f"no interval: {why}")


def _sentence(judge: AgainstPeople, person: AgainstPeople, gap: AgainstPeople) -> str:
    if person.precision.value is None or judge.precision.value is None:
        why = person.precision.reason or judge.precision.reason
        return f"The judge cannot be held against a single person: {why}."
    text = (
        f"Of the judge's approvals the other people approve {in_words(judge.precision)}, "
        f"of a single person's {in_words(person.precision)}"
    )
    low, high = gap.precision.low, gap.precision.high
    if low is None or high is None:
        why = (gap.precision.reason or "").removeprefix("no interval: ")
        return f"{text}; how far they differ is unsure: {why}."
    if low > 0:
        return text + ": a person is the more precise."
    if high < 0:
        return text + ": the judge is the more precise."
    return text + ": the difference cannot be told from 0."


def _read(
    judge: Sequence[bool | None],
    people: Mapping[str, Sequence[bool | None]],
    inclusion_probability: Sequence[float | None] | None,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], Floats]:
    """Judge (n,) and people (people, n) as 1, 0 and −1 for none; items that each item stands for, (n,)."""
    if not people:
        raise ValueError("want the answers of one person at least, got none")
    n = len(judge)
    for name, values in people.items():
        if len(values) != n:
            raise ValueError(
                f"want one answer of {name!r} for each of {n} verdicts (None where there is none), "
                f"got {len(values)}"
            )
    said = tristate(judge, "judge")
    answers = np.stack([tristate(values, name) for name, values in people.items()])
    if inclusion_probability is None:
        return said, answers, np.ones(n)
    inclusion = as_floats(inclusion_probability)
    if inclusion.shape != (n,):
        raise ValueError(
            f"want one inclusion probability for each of {n} verdicts, got {inclusion.size}"
        )
    missing = ~np.isnan(inclusion) & ~((inclusion > 0) & (inclusion <= 1))
    missing |= np.isnan(inclusion) & (answers >= 0).any(axis=0)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            "an answered item wants the probability, over 0 and up to 1, with which it was drawn; "
            f"got {float(inclusion[row])!r} in row {row}"
        )
    return said, answers, 1 / np.where(np.isnan(inclusion), 1.0, inclusion)


def _majority(answers: npt.NDArray[np.int8]) -> Floats:
    """Of (people, n): 1, 0, ½ where they are split, NaN where nobody answered."""
    yes, no = (answers == 1).sum(axis=0), (answers == 0).sum(axis=0)
    target: Floats = np.where(yes + no > 0, (1 + np.sign(yes - no)) / 2, np.nan)
    return target


def _table(
    approved: npt.NDArray[np.bool_], target: Floats, use: npt.NDArray[np.bool_], weights: Floats
) -> Floats:
    """Approved and right, approved and wrong, rejected and wrong, rejected and right: (4, n)."""
    share = np.where(use, target, 0.0)
    weight = np.where(use, weights, 0.0)
    parts = [approved * share, approved * (1 - share), ~approved * share, ~approved * (1 - share)]
    table: Floats = weight * np.stack(parts)
    return table


def _in_order(tables: Floats, groups: Codes) -> Codes:
    """Order items, places (n,), by what people said of them and last by what the judge said.

    The same people then get the same interval on the same items beside whatever judge, and in whatever
    order the items came: a resample draws places.

    Args:
        tables: Shape (people, judge or person, 4, n), as `_table` makes them.
        groups: Shape (n,), items that belong together share a number; clusters stay together.
    """
    if not groups.size:
        return np.arange(0)
    persons, judge = (
        tables[:, 1].reshape(-1, groups.size).T,
        tables[:, 0].reshape(-1, groups.size).T,
    )
    own: dict[int, list[tuple[tuple[float, ...], tuple[float, ...], int]]] = {}
    for place, (group, theirs, his) in enumerate(
        zip(groups.tolist(), persons.tolist(), judge.tolist(), strict=True)
    ):
        own.setdefault(group, []).append((tuple(theirs), tuple(his), place))
    clusters = [sorted(items) for items in own.values()]
    clusters.sort(key=lambda items: ([i[0] for i in items], [i[1] for i in items]))
    return np.array([place for items in clusters for _, _, place in items], dtype=np.intp)


def _by_first(groups: Codes) -> Codes:
    """Number groups, (n,), in the order in which they first come."""
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.intp)
    rank[np.argsort(first)] = np.arange(first.size)
    numbered: Codes = rank[codes]
    return numbered


def _measures(tables: Floats) -> Floats:
    """Precision, recall, accuracy and κ of tables (…, 4): (…, 4), NaN where undefined."""
    tp, fp, fn, tn = np.moveaxis(tables, -1, 0)
    total = tp + fp + fn + tn
    chance = (tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)  # × total²
    pairs = (
        (tp, tp + fp),
        (tp, tp + fn),
        (tp + tn, total),
        ((tp + tn) * total - chance, total**2 - chance),
    )
    return np.stack(
        [
            np.divide(top, under, out=np.full(total.shape, np.nan), where=under > 1e-9 * total**p)
            for p, (top, under) in zip((1, 1, 1, 2), pairs, strict=True)
        ],
        axis=-1,
    )

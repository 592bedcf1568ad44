"""Drift: whether a judge's scores and approvals moved between two rubric or model versions, or two periods.

On the same items the two are compared pair by pair, which sees far smaller changes than two samples do.
Scores may move because the judge did or because the items did: only the same items tell these apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration._sample import Bools, Codes, Floats, as_floats, codes_of, tristate
from workbench.calibration.exact_tests import benjamini_hochberg
from workbench.calibration.watching._moved import Moved, compare_samples
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What a judge said of one set of items, one entry per item throughout."""

    approved: Sequence[bool | None]
    """None where it did not decide."""
    scores: Mapping[str, Sequence[float | None]]
    """Name, such as `confidence` or a criterion, to scores; None where there is none."""
    keys: Sequence[str]
    """What the item is known by in both sets: where half of the smaller set is in both, or more, the shared
    items are compared in pairs."""
    groups: Sequence[str] | None = None
    """Items that belong together, such as one product's; None: independent. Of the same items one side's
    groups are enough (those before count)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDrift:
    """How the distribution of one score moved."""

    name: str
    n_before: int
    n_after: int
    paired: bool
    """True where the same items were compared; both counts are then of pairs."""
    change: Estimate
    """Mean after less mean before, in points of the score's scale (Student's t; Welch's of two samples)."""
    ks: float | None
    """Largest distance between the two cumulative distributions, 0 to 1 (Kolmogorov–Smirnov)."""
    wasserstein: Estimate
    """Mean distance that scores would have to move, in points of the scale (bootstrap)."""
    psi: float | None
    """Population stability index over tenths of the scores before; 0 is no drift."""
    psi_noise: float | None
    """What `psi` stays below in 95 of 100 cases without any drift, at these sizes. A fixed limit such as
    .2 knows no sizes."""
    p_value: float | None
    """Of no drift, by permutation of `ks`. On the same items pairs are turned round instead, which sees a
    change of shape, beside Wilcoxon's signed ranks, which see the smallest shifts: twice the smaller of both."""
    q_value: float | None
    """`p_value` after Benjamini and Hochberg over all scores."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What moved between two sets of verdicts."""

    paired: bool
    """True where the same items were compared."""
    before: Estimate
    """Approval rate before (Wilson)."""
    after: Estimate
    change: Estimate
    """Approval rate after less before."""
    scores: tuple[ScoreDrift, ...]
    """As named, in the order of the set before."""
    sentence: str
    """On approvals, in words."""


def drift(
    before: Scoring,
    after: Scoring,
    *,
    false_share: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
) -> Drift:
    """Compare two sets of verdicts: approvals and every score that both have.

    Where at least half of the smaller set is shared, only the shared items count and the comparison is
    paired. Fewer would throw most of the data away: the sets are then two samples in which each shared item
    is a cluster of its two rows, and the sentence says how many there are.

    Args:
        before: One version or period.
        after: The other.
        false_share: Accepted share of false findings among scores that are said to have drifted.
        level: Of the intervals, between 0 and 1.
        seed: Of shuffles and bootstrap.

    Raises:
        ValueError: Lengths differ, a key is there twice, or a score is infinite.

    Source: Kolmogorov 1933 and Smirnov 1939 by permutation; Wilcoxon 1945; Yurdakul & Naranjo 2020 (the
    index's noise); Newcombe 1998, Stat. Med. 17:873 and 17:2635 (difference of two shares).
    """
    check_level(level)
    if not 0 < false_share < 1:
        raise ValueError(f"`false_share` lies between 0 and 1, got {false_share!r}")
    sides = _checked(before, "before"), _checked(after, "after")
    pairs, shared = _pairs(before.keys, after.keys)
    groups = _groups(before, after, pairs, shared)
    names = [name for name in before.scores if name in after.scores]
    found = []
    for name in names:
        one, two = sides[0][name], sides[1][name]
        if pairs is None:
            moved = compare_samples(one, two, groups, level=level, seed=seed)
        else:
            moved = compare_samples(
                one[pairs[0]], two[pairs[1]], groups, paired=True, level=level, seed=seed
            )
        found.append(moved)
    q_values = benjamini_hochberg([moved.p_value for moved in found])
    rates = _approvals(before, after, pairs, groups, level)
    return Drift(
        paired=pairs is not None,
        before=rates[0],
        after=rates[1],
        change=rates[2],
        scores=tuple(
            ScoreDrift(
                name=name, n_before=moved.n_before, n_after=moved.n_after, paired=pairs is not None,
                change=moved.change, ks=moved.ks, wasserstein=moved.wasserstein, psi=moved.psi,
                psi_noise=moved.psi_noise, p_value=moved.p_value, q_value=q,
                sentence=_sentence(name, moved, q, false_share, paired=pairs is not None),
            )
            for name, moved, q in zip(names, found, q_values, strict=True)
        ),
        sentence=_approval_sentence(*rates, paired=pairs is not None)
        + (_apart(shared) if pairs is None and shared else ""),
    )  # fmt: skip


_Pairs = tuple[Codes, Codes]


def _checked(scoring: Scoring, side: str) -> dict[str, Floats]:
    """Scores as arrays, with None as NaN."""
    n = len(scoring.keys)
    if len(set(scoring.keys)) != n:
        counts = Counter(scoring.keys)
        raise ValueError(
            f"key {counts.most_common(1)[0][0]!r} is there twice {side}; pass each item once"
        )
    for name, values in (("approved", scoring.approved), ("groups", scoring.groups)):
        if values is not None and len(values) != n:
            raise ValueError(
                f"`{name}` {side} wants one value for each of {n} keys, got {len(values)}"
            )
    scores = {}
    for name, points in scoring.scores.items():
        if len(points) != n:
            raise ValueError(
                f"scores of {name!r} {side} want one value for each of {n} keys, got {len(points)}"
            )
        scores[name] = as_floats(points)
        if np.isinf(scores[name]).any():
            raise ValueError(
                f"scores of {name!r} {side} must be finite or None, got an infinite one"
            )
    return scores


def _pairs(before: Sequence[str], after: Sequence[str]) -> tuple[_Pairs | None, int]:
    """Places of shared items on both sides, in the order before, and their number.

    No places where less than half of the smaller side is shared: so few are hardly a fair draw of it.
    """
    places = {key: i for i, key in enumerate(after)}
    found = [(i, places[key]) for i, key in enumerate(before) if key in places]
    if not found or 2 * len(found) < min(len(before), len(after)):
        return None, len(found)
    one, two = np.array(found, dtype=np.intp).T
    return (one, two), len(found)


def _groups(before: Scoring, after: Scoring, pairs: _Pairs | None, shared: int) -> _Pairs | None:
    """Groups of the rows that are compared, in one numbering; None where items are independent."""
    if pairs is not None:
        # The items are the same, so the groups of either side are those of both.
        for scoring, rows in zip((before, after), pairs, strict=True):
            if scoring.groups is not None:
                codes = codes_of(scoring.groups)[rows]
                return codes, codes
        return None
    if before.groups is None and after.groups is None and not shared:
        return None
    one = (
        [f"group {g}" for g in before.groups]
        if before.groups
        else [f"key {k}" for k in before.keys]
    )
    two = [f"group {g}" for g in after.groups] if after.groups else [f"key {k}" for k in after.keys]
    codes = codes_of([*one, *two])
    return codes[: len(one)], codes[len(one) :]


def _approvals(
    before: Scoring, after: Scoring, pairs: _Pairs | None, groups: _Pairs | None, level: float
) -> tuple[Estimate, Estimate, Estimate]:
    """Approval rates and their difference; items (of a pair, either one) that were not decided are left out."""
    said = [tristate(before.approved, "approved"), tristate(after.approved, "approved")]
    if pairs is not None:
        said = [side[place] for side, place in zip(said, pairs, strict=True)]
    decided = [side >= 0 for side in said]
    if pairs is not None:
        decided = [decided[0] & decided[1]] * 2
    yes = [side[there] == 1 for side, there in zip(said, decided, strict=True)]
    rates = [
        proportion(y, groups=None if groups is None else groups[i][decided[i]], level=level)
        for i, y in enumerate(yes)
    ]
    return rates[0], rates[1], _difference(rates[0], rates[1], yes, paired=pairs is not None)


def _difference(one: Estimate, two: Estimate, yes: Sequence[Bools], *, paired: bool) -> Estimate:
    """Second share less the first: each one's own limits, squares added (Newcombe's methods 10)."""
    method = "Newcombe, paired" if paired else "Newcombe"
    n = one.n if paired else one.n + two.n
    if one.value is None or two.value is None:
        return undefined("one side decided no item", method=method, n=n, level=one.level)
    value = two.value - one.value
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return Estimate(
            value=value, low=None, high=None, level=one.level, method=method, n=n,
            reason=one.reason or two.reason,
        )  # fmt: skip
    tie = _phi(*yes) if paired else 0.0

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a**2 - 2 * tie * a * b + b**2))

    return Estimate(
        value=value,
        low=max(-1.0, value - reach(two.value - two.low, one.high - one.value)),
        high=min(1.0, value + reach(two.high - two.value, one.value - one.low)),
        level=one.level,
        method=method,
        n=n,
        assumptions=one.assumptions,
    )


def _phi(one: Bools, two: Bools) -> float:
    """Correlation of two answers to the same items, with Newcombe's continuity correction; 0 if undefined."""
    a, b, c, d = (
        float((x & y).sum()) for x, y in ((one, two), (one, ~two), (~one, two), (~one, ~two))
    )
    below = (a + b) * (c + d) * (a + c) * (b + d)
    if below == 0:
        return 0.0
    top = a * d - b * c
    if top > 0:
        top = max(top - one.size / 2, 0.0)
    return top / math.sqrt(below)


def _sentence(name: str, moved: Moved, q: float | None, false_share: float, *, paired: bool) -> str:
    change = moved.change
    if change.value is None or q is None:
        return f"{name}: one side has no score, so nothing can be compared."
    if paired:
        where = f"on the same {moved.n_before} items"
    else:
        where = f"between {moved.n_before} and {moved.n_after} items"
    if q > false_share:
        return f"{name}: no drift was seen {where} (q = {q:.2g})."
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        way = "changed in shape, not surely in their mean,"
    else:
        verb = "rose" if change.value > 0 else "fell"
        bounds = sorted((abs(change.low), abs(change.high)))
        way = f"{verb} by {abs(change.value):.3g} on average ({bounds[0]:.3g} to {bounds[1]:.3g})"
    return f"{name}: scores {way} {where} (q = {q:.2g})."


def _apart(shared: int) -> str:
    items = "item is" if shared == 1 else "items are"
    return (
        f" Only {shared} {items} in both sets, under half of the smaller one: all were compared "
        "as two samples, not in pairs."
    )


def _approval_sentence(one: Estimate, two: Estimate, change: Estimate, *, paired: bool) -> str:
    if one.value is None or two.value is None or change.value is None:
        return "Approval rates cannot be compared: one side decided no item."
    rates = f"{one.value:.1%} to {two.value:.1%}"
    where = f"on the same {one.n} items" if paired else f"from {one.n} to {two.n} items"
    if change.low is None or change.high is None:
        return f"The approval rate went from {rates} {where}; {change.reason}."
    sure = "surely moved" if change.low > 0 or change.high < 0 else "may not have moved"
    return (
        f"The approval rate {sure}: {rates} {where}, a change of {100 * change.value:+.1f} points "
        f"({100 * change.low:+.1f} to {100 * change.high:+.1f})."
    )

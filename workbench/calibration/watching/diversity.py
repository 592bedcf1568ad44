"""Does refining narrow the look? Diversity of approved images against that of the items they show.

A loop that keeps what a judge likes may end in one look: the same background, the same light, whatever the
item. Each score of an attempt is divided by the score of the same items' own pictures, so that a change
of the items is not taken for a change of the look. Diversity grows with the number of pictures, so within
a category all attempts are compared at one number, by drawing as many from each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Codes, Floats
from workbench.metrics.estimate import Estimate, check_level, undefined

_DRAWS = 20  # random draws of equal size that a score is averaged over
_MOST = 500  # pictures per draw: beyond, more of them hardly move a score's ratio
_FEWEST = 5  # pictures of one category and attempt below which they are left out
_METHOD = "Student's t over categories"
_BLOCK = 2000  # rows of distances held in memory at once


def mean_distance(embeddings: npt.ArrayLike) -> float | None:
    """Mean cosine distance of all pairs, 0 (identical) to 2; None below two pictures.

    Args:
        embeddings: Shape (n, d), finite, no row all 0.

    Raises:
        ValueError: The shape is wrong, or a row is not finite or all 0.
    """
    unit = _unit(embeddings)
    n = len(unit)
    if n < 2:
        return None
    # All products of pairs add up to the squared length of the sum, n of them with itself.
    together = float((unit.sum(axis=0) ** 2).sum())
    return max(0.0, 1 - (together - n) / (n * (n - 1)))


def vendi_score(embeddings: npt.ArrayLike) -> float | None:
    """Effective number of different pictures: 1 (identical) to n (orthogonal); None without any.

    The exponential of the entropy of the eigenvalues of K / n, where K holds cosine similarities.

    Args:
        embeddings: Shape (n, d), finite, no row all 0.

    Raises:
        ValueError: The shape is wrong, or a row is not finite or all 0.

    Source: Friedman & Dieng 2023, TMLR, arXiv:2210.02410, definition 3.1 with the cosine kernel.
    """
    unit = _unit(embeddings)
    n, d = unit.shape
    if n == 0:
        return None
    # X Xᵀ and Xᵀ X have the same eigenvalues but for zeros: take the smaller one.
    shares = np.linalg.eigvalsh((unit @ unit.T if n <= d else unit.T @ unit) / n)
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def neighbour_coverage(
    made: npt.ArrayLike, own: npt.ArrayLike, *, neighbours: int = 5
) -> float | None:
    """Share of the items' own pictures that have a made one among their near ones: 0 to 1.

    Near means as near as the own picture's k-th nearest own picture. None where there are not more than k
    own pictures, or no made one.

    Args:
        made: Shape (n, d), finite, no row all 0.
        own: Shape (m, d), likewise.
        neighbours: k, from 1.

    Raises:
        ValueError: A shape is wrong, or a row is not finite or all 0.

    Source: Naeem et al. 2020, ICML, arXiv:2002.09797, equation 4, with the cosine distance.
    """
    new, known = _unit(made), _unit(own)
    if neighbours < 1:
        raise ValueError(f"`neighbours` is a count from 1, got {neighbours!r}")
    if len(new) and len(known) and new.shape[1] != known.shape[1]:
        raise ValueError(f"want embeddings of one width, got {new.shape[1]} and {known.shape[1]}")
    if len(new) == 0 or len(known) <= neighbours:
        return None
    hits = 0
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        among = block @ known.T
        among[np.arange(len(block)), start + np.arange(len(block))] = -np.inf  # not itself
        radius = -np.partition(-among, neighbours - 1, axis=1)[:, neighbours - 1]  # as similarity
        hits += int(((block @ new.T).max(axis=1) >= radius - 1e-12).sum())
    return hits / len(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDiversity:
    """Approved pictures of one attempt, beside the same items' own pictures."""

    attempt: int
    pictures: int
    """Approved pictures, those in categories that are compared."""
    distance: Estimate
    """Mean pairwise distance over that of the items' own pictures, mean of categories; 1 keeps it."""
    vendi: Estimate
    """Effective number of pictures over that of the items' own, mean of categories; 1 keeps it."""
    coverage: Estimate
    """Share of own pictures with a made one near, mean of categories; about 1 where made ones are alike to
    own ones, lower where they keep to one corner or have another style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Whether diversity falls from attempt to attempt."""

    attempts: tuple[AttemptDiversity, ...]
    """By attempt, ascending, over the categories that have every one of them."""
    categories: int
    """Categories that are compared."""
    slope: Estimate
    """Change of `vendi` from one attempt to the next, mean of categories."""
    sentence: str


def convergence(
    made: npt.ArrayLike,
    own: npt.ArrayLike,
    *,
    attempt: Sequence[int],
    category: Sequence[str],
    level: float = 0.95,
    seed: int = 0,
) -> Convergence:
    """Compare the diversity of approved pictures with that of their items' own, by attempt.

    Only categories with at least five pictures in each attempt are compared, each with the same number from
    every attempt (its fewest, at most 500), averaged over 20 random draws. Categories count alike, and
    intervals come from how they differ: with one category there is none.

    Args:
        made: Shape (n, d), embeddings of approved pictures, finite, no row all 0.
        own: Shape (n, d), embedding of the own picture of each one's item, by the same encoder.
        attempt: Length n, from 1.
        category: Length n.
        level: Of the intervals, between 0 and 1.
        seed: Of the draws.

    Raises:
        ValueError: A shape is wrong, or a row is not finite or all 0.
    """
    check_level(level)
    new, known = _unit(made), _unit(own)
    n = len(new)
    if new.shape != known.shape or len(attempt) != n or len(category) != n:
        raise ValueError(
            f"want an own embedding, an attempt and a category for each of {n} pictures, got own of shape "
            f"{known.shape}, {len(attempt)} attempts and {len(category)} categories"
        )
    tries: Codes = np.asarray(attempt, dtype=np.intp)
    names = np.asarray(category, dtype=str)
    steps = np.unique(tries)
    table, pictures = [], np.zeros(steps.size, dtype=int)
    rng = np.random.default_rng(seed)
    for name in np.unique(names):
        own_rows = [np.flatnonzero((names == name) & (tries == step)) for step in steps]
        fewest = min(rows.size for rows in own_rows)
        if fewest < _FEWEST:
            continue
        pictures += [rows.size for rows in own_rows]
        size = min(fewest, _MOST)
        table.append([_ratios(new, known, rows, size, rng) for rows in own_rows])
    if not table:
        return _nothing(steps, level)
    scores = np.array(table, dtype=float)  # (categories, attempts, 3); NaN where undefined

    slope = undefined("there is only one attempt", method=_METHOD, level=level)
    if steps.size > 1:
        away = steps - steps.mean()
        slope = _mean((scores[:, :, 1] @ away) / float(away @ away), level)
    attempts = tuple(
        AttemptDiversity(
            attempt=int(step),
            pictures=int(pictures[i]),
            distance=_mean(scores[:, i, 0], level),
            vendi=_mean(scores[:, i, 1], level),
            coverage=_mean(scores[:, i, 2], level),
        )
        for i, step in enumerate(steps)
    )
    return Convergence(
        attempts=attempts,
        categories=len(table),
        slope=slope,
        sentence=_sentence(attempts, slope, len(table)),
    )


def _ratios(
    made: Floats, own: Floats, rows: Codes, size: int, rng: np.random.Generator
) -> list[float]:
    """Distance and Vendi score of `size` of `rows` over those of the items' own, and coverage; NaN: undefined."""
    found = []
    for _ in range(_DRAWS if rows.size > size else 1):
        drawn = rows if rows.size == size else rng.choice(rows, size, replace=False)
        new, known = made[drawn], own[drawn]
        pairs = (
            (mean_distance(new), mean_distance(known)),
            (vendi_score(new), vendi_score(known)),
            (neighbour_coverage(new, known, neighbours=min(5, size - 1)), 1.0),
        )
        found.append([top / below if top is not None and below else np.nan for top, below in pairs])
    return [float(x) for x in np.mean(found, axis=0)]


def _mean(values: Floats, level: float) -> Estimate:
    """Mean over categories, shape (categories,), with Student's interval; NaN is left out."""
    known = values[~np.isnan(values)]
    n = known.size
    if n == 0:
        return undefined(
            "the items' own pictures are all alike, or too few", method=_METHOD, level=level
        )
    value = float(known.mean())
    if n == 1:
        return Estimate(
            value=value, low=None, high=None, level=level, method=_METHOD, n=n,
            reason="only one category: how categories differ is unknown",
        )  # fmt: skip
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * float(known.std(ddof=1)) / math.sqrt(n)
    return Estimate(
        value=value, low=value - half, high=value + half, level=level, method=_METHOD, n=n,
        assumptions=("categories are independent",),
    )  # fmt: skip


def _nothing(steps: Codes, level: float) -> Convergence:
    why = (
        f"no category has {_FEWEST} approved pictures in every attempt"
        if steps.size
        else "there is no picture"
    )
    missing = undefined(why, method=_METHOD, level=level)
    return Convergence(
        attempts=(), categories=0, slope=missing,
        sentence=f"Diversity cannot be compared: {why}.",
    )  # fmt: skip


def _sentence(attempts: Sequence[AttemptDiversity], slope: Estimate, categories: int) -> str:
    first, last = attempts[0], attempts[-1]
    if first.vendi.value is None or last.vendi.value is None:
        return f"Diversity cannot be compared: {first.vendi.reason or last.vendi.reason}."
    if slope.value is None:
        return (
            f"Approved pictures are {first.vendi.value:.0%} as diverse as the items' own; with one attempt "
            "nothing can be said about a trend."
        )
    course = (
        f"from {first.vendi.value:.0%} of the items' own diversity at attempt {first.attempt} to "
        f"{last.vendi.value:.0%} at attempt {last.attempt}"
    )
    if slope.low is None or slope.high is None:
        return f"Diversity went {course}, in one category: whether others do the same is unknown."
    if slope.high < 0:
        return f"The look narrows: diversity falls {course}, in {categories} categories."
    if slope.low > 0:
        return f"The look widens: diversity rises {course}, in {categories} categories."
    return f"No narrowing was seen: diversity goes {course}, in {categories} categories."


def _unit(embeddings: npt.ArrayLike) -> Floats:
    """Rows of length 1, shape (n, d)."""
    vectors: Floats = np.asarray(embeddings, dtype=float)
    if vectors.size == 0 and vectors.ndim < 2:
        vectors = vectors.reshape(0, 1)
    if vectors.ndim != 2:
        raise ValueError(f"want embeddings of shape (n, d), got {vectors.shape}")
    largest = np.abs(vectors).max(axis=1, initial=0)
    wrong = np.flatnonzero(~(np.isfinite(largest) & (largest > 0)))
    if wrong.size:
        raise ValueError(
            f"an embedding is finite and not all 0; row {int(wrong[0])} is not: leave it out"
        )
    scaled = vectors / largest[:, None]  # first, so that no square overflows
    unit: Floats = scaled / np.sqrt((scaled**2).sum(axis=1, keepdims=True))
    return unit

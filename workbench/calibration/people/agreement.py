"""How far people agree with each other, or a judge with people, beyond chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import proportion
from workbench.metrics.resampling import (
    Floats,
    bootstrap,
    bootstrap_mean,
    group_codes,
    sums_by_group,
)

Weights = Literal["none", "linear", "quadratic"]
Scale = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Cohen's κ and its standard error."""

    estimate: Estimate
    standard_error: float | None
    """Asymptotic, for κ away from 0 (to build an interval); None where κ is undefined."""


def cohen_kappa(table: npt.ArrayLike, *, weights: Weights = "none", level: float = 0.95) -> Kappa:
    """Cohen's κ of two raters with its asymptotic standard error and interval.

    Args:
        table: Shape (k, k), counts; rows are one rater's category, columns the other's, same order.
        weights: `linear` and `quadratic` forgive near misses, for ordered categories.
        level: Between 0 and 1.

    Raises:
        ValueError: The table is not square or holds a number that is no count.

    Source: Cohen 1960; Fleiss, Cohen & Everitt 1969, Psychol. Bull. 72:323 (standard error).
    """
    check_level(level)
    counts = np.asarray(table, dtype=float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"want a square table of counts, got shape {counts.shape}")
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"want counts of 0 or more, got {counts.tolist()}")
    k, n = len(counts), float(counts.sum())
    method = "Cohen's κ, asymptotic" + ("" if weights == "none" else f", {weights} weights")
    if n == 0:
        return Kappa(
            estimate=undefined("there are no rows", method=method, level=level), standard_error=None
        )
    agree = _agreement_weights(k, weights)
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float((agree * p).sum()), float(rows @ agree @ columns)
    if chance >= 1 - 1e-12:
        reason = "both raters gave one and the same category only"
        return Kappa(
            estimate=undefined(reason, method=method, n=int(n), level=level), standard_error=None
        )
    kappa = (observed - chance) / (1 - chance)
    mean_weight = (agree @ columns)[:, None] + (agree.T @ rows)[None, :]  # (k, k)
    spread = float((p * (agree - mean_weight * (1 - kappa)) ** 2).sum())
    variance = max(0.0, spread - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    half = float(special.ndtri((1 + level) / 2)) * math.sqrt(variance)
    return Kappa(
        estimate=Estimate(
            value=kappa, low=max(-1.0, kappa - half), high=min(1.0, kappa + half), level=level,
            method=method, n=int(n), effective_n=n,
            assumptions=("rows are independent", "there are enough rows for a normal interval"),
        ),
        standard_error=math.sqrt(variance),
    )  # fmt: skip


def confusion_table(
    first: Sequence[str | None], second: Sequence[str | None], *, categories: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Counts of pairs, shape (k, k), in the order of `categories`; rows without both answers are left out.

    Raises:
        ValueError: Lengths differ, or an answer is none of `categories`.
    """
    if len(first) != len(second):
        raise ValueError(f"want two answers each, got {len(first)=}, {len(second)=}")
    index = {category: i for i, category in enumerate(categories)}
    table = np.zeros((len(index), len(index)), dtype=np.int64)
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        if a is None or b is None:
            continue
        if a not in index or b not in index:
            raise ValueError(
                f"row {row} holds {a!r} and {b!r}; the categories are {list(categories)}"
            )
        table[index[a], index[b]] += 1
    return table


def percent_agreement(
    first: Sequence[str | None],
    second: Sequence[str | None],
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Share of rows on which two raters gave the same answer (Wilson; cluster-robust with `groups`).

    Rows without both answers are left out.

    Raises:
        ValueError: Lengths differ.
    """
    if len(first) != len(second):
        raise ValueError(f"want two answers each, got {len(first)=}, {len(second)=}")
    both = [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if None not in (a, b)]
    own = None if groups is None else np.asarray(groups)[both]
    return proportion([first[i] == second[i] for i in both], groups=own, level=level)


def krippendorff_alpha(
    ratings: npt.ArrayLike,
    *,
    scale: Scale,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's α over any number of raters, with missing answers allowed.

    The interval resamples items with all their answers, or groups of items. Items with fewer than two answers pair with
    nothing and are left out.

    Args:
        ratings: Shape (raters, items), numbers; NaN where a rater did not answer. On the nominal
            scale the numbers are only names.
        scale: How far apart two different answers are: `nominal` all alike, `ordinal` by the ranks
            between them, `interval` by their squared difference.
        groups: Shape (items,), labels; items with one label are drawn together. None: each alone.
        level: Between 0 and 1.
        resamples: How many times the items are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: A shape or the scale is wrong, or a rating is infinite.

    Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability".
    """
    data, codes = _ratings(ratings, groups)
    if scale not in ("nominal", "ordinal", "interval"):
        raise ValueError(f"`scale` is 'nominal', 'ordinal' or 'interval', got {scale!r}")
    values = np.unique(data[~np.isnan(data)])
    k = len(values)
    if k == 0:
        return undefined("nobody answered", method="cluster bootstrap", level=level)
    counts = (data[:, :, None] == values).sum(axis=0).astype(float)  # (items, k)
    several = counts.sum(axis=1) >= 2
    pairable = counts[several]
    size = pairable.sum(axis=1)
    # Coincidences of values within an item, each item weighted by 1 / (answers − 1).
    together = pairable[:, :, None] * pairable[:, None, :] - np.eye(k) * pairable[:, None, :]
    coincidences = together / np.maximum(size - 1, 1)[:, None, None]

    def alpha(sums: Floats) -> Floats:
        matrices = sums.reshape(-1, k, k)
        totals = matrices.sum(axis=2)  # (B, k)
        n = totals.sum(axis=1)
        distance = _squared_distance(values, totals, scale)  # (B, k, k)
        seen = (matrices * distance).sum(axis=(1, 2))
        expected = np.einsum("bi,bj,bij->b", totals, totals, distance)
        ratio: Floats = 1 - (n - 1) * seen / np.where(expected > 0, expected, np.nan)
        return ratio

    return bootstrap(
        sums_by_group(coincidences.reshape(len(pairable), k * k), codes[several]),
        alpha,
        n=int(size.sum()),
        level=level,
        resamples=resamples,
        seed=seed,
        clustered=True,
        undefined_reason="all answers are the same: chance agreement cannot be told apart",
    )


def fleiss_kappa(
    counts: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Fleiss' κ of the same number of answers per item, with an interval from resampled items.

    Args:
        counts: Shape (items, categories), answers per category; every row sums to the same number ≥ 2.
        groups: Shape (items,), labels; items with one label are drawn together. None: each alone.
        level: Between 0 and 1.
        resamples: How many times the items are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: The shape is wrong or rows sum to different numbers.

    Source: Fleiss 1971, Psychol. Bull. 76:378.
    """
    table, raters = _answers_per_item(counts)
    k = table.shape[1]

    def kappa(sums: Floats) -> Floats:
        share = sums[:, :k] / (sums[:, k + 1 :] * raters)
        chance = (share**2).sum(axis=1)
        observed = sums[:, k] / sums[:, k + 1]
        ratio: Floats = (observed - chance) / np.where(chance < 1, 1 - chance, np.nan)
        return ratio

    return _bootstrap_items(
        table, raters, kappa, groups=groups, level=level, resamples=resamples, seed=seed
    )


def gwet_ac1(
    counts: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Gwet's AC1: agreement beyond chance that stays sensible where one category is rare.

    Args:
        counts: Shape (items, categories), as for `fleiss_kappa`; at least two categories.
        groups: As for `fleiss_kappa`.
        level: Between 0 and 1.
        resamples: How many times the items are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: The shape is wrong or rows sum to different numbers.

    Source: Gwet 2008, Br. J. Math. Stat. Psychol. 61:29.
    """
    table, raters = _answers_per_item(counts)
    k = table.shape[1]
    if k < 2:
        raise ValueError("AC1 wants at least two categories, got 1")

    def ac1(sums: Floats) -> Floats:
        share = sums[:, :k] / (sums[:, k + 1 :] * raters)
        chance = (share * (1 - share)).sum(axis=1) / (k - 1)
        observed = sums[:, k] / sums[:, k + 1]
        ratio: Floats = (observed - chance) / (1 - chance)
        return ratio

    return _bootstrap_items(
        table, raters, ac1, groups=groups, level=level, resamples=resamples, seed=seed
    )


def mean_pairwise_agreement(
    ratings: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Chance that two raters of one item, drawn at random, say the same: the human ceiling of accuracy.

    Args:
        ratings: Shape (raters, items), numbers as names; NaN where a rater did not answer.
        groups: Shape (items,), labels; items with one label are drawn together. None: each alone.
        level: Between 0 and 1.
        seed: Of the resampled items.

    Raises:
        ValueError: A shape is wrong, or a rating is infinite.
    """
    data, codes = _ratings(ratings, groups)
    values = np.unique(data[~np.isnan(data)])
    counts = (data[:, :, None] == values).sum(axis=0).astype(float)
    size = counts.sum(axis=1)
    pairs = (counts * (counts - 1)).sum(axis=1)[size >= 2] / (size * (size - 1))[size >= 2]
    own = None if groups is None else codes[size >= 2]
    return bootstrap_mean(pairs, groups=own, level=level, seed=seed)


def _ratings(
    ratings: npt.ArrayLike, groups: npt.ArrayLike | None
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Ratings as (raters, items), and each item's group as a number, (items,)."""
    data = np.asarray(ratings, dtype=float)
    if data.ndim != 2:
        raise ValueError(f"want ratings of shape (raters, items), got shape {data.shape}")
    if np.isinf(data).any():
        raise ValueError("a rating is infinite; pass finite numbers, NaN where there is none")
    return data, group_codes(groups, data.shape[1])[0]


def _agreement_weights(k: int, weights: Weights) -> Floats:
    if weights == "none" or k == 1:
        return np.eye(k)
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    if weights not in ("linear", "quadratic"):
        raise ValueError(f"`weights` is 'none', 'linear' or 'quadratic', got {weights!r}")
    agreement: Floats = 1 - (apart if weights == "linear" else apart**2)
    return agreement


def _squared_distance(values: Floats, totals: Floats, scale: Scale) -> Floats:
    """Squared distance of every two values under each of B sets of totals: (B, k, k)."""
    k = len(values)
    if scale == "nominal":
        apart = np.broadcast_to(1 - np.eye(k), (len(totals), k, k))
    elif scale == "interval":
        apart = np.broadcast_to(np.subtract.outer(values, values) ** 2, (len(totals), k, k))
    else:
        middle = np.cumsum(totals, axis=1) - totals / 2  # ranks, midway through each value's ties
        apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    distance: Floats = apart
    return distance


def _answers_per_item(counts: npt.ArrayLike) -> tuple[Floats, float]:
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"want answers per category, shape (items, categories), got {table.shape}")
    if not (np.isfinite(table) & (table >= 0)).all():
        raise ValueError("want counts of 0 or more in every row, got a number that is none")
    raters = table.sum(axis=1)
    if np.ptp(raters) > 0 or raters[0] < 2:
        raise ValueError(
            "every item needs the same number of answers, two or more; "
            f"got {int(raters.min())} to {int(raters.max())}; Krippendorff's α allows missing ones"
        )
    return table, float(raters[0])


def _bootstrap_items(
    table: Floats,
    raters: float,
    statistic: Callable[[Floats], Floats],
    *,
    groups: npt.ArrayLike | None,
    level: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """Sums per item: answers per category, agreeing pairs, 1; the statistic reads their totals."""
    pairs = (table * (table - 1)).sum(axis=1, keepdims=True) / (raters * (raters - 1))
    return bootstrap(
        sums_by_group(np.concatenate([table, pairs, np.ones_like(pairs)], axis=1), groups),
        statistic,
        n=int(table.sum()),
        level=level,
        resamples=resamples,
        seed=seed,
        clustered=True,
        undefined_reason="all answers are the same: chance agreement cannot be told apart",
    )

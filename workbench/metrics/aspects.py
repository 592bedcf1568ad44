"""Aspects predicted against aspects known: set F1 over name–value pairs, schema compliance, valid JSON."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from workbench.metrics.estimate import Estimate
from workbench.metrics.intervals import proportion
from workbench.metrics.resampling import Floats, bootstrap, bootstrap_mean, sums_by_group
from workbench.records import Aspects, Listing

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectScores:
    """Name–value pairs that two listings share."""

    precision: Estimate
    """Share of predicted pairs that are true, all items together (micro)."""
    recall: Estimate
    """Share of true pairs that were predicted, all items together."""
    f1: Estimate
    """2 × shared ÷ (predicted + true), all items together: the paper's Aspect F1."""
    item_f1: Estimate
    """Mean over items of each item's own F1; items without any pair on either side are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeScore:
    """One attribute over all items whose truth has it."""

    name: str
    """As the truth spells it first."""
    accuracy: Estimate
    """Share of those items whose predicted values are exactly the true ones; no answer is wrong."""
    answered: Estimate
    """Share of those items for which any value was predicted."""


@lru_cache(maxsize=65_536)
def normalised(text: str) -> str:
    """Write `text` so that spelling habits do not count: NFKC, case folded, single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def aspect_pairs(listing: Listing | Aspects | None) -> frozenset[Pair]:
    """Normalised (name, value) pairs; none for None, an answer that could not be read.

    Empty names and values are no pairs.
    """
    if listing is None:
        return frozenset()
    aspects = listing.aspects if isinstance(listing, Listing) else listing
    pairs = (
        (normalised(name), normalised(value))
        for name, values in aspects.items()
        for value in values
    )
    return frozenset(pair for pair in pairs if all(pair))


def aspect_scores(
    predicted: Sequence[Listing | Aspects | None],
    truth: Sequence[Listing | Aspects],
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> AspectScores:
    """Compare predicted aspects with the true ones, as sets of normalised name–value pairs.

    Args:
        predicted: Length n; None where the model's answer could not be read, which predicts nothing.
        truth: Length n.
        groups: Shape (n,), labels of items that belong together; None: every item alone.
        level: Of the intervals, between 0 and 1.
        resamples: How many times the groups are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: Lengths differ.

    Source: OPAL, arXiv 2508.10116 (Aspect F1).
    """
    guesses, truths = _pairs_of_both(predicted, truth)
    counts = np.array(
        [(len(a & b), len(a), len(b)) for a, b in zip(guesses, truths, strict=True)], dtype=float
    ).reshape(-1, 3)
    sums = sums_by_group(counts, groups)
    clustered = groups is not None

    def estimate(top: float, weights: tuple[float, float], reason: str) -> Estimate:
        def ratio(s: Floats) -> Floats:
            below = s[:, 1] * weights[0] + s[:, 2] * weights[1]
            share: Floats = top * s[:, 0] / np.where(below > 0, below, np.nan)
            return share

        return bootstrap(
            sums, ratio, n=len(counts), level=level, resamples=resamples, seed=seed,
            clustered=clustered, undefined_reason=reason,
        )  # fmt: skip

    size = counts[:, 1] + counts[:, 2]
    some = size > 0
    return AspectScores(
        precision=estimate(1, (1, 0), "no aspect was predicted"),
        recall=estimate(1, (0, 1), "the truth holds no aspect"),
        f1=estimate(2, (1, 1), "neither side holds an aspect"),
        item_f1=bootstrap_mean(
            2 * counts[some, 0] / size[some],
            groups=None if groups is None else np.asarray(groups)[some],
            level=level, resamples=resamples, seed=seed,
        ),
    )  # fmt: skip


def attribute_scores(
    predicted: Sequence[Listing | Aspects | None],
    truth: Sequence[Listing | Aspects],
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[AttributeScore, ...]:
    """Accuracy of each attribute that the truth names, most frequent first (then by name).

    Args:
        predicted: Length n; None where the model's answer could not be read.
        truth: Length n.
        groups: Shape (n,), labels of items that belong together; None: every item alone.
        level: Of Wilson's intervals (cluster-robust with `groups`), between 0 and 1.

    Raises:
        ValueError: Lengths differ.
    """
    guesses, truths = _pairs_of_both(predicted, truth)
    rows: dict[str, list[int]] = {}
    right: dict[str, list[bool]] = {}
    answered: dict[str, list[bool]] = {}
    for i, (guess, true) in enumerate(zip(guesses, truths, strict=True)):
        for name in {name for name, _ in true}:
            said = {value for other, value in guess if other == name}
            rows.setdefault(name, []).append(i)
            right.setdefault(name, []).append(said == {v for other, v in true if other == name})
            answered.setdefault(name, []).append(bool(said))
    spelling = _first_spelling(truth)
    labels = None if groups is None else np.asarray(groups)
    scores = []
    for name in sorted(rows, key=lambda name: (-len(rows[name]), name)):
        own = None if labels is None else labels[rows[name]]
        scores.append(
            AttributeScore(
                name=spelling[name],
                accuracy=proportion(right[name], groups=own, level=level),
                answered=proportion(answered[name], groups=own, level=level),
            )
        )
    return tuple(scores)


def schema_compliance(
    predicted: Sequence[Listing | Aspects | None],
    allowed: Sequence[Collection[str]],
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Share of predicted aspect names that the item's schema allows: a precision, 0 to 1.

    Args:
        predicted: Length n; None predicts no name.
        allowed: Length n, the names that each item's category asks for; spelling is normalised.
        groups: Shape (n,), labels of items that belong together; None: each item is its own group,
            since names of one listing are not independent.
        level: Of the cluster-robust Wilson interval, between 0 and 1.

    Raises:
        ValueError: Lengths differ.

    Source: OPAL, arXiv 2508.10116, whose name for it is schema recall (`schema_recall` here).
    """
    if len(predicted) != len(allowed):
        raise ValueError(f"want allowed names each, got {len(predicted)=}, {len(allowed)=}")
    owners = np.arange(len(predicted)) if groups is None else np.asarray(groups)
    if owners.shape != (len(predicted),):
        raise ValueError(
            f"want one group label for each of {len(predicted)} items, got {owners.shape=}"
        )
    fits: list[bool] = []
    rows: list[int] = []
    for i, (listing, names) in enumerate(zip(predicted, allowed, strict=True)):
        known = {normalised(name) for name in names}
        said = {name for name, _ in aspect_pairs(listing)}
        fits += [name in known for name in sorted(said)]
        rows += [i] * len(said)
    return proportion(fits, groups=owners[rows] if rows else None, level=level)


schema_recall = schema_compliance
"""The paper's name for `schema_compliance`; what it measures is a precision."""


def valid_json_rate(
    answers: Sequence[str], *, groups: npt.ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Share of answers that are one JSON object and nothing else (NaN and Infinity are no JSON)."""
    return proportion([_is_json_object(text) for text in answers], groups=groups, level=level)


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _pairs_of_both(
    predicted: Sequence[Listing | Aspects | None], truth: Sequence[Listing | Aspects]
) -> tuple[list[frozenset[Pair]], list[frozenset[Pair]]]:
    if len(predicted) != len(truth):
        raise ValueError(f"want one prediction each, got {len(predicted)=}, {len(truth)=}")
    return [aspect_pairs(x) for x in predicted], [aspect_pairs(x) for x in truth]


def _first_spelling(truth: Sequence[Listing | Aspects]) -> dict[str, str]:
    spelling: dict[str, str] = {}
    for listing in truth:
        for name in listing.aspects if isinstance(listing, Listing) else listing:
            spelling.setdefault(normalised(name), name)
    return spelling

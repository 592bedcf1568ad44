"""Every measure of written listings in one pass: what a model answered, against what it should have said.

Each answer becomes one row of additive counts; every measure is a ratio of their sums, and all intervals
come from the same draws of items. A hundred thousand answers take seconds, not hours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from workbench.metrics.aspects import Pair, aspect_pairs, normalised
from workbench.metrics.claims import (
    foreign_claims,
    foreign_truth,
    listing_claims,
    product_names,
    schema_words,
)
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.resampling import Floats, Statistic, groups_drawn, sums_by_group
from workbench.metrics.rouge import rouge_l_each
from workbench.records import Listing
from workbench.schema import Category, Schema

ROUGE_L, ASPECT_F1, ASPECT_PRECISION, ASPECT_RECALL = (
    "rouge_l", "aspect_f1", "aspect_precision", "aspect_recall",
)  # fmt: skip
SCHEMA_COMPLIANCE, VALID_JSON, HALLUCINATION = "schema_compliance", "valid_json", "hallucination"
MEASURES = (
    ROUGE_L, ASPECT_F1, SCHEMA_COMPLIANCE, VALID_JSON, HALLUCINATION, ASPECT_PRECISION, ASPECT_RECALL,
)  # fmt: skip
"""Names of the measures of a listing, the paper's three first."""
SCHEMA_RECALL = SCHEMA_COMPLIANCE
"""The paper's name for `schema_compliance`; what it measures is a precision."""

_ROUGE, _ROWS, _VALID, _SHARED, _SAID, _TRUE, _ALLOWED, _NAMES, _FALSE, _CLAIMS = range(10)
_FIXED = 10
_MOST_NAMES = 60
"""Aspects of which precision and recall are told, the commonest."""
_DRAWS_AT_ONCE = 2_000_000
_MOST_GROUPS = 20_000
_BLOCKS = 5_000
"""More independent groups than `_MOST_GROUPS` are put at random into so many blocks, and blocks are drawn: the same
spread, known to 1 in √(2 × 5,000), for a twentieth of the work at 100,000 answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingCounts:
    """Answers as rows of counts, to be added up over any items."""

    sums: Floats
    """Shape (n, k): one row per answer; what the columns hold is known to `statistics`."""
    names: tuple[str, ...]
    """Aspects with columns of their own, as the truth spells them, the commonest first."""
    readable: npt.NDArray[np.bool_]
    """Shape (n,): the answer holds a title and aspects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectScore:
    """One aspect over all answers."""

    name: str
    precision: Estimate
    """Share of the predicted values of this aspect that are true."""
    recall: Estimate
    """Share of its true values that were predicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingScores:
    """All measures over one set of answers."""

    answers: int
    rouge_l: Estimate
    """Mean ROUGE-L F1 of the whole JSON text against that of the truth."""
    aspect_f1: Estimate
    """2 × shared ÷ (predicted + true) name–value pairs, all answers together."""
    schema_compliance: Estimate
    """Share of predicted aspect names that the item's category knows: a precision, the paper's schema recall."""
    valid_json: Estimate
    """Share of answers that are one JSON object and nothing else."""
    hallucination: Estimate
    """Share of claims (of title and aspects, in the schema's words) that are false, of those that the truth
    can tell; 0 to 1."""
    aspect_precision: Estimate
    aspect_recall: Estimate
    aspects: tuple[AspectScore, ...]

    @property
    def measures(self) -> dict[str, Estimate]:
        """Measure to estimate, in the order of `MEASURES`."""
        return {name: getattr(self, name) for name in MEASURES}

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "answers": self.answers,
            **{name: one.to_dict() for name, one in self.measures.items()},
            "aspects": {
                one.name: {"precision": one.precision.to_dict(), "recall": one.recall.to_dict()}
                for one in self.aspects
            },
        }


def listing_json(listing: Listing) -> str:
    """A listing as the JSON text that models answer with: one value is text, several are a list."""
    aspects = {
        name: values[0] if len(values) == 1 else list(values)
        for name, values in listing.aspects.items()
        if values
    }
    return json.dumps({"title": listing.title, "aspects": aspects})


def read_json(text: str) -> tuple[bool, Listing | None]:
    """Whether `text` is one JSON object and nothing else, and the listing in it.

    The listing is None where there is no title with a mapping of aspects. Values that are no text are
    written as JSON writes them; NaN and Infinity are no JSON.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False, None
    if not isinstance(data, dict):
        return False, None
    said, title = data.get("aspects"), data.get("title")
    if not isinstance(said, dict) or not isinstance(title, str):
        return True, None
    return True, Listing(title=title.strip(), aspects={n: _values(v) for n, v in said.items()})


def _values(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    return tuple(one if isinstance(one, str) else json.dumps(one) for one in several)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def count_listings(
    answers: Sequence[str],
    truth: Sequence[Listing],
    schema: Schema,
    *,
    names: Sequence[str] | None = None,
) -> ListingCounts:
    """Compare each answer with its truth.

    Args:
        answers: Length n, texts as the model gave them; an answer that is no listing predicts nothing.
        truth: Length n; `category` is an id of the schema. An aspect that it leaves out is one of which nothing
            is known, so that a claim about it is no hallucination (it still costs aspect precision).
        schema: Of the catalogue.
        names: Aspects that get columns of their own; None: the commonest of the truth.

    Raises:
        ValueError: Lengths differ.
        SchemaError: A true category is not in the schema.
    """
    if len(answers) != len(truth):
        raise ValueError(f"want one truth each, got {len(answers)=}, {len(truth)=}")
    told = names if names is not None else _commonest(truth)
    places = {normalised(name): _FIXED + 3 * i for i, name in enumerate(told)}
    sums = np.zeros((len(answers), _FIXED + 3 * len(told)))
    sums[:, _ROWS] = 1
    sums[:, _ROUGE] = rouge_l_each(answers, [listing_json(one) for one in truth])
    readable = np.zeros(len(answers), dtype=bool)
    for i, (text, true) in enumerate(zip(answers, truth, strict=True)):
        category = schema.category(true.category or "")
        valid, said = read_json(text)
        readable[i] = said is not None
        sums[i, _VALID] = valid
        ours, theirs = aspect_pairs(said), aspect_pairs(true)
        _count_pairs(sums[i], ours, theirs, places)
        stated = {name for name, _ in ours}
        sums[i, _NAMES] = len(stated)
        sums[i, _ALLOWED] = sum(_knows(category, name) for name in stated)
        if said is not None:
            sums[i, _FALSE], sums[i, _CLAIMS] = _claims(said, true, category, schema)
    return ListingCounts(sums=sums, names=tuple(told), readable=readable)


def _commonest(truth: Sequence[Listing]) -> list[str]:
    spelt: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for listing in truth:
        for name in listing.aspects:
            key = normalised(name)
            spelt.setdefault(key, name)
            counted[key] += 1
    ordered = sorted(counted, key=lambda key: (-counted[key], key))
    return [spelt[key] for key in ordered[:_MOST_NAMES]]


def _count_pairs(
    row: Floats, ours: frozenset[Pair], theirs: frozenset[Pair], places: Mapping[str, int]
) -> None:
    shared = ours & theirs
    for offset, (fixed, pairs) in enumerate(((_SHARED, shared), (_SAID, ours), (_TRUE, theirs))):
        row[fixed] = len(pairs)
        for name, _ in pairs:
            place = places.get(name)
            if place is not None:
                row[place + offset] += 1


def _knows(category: Category, name: str) -> bool:
    return name in _asked(tuple(one.name for one in category.attributes))


@lru_cache(maxsize=4096)
def _asked(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(normalised, names))


def _claims(said: Listing, true: Listing, category: Category, schema: Schema) -> tuple[int, int]:
    """False claims, and all that the truth can tell; a phrase that is a value of several attributes is one."""
    found = listing_claims(said, category, schema)
    known = schema_words(true.aspects, category)
    false = int(bool(found.products) and not found.products & product_names(category.name))
    claims = int(bool(found.products))
    owners: dict[str, list[str]] = {}
    for name, values in found.values.items():
        for value in values:
            owners.setdefault(value, []).append(name)
    for value, names in owners.items():
        told = [name for name in names if name in known]
        claims += bool(told)
        false += bool(told) and not any(value in known[name] for name in told)
    foreign = foreign_claims(said, category, schema).items()
    judged = [foreign_truth(value, names, true.aspects, category) for value, names in foreign]
    return false + judged.count(False), claims + len(judged) - judged.count(None)


def _share(top: int, below: int) -> Statistic:
    def statistic(sums: Floats) -> Floats:
        whole = sums[:, below]
        share: Floats = sums[:, top] / np.where(whole > 0, whole, np.nan)
        return share

    return statistic


def _f1(sums: Floats) -> Floats:
    both = sums[:, _SAID] + sums[:, _TRUE]
    share: Floats = 2 * sums[:, _SHARED] / np.where(both > 0, both, np.nan)
    return share


STATISTICS: Mapping[str, Callable[[Floats], Floats]] = {
    ROUGE_L: _share(_ROUGE, _ROWS),
    ASPECT_F1: _f1,
    SCHEMA_COMPLIANCE: _share(_ALLOWED, _NAMES),
    VALID_JSON: _share(_VALID, _ROWS),
    HALLUCINATION: _share(_FALSE, _CLAIMS),
    ASPECT_PRECISION: _share(_SHARED, _SAID),
    ASPECT_RECALL: _share(_SHARED, _TRUE),
}
"""Measure to its function of the counts' sums, for `over_seeds` too."""
_UNDEFINED: Mapping[str, str] = {
    SCHEMA_COMPLIANCE: "no aspect was predicted",
    ASPECT_PRECISION: "no aspect was predicted",
    ASPECT_RECALL: "the truth holds no aspect",
    HALLUCINATION: "nothing was claimed that the truth can tell",
    ASPECT_F1: "neither side holds an aspect",
}


def score_counts(
    counts: ListingCounts,
    *,
    groups: npt.ArrayLike | None = None,
    rows: npt.NDArray[np.bool_] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> ListingScores:
    """All measures over the answers, with intervals from drawing items (or `groups` of them) again.

    Args:
        counts: From `count_listings`, n answers.
        groups: Shape (n,), labels of answers that belong together, such as their parent product; None:
            every answer alone.
        rows: Shape (n,), True for the answers that count; None: all.
        level: Of the percentile intervals, between 0 and 1.
        resamples: How many times groups are drawn; of more than 20,000 groups, 5,000 random blocks of them.
        seed: Of the draws.

    Raises:
        ValueError: A shape is wrong.

    Source: OPAL, arXiv:2508.10116 (ROUGE-L, Aspect F1, schema recall); Efron 1979 (bootstrap).
    """
    check_level(level)
    n = len(counts.sums)
    kept = np.ones(n, dtype=bool) if rows is None else np.asarray(rows, dtype=bool)
    if kept.shape != (n,):
        raise ValueError(f"want one entry in `rows` for each of {n} answers, got {kept.shape}")
    labels = None if groups is None else np.asarray(groups)
    if labels is not None and labels.shape != (n,):
        raise ValueError(f"want one group label for each of {n} answers, got {labels.shape}")
    sums = sums_by_group(counts.sums[kept], None if labels is None else labels[kept])
    drawn = _drawn(sums, resamples, seed)

    def estimate(statistic: Statistic, reason: str) -> Estimate:
        return _estimate(
            sums, drawn, statistic, n=int(kept.sum()), level=level, clustered=groups is not None,
            reason=reason,
        )  # fmt: skip

    return ListingScores(
        answers=int(kept.sum()),
        **{n: estimate(s, _UNDEFINED.get(n, "")) for n, s in STATISTICS.items()},
        aspects=tuple(
            AspectScore(
                name=name,
                precision=estimate(_share(place, place + 1), f"{name} was never predicted"),
                recall=estimate(_share(place, place + 2), f"the truth never holds {name}"),
            )
            for place, name in enumerate(counts.names)
            for place in [_FIXED + 3 * place]
        ),
    )


def _drawn(sums: Floats, resamples: int, seed: int) -> Floats:
    """Totals of each resample, shape (resamples, k)."""
    if len(sums) < 2:
        return np.zeros((0, sums.shape[1]))
    if len(sums) > _MOST_GROUPS:
        blocks = np.random.default_rng(seed).permutation(len(sums)) % _BLOCKS
        sums = sums_by_group(sums, blocks)
    at_once = max(1, _DRAWS_AT_ONCE // len(sums))
    draws = groups_drawn(len(sums), resamples=resamples, seed=seed, at_once=at_once)
    return np.concatenate([times.astype(float) @ sums for times in draws])


def _estimate(
    sums: Floats,
    drawn: Floats,
    statistic: Statistic,
    *,
    n: int,
    level: float,
    clustered: bool,
    reason: str,
) -> Estimate:
    method = f"{'cluster ' if clustered else ''}bootstrap, {len(drawn)} resamples"
    if not len(sums):
        return undefined("there are no answers", method="bootstrap", level=level)
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return undefined(reason, method=method, n=n, level=level)
    found = statistic(drawn)
    found = found[~np.isnan(found)]
    if len(found) < 0.5 * max(len(drawn), 1):
        few = "only one item" if len(sums) == 1 else "it is undefined in most resamples"
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=n, reason=few
        )
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), level=level, method=method,
        n=n, effective_n=float(len(sums)), assumptions=(f"{len(sums)} items or groups are independent",),
    )  # fmt: skip

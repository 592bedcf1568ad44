"""A judge made of attribute heads: how probable is what a listing claims, given the photo.

It needs no language model, so it judges on any laptop; it answers the criteria `product`, `color` and
`aspects` and nothing else. Its heads look through another network than the one that wrote the facts,
or it would only agree with itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.judging.protocols import Answered, Asked, Finding, Subject
from workbench.metrics.claims import (
    COLOUR_NAMES,
    Claims,
    listing_claims,
    product_names,
    share_to_point,
)
from workbench.models.heads import AttributeHeads, Facts, Guess, within
from workbench.records import Cost, content_key
from workbench.rubric import Criterion
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.models.encoder import PhotoEncoder
    from workbench.models.protocols import Progress

_SCALES = {"product": 2, "color": 2, "aspects": 5}
"""Criterion to the points of the scale that it has to have."""
_SURE = 0.5
"""A claim less probable than this gets a reason in words."""


@dataclass(frozen=True)
class HeadsAnswerer:
    """Answers from the first photo of each listing."""

    encoder: PhotoEncoder
    heads: AttributeHeads
    schema: Schema

    @property
    def name(self) -> str:
        """`heads:<network>`."""
        return f"heads:{self.encoder.network}"

    @cached_property
    def revision(self) -> str:
        """Digest of the network, of what the heads learnt from, and of the rules here."""
        return content_key("heads-judge/3", self.encoder.revision, self.heads.revision)

    def answers(self, criterion: Criterion) -> bool:
        """True for `product`, `color` (two points each) and `aspects` (five points)."""
        return _SCALES.get(criterion.id) == len(criterion.scale)

    def answer(
        self, subjects: Sequence[Subject], asked: Asked, *, progress: Progress | None = None
    ) -> list[Answered]:
        """Probabilities from the heads; abstains where there is no photo or no known category."""
        started = time.perf_counter()
        can = [i for i, s in enumerate(subjects) if s.photos and s.category]
        features = self.encoder.encode(
            [subjects[i].generation.inputs[0] for i in can], [subjects[i].photos[0] for i in can]
        )
        facts = dict(zip(can, self.heads.predict(features), strict=True))
        answered = []
        for i, subject in enumerate(subjects):
            found = self._findings(subject, facts[i]) if i in facts else {}
            nothing = Finding(distribution=None, reason="no photo, or no category in the schema")
            answered.append([found.get(c.id, nothing) for c in asked.criteria])
            if progress:
                progress(1)
        share = (time.perf_counter() - started) / max(1, len(subjects))
        return [Answered(findings=tuple(f), cost=Cost(seconds=share)) for f in answered]

    def _findings(self, subject: Subject, facts: Facts) -> dict[str, Finding]:
        assert subject.category is not None
        listing = subject.generation.listing
        if listing is None:
            return {}
        facts = within(facts, subject.category)
        claims = listing_claims(listing, subject.category, self.schema)
        right = {
            name: _all_right(values, facts.aspects[name], several=self.schema.has_several(name))
            for name, values in claims.values.items()
            if name in facts.aspects
        }
        colours = [p for name, p in right.items() if name.lower() in COLOUR_NAMES]
        others = [p for name, p in right.items() if name.lower() not in COLOUR_NAMES]
        return {
            "product": self._product(claims, facts),
            "color": _yes_or_no(
                math.prod(colours),
                f"the photo looks {_best(facts, COLOUR_NAMES)}",
                stated=bool(colours),
            ),
            "aspects": Finding(distribution=_points(others), reason=_doubts(right, facts)),
        }

    def _product(self, claims: Claims, facts: Facts) -> Finding:
        names = {g.value: product_names(self.schema.category(g.value).name) for g in facts.category}
        right = sum(g.probability for g in facts.category if names[g.value] & claims.products)
        looks = self.schema.category(facts.category[0].value).name
        return _yes_or_no(right, f"the photo looks like {looks}", stated=bool(claims.products))


def _all_right(values: Sequence[str], guesses: Sequence[Guess], *, several: bool) -> float:
    """Probability that every one of `values` is right.

    Values that an item may have at once are taken as independent; of values that exclude each other
    at most one is right, so that two of them are hardly ever both.
    """
    known = {g.value: g.probability for g in guesses}
    chances = [known.get(value, 0.0) for value in values]
    if several:
        return math.prod(chances)
    return max(0.0, sum(chances) - (len(chances) - 1))


def _yes_or_no(right: float, reason: str, *, stated: bool) -> Finding:
    """What is not stated cannot be wrong."""
    yes = min(1.0, max(0.0, right)) if stated else 1.0
    return Finding(distribution=(1.0 - yes, yes), reason=reason if yes < _SURE else None)


def _points(right: Sequence[float]) -> tuple[float, ...]:
    """Probability of each of the five classes, from the probability that each claim is right.

    The number of right claims follows the Poisson binomial distribution if they are independent.
    """
    count: npt.NDArray[np.float64] = np.ones(1)  # probability of 0, 1, … right claims
    for p in right:
        count = np.convolve(count, np.array([1 - p, p]))
    points = np.zeros(5)
    for k, p in enumerate(count):
        points[share_to_point(k, len(right)) - 1] += p
    return tuple(float(p) for p in points / points.sum())


def _best(facts: Facts, names: frozenset[str]) -> str:
    """The most probable value of the first attribute among `names`."""
    for name, guesses in facts.aspects.items():
        if name.lower() in names:
            return guesses[0].value
    return "unknown"


def _doubts(right: Mapping[str, float], facts: Facts) -> str | None:
    """The aspects that are more probably wrong than right, with what the photo looks like."""
    doubtful = [
        f"{name} looks {facts.aspects[name][0].value}"
        for name, p in right.items()
        if p < _SURE and name.lower() not in COLOUR_NAMES
    ]
    return "; ".join(doubtful) or None

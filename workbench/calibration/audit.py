"""Whom to show to people: a draw from approvals and rejections with known probabilities, and its price."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from workbench.calibration.thresholds import labels_to_promise
from workbench.errors import CalibrationError
from workbench.metrics.estimate import check_level
from workbench.metrics.intervals import wilson
from workbench.records import Audit, AuditedItem, Verdict, content_key

Design = Literal["uniform", "stratified"]

_PLACES = 12  # of a probability in the record: float noise must not make a new audit


def draw_audit(
    verdicts: Sequence[Verdict],
    *,
    size: int,
    seed: int,
    design: Design = "stratified",
    categories: Sequence[str] | None = None,
    minimum: int = 2,
    run: str | None = None,
) -> Audit:
    """Draw `size` judged generations for people, approvals and rejections alike.

    `stratified` draws from verdict × category: `minimum` of each stratum first (all of a smaller
    one), the rest in proportion to its size. `uniform` gives every generation the same chance.
    Verdicts without a decision (`approved` is None) are not in the population.

    The draw ranks generations by a hash of `seed` and their key: it depends on neither the order of
    `verdicts` nor the machine, the same arguments give the same draw, and where a stratum's share
    grows the larger draw holds the smaller one.

    Args:
        verdicts: One per generation, of one judge and one rubric.
        size: Generations to draw, at least 1.
        seed: Of the ranking.
        design: `uniform` or `stratified`.
        categories: One per verdict; None: strata are the verdicts alone.
        minimum: Least draws of a stratum under `stratified`; 2 lets its spread be seen.
        run: Id of the run that draws, for the record.

    Raises:
        ValueError: A list has the wrong length, an argument is out of range, a generation comes
            twice, or judges and rubrics are mixed.
        CalibrationError: There is nothing to draw from, or `size` cannot give each stratum its minimum.
    """
    if categories is not None and len(categories) != len(verdicts):
        raise ValueError(
            f"want one category for each of {len(verdicts)} verdicts, got {len(categories)}"
        )
    if size < 1 or minimum < 0:
        raise ValueError(
            f"want `size` of 1 or more and `minimum` of 0 or more, got {size=}, {minimum=}"
        )
    if design not in ("uniform", "stratified"):
        raise ValueError(f"`design` is 'uniform' or 'stratified', got {design!r}")
    judge, rubric = _one_source(verdicts)
    strata: dict[str, list[Verdict]] = {}
    for i, verdict in enumerate(verdicts):
        if verdict.approved is not None:
            category = categories[i] if categories is not None else ""
            name = "all" if design == "uniform" else stratum_of(verdict.approved, category)
            strata.setdefault(name, []).append(verdict)
    if not strata:
        raise CalibrationError(
            f"the judge decided none of {len(verdicts)} generations: there is nothing to audit"
        )
    sizes = {name: len(strata[name]) for name in sorted(strata)}
    take = _allocate(sizes, size=size, minimum=minimum if design == "stratified" else 0)
    drawn = tuple(
        AuditedItem(
            generation=verdict.generation,
            verdict=verdict.key,
            stratum=name,
            inclusion_probability=round(take[name] / sizes[name], _PLACES),
        )
        for name in sizes
        for verdict in sorted(strata[name], key=lambda v: _rank(seed, v.generation))[: take[name]]
    )
    parameters = {"size": size, "minimum": minimum if design == "stratified" else 0}
    population = sorted(verdict.key for members in strata.values() for verdict in members)
    return Audit(
        id=content_key("audit", judge, rubric, design, seed, parameters, sizes, population),
        judge=judge,
        rubric=rubric,
        design=design,
        seed=seed,
        strata=sizes,
        drawn=drawn,
        parameters=parameters,
        run=run,
    )


def stratum_of(approved: bool, category: str = "") -> str:
    """Name of a stratified audit's stratum: `approved`, or `rejected/mugs` with a category."""
    verdict = "approved" if approved else "rejected"
    return f"{verdict}/{category}" if category else verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a number of labels buys."""

    labels: int
    half_width: float
    """Half of the interval's width, between 0 and .5, for a share near `rate`."""
    rate: float
    level: float
    to_promise: int | None
    """Labels of approvals to promise `promise` if precision is `rate`; None where it does not exceed it."""
    promise: float | None
    sentence: str


def budget(
    labels: int,
    *,
    rate: float = 0.5,
    population: int | None = None,
    level: float = 0.95,
    promise: float | None = None,
) -> Budget:
    """Say what `labels` answers buy: half the width of a share's interval, and whether a promise is near.

    Args:
        labels: Answers of one verdict, 1 or more.
        rate: The share that is expected, 0 to 1; .5 is the widest.
        population: Items of that verdict, for a statement about this batch alone; None: about items like these.
        level: Of the interval, between 0 and 1.
        promise: Precision that shall be promised with 95% confidence; None: none.

    Raises:
        ValueError: A number is out of range.
    """
    if labels < 1 or not 0 <= rate <= 1 or (population is not None and population < labels):
        raise ValueError(
            f"want labels of 1 or more, up to the population, and a rate from 0 to 1; got {labels=}, {population=}, {rate=}"
        )
    unseen = 1.0 if population is None else 1 - labels / population
    if unseen == 0:
        half = 0.0
    else:
        interval = wilson(rate * labels / unseen, labels / unseen, level=level)
        half = (interval.high - interval.low) / 2
    sentence = f"{labels} labels give a half-width of {half:.3f} around a share of {rate:g}"
    needed = None
    if promise is not None:
        needed = labels_to_promise(promise, rate=rate)
        sentence += (
            f"; to promise {promise:g} takes {needed} labelled approvals if {rate:g} of them are suitable"
            if needed is not None
            else f"; {promise:g} cannot be promised of approvals of which {rate:g} are suitable"
        )
    return Budget(
        labels=labels, half_width=half, rate=rate, level=level,
        to_promise=needed, promise=promise, sentence=sentence + ".",
    )  # fmt: skip


def labels_for(half_width: float, *, rate: float = 0.5, level: float = 0.95) -> int:
    """Fewest labels whose Wilson interval around `rate` is at most 2 × `half_width` wide.

    Raises:
        ValueError: A number is out of range.
    """
    check_level(level)
    if not (0 < half_width < 0.5 and 0 <= rate <= 1):
        raise ValueError(
            f"want a half-width between 0 and 0.5 and a rate from 0 to 1; got {half_width=}, {rate=}"
        )
    z = float(special.ndtri((1 + level) / 2))
    low, high = 1, math.ceil((z / half_width) ** 2) + 1  # the widest case needs fewer than that
    while low < high:
        middle = (low + high) // 2
        if budget(middle, rate=rate, level=level).half_width <= half_width:
            high = middle
        else:
            low = middle + 1
    return low


def _one_source(verdicts: Sequence[Verdict]) -> tuple[str, str]:
    sources = sorted({(verdict.judge, verdict.rubric) for verdict in verdicts})
    if len(sources) > 1:
        raise ValueError(f"an audit is of one judge and one rubric, got {sources[:4]}")
    seen: set[str] = set()
    for verdict in verdicts:
        if verdict.generation in seen:
            raise ValueError(
                f"generation {verdict.generation!r} has two verdicts; pass one of each"
            )
        seen.add(verdict.generation)
    return sources[0] if sources else ("", "")


def _allocate(sizes: dict[str, int], *, size: int, minimum: int) -> dict[str, int]:
    """Share `size` out: the minimum of each stratum, the rest by largest remainder, never over a stratum."""
    size = min(size, sum(sizes.values()))
    least = {name: min(minimum, count) for name, count in sizes.items()}
    if sum(least.values()) > size:
        raise CalibrationError(
            f"{len(sizes)} strata with {minimum} draws each need {sum(least.values())} labels, "
            f"got {size}: draw more, lower the minimum, or join categories"
        )
    total = sum(sizes.values())
    exact = {name: size * count / total for name, count in sizes.items()}
    take = {name: max(least[name], math.floor(exact[name])) for name in sizes}
    # One at a time: add where the share lags most behind proportion, remove where it leads most.
    while sum(take.values()) < size:
        free = [name for name in sizes if take[name] < sizes[name]]
        take[min(free, key=lambda name: (take[name] - exact[name], name))] += 1
    while sum(take.values()) > size:
        free = [name for name in sizes if take[name] > least[name]]
        take[max(free, key=lambda name: (take[name] - exact[name], name))] -= 1
    return take


def _rank(seed: int, generation: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{generation}".encode()).digest()

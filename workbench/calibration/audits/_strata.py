"""Strata of an audit: which one a judged generation is in, and how many labels each gets."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np

from workbench.calibration._sample import Floats
from workbench.errors import CalibrationError

Design = Literal["uniform", "stratified", "near-threshold", "neyman"]
"""How an audit is drawn; see `draw_audit`."""

BANDS = 4  # of confidence in each verdict, where labels and items suffice
_LEAST_SPREAD = 0.1  # of answers in a stratum: a sure judge is not taken at its word (share of .99)
_HALVINGS = 60  # of the interval of the multiplier: as exact as floats are


class Decision(Protocol):
    """What a draw reads of a verdict; a `Verdict` is one."""

    @property
    def key(self) -> str: ...
    @property
    def generation(self) -> str: ...
    @property
    def judge(self) -> str: ...
    @property
    def rubric(self) -> str: ...
    @property
    def approved(self) -> bool | None: ...
    @property
    def confidence(self) -> float | None: ...


def stratum_of(approved: bool, category: str = "") -> str:
    """Name of a stratified audit's stratum: `approved`, or `rejected/mugs` with a category."""
    verdict = "approved" if approved else "rejected"
    return f"{verdict}/{category}" if category else verdict


def stratum_in(
    design: str,
    parameters: Mapping[str, object],
    decision: Decision,
    category: str = "",
) -> str:
    """Name of the stratum that an audit with this design and these parameters puts `decision` in.

    `all` for a uniform draw and where the judge did not decide; `approved/distance 1` (the nearest) to
    `rejected/distance 4` and `approved/confidence 1` (the lowest) where `parameters["edges"]` has bands;
    `approved/no confidence` there for a verdict without one.
    """
    if decision.approved is None or design == "uniform":
        return "all"
    edges = parameters.get("edges")
    if not isinstance(edges, Mapping):
        return stratum_of(decision.approved, category)
    verdict = stratum_of(decision.approved)
    if decision.confidence is None:
        return f"{verdict}/no confidence"
    threshold = parameters.get("threshold")
    value, what = decision.confidence, "confidence"
    if isinstance(threshold, int | float):
        value, what = abs(value - threshold), "distance"
    return f"{verdict}/{what} {bisect_right(edges[verdict], value) + 1}"


def bands_of(
    decided: Sequence[Decision], *, size: int, minimum: int, threshold: float | None
) -> dict[str, list[float]]:
    """Inner edges of the bands of each verdict, at quantiles of confidence (or of its distance to `threshold`).

    As many bands as `size` can give their `minimum`, four at most; equal confidences share a band.
    """
    count = max(1, min(BANDS, size // (4 * max(minimum, 1))))
    edges = {}
    for approved in (True, False):
        values = [
            v.confidence if threshold is None else abs(v.confidence - threshold)
            for v in decided
            if v.approved is approved and v.confidence is not None
        ]
        own = min(count, len(values) // max(minimum, 1))
        levels = [k / own for k in range(1, own)]
        cuts = [float(np.quantile(values, level, method="higher")) for level in levels]
        # An edge at the least value would leave nothing below it.
        edges[stratum_of(approved)] = sorted(set(cuts) - {min(values, default=0.0)})
    return edges


def measures(
    strata: Mapping[str, Sequence[int]], *, design: Design, expected: Sequence[float | None]
) -> dict[str, float]:
    """What each stratum's share of labels is proportional to, over 0.

    Args:
        strata: Name to positions in the population.
        design: Of the audit.
        expected: Of each position, the probability that people find it suitable; None: unknown.
    """
    if design == "near-threshold":
        return {name: len(rows) / 2 ** (_band(name) - 1) for name, rows in strata.items()}
    if design == "neyman":
        return {name: len(rows) * _spread(expected, rows) for name, rows in strata.items()}
    return {name: float(len(rows)) for name, rows in strata.items()}


def _band(name: str) -> int:
    last = name.rpartition(" ")[2]
    return int(last) if last.isdecimal() else BANDS


def _spread(expected: Sequence[float | None], rows: Sequence[int]) -> float:
    """Standard deviation of answers in a stratum whose items are suitable with these probabilities."""
    known = [p for p in (expected[i] for i in rows) if p is not None]
    share = sum(known) / len(known) if known else 0.5
    return max(_LEAST_SPREAD, math.sqrt(max(share * (1 - share), 0.0)))


def allocate(
    sizes: Mapping[str, int],
    *,
    size: int,
    minimum: int,
    measure: Mapping[str, float] | None = None,
    drawn: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Share `size` out in proportion to `measure`: at least `minimum` and what is `drawn`, never over a stratum.

    Args:
        sizes: Stratum to its items.
        size: Labels; all items where there are fewer.
        minimum: Of each stratum, all of a smaller one.
        measure: Stratum to a number over 0; None: its items.
        drawn: Stratum to labels that it has already; None: none.

    Raises:
        CalibrationError: `size` cannot give each stratum its minimum.
    """
    names = sorted(sizes)
    size = min(size, sum(sizes.values()))
    least = {name: max(min(minimum, sizes[name]), (drawn or {}).get(name, 0)) for name in names}
    if sum(least.values()) > size:
        raise CalibrationError(
            f"{len(sizes)} strata with {minimum} draws each need {sum(least.values())} labels, "
            f"got {size}: draw more, lower the minimum, or join categories"
        )
    low = np.array([least[name] for name in names], dtype=float)
    high = np.array([sizes[name] for name in names], dtype=float)
    by = np.array([(measure or sizes)[name] for name in names], dtype=float)
    exact = dict(zip(names, _clipped(by, low, high, size), strict=True))
    take = {name: min(sizes[name], max(least[name], math.floor(exact[name]))) for name in names}
    missing = size - sum(take.values())
    # One at a time: add where a stratum lags most behind its exact share.
    lagging = [(take[name] - exact[name], name) for name in names if take[name] < sizes[name]]
    heapq.heapify(lagging)
    while missing > 0:
        lag, name = heapq.heappop(lagging)
        take[name] += 1
        missing -= 1
        if take[name] < sizes[name]:
            heapq.heappush(lagging, (lag + 1, name))
    return take


def _clipped(by: Floats, low: Floats, high: Floats, size: int) -> list[float]:
    """Shares in proportion to `by`, each held between `low` and `high`, that sum to `size`."""
    if np.all(by * (size / by.sum()) >= low) and np.all(by * (size / by.sum()) <= high):
        return [float(x) for x in by * size / by.sum()]
    under, over = 0.0, float((high / by).max())
    for _ in range(_HALVINGS):
        middle = (under + over) / 2
        if np.clip(middle * by, low, high).sum() < size:
            under = middle
        else:
            over = middle
    return [float(x) for x in np.clip(under * by, low, high)]

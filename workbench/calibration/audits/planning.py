"""What an audit would buy before anybody is asked: half-widths and promises by design and size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration.audits._strata import Decision, Design
from workbench.calibration.audits.audit import lay_out, take_from
from workbench.calibration.confidence._trials import labels_to_promise
from workbench.calibration.rates._mover import moved_limits
from workbench.calibration.rates._shares import FEW, PRIOR, Share, doubted, limits_of
from workbench.calibration.rates.ppi import TUNE_FROM
from workbench.metrics.estimate import check_level
from workbench.metrics.intervals import clopper_pearson


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStratum:
    """What a draw would take from one stratum."""

    name: str
    population: int
    drawn: int
    share: float
    """Of suitable items that is expected, 0 to 1; .5 where nothing says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A rate that is expected, and how well it would be known."""

    value: float | None
    """None where it could not be known; `reason` says why."""
    half_width: float | None
    """Half of the interval's width, as `rates` would give it for items like these."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an audit of one size would buy, before anybody is asked."""

    design: Design
    labels: int
    approvals: int
    """Of the labels; the others are rejections."""
    strata: tuple[PlannedStratum, ...]
    precision: Expected
    precision_with_confidence: Expected
    """By prediction-powered inference, if the confidence is as right as is expected."""
    recall: Expected
    suitable_rate: Expected
    level: float
    promise: float
    to_promise: int | None
    """Answered approvals to promise `promise` if precision is as expected; None where it does not exceed it."""
    assumptions: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The plan in words."""
        there = {True: 0, False: 0}
        for stratum in self.strata:
            there[_approvals(stratum.name)] += stratum.population
        split = (
            f"{self.labels:,} labels"
            if self.design == "uniform"
            else f"{self.approvals:,} of {there[True]:,} approvals and "
            f"{self.labels - self.approvals:,} of {there[False]:,} rejections"
        )
        words = f"{self.design}: {split}; expected are precision {_shown(self.precision)}"
        with_confidence = self.precision_with_confidence.half_width
        if with_confidence is not None:
            words += f" (about ± {with_confidence:.3f} with the judge's confidence)"
        words += (
            f", recall {_shown(self.recall)}, a suitable rate of {_shown(self.suitable_rate)}; "
        )
        if self.to_promise is None:
            return f"{words}{self.promise:g} cannot be promised at that precision."
        enough = "enough" if self.approvals >= self.to_promise else "too few"
        return (
            f"{words}to promise {self.promise:g} takes {self.to_promise:,} answered approvals to "
            f"choose by: these are {enough}."
        )


def plan_audit(
    verdicts: Sequence[Decision],
    *,
    sizes: Sequence[int],
    design: Design = "stratified",
    categories: Sequence[str] | None = None,
    minimum: int = 2,
    threshold: float | None = None,
    expected: Sequence[float | None] | None = None,
    promise: float = 0.9,
    level: float = 0.95,
) -> tuple[Plan, ...]:
    """Say what audits of these sizes would buy; one plan for each.

    The shares that are expected come from `expected`, or from the judge's own confidence: a judge that
    is overconfident makes plans that are too good, and what the audit finds decides.

    Args:
        verdicts: As for `draw_audit`, like the arguments that are not named here.
        sizes: Numbers of labels, 1 or more; all items where there are fewer.
        design: How they would be drawn.
        categories: One per verdict; None: strata know no categories.
        minimum: Least draws of a stratum.
        threshold: For `near-threshold`.
        expected: One per verdict, the probability that people find it suitable; None: the judge's
            confidence. For all designs.
        promise: Precision that shall be promised with 95% confidence, between 0 and 1.
        level: Of the intervals.

    Raises:
        ValueError: As `draw_audit`; or no size was given.
        CalibrationError: As `draw_audit`.

    Source: Cochran 1977, chapters 5 and 5A; Angelopoulos et al. 2023, arXiv:2311.01453 (with confidence).
    """
    check_level(level)
    if not sizes:
        raise ValueError("want at least one size to plan for, got none")
    likely = [v.confidence for v in verdicts] if expected is None else list(expected)
    plans = []
    for size in sizes:
        strata, parameters = lay_out(
            verdicts, size=size, design=design, categories=categories, minimum=minimum,
            threshold=threshold, expected=expected if design == "neyman" else None,
        )  # fmt: skip
        take = take_from(strata, parameters, size=size)
        plans.append(
            _plan(
                verdicts, likely, _by_verdict(verdicts, strata), take, design=design, level=level,
                promise=promise, by_judge=expected is None,
            )
        )  # fmt: skip
    return tuple(plans)


def _by_verdict(
    verdicts: Sequence[Decision], strata: Mapping[str, Sequence[int]]
) -> dict[tuple[bool, str], list[int]]:
    """Cells of verdict and stratum: a uniform draw has one stratum that holds both verdicts."""
    cells: dict[tuple[bool, str], list[int]] = {}
    for name, rows in strata.items():
        for i in rows:
            cells.setdefault((bool(verdicts[i].approved), name), []).append(i)
    return cells


def _plan(
    verdicts: Sequence[Decision],
    likely: Sequence[float | None],
    cells: Mapping[tuple[bool, str], Sequence[int]],
    take: Mapping[str, int],
    *,
    design: Design,
    level: float,
    promise: float,
    by_judge: bool,
) -> Plan:
    sizes: dict[str, int] = {}
    for (_, name), rows in cells.items():
        sizes[name] = sizes.get(name, 0) + len(rows)
    known = {
        c: [p for p in (likely[i] for i in rows) if p is not None] for c, rows in cells.items()
    }
    table = {
        cell: (
            len(rows),
            take[cell[1]] * len(rows) / sizes[cell[1]],
            float(np.mean(known[cell])) if known[cell] else 0.5,
        )
        for cell, rows in cells.items()
    }
    p1, p0 = (_share(table, approved) for approved in (True, False))
    n = sum(sizes.values())
    a = sum(size for (approved, _), (size, *_) in table.items() if approved) / n
    judged = Share(value=a, n=n, effective_n=float(n))
    precision = _expected(p1, level) if p1 else Expected(
        value=None, half_width=None, reason="the judge approved nothing"
    )  # fmt: skip
    either = (judged, p1 or Share(value=0.0), p0 or Share(value=0.0))
    blind = any(p is not None and p.n == 0 for p in (p1, p0))
    nothing = Expected(value=None, half_width=None, reason="one verdict would not be drawn")
    words = ["shares are as expected: a judge that is too sure of itself makes plans too good"]
    if not by_judge:
        words = [
            "shares are as the `expected` probabilities say, not as the judge's own confidence does"
        ]
    if not any(known.values()):
        words.append("no confidence says what to expect: shares of one half, the widest")
    return Plan(
        design=design,
        labels=sum(take.values()),
        approvals=round(sum(drawn for (yes, _), (_, drawn, _) in table.items() if yes)),
        strata=tuple(
            PlannedStratum(name=_named(*cell), population=size, drawn=round(drawn), share=share)
            for cell, (size, drawn, share) in sorted(table.items(), key=lambda x: _named(*x[0]))
        ),
        precision=precision,
        precision_with_confidence=_with_confidence(precision, p1, table, known),
        recall=nothing if blind else _moved(either, level, recall=True, seen=_seen(table)),
        suitable_rate=nothing if blind else _moved(either, level, recall=False),
        level=level,
        promise=promise,
        to_promise=None
        if precision.value is None
        else labels_to_promise(promise, rate=precision.value),
        assumptions=tuple(words),
    )


def _named(approved: bool, stratum: str) -> str:
    verdict = "approved" if approved else "rejected"
    return stratum if stratum.startswith(verdict) else f"{verdict}/{stratum}"


def _approvals(name: str) -> bool:
    return name.startswith("approved")


def _share(
    table: Mapping[tuple[bool, str], tuple[int, float, float]], approved: bool
) -> Share | None:
    """Share of suitable items in one verdict as it would be known; None where the judge never gave it."""
    rows = [row for (verdict, _), row in table.items() if verdict is approved]
    size = sum(count for count, *_ in rows)
    if size == 0:
        return None
    p = sum(count * share for count, _, share in rows) / size
    drawn = sum(n for _, n, _ in rows)
    variance = alike = kish = 0.0  # as `rates` steadies what few labels say
    for count, n, share in rows:
        if n > 0:
            each = (count / size) ** 2 * (1 - n / count) / n
            steady = (n * share + PRIOR * p) / (n + PRIOR)
            variance += each * steady * (1 - steady)
            alike += each * p * (1 - p)
            kish += (count / size) ** 2 / n
    variance = doubted(variance, alike, rarer=min(p, 1 - p) / kish if kish > 0 else 0.0)
    variance += p * (1 - p) / size
    effective = p * (1 - p) / variance if variance > 0 else drawn
    return Share(value=p, n=round(drawn), effective_n=max(effective, 1e-9))


def _expected(share: Share, level: float) -> Expected:
    if share.n == 0:
        return Expected(value=share.value, half_width=None, reason="none would be drawn")
    interval = share.interval(level=level, exact=share.few)
    return Expected(value=share.value, half_width=(interval.high - interval.low) / 2)


def _with_confidence(
    plain: Expected,
    share: Share | None,
    table: Mapping[tuple[bool, str], tuple[int, float, float]],
    known: Mapping[tuple[bool, str], Sequence[float]],
) -> Expected:
    """Narrower by what the confidence explains within strata: a right one explains Var(confidence) of p(1 − p).

    What it tells between strata of confidence `plain` has gained already.
    """
    cells = [cell for cell in table if cell[0] and known[cell]]
    if plain.half_width is None or plain.value is None or share is None or not cells:
        return Expected(
            value=plain.value, half_width=None, reason="no confidence says what to expect"
        )
    approvals = sum(size for (approved, _), (size, *_) in table.items() if approved)
    told = sum(table[cell][0] * float(np.var(known[cell])) for cell in cells)
    spread = sum(table[cell][0] * table[cell][2] * (1 - table[cell][2]) for cell in cells)
    explained = min(told / spread, 1.0) if spread > 0 and share.n >= TUNE_FROM else 0.0
    left = 1 - explained * (1 - min(share.n / approvals, 1.0))
    return Expected(value=plain.value, half_width=plain.half_width * math.sqrt(max(left, 0.0)))


def _seen(
    table: Mapping[tuple[bool, str], tuple[int, float, float]],
) -> tuple[float, float]:
    """Suitable items that would be seen, and how many with equal weights would tell as much."""
    rows = [(n * share, count / n) for count, n, share in table.values() if n > 0]
    total = sum(hits * weight for hits, weight in rows)
    squares = sum(hits * weight**2 for hits, weight in rows)
    return sum(hits for hits, _ in rows), total**2 / squares if squares > 0 else 0.0


def _moved(
    shares: tuple[Share, Share, Share],
    level: float,
    *,
    recall: bool,
    seen: tuple[float, float] | None = None,
) -> Expected:
    """Recall or suitable rate of a, p₁ and p₀, each moved to its limits (MOVER), as `rates` does it."""

    def of(a: float, p1: float, p0: float) -> float:
        suitable = a * p1 + (1 - a) * p0
        if not recall:
            return suitable
        return a * p1 / suitable if suitable > 0 else 0.0

    at = [share.value for share in shares]
    value = of(*at)
    if recall and at[0] * at[1] + (1 - at[0]) * at[2] == 0:
        return Expected(value=None, half_width=None, reason="nothing suitable is expected")
    limits = moved_limits(lambda x: of(*x), at, limits_of(shares, level=level))
    bounds = [min(1.0, max(0.0, limit)) for limit in limits]
    if seen is not None and seen[1] > 0:
        n, effective = seen
        if n < FEW or min(value, 1 - value) * effective < FEW:
            exact = clopper_pearson(min(value * effective, effective), effective, level=level)
            bounds = [min(bounds[0], exact.low), max(bounds[1], exact.high)]
    return Expected(value=value, half_width=(bounds[1] - bounds[0]) / 2)


def _shown(rate: Expected) -> str:
    if rate.value is None:
        return f"— ({rate.reason})"
    if rate.half_width is None:
        return f"{rate.value:.2f} (not measured: {rate.reason})"
    return f"{rate.value:.2f} ± {rate.half_width:.3f}"

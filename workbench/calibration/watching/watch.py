"""Watching a promise: precision with bounds that hold at every look, and an alarm when it is broken.

An ordinary interval holds for one look at a fixed number of labels. Who looks after each label and stops
when it is bad enough is wrong far more often than its level says. The bounds here hold at all looks
together, so a dashboard may show them live and an alarm may stop the line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from workbench.calibration._sample import Floats
from workbench.calibration.watching._betting import Side, bet, drop_capital, grid
from workbench.metrics.estimate import Estimate, undefined

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Where a watch stands after some labels. `after` takes more; JSON holds it between looks."""

    promise: float
    """Precision that was promised, between 0 and 1."""
    failure_probability: float
    """δ of each alarm, and of each of the two bounds, over all looks together."""
    population: int | None = None
    """Approvals in the finished batch that labels are drawn from without replacement; None: approvals
    keep coming, and the statement is about their precision."""
    labels: int = 0
    alarm_at: int | None = None
    """Label at which the upper bound first fell to the promise: precision since the start is below it.
    None: not yet. While every label is suitable with at least the promised probability, a false alarm
    ever comes with probability δ at most."""
    drop_at: int | None = None
    """Label at which a drop below the promise, begun at any time, first showed. It sees a late drop that
    good early labels hide from `alarm_at`. The same δ, of its own. None: not yet, or a finished batch."""
    weight: float = 0.0
    """Sum of the labels' weights."""
    suitable: Side = field(default_factory=Side)
    """Bets that back the lower bound."""
    unsuitable: Side = field(default_factory=Side)
    """Bets that back the upper bound."""
    drops: tuple[float, ...] = ()
    """Capital of the bets on drops that have begun, one for each size of drop; empty before the first label."""

    def __post_init__(self) -> None:
        if not 0 < self.promise < 1:
            raise ValueError(f"`promise` lies between 0 and 1, such as 0.9; got {self.promise!r}")
        if not 0 < self.failure_probability < 0.5:
            raise ValueError(
                "`failure_probability` lies between 0 and a half, such as 0.05; "
                f"got {self.failure_probability!r}"
            )
        if self.population is not None and self.population < 1:
            raise ValueError(
                f"`population` is a count of approvals from 1, or None, got {self.population!r}"
            )

    @property
    def low(self) -> float:
        """Lower bound of precision at every look so far, 0 to 1."""
        return self.suitable.bound

    @property
    def high(self) -> float:
        """Upper bound of precision at every look so far, 0 to 1."""
        return 1 - self.unsuitable.bound

    @property
    def precision(self) -> Estimate:
        """Share of suitable labels so far, weighted, between the two bounds.

        Its level is 1 − 2δ. None where the bounds have crossed: precision has then changed on the way.
        """
        level, method = 1 - 2 * self.failure_probability, "betting, valid at every look"
        words = (
            "the answers are the truth",
            "labels came in an order that has nothing to do with the answers",
            f"about this batch of {self.population} approvals"
            if self.population is not None
            else "precision is the same all the time",
        )
        if self.labels == 0:
            return undefined("there is no label yet", method=method, level=level)
        if self.low > self.high:
            return undefined(
                f"no single precision fits all labels: it was over {self.low:.3f} at one time and under "
                f"{self.high:.3f} at another; watch its parts on their own",
                method=method, n=self.labels, level=level,
            )  # fmt: skip
        value = self.suitable.total / self.weight
        return Estimate(
            value=value,
            low=min(self.low, value),
            high=max(self.high, value),
            level=level,
            method=method,
            n=self.labels,
            assumptions=words,
        )

    @property
    def sentence(self) -> str:
        """What there is to say now, in words."""
        if self.alarm_at is not None:
            return (
                f"Alarm: since label {self.alarm_at} precision is known to be below the promised "
                f"{self.promise:g}; by now it is at most {self.high:.3f}."
            )
        if self.drop_at is not None:
            return (
                f"Alarm: by label {self.drop_at} precision had dropped below the promised "
                f"{self.promise:g}, though it may have held before."
            )
        if self.labels == 0:
            return "No label yet."
        if self.low >= self.promise:
            return f"The promise is kept: precision is at least {self.low:.3f} by {self.labels} labels."
        return (
            f"No alarm after {self.labels} labels: precision lies between {self.low:.3f} and "
            f"{self.high:.3f}, which neither proves nor breaks the promised {self.promise:g}."
        )

    def after(self, answers: Sequence[bool], *, weights: Sequence[float] | None = None) -> Watch:
        """Return the watch after more labels, in the order in which they came.

        Args:
            answers: Length n: whether people find the approval suitable, True or False, 1 or 0.
            weights: Length n, over 0: the mean inclusion probability of all approvals (drawn or not) over
                the label's own, so that it averages 1 over labels. None: all were drawn alike.

        Raises:
            ValueError: A value is out of range, weights come with a finished batch, or there are more
                labels than the batch has approvals.
        """
        return self._moved(answers, weights)[0]

    def _moved(
        self, answers: Sequence[bool], weights: Sequence[float] | None
    ) -> tuple[Watch, Floats, Floats]:
        """`after`, with the lower and the upper bound after each label, shape (n,)."""
        good, mass = self._read(answers, weights)
        if good.size == 0:
            return self, np.empty(0), np.empty(0)
        limit = math.log(1 / self.failure_probability)
        means = grid(1 - self.promise)
        suitable, lows = bet(
            self.suitable, mass * good, grid(),
            failure_probability=self.failure_probability, population=self.population,
        )  # fmt: skip
        unsuitable, floors = bet(
            self.unsuitable, mass * (1 - good), means,
            failure_probability=self.failure_probability, population=self.population,
        )  # fmt: skip
        over = np.flatnonzero(floors >= 1 - self.promise)
        alarm_at, drop_at, drops = self.alarm_at, self.drop_at, self.drops
        if alarm_at is None and over.size:
            alarm_at = self.labels + int(over[0]) + 1
        if self.population is None:
            paths = drop_capital(
                (mass * (1 - good))[None], promise=self.promise, begun=drops, labels=self.labels
            )
            drops = tuple(paths.begun[0].tolist())
            fallen = np.flatnonzero(np.log(paths.capital[0]) >= limit)
            if drop_at is None and fallen.size:
                drop_at = self.labels + int(fallen[0]) + 1
        return (
            replace(
                self,
                labels=self.labels + good.size,
                alarm_at=alarm_at,
                drop_at=drop_at,
                weight=float(np.cumsum(np.append(self.weight, mass))[-1]),
                suitable=suitable,
                unsuitable=unsuitable,
                drops=drops,
            ),
            lows,
            1 - floors,
        )

    def _read(
        self, answers: Sequence[bool], weights: Sequence[float] | None
    ) -> tuple[Floats, Floats]:
        for place, answer in enumerate(answers):
            if not isinstance(answer, (bool, np.bool_, int, np.integer)) or answer not in (0, 1):
                raise ValueError(
                    f"an answer is True or False (1 or 0), got {answer!r} in row {place}; leave out what nobody "
                    "answered"
                )
        good = np.asarray(answers, dtype=float)
        mass = np.ones(good.size) if weights is None else np.asarray(weights, dtype=float)
        if mass.shape != good.shape:
            raise ValueError(
                f"`weights` wants one for each of {good.size} answers, got {mass.shape}"
            )
        if not np.all((mass > 0) & np.isfinite(mass)):
            raise ValueError(
                "a weight is a finite number over 0: mean inclusion over the label's own"
            )
        if self.population is not None:
            if weights is not None:
                raise ValueError(
                    "a finished batch is watched by equal draws only: leave `weights` out"
                )
            if self.labels + good.size > self.population:
                raise ValueError(
                    f"{self.labels + good.size} labels came of a batch of {self.population} approvals: "
                    "each may be labelled once"
                )
        return good, mass

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal watch."""
        return _adapter().dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Watch:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not such JSON, or a number is out of range.
        """
        return _adapter().validate_json(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A watch with its bounds after each label, for a figure."""

    watch: Watch
    """Where it ended."""
    low: tuple[float, ...]
    """Lower bound after each label; never falls."""
    high: tuple[float, ...]
    """Upper bound after each label; never rises."""


def watch_precision(
    answers: Sequence[bool],
    *,
    promise: float,
    failure_probability: float = 0.05,
    weights: Sequence[float] | None = None,
    population: int | None = None,
) -> Watched:
    """Follow precision label by label: a confidence sequence by betting, and alarms.

    Args:
        answers: Length n, in the order in which labels of approvals came: True or 1 if suitable, else False
            or 0. That order must have nothing to do with the answers; shuffle a batch that came sorted.
        promise: Precision that was promised, between 0 and 1.
        failure_probability: δ of each alarm and of each bound, over all looks together.
        weights: See `Watch.after`.
        population: See `Watch`.

    Raises:
        ValueError: A value is out of range.

    Source: Waudby-Smith & Ramdas 2024, JRSS-B 86:1 (the hedged capital process with predictable plug-in
    stakes; each side has δ, the band 1 − 2δ); Shin, Ramdas & Rinaldo 2024, arXiv:2203.03532 (bets that begin
    at every label, for drops that come late).
    """
    start = Watch(promise=promise, failure_probability=failure_probability, population=population)
    end, lows, highs = start._moved(answers, weights)
    return Watched(watch=end, low=tuple(lows.tolist()), high=tuple(highs.tolist()))


@cache
def _adapter() -> TypeAdapter[Watch]:
    from pydantic import TypeAdapter  # 0.1 s

    return TypeAdapter(Watch)

"""How long an alarm takes: what a watch would see if precision dropped to a given value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.calibration._sample import Codes, Floats
from workbench.calibration.watching._betting import drop_capital, log_payoffs, stakes
from workbench.calibration.watching.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDelay:
    """How many labels a drop takes to be seen, by simulation."""

    promise: float
    precision: float
    """What precision drops to."""
    after: int
    """Labels at the promised precision before it drops."""
    median: int | None
    """Labels from the drop to the first alarm in half of the streams; None where more than `limit`."""
    most: int | None
    """The same in 90% of the streams."""
    limit: int
    """Labels that were simulated after the drop."""
    missed: float
    """Share of streams without an alarm by then, 0 to 1."""
    streams: int
    """Streams that were simulated and had no false alarm before the drop."""

    @property
    def sentence(self) -> str:
        """In words."""
        if self.median is None:
            return (
                f"A precision of {self.precision:g} would take more than {self.limit} labels to be told from "
                f"the promised {self.promise:g}."
            )
        rest = (
            f"one in ten takes over {self.limit}"
            if self.most is None
            else f"nine of ten within {self.most}"
        )
        return (
            f"If precision drops to {self.precision:g} after {self.after} labels, half of the alarms come "
            f"within {self.median} labels, {rest}."
        )


def alarm_delay(
    *,
    promise: float,
    precision: float,
    after: int = 0,
    failure_probability: float = 0.05,
    limit: int = 5000,
    streams: int = 500,
    seed: int = 0,
) -> AlarmDelay:
    """Simulate how long until an alarm (either of the two) if precision drops to `precision`.

    Args:
        promise: Between 0 and 1.
        precision: 0 or more, below `promise`.
        after: Labels at exactly the promised precision before it drops.
        failure_probability: δ of each alarm.
        limit: Labels simulated after the drop.
        streams: How many are simulated.
        seed: Of the simulation.

    Raises:
        ValueError: A value is out of range.
    """
    Watch(promise=promise, failure_probability=failure_probability)  # checks both
    if not 0 <= precision < promise:
        raise ValueError(
            f"`precision` is from 0 to below the promise {promise:g}, got {precision!r}"
        )
    if after < 0 or limit < 1 or streams < 2:
        raise ValueError(f"want counts from 0, 1 and 2, got {after=}, {limit=}, {streams=}")
    chance = np.append(np.full(after, 1 - promise), np.full(limit, 1 - precision))
    rng = np.random.default_rng(seed)
    failures = (rng.random((streams, chance.size)) < chance).astype(float)
    first = first_alarms(failures, promise=promise, failure_probability=failure_probability)
    waits = np.sort(first[first >= after] - after + 1)  # `chance.size` stands for none
    waits = np.where(waits > limit, limit + 1, waits)
    middle, ninth = (
        int(np.quantile(waits, q, method="higher")) if waits.size else limit + 1 for q in (0.5, 0.9)
    )
    return AlarmDelay(
        promise=promise,
        precision=precision,
        after=after,
        median=middle if middle <= limit else None,
        most=ninth if ninth <= limit else None,
        limit=limit,
        missed=float((waits > limit).mean()) if waits.size else 1.0,
        streams=int(waits.size),
    )


def first_alarms(failures: Floats, *, promise: float, failure_probability: float) -> Codes:
    """Place of the first alarm of either kind in each stream, shape (streams,); n where none comes.

    `failures` has shape (streams, n), as in `drop_capital`.
    """
    limit = math.log(1 / failure_probability)
    sizes = stakes(failures, failure_probability=failure_probability)[0]
    paid = log_payoffs(failures, sizes, np.full((1, 1), 1 - promise))
    over = np.cumsum(paid, axis=1) >= limit
    over |= np.log(drop_capital(failures, promise=promise).capital) >= limit
    first: Codes = np.where(over.any(axis=1), over.argmax(axis=1), failures.shape[1])
    return first

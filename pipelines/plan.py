"""What a run of many more items would take, from the pace that a run of few was recorded at.

A stage takes `start + rate * records` seconds: `start` is what its first piece took more than the others, `rate` the
ratio of seconds to records over the other pieces. The interval comes from drawing those pieces again (bootstrap of a
ratio, Davison & Hinkley 1997, section 2.4), plus the scatter of the pieces that are still to come; over several
machines with equal shares the last one to end counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import CalibrationError, StoreError
from workbench.metrics.estimate import Estimate
from workbench.records import Run, RunEvent

if TYPE_CHECKING:
    from workbench.store import Store

Floats = npt.NDArray[np.float64]

_DRAWS = 2000
_FEWEST = 4
"""Pieces after the first that an interval wants."""
_UNSURE = 0.05
"""Share of the time that may lie in stages without an interval of their own."""
_LEVEL = 0.95
_METHOD = "bootstrap of pieces"
_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What is paid, in one currency; 0 where nothing is."""

    machine_hour: float = 0.0
    tokens_in: float = 0.0
    """Per million tokens that models read."""
    tokens_out: float = 0.0
    """Per million tokens that they write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the recorded run."""

    name: str
    done: int
    """Records that it made."""
    pace: tuple[tuple[int, float], ...]
    """See `RunEvent.pace`; the first piece of each start of the run is in `starts` instead."""
    starts: tuple[tuple[int, float], ...]
    tokens_in: int
    tokens_out: int
    inside: bool
    """Its seconds lie within another stage's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A run as a plan reads it."""

    run: Run
    items: int
    """Items, or topics of pictures, that it made something for."""
    stages: tuple[Stage, ...]
    besides: float
    """Seconds from its beginning to its end that no stage counts, such as loading models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """What one stage would take on each machine."""

    name: str
    inside: bool
    per_item: float
    """Records per item."""
    rate: Estimate
    """Records per second of one machine."""
    hours: Estimate
    tokens_in: float
    """Of all machines together."""
    tokens_out: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What so many items would take."""

    run: str
    command: str
    machine: str
    recorded_items: int
    items: int
    machines: int
    stages: tuple[PlannedStage, ...]
    hours: Estimate
    """Until the last machine ends."""
    cost: Estimate | None
    """None where there is no price."""
    checked: Checked | None
    """None where the run has too few pieces to foretell itself."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A run foretold from its own beginning."""

    from_records: int
    foretold: Estimate
    """Seconds of the rest."""
    took: float


def read_recorded(store: Store, run: str | None = None) -> Recorded:
    """The run whose id begins with `run`, or the latest one that made something.

    Raises:
        StoreError: There is none, or several begin so.
        CalibrationError: It made nothing, or was recorded without its pace.
    """
    runs = sorted(store.records(Run), key=lambda one: one.created_at)
    named = [one for one in runs if run is None or one.id.startswith(run)]
    if not named or (run is not None and len(named) > 1):
        said = "there are several" if named else "there is none"
        latest = ", ".join(one.id for one in reversed(runs[-5:])) or "none at all"
        raise StoreError(
            f"want a run{'' if run is None else f' whose id begins with {run!r}'}, but {said} in this store; "
            f"its latest: {latest}"
        )
    of_run: dict[str, list[RunEvent]] = {}
    for event in store.records(RunEvent):
        of_run.setdefault(event.run, []).append(event)
    for one in reversed(named):
        events = of_run.get(one.id, [])
        if any(e.kind == "stage" and e.pace for e in events):
            items = _items(store, one.id)
            if items:
                return _recorded(one, events, items)
    raise CalibrationError(
        "no run here made something for an item at a recorded pace, so nothing says how fast it would go on: "
        "run one on some hundred new items first (what is found done takes no time and tells nothing)"
    )


def _items(store: Store, run: str) -> int:
    """Items, or topics of pictures without one, that a run made or judged something for."""
    generations = store.generations()
    own = generations[generations["run"] == run]
    if own.empty:
        verdicts = store.verdicts()
        judged = verdicts.loc[verdicts["run"] == run, "generation"]
        own = generations[generations["key"].isin(judged)]
    return int(own["item"].fillna(own["category"]).nunique())


def _recorded(run: Run, events: Sequence[RunEvent], items: int) -> Recorded:
    stages: dict[str, list[RunEvent]] = {}
    for event in events:
        if event.kind == "stage" and event.pace:
            stages.setdefault(event.stage, []).append(event)
    ended = max(event.created_at for event in events)
    outside = sum(e.cost.seconds for e in events if e.kind == "stage" and not e.inside)
    return Recorded(
        run=run,
        items=items,
        stages=tuple(
            Stage(
                name=name,
                done=sum(e.done for e in several),
                starts=tuple(e.pace[0] for e in several),
                pace=tuple(piece for e in several for piece in e.pace[1:]),
                tokens_in=sum(e.cost.prompt_tokens for e in several),
                tokens_out=sum(e.cost.completion_tokens for e in several),
                inside=several[0].inside,
            )
            for name, several in stages.items()
        ),
        besides=max(0.0, (ended - run.created_at).total_seconds() - outside),
    )


def make_plan(
    recorded: Recorded,
    *,
    items: int,
    machines: int = 1,
    prices: Prices | None = None,
    seed: int = 0,
) -> Plan:
    """What `items` would take on `machines` like the one that the run was recorded on, each with an equal share.

    Args:
        recorded: The run.
        items: From 1.
        machines: From 1.
        prices: What is paid; None: nothing is told of money.
        seed: Of the draws.

    A stage that was recorded in one piece is taken to grow with the items as a whole. It has no interval, and where
    such stages hold more than a twentieth of the time, nor has the sum.
    """
    rng = np.random.default_rng(seed)
    share = items / machines
    planned: list[PlannedStage] = []
    drawn: Floats = np.full(_DRAWS, recorded.besides)
    middle, unsure = recorded.besides, 0.0
    for stage in recorded.stages:
        per_item = stage.done / recorded.items
        rate, start = _rate(stage)
        rates = _drawn_rates(stage, rng)
        records = share * per_item
        seconds = start + rate * records
        spread = (
            None
            if rates is None
            else start + rates * records + _scatter(stage, records, machines, rng)
        )
        planned.append(
            PlannedStage(
                name=stage.name,
                inside=stage.inside,
                per_item=per_item,
                rate=_estimate(1 / rate, None if rates is None else 1 / rates, len(stage.pace)),
                hours=_estimate(seconds / 3600, None if spread is None else spread / 3600, len(stage.pace)),
                tokens_in=stage.tokens_in / stage.done * per_item * items,
                tokens_out=stage.tokens_out / stage.done * per_item * items,
            )
        )  # fmt: skip
        if not stage.inside:
            middle += seconds
            unsure += seconds if spread is None else 0.0
            drawn = drawn + (seconds if spread is None else spread)
    known = unsure <= _UNSURE * middle
    pieces = sum(len(stage.pace) for stage in recorded.stages if not stage.inside)
    hours = _estimate(middle / 3600, drawn / 3600 if known else None, pieces)
    return Plan(
        run=recorded.run.id,
        command=recorded.run.command,
        machine=recorded.run.versions.get("machine", "a machine that was not recorded"),
        recorded_items=recorded.items,
        items=items,
        machines=machines,
        stages=tuple(planned),
        hours=hours,
        cost=None if prices is None else _cost(hours, planned, machines, prices),
        checked=_check(recorded, seed),
    )


def machines_for(recorded: Recorded, *, items: int, hours: float, seed: int = 0) -> int:
    """The fewest machines with which `items` are done within `hours`, by the upper bound where there is one.

    Raises:
        CalibrationError: Starting alone takes longer.
    """

    def late(machines: int) -> bool:
        took = make_plan(recorded, items=items, machines=machines, seed=seed).hours
        return (took.high if took.high is not None else took.value or 0.0) > hours

    most = 1
    while late(most):
        if most >= items:
            raise CalibrationError(
                f"no number of machines does it within {hours:g} hours: starting alone takes longer"
            )
        most = min(2 * most, items)
    fewest = most // 2 + 1 if most > 1 else 1
    while fewest < most:
        middle = (fewest + most) // 2
        fewest, most = (middle + 1, most) if late(middle) else (fewest, middle)
    return most


def items_for(
    recorded: Recorded, *, money: float, machines: int, prices: Prices, seed: int = 0
) -> int:
    """The most items that `money` pays for, by the upper bound where there is one; 0 where it pays for none."""

    def paid(items: int) -> bool:
        cost = make_plan(recorded, items=items, machines=machines, prices=prices, seed=seed).cost
        assert cost is not None
        return (cost.high if cost.high is not None else cost.value or 0.0) <= money

    if not paid(1):
        return 0
    low, high = 1, 2
    while paid(high):
        if high > 10**12:
            raise CalibrationError(
                f"any number of items is paid for by {money:g}: want a price above 0"
            )
        low, high = high, 2 * high
    while high - low > max(1, floor(low / 1000)):
        middle = (low + high) // 2
        low, high = (middle, high) if paid(middle) else (low, middle)
    return low


def _rate(stage: Stage) -> tuple[float, float]:
    """Seconds per record, and seconds that a start takes besides."""
    if not stage.pace:
        return sum(t for _, t in stage.starts) / stage.done, 0.0
    counts, seconds = np.array(stage.pace, dtype=float).T
    rate = float(seconds.sum() / counts.sum())
    return rate, max(0.0, float(np.mean([s - rate * n for n, s in stage.starts])))


def _drawn_rates(stage: Stage, rng: np.random.Generator) -> Floats | None:
    """Seconds per record with the pieces drawn again, shape (draws,); None where there are too few."""
    if len(stage.pace) < _FEWEST:
        return None
    counts, seconds = np.array(stage.pace, dtype=float).T
    places = rng.integers(len(counts), size=(_DRAWS, len(counts)))
    found: Floats = seconds[places].sum(1) / counts[places].sum(1)
    return found


def _scatter(stage: Stage, records: float, machines: int, rng: np.random.Generator) -> Floats:
    """How much longer the last of the machines takes, as their pieces differ by chance, shape (draws,)."""
    from scipy.special import ndtri

    counts, seconds = np.array(stage.pace, dtype=float).T
    rate = seconds.sum() / counts.sum()
    of_record = float(np.sum((seconds - rate * counts) ** 2)) / max(1.0, float(counts.sum()))
    # The greatest of m normal numbers, by its distribution function's inverse.
    greatest = ndtri(rng.random(_DRAWS) ** (1 / machines))
    found: Floats = np.sqrt(of_record * records) * greatest
    return found


def _estimate(value: float, draws: Floats | None, pieces: int) -> Estimate:
    if draws is None:
        wanted = f"an interval wants {_FEWEST + 1} pieces of every stage"
        return Estimate(value=value, low=None, high=None, method=_METHOD, n=pieces, reason=wanted)
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), level=_LEVEL, method=_METHOD, n=pieces
    )  # fmt: skip


def _cost(
    hours: Estimate, stages: Sequence[PlannedStage], machines: int, prices: Prices
) -> Estimate:
    tokens = (
        sum(prices.tokens_in * s.tokens_in + prices.tokens_out * s.tokens_out for s in stages)
        / _MILLION
    )

    def of(took: float | None) -> float | None:
        return None if took is None else took * machines * prices.machine_hour + tokens

    return Estimate(
        value=of(hours.value), low=of(hours.low), high=of(hours.high), level=hours.level, method=hours.method,
        n=hours.n, reason=hours.reason,
    )  # fmt: skip


def _check(recorded: Recorded, seed: int) -> Checked | None:
    """The longest stage, foretold from the first quarter of its own pieces."""
    outside = [s for s in recorded.stages if not s.inside]
    longest = max(outside, key=lambda s: sum(t for _, t in s.pace))
    known = ceil(len(longest.pace) / 4)
    if known < _FEWEST or len(longest.starts) > 1:
        return None
    first = Stage(
        name=longest.name, done=longest.done, pace=longest.pace[:known], starts=longest.starts, tokens_in=0,
        tokens_out=0, inside=False,
    )  # fmt: skip
    rest = longest.pace[known:]
    records = sum(n for n, _ in rest)
    rng = np.random.default_rng(seed)
    rates = _drawn_rates(first, rng)
    assert rates is not None
    return Checked(
        from_records=sum(n for n, _ in (*longest.starts, *first.pace)),
        foretold=_estimate(
            _rate(first)[0] * records, rates * records + _scatter(first, records, 1, rng), known
        ),
        took=sum(t for _, t in rest),
    )

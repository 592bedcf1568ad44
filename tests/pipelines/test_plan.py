"""Plans from a recorded pace: their intervals hold, what is asked for is found, and nothing is made up."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.plan import (
    Prices,
    Recorded,
    Stage,
    items_for,
    machines_for,
    make_plan,
    read_recorded,
)
from pipelines.recorder import record
from workbench.errors import CalibrationError, StoreError
from workbench.records import Cost, Generation, Run, RunEvent
from workbench.store import Store

RATE, START = 0.02, 5.0
"""Seconds per record of the simulated machine, and of its start."""


def simulated(rng, pieces=24, size=64, name="write", done=None):
    """A stage whose pieces take gamma times of mean `RATE` a record."""
    times = rng.gamma(9, RATE * size / 9, pieces + 1)
    return Stage(
        name=name, done=done or size * (pieces + 1), starts=((size, times[0] + START),),
        pace=tuple((size, t) for t in times[1:]), tokens_in=1000, tokens_out=100, inside=False,
    )  # fmt: skip


def recorded(*stages, items=None, besides=0.0):
    run = Run(id="r", command="run listings", arguments={}, versions={"machine": "this one"})
    return Recorded(run=run, items=items or stages[0].done, stages=stages, besides=besides)


@pytest.mark.parametrize("machines", [1, 16])
def test_intervals_hold_what_a_larger_run_takes(machines):
    """300 recorded runs of 1,600 records, each with a larger run simulated piece by piece."""
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        hours = make_plan(
            recorded(simulated(rng)), items=64_000, machines=machines, seed=seed
        ).hours
        pieces = 64_000 // 64 // machines
        took = START + rng.gamma(9, RATE * 64 / 9, (machines, pieces)).sum(1).max()
        held += hours.low * 3600 <= took <= hours.high * 3600
    assert 0.91 <= held / 300 <= 0.98, held / 300


def test_a_plan_of_the_run_itself_is_the_run():
    stage = simulated(np.random.default_rng(0))
    took = sum(t for _, t in (*stage.starts, *stage.pace))
    plan = make_plan(recorded(stage, besides=3.0), items=stage.done)
    assert plan.hours.value * 3600 == pytest.approx(took + 3, rel=1e-9)


def test_two_starts_count_once_each_per_machine():
    one = simulated(np.random.default_rng(0))
    twice = Stage(
        name="write", done=2 * one.done, starts=one.starts * 2, pace=one.pace * 2, tokens_in=0, tokens_out=0,
        inside=False,
    )  # fmt: skip
    alone, both = (make_plan(recorded(s), items=10_000).hours.value for s in (one, twice))
    assert alone == pytest.approx(both)


def test_stages_inside_others_are_told_and_not_added():
    outer = simulated(np.random.default_rng(0), name="all")
    inner = Stage(
        name="images", done=3 * outer.done, starts=outer.starts, pace=outer.pace, tokens_in=0, tokens_out=0,
        inside=True,
    )  # fmt: skip
    plan = make_plan(recorded(outer, inner), items=5000)
    assert plan.hours == make_plan(recorded(outer), items=5000).hours
    assert [round(stage.per_item) for stage in plan.stages] == [1, 3]


def test_money_and_tokens():
    prices = Prices(machine_hour=2.0, tokens_in=1.0, tokens_out=10.0)
    stage = simulated(np.random.default_rng(0))
    plan = make_plan(recorded(stage), items=100 * stage.done, machines=4, prices=prices)
    tokens = (1000 * 100 + 10 * 100 * 100) / 1e6
    assert plan.cost.value == pytest.approx(4 * 2 * plan.hours.value + tokens)
    assert make_plan(recorded(stage), items=10).cost is None


def test_machines_and_items_that_are_asked_for_are_the_least_and_the_most():
    known = recorded(simulated(np.random.default_rng(0)))
    need = machines_for(known, items=1_000_000, hours=0.5)
    assert make_plan(known, items=1_000_000, machines=need).hours.high <= 0.5
    assert make_plan(known, items=1_000_000, machines=need - 1).hours.high > 0.5
    with pytest.raises(CalibrationError, match="no number of machines"):
        machines_for(known, items=1000, hours=START / 2 / 3600)
    prices = Prices(machine_hour=3.0)
    most = items_for(known, money=50.0, machines=2, prices=prices)
    assert make_plan(known, items=most, machines=2, prices=prices).cost.high <= 50
    assert make_plan(known, items=int(most * 1.01), machines=2, prices=prices).cost.high > 50
    assert items_for(known, money=0.001, machines=2, prices=prices) == 0
    with pytest.raises(CalibrationError, match="a price above 0"):
        items_for(known, money=1.0, machines=1, prices=Prices())


def test_a_run_foretells_its_own_rest():
    steady = make_plan(recorded(simulated(np.random.default_rng(1), pieces=40)), items=10).checked
    assert steady.foretold.low <= steady.took <= steady.foretold.high
    stage = simulated(np.random.default_rng(1), pieces=40)
    slowed = Stage(
        name="write", done=stage.done, starts=stage.starts, tokens_in=0, tokens_out=0, inside=False,
        pace=tuple((n, t * (1 if k < 20 else 3)) for k, (n, t) in enumerate(stage.pace)),
    )  # fmt: skip
    found = make_plan(recorded(slowed), items=10).checked
    assert found.took > found.foretold.high


def test_too_few_pieces_have_no_interval():
    stage = simulated(np.random.default_rng(0), pieces=2)
    plan = make_plan(recorded(stage), items=100)
    assert plan.hours.low is None and "pieces" in plan.hours.reason and plan.checked is None
    small = Stage(
        name="audit", done=4, starts=((4, 0.01),), pace=(), tokens_in=0, tokens_out=0, inside=False
    )
    plan = make_plan(recorded(simulated(np.random.default_rng(0)), small), items=100)
    assert plan.hours.low is not None and plan.stages[1].rate.low is None


# ---- what a run records --------------------------------------------------------------------------


def made(store, recorder, stage, number):
    one = Generation(
        key=f"{number:064x}", kind="listing", category="mug", model="m", revision="r", prompt="p",
        item=f"shop/{number}", run=recorder.id,
    )  # fmt: skip
    store.add([one])
    return one


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def fill(store, chunks=8, size=5):
    with record(store, "run listings", {}, quiet=True) as recorder:
        with recorder.stage("write", chunks * size) as stage:
            stage.advance(known=3)
            for chunk in range(chunks):
                time.sleep(0.02)
                new = [made(store, recorder, stage, chunk * size + n) for n in range(size)]
                for _ in new:
                    stage.advance(1, cost=Cost(prompt_tokens=10, completion_tokens=2))
        return recorder.id


def test_what_is_made_together_is_one_piece(store):
    fill(store)
    (event,) = [e for e in store.records(RunEvent) if e.kind == "stage"]
    assert [n for n, _ in event.pace] == [5] * 8
    assert sum(t for _, t in event.pace) <= event.cost.seconds
    assert all(t >= 0.02 for _, t in event.pace)


def test_many_pieces_are_joined_and_lose_nothing(store):
    with (
        record(store, "run x", {}, quiet=True) as recorder,
        recorder.stage("s", takes_turns=True) as stage,
    ):
        for number in range(1, 1001):
            stage.advance(number % 3)
            stage.worked(0.5)
    (event,) = [e for e in store.records(RunEvent) if e.kind == "stage"]
    assert len(event.pace) <= 65
    assert sum(n for n, _ in event.pace) == event.done == 1000
    assert sum(t for _, t in event.pace) == pytest.approx(500)
    assert event.inside


def test_the_latest_run_that_made_something_is_planned_from(store):
    with pytest.raises(StoreError, match="there is none in this store"):
        read_recorded(store)
    first = fill(store)
    with record(store, "judge", {}, quiet=True) as recorder, recorder.stage("judge") as stage:
        stage.advance(known=40)
    found = read_recorded(store)
    assert (found.run.id, found.items, found.stages[0].done) == (first, 40, 40)
    with pytest.raises(CalibrationError, match="no run here made something"):
        read_recorded(store, recorder.id)
    with pytest.raises(StoreError, match=r"'zz'.*there is none"):
        read_recorded(store, "zz")


# ---- the command ---------------------------------------------------------------------------------


def plan_of(store, *options):
    return CliRunner().invoke(app, ["plan", "--store", str(Path(store.url).parent), *options])


def test_the_command_says_hours_and_cost(store):
    fill(store, chunks=20)
    said = plan_of(store, "--items", "100000", "--machines", "4", "--price", "2.50")
    assert said.exit_code == 0, said.output
    assert "100,000 items on 4 machines" in said.output and "Cost:" in said.output
    assert "Checked on the run itself" in said.output
    told = json.loads(plan_of(store, "--hours", "0.01", "--json").stdout)
    assert told["machines"] > 1 and told["hours"]["high"] <= 0.01
    assert (
        json.loads(plan_of(store, "--money", "5", "--price", "1", "--json").stdout)["cost"]["high"]
        <= 5
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--machines", "2", "--hours", "1"), "want --machines or --hours"),
        (("--money", "5"), "has a price"),
        (("--money", "5", "--price", "1", "--hours", "1"), "want --money or --hours"),
        (("--money", "0", "--price", "1"), "does not even pay"),
        (("--run", "nope"), "'nope'"),
    ],
)
def test_what_contradicts_itself_is_one_sentence(store, options, said):
    fill(store)
    found = plan_of(store, *options)
    assert found.exit_code != 0 and said in str(found.exception)

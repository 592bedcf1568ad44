"""Runs that the app starts: a process of their own, stopped as Ctrl-C would, taken up where they were."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

import pytest

from annotation.app import Live, tab_runs
from annotation.app._desk import Desk
from annotation.app._people import Person
from pipelines.again import find_run, run_again
from pipelines.app_runs import ChildRuns
from pipelines.category_images import CategoryImagesJob
from pipelines.listings import COMMAND, ListingsJob
from pipelines.one_at_a_time import alone
from workbench.errors import BusyError, StoreError
from workbench.records import Generation, Run, RunEvent, utcnow
from workbench.store import Store

CATALOG = "drawn:seed=5,items=60,size=64"


def job(repository, **changes):
    return CategoryImagesJob(
        catalog=CATALOG, image_model="tiny:image", judge="tiny:vlm",
        rubric=str(repository / "tests/samples/plain.yaml"), audit=0, **changes,
    )  # fmt: skip


def stored(store, one):
    run = Run(id="0123456789ab", command="run category-images", arguments=asdict(one))
    store.add([run])
    return run.id


def until(said, seconds=120.0):
    give_up = time.monotonic() + seconds
    while not (found := said()):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    return found


def test_only_what_can_be_run_again_is(tmp_path, repository):
    with Store.open(tmp_path / "store") as store:
        run = stored(store, job(repository))
        store.add([Run(id="ffff", command="calibrate")])
        assert find_run(store, run[:4]).id == run
        with pytest.raises(StoreError, match="no run begins with 'zz'"):
            find_run(store, "zz")
        with pytest.raises(StoreError, match="want a run of run listings or run category-images"):
            find_run(store, "ffff")
        runs = ChildRuns(store, address=str(tmp_path / "store"), images=None)
        assert runs.progress(run) is None
        with pytest.raises(StoreError, match="does not go on here"):
            runs.stop(run)
        runs.close()


def test_a_run_is_done_again_with_its_own_arguments(tmp_path, repository):
    with Store.open(tmp_path / "store") as store:
        run = stored(store, job(repository, categories=("mug",), attempts=1))
        assert run_again(store, run, quiet=True).startswith("1 topic: ")
        made = store.counts()["generations"]
        assert "1 topic found done" in run_again(store, run, quiet=True)
        assert store.counts()["generations"] == made


@pytest.mark.slow
def test_a_run_is_stopped_and_taken_up_again(tmp_path, repository):
    address = tmp_path / "store"
    with Store.open(address) as store:
        run = stored(store, job(repository, attempts=200, patience=0, candidates=2))
        runs = ChildRuns(store, address=str(address), images=None)
        try:
            runs.go_on(run)
            with pytest.raises(StoreError, match="another run goes on here already"):
                runs.go_on(run)
            child = until(lambda: next((r.id for r in store.records(Run) if r.id != run), None))
            until(lambda: any(one.image for one in store.records(Generation)))
            assert until(lambda: runs.progress(child)).stage
            assert runs.stop(child).startswith("Told to stop")
            ended = until(
                lambda: [
                    e for e in store.records(RunEvent) if e.run == child and e.kind == "stopped"
                ]
            )
            assert ended[0].note == "stopped by the user"
            until(lambda: runs.progress(child) is None)
            before = {one.key for one in store.records(Generation)}
            runs.go_on(child)
            again = until(
                lambda: next((r.id for r in store.records(Run) if r.id not in (run, child)), None)
            )
            until(lambda: {one.key for one in store.records(Generation)} - before)
        finally:
            runs.close()
        events = [one for one in store.records(RunEvent) if one.run == again]
        assert events[-1].kind == "stopped"
        assert max(one.known for one in events if one.stage == "images") > 0
        keys = [one.key for one in store.records(Generation)]
        assert len(keys) == len(set(keys)) and before < set(keys)


def test_listings_that_another_run_writes_are_not_taken_up(tmp_path):
    """A terminal writes them, and somebody presses “Go on” in the app."""
    with Store.open(tmp_path / "store") as store:
        asked = ListingsJob(
            catalog=CATALOG, model="tiny:vlm", judge="tiny:vlm", rubric="listing", limit=4,
            eval_share=0.4, audit=4, promise=0.9, seed=0,
        )  # fmt: skip
        run = Run(
            id="0123456789ab", command=COMMAND, arguments={**asdict(asked), "name": "drawn-5"}
        )
        begun = RunEvent(id="begun", run=run.id, kind="started", note="process 4711")
        store.add([run, begun])
        same = {"name": "drawn-5", "model": "tiny:vlm", "seed": 0}
        said = r"run 0123456789ab \(process 4711, since .*\) writes the same listings .* wait until it has ended"
        with alone(store, COMMAND, makes="", same=same), pytest.raises(BusyError, match=said):
            run_again(store, run.id, quiet=True)
        assert len(list(store.records(Run))) == 1, "what was refused leaves no run behind"


def test_a_run_whose_app_was_killed_says_so_and_can_be_taken_up(tmp_path, repository):
    with Store.open(tmp_path / "store") as store:
        run = stored(store, job(repository))
        note = "BrokenPipeError: [Errno 32] Broken pipe"  # nobody reads its progress any more
        store.add([RunEvent(id="end", run=run, kind="failed", note=note)])
        (one,) = tab_runs._runs(Desk(store, gate=None, live=Live(answer=str)))
        assert one.note.startswith("The app or terminal that had started it was gone")
        assert tab_runs._can_go_on(one)


def test_a_run_that_was_taken_up_says_by_which(tmp_path, repository):
    with Store.open(tmp_path / "store") as store:
        first = stored(store, job(repository))
        desk = Desk(store, gate=None, live=Live(answer=str))
        (alone,) = tab_runs._runs(desk)
        assert alone.later is None and tab_runs._can_go_on(alone)
        time.sleep(0.01)
        again = replace(next(iter(store.records(Run))), id="again0000000", created_at=utcnow())
        other = replace(again, id="other0000000", arguments={**again.arguments, "attempts": 9})
        store.add([again, other])
        told = {one.run.id: one for one in tab_runs._runs(desk)}
        assert told[first].later.run.id == again.id
        assert not tab_runs._can_go_on(told[first])
        assert tab_runs._can_go_on(told[again.id]) and told[other.id].later is None
        page = tab_runs.show(desk, {"run": first}, Person(name="ada", role="writer"))
        assert "Taken up again by" in page and "run=again0000000" in page


@pytest.mark.slow
def test_a_run_that_cannot_be_taken_up_says_why(tmp_path, repository):
    with Store.open(tmp_path / "store") as store:
        run = stored(store, replace(job(repository), catalog="table:gone.csv?photo=p"))
        runs = ChildRuns(store, address=str(tmp_path / "store"), images=None)
        try:
            runs.go_on(run)
            assert runs.starting(run) == "starting"
            said = until(lambda: (s := runs.starting(run)) != "starting" and s)
        finally:
            runs.close()
        assert "gone.csv" in said
        assert runs.starting("another") is None

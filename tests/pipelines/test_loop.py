"""`workbench loop` on a small drawn catalogue with the shipped writer: one round of the whole circle, and again."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.judge import stored_schema
from pipelines.loop_people import Simulated, visible_truth
from pipelines.preferences import trace_pair
from workbench.evolution import find_rubric
from workbench.metrics import Estimate
from workbench.preferences import lineage
from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Generation,
    Item,
    PreferencePair,
    RunEvent,
    Verdict,
)
from workbench.rubric import Criterion, load_rubric
from workbench.store import Store, group_of

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
PLAN = """
sft: {learning_rate: 1.0e-3, steps: 3, batch: 8, attention: eager}
dpo: {learning_rate: 1.0e-4, steps: 2, batch: 4, attention: eager}
"""
MADE = (Generation, Verdict, Audit, Annotation, Correction, PreferencePair)


def circle(place, *more):
    done = CliRunner().invoke(
        app,
        ["loop", "--catalog", "drawn:seed=4,items=44,size=64", "--store", str(place / "store"),
         "--judge", "tiny:vlm", "--labels", "16", "--audit", "8", "--plan", str(place / "plan.yaml"),
         "--json", *more],
    )  # fmt: skip
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A circle of one round, and what was printed."""
    place = tmp_path_factory.mktemp("circle")
    (place / "plan.yaml").write_text(PLAN)
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_CACHE", str(place / "cache"))
    yield place, circle(place)
    patch.undo()


def test_one_round_goes_round(once):
    place, told = once
    first, last = told["rounds"]
    assert told["waiting"] is None and (first["round"], last["round"]) == (0, 1)
    assert first["teaching"] == last["taught_by"] == 16 and last["teaching"] == 0
    assert first["measuring"] == last["measuring"] == 8
    assert last["model"].startswith("dir:") and last["learned"]["pairs"] >= 8
    assert Estimate.from_dict(last["gained"]).value == pytest.approx(
        last["aspect_f1"]["value"] - first["aspect_f1"]["value"]
    )
    with Store.open(place / "store") as store:
        revisions = {g.revision for g in store.records(Generation)}
    assert len(revisions) == 2 and first["seconds"] > 0


def test_held_out_items_teach_nothing_and_pairs_walk_back(once):
    place, told = once
    with Store.open(place / "store") as store:
        parts = dict(store.splits()[["group", "part"]].itertuples(index=False))
        items = {i.id: i for i in store.records(Item)}
        pairs = list(store.records(PreferencePair))
        assert pairs and {parts[group_of(items[p.item])] for p in pairs} == {"train"}
        way = lineage(store, pairs[0])
        assert way.annotations[0].audit == told["rounds"][0]["lesson"]
        audits = {a.id: a for a in store.records(Audit)}
        for one in told["rounds"]:
            drawn = store.records(Generation, [d.generation for d in audits[one["audit"]].drawn])
            assert {parts[group_of(items[g.item])] for g in drawn} == {"eval"}


def test_simulated_answers_say_so_everywhere(once):
    place, _ = once
    with Store.open(place / "store") as store:
        answers = list(store.records(Annotation))
        assert answers and all(a.simulated for a in answers)
        assert {a.annotator for a in answers} == {"simulated:annotator"}
        assert all(c.simulated for c in store.records(Correction))
        assert all(p.simulated for p in store.records(PreferencePair))
    page = (place / "store" / "loop" / "loop.html").read_text()
    assert "nobody was asked" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_the_page_has_the_numbers_of_its_figures_and_says_what_refuses_listings(once):
    place, told = once
    page = (place / "store" / "loop" / "loop.html").read_text()
    links = re.findall(r'href="data:text/csv;base64,([^"]+)" download="([^"]+)"', page)
    files = {name: base64.b64decode(data).decode().splitlines() for data, name in links}
    header, *rows = files["aspect-f1-by-round.csv"]
    assert header == "round,value,low,high,level,n,method,reason"
    for one, row in zip(told["rounds"], rows, strict=True):
        assert row.startswith(f"{one['round']},{one['aspect_f1']['value']},")
    assert page.count("<figure") == len(files)
    with Store.open(place / "store") as store:
        audits = {a.id: a for a in store.records(Audit)}
        for one in told["rounds"]:
            drawn = [d.verdict for d in audits[one["audit"]].drawn]
            refused = {
                s.criterion
                for v in store.records(Verdict, drawn)
                for s in v.scores
                if s.passed is False
            }
            assert (
                refused <= one["failing"].keys() and max(one["failing"].values()) <= one["held_out"]
            )
            for name, count in one["failing"].items():
                assert f"{name} ({count:,})" in page


def test_a_pair_is_traced_forward_to_the_models_that_learnt_it(once):
    place, told = once
    with Store.open(place / "store") as store:
        pairs = {one.key for one in store.records(PreferencePair)}
        found = [trace_pair(store, key) for key in sorted(pairs)]
    models = {one.model for traced in found for one in traced.forward}
    assert told["rounds"][1]["model"] in models
    assert {len(traced.forward) for traced in found} == {2}
    assert {one.method for one in found[0].forward} == {"sft", "dpo"}
    assert "learnt" in {one.part for traced in found for one in traced.forward}
    said = str(found[0])
    assert "answer " in said and f"by dpo of run {found[0].forward[0].run}" in said


def test_run_again_it_makes_nothing_twice(once):
    place, told = once
    with Store.open(place / "store") as store:
        before = {kind: {*map(repr, store.records(kind))} for kind in MADE}
        events = {e.id for e in store.records(RunEvent)}
    again = circle(place)
    timed = {"seconds", "prompt_tokens", "completion_tokens"}
    for old, new in zip(told["rounds"], again["rounds"], strict=True):
        assert {k: v for k, v in old.items() if k not in timed} == {
            k: v for k, v in new.items() if k not in timed
        }
    with Store.open(place / "store") as store:
        assert {kind: {*map(repr, store.records(kind))} for kind in MADE} == before
        stages = [e for e in store.records(RunEvent) if e.id not in events and e.kind == "stage"]
    work = {"write listings", "judge", "simulated answers", "train"}
    assert {e.stage for e in stages} >= {"write listings", "judge", "simulated answers"}
    assert not sum(e.done for e in stages if e.stage in work)


def test_an_answer_without_error_is_the_truth(once):
    place, _ = once
    with Store.open(place / "store") as store:
        items = {i.id: i for i in store.records(Item)}
        generation = next(
            g for g in store.records(Generation) if g.listing is not None and g.listing.aspects
        )
        schema = stored_schema(store, items[generation.item].id.partition("/")[0])
        rubric = find_rubric(store, "listing")
        people = Simulated(schema=schema, error=0.0, standard=rubric)
        known = people._known(generation, items[generation.item], rubric)
    truth = {n: ", ".join(v) for n, v in visible_truth(items[generation.item], schema).items()}
    said = {n: ", ".join(v) for n, v in generation.listing.aspects.items()}
    for about, before, after in known.corrections:
        if about.startswith("aspects."):
            name = about.removeprefix("aspects.")
            assert said.get(name) == before
            said[name] = after
            assert (after is None) == (name not in truth)
    assert {name: value for name, value in said.items() if value} == truth


def test_people_hold_to_their_standard_whatever_the_rubric_asks(once):
    """A rubric without `grounded`, beside people who refuse what no photo shows, and one that learnt of it."""
    place, _ = once
    full = load_rubric("listing")
    first = replace(
        full,
        name="first",
        criteria=tuple(c for c in full.criteria if c.id != "grounded"),
        failure_modes=tuple(
            replace(m, criterion=None) if m.criterion == "grounded" else m
            for m in full.failure_modes
        ),
    )
    asks = Criterion(id="unseen_claim", question="Free of it?", scale=("no", "yes"), threshold=1.5)
    taught = replace(
        first,
        version=2,
        criteria=(*first.criteria, asks),
        failure_modes=tuple(
            replace(m, criterion=m.id) if m.id == "unseen_claim" else m for m in first.failure_modes
        ),
    )
    with Store.open(place / "store") as store:
        items = {i.id: i for i in store.records(Item)}
        made = [g for g in store.records(Generation) if g.listing is not None]
        schema = stored_schema(store, made[0].item.partition("/")[0])
    people = Simulated(schema=schema, error=0.0, standard=full)
    refused = 0
    for one in made:
        by_full, by_first, by_taught = (
            people._known(one, items[one.item], rubric) for rubric in (full, first, taught)
        )
        assert by_full.approved == by_first.approved == by_taught.approved
        assert "grounded" not in by_first.scores
        unseen = by_full.scores["grounded"] == 1
        assert ("unseen_claim" in by_first.failure_modes) == unseen
        assert by_taught.scores["unseen_claim"] == (1 if unseen else 2)
        refused += unseen and not by_first.approved
    assert refused


def test_what_cannot_go_together_is_refused(tmp_path):
    done = CliRunner().invoke(
        app,
        [
            "loop",
            "--catalog",
            "drawn:seed=4,items=44",
            "--store",
            str(tmp_path),
            "--annotator",
            "ada",
        ],
    )
    assert done.exit_code == 2 and "label-studio" in done.output

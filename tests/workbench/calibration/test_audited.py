"""Audits in a store: their population is proved, what comes later is not mixed in, and eval never trains."""

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.calibration import draw_audit
from workbench.calibration.audited import (
    answers_to,
    calibrate_audit,
    draw_from,
    find_audit,
    grow_from,
    learned_scores,
    unanswered,
)
from workbench.calibration.audits.population import Selection, latest_selection, select_decisions
from workbench.errors import CalibrationError, LeakageError
from workbench.records import Annotation, Audit, Generation, Item, Listing, Verdict
from workbench.store import Store

ITEMS = 240


def records(start, stop, *, judge="starter:judge", revision="r1", run="run-1"):
    """Items with a listing and a verdict each; the confidence runs through 0.00 to 0.99."""
    for i in range(start, stop):
        confidence = (i * 37 % 100) / 100
        yield Item(id=f"shop/{i}", category=("mugs", "shirts")[i % 2])
        yield Generation(
            key=f"g{i}", kind="listing", category=("mugs", "shirts")[i % 2], model="tiny:text",
            revision="m1", prompt="Describe it.", item=f"shop/{i}", listing=Listing(title="x"),
            run=run,
        )  # fmt: skip
        yield Verdict(
            key=f"v{i}-{judge}-{revision}", generation=f"g{i}", judge=judge, revision=revision,
            rubric="listing@1", scores=(), confidence=confidence,
            approved=None if i % 40 == 0 else confidence >= 0.4, run=run,
        )  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        opened.add(list(records(0, ITEMS)))
        opened.assign_split([f"shop/{i}" for i in range(ITEMS)], eval_share=0.5, seed=1)
        yield opened


def answer(store, audit, items):
    store.add(
        [
            Annotation(
                id=f"{audit.id[:8]}-{item.generation}", generation=item.generation, annotator="ann",
                rubric="listing@1", approved=int(item.generation[1:]) * 37 % 100 >= 30, audit=audit.id,
            )
            for item in items
        ]
    )  # fmt: skip


def drawn(store, **options):
    options = {"size": 40, "seed": 0} | options
    audit = draw_from(store, latest_selection(store, part="eval"), **options)
    store.add([audit])
    return audit


def test_an_audit_is_of_one_part_and_its_items_never_train(store):
    audit = drawn(store)
    parts = dict(store.items()[["id", "part"]].itertuples(index=False))
    items = [f"shop/{item.generation[1:]}" for item in audit.drawn]
    assert {parts[item] for item in items} == {"eval"}
    assert audit.parameters["population"]["selected"]["part"] == "eval"
    for item in items:
        with pytest.raises(LeakageError, match="must not train"):
            store.require_train([item])
    # Nothing unlocks it later: not another deal, not another group.
    store.assign_split([items[0]], eval_share=0, seed=9)
    store.add([dataclasses.replace(store.find(Item, items[0]), group="other")])
    store.assign_split(["other"], eval_share=0, seed=9)
    with pytest.raises(LeakageError, match="must not train"):
        store.require_train([items[0]])


def test_the_record_proves_its_population_in_few_words(store):
    audit = drawn(store, design="neyman")
    population = audit.parameters["population"]
    assert population["verdicts"] == len(store.decisions(part="eval"))
    assert len(population["sha256"]) == 64
    assert len(json.dumps(dict(audit.parameters))) < 2_000
    stored = find_audit(store)
    assert Selection.from_dict(stored.parameters["population"]["selected"]).part == "eval"
    answer(store, audit, audit.drawn)
    found = calibrate_audit(store, stored)
    assert len(found.population) == population["verdicts"]
    assert found.calibration.rates.recall.value is not None


def test_verdicts_that_come_later_are_not_mixed_in(store):
    audit = drawn(store)
    answer(store, audit, audit.drawn)
    before = calibrate_audit(store, audit)
    store.add(list(records(ITEMS, ITEMS + 60, run="run-2")))
    store.assign_split([f"shop/{i}" for i in range(ITEMS, ITEMS + 60)], eval_share=1, seed=1)
    store.add([r for r in records(0, ITEMS, judge="other") if isinstance(r, Verdict)])
    assert calibrate_audit(store, audit).calibration == before.calibration
    assert [j.verdict.key for j in calibrate_audit(store, audit).population] == [
        j.verdict.key for j in before.population
    ]


def test_another_population_is_refused_in_one_sentence(store):
    audit = drawn(store)
    population = audit.parameters["population"]
    for changed in (
        {"sha256": "0" * 64},
        {"selected": {**population["selected"], "part": "train"}},
    ):
        other = dataclasses.replace(audit, parameters={"population": {**population, **changed}})
        with pytest.raises(CalibrationError, match=r"was drawn from \d+ decided verdicts, but"):
            calibrate_audit(store, other)
    old = dataclasses.replace(audit, parameters={"population": ["v1", "v2"], "part": "eval"})
    with pytest.raises(CalibrationError, match="draw another one with `workbench audit`"):
        calibrate_audit(store, old)
    decided, _ = select_decisions(store, latest_selection(store, part="eval"))
    loose = draw_audit(decided, size=20, seed=0)
    with pytest.raises(CalibrationError, match="does not say how its verdicts are found"):
        calibrate_audit(store, loose)
    with pytest.raises(CalibrationError, match="no verdicts of judge 'nobody', part 'eval'"):
        latest_selection(store, part="eval", judge="nobody")


def test_the_latest_verdicts_are_audited_unless_others_are_asked_for(store):
    store.add([r for r in records(0, ITEMS, revision="r2") if isinstance(r, Verdict)])
    assert latest_selection(store, part="eval").judge_revision == "r2"
    store.add([r for r in records(0, ITEMS, judge="other") if isinstance(r, Verdict)])
    assert latest_selection(store, part="eval").judge == "other"
    assert latest_selection(store, part="eval", judge="starter:judge").judge_revision == "r2"
    assert latest_selection(store, part="eval", rubric="listing").rubric == "listing@1"


def test_a_grown_audit_asks_only_for_what_is_new(store):
    first = drawn(store, size=30, by_category=True)
    answer(store, first, first.drawn)
    more = grow_from(store, first, size=50)
    store.add([more])
    waiting = unanswered(store, more)
    assert len(waiting) == 20
    assert {i.generation for i in waiting} == {i.generation for i in more.drawn} - {
        i.generation for i in first.drawn
    }
    answer(store, more, waiting)
    assert unanswered(store, more) == []
    assert len(answers_to(store, more)) == 50
    counts = calibrate_audit(store, more).calibration.counts
    assert counts.answered_approvals + counts.answered_rejections == 50
    # The first one is as it was: it counts what it drew.
    counts = calibrate_audit(store, first).calibration.counts
    assert counts.answered_approvals + counts.answered_rejections == 30


def test_the_latest_audit_with_answers_is_taken_and_a_newer_one_is_told(store):
    first, second = drawn(store, size=20), drawn(store, size=24, seed=1)
    assert find_audit(store).id == second.id  # nobody answered either
    (note,) = calibrate_audit(store, second).calibration.notes
    assert f"Audit {second.id[:12]} of {second.created_at:%Y-%m-%d} drew 24 items" in note
    answer(store, first, first.drawn)
    place = store.url.removesuffix("/workbench.db")
    for words, about, told in (((), first, True), (("--audit", first.id), first, False)):
        done = CliRunner().invoke(app, ["calibrate", "--store", place, "--json", *words])
        data = json.loads(done.stdout)
        assert data["audit"] == about.id
        waits = [n for n in data["notes"] if f"Audit {second.id[:12]}" in n]
        assert bool(waits) is told
        assert all("is newer and waits for 24 answers" in n for n in waits)
    said = CliRunner().invoke(app, ["calibrate", "--store", place]).stdout
    assert f"audit {first.id[:12]} of {first.created_at:%Y-%m-%d}" in said.splitlines()[0]
    assert said.splitlines()[1].startswith(f"Audit {second.id[:12]} of ")
    assert " ".join(said.split()).count("waits for 24 answers") == 1
    answer(store, second, second.drawn[:1])
    assert find_audit(store).id == second.id


def test_answers_teach_what_a_confidence_is_worth(store):
    audit = drawn(store, size=60)
    with pytest.raises(CalibrationError, match="want 10 answers"):
        learned_scores(store, audit)
    answer(store, audit, audit.drawn)
    scores = learned_scores(store, audit)  # people say yes from .30 on, the judge from .40
    assert scores.method == "platt"
    assert scores.apply(0.1) < 0.2
    assert scores.apply(0.5) > 0.8


def run(store, *words):
    place = store.url.removesuffix("/workbench.db")
    return CliRunner().invoke(app, ["audit", "--store", place, *words])


def test_the_command_draws_once(store):
    done = run(store, "--size", "30", "--design", "near-threshold", "--threshold", ".4")
    assert done.exit_code == 0, done.output
    (audit,) = store.records(Audit)
    assert f"Audit {audit.id[:12]} is stored; 30 wait for an answer." in done.output
    assert "approved/distance 1" in done.output
    again = run(store, "--size", "30", "--design", "near-threshold", "--threshold", ".4", "--json")
    said = json.loads(again.stdout)
    assert (said["audit"], said["known"], said["drawn"]) == (audit.id, True, 30)
    grown = json.loads(run(store, "--size", "45", "--grow", audit.id[:10], "--json").stdout)
    assert (grown["drawn"], grown["unanswered"], grown["design"]) == (45, 45, "near-threshold")
    assert len(list(store.records(Audit))) == 2


def test_the_command_plans_without_drawing(store):
    done = run(store, "--size", "30", "--design", "neyman", "--plan")
    assert done.exit_code == 0, done.output
    assert "answered approvals to choose by" in done.output or "cannot be promised" in done.output
    lines = [line.split() for line in done.output.splitlines()]
    assert done.output.startswith("starter:judge by listing@1: ")
    assert "stored too" not in done.output
    assert [line[0] for line in lines[3:6]] == [
        "30",
        "60",
        str(store.decisions(part="eval")["approved"].notna().sum()),
    ]
    assert list(store.records(Audit)) == []
    plans = json.loads(run(store, "--size", "30", "--plan", "--json").stdout)["plans"]
    assert plans[0]["labels"] == 30
    assert plans[1]["precision"]["half_width"] < plans[0]["precision"]["half_width"]


def test_the_command_plans_by_what_an_earlier_audit_taught(store):
    audit = drawn(store, size=60)
    answer(store, audit, audit.drawn)
    words = ("--size", "30", "--plan", "--json")
    plain = json.loads(run(store, *words).stdout)["plans"][0]
    taught = json.loads(run(store, *words, "--learn-from", audit.id[:10]).stdout)["plans"][0]
    assert taught["precision"]["value"] > plain["precision"]["value"] + 0.1
    said = run(store, "--plan", "--learn-from", audit.id[:10]).output
    assert "too sure of itself" not in said
    assert "too sure of itself" in run(store, "--plan").output
    # Others that came later are said, but what is learnt is about its own judge.
    store.add([r for r in records(0, ITEMS, judge="other") if isinstance(r, Verdict)])
    last = run(store, "--plan").output.splitlines()
    assert last[0].startswith("other by listing@1: ")
    assert last[1] == "(stored too: starter:judge by listing@1; --judge and --rubric choose)"
    assert json.loads(run(store, *words, "--learn-from", audit.id).stdout)["judge"] == audit.judge
    refused = run(store, *words, "--learn-from", audit.id, "--judge", "other")
    assert "not that of other by listing@1" in str(refused.exception)
    assert run(store).exit_code == 2
    drawn_by_it = run(store, "--size", "40", "--design", "neyman", "--learn-from", audit.id[:10])
    assert drawn_by_it.exit_code == 0, drawn_by_it.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--size", "30", "--design", "near-threshold"),
            "the design near-threshold wants --threshold, such as 0.7",
        ),
        (("--size", "3", "--by-category"), "draw more, lower the minimum"),
        (("--size", "30", "--judge", "nobody"), "holds no verdicts of judge 'nobody'"),
        (("--size", "30", "--grow", "abc"), "no audit begins with 'abc'|holds none"),
        (("--size", "30", "--learn-from", "abc", "--plan"), "holds none"),
    ],
)
def test_the_command_refuses_in_one_sentence(store, words, message):
    done = run(store, *words)
    assert done.exit_code == 1
    with pytest.raises(type(done.exception), match=message):
        raise done.exception

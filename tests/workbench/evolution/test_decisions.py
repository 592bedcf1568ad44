"""What people decide is a fact: who, why, and the last word counts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import CalibrationError, RubricError, StoreError
from workbench.evolution import (
    Edit,
    accepted,
    add_proposal,
    apply_edits,
    current,
    decide,
    make_current,
    next_version,
    proposal_key,
    propose,
    prove,
    read_evidence,
)
from workbench.evolution.measured import instrument_of
from workbench.records import Annotation, ProofSplit, RubricEvent, Verdict
from workbench.rubric import Criterion, Example, FailureMode


def test_what_was_refused_comes_back_only_with_new_evidence(tried):
    shop, audit, proposal, _ = tried
    decide(shop.store, proposal.key, "refused", by="bo", why="It costs too much.")
    assert accepted(shop.store, "mugs@1") == {}
    kinds = [(p.kind, p.about) for p in propose(shop.store, audit)]
    assert (proposal.kind, proposal.about) not in kinds
    more = shop.fill(150, labels=300, first=1000, seed=5)
    again = [
        p for p in propose(shop.store, more) if (p.kind, p.about) == (proposal.kind, proposal.about)
    ]
    assert len(again) == 1 and len(set(again[0].items_for) - set(proposal.items_for)) >= 3


def test_a_person_edits_and_the_edit_counts(tried):
    shop, _, proposal, made = tried
    edit = Edit.from_dict({"criterion": dict(proposal.edit["criterion"], threshold=3.0)})
    event = decide(
        shop.store, proposal.key[:12], "edited", by="ada", why="A round number.", edit=edit
    )
    again = decide(shop.store, proposal.key, "edited", by="ada", why="A round number.", edit=edit)
    assert again == event, "said twice, stored once"
    assert accepted(shop.store, "mugs@1") == {proposal.key: edit}
    other = next_version(shop.store, "mugs@1", by="ada")
    assert other.version == made.version + 1 and other.criteria[0].threshold == 3.0


def test_bad_decisions_are_one_clear_sentence(tried):
    shop, _, proposal, _ = tried
    with pytest.raises(StoreError, match="no proposal begins with 'zzz'"):
        decide(shop.store, "zzz", "accepted", by="ada", why="Yes.")
    with pytest.raises(StoreError, match="with ''"):
        decide(shop.store, "", "accepted", by="ada", why="Yes.")
    with pytest.raises(RubricError, match="want who decides and why, got by=''"):
        decide(shop.store, proposal.key, "accepted", by="", why="Yes.")
    with pytest.raises(RubricError, match="an edit goes with the decision 'edited'"):
        decide(shop.store, proposal.key, "edited", by="ada", why="Yes.")
    high = Edit.from_dict({"criterion": dict(proposal.edit["criterion"], threshold=9.0)})
    with pytest.raises(RubricError, match="over 1 and up to 5"):
        decide(shop.store, proposal.key, "edited", by="ada", why="Yes.", edit=high)
    for wrong in ({}, {"threshold": 3}, {"criterion": {"id": "quality"}}, {"criterion": 3}):
        with pytest.raises(RubricError, match="edit"):
            Edit.from_dict(wrong)
    with pytest.raises(RubricError, match="want who takes it into use and why"):
        make_current(shop.store, "mugs@2", by="ada", why=" ")


def test_two_edits_of_one_field_are_refused_and_of_two_fields_go_together(world):
    (quality,) = world.rubric.criteria
    strict = Edit(criterion=dataclasses.replace(quality, threshold=4.0))
    words = Edit(criterion=dataclasses.replace(quality, question="Is all of it right?"))
    both = apply_edits(world.rubric, [strict, words], version=2)
    assert (both.criteria[0].threshold, both.criteria[0].question) == (4.0, "Is all of it right?")
    other = Edit(criterion=dataclasses.replace(quality, threshold=3.0))
    with pytest.raises(RubricError, match=r"two edits want another threshold .* 4\.0 and 3\.0"):
        apply_edits(world.rubric, [strict, other], version=2)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    threshold=st.floats(1.01, 5.0),
    name=st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True),
    why=st.text("abc é.,'\"", min_size=1).map(str.strip).filter(bool),
    order=st.permutations(range(3)),
)
def test_edits_come_back_from_json_and_their_order_does_not_count(
    world, threshold, name, why, order
):
    (quality,) = world.rubric.criteria
    added = Criterion(id=f"new_{name}", question="Is it so?", scale=("no", "yes"), threshold=1.5)
    edits = [
        Edit(criterion=dataclasses.replace(quality, threshold=threshold)),
        Edit(criterion=added, failure_mode=FailureMode(id=f"m_{name}", description="A fault.", criterion=added.id)),
        Edit(example=Example(output="A mug", criterion="quality", point="2", why=why)),
    ]  # fmt: skip
    assert [Edit.from_dict(e.to_dict()) for e in edits] == edits
    assert (
        apply_edits(world.rubric, [edits[i] for i in order], version=2).digest
        == apply_edits(world.rubric, edits, version=2).digest
    )


def test_named_failures_examples_and_wording_are_proposed(shop):
    """Watermarks that no criterion asks about, and a judge kinder than people on one that it has."""
    audit = shop.fill(300, marks=0.25, seed=2)
    found = {(p.kind, p.about): p for p in propose(shop.store, audit)}
    new = found["new criterion", "watermark"]
    assert new.sentence.startswith("Ask about 'watermark', which no criterion covers")
    assert new.edit["failure_mode"]["criterion"] == "watermark" and len(new.items_for) >= 10
    assert new.effect["lost"]["value"] is None, (
        "what it costs is not known before the judge is asked"
    )
    sides = {s.item: s.side for s in shop.store.records(ProofSplit)}
    for proposal in found.values():
        assert {sides[f"shop/{key[1:]}"] for key in (*proposal.read, *proposal.items_for)} == {
            "propose"
        }
    decide(shop.store, new.key, "accepted", by="ada", why="Watermarks must go.")
    made = next_version(shop.store, "mugs@1", by="ada")
    proof = prove(shop.store, made.label, audit, shop.judge, by="ada")
    assert proof.proved, proof.missing
    assert proof.comparison.precision.difference.value > 0.05
    assert proof.criteria[0].criterion == "quality"


def test_an_instrument_that_sees_what_people_name_is_proposed_and_proved(shop):
    """A failure that no criterion asks about, and that the instrument for titles sees."""
    audit = shop.fill(300, marks=0.25, seed=2, shout=True)
    (new,) = [p for p in propose(shop.store, audit) if p.kind == "new criterion"]
    assert (new.about, new.edit["criterion"]["by"]) == ("watermark", "instrument:title")
    assert "The instrument 'title' sees it" in new.sentence
    assert new.effect["caught"]["value"] > 0.3 and new.effect["lost"]["value"] == 0.0
    decide(shop.store, new.key, "accepted", by="ada", why="Watermarks must go.")
    made = next_version(shop.store, "mugs@1", by="ada")
    proof = prove(shop.store, made.label, audit, shop.judge, by="ada")
    assert proof.proved, proof.missing
    make_current(shop.store, made.label, by="ada", why="Proved.")
    assert current(shop.store, "mugs") == made.label


def test_an_instrument_that_refuses_everything_or_by_chance_is_not_taken(shop):
    """Titles of two words: all are refused, so nothing says that this is what people name."""
    audit = shop.fill(300, marks=0.25, seed=2)
    (new,) = [p for p in propose(shop.store, audit) if p.kind == "new criterion"]
    assert new.edit["criterion"]["by"] == "model"
    own = [e for e in read_evidence(shop.store, audit) if e.key in set(new.read)]
    taken = 0
    for seed in range(100):
        coin = np.random.default_rng(seed).random(len(own)) < 0.4
        readings = {
            f"instrument:{k}": {e.key: bool(x) for e, x in zip(own, np.roll(coin, k), strict=True)}
            for k in range(3)
        }
        taken += instrument_of("watermark", own, readings) is not None
    assert taken <= 11, "at most 5% of 100 and two standard errors more"


def test_people_stricter_than_the_judge_bring_example_and_wording(shop):
    audit = shop.fill(120, seed=4)
    stricter = [
        dataclasses.replace(a, scores={"quality": max(1.0, a.scores["quality"] - 1.0)}, note="A corner is torn.")
        for a in shop.store.records(Annotation)
    ]  # fmt: skip
    shop.store.add(stricter)
    found = {p.kind: p for p in propose(shop.store, audit)}
    example = found["worked example"].edit["example"]
    assert example["output"].startswith("Title: Mug ") and example["why"] == "A corner is torn."
    assert int(example["point"]) < 3
    worded = found["clearer wording"]
    assert worded.edit["criterion"]["question"].startswith("Is the listing right? Where")
    assert "on 0 it is the other way round" in worded.sentence or worded.p_value < 0.05


def test_an_audit_without_answers_or_wrong_approvals_suggests_nothing(shop):
    audit = shop.fill(40)
    shop.store.add(
        [dataclasses.replace(a, state="deleted", approved=None, scores={}, failure_modes=())
         for a in shop.store.records(Annotation)]
    )  # fmt: skip
    assert propose(shop.store, audit) == ()


def test_a_person_writes_a_proposal(tried):
    shop, _, proposal, _ = tried
    mine = dataclasses.replace(
        proposal, audit="", read=(), items_for=(), items_against=(), effect={}, p_value=None,
        q_value=None, sentence="Be stricter.",
    )  # fmt: skip
    mine = dataclasses.replace(mine, key=proposal_key(mine))
    add_proposal(shop.store, mine)
    decide(shop.store, mine.key, "accepted", by="bo", why="I know it.")
    assert mine.key in accepted(shop.store, "mugs@1")


def test_a_version_that_brings_an_instrument_in_is_tested(tried):
    shop, audit, proposal, _ = tried
    title = Criterion(
        id="title", question="Is the title fine?", scale=("no", "yes"), threshold=1.5, by="instrument:title"
    )  # fmt: skip
    mine = dataclasses.replace(
        proposal,
        kind="new criterion",
        about="title",
        audit="",
        edit=Edit(criterion=title).to_dict(),
    )
    mine = dataclasses.replace(mine, key=proposal_key(mine))
    add_proposal(shop.store, mine)
    decide(shop.store, mine.key, "accepted", by="bo", why="Titles count.")
    made = next_version(shop.store, "mugs@1", by="bo")
    assert made.criterion("title").by == "instrument:title"
    proof = prove(shop.store, made.label, audit, shop.judge, by="bo")
    (drawn,) = shop.store.records(Verdict, [audit.drawn[0].verdict])
    assert proof.revision != drawn.revision and len(proof.keys) > 50
    scored = [v for v in shop.store.records(Verdict) if v.rubric == made.label]
    assert {s.by for v in scored for s in v.scores if s.criterion == "title"} == {
        "instrument:title"
    }


def test_versions_answered_by_different_models_are_not_compared(tried):
    shop, audit, _, made = tried

    def changing(rubric, generations):
        judged = shop.judge(rubric, generations)
        return dataclasses.replace(judged, parts={name: rubric.digest for name in judged.parts})

    with pytest.raises(CalibrationError, match="different revisions of 'model'"):
        prove(shop.store, made.label, audit, changing, by="ada")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(4))
def test_killed_between_any_two_writes_it_goes_on(tried, monkeypatch, at):
    """The store's own writes are cut off after `at` of them; what is done again ends the same."""
    shop, audit, proposal, _ = tried
    edit = Edit.from_dict({"criterion": dict(proposal.edit["criterion"], threshold=3.3)})
    decide(shop.store, proposal.key, "edited", by="ada", why="Round.", edit=edit)

    def all_of_it():
        made = next_version(shop.store, "mugs@1", by="ada")
        proof = prove(shop.store, made.label, audit, shop.judge, by="ada")
        make_current(shop.store, made.label, by="ada", why="Proved.")
        return made, proof

    left = [at]
    for name in ("add", "add_rubric"):
        write = getattr(type(shop.store), name)

        def cut(self, *args, _write=write, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return _write(self, *args, **kwargs)

        monkeypatch.setattr(type(shop.store), name, cut)
    with pytest.raises(Killed):
        all_of_it()
    monkeypatch.undo()
    made, proof = all_of_it()
    assert made.label == "mugs@3" and proof.tries == 1
    assert current(shop.store, "mugs") == "mugs@3"
    assert list(shop.store.rubrics(name="mugs")["version"]) == [1, 2, 3]
    kinds = [e.kind for e in shop.store.records(RubricEvent)]
    assert kinds == ["accepted", "made", "edited", "made", "tested", "used"]


def test_the_second_version_tried_on_the_same_answers_has_a_stricter_test(tried):
    shop, audit, proposal, made = tried
    first = prove(shop.store, made.label, audit, shop.judge, by="ada")
    edit = Edit.from_dict({"criterion": dict(proposal.edit["criterion"], threshold=3.4)})
    decide(shop.store, proposal.key, "edited", by="ada", why="Try this.", edit=edit)
    other = next_version(shop.store, "mugs@1", by="ada")
    second = prove(shop.store, other.label, audit, shop.judge, by="ada")
    assert (first.tries, second.tries) == (1, 2)
    assert first.alpha == pytest.approx(0.025) and second.alpha == pytest.approx(0.05 / 6)
    assert first.alpha + second.alpha < 0.05

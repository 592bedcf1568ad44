"""Whose turn it is: which output a person is offered next, and to which audit the answer belongs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from annotation.app import Gate, Live
from annotation.app._desk import Desk
from annotation.app._people import Person
from annotation.app.tab_correct import Form, following, keep, turn
from annotation.app.tab_rubric import settle
from workbench.calibration.audited import draw_from, find_audit
from workbench.calibration.audits.population import selection_of
from workbench.errors import WorkbenchError
from workbench.records import Annotation, Generation, Verdict
from workbench.store import Store

ANNA = Person(name="anna@shop.example", role="writer")
BEN = Person(name="ben@shop.example", role="writer")


@pytest.fixture
def shop(tmp_path, notebook_fill):
    """An audit of 12 that somebody answered nine of, and a newer one of four outputs of another model."""
    with Store.open(tmp_path / "store") as store:
        notebook_fill(store, items=16, drawn=12)
        old = find_audit(store)
        made = [one for one in store.records(Generation) if one.model == "hf:writer-2"]
        keys = {one.key for one in made}
        said = [one for one in store.records(Verdict) if one.generation in keys]
        new = draw_from(store, selection_of(said, made, part=None), size=4, seed=2)
        new = replace(new, created_at=old.created_at + timedelta(minutes=5))
        store.add([new])
        yield Desk(store, gate=Gate(), live=Live(answer=str)), old, new


def say(desk, person, *, approved=True):
    """Answer about what is offered, and return it."""
    labels, key = turn(desk, person, "")
    keep(desk, person, labels, Form(key=key), approved=approved, browser="")
    return key


def answered(desk, key, person):
    found = (one for one in desk.store.records(Annotation) if one.generation == key)
    return next(one for one in found if one.annotator == person.name)


def test_the_newest_audit_that_waits_is_offered_first(shop):
    desk, old, new = shop
    assert desk.rows().audit.id == old.id, "what approvals are worth is said by answers"
    asked = [say(desk, ANNA) for _ in new.drawn]
    assert asked == [one.generation for one in new.drawn]
    assert {answered(desk, key, ANNA).audit for key in asked} == {new.id}
    # What nobody answered comes before what others did, in the older audit, too.
    open_still = [one.generation for place, one in enumerate(old.drawn) if place % 4 == 0]
    assert [say(desk, ANNA) for _ in open_still] == open_still
    second = [say(desk, ANNA) for _ in range(len(old.drawn) - len(open_still))]
    assert {*second, *open_still} == {one.generation for one in old.drawn}
    with pytest.raises(WorkbenchError, match="answered everything that the audits drew"):
        turn(desk, ANNA, "")


def test_two_people_at_once_are_offered_different_outputs(shop):
    desk, _, new = shop
    drawn = [one.generation for one in new.drawn]
    assert say(desk, ANNA) == drawn[0]
    assert turn(desk, BEN, "")[1] == drawn[1]
    labels, _ = turn(desk, BEN, drawn[1])
    assert say(desk, ANNA) == drawn[1]
    assert following(desk, labels, drawn[1]) == drawn[2], "what Anna answered waits for the end"


def test_an_answer_stays_with_its_audit_and_is_taken_back_across_audits(shop):
    desk, old, new = shop
    key = old.drawn[0].generation
    labels, _ = turn(desk, ANNA, key)
    keep(desk, ANNA, labels, Form(key=key), approved=True, browser="")
    other = say(desk, ANNA, approved=False)
    assert answered(desk, key, ANNA).audit == old.id and answered(desk, other, ANNA).audit == new.id
    assert [desk.undo(ANNA), desk.undo(ANNA), desk.undo(ANNA)] == [other, key, None]
    assert answered(desk, key, ANNA).state == answered(desk, other, ANNA).state == "deleted"


def test_worth_is_told_of_the_audit_that_was_answered_last(shop):
    desk, old, new = shop
    assert desk.rows().audit.id == old.id
    say(desk, ANNA)
    rows = desk.rows()
    assert rows.audit.id == new.id
    assert desk.row(str(rows.frame["key"].iat[3])) == 3


def test_nothing_is_kept_in_a_store_that_was_taken_away(shop, tmp_path):
    desk, _, _ = shop
    _, key = turn(desk, ANNA, "")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    works = (
        lambda: turn(desk, ANNA, key),
        lambda: desk.undo(ANNA),
        lambda: settle(desk, ANNA, "f" * 64, accept=False, why="too strict"),
    )
    for work in works:
        with pytest.raises(
            WorkbenchError, match=r"moved, removed or replaced .* Nothing was stored"
        ):
            work()
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    assert say(desk, ANNA) == key

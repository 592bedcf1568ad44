"""Answers of several audits of one version count together, each output once; a test waits for right approvals."""

import dataclasses

import pytest

from pipelines.loop_training import FEWEST_RIGHT, change_rubric
from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import latest_selection
from workbench.evolution import propose, read_all_evidence, read_evidence
from workbench.records import Annotation, RubricEvent


@pytest.fixture
def two(shop):
    """An audit of 120 of the first 200 listings, and one of 60 of all 300."""
    first = shop.fill(200, labels=120)
    return shop, first, shop.fill(100, first=200, labels=60, seed=1)


def test_an_output_counts_in_the_audit_with_most_answers_that_could_draw_it(two):
    shop, first, later = two
    every = {one.key: one for one in read_all_evidence(shop.store, later)}
    assert read_all_evidence(shop.store, first) == tuple(every.values())
    own = {one.key: one for one in read_evidence(shop.store, first)}
    new = {one.key: one for one in read_evidence(shop.store, later) if int(one.key[1:]) >= 200}
    left_out = {d.generation for d in later.drawn} - set(new) - set(own)
    assert new and left_out, "the later audit drew of both halves"
    assert every == own | new
    # The first audit is drawn by strata: its weights give its 200 listings exactly, and nobody stands twice.
    assert sum(1 / one.inclusion_probability for one in own.values()) == pytest.approx(200)


def test_held_out_items_and_other_judges_stay_out(two):
    shop, first, _ = two
    items = [f"shop/{i}" for i in range(300)]
    shop.store.assign_split(items, eval_share=0.5, seed=0)
    selection = latest_selection(shop.store, part="eval", rubric="mugs@1")
    held_out = draw_from(shop.store, selection, size=30, seed=3)
    shop.store.add([held_out])
    shop.answer(held_out)
    before = {one.key for one in read_all_evidence(shop.store, first)}
    assert before <= {d.generation for d in first.drawn} | {f"g{i}" for i in range(200, 300)}
    assert {one.key for one in read_all_evidence(shop.store, held_out)} == {
        d.generation for d in held_out.drawn
    }
    selected = dict(first.parameters["population"]["selected"], judge_revision="2")
    population = dict(first.parameters["population"], selected=selected)
    other = dataclasses.replace(first, id="f" * 64, parameters={"population": population})
    shop.store.add([other])
    shop.answer(other)
    assert {one.key for one in read_all_evidence(shop.store, first)} == before


def test_simulated_answers_do_not_count_beside_those_of_people(two):
    shop, first, later = two
    drawn = later.drawn[0]
    said = next(
        one
        for one in shop.store.records(Annotation)
        if (one.audit, one.generation) == (later.id, drawn.generation)
    )
    shop.store.add([dataclasses.replace(said, id="ada's", annotator="ada", simulated=False)])
    (one,) = read_all_evidence(shop.store, first)
    assert one.key == drawn.generation and not one.simulated


def test_proposals_read_the_answers_of_both(two):
    shop, first, _ = two
    read = {key for one in propose(shop.store, first) for key in one.read}
    assert any(int(key[1:]) >= 200 for key in read) and any(int(key[1:]) < 200 for key in read)


def test_with_hardly_a_right_approval_the_simulated_decider_tests_nothing(shop):
    audit = shop.fill(80, marks=1.0)
    used, proposals, told = change_rubric(
        shop.store, audit, judge="simulated:judge", simulated=True, quiet=True
    )
    assert used == "mugs@1" and proposals
    assert told == (
        f"not tested yet: right approvals among what may suggest changes: 0 ({FEWEST_RIGHT} are wanted)",
    )
    assert not list(shop.store.records(RubricEvent)), "nothing is decided, so no try is spent"

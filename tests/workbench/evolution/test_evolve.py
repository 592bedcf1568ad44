"""A rubric changes where people's answers say so, and a change that is no better does not become current."""

from __future__ import annotations

import pytest

from workbench.errors import RubricError
from workbench.evolution import (
    ALPHA,
    current,
    decide,
    history,
    make_current,
    next_version,
    propose,
    prove,
)
from workbench.metrics.intervals import binomial_tail
from workbench.records import ProofSplit, RubricEvent


def test_from_false_positives_to_a_version_in_use_and_back(any_shop):
    shop, store = any_shop, any_shop.store
    audit = shop.fill(300, labels=240)
    found = propose(store, audit)
    raised = next(p for p in found if p.kind == "changed threshold")
    assert raised.about == "quality" and raised.edit["criterion"]["threshold"] > 2.5
    assert raised.items_for and raised.effect["caught"]["low"] > 0
    assert propose(store, audit) == found, "the same answers, the same proposals"

    with pytest.raises(RubricError, match="no proposal for mugs@1 stands accepted"):
        next_version(store, "mugs@1", by="ada")
    decide(store, raised.key, "accepted", by="ada", why="Too many wrong mugs get through.")
    made = next_version(store, "mugs@1", by="ada")
    assert made.label == "mugs@2" and made.criteria[0].threshold > 2.5
    assert next_version(store, "mugs@1", by="ada") == made, "done again it is the same version"

    with pytest.raises(RubricError, match="without a proof: `workbench rubric prove`"):
        make_current(store, made.label, by="ada", why="Let us try.")
    proof = prove(store, made.label, audit, shop.judge, by="ada")
    assert proof.proved, proof.missing
    assert prove(store, made.label, audit, shop.judge, by="bo") == proof, (
        "the same answers: no new try"
    )
    sides = {s.item: s.side for s in store.records(ProofSplit)}
    assert {sides[f"shop/{key[1:]}"] for key in proof.keys} == {"prove"}
    assert {sides[f"shop/{key[1:]}"] for key in raised.read} == {"propose"}

    assert current(store, "mugs") is None
    make_current(store, made.label, by="ada", why="Proved.")
    assert current(store, "mugs") == "mugs@2"
    make_current(store, "mugs@1", by="bo", why="A seller complained.")
    assert current(store, "mugs") == "mugs@1", "going back is one call"
    told = "\n".join(map(str, history(store, "mugs")))
    for words in ("mugs@1 is in use, by bo", "A seller complained.", "precision 0.", "threshold 2.5 →",
                  "accepted", "by ada", "Too many wrong mugs"):  # fmt: skip
        assert words in told
    assert [e.kind for e in store.records(RubricEvent)] == [
        "accepted",
        "made",
        "tested",
        "used",
        "used",
    ]


@pytest.mark.slow
def test_answers_that_are_noise_do_not_change_the_rubric(new_shop, record_property):
    """All of it in stores, 20 seeds: whatever is suggested is accepted, and taken into use where it is proved."""
    seeds, ends = 20, []
    for seed in range(seeds):
        with new_shop(str(seed)) as shop:
            audit = shop.fill(300, labels=200, seed=seed, informative=False)
            found = propose(shop.store, audit)
            for one in found:
                decide(shop.store, one.key, "accepted", by="ada", why="Whatever it is.")
            if not found:
                ends.append("nothing suggested")
                continue
            made = next_version(shop.store, "mugs@1", by="ada")
            if prove(shop.store, made.label, audit, shop.judge, by="ada").proved:
                make_current(shop.store, made.label, by="ada", why="Proved.")
            ends.append("in use" if current(shop.store, "mugs") == made.label else "not proved")
    record_property("ends", {end: ends.count(end) for end in set(ends)})
    assert "not proved" in ends, "something has to be tried"
    # So many or more would be seen in one of twenty runs at most, were the stated rate the true one.
    assert ends.count("in use") == 0 or binomial_tail(ends.count("in use"), seeds, ALPHA) > 0.05

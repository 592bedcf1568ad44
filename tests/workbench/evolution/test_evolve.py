"""A rubric changes where people's answers say so, and a change that is no better does not become current."""

from __future__ import annotations

import pytest

from workbench.errors import RubricError
from workbench.evolution import (
    current,
    decide,
    history,
    make_current,
    next_version,
    propose,
    prove,
)
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

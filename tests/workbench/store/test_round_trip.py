"""What goes in comes out equal, and what could not come out equal does not go in."""

from __future__ import annotations

import dataclasses
import itertools
import math
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import UnionType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import StoreError
from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Cost,
    CriterionScore,
    Generation,
    Item,
    PreferencePair,
    Problem,
    ProofSplit,
    Record,
    RubricEvent,
    RubricProposal,
    Run,
    RunEvent,
    Split,
    Verdict,
)

NOUNS = typing.get_args(Record)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
NAIVE = datetime.fromisoformat("2026-01-01T10:00:00")
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLAIN = {
    str: TEXT,
    float: NUMBER,
    int: WHOLE,
    bool: st.booleans(),
    type(None): st.none(),
    object: JSON,
    # Fixed offsets: in the hour that a summer time repeats, Python calls no two zones' moments equal.
    datetime: st.datetimes(
        NAIVE.replace(year=1990),
        timezones=st.timedeltas(-timedelta(hours=14), timedelta(hours=14)).map(timezone),
    ),
}
UNIQUE = itertools.count()


def anything(hint):
    """A strategy for every value that a field with this annotation may have."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if dataclasses.is_dataclass(hint):
        fields = typing.get_type_hints(hint)
        return st.builds(hint, **{name: anything(kind) for name, kind in fields.items()})
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in {typing.Union, UnionType}:
        return st.one_of(*map(anything, inner))
    if origin is tuple:
        several = st.lists(anything(inner[0]), max_size=3).map(tuple)
        return several if Ellipsis in inner else st.tuples(*map(anything, inner))
    assert origin is Mapping, hint
    return st.dictionaries(TEXT, anything(inner[1]), max_size=3)


def key_field(noun):
    return {Split: "group", ProofSplit: "item"}.get(noun) or (
        "key" if "key" in noun.__slots__ else "id"
    )


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
@settings(
    max_examples=12,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_record_comes_back_equal(store, noun, data):
    records = [
        dataclasses.replace(record, **{key_field(noun): f"{next(UNIQUE)} ünique"})
        for record in data.draw(st.lists(anything(noun), min_size=1, max_size=6))
    ]
    keys = [getattr(record, key_field(noun)) for record in records]
    assert store.add(records).new == len(records)
    assert list(store.records(noun, keys)) == records
    assert [record for record in store.records(noun) if record in records] == records
    assert store.find(noun, keys[0]) == records[0]
    assert store.add(records).known == len(records), "the same records are known"


def test_mappings_are_dicts_and_tuples_are_tuples(store, make):
    store.add([make.item(aspects={"Color": ("Red", "Blue")}, photos=("a.jpg",))])
    item = store.find(Item, "shop/1")
    assert type(item.aspects) is dict
    assert item.aspects["Color"] == ("Red", "Blue")
    assert item.photos == ("a.jpg",)


def test_not_scored_comes_back_as_none_and_no_other_way(store, make):
    store.add([make.verdict(approved=None, confidence=None)])
    verdict = store.find(Verdict, "v1")
    assert verdict.approved is None
    assert verdict.confidence is None
    assert [score.score for score in verdict.scores] == [4.5, None]


def test_moments_keep_their_microseconds_and_come_back_in_utc(store, make):
    moment = datetime.fromisoformat("2026-03-29T01:59:59.999999+05:30")
    store.add([make.run(created_at=moment)])
    stored = store.find(Run, "r1").created_at
    assert stored == moment
    assert stored.tzinfo is UTC


@pytest.mark.parametrize(
    ("noun", "given_fields", "message"),
    [
        ("item", {"price": math.nan}, r"Item 'shop/1' has nan in price: use None"),
        ("item", {"price": -math.inf}, r"Item 'shop/1' has -inf in price"),
        ("verdict", {"confidence": math.nan}, r"Verdict 'v1' has nan in confidence"),
        (
            "verdict",
            {"scores": (CriterionScore(criterion="fidelity", score=math.nan),)},
            r"Verdict 'v1' has nan in scores\[0\]\.score",
        ),
        ("generation", {"details": {"p": {"red": [0.1, math.nan]}}}, r"nan in details\.p\.red\[1\]"),
        ("generation", {"cost": Cost(seconds=math.nan)}, r"'g1' has nan in cost\.seconds"),
        ("annotation", {"scores": {"fidelity": math.nan}}, r"'n1' has nan in scores\.fidelity"),
        ("item", {"title": "a\0b"}, r"Item 'shop/1' has a NUL character in title"),
        ("item", {"aspects": {"a\0": ("b",)}}, r"has a NUL character in aspects"),
        ("item", {"title": "\ud800"}, r"Item 'shop/1' has half a character in title"),
        ("item", {"title": 3}, r"Item 'shop/1' has 3 in title: `str` was wanted"),
        ("item", {"photos": ["a.jpg"]}, r"has \['a.jpg'\] in photos: `tuple\[str, \.\.\.\]` was wanted"),
        ("item", {"clicks": 2.5}, r"'shop/1' has 2.5 in clicks: `int` was wanted"),
        ("item", {"clicks": np.int64(3)}, r"'shop/1' has np.int64\(3\) in clicks: `int` was"),
        ("generation", {"kind": "lisitng"}, r"'g1' has 'lisitng' in kind: Input should be 'listing'"),
        ("generation", {"details": {"a": {1, 2}}}, r"Generation 'g1' cannot be stored: .*set"),
        ("generation", {"details": {"a": [{1: 2}]}}, r"details\.a has the key 1"),
        ("generation", {"details": {1: 2}}, r"'g1' has 1 in details: `str` was wanted"),
        ("run", {"created_at": NAIVE}, r"Run 'r1' has a moment without a time zone"),
    ],
)  # fmt: skip
def test_what_cannot_come_back_is_refused_with_its_place(
    local_store, make, noun, given_fields, message
):
    good = make.item(id="shop/2")
    with pytest.raises(StoreError, match=message):
        local_store.add([good, getattr(make, noun)(**given_fields)])
    assert sum(local_store.counts().values()) == 0


def test_a_backslash_before_u0000_is_no_nul(store, make):
    item = make.item(title=r"C:\u0000 and \\u0000")
    store.add([item])
    assert store.find(Item, "shop/1") == item


def test_only_records_are_stored(store, make):
    with pytest.raises(StoreError, match="got one Item: put it into a list"):
        store.add(make.item())
    with pytest.raises(StoreError, match=r"a store holds Run, Item.*got <class '.*Problem'>"):
        store.add([Problem(source="a.csv", row=2, reason="no id")])
    with pytest.raises(StoreError, match=r"got <class 'str'>"):
        store.find(str, "shop/1")


def test_every_noun_is_stored():
    assert set(NOUNS) == {
        Item, Split, Generation, Verdict, Audit, Annotation, Correction, PreferencePair,
        ProofSplit, RubricProposal, RubricEvent, Run, RunEvent,
    }  # fmt: skip

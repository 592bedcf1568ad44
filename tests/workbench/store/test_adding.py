"""Adding is all or nothing, can be repeated, and never changes what is there."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from workbench.errors import ConflictError, StoreError
from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Cost,
    Generation,
    Item,
    Run,
    RunEvent,
    Split,
    Verdict,
)
from workbench.store import Added, Advance

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def everything(make):
    return [
        make.event(),
        make.pair(),
        make.correction(),
        make.annotation(failure_modes=("blurred",)),
        make.audit(),
        make.verdict(failure_modes=("blurred", "dark", "blurred")),
        make.generation(),
        make.item(),
        make.run(),
        Split(group="shop/1", part="train", seed=1),
    ]


def test_a_mixture_is_added_and_added_again(store, make):
    assert store.add(everything(make)) == Added(new=10, known=0)
    assert store.add(reversed(everything(make))) == Added(new=0, known=10)
    assert store.add([]) == Added(new=0, known=0)
    assert store.counts() == {
        "items": 1, "splits": 1, "generations": 1, "verdicts": 1, "audits": 1, "annotations": 1,
        "corrections": 1, "pairs": 1, "runs": 1, "events": 1, "rubrics": 0,
        "proof splits": 0, "proposals": 0, "rubric events": 0,
    }  # fmt: skip


def test_what_describes_the_making_may_differ_and_the_first_stays(store, make):
    store.add([make.generation(run="r1", cost=Cost(seconds=1.0))])
    again = make.generation(run="r2", cost=Cost(seconds=9.0), created_at=LATER)
    assert store.add([again]) == Added(new=0, known=1)
    assert store.find(Generation, "g1").run == "r1"
    assert store.find(Generation, "g1").cost.seconds == 1.0


def test_an_events_run_is_its_content(store, make):
    store.add([make.event(run="r1")])
    with pytest.raises(ConflictError, match="RunEvent 'e1' is stored already with another run"):
        store.add([make.event(run="r2")])


@pytest.mark.parametrize(
    ("noun", "key", "changed", "field"),
    [
        ("generation", "g1", {"text": "another"}, "text"),
        ("verdict", "v1", {"confidence": 0.25}, "confidence"),
        ("audit", "a1", {"drawn": ()}, "drawn"),
        ("pair", "p1", {"rejected": "else", "chosen": "this"}, "chosen, rejected"),
        ("run", "r1", {"command": "run audit"}, "command"),
    ],
)
def test_one_key_never_means_two_things(store, make, noun, key, changed, field):  # noqa: PLR0917
    maker = getattr(make, noun)
    store.add([maker()])
    message = rf"'{key}' is stored already with another {field}: one (key|id) stands for"
    with pytest.raises(ConflictError, match=message):
        store.add([maker(**changed)])
    assert store.find(type(maker()), key) == maker(
        created_at=store.find(type(maker()), key).created_at
    )


def test_two_things_under_one_key_in_one_call_conflict_too(store, make):
    with pytest.raises(ConflictError, match="'g1' is stored already with another text"):
        store.add([make.item(), make.generation(text="a"), make.generation(text="b")])
    assert store.counts()["items"] == 0, "nothing of the call is stored"


def test_a_conflict_stores_nothing_of_its_call(store, make):
    store.add([make.verdict()])
    with pytest.raises(ConflictError):
        store.add([make.item(), make.generation(), make.verdict(judge="another")])
    assert store.counts()["generations"] == 0
    assert store.counts()["items"] == 0


def test_a_changed_item_is_the_next_revision(store, make):
    cheap, dear = make.item(price=5.0), make.item(price=7.0)
    assert store.add([cheap]) == Added(new=1, known=0)
    assert store.add([dear, dear]) == Added(new=1, known=1)
    assert store.add([cheap]) == Added(new=1, known=0), "a change back is a change"
    assert store.find(Item, "shop/1") == cheap
    assert list(store.records(Item)) == [cheap]
    history = store.items(history=True)
    assert history["price"].tolist() == [5.0, 7.0, 5.0]
    assert history["revision"].tolist() == [1, 2, 3]
    assert history["recorded_at"].is_monotonic_increasing
    assert store.items()["revision"].tolist() == [3]
    assert store.counts()["items"] == 1


def test_several_revisions_in_one_call_keep_their_order(store, make):
    assert store.add([make.item(price=float(price)) for price in range(4)]).new == 4
    assert store.items(history=True)["price"].tolist() == [0, 1, 2, 3]


def test_a_changed_annotation_is_the_next_revision(store, make):
    first = make.annotation(failure_modes=("blurred",))
    store.add([first])
    assert store.add(
        [make.annotation(failure_modes=("blurred",), created_at=LATER, run="r9")]
    ).known
    store.add([make.annotation(approved=False, failure_modes=("dark",))])
    assert store.annotations()["approved"].tolist() == [False]
    assert store.annotations(history=True)["approved"].tolist() == [True, False]
    assert len(store.annotations(failure_mode="blurred")) == 0, "it was corrected"
    assert len(store.annotations(failure_mode="blurred", history=True)) == 1
    assert len(store.annotations(failure_mode="dark")) == 1
    assert store.find(Annotation, "n1").failure_modes == ("dark",)


def test_a_deleted_answer_is_a_revision_and_an_old_one_is_kept(store, make):
    said = make.annotation(failure_modes=("blurred",), created_at=LATER, updated_at=LATER)
    store.add([said, make.annotation(id="n2", approved=None, state="skipped")])
    store.add([make.annotation(approved=None, scores={}, state="deleted", created_at=LATER)])
    assert store.annotations()["state"].tolist() == ["skipped", "deleted"]
    assert store.annotations(state=("answered", "skipped"))["id"].tolist() == ["n2"]
    assert store.annotations(history=True)["state"].tolist() == ["answered", "skipped", "deleted"]
    assert store.annotations(failure_mode="blurred").empty
    assert store.find(Annotation, "n1").state == "deleted"
    store.add([said])
    assert store.find(Annotation, "n1") == said, "what comes back after it was deleted counts again"


def at(minute):
    return datetime(2026, 3, 1, 12, minute, tzinfo=UTC)


def test_the_same_answer_given_again_later_is_the_next_word(store, make):
    first, again = make.annotation(updated_at=at(1)), make.annotation(updated_at=at(2))
    assert store.add([first]) == store.add([again]) == Added(new=1, known=0)
    assert store.find(Annotation, "n1").updated_at == at(2)
    assert len(store.annotations(history=True)) == 2
    assert store.add([again, again]) == Added(new=0, known=2), "the same state, read twice"


def test_an_answer_that_goes_back_to_what_it_was_is_three_words(store, make):
    words = [
        make.annotation(approved=approved, updated_at=at(minute))
        for minute, approved in ((1, True), (2, False), (3, True))
    ]
    assert sum(store.add([word]).new for word in words) == 3
    assert store.find(Annotation, "n1") == words[-1]
    assert store.annotations(history=True)["approved"].tolist() == [True, False, True]
    assert store.add(words) == Added(new=0, known=3), "the older two change nothing"
    other = [dataclasses.replace(word, id="n2") for word in words]
    assert store.add(other) == Added(new=3, known=0), "all at once are the same three"
    assert store.find(Annotation, "n2").updated_at == at(3)


def test_an_older_word_never_follows_a_newer_one(store, make):
    newer = make.annotation(approved=False, updated_at=at(2))
    store.add([newer])
    assert store.add([make.annotation(note="late", updated_at=at(1))]) == Added(new=0, known=1)
    assert store.find(Annotation, "n1") == newer
    both = [make.annotation(id="n3", updated_at=at(2)), make.annotation(id="n3", updated_at=at(1))]
    assert store.add(both) == Added(new=1, known=1)


def test_one_moment_in_two_time_zones_is_one_word(store, make):
    there = at(1).astimezone(timezone(timedelta(hours=5)))
    assert store.add([make.annotation(updated_at=at(1))]) == Added(new=1, known=0)
    assert store.add([make.annotation(updated_at=there)]) == Added(new=0, known=1)


def test_a_changed_correction_is_the_next_revision(store, make):
    first, second = make.correction(), make.correction(after="Mug, blue")
    assert store.add([first, second, second]) == Added(new=2, known=1)
    assert store.corrections()["after"].tolist() == ["Mug, blue"]
    assert store.corrections(history=True)["after"].tolist() == ["Blue mug", "Mug, blue"]
    assert store.counts()["corrections"] == 1
    store.add([make.correction(withdrawn=True)])
    assert store.corrections().empty
    assert store.corrections(history=True)["withdrawn"].tolist() == [False, False, True]
    assert store.find(Correction, "c1").withdrawn
    store.add([first])
    assert store.corrections()["after"].tolist() == ["Blue mug"]


def test_known_takes_any_number_of_keys(store, make):
    store.add([make.generation(key=f"g{number}") for number in range(0, 3000, 2)])
    asked = [f"g{number}" for number in range(3000)]
    assert store.known(Generation, iter(asked)) == set(asked[::2])
    assert store.known(Generation, []) == set()
    assert store.known(Verdict, asked) == set()
    with pytest.raises(StoreError, match="wants a list of keys, got the one text 'g1'"):
        store.known(Generation, "g1")


def test_records_stream_in_the_order_of_storing_or_of_asking(store, make):
    names = [f"g{number:04}" for number in range(2500)][::-1]
    store.add([make.generation(key=name) for name in names])
    assert [record.key for record in store.records(Generation)] == names
    asked = [*sorted(names), "unknown", names[0]]
    assert [record.key for record in store.records(Generation, asked)] == sorted(names)


def test_streaming_shows_one_moment(store, make):
    store.add([make.item(id=f"shop/{number}", price=1.0) for number in range(1500)])
    stream = store.records(Item)
    first = next(stream)
    store.add([make.item(id=f"shop/{number}", price=2.0) for number in (1, 1400, 1600)])
    seen = [first, *stream]
    assert [item.id for item in seen] == [f"shop/{number}" for number in range(1500)]
    assert {item.price for item in seen} == {1.0}
    assert len(list(store.records(Item))) == 1501


def test_audits_keep_the_order_in_which_items_were_drawn(store, make):
    audits = [make.audit(id=f"a{number}") for number in range(3)] + [make.audit(id="x", drawn=())]
    store.add(audits)
    assert list(store.records(Audit)) == audits


def test_nothing_is_ever_updated_or_deleted(store, make):
    said = []
    sa.event.listen(
        store._engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *rest: said.append(statement),
    )
    for price in (1.0, 2.0):
        store.add([*everything(make), make.item(price=price)])
    store.add([make.annotation(approved=False), make.correction(withdrawn=True)])
    store.add([], advance=Advance(name="shelf", before=None, after="1"))
    store.add([], advance=Advance(name="shelf", before="1", after="2"))
    with pytest.raises(ConflictError):
        store.add([make.generation(text="another")])
    store.assign_split(["a", "b"], eval_share=0.5, seed=1)
    store.add_rubric("listing", 1, "d1", "name: listing")
    for noun in (Item, Generation, Verdict, Audit, Annotation, Run, RunEvent, Split):
        assert list(store.records(noun))
    store.items(history=True)
    store.counts()
    verbs = {re.match(r"\s*(\w+)", statement)[1].upper() for statement in said}
    assert "INSERT" in verbs
    assert verbs <= {"INSERT", "SELECT", "BEGIN", "SET", "SHOW", "PRAGMA", "COMMIT"}


def test_rubric_versions_are_kept(store):
    assert store.add_rubric("listing", 1, "d1", "name: listing # v1") == Added(new=1, known=0)
    assert store.add_rubric("listing", 1, "d1", "name: listing") == Added(new=0, known=1)
    assert store.add_rubric("listing", 2, "d2", "name: listing # v2") == Added(new=1, known=0)
    with pytest.raises(ConflictError, match=r"rubric 'listing@1' is stored already.*new version"):
        store.add_rubric("listing", 1, "d3", "name: other")
    assert store.rubric_text("listing", 1) == "name: listing # v1"
    assert store.rubric_text("listing", 3) is None
    assert store.rubrics()["version"].tolist() == [1, 2]
    assert store.counts()["rubrics"] == 2


def test_a_closed_store_can_be_opened_again(address, tmp_path, make):
    from workbench.store import Store

    with Store.open(address) as store:
        store.add([make.item()])
    with Store.open(address, create=False) as store:
        assert store.find(Item, "shop/1") == make.item()
        with pytest.raises(StoreError, match="a part is 'train' or 'eval', got 'test'"):
            store.generations(part="test")


def test_the_newest_schema_of_a_catalogue_is_its_schema(store):
    assert store.schema_text("shop") is None
    assert store.add_schema("shop", "name: shop") == Added(new=1, known=0)
    assert store.add_schema("shop", "name: shop") == Added(new=0, known=1)
    assert store.add_schema("other", "name: other") == Added(new=1, known=0)
    assert store.add_schema("shop", "name: shop # changed") == Added(new=1, known=0)
    assert store.schema_text("shop") == "name: shop # changed"
    assert store.add_schema("shop", "name: shop") == Added(new=1, known=0)
    assert store.schema_text("shop") == "name: shop"
    assert store.schema_text("other") == "name: other"

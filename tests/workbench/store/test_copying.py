"""A store in another place holds the same history, and goes on as the first one would."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.errors import StoreError
from workbench.records import Annotation, Audit, Item, Verdict
from workbench.store import Store, copy_store, count_rows


@pytest.fixture
def filled(tmp_path, make):
    """A store with revisions, failure modes, an audit, documents, a cursor and pictures."""
    with Store.open(tmp_path / "first") as store:
        store.add([make.item(id=f"shop/{n}") for n in range(1200)])
        store.add([make.item(id="shop/3", price=1.0), make.item(id="shop/3", price=2.5)])
        store.add([make.generation(key=f"g{n}") for n in range(4)])
        store.add(
            [
                make.verdict(key=f"v{n}", failure_modes=("dark", "blurred")[: n % 3])
                for n in range(9)
            ]
        )
        store.add([make.audit(), make.run(), make.event(), make.correction(), make.pair()])
        store.add([make.annotation(failure_modes=("dark",))])
        store.add([make.annotation(failure_modes=("dark", "blurred"), approved=False)])
        store.assign_split(["shop/1", "shop/2"], eval_share=0.5, seed=1)
        store.add_rubric("listing", 1, "d" * 64, "name: listing")
        store.add_schema("shop", "categories: {}")
        store.images.put(b"one picture")
        store.images.put(b"another")
        yield store


@pytest.fixture
def other(address, tmp_path):
    """An empty store elsewhere, on each database."""
    with Store.open(address, images=tmp_path / "pictures elsewhere") as store:
        yield store


def assert_equal(one: Store, two: Store) -> None:
    assert one.counts() == two.counts()
    for record in (Item, Verdict, Audit, Annotation):
        assert list(one.records(record)) == list(two.records(record))
    pd.testing.assert_frame_equal(one.items(history=True), two.items(history=True))
    for mode in ("dark", "blurred"):
        assert list(one.verdicts(failure_mode=mode)["key"]) == list(
            two.verdicts(failure_mode=mode)["key"]
        )
    assert one.rubric_text("listing", 1) == two.rubric_text("listing", 1) == "name: listing"
    assert one.schema_text("shop") == two.schema_text("shop") == "categories: {}"


def test_a_copy_holds_everything_and_goes_on(filled, other, make):
    told = []
    copied = copy_store(filled, other, pictures=True, progress=told.append)
    assert copied.written == sum(copied.rows.values()) == count_rows(filled) == count_rows(other)
    assert copied.rows["item"] == 1202 and sum(told) == 2 * copied.written + 2
    assert (copied.pictures, copied.pictures_written) == (2, 2)
    assert sorted(other.images.addresses()) == sorted(filled.images.addresses())
    assert_equal(filled, other)
    other.add([make.item(id="shop/3", price=9.0), make.verdict(key="later")])
    assert other.items(history=True)["revision"].max() == 4, "rows are numbered on"


def test_a_server_is_brought_back_to_a_folder(filled, other, tmp_path):
    copy_store(filled, other, pictures=False)
    with Store.open(tmp_path / "back") as back:
        assert copy_store(other, back, pictures=False).written == count_rows(filled)
        assert_equal(filled, back)


def test_what_came_since_is_added(filled, other, make):
    copy_store(filled, other, pictures=False)
    again = copy_store(filled, other, pictures=False)
    assert again.written == 0 and again.pictures is None
    filled.add(
        [make.verdict(key="new", failure_modes=("dark",)), make.item(id="shop/4", price=3.0)]
    )
    assert copy_store(filled, other, pictures=False).written == 2
    assert_equal(filled, other)


def test_a_copy_that_was_stopped_goes_on(filled, other):
    def stop(_):
        if count_rows(other) > 1100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(filled, other, pictures=True, progress=stop)
    held = count_rows(other)
    assert 1100 < held < count_rows(filled)
    assert copy_store(filled, other, pictures=True).written == count_rows(filled) - held
    assert_equal(filled, other)


def test_a_place_that_holds_something_else_is_refused_and_left_as_it_is(filled, other, make):
    other.add([make.item(id="shop/somebody else's")])
    with pytest.raises(StoreError, match=r"other rows in 'item'.*empty place"):
        copy_store(filled, other, pictures=False)
    assert count_rows(other) == 1
    with pytest.raises(StoreError, match="another place"):
        copy_store(filled, filled, pictures=False)


def test_somebody_who_writes_into_the_copy_is_found_out(filled, other, make):
    wrote = []

    def interfere(_):
        if not wrote and other.counts()["items"]:
            wrote.append(other.add([make.item(id="stranger/1")]))

    with pytest.raises(StoreError, match="somebody else writes into"):
        copy_store(filled, other, pictures=False, progress=interfere)

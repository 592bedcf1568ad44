"""A catalogue goes into a real store: whole, once, and after a stop as if there had been none."""

from dataclasses import replace

import pytest

from workbench.catalog import Ingested, ingest, open_catalog
from workbench.catalog.ingest import CHUNK
from workbench.errors import CatalogError
from workbench.records import Item, Problem
from workbench.schema import Schema
from workbench.store import Store


class Shelf:
    """A catalogue in memory: items, and the bytes behind their photos."""

    name = "shelf"
    simulated = False
    schema = Schema(name="shelf", version="1", categories={})

    def __init__(self, found, photos):
        self.found = found
        self.photos = photos
        self.asked = []

    def items(self):
        yield from self.found

    def photo(self, address):
        self.asked.append(address)
        if address not in self.photos:
            raise CatalogError(f"cannot read photo {address!r}: no such file")
        return self.photos[address]


def item(number, *photos):
    return Item(id=f"shelf/{number}", category="Mugs", photos=photos, title=f"Mug {number}")


def contents(store):
    return {each.id: each for each in store.records(Item)}


def test_photos_are_kept_byte_for_byte_and_items_point_at_them(store, photo_bytes):
    red, blue = photo_bytes("red"), photo_bytes("blue")
    shelf = Shelf([item(1, "a", "b"), item(2, "b")], {"a": red, "b": blue})
    ids = ("shelf/1", "shelf/2")
    assert ingest(store, shelf) == Ingested(ids=ids, items=2, known=0, photos=2, problems=())
    stored = contents(store)
    assert [store.images.get(address) for address in stored["shelf/1"].photos] == [red, blue]
    assert stored["shelf/2"].photos == stored["shelf/1"].photos[1:]
    assert stored["shelf/1"].title == "Mug 1"


def test_reading_again_finds_everything_known(store, photo_bytes):
    shelf = Shelf([item(1, "a"), item(2)], {"a": photo_bytes()})
    ingest(store, shelf)
    ids = ("shelf/1", "shelf/2")
    assert ingest(store, shelf) == Ingested(ids=ids, items=0, known=2, photos=0, problems=())


def test_a_changed_item_counts_as_an_item_and_the_new_one_is_current(store, photo_bytes):
    photos = {"a": photo_bytes()}
    ingest(store, Shelf([item(1, "a"), item(2, "a")], photos))
    changed = replace(item(1, "a"), price=4.5)
    result = ingest(store, Shelf([changed, item(2, "a")], photos))
    assert (result.items, result.known) == (1, 1)
    assert contents(store)["shelf/1"].price == 4.5


def test_an_item_keeps_its_whole_photos_and_is_left_out_when_none_is_whole(store, photo_bytes):
    good = photo_bytes()
    shelf = Shelf(
        [item(1, "good", "cut"), item(2, "cut", "gone"), item(3, "empty"), item(4)],
        {"good": good, "cut": good[: len(good) // 2], "empty": b""},
    )
    result = ingest(store, shelf)
    assert sorted(contents(store)) == ["shelf/1", "shelf/4"]
    assert len(contents(store)["shelf/1"].photos) == 1
    assert (result.items, result.photos) == (2, 1)
    assert [problem.source for problem in result.problems] == ["cut", "cut", "gone", "empty"]
    said = [problem.reason for problem in result.problems]
    assert said[0].endswith("item 'shelf/1' is loaded without this photo")
    assert "cut off or damaged" in said[0]
    assert said[1].endswith("item 'shelf/2' is left out, as it has no other photo")
    assert "no such file" in said[2]
    assert "zero bytes" in said[3]


def test_problems_of_the_catalogue_are_handed_on_in_their_place(store, photo_bytes):
    wrong = Problem(source="items.csv", row=7, reason="want a price, got 'x'")
    result = ingest(store, Shelf([item(1), wrong, item(2)], {}))
    assert result.problems == (wrong,)
    assert result.items == 2


def test_the_same_photo_twice_in_one_item_is_one_photo(store, photo_bytes):
    data = photo_bytes()
    ingest(store, Shelf([item(1, "a", "b")], {"a": data, "b": data}))
    assert len(contents(store)["shelf/1"].photos) == 1


@pytest.mark.parametrize("limit", [0, 1, CHUNK, CHUNK + 1])
def test_a_limit_counts_items_that_are_loaded(store, limit):
    broken = [item(f"broken{n}", "gone") for n in range(3)]
    shelf = Shelf([*broken, *(item(n) for n in range(2 * CHUNK))], {})
    assert ingest(store, shelf, limit=limit).items == limit
    assert len(contents(store)) == limit


def test_a_limit_below_nothing_is_a_mistake(store):
    with pytest.raises(ValueError, match="limit of 0 or more items, got -1"):
        ingest(store, Shelf([], {}), limit=-1)


def test_progress_adds_up_to_the_items_of_the_catalogue(store):
    told = []
    shelf = Shelf([*(item(n) for n in range(CHUNK + 5)), item("broken", "gone")], {})
    ingest(store, shelf, progress=told.append)
    assert told == [CHUNK, 6]


@pytest.mark.parametrize("stop_at", [1, CHUNK + 1])
def test_a_stop_and_a_second_start_give_what_one_start_gives(tmp_path, photo_bytes, stop_at):
    photos = {f"p{n}": photo_bytes((2 * n, 0, 7)) for n in range(2 * CHUNK)}
    items = [item(n, f"p{n}") for n in range(2 * CHUNK)]

    class Interrupted(Shelf):
        def photo(self, address):
            if len(self.asked) == stop_at:
                raise KeyboardInterrupt
            return super().photo(address)

    with Store.open(tmp_path / "whole") as whole, Store.open(tmp_path / "stopped") as stopped:
        ingest(whole, Shelf(items, photos))
        with pytest.raises(KeyboardInterrupt):
            ingest(stopped, Interrupted(items, photos))
        kept = len(contents(stopped))
        assert kept == stop_at // CHUNK * CHUNK  # whole chunks and nothing half
        result = ingest(stopped, Shelf(items, photos))
        assert (result.known, result.items) == (kept, 2 * CHUNK - kept)
        assert result.photos == 2 * CHUNK - stop_at  # no photo is written twice
        assert contents(stopped) == contents(whole)


def test_a_real_shop_goes_in(real_data, store):
    catalog = open_catalog(f"magento:{real_data / 'luma'}")
    result = ingest(store, catalog, limit=100)
    assert result == replace(result, items=100, known=0, photos=100, problems=())
    assert set(result.ids) == set(contents(store))
    assert all(store.images.has(each.photos[0]) for each in contents(store).values())
    again = ingest(store, catalog, limit=100)
    assert again == replace(result, items=0, known=100, photos=0)

"""A folder of photos is a catalogue."""

import json

import pytest

from workbench.catalog import ingest, open_catalog
from workbench.errors import CatalogError
from workbench.records import Item, Problem


@pytest.fixture
def folder(tmp_path, photo_bytes):
    """Writes files: True for a photo, text for anything else."""

    def write(files):
        for name, content in files.items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo_bytes() if content is True else content.encode())
        return open_catalog(f"folder:{tmp_path / 'shop'}")

    return write


def test_every_photo_is_an_item_sorted_by_path(folder):
    catalog = folder(
        {"mugs/tall/b.JPG": True, "mugs/a.png": True, "z.webp": True, "a b.jpeg": True}
        | {"read me.pdf": "x", ".hidden.jpg": True, ".git/x.jpg": True, "mugs/._a.png": True}
    )
    assert list(catalog.items()) == [
        Item(id="shop/a b", category="", photos=("a b.jpeg",)),
        Item(id="shop/z", category="", photos=("z.webp",)),
        Item(id="shop/mugs/a", category="mugs", photos=("mugs/a.png",)),
        Item(id="shop/mugs/tall/b", category="mugs/tall", photos=("mugs/tall/b.JPG",)),
    ]
    assert catalog.schema.categories["mugs/tall"].path == ("mugs", "tall")
    assert set(catalog.schema.categories) == {"", "mugs", "mugs/tall"}


def test_photos_that_differ_in_their_ending_alone_are_two_items(folder):
    catalog = folder({"a.avif": True, "a.b.jpg": True, "a.jpg": True, "a.png": True})
    assert [item.id for item in catalog.items()] == [
        *("shop/a", "shop/a.b", "shop/a.jpg", "shop/a.png")
    ]


def test_notes_beside_the_photos(folder):
    note = {"title": "Dawn mug", "price": "12,50 €", "aspects": {"Color": "Red"}, "id": "x"}
    catalog = folder(
        {"mugs/a.jpg": True, "mugs/a.json": json.dumps(note | {"aspect.Size": "L"})}
        | {"mugs/b.jpg": True, "mugs/b.txt": "Dusk mug\nFor the evening.\nBlue.\n"}
    )
    assert list(catalog.items()) == [
        Item(
            id="shop/mugs/a",
            category="mugs",
            photos=("mugs/a.jpg",),
            title="Dawn mug",
            price=12.5,
            currency="EUR",
            aspects={"Color": ("Red",), "Size": ("L",)},
        ),
        Item(
            id="shop/mugs/b",
            category="mugs",
            photos=("mugs/b.jpg",),
            title="Dusk mug",
            description="For the evening.\nBlue.",
        ),
    ]


def test_a_broken_note_costs_the_note_alone(folder):
    catalog = folder(
        {"a.jpg": True, "a.json": "{", "b.jpg": True, "b.json": "[1]"}
        | {"c.jpg": True, "c.json": '{"title": "C", "price": "x"}'}
    )
    found = list(catalog.items())
    problems = [each for each in found if isinstance(each, Problem)]
    assert [(each.source, each.row) for each in problems] == [
        *(("a.json", None), ("b.json", None), ("c.json", None))
    ]
    assert "want a JSON object about 'a.jpg'" in problems[0].reason
    assert "got list" in problems[1].reason
    assert problems[2].reason == "price: want a price, got 'x'; loaded without it"
    assert [each.title for each in found if isinstance(each, Item)] == [None, None, "C"]


def test_into_a_store_with_a_photo_that_cannot_be_read(folder, store):
    catalog = folder(
        {"a.jpg": True, "b.heic": "\0\0\0\x18ftypheic\0\0\0\0mif1heic", "c.jpg": "<html>"}
    )
    result = ingest(store, catalog)
    assert result.items == 1
    assert "got HEIC, which is not supported; convert it to JPEG" in result.problems[0].reason
    assert "got bytes that start with b'<html>'" in result.problems[1].reason


def test_a_folder_without_photos_is_refused(folder, tmp_path):
    with pytest.raises(CatalogError, match="no photo is in"):
        folder({"notes.txt": "x"})
    with pytest.raises(CatalogError, match="want a folder of photos"):
        open_catalog(f"folder:{tmp_path / 'none'}")
    with pytest.raises(CatalogError, match="unknown option 'depth'"):
        open_catalog(f"folder:{tmp_path}?depth=2")

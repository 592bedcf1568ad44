"""Pictures by the hash of their bytes."""

from __future__ import annotations

import hashlib
import threading
import uuid

import pytest

from workbench.errors import MissingExtraError, StoreError
from workbench.store import ImageStore, Store

BYTES = b"\x89PNG not really"
ADDRESS = f"sha256:{hashlib.sha256(BYTES).hexdigest()}"


@pytest.fixture(params=["folder", "memory"])
def images(request, tmp_path):
    """A place for pictures on the disk, and one behind an fsspec URL."""
    if request.param == "folder":
        return ImageStore(tmp_path / "images")
    return ImageStore(f"memory://{uuid.uuid4().hex}/images")


def test_bytes_come_back_by_their_hash(images):
    assert not images.has(ADDRESS)
    assert images.put(BYTES) == ADDRESS
    assert images.put(BYTES) == ADDRESS
    assert images.has(ADDRESS)
    assert images.get(ADDRESS) == BYTES


def test_folders_are_sharded_and_hold_nothing_else(tmp_path):
    images = ImageStore(tmp_path / "images")
    images.put(BYTES)
    digest = ADDRESS.removeprefix("sha256:")
    path = tmp_path / "images" / digest[:2] / digest[2:4] / digest
    assert images.path(ADDRESS) == path
    assert [file for file in (tmp_path / "images").rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize("damage", [BYTES[:-1], BYTES[:-1] + b"!"])
def test_damaged_bytes_are_never_handed_out(tmp_path, damage):
    images = ImageStore(tmp_path)
    images.put(BYTES)
    path = images.path(ADDRESS)
    path.write_bytes(damage)
    with pytest.raises(StoreError, match=f"{ADDRESS} was damaged: {path}.*add the picture again"):
        images.get(ADDRESS)
    if len(damage) == len(BYTES):
        path.unlink()
    images.put(BYTES)
    assert images.get(ADDRESS) == BYTES


def test_what_is_not_there_is_said(images):
    with pytest.raises(StoreError, match=f"there is no picture {ADDRESS} in "):
        images.get(ADDRESS)


@pytest.mark.parametrize("address", ["photo.jpg", "sha256:12", "sha256:../../etc/passwd", ""])
def test_an_address_is_an_address(images, address):
    for ask in (images.get, images.has):
        with pytest.raises(StoreError, match="`sha256:` and 64 hex digits, got "):
            ask(address)


def test_no_bytes_are_no_picture(images):
    with pytest.raises(StoreError, match="wants bytes, got none"):
        images.put(b"")


def test_only_local_folders_have_paths(tmp_path):
    remote = ImageStore("memory://somewhere")
    remote.put(BYTES)
    with pytest.raises(StoreError, match=r"not a local folder: read .* with `get`"):
        remote.path(ADDRESS)
    with pytest.raises(StoreError, match="there is no picture"):
        ImageStore(tmp_path).path(ADDRESS)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    images = ImageStore(tmp_path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"cannot be written to .*No space left on device"):
        images.put(BYTES)
    monkeypatch.undo()
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    assert not images.has(ADDRESS)


def test_many_threads_put_the_same_picture(images):
    found = []
    threads = [threading.Thread(target=lambda: found.append(images.put(BYTES))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ADDRESS] * 8
    assert images.get(ADDRESS) == BYTES


def test_what_a_killed_writer_left_goes_when_its_picture_is_put_again(tmp_path):
    images = ImageStore(tmp_path / "images")
    digest = ADDRESS.removeprefix("sha256:")
    place = tmp_path / "images" / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True)
    other = place.with_name(f"{'0' * 64}.{uuid.uuid4().hex}.part")
    for left in (place.with_name(f"{digest}.{uuid.uuid4().hex}.part"), other):
        left.write_bytes(BYTES[:3])
    assert list(images.addresses()) == []
    images.put(BYTES)
    assert sorted(place.parent.iterdir()) == sorted(
        [place, other]
    )  # another's may be being written


def test_a_writer_whose_file_another_one_removed_finds_the_picture(tmp_path, monkeypatch):
    images = ImageStore(tmp_path / "images")

    def meanwhile(descriptor):
        monkeypatch.undo()
        other = ImageStore(tmp_path / "images")
        assert other.put(BYTES) == ADDRESS
        assert [file.name for file in images.path(ADDRESS).parent.iterdir()] == [ADDRESS[7:]]

    monkeypatch.setattr("os.fsync", meanwhile)
    assert images.put(BYTES) == ADDRESS
    assert images.get(ADDRESS) == BYTES


def test_a_place_that_nothing_serves_is_refused(monkeypatch):
    with pytest.raises(StoreError, match=r"a URL that fsspec serves.*starts with 'nowhere://'"):
        ImageStore("nowhere://bucket")
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"needs 's3fs'.*catalog-workbench\[s3\]"):
        ImageStore("s3://bucket/prefix")


def test_a_store_keeps_its_pictures_beside_its_database(tmp_path):
    with Store.open(tmp_path / "a") as store:
        store.images.put(BYTES)
        assert store.images.path(ADDRESS).is_relative_to(tmp_path / "a" / "images")
    with Store.open(tmp_path / "b", images=tmp_path / "c") as store:
        store.images.put(BYTES)
        assert store.images.path(ADDRESS).is_relative_to(tmp_path / "c")


def test_a_server_wants_to_be_told_where_pictures_are(postgres_database):
    with Store.open(postgres_database) as store, pytest.raises(StoreError, match="give `images="):
        store.images.put(BYTES)

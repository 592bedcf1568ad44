"""`workbench migrate`: one command, told in words and in JSON, done again without harm."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from workbench.errors import StoreError
from workbench.records import Item
from workbench.store import Store


@pytest.fixture
def shop(tmp_path):
    with Store.open(tmp_path / "shop") as store:
        store.add([Item(id=f"shop/{n}", category="mugs") for n in range(20)])
        store.images.put(b"a photo")
    return str(tmp_path / "shop")


def migrate(*words):
    done = CliRunner().invoke(app, ["migrate", *words])
    if done.exception is not None:
        raise done.exception
    return done


def test_a_folder_moves_to_postgresql_and_its_photos_stay(shop, postgres_database, tmp_path):
    told = json.loads(migrate(shop, postgres_database, "--json").stdout)
    assert (told["rows"]["item"], told["written"], told["pictures"]) == (20, 20, None)
    again = migrate(shop, postgres_database, "--to-images", str(tmp_path / "photos"))
    assert "holds all 20 rows" in again.stdout and "0 were written now" in again.stdout
    assert "1 photos are there, 1 written now" in again.stdout
    with Store.open(postgres_database, images=tmp_path / "photos", create=False) as store:
        assert store.counts()["items"] == 20
        assert [store.images.get(one) for one in store.images.addresses()] == [b"a photo"]


def test_a_folder_moves_to_a_folder_with_its_photos(shop, tmp_path):
    told = json.loads(migrate(shop, str(tmp_path / "other"), "--json").stdout)
    assert (told["rows"]["item"], told["pictures_written"]) == (20, 1)
    assert "Photos stayed" not in migrate(shop, str(tmp_path / "other")).stdout


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        migrate(str(tmp_path / "nowhere"), str(tmp_path / "other"))
    assert not (tmp_path / "nowhere").exists()

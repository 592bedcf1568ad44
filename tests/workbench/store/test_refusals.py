"""Each thing that can be wrong with a store has one clear sentence."""

from __future__ import annotations

import os
import pwd
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workbench.errors import MissingExtraError, StoreError
from workbench.records import Audit
from workbench.store import Store, _engine


def refusal(*arguments, **options):
    with pytest.raises(StoreError) as caught:
        Store.open(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_without_a_store(tmp_path):
    message = refusal(tmp_path, create=False)
    assert message == (
        f"there is no store at '{tmp_path}': make one with `workbench init {tmp_path}`, "
        "or name another place"
    )
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_store_stays_where_it_was_opened(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    with Store.open("here") as store, Store.open("sqlite:///here/workbench.db") as same:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        store._engine.dispose()
        same._engine.dispose()
        store.add([make.item()])
        assert same.counts()["items"] == 1
    assert list(tmp_path.rglob("*.db")) == [tmp_path / "here" / "workbench.db"]


def test_a_server_without_a_store(postgres_database):
    assert "there is no store at" in refusal(postgres_database, create=False)


def test_a_file_where_a_folder_was_wanted(tmp_path):
    (tmp_path / "notes").write_text("x")
    assert "but '" + str(tmp_path / "notes") + "' is a file" in refusal(tmp_path / "notes")
    (tmp_path / "a" / "workbench.db").mkdir(parents=True)
    assert "is a folder" in refusal(tmp_path / "a")
    assert "cannot be made" in refusal(tmp_path / "notes" / "deeper" / "still")


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "workbench.db").write_bytes(b"this is no database, only some text " * 100)
    message = refusal(tmp_path)
    assert str(tmp_path / "workbench.db") in message
    assert "damaged or no SQLite database; put a backup in its place" in message


def test_a_database_with_torn_pages(tmp_path, make):
    with Store.open(tmp_path) as store:
        store.add([make.item(id=f"shop/{number}") for number in range(500)])
    file = tmp_path / "workbench.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = bytearray(file.read_bytes())
    for page in range(4096 * 8, len(whole), 4096):
        whole[page : page + 200] = os.urandom(200)
    file.write_bytes(whole)
    with pytest.raises(StoreError, match=r"damaged"), Store.open(tmp_path) as store:
        store.items()


def test_a_store_that_another_writer_holds(store, make, monkeypatch):
    monkeypatch.setattr(_engine, "WAIT_SECONDS", 1)
    with (
        Store.open(
            str(store._location.file.parent)
            if store._location.file
            else store._location.url.render_as_string(hide_password=False)
        ) as other,
        _engine.writing(store._engine, store._location),
        pytest.raises(StoreError, match=r"another writer has held it for 1 s: wait until"),
    ):
        other.add([make.item()])
    assert store.add([make.item()]).new == 1


READ_ONLY = """
import os, sys, tempfile
from workbench.errors import StoreError
from workbench.records import Item
from workbench.store import Store
if os.geteuid() == 0:
    # Everything is imported as root: another user may not even be able to read Python's libraries.
    with tempfile.TemporaryDirectory() as warm, Store.open(warm) as store:
        store.add([Item(id="a", category="b")])
    os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[2]))
try:
    with Store.open(sys.argv[1]) as store:
        print("opened", flush=True)
        store.add([Item(id="a", category="b")])
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("new", [True, False], ids=["new", "filled"])
def test_a_folder_that_may_not_be_written(make, new):
    with tempfile.TemporaryDirectory() as name:  # pytest's folders are closed to other users
        folder = Path(name) / "store"
        folder.mkdir()
        if not new:
            with Store.open(folder) as store:
                store.add([make.item()])
        Path(name).chmod(0o755)
        for path in (*folder.iterdir(), folder):
            path.chmod(0o555)
        nobody = pwd.getpwnam("nobody")
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder, str(nobody.pw_uid), str(nobody.pw_gid)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        folder.chmod(0o755)
    assert f"the store {folder / 'workbench.db'} cannot be used: " in said
    assert ("may this user write in it?" in said) or ("let this user write there" in said)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:hidden@host/name", "got a URL that starts with 'mysql://'"),
        ("postgresql+asyncpg://me:hidden@host/name", "starts with 'postgresql+asyncpg://'"),
        ("postgresql://me:hidden@host:port/name", "this one starts with 'postgresql://'"),
        ("sqlite://", "a database file that other processes can open, got 'sqlite://'"),
        ("sqlite:///:memory:", "a database file that other processes can open"),
        ("", "a store wants a folder or a database URL, got ''"),
    ],
)
def test_an_address_that_no_store_can_have(url, message):
    said = refusal(url)
    assert message in said
    assert "hidden" not in said


def test_a_server_that_is_not_there(tmp_path):
    said = refusal(f"postgresql://me:hidden@/name?host={tmp_path}&sslpassword=hidden")
    assert "is the server running, and do name, user and password fit?" in said
    assert "hidden" not in said
    assert "postgresql+psycopg://me:***@/name?host=" in said


def test_a_database_that_is_not_there(postgres_database):
    folder = postgres_database.partition("?host=")[2]
    said = refusal(f"postgresql+psycopg://workbench@/nowhere?host={folder}")
    assert 'database "nowhere" does not exist' in said


def test_a_driver_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"catalog-workbench\[postgres\]"):
        Store.open("postgresql://me@host/name")


def test_passwords_are_not_shown(postgres_database):
    head, _, rest = postgres_database.partition("workbench@")
    with Store.open(f"{head}workbench:hidden@{rest}") as store:
        assert "hidden" not in repr(store)
        assert "hidden" not in store.url
        assert "***" in store.url


@pytest.mark.parametrize(
    "damage",
    [
        "update audit set body = 'null'",
        "update audit set body = 'no json'",
        "update audit set body = '{}'",
        "update audit set body = json_set(body, '$.seed', 'seven')",
    ],
)
def test_an_audit_that_was_damaged_is_not_believed(tmp_path, make, damage):
    with Store.open(tmp_path / "store") as store:
        audit = make.audit()
        store.add([make.item(), make.generation(), make.verdict(), audit])
        assert next(iter(store.records(Audit))) == audit
    with sqlite3.connect(tmp_path / "store" / "workbench.db") as database:
        assert database.execute(damage).rowcount > 0
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(StoreError, match=f"Audit '{audit.id}' in the store was damaged"),
    ):
        list(store.records(Audit))

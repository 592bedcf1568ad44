"""A database's password stands in no words, no JSON and no error of the commands about people."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from annotation.label_studio import stop_server
from pipelines.cli import app
from pipelines.store_names import shown_store, store_option
from workbench.store import Store

SECRET = "S3cretPass"
COMMANDS = (
    ("labelstudio", "status"), ("annotate", "pull"), ("annotate", "push"), ("annotate", "status"),
)  # fmt: skip


def said(*words, images=None):
    done = CliRunner().invoke(app, [*words, *(("--images", images) if images else ())])
    return f"{done.output} {done.stderr} {done.exception}"


@pytest.fixture
def with_password(postgres_database, tmp_path, monkeypatch):
    """The address of a database, with a password in it; the program's folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    for name in ("WORKBENCH_LABEL_STUDIO_URL", "WORKBENCH_LABEL_STUDIO_TOKEN", "WORKBENCH_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORKBENCH_IMAGES", str(tmp_path / "images"))
    url = make_url(postgres_database)
    address = url.set(password=SECRET).render_as_string(hide_password=False)
    assert SECRET in address
    Store.open(address, images=str(tmp_path / "images")).close()
    return address


def all_said(*place):
    return [
        said(*command, *place, *more)
        for command in COMMANDS
        for more in ((), ("--json",))
    ]  # fmt: skip


def test_no_command_prints_the_password_of_its_store(with_password, monkeypatch, server):
    store = "--store", with_password
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)
    for team in (None, server.url):
        if team is not None:
            monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", team)
        for one in all_said(*store):
            assert SECRET not in one
    option = store_option(with_password)
    assert "***" in option
    nothing = said("annotate", "pull", *store)
    assert f"workbench annotate push{option}" in nothing
    monkeypatch.setenv("WORKBENCH_STORE", with_password)
    for one in all_said():
        assert SECRET not in one
        assert "--store" not in one
    assert "workbench annotate push\n" in said("annotate", "pull")


def test_a_server_beside_a_database_starts_without_telling_the_password(with_password, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE", with_password)
    try:
        for words in (("up",), ("up", "--json"), ("status",), ("status", "--json"), ("down",)):
            told = said("labelstudio", *words)
            assert SECRET not in told
            assert "--store" not in told
        assert "None" in told, "the last one succeeded"
    finally:
        stop_server(Path("workspace/label_studio"))


def test_a_store_is_named_as_the_next_command_wants_it(monkeypatch):
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)
    assert store_option("workspace") == ""
    assert store_option("a shop") == " --store 'a shop'"
    assert "secret" not in shown_store("postgresql://u:secret@h/x?password=secret")
    assert shown_store("postgresql://u:secret@h/x") == "postgresql+psycopg://u:***@h/x"
    assert store_option(shown_store("postgresql://u:secret@h/x")) == (
        store_option("postgresql://u:secret@h/x")
    )
    assert "secret" not in shown_store("mysql://u:secret@h/x")
    assert "secret" not in shown_store("postgresql://u:se[cret@h:port/x")

"""`workbench labelstudio` against a real server, as somebody at a terminal uses it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from annotation.label_studio import stop_server
from pipelines.cli import app
from workbench.errors import LabelStudioError, StoreError
from workbench.store import Store


def _said(*words: str, **options) -> str:
    done = CliRunner().invoke(app, ["labelstudio", *words], **options)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def _run(*words: str) -> None:
    CliRunner().invoke(app, ["labelstudio", *words], catch_exceptions=False)


def _store(folder: Path) -> str:
    with Store.open(str(folder), create=True):
        return str(folder)


def _may_log_in(*, url: str, login: str, password: str) -> bool:
    """As the page does it."""
    with httpx.Client(base_url=url) as browser:
        browser.get("/user/login/")
        said = {"email": login, "password": password}
        said["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        browser.post("/user/login/", data=said, headers={"Referer": url})
        return browser.get("/api/current-user/whoami").status_code == 200


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL", raising=False)
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_TOKEN", raising=False)


def test_a_server_from_start_to_stop(tmp_path, monkeypatch):
    """Up, up again, named by another store as a team's server is, down; no token is printed."""
    store, other = _store(tmp_path / "shop"), _store(tmp_path / "team")
    try:
        printed = _said("status", "--store", store)
        assert "no Label Studio yet" in printed
        printed += (first := _said("up", "--store", store))
        assert " is up:  http://127.0.0.1:" in first
        assert "log in as  workbench@localhost" in first
        left = json.loads((tmp_path / "shop/label_studio/server.json").read_text())
        assert f"password   {left['password']}\n" in first, "for the person at the screen"
        port = left["port"]
        assert f"ssh -L {port}:127.0.0.1:{port} " in first
        assert f"workbench labelstudio invite EMAIL --store {store}\n" in first
        second = _said("up", "--store", store)
        assert left["password"] not in second
        assert left["password"] not in _said("up", "--store", store, "--json")
        printed += second
        assert " is up already:  http://127.0.0.1:" in second
        found = json.loads(_said("status", "--store", store, "--json"))
        assert (found["state"], found["own"], found["tasks"]) == ("up", True, 0)

        invited = json.loads(_said("invite", "ada@example.com", "-s", store, "--json"))
        assert (invited["url"], invited["login"]) == (found["url"], "ada@example.com")
        assert invited.pop("links") == []
        assert _may_log_in(**invited)
        assert not _may_log_in(**invited | {"password": "another one"})
        for login, why in (
            ("ada@example.com", "somebody has this login already"),
            ("ada", r"it is no e-mail address such as ada@example\.com$"),
        ):
            with pytest.raises(LabelStudioError, match=f"makes no login for '{login}': {why}"):
                _run("invite", login, "-s", store)

        printed += _said("use", "--store", other, "--url", found["url"], input=left["token"] + "\n")
        stored = tmp_path / "team/label_studio/credentials.json"
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert f"is up:  {found['url']}" in _said("status", "--store", other)
        with pytest.raises(LabelStudioError, match=f"people answer in {found['url']}, and") as no:
            _run("up", "--store", other)
        assert f"`workbench annotate pull --store {other}`" in str(no.value)
        assert json.loads(stored.read_text())["url"] == found["url"]
        with pytest.raises(LabelStudioError, match=r"its administrators invite 'bo@example.com'"):
            _run("invite", "bo@example.com", "--store", other)
        assert f"Nothing was stopped: this store's people answer in {found['url']}" in _said(
            "down", "--store", other
        )
        refused = CliRunner().invoke(
            app,
            ["labelstudio", "use", "--store", other, "--url", found["url"]],
            input="0" * 40,
        )
        assert "refuses the token (401" in str(refused.exception)
        assert json.loads(stored.read_text())["token"] == left["token"], "the old one is kept"

        monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", "https://labels.example.com")
        assert "commands talk to https://labels.example.com: unset it" in _said("up", "-s", store)
        used = _said("use", "--store", other, "--url", found["url"], input=left["token"] + "\n")
        assert f"is up:  {found['url']}" in used, "the one that was named, not the environment's"
        assert "WORKBENCH_LABEL_STUDIO_URL is set, and commands talk to https://labels" in used
        monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL")

        known = tmp_path / "shop/label_studio/credentials.json"
        whole = known.read_text()
        known.write_text("{")
        printed += (down := _said("down", "--store", store))
        assert down.endswith("Label Studio is down; its data stay.\n"), "whatever is damaged"
        assert f"{known} is damaged" in down
        known.write_text(whole)
        printed += _said("status", "--store", store)
        assert f"it was at {found['url']}" in printed
        assert _said("down", "--store", store) == "Label Studio was down already.\n"
        assert left["token"] not in printed
        assert printed.count(left["password"]) == 1
    finally:
        stop_server(tmp_path / "shop" / "label_studio")


def test_a_mistake_is_one_sentence_and_an_exit_code(tmp_path):
    store = _store(tmp_path / "a shop")
    command = [sys.executable, "-m", "pipelines.cli", "labelstudio", "use"]
    done = subprocess.run(
        [*command, "--store", store, "--url", "http://127.0.0.1:9"],
        input="a" * 40,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("workbench: nothing answers at http://127.0.0.1:9, so ")
    assert f"`workbench labelstudio up --store '{store}'`" in done.stderr, "it can be copied"
    assert done.stderr.count("\n") == 1
    assert "a" * 40 not in done.stderr
    assert not (tmp_path / "a shop" / "label_studio").exists()


@pytest.mark.parametrize(
    "words", [["up"], ["status"], ["invite", "ada@example.com"], ["use", "--url", "http://h"]]
)
def test_a_store_that_is_not_there_is_not_made(tmp_path, words):
    with pytest.raises(StoreError, match="there is no store at"):
        _run(*words, "--store", str(tmp_path / "typo"))
    assert list(tmp_path.iterdir()) == []

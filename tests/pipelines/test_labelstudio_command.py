"""`workbench labelstudio` against a real server, as somebody at a terminal uses it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from annotation.label_studio import stop_server
from pipelines.cli import app


def _said(*words: str, **options) -> str:
    done = CliRunner().invoke(app, ["labelstudio", *words], **options)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL", raising=False)
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_TOKEN", raising=False)


def test_a_server_from_start_to_stop(tmp_path, monkeypatch):
    """Up, up again, named by another store as a team's server is, down; and no secret is printed."""
    store, other = str(tmp_path / "shop"), str(tmp_path / "team")
    try:
        printed = _said("status", "--store", store)
        assert "no Label Studio yet" in printed
        printed += (first := _said("up", "--store", store))
        assert " is up:  http://127.0.0.1:" in first
        assert "log in as  workbench@localhost" in first
        printed += (second := _said("up", "--store", store))
        assert " is up already:  http://127.0.0.1:" in second
        found = json.loads(_said("status", "--store", store, "--json"))
        assert (found["state"], found["own"], found["tasks"]) == ("up", True, 0)

        left = json.loads((tmp_path / "shop/label_studio/server.json").read_text())
        printed += _said("use", "--store", other, "--url", found["url"], input=left["token"] + "\n")
        stored = tmp_path / "team/label_studio/credentials.json"
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert f"is up:  {found['url']}" in _said("status", "--store", other)
        refused = CliRunner().invoke(
            app,
            ["labelstudio", "use", "--store", other, "--url", found["url"]],
            input="0" * 40,
        )
        assert "refuses the token (401" in str(refused.exception)
        assert json.loads(stored.read_text())["token"] == left["token"], "the old one is kept"

        monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", "https://labels.example.com")
        assert "commands talk to https://labels.example.com: unset it" in _said("up", "-s", store)
        monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL")

        printed += (down := _said("down", "--store", store))
        assert down == "Label Studio is down; its data stay.\n"
        printed += _said("status", "--store", store)
        assert f"it was at {found['url']}" in printed
        assert _said("down", "--store", store) == "Label Studio was down already.\n"
        assert left["token"] not in printed
        assert left["password"] not in printed
    finally:
        stop_server(tmp_path / "shop" / "label_studio")


def test_a_mistake_is_one_sentence_and_an_exit_code(tmp_path):
    command = [sys.executable, "-m", "pipelines.cli", "labelstudio", "use"]
    done = subprocess.run(
        [*command, "--store", str(tmp_path), "--url", "http://127.0.0.1:9"],
        input="a" * 40,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("workbench: cannot ask for the version: nothing answers at ")
    assert done.stderr.count("\n") == 1
    assert "a" * 40 not in done.stderr
    assert not (tmp_path / "label_studio").exists()

"""`workbench annotate` at a terminal: what it advises can be copied, and answers come in while it runs."""

import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.label_studio._lists import read_projects
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from pipelines.annotate import Connected, PushJob, push_audit
from pipelines.cli import app
from workbench.errors import LabelStudioError, StoreError
from workbench.records import Annotation
from workbench.store import Store


@pytest.fixture
def named(server, monkeypatch):
    """Commands talk to the tests' server."""
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)


@pytest.fixture
def studio(client):
    return Connected(client=client, media=None, store="shop")


def run(*words):
    return CliRunner().invoke(app, ["annotate", *words], catch_exceptions=False)


def say(client, made, project):
    """Somebody answers the first task of a project."""
    task = client.get("/api/tasks", doing="list", params={"project": project.id})["tasks"][0]
    scores = {c.id: float(len(c.scale)) for c in made.rubric.criteria}
    answer = Answer(approved=True, scores=scores)
    result = write_result(build_interface("image", made.rubric), answer, task["data"])
    client.request(
        "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer", json={"result": result}
    )


@pytest.mark.parametrize(
    "command", [["push"], ["pull"], ["adjudicate"], ["hint"], ["receive"], ["withdraw", "7"]]
)
def test_what_an_error_advises_holds_the_store(tmp_path, monkeypatch, command):
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_URL", raising=False)
    monkeypatch.delenv("WORKBENCH_LABEL_STUDIO_TOKEN", raising=False)
    store = str(tmp_path / "a shop")
    Store.open(store).close()
    with pytest.raises(LabelStudioError) as no:
        run(*command, "--store", store)
    assert f"`workbench labelstudio up --store '{store}'`" in str(no.value)


def test_what_a_store_advises_holds_the_store(tmp_path):
    store = str(tmp_path / "shop")
    Store.open(store).close()
    with pytest.raises(StoreError) as no:
        run("status", "--store", store)
    assert f"`workbench audit --store {store}`" in str(no.value)


def test_a_warning_is_a_sentence(tmp_path, monkeypatch):
    Store.open(tmp_path / "shop").close()

    def warn(*_, **__):
        warnings.warn("the colour is wrong", stacklevel=1)
        raise LabelStudioError("and so is the rest")

    monkeypatch.setattr("pipelines.annotate_status.annotation_status", warn)
    done = CliRunner().invoke(app, ["annotate", "status", "--store", str(tmp_path / "shop")])
    assert done.stderr == "workbench: the colour is wrong\n"


def test_a_project_is_withdrawn_with_its_answers_brought_home(pictures, studio, client, named):
    made = pictures(6, 4)
    (one,) = push_audit(made.store, studio, PushJob()).pushed.projects
    say(client, made, one.project)
    store = str(Path(made.store.url).parent)
    done = run("withdraw", str(one.project.id), "--store", store)
    assert f"Project {one.project.id}" in done.output and "withdrawn" in done.output
    assert [a.approved for a in made.store.records(Annotation)] == [True]
    again = json.loads(run("withdraw", str(one.project.id), "--store", store, "--json").output)
    assert again["withdrawn_before"] is True
    with pytest.raises(LabelStudioError, match="no project 999999 on"):
        run("withdraw", "999999", "--store", store)


def test_answers_come_in_until_it_is_interrupted(pictures, studio, client, named):
    """A process of its own, as at a terminal: Label Studio calls it, and Ctrl-C ends it without a word of code."""
    made = pictures(6, 4)
    (one,) = push_audit(made.store, studio, PushJob()).pushed.projects
    store = str(Path(made.store.url).parent)
    command = [sys.executable, "-m", "pipelines.cli", "annotate", "receive", "--json"]
    receiver = subprocess.Popen(
        [*command, "--store", store, "--minutes", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    giving_up = threading.Timer(60, receiver.kill)
    giving_up.start()
    try:
        assert receiver.stdout is not None
        first = json.loads(receiver.stdout.readline())
        assert first["url"].startswith("http://127.0.0.1:")
        say(client, made, one.project)
        came = json.loads(receiver.stdout.readline())
        assert came["problem"] is None
        assert [a.approved for a in made.store.records(Annotation)] == [True]
        receiver.send_signal(signal.SIGINT)
        _, said = receiver.communicate(timeout=30)
    finally:
        giving_up.cancel()
        receiver.kill()
        receiver.wait()
    assert (receiver.returncode, said) == (0, "")


@pytest.mark.usefixtures("named")
def test_a_login_without_an_account_is_asked_about_before_anything_is_made(
    pictures, client, monkeypatch
):
    made = pictures(13, 5)
    words = [
        "annotate",
        "push",
        "--annotator",
        "typo@example.com",
        "--store",
        str(Path(made.store.url).parent),
    ]
    before = len(read_projects(client))
    monkeypatch.setattr("pipelines.cli_annotate.at_terminal", lambda: True)
    done = CliRunner().invoke(app, words, input="n\n")
    assert done.exit_code == 1
    assert "typo@example.com has no account on this Label Studio" in done.output + done.stderr
    assert len(read_projects(client)) == before
    done = CliRunner().invoke(app, words, input="y\n")
    assert done.exit_code == 0 and "5 tasks made" in done.output
    assert "?labeling=1" in done.output

"""A webhook is a hint: whatever it says, how often and in which order, the store says what the server says."""

from __future__ import annotations

import itertools
import socket
import time
from types import SimpleNamespace

import httpx
import pytest
from starlette.testclient import TestClient
from waiting import wait_for

from annotation.label_studio import connect, pull, serve_webhook, subscribe, webhook
from annotation.label_studio.pull import FailedProject, Pulled
from annotation.label_studio.webhook import HEADER, PATH, Puller, webhook_app
from workbench.errors import LabelStudioError

SECRET = "b7e1f0c29d5a4e6688aa"


@pytest.fixture
def receiving(desk):
    """A desk whose answers are pulled by a receiver with this period."""
    at = desk()

    def pull_once():
        with connect(at.client.credentials) as asking:
            return pull(asking, at.store)

    return at, pull_once


def test_an_answer_is_pulled_soon_after_the_server_hints(receiving):
    at, pull_once = receiving
    with serve_webhook(pull_once, secret=SECRET, period=3600) as (url, puller):
        for _ in range(2):
            subscribe(at.client, [at.project], url, SECRET)
        asked = {"project": at.project.id}
        (hook,) = at.client.get("/api/webhooks/", doing="list", params=asked)
        assert hook["url"] == url, "subscribed twice, called once"
        wait_for(lambda: puller.state.pulls == 1)
        at.say(at.tasks[0])
        wait_for(lambda: len(at.store.annotations()) == 1)
        number = at.say(at.tasks[1], cancelled=True)
        wait_for(lambda: "skipped" in set(at.store.annotations()["state"]))
        at.delete(number)
        wait_for(lambda: "deleted" in set(at.store.annotations()["state"]))
        assert puller.state.failed == 0
    subscribe(at.client, [at.project], "http://127.0.0.1:9" + PATH, SECRET)
    (moved,) = at.client.get("/api/webhooks/", doing="list", params=asked)
    assert moved["url"] == "http://127.0.0.1:9" + PATH


def test_the_same_hint_twice_and_late_and_in_another_order_changes_nothing(receiving):
    at, pull_once = receiving
    number = at.say(at.tasks[0])
    at.change(at.tasks[0], number, approved=False)
    with serve_webhook(pull_once, secret=SECRET, period=3600) as (url, puller):
        wait_for(lambda: puller.state.pulls == 1)
        wanted = at.history().drop(columns="recorded_at")
        for action in ("ANNOTATION_UPDATED", "ANNOTATION_CREATED", "ANNOTATION_UPDATED"):
            told = {
                "action": action,
                "annotation": {"id": number},
                "project": {"id": at.project.id},
            }
            for _ in range(2):
                sent = httpx.post(url, json=told, headers={HEADER: SECRET}, trust_env=False)
                assert sent.status_code == 204
        wait_for(lambda: puller.state.pulls >= 2)
    assert puller.state.hints == 6
    assert at.history().drop(columns="recorded_at").equals(wanted)


def test_without_any_hint_a_pull_comes_by_the_clock(receiving):
    at, pull_once = receiving
    with Puller(pull_once, period=0.2):
        at.say(at.tasks[0])
        wait_for(lambda: len(at.store.annotations()) == 1)


def test_a_hint_during_a_pull_is_answered_by_one_more_pull():
    seen = []

    def slow():
        seen.append(len(seen))
        if len(seen) == 1:
            for _ in range(5):
                puller.hint()

    puller = Puller(slow, period=3600)
    with puller:
        wait_for(lambda: len(seen) == 2)
        time.sleep(0.1)
    assert seen == [0, 1]


def test_a_pull_that_fails_is_tried_again_and_told(caplog):
    seen = []

    def failing():
        seen.append(1)
        if len(seen) < 3:
            raise (LabelStudioError("the server is not there") if len(seen) == 1 else KeyError("x"))

    with Puller(failing, period=0.05) as puller:
        wait_for(lambda: puller.state.pulls >= 1)
    assert puller.state.failed == 2
    assert "the server is not there" in caplog.text


def test_a_pull_that_reached_not_every_project_is_told(caplog):
    failed = FailedProject(project=SimpleNamespace(id=7, title="Ada"), reason="it answers 500")
    with Puller(lambda: Pulled(projects=(), failed=(failed,)), period=5) as puller:
        wait_for(lambda: puller.state.pulls >= 1)
        wait_for(lambda: "it answers 500" in caplog.text)
    assert puller.state.failed == puller.state.pulls


def test_a_stranger_cannot_make_us_pull():
    with Puller(lambda: None, period=3600) as puller:
        app = TestClient(webhook_app(puller, SECRET))
        for headers in ({}, {HEADER: ""}, {HEADER: SECRET[:-1]}, {HEADER: "ä" * 20}):
            sent = {name: value.encode() for name, value in headers.items()}
            assert app.post(PATH, headers=sent).status_code == 403
        assert app.get(PATH, headers={HEADER: SECRET}).status_code == 405
        assert puller.state.hints == 0
        assert app.post(PATH, content=b"\xff" * 9, headers={HEADER: SECRET}).status_code == 204
    with pytest.raises(LabelStudioError, match="16 characters or more"):
        webhook_app(puller, "short")


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serving = serve_webhook(lambda: None, secret=SECRET, period=3600, port=port)
        with (
            pytest.raises(
                LabelStudioError, match=f"cannot serve the receiver of answers at 127.0.0.1:{port}"
            ),
            serving,
        ):
            pytest.fail("it listens")


def test_a_bulk_import_tells_of_tasks_alone(receiving, client):
    """So answers that come with an import are found by the clock, not by a hint."""
    at, _ = receiving
    with serve_webhook(lambda: None, secret=SECRET, period=3600) as (url, puller):
        client.request(
            "POST", "/api/webhooks/", doing="subscribe to everything",
            json={"project": at.project.id, "url": url, "headers": {HEADER: SECRET},
                  "send_for_all_actions": True, "send_payload": False},
        )  # fmt: skip
        answer = {"result": at.result(at.tasks[0]), "ground_truth": False}
        client.request(
            "POST", f"/api/projects/{at.project.id}/import", doing="import",
            json=[{"data": at.tasks[0]["data"], "annotations": [answer]}] * 3,
        )  # fmt: skip
        wait_for(lambda: puller.state.hints)
        assert puller.state.hints == 1


def test_whoever_labels_fast_needs_no_pull_for_each_click():
    with Puller(lambda: None, period=3600) as puller:
        wait_for(lambda: puller.state.pulls == 1)
        for _ in range(40):
            puller.hint()
            time.sleep(0.01)
        wait_for(lambda: puller.state.pulls == 2)
        time.sleep(0.5)
    assert (puller.state.hints, puller.state.pulls) == (40, 2)


def test_hints_that_never_cease_put_no_pull_off_for_long(monkeypatch):
    monkeypatch.setattr(webhook, "_LATEST", 0.5)
    with Puller(lambda: None, period=3600) as puller:
        give_up = time.monotonic() + 20
        while puller.state.pulls < 3 and time.monotonic() < give_up:
            puller.hint()
            time.sleep(0.05)
    assert puller.state.pulls >= 3


def test_a_pull_that_failed_is_tried_again_long_before_its_period(monkeypatch):
    monkeypatch.setattr(webhook, "_RETRY", 0.02)
    moments, told = [], []

    def failing():
        moments.append(time.monotonic())
        if len(moments) < 4:
            raise LabelStudioError("the server is away")

    with Puller(failing, period=3600, failed=told.append) as puller:
        wait_for(lambda: puller.state.pulls == 1)
    waits = [later - sooner for sooner, later in itertools.pairwise(moments)]
    assert len(told) == 3 and "the server is away" in told[0]
    assert waits[0] >= 0.02 and waits[1] >= 0.04 and waits[2] >= 0.08, "ever later"

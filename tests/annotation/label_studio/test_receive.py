"""A receiver: answers come in while people give them, whatever the server does in the meantime."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from waiting import wait_for

from annotation.label_studio import Question, _tasks, find_server, push, stop_server, webhook
from annotation.label_studio.webhook import HEADER
from pipelines.annotate import Connected
from pipelines.annotate_receive import receive
from workbench.errors import LabelStudioError


@contextmanager
def receiving(client, store, **options):
    """What was told so far; the receiver's address is put in front when it is there."""
    heard, ended, address = [], threading.Event(), []
    studio = Connected(client=client, media=None, store="shop")
    thread = threading.Thread(
        target=receive, args=(store, studio),
        kwargs={"announce": address.append, "told": heard.append, "wait": ended.wait} | options,
    )  # fmt: skip
    thread.start()
    try:
        wait_for(lambda: address)
        yield heard, address[0]
    finally:
        ended.set()
        thread.join(30)
        assert not thread.is_alive()


def hooks(at):
    asked = {"project": at.project.id}
    return at.client.get("/api/webhooks/", doing="list", params=asked)


def receiver_secret(at):
    """What a receiver of this client asks the server to send."""
    token = at.client.credentials.token.encode()
    return hmac.new(token, b"catalog workbench receiver", hashlib.sha256).hexdigest()


def test_answers_come_in_as_they_are_given_and_the_server_calls_nobody_afterwards(desk):
    at = desk()
    at.say(at.tasks[0])
    with receiving(at.client, at.store, minutes=60) as (heard, url):
        wait_for(lambda: len(heard) == 1)
        assert f"Project {at.project.id}, {at.project.title}: 1 new" in str(heard[0])
        wait_for(lambda: [hook["url"] for hook in hooks(at)] == [url])
        at.say(at.tasks[1], cancelled=True)
        wait_for(lambda: len(at.store.annotations()) == 2)
        wait_for(lambda: len(heard) == 2)
        assert heard[1].problem is None
        assert "1 new; 1 of them skipped" in str(heard[1])
        json.dumps(heard[1].as_dict())
    assert hooks(at) == []
    assert at.client.credentials.token not in "".join(map(str, heard))


def test_a_call_that_a_killed_receiver_left_is_replaced(desk):
    at = desk()
    with receiving(at.client, at.store, minutes=60):
        (left,) = wait_for(lambda: hooks(at))
    secret = left["headers"][HEADER]
    assert at.client.credentials.token not in json.dumps(left)
    webhook.subscribe(at.client, [at.project], "http://127.0.0.1:9/label-studio", secret)
    with receiving(at.client, at.store, minutes=60) as (_, url):
        wait_for(lambda: [hook["url"] for hook in hooks(at)] == [url])


def test_what_cannot_be_stored_is_told_once(desk):
    at = desk()
    number = at.say(at.tasks[0])
    at._send("PATCH", f"/api/annotations/{number}/", {"result": []}, None)
    with receiving(at.client, at.store, minutes=60) as (heard, _):
        wait_for(lambda: hooks(at) and heard)
        assert f"not stored: answer {number} to task {at.tasks[0]['id']}" in str(heard[0])
        at.say(at.tasks[1])
        wait_for(lambda: len(heard) == 2)
        assert "not stored" not in str(heard[1])


def test_a_server_that_is_away_for_a_while_costs_no_answer(
    desk, server, start_for_tests, monkeypatch
):
    monkeypatch.setattr(webhook, "_RETRY", 0.5)
    at = desk()
    with receiving(at.client, at.store, minutes=60) as (heard, url):
        wait_for(lambda: hooks(at))
        at.say(at.tasks[0])
        wait_for(lambda: len(at.store.annotations()) == 1)
        stop_server(server.folder)
        told = len(heard)
        with httpx.Client(
            trust_env=False
        ) as stranger:  # a hint of which the pull finds nobody there
            secret = receiver_secret(at)
            assert stranger.post(url, headers={HEADER: secret}).status_code == 204
        wait_for(lambda: heard[told:] and heard[told].problem)
        assert "did not succeed" in heard[told].problem
        time.sleep(2)  # tried again meanwhile, and told once
        assert len(heard) == told + 1
        start_for_tests(server.folder)
        at.say(at.tasks[1])
        wait_for(lambda: len(at.store.annotations()) == 2, seconds=30)
        wait_for(lambda: any(one.problem == "every project is pulled again" for one in heard))
        wait_for(lambda: [hook["url"] for hook in hooks(at)] == [url])
    assert hooks(at) == []


def test_what_cannot_be_asked_for_is_refused_in_a_sentence(desk):
    at = desk()
    studio = Connected(client=at.client, media=None, store="shop")
    told = {"announce": print, "told": print, "wait": lambda: None}
    for minutes in (0, -1, float("nan"), float("inf")):
        with pytest.raises(LabelStudioError, match=f"up to 1440 .* got {minutes}"):
            receive(at.store, studio, minutes=minutes, **told)
    with pytest.raises(
        LabelStudioError, match=r"cannot serve the receiver of answers at 192\.0\.2\.1:0"
    ):
        receive(at.store, studio, host="192.0.2.1", **told)


def test_a_project_that_is_pushed_meanwhile_is_heard_within_seconds(desk):
    at = desk()
    with receiving(at.client, at.store, minutes=60) as (heard, url):
        wait_for(lambda: hooks(at))
        asked = [Question(generation=g.key) for g in at.audit.spare[:2]]
        more = push(at.client, at.store, asked, **at.options | {"name": "later", "audit": None})
        at.project = more.projects[0].project
        wait_for(lambda: [hook["url"] for hook in hooks(at)] == [url], seconds=10)
        (task, _) = at.tasks = list(_tasks.list_tasks(at.client, at.project.id))
        at.say(task)
        wait_for(lambda: heard and len(at.store.annotations()) == 1, seconds=10)
    at.client.delete_project(at.project.id)


def test_an_end_does_not_wait_for_a_server_that_hangs(desk, server):
    at, running = desk(), find_server(server.folder)
    try:
        with receiving(at.client, at.store, minutes=60) as (heard, url):
            wait_for(lambda: hooks(at))
            os.kill(running.pid, signal.SIGSTOP)
            with httpx.Client(trust_env=False) as stranger:
                stranger.post(url, headers={HEADER: receiver_secret(at)})
            time.sleep(0.6)  # the pull waits for the server now
            began = time.monotonic()
        assert time.monotonic() - began < 4
    finally:
        os.kill(running.pid, signal.SIGCONT)
    told = " ".join(str(one.problem) for one in heard)
    assert "a pull was left in the middle" in told
    assert f"the server may still call {url}" in told

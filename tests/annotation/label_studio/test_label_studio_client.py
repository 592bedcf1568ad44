"""Calls to a real server: who may ask, what a refusal says, and that no word of it holds a token."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from annotation.label_studio import Client, Credentials, add_annotator, connect
from annotation.label_studio._lists import read_projects
from workbench.errors import LabelStudioError


def test_a_server_answers_to_its_first_and_its_second_person(client, second, server):
    assert client.version == second.version == "1.23.2"
    assert client.user["email"] == server.admin.email
    assert second.user["email"] == "second@example.com"
    assert client.fingerprint == second.fingerprint


def test_a_wrong_token_is_refused_in_one_sentence(server):
    with pytest.raises(LabelStudioError, match="refuses the token") as caught:
        connect(Credentials(url=server.url, token="0" * 40))
    assert caught.value.status == 401
    assert "0" * 40 not in str(caught.value)


def test_nobody_at_the_address_is_said_with_the_way_out():
    with pytest.raises(LabelStudioError, match=r"^nothing answers at .*`workbench labelstudio up`"):
        connect(Credentials(url="http://127.0.0.1:9", token="0" * 40))


def test_a_project_is_made_and_seen(client, project):
    number = project()
    found = {one["id"] for one in read_projects(client)}
    assert number in found
    with client.errors("list projects"):
        assert number in {one.id for one in client.sdk.projects.list()}


def test_a_path_that_is_wrong_is_named(server):
    with pytest.raises(LabelStudioError, match=r"answers 404: .* is the path /labels right"):
        connect(Credentials(url=f"{server.url}/labels", token=server.admin.token))


def test_an_invitation_is_in_no_log_line(client, caplog):
    """Whoever reads it may join."""
    caplog.set_level(logging.DEBUG)
    add_annotator(client, "logged@example.com")
    secret = str(client.get("/api/invite", doing="ask")["invite_url"]).rpartition("token=")[2]
    logged = "\n".join(f"{r.getMessage()} {r.args!r}" for r in caplog.records)
    assert "/user/signup/?token=…" in logged
    assert len(secret) > 10
    assert secret not in logged


def test_a_proxy_of_the_environment_is_no_way_to_this_machine(client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert add_annotator(client, "beside-the-proxy@example.com").token


# ---- servers that are no Label Studio ----------------------------------------------------------


@contextlib.contextmanager
def _another_server(answers: Mapping[str, tuple[int, str, str]]) -> Iterator[tuple[str, list[str]]]:
    """A real server, which answers (status, header Location, body) by path; its address, and what came."""
    came: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came.append(f"{self.path} {self.headers.get('Authorization')}")
            status, location, body = answers.get(self.path, (404, "", "none"))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - its name there

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}", came
        finally:
            running.shutdown()


def _personal() -> str:
    """Of the form of a personal access token, valid until 2096."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 4e9}).encode()).decode().rstrip("=")
    return f"aaaa.{claims}.bbbb"


@pytest.mark.parametrize("token", ["a" * 40, _personal()])
def test_a_token_follows_no_redirect(token):
    with _another_server({}) as (target, came):
        paths = ("/api/version", "/api/token/refresh")
        with (
            _another_server({p: (307, f"{target}{p}?next=secret", "") for p in paths}) as (url, _),
            pytest.raises(LabelStudioError, match=f"sends us on to {target}, ") as caught,
        ):
            connect(Credentials(url=url, token=token))
        assert came == []
    assert token not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>", "{}", "[]", '{"access": null}'])
def test_an_exchange_that_gives_no_token_is_one_sentence(body):
    with (
        _another_server({"/api/token/refresh": (200, "", body)}) as (url, _),
        pytest.raises(LabelStudioError, match="cannot exchange the personal access token"),
    ):
        connect(Credentials(url=url, token=_personal()))


@pytest.mark.parametrize("body", ["[]", '"me"', "{}", "7"])
def test_a_person_who_is_none_is_one_sentence(body):
    answers = {
        "/api/version": (200, "", '{"release": "1.23.2"}'),
        "/api/current-user/whoami": (200, "", body),
    }
    with _another_server(answers) as (url, _):
        credentials = Credentials(url=url, token="a" * 40)
        with pytest.raises(LabelStudioError, match=r"cannot ask who we are: .* says no email"):
            connect(credentials)
        with pytest.raises(LabelStudioError, match="cannot ask who we are"):
            _ = Client(credentials).fingerprint

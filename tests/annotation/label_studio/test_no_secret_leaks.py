"""A token, a password or a session's cookie in an exception, a log line or a repr fails here."""

from __future__ import annotations

import io
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from rich.console import Console
from rich.traceback import Traceback

from annotation.label_studio import Client, Credentials, connect
from workbench.errors import LabelStudioError

SESSION = "sessionid="


def _all_words(error: BaseException) -> str:
    """What anybody could print of an error: it, what it was raised from, their frames with locals."""
    said, seen, waiting = [], set(), [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        said += [str(one), repr(one), repr(one.args), repr(vars(one))]
        told = traceback.TracebackException.from_exception(one, capture_locals=True)
        said += list(told.format())
        shown = io.StringIO()
        console = Console(file=shown, width=400, soft_wrap=True)
        frames = Traceback.from_exception(
            type(one), one, one.__traceback__, show_locals=True, locals_max_string=None
        )
        console.print(frames)
        said.append(shown.getvalue())
    return "\n".join(said)


@pytest.fixture(scope="module")
def personal(client) -> Iterator[str]:
    """A personal access token of the administrator."""
    made = client.request("POST", "/api/token/", doing="make a personal access token")["token"]
    yield made
    client.request("POST", "/api/token/blacklist/", doing="end the token", json={"refresh": made})


@pytest.fixture(scope="module", params=["legacy", "personal"])
def asking(request, server) -> Iterator[Client]:
    """A client by either kind of token."""
    token = server.admin.token
    if request.param == "personal":
        token = request.getfixturevalue("personal")
    with connect(Credentials(url=server.url, token=token)) as client:
        yield client


def _refused_by_the_sdk(client: Client) -> None:
    with client.errors("read a project"):
        client.sdk.projects.get(id=999_999)


def _refused_by_http(client: Client) -> None:
    client.get("/api/projects/999999/", doing="read a project")


def _refused_config(client: Client) -> None:
    client.create_project({"title": "ab", "label_config": "<View"})


def _not_there(client: Client) -> None:
    credentials = Credentials(url="http://127.0.0.1:9", token=client.credentials.token)
    connect(credentials)


def _no_label_studio(client: Client) -> None:
    """A real server of another kind, which says whatever it was told, as careless ones do."""

    class Parrot(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(str(self.headers).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as parrot:
        threading.Thread(target=parrot.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{parrot.server_address[1]}"
        try:
            with Client(Credentials(url=url, token=client.credentials.token)) as asking:
                asking.request("GET", "/api/tasks", doing="list the tasks", repeatable=False)
        finally:
            parrot.shutdown()


def _slow(client: Client) -> None:
    client.request("GET", "/api/projects/", doing="list", timeout=1e-6, repeatable=False)


def _read_by_a_block(client: Client) -> None:
    with client.errors("ask by httpx"):
        httpx.get(
            "http://127.0.0.1:9/",
            headers={"Authorization": f"Token {client.credentials.token}"},
        )


@pytest.mark.parametrize(
    "refused",
    [_refused_by_the_sdk, _refused_by_http, _refused_config, _not_there, _no_label_studio, _slow,
     _read_by_a_block],
)  # fmt: skip
def test_no_error_and_no_log_line_holds_a_token_or_a_cookie(asking, refused, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(LabelStudioError) as caught:
        refused(asking)
    words = _all_words(caught.value)  # before this frame itself holds a secret
    secrets = [asking.credentials.token, SESSION]
    if asking._access[0]:
        secrets.append(asking._access[0])
    logged = "\n".join(f"{r.getMessage()} {r.args!r}" for r in caplog.records)
    for secret in secrets:
        assert secret not in words
        assert secret not in logged


def test_the_search_for_secrets_would_find_one(client):
    """The SDK's own error prints the session's cookie."""
    from label_studio_sdk.core.api_error import ApiError

    with pytest.raises(ApiError) as caught:
        client.sdk.projects.get(id=999_999)
    assert SESSION in _all_words(caught.value)


def test_logs_of_calls_that_succeed_hold_none_either(asking, caplog):
    caplog.set_level(logging.DEBUG)
    asking.get("/api/projects/", doing="list the projects")
    with asking.errors("list the projects"):
        list(asking.sdk.projects.list())
    logged = "\n".join(f"{r.getMessage()} {r.args!r}" for r in caplog.records)
    assert "set-cookie" in logged.lower(), "headers are logged, and the filter had something to do"
    assert SESSION not in logged
    assert asking.credentials.token not in logged


def test_reprs_hold_none(server, asking):
    secrets = [server.admin.token, server.admin.password, server.second.token, SESSION]
    shown = [
        server,
        server.server,
        server.admin,
        server.credentials,
        asking,
        asking.sdk,
        vars(asking),
    ]
    for secret in (*secrets, asking.credentials.token):
        assert [one for one in shown if secret in f"{one!r} {one}"] == []

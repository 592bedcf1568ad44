"""A real server of a store: started, found, killed, moved, stopped; whatever was left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from annotation.label_studio import (
    SERVER_VERSION,
    add_annotator,
    connect,
    find_server,
    install_server,
    read_credentials,
    stop_server,
)
from annotation.label_studio._folder import prepared
from annotation.label_studio._lists import read_projects
from annotation.label_studio.interfaces import build_interface
from workbench.errors import LabelStudioError
from workbench.rubric import load_rubric

START = """
import sys
from annotation.label_studio import start_server
print(start_server(sys.argv[1]).pid)
"""


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    give_up = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < give_up
        time.sleep(0.02)


def _replaced_by_others(folder: Path) -> None:
    _change(folder, ready=False)
    shutil.rmtree(folder / "data")
    (folder / "data").mkdir()
    (folder / "data" / "novel.txt").write_text("of somebody else")


def test_what_a_server_leaves_can_be_read_by_its_owner_alone(server):
    secret = ["server.json", "credentials.json", "process.json", "server.log", "data"]
    secret += ["data/label_studio.sqlite3", "data/.env"]
    modes = {name: stat.S_IMODE((server.folder / name).stat().st_mode) for name in secret}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_the_log_and_the_process_list_hold_no_secret(server, client):
    """After calls of every kind, a refused one among them."""
    assert client.user
    with pytest.raises(LabelStudioError):
        client.get("/api/projects/999999", doing="read a project")
    command = " ".join(psutil.Process(server.server.pid).cmdline())
    log = (server.folder / "server.log").read_text()
    assert log
    for secret in (server.admin.token, server.admin.password, server.second.token):
        assert secret not in log
        assert secret not in command


@pytest.mark.parametrize(
    ("login", "password", "why"),
    [
        ("second@example.com", None, "somebody has this login already"),
        ("second", None, "it is no e-mail address such as ada@example.com"),
        ("third@example.com", "s3cret", "a password has 8 to 128 characters"),
        (f"{'a' * 250}@example.com", None, ""),
        ("no", "s3cret", "address such as ada@example.com; a password has 8 to"),
    ],
)
def test_a_refused_login_says_why(client, login, password, why):
    with pytest.raises(LabelStudioError, match=f"makes no login for {login!r}: .*{why}") as caught:
        add_annotator(client, login, password=password)
    assert password is None or password not in str(caught.value)
    assert not str(caught.value).endswith(": "), "something is said in any case"


def test_the_server_refuses_a_title_of_2_or_51_characters(project):
    config = build_interface("image", load_rubric("category-image")).config
    for title in ("ab", "a" * 51):
        with pytest.raises(LabelStudioError) as caught:
            project(config, title=title)
        assert caught.value.status == 400


def test_it_listens_on_this_machine_alone(server):
    listening = {
        c.laddr.ip
        for c in psutil.Process(server.server.pid).net_connections(kind="tcp")
        if c.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_second_start_finds_the_first(server, start_for_tests):
    started = time.monotonic()
    again = start_for_tests(server.folder)
    assert time.monotonic() - started < 2
    assert again.found
    assert (again.pid, again.url) == (server.server.pid, server.url)
    assert find_server(server.folder) == again
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(LabelStudioError, match=f"up at port {port} already, not at {port + 1}"):
        start_for_tests(server.folder, port=port + 1)


def test_its_life(tmp_path, start_for_tests):
    """Killed, it starts again at its port, with what people did; so it does in a folder that was moved."""
    folder = tmp_path / "shop" / "label_studio"
    first = start_for_tests(folder)
    pictures = first.media / "pictures"
    pictures.mkdir()
    with connect(first.credentials) as client:
        fingerprint = client.fingerprint
        project = client.create_project({"title": "kept"})["id"]
        client.request(
            "POST",
            "/api/storages/localfiles",
            doing="name local files",
            json={"project": project, "path": str(pictures), "use_blob_urls": True},
        )

    _kill(first.pid)
    assert find_server(folder) is None
    assert (folder / "process.json").exists(), "a killed server leaves it"
    second = start_for_tests(folder)
    assert not second.found
    assert (second.url, second.login) == (first.url, first.login)

    moved = tmp_path / "market" / "label_studio"
    moved.parent.mkdir()
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(moved)
    with pytest.raises(LabelStudioError, match="before its folder was moved from"):
        start_for_tests(moved)
    assert find_server(tmp_path / "copy") is None, "a copy's server is another one"
    assert stop_server(moved)
    assert not psutil.pid_exists(second.pid)
    assert not stop_server(moved)
    _change(moved, ready=False)  # as a start leaves it that was killed when its server was up
    third = start_for_tests(moved)
    with connect(third.credentials) as client:
        assert client.fingerprint == fingerprint
        kept = list(read_projects(client))
        assert [one["title"] for one in kept] == ["kept"]
        found = client.get(
            "/api/storages/localfiles", doing="list local files", params={"project": project}
        )
        assert [one["path"] for one in found] == [str(moved / "media" / "pictures")]


@pytest.mark.slow
def test_two_starts_at_once_make_one_server(tmp_path, start_for_tests):
    """And the server outlives both who started it."""
    folder = tmp_path / "label_studio"
    command = [sys.executable, "-c", START, str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[0].strip() for one in both]
    server = start_for_tests(folder)
    assert said == [str(server.pid)] * 2
    assert server.found


@pytest.mark.slow
def test_a_start_that_was_killed_is_taken_up(tmp_path, start_for_tests):
    """Even where it could not note which process it had started."""
    folder = tmp_path / "label_studio"
    with subprocess.Popen([sys.executable, "-c", START, str(folder)]) as starting:
        give_up = time.monotonic() + 60
        while not (folder / "process.json").exists():
            assert time.monotonic() < give_up
            time.sleep(0.01)
        starting.kill()
    left = json.loads((folder / "process.json").read_text())
    (folder / "process.json").unlink()
    server = start_for_tests(folder)
    assert (server.pid, server.found) == (left["pid"], True)
    connect(server.credentials).close()


def test_a_taken_port_is_one_sentence(tmp_path, start_for_tests):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabelStudioError, match=f"port {port} cannot be had: address already"):
            start_for_tests(tmp_path / "label_studio", port=port)


@pytest.mark.slow
def test_a_port_that_another_program_took_since_is_left_to_it(tmp_path, start_for_tests):
    """The server's own habit is to go to the next port; here whoever asked for one keeps to it."""
    folder = tmp_path / "label_studio"
    port = int(start_for_tests(folder).url.rpartition(":")[2])
    assert stop_server(folder)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        again = start_for_tests(folder)
        assert not again.url.endswith(f":{port}")
        assert read_credentials(folder=folder) == again.credentials


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "server.json").unlink(), "which knows the login, is gone"),
        (lambda f: (f / "server.json").write_text("{"), "is damaged"),
        (lambda f: (f / "server.json").write_text("{}"), "is damaged"),
        (lambda f: (f / "server.json").chmod(0o644), "others may read it"),
        (lambda f: shutil.rmtree(f / "data"), "with everything that people answered, is gone"),
        (lambda f: _change(f, ready="true"), "is damaged"),
        (_replaced_by_others, "is no Label Studio's data: move it away"),
        (lambda f: _change(f, version="2.0.0"), "newer than the 1.23.2 that is started here"),
        pytest.param(
            lambda f: _change(f, token="0" * 40), "does not know the login", marks=pytest.mark.slow
        ),
    ],
)
def test_a_folder_that_cannot_be_right_is_one_sentence(
    tmp_path, stopped, spoil, sentence, start_for_tests
):
    folder = tmp_path / "label_studio"
    shutil.copytree(stopped, folder)
    token = json.loads((folder / "server.json").read_text())["token"]
    spoil(folder)
    with pytest.raises(LabelStudioError, match=sentence) as caught:
        start_for_tests(folder)
    assert token not in str(caught.value)
    assert find_server(folder) is None
    assert (folder / "data" / "novel.txt").exists() == (spoil is _replaced_by_others)


def test_a_start_that_did_not_end_is_put_aside_and_not_removed(tmp_path, stopped):
    folder = tmp_path / "label_studio"
    shutil.copytree(stopped, folder)
    (folder / "data" / "of somebody").write_text("something")
    for place in ("data.unfinished", "data.unfinished-2"):
        _change(folder, ready=False)
        prepared(folder, install_server())
        assert (folder / place / "label_studio.sqlite3").is_file()
    assert (folder / "data.unfinished" / "of somebody").read_text() == "something"
    assert not (folder / "data" / "of somebody").exists()


@pytest.mark.slow
def test_data_of_an_older_server_are_kept_before_they_are_changed(
    tmp_path, stopped, start_for_tests
):
    folder = tmp_path / "label_studio"
    shutil.copytree(stopped, folder)
    _change(folder, version="1.20.0")
    before = (folder / "data" / "label_studio.sqlite3").read_bytes()
    start_for_tests(folder)
    assert (folder / "data" / "label_studio.sqlite3.1.20.0").read_bytes() == before
    assert json.loads((folder / "server.json").read_text())["version"] == SERVER_VERSION


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, start_for_tests):
    (tmp_path / "shop").write_text("a file, where a folder is wanted")
    with pytest.raises(LabelStudioError, match="cannot be used: not a directory"):
        start_for_tests(tmp_path / "shop" / "label_studio")


def test_what_was_installed_is_found_at_once():
    started = time.monotonic()
    made = install_server()
    assert time.monotonic() - started < 0.1
    assert made.program.is_file()
    assert not (made.template / ".env").exists(), "each server has a key of its own"


def _change(folder: Path, **fields: object) -> None:
    path = folder / "server.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, start_for_tests) -> Path:
    """The folder of a server that ran and was stopped."""
    folder = tmp_path_factory.mktemp("stopped") / "label_studio"
    start_for_tests(folder)
    stop_server(folder)
    return folder

"""A real Label Studio for the tests: one per test process, started when the first test wants it.

The suite's processes do not share one: a server is up in seconds, and a file's tests stay in one process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from page_browser import ask, labelling, page_pictures, people  # noqa: F401 (fixtures)

from annotation.label_studio import (
    Client,
    Credentials,
    Login,
    Question,
    Server,
    _tasks,
    add_annotator,
    connect,
    pull,
    push,
    start_server,
    stop_server,
)
from annotation.label_studio.interfaces import Answer, build_interface, write_result

SMALL_CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <Choices name="verdict" toName="image" choice="single" required="true">
    <Choice value="approve"/><Choice value="reject"/>
  </Choices>
  <TextArea name="note" toName="image"/>
</View>
"""


@dataclass(frozen=True)
class RunningServer:
    """A server, with two people who may work in it."""

    server: Server
    admin: Login
    second: Login

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def folder(self) -> Path:
        return self.server.folder

    @property
    def media(self) -> Path:
        """Pictures go to a subfolder of it, which `import_storage.local` is told of."""
        return self.server.media

    @property
    def credentials(self) -> Credentials:
        return self.server.credentials

    @property
    def second_credentials(self) -> Credentials:
        return Credentials(url=self.url, token=self.second.token)


@pytest.fixture(scope="session")
def start_for_tests() -> Iterator[Callable[..., Server]]:
    """`start_server`, for folders whose servers end with the tests, even where those are killed."""
    folders: set[Path] = set()
    watchers: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, **options: Any) -> Server:
        server = start_server(folder, **options)
        folders.add(server.folder)
        # Its standard input ends with this process, however that ends.
        script = 'read -r _; kill -KILL "$1" 2>/dev/null'
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", str(server.pid)], stdin=subprocess.PIPE
        )
        watchers.append(watcher)
        return server

    yield start
    for folder in folders:
        stop_server(folder)
    for watcher in watchers:
        os.kill(watcher.pid, signal.SIGKILL)
        watcher.communicate()


@pytest.fixture(scope="session")
def server_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is room: each answer makes SQLite wait for the disk a dozen times.

    A process that is killed leaves the same behind there as on a disk; only power cuts differ.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < 4e9:
        yield tmp_path_factory.mktemp("annotating")
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="annotating-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server(server_place: Path, start_for_tests: Callable[..., Server]) -> RunningServer:
    """A server with an administrator and a second annotator; tests make projects of their own in it."""
    running = start_for_tests(server_place / "label_studio")
    with connect(running.credentials) as client:
        second = add_annotator(client, "second@example.com")
    return RunningServer(running, running.login, second)


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Iterator[Client]:
    """Asks as the administrator."""
    with connect(server.credentials) as asking:
        yield asking


@pytest.fixture(scope="session")
def second(server: RunningServer) -> Iterator[Client]:
    """Asks as the second annotator."""
    with connect(server.second_credentials) as asking:
        yield asking


@pytest.fixture
def project(client: Client) -> Iterator[Callable[..., int]]:
    """Makes a project, by default one of a picture and a verdict, and gives its number; it is removed."""
    made: list[int] = []

    def make(config: str = SMALL_CONFIG, **fields: Any) -> int:
        title = f"test {uuid.uuid4().hex[:12]}"
        answer = client.create_project({"title": title, "label_config": config} | fields)
        made.append(int(answer["id"]))
        return made[-1]

    yield make
    for number in made:
        client.delete_project(number)


@pytest.fixture(scope="session")
def media(server: RunningServer) -> Path:
    """A folder of pictures that the server can show: make a subfolder of it for yours."""
    return server.media


# ---- an audit that people answer --------------------------------------------------------------


class Desk:
    """A project with an audit's pictures, and people who answer in it as their pages would send it."""

    def __init__(self, client, second, audit, **options):
        self.client, self.second, self.audit, self.store = client, second, audit, audit.store
        self.interface = build_interface("image", audit.rubric)
        questions = [Question(generation=g.key) for g in audit.generations]
        self.options = {
            "name": f"audit {audit.audit.id}", "interface": self.interface,
            "audit": audit.audit.id,
        } | options  # fmt: skip
        self.pushed = push(client, self.store, questions, **self.options)
        self.project = self.pushed.projects[0].project
        modes = self.interface.controls["failure_modes"].choices
        self.modes = tuple(m.id for m in audit.rubric.failure_modes if m.id in modes)
        self.tasks = list(_tasks.list_tasks(client, self.project.id))

    def result(self, task, **said):
        return write_result(self.interface, self.answer(**said), task["data"])

    def answer(self, **said):
        scores = {c.id: float(len(c.scale)) for c in self.audit.rubric.criteria}
        return Answer(**({"approved": True, "scores": scores} | said))

    def say(self, task, *, by=None, seconds=4.5, cancelled=False, **said):
        """Send an answer; its number."""
        sent = {"result": self.result(task, **said), "lead_time": seconds}
        if cancelled:
            sent["was_cancelled"] = True
        return self._send("POST", f"/api/tasks/{task['id']}/annotations/", sent, by)["id"]

    def change(self, task, number, *, by=None, **said):
        self._send(
            "PATCH", f"/api/annotations/{number}/", {"result": self.result(task, **said)}, by
        )

    def delete(self, number):
        self._send("DELETE", f"/api/annotations/{number}/", None, None)

    def _send(self, method, path, sent, by):
        return (by or self.client).request(method, path, doing="answer", json=sent)

    def pull(self):
        (one,) = pull(self.client, self.store).projects
        return one

    def id(self, task, number):
        return f"{self.project.prefix}{task['id']}/{number}"

    def history(self):
        return self.store.annotations(history=True)


@pytest.fixture
def desk(client, second, pictures, media):
    made = []

    def make(judged=8, drawn=4, **options):
        made.append(Desk(client, second, pictures(judged, drawn), **{"media": media} | options))
        return made[-1]

    yield make
    for one in made:
        for project in one.pushed.projects:
            client.delete_project(project.project.id)

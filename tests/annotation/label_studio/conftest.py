"""A real Label Studio for the tests: one per test process, started when the first test wants it.

The suite's processes do not share one: a server is up in seconds, and a file's tests stay in one process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from annotation.label_studio import (
    Client,
    Credentials,
    Login,
    Server,
    add_annotator,
    connect,
    start_server,
    stop_server,
)

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
def server(
    start_for_tests: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> RunningServer:
    """A server with an administrator and a second annotator; tests make projects of their own in it."""
    running = start_for_tests(tmp_path_factory.mktemp("annotating") / "label_studio")
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

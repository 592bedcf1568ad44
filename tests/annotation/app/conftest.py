"""The app as people reach it: a server in a process of its own over a store with a judge, an audit and answers."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from annotation.app import User, hash_password, write_user
from pipelines.intake import keep_schema
from workbench.catalog.drawn import DrawnCatalog
from workbench.records import Annotation, Item
from workbench.store import Store

PASSWORD = "a long enough password"
ANNA, BEN, CLEO, RITA = (f"{name}@shop.example" for name in ("anna", "ben", "cleo", "rita"))
"""Three who write, of whom one only looks round, and one who reads."""
NOTE = "<b>not bold</b><script>document.title='owned'</script>"


def _notebook():
    """What the notebook's tests fill a store with, so that both show the same."""
    path = Path(__file__).parents[1] / "notebook" / "conftest.py"
    spec = importlib.util.spec_from_file_location("notebook_conftest", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["notebook_conftest"] = module
    spec.loader.exec_module(module)
    return module


notebook = _notebook()
HOSTILE = notebook.HOSTILE


@pytest.fixture(scope="session")
def notebook_fill():
    """`notebook_fill(store, items=…, drawn=…)`: outputs, verdicts, and an audit of which a part is answered."""
    return notebook.fill


@pytest.fixture(scope="session")
def hashed() -> str:
    return hash_password(PASSWORD)


def fill(folder: Path, hashed: str, *, items: int = 16, drawn: int = 12) -> Path:
    """A store with answers, and three people who may sign in."""
    with Store.open(folder) as store:
        notebook.fill(store, items=items, drawn=drawn)
        keep_schema(store, DrawnCatalog(seed=3, items=items, size=96), list(store.records(Item)))
        first = replace(next(store.records(Annotation)), id="dan/1", annotator="dan@shop.example")
        store.add([replace(first, note=NOTE)])
    for name, role in ((ANNA, "writer"), (BEN, "writer"), (CLEO, "writer"), (RITA, "reader")):
        write_user(folder / "app-users", User(name=name, role=role, hashed=hashed))
    return folder


@dataclass
class Server:
    """A running `workbench app`."""

    address: str
    folder: Path
    process: subprocess.Popen
    said: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    reader: threading.Thread | None = None

    def sign_in(self, name: str) -> dict[str, str]:
        """Cookies of a session of `name`, begun once."""
        if name not in self.cookies:
            answer = httpx.post(
                f"{self.address}/login",
                data={"name": name, "password": PASSWORD},
                headers={"origin": self.address},
            )
            assert answer.status_code == 303, answer.text
            self.cookies[name] = answer.cookies["workbench_session"]
        return {"workbench_session": self.cookies[name]}

    def store(self) -> Store:
        return Store.open(self.folder)


def start(folder: Path, *options: str) -> Server:
    """`workbench app` over `folder`, once it answers."""
    plain = Path(__file__).parents[2] / "samples" / "plain.yaml"
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "app", "--store", str(folder), "--port", "0",
         "--image-model", "tiny:image", "--judge", "tiny:vlm", "--writer", "tiny:vlm",
         "--rubric", str(plain), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GRADIO_TEMP_DIR": str(folder.parent / "uploads")},
    )  # fmt: skip
    server = Server("", folder, process)
    for line in process.stderr:
        server.said.append(line)
        if found := re.search(r"Open (http://\S+?)/?(login\S*)?$", line.strip()):
            server.address = found[1].rstrip("/")
            break
    assert server.address, "".join(server.said)
    server.reader = threading.Thread(target=lambda: server.said.extend(process.stderr), daemon=True)
    server.reader.start()
    return server


def end(server: Server) -> None:
    server.process.terminate()
    try:
        server.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    server.reader.join(timeout=5)
    server.process.stderr.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory, hashed) -> Iterator[Server]:
    """One server for all tests; those that write take items of their own."""
    server = start(fill(tmp_path_factory.mktemp("served") / "store", hashed))
    yield server
    end(server)


@dataclass
class Seen:
    """A page of the app, and what went wrong in it."""

    page: object
    server: Server
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str, wait: str = "#view h1") -> None:
        self.page.goto(self.server.address + path)
        self.page.wait_for_selector(wait)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture
def visit(browser):
    """`visit(server, name=None)`: a browser of somebody who signed in, or did not."""
    contexts, seen = [], []

    def opening(
        server: Server, name: str | None = None, *, width: int = 1280, scheme="light"
    ) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        if name is not None:
            cookie = server.sign_in(name)["workbench_session"]
            context.add_cookies(
                [{"name": "workbench_session", "value": cookie, "url": server.address}]
            )
        found = Seen(context.new_page(), server)
        found.page.set_default_timeout(60_000)
        found.page.on("pageerror", lambda error: found.faults.append(str(error)))
        found.page.on(
            "console", lambda said: found.faults.append(said.text) if said.type == "error" else None
        )
        inside = (server.address, "blob:", "data:")
        found.page.on(
            "request",
            lambda one: None if one.url.startswith(inside) else found.foreign.append(one.url),
        )
        seen.append(found)
        return found

    yield opening
    for context in contexts:
        context.close()
    for one in seen:
        # A page that is left while it listens says that it was cut off: the server is not at fault.
        left = [f for f in one.faults if "abort" not in f.lower() and "errored out" not in f]
        assert not left and not one.foreign

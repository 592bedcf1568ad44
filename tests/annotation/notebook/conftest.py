"""A store with photos, two models' listings, a judge, an audit that people answered, and attempts at a picture."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import selection_of
from workbench.catalog.drawn import DrawnCatalog, image_prompt, sample_product
from workbench.catalog.ingest import ingest
from workbench.records import Annotation, CriterionScore, Generation, Item, Listing, Verdict
from workbench.rubric import dump_rubric, load_rubric
from workbench.store import Store

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
"""A seller's title that would like to be markup."""
MODES = ("wrong_product", "wrong_color", "wrong_aspect", "unseen_claim", "bad_title")


def fill(store: Store, *, items: int, drawn: int, seed: int = 3) -> None:
    """Two models' listings of drawn items; of the first one's, `drawn` are audited and three quarters answered."""
    rubric = load_rubric("listing")
    store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
    ingest(store, DrawnCatalog(seed=seed, items=items, size=96))
    rng = np.random.default_rng(seed)
    good, first, second, said = {}, [], [], []
    for number, item in enumerate(store.records(Item)):
        for model, made in (("hf:writer-1", first), ("hf:writer-2", second)):
            suitable = bool(rng.random() < 0.6)
            confidence = float(np.clip(rng.normal(0.68 if suitable else 0.38, 0.18), 0.01, 0.99))
            title = HOSTILE if number == 1 and made is first else item.title or "Untitled"
            key = f"{model[-1]}{number:063x}"
            good[key] = suitable
            made.append(
                Generation(
                    key=key, kind="listing", category=item.category, model=model, revision=f"r{model[-1]}",
                    prompt="Describe the photo.", item=item.id, inputs=item.photos[:1], run="run",
                    listing=Listing(title=title, aspects=item.aspects, price=item.price),
                )
            )  # fmt: skip
            said.append(_verdict(key, confidence, rng))
    store.add([*first, *second, *said, *_attempts(store)])
    mine = [v for v in said if v.generation.startswith("1")]
    audit = draw_from(store, selection_of(mine, first, part=None), size=drawn, seed=1)
    store.add([audit])
    store.add(
        [
            Annotation(
                id=f"ben/{one.generation}", generation=one.generation, annotator="ben@example.com",
                rubric=rubric.label, approved=good[one.generation], audit=audit.id,
                failure_modes=() if good[one.generation] else (MODES[place % len(MODES)],),
                note="<b>not bold</b>" if place == 0 else None,
            )
            for place, one in enumerate(audit.drawn)
            if place % 4
        ]
    )  # fmt: skip


def _verdict(key: str, confidence: float, rng: np.random.Generator) -> Verdict:
    approved = confidence >= 0.5
    named = () if approved else (MODES[int(rng.integers(len(MODES)))],)
    return Verdict(
        key=f"v{key}", generation=key, judge="hf:judge", revision="j1", rubric="listing@1",
        scores=(CriterionScore(criterion="color", score=1 + confidence, by="hf:judge"),),
        approved=approved, confidence=round(confidence, 3), failure_modes=named, run="run",
    )  # fmt: skip


def _attempts(store: Store) -> Iterator[Generation]:
    """Three attempts at one category's picture, each with a better prompt."""
    catalog = DrawnCatalog(seed=9, items=3, size=96)
    words = image_prompt(sample_product(0))
    for number, (item, more) in enumerate(
        zip(catalog.items(), ("", ", plain white background", ", soft light"), strict=True)
    ):
        words += more
        yield Generation(
            key=f"3{number:063x}", kind="image", category="mug", model="hf:painter", revision="p1",
            prompt=words, image=store.images.put(catalog.photo(item.photos[0])), attempt=number + 1, run="run",
            parent=None if number == 0 else f"3{number - 1:063x}",
        )  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Iterator[Store]:
    """48 items, 24 of them audited; tests that write get `writable`."""
    with Store.open(tmp_path_factory.mktemp("filled") / "store") as store:
        fill(store, items=48, drawn=24)
        yield store


@pytest.fixture
def writable(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        fill(store, items=16, drawn=12)
        yield store


# ---- a real JupyterLab ---------------------------------------------------------------------------


@dataclass
class Lab:
    """A running JupyterLab, or Notebook 7, whose folder is `folder`."""

    address: str
    token: str
    folder: Path
    opens: str
    """The path under which it opens a notebook."""

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook and return the address at which it is opened."""
        from nbformat import v4

        book = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        (self.folder / name).write_text(json.dumps(book))
        return f"{self.address}/{self.opens}/{name}?token={self.token}&reset"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with serving(tmp_path_factory.mktemp("lab"), "jupyterlab", "LabApp", "lab/tree") as found:
        yield found


@pytest.fixture(scope="module")
def notebook_7(tmp_path_factory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("notebook")
    with serving(folder, "notebook", "JupyterNotebookApp", "notebooks") as found:
        yield found


@contextmanager
def serving(folder: Path, module: str, app: str, opens: str) -> Iterator[Lab]:
    """One of Jupyter's servers, with settings and data of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", module, "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0",
         "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder}", f"--{app}.expose_app_in_browser=True",
         "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env={**os.environ, **home}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token=secret", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < give_up, (folder / "log").read_text()
                time.sleep(0.2)
        yield Lab(address, "secret", folder, opens)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        log.close()


@dataclass
class Page:
    """A notebook that is open in a browser, and what went wrong in it."""

    page: object
    faults: list[str]
    foreign: list[str]
    """Requests that would have left this machine."""

    def command(self, name: str, **options: object) -> None:
        self.page.evaluate(
            "([name, options]) => { window.jupyterapp.commands.execute(name, options) }",
            [name, options],
        )

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")
        self.page.wait_for_selector(".cwb-view[data-ready]", timeout=120_000)

    def printed(self, word: str) -> str:
        """Leave the view and run the last cell again; what follows `word` in its output."""
        self.page.evaluate("document.activeElement?.blur()")
        self.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 99")
        self.page.evaluate(
            "window.jupyterapp.shell.currentWidget.content.activeCell.model.clearExecution()"
        )
        self.command("notebook:run-cell")
        text = self.page.locator(".jp-OutputArea-output pre", has_text=word).last.inner_text(
            timeout=60_000
        )
        return text.partition(word)[2].strip()


@pytest.fixture
def opened(browser):
    """`opened(address)`: a page of that notebook, whose consoles and requests are watched."""
    contexts = []

    def open_page(address: str, *, width: int = 1440) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 1000})
        contexts.append(context)
        found = Page(context.new_page(), [], [])
        found.page.set_default_timeout(60_000)
        found.page.on("pageerror", lambda error: found.faults.append(error.stack or str(error)))
        found.page.on(
            "console", lambda said: found.faults.append(said.text) if said.type == "error" else None
        )
        server = "/".join(address.split("/")[:3])
        inside = (server, server.replace("http", "ws"), "blob:", "data:")
        found.page.on(
            "request",
            lambda one: None if one.url.startswith(inside) else found.foreign.append(one.url),
        )
        found.page.goto(address)
        found.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel && document.querySelector('.jp-NotebookPanel .jp-Cell')"
        )
        found.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready")
        found.page.evaluate("window.jupyterapp.shell.collapseLeft?.()")
        return found

    yield open_page
    for context in contexts:
        context.close()

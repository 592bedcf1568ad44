#!/usr/bin/env python3
"""The pictures of README, made by looking at real stores: `.venv/bin/python tools/screenshots.py`.

Wants a store of listings (`make demo SERVE=0`) and one of pictures (`workbench run category-images --catalog
drawn:seed=7,items=300,size=64 --store pictures --without safety`), Chromium, and what `make install` installs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1280, 800
PATIENCE = 900_000
"""Milliseconds: models are loaded, and the machine may have other work."""


def main() -> None:
    """Take every picture."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--listings", type=Path, default=ROOT / "demo")
    asked.add_argument("--pictures", type=Path, default=ROOT / "pictures")
    asked.add_argument("--out", type=Path, default=ROOT / "docs")
    given = asked.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: tools/system-packages says how")
    from playwright.sync_api import sync_playwright

    given.out.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(PATIENCE)
        of_pictures(page, given.pictures, given.out)
        of_listings(page, given.listings, given.out)
        of_the_notebook(page, given.listings, given.out)
        browser.close()


def of_pictures(page: Page, store: Path, out: Path) -> None:
    """A category tried live, and the gallery of failures."""
    with app(store) as address:
        page.goto(address)
        page.goto(address.partition("login")[0] + "?category=chair")
        page.wait_for_selector(".trial, #trial .empty")
        page.click("#draw")
        page.wait_for_selector("#trial .trial > p .chip")
        wait_for_pictures(page)
        keep(page, out / "app-try.webp", height=height_of(page, "#trial .trial"))
        page.goto(address.partition("login")[0] + "failures?judge=rejected")
        page.wait_for_selector(".grid > li img")
        wait_for_pictures(page)
        keep(page, out / "app-failures.webp")


def of_listings(page: Page, store: Path, out: Path) -> None:
    """What an approval is worth, an item that waits for its correction, and the page."""
    with app(store) as address:
        page.goto(address)
        base = address.partition("login")[0]
        page.goto(base + "calibration")
        page.wait_for_selector("h1.answer")
        keep(page, out / "app-calibration.webp")
        page.goto(base + "correct")
        page.wait_for_selector("#modes label")
        wait_for_pictures(page)
        keep(page, out / "app-correct.webp")
    page.goto((store / "report.html").resolve().as_uri())
    keep(page, out / "page-listings.webp", height=1000)


def of_the_notebook(page: Page, store: Path, out: Path) -> None:
    """The view, in JupyterLab."""
    with lab(store) as address:
        page.set_viewport_size({"width": 1500, "height": 1000})
        page.goto(address)
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        )
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && 1")
        view = page.locator(".cwb-view[data-ready]")
        view.locator(".tile img").first.wait_for()
        view.get_by_role("tab", name="Threshold").click()
        page.wait_for_timeout(1500)
        write(Image.open(io.BytesIO(view.screenshot())), out / "notebook-view.webp")


@contextlib.contextmanager
def app(store: Path) -> Iterator[str]:
    """A running app over `store`; the address that signs in."""
    words = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "app",
        "--store",
        str(store),
        "--port",
        "0",
        "--as",
        "ada@shop.example",
    ]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"Open (http\S+)", line):
                yield found[1]
                break
        else:
            sys.exit(f"the app did not start over {store}")
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextlib.contextmanager
def lab(store: Path) -> Iterator[str]:
    """A running JupyterLab; the address of a notebook that shows `store`."""
    from nbformat import v4

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cell = f"from annotation.notebook import show\nfrom workbench.store import Store\nshow(Store.open({str(store.resolve())!r}))"
        book = v4.new_notebook(cells=[v4.new_code_cell(cell)])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        (folder / "view.ipynb").write_text(json.dumps(book))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        homes = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
             "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
             "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
            env={**os.environ, **{one: str(folder / one.lower()) for one in homes}},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            while server.poll() is None:
                try:
                    urllib.request.urlopen(f"{address}/api?token=secret", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.2)
            yield f"{address}/lab/tree/view.ipynb?token=secret&reset"
        finally:
            server.terminate()
            server.wait(timeout=60)


def wait_for_pictures(page: Page) -> None:
    """Until every picture that is in sight is drawn."""
    page.wait_for_function(
        "[...document.images].every((one) => one.complete || one.getBoundingClientRect().top > innerHeight)"
    )
    page.wait_for_timeout(500)


def height_of(page: Page, selector: str) -> int:
    """How high the page has to be to show what the selector names, and a margin."""
    box = page.locator(selector).bounding_box()
    return HEIGHT if box is None else int(box["y"] + box["height"] + 24)


def keep(page: Page, path: Path, *, height: int = HEIGHT) -> None:
    """Store what the window shows, `height` pixels of it."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_timeout(500)
    write(Image.open(io.BytesIO(page.screenshot())), path)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def write(picture: Image.Image, path: Path) -> None:
    """As WebP, small."""
    picture.convert("RGB").save(path, "WEBP", quality=82, method=6)
    print(f"{path}  {picture.width} x {picture.height}, {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()

"""How fast the app's tabs are over a store of 50,000 outputs, in a real Chromium.

Prints how long a tab takes to show what was asked for, from the click to the picture, and how long an answer by
a key takes until the next item is there; with the machine and its load. Ends with status 1 where a bar is missed.
Wants Chromium, and Playwright from the development environment.
"""

from __future__ import annotations

import io
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from PIL import Image

from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import selection_of
from workbench.records import (
    Annotation,
    CriterionScore,
    Generation,
    Item,
    Listing,
    Verdict,
)
from workbench.rubric import dump_rubric, load_rubric
from workbench.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

OUTPUTS = 50_000
DRAWN = 600
PICTURES = 500
ANSWERS = 8
MODES = ("wrong_product", "wrong_color", "wrong_aspect", "unseen_claim", "bad_title")
BARS = {
    "first grid": 1500,
    "filter": 300,
    "another filter": 300,
    "item": 1000,
    "answer by key": 1000,
}
"""Milliseconds; the first grid is the first after the store was read."""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit(
            "Chromium is not installed: sudo apt-get install -y --no-install-recommends chromium"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        fill(folder)
        server, address = start(folder)
        try:
            found = measure(chromium, address)
        finally:
            server.terminate()
            server.wait(timeout=60)
    for what, milliseconds in found.items():
        wanted = f" (at most {BARS[what]:,})" if what in BARS else ""
        print(f"{what:<28}{milliseconds:>8,.0f} ms{wanted}")
    machine = platform.processor() or platform.machine()
    print(
        f"{machine}, {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {OUTPUTS:,} outputs"
    )
    missed = [what for what, most in BARS.items() if found[what] > most]
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


def fill(folder: Path) -> None:
    """A store of listings with verdicts, and an audit of which three quarters are answered."""
    rng = np.random.default_rng(0)
    rubric = load_rubric("listing")
    with Store.open(folder) as store:
        store.add_rubric(rubric.name, rubric.version, rubric.digest, dump_rubric(rubric))
        photos = []
        for number in range(PICTURES):
            out = io.BytesIO()
            pixels = np.random.default_rng(number).integers(40, 220, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((256, 256)).save(out, "PNG")
            photos.append(store.images.put(out.getvalue()))
        items, made, said = [], [], []
        for number in range(OUTPUTS):
            category, photo = f"category {rng.integers(30)}", photos[number % PICTURES]
            title = f"{rng.choice(['Red', 'Blue'])} {rng.choice(['mug', 'hat', 'lamp'])} {number}"
            confidence, key = float(rng.beta(2, 2)), f"{number:064x}"
            items.append(Item(id=f"big/{number}", category=category, photos=(photo,), title=title))
            made.append(
                Generation(
                    key=key, kind="listing", category=category, model=f"hf:writer-{number % 2}", revision="r",
                    prompt="Describe the photo.", item=f"big/{number}", inputs=(photo,),
                    listing=Listing(title=title, aspects={"Color": ("red",)}, price=12.5),
                )
            )  # fmt: skip
            approved = confidence >= 0.5
            said.append(
                Verdict(
                    key=f"v{key[1:]}", generation=key, judge="hf:judge", revision="j", rubric=rubric.label,
                    scores=(CriterionScore(criterion="color", score=1 + confidence, by="hf:judge"),),
                    approved=approved, confidence=confidence,
                    failure_modes=() if approved else (MODES[number % len(MODES)],),
                )
            )  # fmt: skip
        for records in (items, made, said):
            for at in range(0, OUTPUTS, 5000):
                store.add(records[at : at + 5000])
        audit = draw_from(store, selection_of(said, made, part=None), size=DRAWN, seed=1)
        store.add([audit])
        store.add(
            [
                Annotation(
                    id=f"ben/{one.generation}", generation=one.generation, annotator="ben@shop.example",
                    rubric=rubric.label, approved=bool(rng.random() < 0.6), audit=audit.id,
                )
                for place, one in enumerate(audit.drawn)
                if place % 4
            ]
        )  # fmt: skip


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The app over `folder`, and the address that signs in."""
    server = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "app", "--store", str(folder), "--port", "0", "--as", "ada"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"Open (http\S+)", line):
            return server, found[1]
    sys.exit("the app did not start")


def measure(chromium: str, address: str) -> dict[str, float]:
    """Milliseconds by what was done."""
    from playwright.sync_api import sync_playwright

    found: dict[str, float] = {}
    base = address.partition("/login")[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(300_000)
        page.goto(address)

        def opened(path: str, there: str) -> Callable[[], None]:
            return lambda: (page.goto(base + path), page.wait_for_selector(there))[0] and None

        found["store read, first grid"] = timed(opened("/failures", ".grid > li img"))
        found["first grid"] = timed(opened("/failures", ".grid > li img"))
        found["filter"] = timed(lambda: chosen(page, "judge"))
        found["another filter"] = timed(lambda: chosen(page, "category"))
        page.goto(base + "/failures")
        page.wait_for_selector(".grid > li img")
        found["item"] = timed(
            lambda: (page.click(".grid > li a"), page.wait_for_selector("article.one"))[0]
        )
        found["calibration"] = timed(opened("/calibration", "h1.answer"))
        found["correct"] = timed(opened("/correct", "#modes label"))
        found["answer by key"] = statistics.median(
            timed(lambda key=key: answered(page, key)) for key in ("yn" * ANSWERS)[:ANSWERS]
        )
        found["failures after answers"] = timed(opened("/failures", ".grid > li img"))
        browser.close()
    return found


def chosen(page: Page, name: str) -> None:
    """Choose the first value of a filter, and wait until other outputs are counted."""
    before = page.inner_text(".count")
    page.select_option(f"select[name={name}]", index=1)
    page.wait_for_function(
        "(before) => document.querySelector('.count').innerText !== before", arg=before
    )


def answered(page: Page, key: str) -> None:
    """Answer by a key, and wait for the next item."""
    field = "document.querySelector('#item-key textarea, #item-key input').value"
    before = page.evaluate(field)
    page.keyboard.press(key)
    page.wait_for_function(f"(before) => {field} !== before", arg=before)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()

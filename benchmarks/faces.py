"""How fast the notebook's view is with 50,000 items, in a real JupyterLab and a real Chromium.

Prints the time to the first pictures, of a filter until the grid is painted anew, threshold updates per
second while the line is dragged, and the page's memory (JavaScript's heap, after collection), with the machine.
Beside the time on the clock stands the processor's time that the page took, which the machine's other work does
not lengthen. Ends with status 1 where a bar is missed. Wants Chromium, and Playwright from the development
environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Page

ITEMS = 50_000
ANSWERED = 600
PICTURES = 50_000
"""Different ones."""
FILTERS = 9

CELL = f"""
import io, numpy as np, pandas as pd
from PIL import Image
from annotation.notebook import show
rng = np.random.default_rng(0)
n = {ITEMS}
def picture(number):
    out = io.BytesIO()
    tone = tuple(int(x) for x in np.random.default_rng(number).integers(40, 220, 3))
    Image.new("RGB", (256, 256), tone).save(out, "JPEG")
    return out.getvalue()
photos = [picture(i) for i in range({PICTURES})]
score = rng.beta(2, 2, n)
drawn = rng.random(n) < {ANSWERED} / n
frame = pd.DataFrame({{
    "key": [f"k{{i}}" for i in range(n)],
    "title": [f"{{c}} {{m}} no. {{i}}" for i, (c, m) in enumerate(zip(rng.choice(["red", "blue", "green"], n), rng.choice(["mug", "hat", "lamp"], n)))],
    "category": rng.choice([f"category {{i}}" for i in range(30)], n), "model": rng.choice(["a", "b"], n),
    "approved": score >= 0.5, "confidence": score, "price": rng.lognormal(3, 1, n),
    "answer": [bool(rng.random() < s) if d else None for s, d in zip(score, drawn)],
    "inclusion_probability": [{ANSWERED} / n if d else None for d in drawn],
    "x": rng.normal(size=n), "y": rng.normal(size=n), "image": [photos[i % {PICTURES}] for i in range(n)],
}})
"""

SHOWN = "import time; print('BEGAN', 1000 * time.time())\nview = show(frame)\nview"
# Runs in the page from its start: when the first picture of the grid is there, by the clock that Python reads too.
FIRST = """(() => {
  const look = () => {
    const first = document.querySelector('.cwb-view .tile img');
    if (first?.complete && first.naturalWidth) window.firstPicture = Date.now();
    else requestAnimationFrame(look);
  };
  look();
})()"""
FILTER = """async (number) => {
  const painted = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go, 0)));
  await painted();
  const began = performance.now();
  document.querySelectorAll('.cwb-view .chip')[number].click();
  await painted();
  return performance.now() - began;
}"""


# A move per frame, as a hand makes them; Playwright's own would each wait for an answer.
DRAG = """async () => {
  const slider = document.querySelector('.cwb-view .slider');
  const box = slider.getBoundingClientRect();
  const began = performance.now();
  for (let step = 0; performance.now() - began < 5000; step += 1) {
    await new Promise((go) => requestAnimationFrame(go));
    const clientX = box.left + 60 + (step * 7) % 240;
    slider.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY: box.top + 60 }));
  }
  return performance.now() - began;
}"""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit(
            "Chromium is not installed: sudo apt-get install -y --no-install-recommends chromium"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, address = _start(folder)
        try:
            missed = _measure(chromium, folder, address)
        finally:
            server.terminate()
            server.wait(timeout=30)
    machine = platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    print(
        f"{machine}, {psutil.cpu_count()} cores, load {load:.1f}; {ITEMS:,} items, {PICTURES:,} pictures"
    )
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
         "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"],
        env={**os.environ, **{one: str(folder / one.lower()) for one in names}},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/api?token=secret", timeout=5).close()
            return server, address
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    server.terminate()
    sys.exit("JupyterLab did not start")


def _measure(chromium: str, folder: Path, address: str) -> list[str]:
    from nbformat import v4
    from playwright.sync_api import sync_playwright

    book = v4.new_notebook(cells=[v4.new_code_cell(CELL), v4.new_code_cell(SHOWN)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (folder / "faces.ipynb").write_text(json.dumps(book))
    bars = Bars()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(400_000)
        page.add_init_script(FIRST)
        page.goto(f"{address}/lab/tree/faces.ipynb?token=secret&reset")
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        )
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && 1")
        page.wait_for_function("window.firstPicture")
        said = page.locator(".jp-OutputArea-output pre", has_text="BEGAN").inner_text()
        first = page.evaluate("window.firstPicture") - float(said.split()[1])
        bars.tell("first pictures", first, 1500, "ms")
        walls, cpus = [], []
        for number in range(FILTERS):
            cpu = _seconds()
            walls.append(page.evaluate(FILTER, number))
            cpus.append(1000 * (_seconds() - cpu))
        bars.tell(
            "a filter, painted", statistics.median(walls), 300, "ms", cpu=statistics.median(cpus)
        )
        page.click(".cwb-view header .link")
        page.click("[data-panel=threshold]")
        box = page.locator(".cwb-view .slider").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 60, box["y"] + 60)
        page.mouse.down()
        before, cpu = _updates(page), _seconds()
        spent = page.evaluate(DRAG) / 1000
        updates = _updates(page) - before
        page.mouse.up()
        bars.tell(
            "threshold updates", updates / spent, 20, "per second", most=False,
            cpu=1000 * (_seconds() - cpu) / max(1, updates),
        )  # fmt: skip
        page.click("[data-panel=map]")
        page.wait_for_selector(".cwb-view canvas")
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        bars.tell(
            "heap of the page", session.send("Runtime.getHeapUsage")["usedSize"] / 1e6, 500, "MB"
        )
        print(f"{page.locator('.cwb-view .tile').count()} elements in the grid")
        browser.close()
    return bars.missed


class Bars:
    """Prints what was measured, and remembers which bars were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def tell(
        self,
        what: str,
        found: float,
        bar: float,
        unit: str,
        *,
        most: bool = True,
        cpu: float | None = None,
    ) -> None:
        """Print one number beside its bar: at most so much, or at least where `most` is False."""
        if (found > bar) == most:
            self.missed.append(what)
        wanted = f"{'at most' if most else 'at least'} {bar:,}"
        own = "" if cpu is None else f"; {cpu:,.0f} ms of the processor" + ("" if most else " each")
        print(f"{what:<20}{found:>8,.0f} {unit:<11}({wanted}{own})", flush=True)


def _updates(page: Page) -> int:
    return int(page.get_attribute("[data-updates]", "data-updates") or 0)


def _seconds() -> float:
    """Processor's time of all renderers of the browser that this process started."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--type=renderer" in child.cmdline():
                total += sum(child.cpu_times()[:2])
    return total


if __name__ == "__main__":
    main()

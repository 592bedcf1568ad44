"""What tests of pages in a browser share: projects of tasks, somebody who is logged in, and what the server holds then."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from urllib.parse import quote

import pytest
from PIL import Image

from annotation.label_studio.interfaces import (
    build_interface,
    instructions,
    read_result,
    task_data,
)
from workbench.records import Generation, Listing

NASTY = (
    "<script>document.title = 'owned'</script><b>\"it's\" & $title $aspects[0].name</b> 🎁 مرحبا"
)


def image(number: int = 0, **fields) -> Generation:
    return Generation(
        key=f"{number:064}", kind="image", category="mugs", model="m", revision="r",
        **{"prompt": f"A mug, {NASTY}", "image": "sha256:a", **fields},
    )  # fmt: skip


def listing(number: int = 0, **fields) -> Generation:
    made = Listing(title=NASTY, aspects={"Color": ("Red",), "Lid": ("$price",)}, price=9.5)
    return Generation(
        key=f"{number:064}", kind="listing", category="mugs", model="m", revision="r", prompt="p",
        **{"inputs": ("sha256:a", "sha256:b"), "listing": made, **fields},
    )  # fmt: skip


@pytest.fixture(scope="module")
def page_pictures(media):
    folder = media / "interfaces"
    folder.mkdir(exist_ok=True)
    for name, color in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (200, 150), color).save(folder / f"{name}.png")
    return {f"sha256:{n}": f"/data/local-files/?d={quote(f'interfaces/{n}.png')}" for n in "ab"}


@pytest.fixture
def ask(client, project, page_pictures, media):
    """Makes a project of tasks, and gives its number and interface."""

    def make(kind, rubric, generations, predictions=(), **options):
        interface = build_interface(kind, rubric, **options)
        fields = {"expert_instruction": instructions(interface, pictures=page_pictures)}
        number = project(interface.config, **fields)
        storage = {"project": number, "path": str(media / "interfaces"), "use_blob_urls": True}
        client.request("POST", "/api/storages/localfiles", doing="serve pictures", json=storage)
        tasks = []
        for generation in generations:
            against = replace(
                generation, key="f" * 64, **({"image": "sha256:b"} if generation.image else {})
            )
            data = task_data(
                interface, generation, None, pictures=page_pictures,
                against=against if kind == "pair" else None,
            )  # fmt: skip
            tasks.append({"data": data})
        for task, found in zip(tasks, predictions, strict=False):
            task["predictions"] = [found]
        client.request("POST", f"/api/projects/{number}/import", doing="import", json=tasks)
        return number, interface

    return make


def answers(client, interface, number, count):
    """What the server holds, read as soon as `count` tasks are answered."""
    for _ in range(100):
        tasks = client.get(
            f"/api/projects/{number}/export", doing="export", params={"exportType": "JSON"}
        )
        if len(tasks) >= count:
            break
        time.sleep(0.1)
    found = {t["data"]["generation"]: (t["annotations"][0]["result"], t["data"]) for t in tasks}
    return {key: read_result(interface, *one) for key, one in found.items()}, found


@pytest.fixture(scope="module")
def people(browser, server):
    """A browser in which somebody is logged in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{server.url}/user/login")
    page.fill("input[name=email]", server.admin.email)
    page.fill("input[name=password]", server.admin.password)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile("/projects|/$"))
    page.close()
    return context


@pytest.fixture
def labelling(people, server):
    """Opens a project's next open task as annotators do."""
    pages = []

    def open_next(number, width=1440, height=900):
        page = people.new_page()
        page.set_viewport_size({"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(60_000)  # a busy machine draws the page slowly
        page.goto(f"{server.url}/projects/{number}/data?labeling=1")
        page.wait_for_selector(".wb")
        page.wait_for_selector("button:has-text('Submit'):enabled")
        return page

    yield open_next
    for page in pages:
        page.close()


def send(page):
    """Ctrl+Enter, until the page has gone on."""
    with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST"):
        page.keyboard.press("Control+Enter")


def refuse(page, words):
    """Ctrl+Enter, which the page answers with `words`; then they are put away."""
    page.keyboard.press("Control+Enter")
    warning = page.locator(f"text={words}")
    warning.wait_for()
    for _ in range(20):  # a warning that is still coming in does not hear the key
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        if not warning.is_visible():
            return
    raise AssertionError(f"the warning stays: {words}")

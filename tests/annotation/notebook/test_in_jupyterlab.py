"""The view in a real JupyterLab: filtered, marked and answered as a person does it, and still there later."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from workbench.records import Annotation, Correction
from workbench.store import Store

ANNA = "anna@example.com"
LAST = "print('SAYS', view.threshold, len(view.shown), sorted(view.selected['key']))"


def notebook(lab, store, name, *, options=f"annotator={ANNA!r}"):
    first = f"from annotation.notebook import show\nfrom workbench.store import Store\nstore = Store.open({str(Path(store.url).parent)!r})"
    return lab.notebook(name, first, f"view = show(store, {options})\nview", LAST)


def answers(store):
    found = store.annotations(annotator=ANNA)
    return {one.generation: one for one in store.records(Annotation, list(found["id"]))}


def save_and_reload(page):
    """As a person does who closes the tab and comes back."""
    page.command("docmanager:save")
    page.page.wait_for_timeout(1000)
    page.page.reload()
    page.page.wait_for_selector(".cwb-view[data-ready]")


def eventually(check, seconds=20):
    """Wait until `check()` is true: the browser saves a moment after a key."""
    give_up = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < give_up, "it did not come"
        time.sleep(0.05)


def test_filters_cells_lines_and_marks_come_back_to_python(lab, opened, writable):
    page = opened(notebook(lab, writable, "filters.ipynb"))
    page.run_all()
    view = page.page.locator(".cwb-view")
    assert view.locator("header .shown").inner_text() == "35 of 35 items"
    # Only what is on the screen is there, and a title that would like to be markup is text.
    assert view.locator(".tile").count() < 35
    assert view.locator(".tile img").first.get_attribute("src").startswith("blob:")
    assert view.locator(".tile", has_text="<img src=x").count() == 1
    assert view.locator("script").count() == 0 and page.page.title() != "owned"
    # A cell of the matrix opens its items.
    cell = view.locator("[data-cell='approved-not answered']")
    wanted = int(cell.inner_text())
    cell.click()
    view.get_by_text(f"{wanted} of 35 items").wait_for()
    view.locator(".tile").nth(1).click()
    view.locator(".tile").nth(2).click(modifiers=["Control"])
    view.get_by_role("tab", name="Threshold").click()
    slider = view.get_by_role("slider")
    slider.press("Home")
    slider.press("ArrowRight")
    said = slider.get_attribute("aria-valuetext")
    assert "Precision" in said and "Recall" in said
    threshold, shown, keys = page.printed("SAYS").split(" ", 2)
    assert abs(float(threshold) - float(slider.get_attribute("aria-valuenow"))) < 1e-12
    assert int(shown) == wanted and len(json.loads(keys.replace("'", '"'))) == 2
    assert page.faults == [] and page.foreign == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_no_panel_has_a_serious_fault_of_accessibility(lab, opened, filled, serious, theme):
    page = opened(notebook(lab, filled, f"{theme.split()[1].lower()}.ipynb"))
    page.command("apputils:change-theme", theme=theme)
    page.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    page.run_all()
    view = page.page.locator(".cwb-view")
    view.locator(".tile").first.click()
    found = {}
    for tab in view.get_by_role("tab").all():
        tab.click()
        page.page.wait_for_timeout(200)
        if faults := serious(page.page, ".cwb-view"):
            found[tab.inner_text()] = faults
    assert not found, json.dumps(found, indent=1)


@pytest.mark.slow
def test_answers_by_keys_survive_a_reload_and_a_restart(lab, opened, writable):
    page = opened(notebook(lab, writable, "keys.ipynb"))
    page.run_all()
    view = page.page.locator(".cwb-view")
    view.get_by_role("button", name="Hide judge").click()
    view.get_by_role("tab", name="Answer").click()
    view.locator(".card").wait_for()
    press = page.page.keyboard.press
    cells = page.page.locator(".jp-Cell").count()
    began = time.monotonic()
    for number, key in enumerate("ynyny", 1):
        press(key)
        eventually(lambda wanted=number: len(answers(writable)) == wanted)
    each = (time.monotonic() - began) / 5
    assert each < 3, f"an answer took {each:.1f} s"
    press("2")
    press("t")
    page.page.keyboard.type("A better title")
    press("Enter")
    press("n")
    eventually(lambda: len(answers(writable)) == 6)
    (corrected,) = [one for one in answers(writable).values() if one.failure_modes]
    assert corrected.failure_modes == ("wrong_product",) and corrected.approved is False
    assert writable.find(Correction, f"{corrected.id}#title").after == "A better title"
    press("s")
    eventually(lambda: len(answers(writable)) == 7)
    press("z")
    eventually(lambda: sum(one.state == "deleted" for one in answers(writable).values()) == 1)
    assert page.page.locator(".jp-Cell").count() == cells, "the notebook heard the keys too"
    # Reload: the kernel lives on, and so does the view.
    save_and_reload(page)
    view.locator(".foot", has_text="6 answered by you").wait_for()
    assert view.get_by_role("button", name="Hide judge").get_attribute("aria-pressed") == "true"
    # Another kernel: the cell is run again.
    page.page.evaluate(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    page.run_all()
    view.locator(".foot", has_text="6 answered by you").wait_for()
    assert all(one.seconds is not None for one in answers(writable).values())
    foreign = [fault for fault in page.faults if "cwb" in fault or "blob:" in fault]
    assert foreign == [] and page.foreign == []


@pytest.mark.slow
def test_a_lasso_marks_and_two_models_stand_side_by_side(lab, opened, writable, tmp_path):
    vectors = tmp_path / "vectors.json"
    keys = list(writable.generations(kind="listing")["key"])
    vectors.write_text(
        json.dumps({key: [float(i % 7), float(i % 5), float(i)] for i, key in enumerate(keys)})
    )
    options = f"embeddings=__import__('json').load(open({str(vectors)!r}))"
    page = opened(notebook(lab, writable, "map.ipynb", options=options))
    page.run_all()
    view = page.page.locator(".cwb-view")
    view.get_by_role("tab", name="Map").click()
    box = view.locator("canvas").bounding_box()
    mouse = page.page.mouse
    x, y, w, h = (box[name] for name in ("x", "y", "width", "height"))
    mouse.move(x + 1, y + 1)
    mouse.down()
    for a, b in ((w / 2, 1), (w / 2, h - 1), (1, h - 1), (1, 1)):
        mouse.move(x + a, y + b, steps=4)
    mouse.up()
    view.locator("header .marked", has_text="selected").wait_for()
    marked = int(view.locator("header .marked").inner_text().split()[0])
    found = json.loads(page.printed("SAYS").split(" ", 2)[2].replace("'", '"'))
    assert 0 < marked < len(keys) and len(found) == marked
    view.get_by_role("tab", name="Compare").click()
    view.get_by_text("16 items that both described").wait_for()
    assert view.locator(".pairs li").count() == 16
    view.get_by_role("checkbox").check()
    differ = int(view.locator(".panel .about").first.inner_text().rpartition("of ")[2].rstrip("."))
    assert view.locator(".pairs li").count() == differ
    view.locator(".chip", has_text="hf:painter").click()
    view.locator(".tile").last.click()
    view.get_by_role("tab", name="Item").click()
    view.locator(".attempts ins", has_text="soft light").wait_for()
    assert view.locator(".attempts li").count() == 3
    assert page.faults == [] and page.foreign == []


@pytest.mark.slow
def test_nothing_and_no_audit_are_told_in_words(lab, opened, tmp_path):
    with Store.open(tmp_path / "empty") as store:
        page = opened(notebook(lab, store, "empty.ipynb"), width=800)
        page.run_all()
        view = page.page.locator(".cwb-view")
        view.get_by_text("There are no items yet").wait_for()
        for tab, words in (("Judge", "Nothing has been judged yet"), ("Threshold", "no confidence"), ("Map", "There is no map"),
                           ("Item", "No item fits"), ("Compare", "nothing to compare"), ("Answer", "nothing says which")):  # fmt: skip
            view.get_by_role("tab", name=tab).click()
            view.locator(".panel", has_text=words).wait_for()
        assert page.faults == [] and page.foreign == []


@pytest.mark.slow
def test_notebook_7_hears_the_same_keys(notebook_7, opened, writable):
    page = opened(notebook(notebook_7, writable, "seven.ipynb"))
    page.run_all()
    view = page.page.locator(".cwb-view")
    cells = page.page.locator(".jp-Cell").count()
    view.get_by_role("tab", name="Answer").click()
    view.locator(".card").wait_for()
    for number, key in enumerate("yn", 1):
        page.page.keyboard.press(key)
        eventually(lambda wanted=number: len(answers(writable)) == wanted)
    page.page.keyboard.press("z")
    eventually(lambda: sum(one.state == "deleted" for one in answers(writable).values()) == 1)
    assert page.page.locator(".jp-Cell").count() == cells, "the notebook heard the keys too"
    save_and_reload(page)
    view.locator(".foot", has_text="1 answered by you").wait_for()
    faults = [fault for fault in page.faults if "cwb" in fault or "blob:" in fault]
    assert faults == [] and page.foreign == []

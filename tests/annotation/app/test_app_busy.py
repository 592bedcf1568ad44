"""A store that another program holds, and one person at one item in two windows: what the page says, and what is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager

import pytest

from workbench.calibration.audited import find_audit, rubric_of
from workbench.errors import StoreError
from workbench.records import Annotation
from workbench.store import Store, _engine

ANNA = "anna@shop.example"


def drawn(server, place):
    with server.store() as store:
        return find_audit(store).drawn[place].generation


def said(server, key):
    with server.store() as store:
        found = store.annotations(generation=key, annotator=ANNA, history=True)["id"]
        return next(iter(store.records(Annotation, list(dict.fromkeys(found)))), None)


@contextmanager
def held(folder):
    """Another program writes, and does not end."""
    with closing(sqlite3.connect(folder / "workbench.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def opened(visit, served, key):
    seen = visit(served, ANNA)
    seen.open(f"/correct?item={key}", wait="#item")
    seen.page.wait_for_selector("#modes label")
    return seen


def test_a_busy_store_is_told_soon_and_the_answer_goes_in_when_it_is_free(served, visit):
    key = drawn(served, 7)
    seen = opened(visit, served, key)
    seen.page.fill("#field-title textarea", "A title that waits")
    with held(served.folder):
        seen.page.click("#key-y")
        seen.page.wait_for_selector("#busy", timeout=10_000)
        assert "goes on trying" in seen.text("#said") and "Kept" not in seen.text("#said")
        seen.page.wait_for_function("document.querySelector('#correct').inert")
        seen.page.keyboard.press("n")
        other = visit(served)
        other.open("/failures", wait=".grid > li")
        assert seen.page.input_value("#field-title textarea") == "A title that waits"
        assert said(served, key) is None
    seen.page.wait_for_selector("#said .note.good")
    assert "Kept: suitable, 1 field corrected" in seen.text("#said")
    seen.page.wait_for_function("!document.querySelector('#correct').inert")
    assert said(served, key).approved is True
    with held(served.folder):
        seen.page.keyboard.press("z")
        seen.page.wait_for_selector("#busy", timeout=10_000)
    seen.page.wait_for_function("document.querySelector('#said').innerText.includes('Taken back')")
    assert said(served, key).state == "deleted"


def test_what_a_busy_store_refused_is_taken_back_later(tmp_path, notebook_fill, monkeypatch):
    from annotation.notebook._labels import Labels, Word

    monkeypatch.setattr(_engine, "WAIT_SECONDS", 0.2)
    with Store.open(tmp_path) as store:
        notebook_fill(store, items=16, drawn=12)
        audit = find_audit(store)
        rubric = rubric_of(store, audit.rubric)
        labels = Labels(store, annotator=ANNA, rubric=rubric, audit=audit)
        key = audit.drawn[0].generation
        labels.save(key, Word(approved=True))
        with held(tmp_path), pytest.raises(StoreError, match="another writer has held it"):
            labels.undo()
        assert labels.own(key).approved is True
        assert labels.undo() == key and labels.own(key) is None and labels.undo() is None


def test_one_person_in_two_windows_is_told_what_they_said_in_the_other(served, visit):
    key = drawn(served, 10)
    first, second = (opened(visit, served, key) for _ in range(2))
    second.page.fill("#field-title textarea", "The title of the other window")
    second.page.click("#key-n")
    second.page.wait_for_selector("#said .note.good")
    assert "another window" not in second.text("#said")
    first.page.click("#key-y")
    first.page.wait_for_selector("#said .told-other")
    told = first.page.locator("#said .told-other", has_text="You had answered").inner_text()
    assert "not suitable" in told and "corrected: title" in told
    assert said(served, key).approved is True
    first.page.click("#key-z")
    first.page.wait_for_function("document.querySelector('#said').innerText.includes('Taken back')")
    assert said(served, key).approved is False
    assert first.page.input_value("#field-title textarea") == "The title of the other window"

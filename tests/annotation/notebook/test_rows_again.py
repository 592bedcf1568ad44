"""Answers that come in are shown without reading every output again, and say the same as if they had been."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from annotation.app import Gate, Live
from annotation.app._desk import Desk
from annotation.notebook import _rows
from annotation.notebook._rows import answered_since, rows_of_store
from workbench.records import Annotation


def answer(store, rows, place):
    """Carla answers what the audit drew at `place`."""
    key = rows.audit.drawn[place].generation
    said = next(store.records(Annotation))
    mine = replace(said, id=f"carla/{key}", generation=key, annotator="carla", approved=False)
    store.add([replace(mine, failure_modes=("bad_title",), note=None)])
    return key


def test_only_answers_are_read_again_and_say_the_same(writable):
    before = rows_of_store(writable)
    key = answer(writable, before, 0)
    again, anew = answered_since(writable, before), rows_of_store(writable)
    pd.testing.assert_frame_equal(again.frame, anew.frame)
    assert again.audited.calibration.to_json() == anew.audited.calibration.to_json()
    assert again.audited.population == anew.audited.population
    row = again.frame.set_index("key").loc[key]
    assert (row["people"], row["people named"]) == ("not suitable", ("bad_title",))
    assert before.frame.set_index("key").loc[key, "people"] == "not answered"


def test_the_desk_reads_outputs_once_and_answers_when_they_come(writable, monkeypatch):
    read = []
    real = _rows._store_frame
    monkeypatch.setattr(_rows, "_store_frame", lambda *given: read.append(1) or real(*given))
    desk = Desk(writable, gate=Gate(), live=Live(answer=str))
    first = desk.rows()
    key = answer(writable, first, 0)
    assert desk.rows() is first, "nobody said that something changed"
    desk.changed()
    assert desk.rows(answers=False) is first, "who corrects does not wait"
    now = desk.rows()
    assert now.frame.set_index("key").loc[key, "people"] == "not suitable"
    desk.changed()
    assert desk.rows() is now, "nothing new was said"
    assert read == [1]

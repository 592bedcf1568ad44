"""Two servers that began from one data folder: the second one's answers overwrite and delete none of the first's."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from annotation.label_studio import _copies, connect, pull, stop_server
from annotation.label_studio._copies import refuse_copy
from workbench.errors import LabelStudioError
from workbench.records import Annotation

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def answer(task, number, made):
    return Annotation(
        id=f"label_studio:ab/7/{task}/{number}", generation="g", annotator="a", rubric="r@1",
        approved=True, created_at=made,
    )  # fmt: skip


def check(stored, given, missing=(), touched=None):
    known = {one.id: one.created_at for one in stored}
    refuse_copy(7, known, given, [one.id for one in missing], touched or {})


def test_numbers_of_one_server_stay_with_their_answers():
    old, new = answer(1, 40, NOON), answer(2, 41, NOON + HOUR)
    check([old], [old, new])
    check([old, new], [], missing=[old], touched={1: NOON + HOUR})
    check([old], [], missing=[old], touched={1: NOON - timedelta(seconds=30)})  # a clock set back
    for other in (answer(1, 40, NOON + HOUR), answer(2, 40, NOON + HOUR)):
        with pytest.raises(LabelStudioError, match=r"answer 40 was given at 2026-11-01 13:00:00"):
            check([old], [other])
    with pytest.raises(LabelStudioError, match="is not here, where its task was last changed at"):
        check([old], [], missing=[old], touched={1: NOON - HOUR})


def test_a_second_copy_of_a_server_is_refused_and_the_first_one_goes_on(
    desk, server, start_for_tests, server_place, monkeypatch
):
    monkeypatch.setattr(_copies, "SKEW", timedelta(0))
    at = desk(8, 4)
    at.say(at.tasks[0], note="before")
    at.pull()
    copy = server_place / "copied"
    shutil.copytree(
        server.folder, copy, ignore=shutil.ignore_patterns("process.json", "credentials.json")
    )
    at.say(at.tasks[1], note="in the first")
    at.pull()
    held = at.history().drop(columns=["recorded_at"])
    running = start_for_tests(copy)
    try:
        with connect(running.credentials) as second:
            (failed,) = (f for f in pull(second, at.store).failed if f.project.id == at.project.id)
            assert "copy or an old backup" in failed.reason
            at.say(at.tasks[2], note="in the second", by=second)
            at.say(at.tasks[1], note="in the second", by=second)
            (failed,) = (f for f in pull(second, at.store).failed if f.project.id == at.project.id)
            assert "copy or an old backup" in failed.reason
    finally:
        stop_server(copy)
    assert at.history().drop(columns=["recorded_at"]).equals(held)
    at.say(at.tasks[3])
    assert at.pull().new == 1

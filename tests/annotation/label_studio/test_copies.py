"""Two servers that began from one data folder: the second one's answers overwrite and delete none of the first's."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from annotation.label_studio import _copies, connect, pull, stop_server
from annotation.label_studio._copies import Known, Odd, Seen, refuse_copy
from workbench.errors import LabelStudioError
from workbench.records import Annotation

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def answer(task, number, made):
    return Annotation(
        id=f"label_studio:ab/7/{task}/{number}", generation="g", annotator="a", rubric="r@1",
        approved=True, created_at=made,
    )  # fmt: skip


def seen(project, stored, given=(), *, missing=(), touched=None, now=NOON + HOUR):
    known = {
        one.id: Known(created=one.created_at, said=one.updated_at or one.created_at, stands=True)
        for one in stored
    }
    ids = [one.id for one in missing]
    return Seen(
        project=project, known=known, given=given, left=(), missing=ids, touched=touched or {}, now=now
    )  # fmt: skip


def check(*args, **kwargs):
    return refuse_copy([seen(7, *args, **kwargs)])


def test_numbers_of_one_server_stay_with_their_answers():
    old, new = answer(1, 40, NOON), answer(2, 41, NOON + HOUR)
    nothing = Odd(moved={}, lost=set())
    assert check([old], [old, new]) == nothing
    assert check([old, new], [], missing=[old], touched={1: NOON + HOUR}) == nothing
    with pytest.raises(LabelStudioError, match=r"was given at 2026-11-01 13:00:00"):
        check([old], [answer(1, 40, NOON + HOUR)])
    with pytest.raises(LabelStudioError, match="is not here, where its task was last changed at"):
        check([old], [], missing=[old], touched={1: NOON - HOUR})


def test_an_answer_that_was_not_deleted_is_lost():
    old = answer(1, 40, NOON)
    shortly = NOON - timedelta(seconds=30)
    assert check([old], [], missing=[old], touched={1: shortly}).lost == {old.id}
    # Said in the server's future: its clock was fast.
    assert check([old], [], missing=[old], touched={1: NOON - HOUR}, now=shortly - HOUR).lost


def test_an_answer_under_another_task_was_moved():
    old, there = answer(1, 40, NOON), answer(2, 40, NOON)
    found = check([old], [there], missing=[old], touched={1: NOON - HOUR})
    assert (found.moved, found.lost) == ({there.id: old.id}, set())


def test_numbers_go_through_all_projects_of_a_server():
    """On a copy the same person answers the same task: only another project's number tells."""
    first = seen(7, [answer(1, 40, NOON)], missing=[answer(1, 40, NOON)], touched={1: NOON})
    other = seen(8, [answer(9, 41, NOON)], [answer(9, 40, NOON + HOUR)])
    with pytest.raises(LabelStudioError, match="answer 40 of project 8 was given at"):
        refuse_copy([first, other])


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

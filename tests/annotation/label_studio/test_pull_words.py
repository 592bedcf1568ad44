"""Which word of a person counts: the latest one that they gave, however often and in which order it is seen."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

from workbench.records import Annotation


def test_what_a_person_says_again_is_their_latest_word(desk):
    """A, B and A again are three words; the same state read twice is none."""
    at = desk()
    task = at.tasks[0]
    number = at.say(task)
    assert (at.pull().new, at.pull().changed) == (1, 0)
    first = at.store.find(Annotation, at.id(task, number))
    at.change(task, number)  # pressed Update, and changed nothing
    assert (at.pull().changed, at.pull().changed) == (1, 0)
    again = at.store.find(Annotation, at.id(task, number))
    assert (again.approved, again.created_at) == (first.approved, first.created_at)
    assert again.updated_at > first.updated_at
    at.change(task, number, approved=False)
    at.change(task, number)  # nobody pulled in between
    assert at.pull().changed == 1
    at.change(task, number, approved=False)
    assert at.pull().changed == 1
    at.change(task, number)
    assert (at.pull().changed, at.pull().changed) == (1, 0)
    assert at.history()["approved"].tolist() == [True, True, True, False, True]
    assert at.history()["updated_at"].is_monotonic_increasing


def test_an_older_word_that_the_server_shows_is_told_and_the_later_one_stays(desk, server):
    """As a server does that was put back from a backup."""
    at = desk()
    task, other = at.tasks[:2]
    number = at.say(task, approved=False)
    at.pull()
    at.change(task, number)
    at.pull()
    later = at.store.find(Annotation, at.id(task, number))
    database = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
    with database:
        moment = (later.updated_at - timedelta(minutes=3)).strftime("%Y-%m-%d %H:%M:%S.%f")
        database.execute(
            "UPDATE task_completion SET updated_at = ?, result = ? WHERE id = ?",
            (moment, json.dumps(at.result(task, approved=False)), number),
        )
        database.execute("UPDATE task SET updated_at = updated_at WHERE id = ?", (task["id"],))
    database.close()
    at.say(other)
    for new in (1, 0):
        found = at.pull()
        (left,) = found.left
        assert (found.new, found.changed, left.annotation) == (new, 0, number)
        assert "holds what they said later" in left.reason
    assert at.store.find(Annotation, at.id(task, number)) == later
    at.change(task, number, approved=False)
    assert (at.pull().changed, at.pull().left) == (1, ())
    assert at.store.find(Annotation, at.id(task, number)).approved is False

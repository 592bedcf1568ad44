"""Servers that were killed, put back, set back, limited or replaced: what people said stays what it was."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager

import pytest
from proxied import proxied

from annotation.label_studio import Question, _tasks, pull, push, withdraw
from annotation.label_studio.projects import fingerprint_of, note_withdrawn, noted_projects
from workbench.errors import LabelStudioError
from workbench.records import Annotation


@pytest.fixture
def database(server):
    """Statements that are run in the server's database behind its back."""

    @contextmanager
    def opened():
        connection = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
        with connection:
            yield connection
        connection.close()

    def run(*statements):
        with opened() as connection:
            return [connection.execute(*one).fetchall() for one in statements]

    return run


def uncounted(task):
    """What the server has of a task where it was killed between an answer and its counters."""
    return (
        "UPDATE task SET total_annotations = 0, is_labeled = 0, updated_at = '2020-01-01' WHERE id = ?",
        (task["id"],),
    )


def limited(size):
    """A server whose pages of tasks and projects have no more rows than this."""
    return lambda path: re.sub(r"page_size=\d+", f"page_size={size}", path)


def test_an_answer_that_the_counters_forgot_is_pulled_and_stays(desk, database):
    at = desk()
    first, second, third = at.tasks[:3]
    other = at.say(first)
    at.pull()
    number = at.say(second, note="kept")
    database(uncounted(second))
    assert at.pull().new == 1
    at.delete(other)
    at.say(third)
    found = at.pull()
    assert (found.new, found.deleted) == (1, 1), "the one that no counter knows is not deleted"
    assert at.store.find(Annotation, at.id(second, number)).note == "kept"


def test_a_withdrawal_brings_an_answer_that_the_counters_forgot(desk, database):
    at = desk()
    at.say(at.tasks[1], note="kept")
    database(uncounted(at.tasks[1]))
    assert withdraw(at.client, at.store, at.project.id).answers == 1
    assert at.store.annotations()["note"].tolist() == ["kept"]


def test_a_server_that_limits_pages_hides_nothing(desk):
    at = desk()
    with proxied(at.client, rewrite=limited(2)) as asking:
        assert len(list(_tasks.list_tasks(asking, at.project.id))) == 4
        asked = [Question(generation=g.key) for g in at.audit.generations]
        again = push(asking, at.store, asked, **at.options)
        assert (again.created, again.known) == (0, 4)
        at.say(at.tasks[3])
        (one,) = pull(asking, at.store).projects
        for task in at.tasks[:3]:
            at.say(task)
        (one,) = pull(asking, at.store).projects
        assert (one.new, one.deleted) == (3, 0)


def test_projects_that_are_deleted_while_they_are_listed_hide_no_other(desk, project):
    """Whichever of the two comes first, the pages behind it move."""
    older = project()
    at = desk()
    others, gone = [older, project()], []

    def after(method, path):
        if "/api/projects/?" in path and not gone:
            gone.extend(others)
            for number in others:
                at.client.delete_project(number)

    with proxied(at.client, rewrite=limited(1), after=after) as asking:
        listed = [one.id for one in noted_projects(asking, at.store)]
    assert (gone, listed) == (others, [at.project.id])


def test_an_answer_between_two_tries_to_delete_is_stored(desk):
    at = desk()
    tries = []

    def hook(method, path):
        if method == "DELETE" and not tries:
            tries.append(path)
            at.say(at.tasks[1], by=at.second, note="kept")
            return 502, b"{}"
        return None

    with proxied(at.client, hook=hook) as asking:
        gone = withdraw(asking, at.store, at.project.id)
    assert (gone.pulled, gone.answers, len(tries)) == (1, 1, 1)
    assert at.store.annotations()["note"].tolist() == ["kept"]


def test_a_deleted_answer_that_a_backup_brings_back_is_told_and_does_not_count(desk, database):
    at = desk()
    task = at.tasks[0]
    number = at.say(task, note="wrong")
    at.say(at.tasks[1])
    at.pull()
    database(("CREATE TABLE kept AS SELECT * FROM task_completion WHERE id = ?", (number,)))
    at.delete(number)
    assert at.pull().deleted == 1
    database(
        ("INSERT INTO task_completion SELECT * FROM kept",),
        ("DROP TABLE kept",),
        ("UPDATE task SET total_annotations = 1 WHERE id = ?", (task["id"],)),
    )
    for _ in range(2):
        found = at.pull()
        (left,) = found.left
        assert (found.changed, left.annotation) == (0, number)
        assert "knows as deleted" in left.reason
    assert at.store.find(Annotation, at.id(task, number)).state == "deleted"
    at.change(task, number, note="right")
    assert (at.pull().changed, at.pull().left) == (1, ())
    assert at.store.find(Annotation, at.id(task, number)).note == "right"


def test_an_answer_that_a_backup_lost_still_counts(desk, database):
    """A deletion moves the task's `updated_at`; here it stands before the answer, by seconds only."""
    at = desk()
    task = at.tasks[0]
    number = at.say(task)
    at.say(at.tasks[1])
    at.pull()
    made = at.store.find(Annotation, at.id(task, number)).created_at
    database(
        ("DELETE FROM task_completion WHERE id = ?", (number,)),
        (
            "UPDATE task SET total_annotations = 0, is_labeled = 0, updated_at = datetime(?, '-20 seconds') "
            "WHERE id = ?", (f"{made:%Y-%m-%d %H:%M:%S}", task["id"]),
        ),
    )  # fmt: skip
    for _ in range(2):
        found = at.pull()
        (left,) = found.left
        assert (found.deleted, left.annotation) == (0, number)
        assert "put back from a backup" in left.reason and "still counts" in left.reason
    assert at.store.find(Annotation, at.id(task, number)).state == "answered"
    other = at.say(task, cancelled=True)
    assert at.pull().deleted == 1, "somebody touched the task, so it was meant"
    assert at.store.find(Annotation, at.id(task, other)).state == "skipped"


def test_a_cursor_in_the_servers_future_hides_nothing(desk, database):
    """A clock that was five minutes fast, and was put right."""
    at = desk()
    first, second = at.tasks[:2]
    ahead, number = at.say(first), at.say(second)
    database(
        *(
            (
                f"UPDATE {table} SET created_at = datetime(created_at, '+5 minutes'), "
                f"updated_at = datetime(updated_at, '+5 minutes') WHERE id = ?", (row,),
            )
            for table, row in (("task", first["id"]), ("task_completion", ahead))
        )
    )  # fmt: skip
    assert at.pull().new == 2
    for approved in (False, True):
        at.change(second, number, approved=approved)
        assert at.pull().changed == 1
    at.delete(ahead)
    found = at.pull()
    (left,) = found.left
    assert (found.deleted, left.annotation) == (0, ahead), "told, and no copy"


def test_a_withdrawal_reads_everything_whatever_the_cursor_says(desk, database):
    at = desk()
    task = at.tasks[0]
    number = at.say(task)
    at.say(at.tasks[1])
    at.pull()
    at.change(task, number, approved=False)
    database(("UPDATE task SET updated_at = '2020-01-01' WHERE id = ?", (task["id"],)))
    assert withdraw(at.client, at.store, at.project.id).pulled == 1
    assert at.store.find(Annotation, at.id(task, number)).approved is False


def star(at, number):
    at.client.request(
        "PATCH", f"/api/annotations/{number}/", doing="star", json={"ground_truth": True}
    )


def test_a_star_takes_nobodys_answer_away(desk, server):
    at = desk()
    task, other = at.tasks[:2]
    fixed = (("prompt", task["data"]["prompt"], "Brighter"),)
    number = at.say(task, by=at.second, approved=False, corrections=fixed)
    at.pull()
    star(at, number)
    new = at.say(other, by=at.second)
    star(at, new)
    found = at.pull()
    (left,) = found.left
    assert (found.changed, left.annotation) == (0, new)
    assert "by no more than a star" in left.reason and "press Update" in left.reason
    assert len(at.history()) == 1
    assert at.store.corrections()["after"].tolist() == ["Brighter"]
    at.change(other, new, by=at.second)
    assert (at.pull().new, at.pull().left) == (1, ())
    assert set(at.store.annotations()["annotator"]) == {server.second.email}


def test_an_answer_that_was_moved_to_another_task_is_told_and_the_rest_is_stored(desk):
    at = desk()
    task, other, third = at.tasks[:3]
    number = at.say(task)
    at.pull()
    moved = {"task": other["id"]}
    at.client.request("PATCH", f"/api/annotations/{number}/", doing="move", json=moved)
    at.say(third)
    for new in (1, 0):
        found = at.pull()
        (left,) = found.left
        assert (found.new, found.deleted, left.task) == (new, 0, other["id"])
        assert f"was moved here from task {task['id']}" in left.reason
    assert at.store.find(Annotation, at.id(task, number)).state == "answered"


def test_another_picture_than_the_one_that_was_judged_is_told(desk):
    at = desk()
    task, other = at.tasks[:2]
    data = {**task["data"], "image": other["data"]["image"]}
    at.client.request("PATCH", f"/api/tasks/{task['id']}/", doing="swap", json={"data": data})
    at.say(task)
    found = at.pull()
    (left,) = found.left
    assert (found.new, left.task) == (0, task["id"])
    assert "about another picture" in left.reason


def test_a_project_that_was_deleted_in_a_killed_withdrawals_place_is_missed(desk):
    at = desk()
    note_withdrawn(at.client, at.store, at.project, gone=False)
    at.client.delete_project(at.project.id)
    assert pull(at.client, at.store).missing == (at.project.purpose,)
    assert withdraw(at.client, at.store, at.project.id).before
    assert pull(at.client, at.store).missing == ()


def test_a_number_that_was_withdrawn_elsewhere_is_not_withdrawn_here(desk, project):
    at = desk()
    number = project()
    shown = at.client.get(f"/api/projects/{number}", doing="look")
    theirs = type(at.project)(
        id=number, fingerprint="0" * 12, title="theirs", purpose=at.project.purpose, url=""
    )
    assert theirs.fingerprint != fingerprint_of(shown)
    note_withdrawn(at.client, at.store, theirs, gone=True)
    with pytest.raises(LabelStudioError, match=f"no project {number} on .* was pushed from"):
        withdraw(at.client, at.store, number)


SHAPES = [b"{}", b"[]", b"null", b'"x"', b'{"tasks":[{}],"total":1}', b'{"results":null}']


def test_json_of_another_shape_is_one_sentence(desk):
    at = desk()
    at.say(at.tasks[0])
    said: list[tuple[str, bytes]] = []

    def hook(method, path):
        return next(((200, body) for start, body in said if path.startswith(start)), None)

    own = f"/api/projects/{at.project.id}?"
    with proxied(at.client, hook=hook) as asking:
        for body in SHAPES:
            for start in ("/api/users/", "/api/projects/?"):
                said[:] = [(start, body)]
                with pytest.raises(LabelStudioError, match=r"cannot list .* want .*, got "):
                    pull(asking, at.store)
            for start in ("/api/tasks/", own):
                said[:] = [(start, body)]
                (failed,) = pull(asking, at.store).failed
                assert re.match(r"cannot (read|count) .*: want .*, got ", failed.reason)
        said.clear()
        assert pull(asking, at.store).stored == 1

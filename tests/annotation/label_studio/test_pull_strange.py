"""Answers that no page sends, on a real server: each is told with its task, and keeps no other one back."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace

import httpx
import pytest

from annotation.label_studio._tasks import list_tasks
from annotation.label_studio.accounts import add_annotator
from annotation.label_studio.client import connect
from annotation.label_studio.credentials import Credentials
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from annotation.label_studio.pull import pull
from annotation.label_studio.push import Question, push
from workbench.records import Annotation
from workbench.store import Advance


def put_data(at, task, **changed):
    """Change a task's data as anybody can who may open the project."""
    sent = {"data": {**task["data"], **changed}}
    at.client.request("PATCH", f"/api/tasks/{task['id']}/", doing="change a task", json=sent)


def test_control_characters_in_a_note_become_visible_marks(desk):
    at = desk()
    number = at.say(at.tasks[0], note="a\u0000b\u0007c")
    at.say(at.tasks[1])
    found = at.pull()
    assert (found.new, found.left) == (2, ())
    assert at.store.find(Annotation, at.id(at.tasks[0], number)).note == "a\ufffdb\ufffdc"


def test_what_the_store_refuses_is_left_and_the_rest_is_stored(desk, server):
    at = desk()
    good, bad = at.tasks[:2]
    at.say(good)
    number = at.say(bad, by=at.second)
    name = server.second.email
    database = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
    for email, new in ((f"a\0{name}", 1), (f"a\0{name}", 0), (name, 1)):
        with database:
            number_of = at.second.user["id"]
            database.execute("UPDATE htx_user SET email = ? WHERE id = ?", (email, number_of))
        found = at.pull()
        assert found.new == new
        if email != name:
            (left,) = found.left
            assert (left.task, left.annotation) == (bad["id"], number)
            assert "NUL" in left.reason
    database.close()
    assert found.left == ()


def test_what_was_corrected_is_what_the_model_wrote_and_not_what_a_task_says(desk):
    """Whoever may edit tasks can put other words into them, as valid as the model's."""
    at = desk()
    task, other = at.tasks[:2]
    number = at.say(
        task, approved=False, corrections=(("prompt", task["data"]["prompt"], "Brighter"),)
    )
    put_data(at, task, prompt="a prompt that no model was given")
    skipped = at.say(other, cancelled=True)
    put_data(at, other, prompt="another one")
    found = at.pull()
    (left,) = found.left
    assert (found.new, left.task, left.annotation) == (1, task["id"], number)
    assert "'a prompt that no model was given' as 'prompt'" in left.reason
    assert at.store.find(Annotation, at.id(other, skipped)).state == "skipped"
    assert at.store.corrections().empty
    put_data(at, task, prompt=f"  {task['data']['prompt']} ")  # the same words
    assert at.pull().new == 1
    (correction,) = at.store.corrections().itertuples()
    (made,) = (g for g in at.audit.generations if g.key == task["data"]["generation"])
    assert (correction.before, correction.after) == (made.prompt, "Brighter")


def test_a_task_that_the_server_cannot_show_is_left_and_the_rest_is_stored(desk, server):
    at = desk()
    bad = at.tasks[1]
    for task in at.tasks:
        if task is not bad:
            at.say(task)
    body = '{"result": [{"from_name": "note", "value": {"text": ["a\\ud800b"]}}], "lead_time": 1}'
    sent = httpx.post(
        f"{server.url}/api/tasks/{bad['id']}/annotations/",
        content=body,
        headers={
            "Authorization": f"Token {server.admin.token}", "Content-Type": "application/json",
        },
    )  # fmt: skip
    assert sent.status_code == 500, "the server keeps it all the same"
    found = at.pull()
    assert found.new == len(at.tasks) - 1
    (left,) = found.left
    assert left.task == bad["id"]
    assert "cannot show task" in left.reason


def test_a_project_that_fails_keeps_no_other_back(desk):
    at = desk()
    another = Question(generation=at.audit.generations[0].key)
    pushed = push(at.client, at.store, [another], **(at.options | {"name": "another"}))
    at.pushed = replace(at.pushed, projects=(*at.pushed.projects, *pushed.projects))
    broken = at.project
    name = f"label_studio/project/{broken.fingerprint}"
    line = at.store.cursor(name)
    unknown = replace(broken.purpose, rubric="unknown@1").line()
    at.store.add([], advance=Advance(name=name, before=line, after=unknown))
    at.say(at.tasks[0])
    other = pushed.projects[0].project
    (task,) = list_tasks(at.client, other.id)
    at.say(task)
    found = pull(at.client, at.store)
    assert (found.complete, found.stored) == (False, 1)
    (one,) = found.failed
    assert one.project.id == broken.id
    assert "unknown@1" in one.reason
    assert str(one).startswith(f"not pulled: project {broken.id}, ")


def test_an_answer_does_not_move_with_data_that_were_changed(desk):
    at = desk()
    task, other = at.tasks[:2]
    number = at.say(task)
    put_data(at, task, generation=other["data"]["generation"])
    found = at.pull()
    (left,) = found.left
    assert (found.new, left.annotation) == (0, number)
    assert "its data were changed" in left.reason
    put_data(at, task)
    assert (at.pull().new, at.pull().left) == (1, ())


def test_a_page_whose_data_lost_a_part_is_left_and_the_rest_is_stored(desk):
    at = desk()
    good, bad = at.tasks[:2]
    at.say(good)
    number = at.say(
        bad, approved=False, corrections=(("prompt", bad["data"]["prompt"], "Brighter"),)
    )
    put_data(at, bad, prompt=7)
    found = at.pull()
    (left,) = found.left
    assert (found.new, left.task, left.annotation) == (1, bad["id"], number)
    assert "changed by hand" in left.reason and "shows 7 as 'prompt'" in left.reason


def test_sides_that_were_turned_round_are_told(client, pictures, media):
    audit = pictures(8, 4)
    keys = [g.key for g in audit.generations]
    interface = build_interface("pair", audit.rubric)
    asked = [Question(generation=keys[0], against=keys[1])]
    pushed = push(client, audit.store, asked, name="pairs", interface=interface, media=media)
    project = pushed.projects[0].project
    (task,) = client.get("/api/tasks/", doing="read", params={"project": project.id})["tasks"]
    data = task["data"]
    said = write_result(interface, Answer(preferred="generation"), data)
    client.request("POST", f"/api/tasks/{task['id']}/annotations/", doing="answer",
                   json={"result": said})  # fmt: skip
    turned = "-".join(reversed(data["order"].split("-")))
    client.request("PATCH", f"/api/tasks/{task['id']}/", doing="turn",
                   json={"data": {**data, "order": turned}})  # fmt: skip
    (one,) = pull(client, audit.store).projects
    assert one.new == 0
    assert "want `order`" in one.left[0].reason
    client.request("DELETE", f"/api/projects/{project.id}", doing="remove it")


def test_what_a_second_person_changed_is_nobodys_own_answer(desk, server):
    at = desk()
    task = at.tasks[0]
    number = at.say(task)
    at.pull()
    at.change(task, number, by=at.second, approved=False)
    found = at.pull()
    (left,) = found.left
    assert (found.changed, left.annotation) == (0, number)
    assert left.reason.startswith(
        f"{server.second.email} was the last to save what {server.admin.email}"
    )
    assert "still counts" in left.reason
    assert at.store.find(Annotation, at.id(task, number)).approved is True
    at.change(task, number, approved=False)
    found = at.pull()
    assert (found.changed, found.left) == (1, ())


def test_who_was_deleted_keeps_the_name(desk, server):
    at = desk()
    third = add_annotator(at.client, f"third{time.time_ns()}@example.com")
    with connect(Credentials(url=server.url, token=third.token)) as asking:
        known, new = at.tasks[:2]
        one = at.say(known, by=asking)
        at.pull()
        other = at.say(new, by=asking)
    database = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
    with database:  # what the server does to the answers of a user that is deleted
        database.execute(
            "UPDATE task_completion SET completed_by_id = NULL, updated_by_id = NULL "
            "WHERE id IN (?, ?)", (one, other),
        )  # fmt: skip
    database.close()
    assert at.pull().new == 1
    assert at.store.find(Annotation, at.id(known, one)).annotator == third.email
    lost = at.store.find(Annotation, at.id(new, other)).annotator
    assert lost == f"deleted user of annotation {other}"


@pytest.mark.parametrize(("said", "stored"), [(-5, None), (1e308, None), (12.5, 12.5)])
def test_a_time_that_nobody_can_take_is_no_measurement(desk, said, stored):
    at = desk()
    number = at.say(at.tasks[0], seconds=said)
    at.pull()
    assert at.store.find(Annotation, at.id(at.tasks[0], number)).seconds == stored


def test_an_unreadable_edit_costs_no_comparison_of_all_ids(desk, monkeypatch):
    at = desk()
    number = at.say(at.tasks[0])
    at.pull()
    at._send("PATCH", f"/api/annotations/{number}/", {"result": []}, None)
    asked = []
    monkeypatch.setattr(
        "annotation.label_studio._tasks.read_answer_ids", lambda *a: asked.append(a) or iter(())
    )
    (left,) = at.pull().left
    assert "still counts" in left.reason
    assert asked == []

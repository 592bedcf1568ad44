"""What people say on a real server comes back once; what they change or take back becomes a new fact."""

from __future__ import annotations

import sqlite3
import sys
from datetime import datetime, timedelta

import pytest

import workbench.records
from annotation.label_studio import Client, _tasks
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from annotation.label_studio.pull import pull
from annotation.label_studio.push import Question, push
from workbench.records import Annotation


def test_an_answer_comes_back_once_with_everything_that_belongs_to_it(desk, server):
    at = desk()
    task, other = at.tasks[:2]
    modes = at.modes[:1]
    number = at.say(
        task,
        approved=False,
        failure_modes=modes,
        note="too dark",
        corrections=(("prompt", task["data"]["prompt"], "A brighter one"),),
        seconds=12.5,
    )
    at.say(other, by=at.second, seconds=3.0)
    found = at.pull()
    assert (found.new, found.changed, found.deleted, found.left) == (2, 0, 0, ())
    one = at.store.find(Annotation, at.id(task, number))
    assert (one.approved, one.note, one.failure_modes, one.seconds) == (
        False,
        "too dark",
        modes,
        12.5,
    )
    assert (one.generation, one.rubric) == (task["data"]["generation"], at.audit.rubric.label)
    assert (one.state, one.blind, one.simulated, one.audit) == (
        "answered",
        True,
        False,
        at.audit.audit.id,
    )
    assert one.annotator == server.admin.email
    assert set(at.store.annotations()["annotator"]) == {server.admin.email, server.second.email}
    assert one.updated_at >= one.created_at
    (correction,) = at.store.corrections().itertuples()
    assert (correction.id, correction.about) == (f"{one.id}#prompt", "prompt")
    assert correction.after == "A brighter one"
    again = at.pull()
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)
    assert len(at.history()) == 2


def test_an_edit_is_a_new_revision_and_the_old_one_is_kept(desk):
    at = desk()
    task = at.tasks[0]
    fixed = (("prompt", task["data"]["prompt"], "A brighter one"),)
    number = at.say(task, approved=False, failure_modes=at.modes[:1], corrections=fixed)
    at.pull()
    at.change(task, number, approved=True)
    found = at.pull()
    assert (found.new, found.changed, found.deleted) == (0, 1, 0)
    assert at.history()["approved"].tolist() == [False, True]
    assert at.store.corrections().empty, "the correction was taken back"
    assert at.store.corrections(history=True)["withdrawn"].tolist() == [False, True]
    at.change(task, number, approved=False, failure_modes=at.modes[:1], corrections=fixed)
    at.pull()
    assert at.store.annotations()["approved"].tolist() == [False]
    assert at.store.corrections()["after"].tolist() == ["A brighter one"]
    edited = at.store.find(Annotation, at.id(task, number))
    assert edited.updated_at > edited.created_at


def test_a_deleted_answer_is_a_new_revision_and_the_old_one_is_kept(desk):
    at = desk()
    task, other = at.tasks[:2]
    fixed = (("prompt", task["data"]["prompt"], "A brighter one"),)
    only = at.say(task, approved=False, corrections=fixed, note="dark")
    mine, hers = at.say(other), at.say(other, by=at.second, approved=False)
    at.pull()
    at.delete(only)
    at.delete(mine)
    found = at.pull()
    assert (found.new, found.changed, found.deleted, found.vanished) == (0, 0, 2, ())
    gone = at.store.find(Annotation, at.id(task, only))
    assert (gone.state, gone.approved, gone.note) == ("deleted", None, None)
    assert at.store.find(Annotation, at.id(other, hers)).approved is False
    assert len(at.history()) == 5
    assert at.store.corrections().empty
    assert (at.pull().deleted, len(at.history())) == (0, 5)


def test_a_skip_is_told_apart_from_an_answer_and_a_draft_is_neither(desk):
    at = desk()
    skipped, both, begun, answered = at.tasks
    number = at.say(skipped, cancelled=True, seconds=2.0)
    at.say(both, cancelled=True)
    at.say(both, by=at.second)
    at.say(answered)
    at.client.request(
        "POST", f"/api/tasks/{begun['id']}/drafts", doing="begin",
        json={"result": at.result(begun), "lead_time": 1.0},
    )  # fmt: skip
    found = at.pull()
    assert (found.new, found.skipped, found.drafts, found.left) == (4, 2, 1, ())
    one = at.store.find(Annotation, at.id(skipped, number))
    assert (one.state, one.approved, one.scores, one.seconds) == ("skipped", None, {}, 2.0)
    assert sorted(at.store.annotations()["state"]) == ["answered"] * 2 + ["skipped"] * 2
    at._send("PATCH", f"/api/annotations/{number}/",
             {"result": at.result(skipped), "was_cancelled": False}, None)  # fmt: skip
    assert at.pull().changed == 1
    assert at.store.find(Annotation, one.id).approved is True


def test_answers_stand_where_a_task_or_a_project_was_deleted(desk):
    at = desk()
    for task in at.tasks[:2]:
        at.say(task)
    at.pull()
    at.client.request("DELETE", f"/api/tasks/{at.tasks[0]['id']}", doing="delete a task")
    found = at.pull()
    assert (found.deleted, found.vanished) == (0, (at.tasks[0]["id"],))
    assert at.pull().vanished == (), "it is told once"
    at.client.request("DELETE", f"/api/projects/{at.project.id}", doing="delete the project")
    after = pull(at.client, at.store)
    assert (after.projects, [p.name for p in after.missing]) == ((), [at.project.purpose.name])
    assert at.history()["approved"].tolist() == [True, True]
    at.pushed = push(
        at.client,
        at.store,
        [Question(generation=g.key) for g in at.audit.generations],
        **at.options,
    )
    assert at.pushed.created == 4, "pushed again it is another project"


def test_an_answer_that_cannot_be_read_is_told_and_the_others_are_stored(desk):
    at = desk()
    good, bad = at.tasks[:2]
    at.say(good)
    number = at.say(bad)
    wrong = at.result(bad)
    wrong[0]["value"] = {"choices": ["perhaps"]}
    at._send("PATCH", f"/api/annotations/{number}/", {"result": wrong}, None)
    for _ in range(2):
        found = at.pull()
        (left,) = found.left
        assert (left.project, left.task, left.annotation) == (at.project.id, bad["id"], number)
        assert "perhaps" in left.reason
        assert wrong[0]["from_name"] in left.reason
    assert len(at.history()) == 1
    at.change(bad, number)
    found = at.pull()
    assert (found.new, found.left) == (1, ())


def test_an_answer_that_cannot_be_read_stays_pending_after_the_overlap(desk, monkeypatch):
    at = desk()
    number = at.say(at.tasks[0])
    at._send("PATCH", f"/api/annotations/{number}/", {"result": []}, None)
    assert len(at.pull().left) == 1
    module = sys.modules["annotation.label_studio._look"]
    monkeypatch.setattr(module, "OVERLAP", timedelta(0))
    at.say(at.tasks[1])
    assert (at.pull().new, len(at.pull().left)) == (1, 1)


def test_a_task_that_was_added_by_hand_is_told_and_left_alone(desk):
    at = desk()
    data = {"image": "/data/x.png", "prompt": "by hand"}
    _tasks.import_tasks(at.client, at.project.id, [{"data": data}, {"data": at.tasks[0]["data"]}])
    by_hand, copied = list(_tasks.list_tasks(at.client, at.project.id))[-2:]
    at.client.request(
        "POST", f"/api/tasks/{by_hand['id']}/annotations/", doing="answer",
        json={"result": at.result(at.tasks[0])},
    )  # fmt: skip
    at.say(copied)
    found = at.pull()
    assert found.new == 1, "a copied task is about the same generation"
    assert "none that was pushed from the store" in found.left[0].reason
    assert found.left[0].task == by_hand["id"]
    assert len(list(_tasks.list_tasks(at.client, at.project.id))) == 6


def test_who_could_see_a_prediction_was_not_blind(desk):
    at = desk()
    seen, unseen = at.tasks[:2]
    at.client.request(
        "POST", "/api/predictions/", doing="hint",
        json={"task": seen["id"], "result": at.result(seen), "model_version": "by hand"},
    )  # fmt: skip
    at.say(seen)
    at.say(unseen)
    at.pull()
    assert at.store.annotations().set_index("generation")["blind"].to_dict() == {
        seen["data"]["generation"]: False,
        unseen["data"]["generation"]: True,
    }


def test_a_change_that_became_visible_late_is_found(desk, server):
    """A transaction is seen when it ends, with a moment from when it began: here, half a minute late."""
    at = desk()
    late, prompt = at.tasks[:2]
    number = at.say(late)
    at.say(prompt)
    at.pull()
    newest = datetime.fromisoformat(_tasks.newest_change(at.client, at.project.id))
    at.change(late, number, approved=False)
    database = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
    moment = (newest - timedelta(seconds=30)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with database:
        database.execute("UPDATE task SET updated_at = ? WHERE id = ?", (moment, late["id"]))
    database.close()
    assert at.pull().changed == 1


class Interposed(Client):
    """Asks a real server; before the call with this number something happens."""

    def __init__(self, client, call, what):
        super().__init__(client.credentials)
        self.calls, self._call, self._what = 0, call, what

    def request(self, *args, **kwargs):
        self.calls += 1
        if self.calls == self._call:
            self._what()
        return super().request(*args, **kwargs)


def interposed(at, call, what):
    """Pull, and before its call with this number do something else; how many calls it took."""
    with Interposed(at.client, call, what) as asking:
        pull(asking, at.store)
        return asking.calls


def check_two_pulls(at, every):
    number = at.say(at.tasks[0])
    at.pull()
    calls = interposed(at, -1, None)
    approved = True
    for call in range(calls, 0, -every):
        approved = not approved
        before = len(at.history())

        def meanwhile(approved=approved):
            at.change(at.tasks[0], number, approved=approved)
            pull(at.client, at.store)

        interposed(at, call, meanwhile)
        assert len(at.history()) == before + 1, call
        assert at.store.annotations()["approved"].tolist() == [approved]


def check_changes_meanwhile(at, every):
    first, second = at.tasks[:2]
    number = at.say(first)
    calls = interposed(at, -1, None)
    approved = True
    for call in range(calls, 0, -every):
        approved = not approved
        added = []

        def meanwhile(approved=approved, added=added):
            at.change(first, number, approved=approved)
            added.append(at.say(second))

        interposed(at, call, meanwhile)
        at.pull()
        assert at.store.find(Annotation, at.id(first, number)).approved is approved
        assert at.store.find(Annotation, at.id(second, added[0])).state == "answered", call
        at.delete(added[0])
        assert at.pull().deleted == 1


def test_of_two_pulls_at_one_moment_the_slower_one_reads_again(desk):
    check_two_pulls(desk(), every=7)


@pytest.mark.slow
def test_whatever_happens_before_whichever_call_of_a_pull_is_stored_once(desk):
    check_two_pulls(desk(), every=1)
    check_changes_meanwhile(desk(name="changes meanwhile"), every=1)


def test_our_clock_is_not_asked(desk, monkeypatch):
    at = desk()
    number = at.say(at.tasks[0])
    ours = workbench.records.utcnow
    for minutes in (1, -1):
        shifted = lambda minutes=minutes: ours() + timedelta(minutes=minutes)  # noqa: E731
        for module in ("_rows", "_cursors"):
            monkeypatch.setattr(f"workbench.store.{module}.utcnow", shifted)
        at.pull()
        at.change(at.tasks[0], number, approved=minutes > 0)
        assert at.pull().changed == 1
    assert at.history()["approved"].tolist() == [True, True, False]


def test_updated_at_of_a_task_moves_with_its_answers(desk):
    at = desk()
    moments = [_tasks.newest_change(at.client, at.project.id)]
    number = at.say(at.tasks[0])
    moments.append(_tasks.newest_change(at.client, at.project.id))
    at.change(at.tasks[0], number, approved=False)
    moments.append(_tasks.newest_change(at.client, at.project.id))
    at.delete(number)
    moments.append(_tasks.newest_change(at.client, at.project.id))
    assert moments == sorted(set(moments))


def test_imported_answers_are_ground_truth_unless_told_otherwise(desk):
    at = desk()
    for said in ({}, {"ground_truth": False}):
        answer = {"result": at.result(at.tasks[0]), **said}
        _tasks.import_tasks(
            at.client, at.project.id, [{"data": at.tasks[0]["data"], "annotations": [answer]}]
        )
    rows = list(_tasks.read_tasks(at.client, at.project.id, _tasks.ANSWERED))
    assert [row["annotations"][0]["ground_truth"] for row in rows] == [True, False]


def test_an_export_has_predictions_as_numbers_only(desk):
    at = desk(blind=False)
    exported = at.client.get(
        f"/api/projects/{at.project.id}/export", doing="export",
        params={"exportType": "JSON", "download_all_tasks": "true"},
    )  # fmt: skip
    assert all(isinstance(p, int) for task in exported for p in task["predictions"])
    assert sum(len(task["predictions"]) for task in exported) == 4
    at.say(at.tasks[0])
    at.pull()
    assert at.store.annotations()["blind"].tolist() == [False]


def test_of_two_that_were_compared_the_preferred_one_comes_back(client, pictures, media):
    """The sides are shuffled on the page; what comes back is about the generations."""
    audit = pictures(8, 4)
    keys = [g.key for g in audit.generations]
    interface = build_interface("pair", audit.rubric)
    asked = [
        Question(generation=keys[0], against=keys[1]),
        Question(generation=keys[2], against=keys[3]),
    ]
    pushed = push(client, audit.store, asked, name="pairs", interface=interface, media=media)
    project = pushed.projects[0].project
    said = {keys[0]: "against", keys[2]: "neither"}
    for task in _tasks.list_tasks(client, project.id):
        answer = Answer(preferred=said[task["data"]["generation"]])
        client.request(
            "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer",
            json={"result": write_result(interface, answer, task["data"])},
        )  # fmt: skip
    pull(client, audit.store)
    found = {a.generation: a for a in audit.store.records(Annotation)}
    assert {key: one.preferred for key, one in found.items()} == said
    assert (found[keys[0]].against, found[keys[0]].approved) == (keys[1], None)
    client.request("DELETE", f"/api/projects/{project.id}", doing="remove it")


def test_answers_that_came_without_a_trace_in_updated_at_are_found(desk, server):
    """Numbers are compared too: an import of answers, or a clock that was set back, does not hide them."""
    at = desk()
    early, late = at.tasks[:2]
    at.say(late)
    at.pull()
    at.say(early)
    database = sqlite3.connect(server.folder / "data" / "label_studio.sqlite3", timeout=30)
    with database:
        database.execute("UPDATE task SET updated_at = '2020-01-01' WHERE id = ?", (early["id"],))
    database.close()
    assert at.pull().new == 1

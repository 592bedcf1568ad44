"""A project that was pushed in error goes off a real server, and no answer with it."""

from __future__ import annotations

import pytest

from annotation.label_studio import Client, Question, noted_projects, pull, push, withdraw
from annotation.label_studio.projects import note_withdrawn
from pipelines.annotate import Connected
from pipelines.annotate import withdraw as withdraw_command
from workbench.errors import LabelStudioError
from workbench.store import Store


def there(at):
    return {one.id for one in noted_projects(at.client, at.store)}


def test_what_was_said_is_stored_before_the_project_goes(desk):
    at = desk(8, 4)
    first, second = at.tasks[:2]
    name = at.id(first, at.say(first, note="kept"))
    at.pull()
    at.say(second, cancelled=True)
    gone = withdraw(at.client, at.store, at.project.id)
    assert (gone.pulled, gone.answers, gone.before) == (1, 2, False)
    assert at.project.id not in there(at)
    known = at.store.annotations()
    assert sorted(known["state"]) == ["answered", "skipped"]
    assert name in set(known["id"])
    assert pull(at.client, at.store).missing == (), "nobody misses what was withdrawn"
    again = withdraw(at.client, at.store, at.project.id)
    assert (again.title, again.before) == (at.project.title, True)

    asked = [Question(generation=g.key) for g in at.audit.generations]
    at.pushed = push(at.client, at.store, asked, **at.options)
    assert at.pushed.created == 4
    assert at.pushed.projects[0].project.fingerprint != at.project.fingerprint
    assert len(at.store.annotations()) == 2


def test_a_withdrawal_that_was_killed_is_ended_by_the_next(desk):
    at = desk(8, 4)
    note_withdrawn(at.client, at.store, at.project, gone=False)
    at.say(at.tasks[0])
    assert at.pull().new == 1, "it is on the server, so it is pulled"
    assert not withdraw(at.client, at.store, at.project.id).before
    assert at.project.id not in there(at)


def test_a_project_in_which_something_would_be_lost_stays(desk):
    at = desk(8, 4)
    draft = {"result": at.result(at.tasks[0]), "draft_id": 0}
    path = f"/api/tasks/{at.tasks[0]['id']}/drafts"
    made = at.client.request("POST", path, doing="begin", json=draft)
    with pytest.raises(LabelStudioError, match="1 of its tasks and not sent it"):
        withdraw(at.client, at.store, at.project.id)
    at.client.request("DELETE", f"/api/drafts/{made['id']}/", doing="discard")
    strange = [
        {"from_name": "unknown", "to_name": "image", "type": "choices", "value": {"choices": ["x"]}}
    ]
    path = f"/api/tasks/{at.tasks[1]['id']}/annotations/"
    at.client.request("POST", path, doing="answer", json={"result": strange})
    with pytest.raises(LabelStudioError, match=r"1 of its answers could not be stored.*unknown"):
        withdraw(at.client, at.store, at.project.id)
    assert at.project.id in there(at)


class Answering(Client):
    """Asks a real server, on which somebody answers while drafts are counted."""

    def __init__(self, credentials, say, times):
        super().__init__(credentials)
        self.say, self.times = say, times

    def request(self, method, path, *, doing, **kwargs):
        if "draft_exists" in str(kwargs.get("params")) and self.times:
            self.times -= 1
            self.say()
        return super().request(method, path, doing=doing, **kwargs)


def test_an_answer_that_comes_meanwhile_is_stored_too(desk):
    at = desk(8, 4)
    waiting = iter(at.tasks)
    with Answering(at.client.credentials, lambda: at.say(next(waiting)), 2) as client:
        gone = withdraw(client, at.store, at.project.id)
    assert (gone.pulled, gone.answers) == (2, 2)


def test_only_projects_of_the_store_are_withdrawn(desk, project, tmp_path):
    at = desk(8, 4)
    number = project()
    with pytest.raises(LabelStudioError, match=f"no project {number} on .* was pushed from"):
        withdraw(at.client, at.store, number)
    with Store.open(tmp_path / "other") as other, pytest.raises(LabelStudioError, match="pushed"):
        withdraw(at.client, other, at.project.id)
    assert at.project.id in there(at)


def test_the_command_says_what_became_of_it(desk, media):
    at = desk(8, 4)
    at.say(at.tasks[0])
    studio = Connected(client=at.client, media=media, store="shop")
    told = str(withdraw_command(at.store, studio, at.project.id))
    assert told == (
        f"Project {at.project.id}, {at.project.title}: withdrawn. "
        "1 answer of it stays in the store, 1 of them brought back now."
    )
    again = withdraw_command(at.store, studio, at.project.id)
    assert "was withdrawn before" in str(again)
    assert again.as_dict()["withdrawn_before"] is True

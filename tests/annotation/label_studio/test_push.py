"""Questions become tasks of real projects, each once, whatever is pushed how often and by how many."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from dataclasses import replace
from itertools import combinations
from urllib.parse import urlsplit

import pytest
from PIL import Image

from annotation.label_studio import (
    Client,
    Question,
    _tasks,
    assign,
    connect,
    noted_projects,
    push,
)
from annotation.label_studio import (
    pictures as serving,
)
from annotation.label_studio._dealing import order_of
from workbench.errors import LabelStudioError
from workbench.records import Verdict
from workbench.store import Store


def tasks_of(at):
    return list(_tasks.read_tasks(at.client, at.project.id))


def questions(at):
    return [Question(generation=g.key) for g in at.audit.generations]


def test_an_audit_becomes_a_project_once(desk):
    at = desk(8, 5)
    assert (at.pushed.created, at.pushed.known) == (5, 0)
    drawn = {g.key for g in at.audit.generations}
    assert {task["data"]["generation"] for task in tasks_of(at)} == drawn
    again = push(at.client, at.store, [*questions(at), *questions(at)], **at.options)
    assert (again.created, again.known) == (0, 5)
    assert again.projects[0].project == at.project
    assert at.project.title.startswith("Image review · ")
    assert at.project.title.endswith(f" · {at.audit.audit.id[:6]}")
    more = push(
        at.client, at.store,
        [*questions(at), Question(generation=at.audit.spare[0].key)], **at.options,
    )  # fmt: skip
    assert (more.created, more.known) == (1, 5)


def test_annotators_are_shown_their_pictures(desk):
    at = desk(8, 4)
    for task in tasks_of(at):
        assert _fetch(at.client, task["data"]["image"]).size == (96, 96)


def _fetch(client, url):
    import httpx

    token = {"Authorization": f"Token {client.credentials.token}"}
    answer = httpx.get(client.url + url, headers=token, trust_env=False)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def test_pictures_are_uploaded_to_a_server_elsewhere_once(desk, monkeypatch):
    monkeypatch.setattr(serving, "_FILES", 2)
    at = desk(8, 5, media=None)
    for task in tasks_of(at):
        assert urlsplit(task["data"]["image"]).path.startswith(f"/data/upload/{at.project.id}/")
        assert _fetch(at.client, task["data"]["image"]).size == (96, 96)
    asked = {"all": "true"}
    path = f"/api/projects/{at.project.id}/file-uploads"
    assert len(at.client.get(path, doing="list", params=asked)) == 5
    more = [*questions(at), *(Question(generation=g.key) for g in at.audit.spare[:1])]
    assert push(at.client, at.store, more, **at.options).created == 1, "the page is there already"
    assert len(at.client.get(path, doing="list", params=asked)) == 6


def test_a_blind_project_says_nothing_about_the_verdict(desk):
    """Neither a prediction, nor a column, nor the order of the tasks."""
    at = desk(40, 24)
    tasks = tasks_of(at)
    assert [task["total_predictions"] for task in tasks] == [0] * 24
    verdicts = {v.generation: v for v in at.store.records(Verdict)}
    columns = {name for task in tasks for name in task["data"]}
    assert columns == {"image", "topic", "prompt", "generation", "rubric", "key", "audit"}
    for task in tasks:
        said, verdict = json.dumps(task["data"]), verdicts[task["data"]["generation"]]
        assert verdict.key not in said
        assert str(verdict.confidence) not in said
        assert not any(item.stratum in said for item in at.audit.audit.drawn)
    order = [order_of(Question(generation=task["data"]["generation"])) for task in tasks]
    assert order == sorted(order), "in the order of a hash"
    drawn = [item.generation for item in at.audit.audit.drawn]
    assert [task["data"]["generation"] for task in tasks] != drawn
    shown = at.client.get(f"/api/projects/{at.project.id}", doing="read")
    assert (shown["show_collab_predictions"], shown["model_version"]) == (False, "")
    assert shown["total_predictions_number"] == 0


def test_what_would_tell_the_verdict_is_refused(desk):
    at = desk(8, 4)
    verdict = next(iter(at.store.records(Verdict)))
    told = [replace(q, extra={"confidence": verdict.confidence}) for q in questions(at)]
    with pytest.raises(
        LabelStudioError, match="carries 'confidence', which its page does not show"
    ):
        push(at.client, at.store, told, **at.options | {"name": "told"})


def test_the_judges_answer_is_attached_where_it_may_be_seen(desk):
    at = desk(8, 5, blind=False)
    verdicts = {v.generation: v for v in at.store.records(Verdict)}
    exported = at.client.get("/api/predictions/", doing="list", params={"project": at.project.id})
    by_task = {one["task"]: one for one in exported}
    assert len(exported) == 5
    for task in tasks_of(at):
        verdict = verdicts[task["data"]["generation"]]
        shown = by_task[task["id"]]
        assert shown["score"] == verdict.confidence
        assert shown["model_version"] == f"{verdict.judge} {verdict.revision[:8]}"
        choices = {r["from_name"]: r["value"].get("choices") for r in shown["result"]}
        assert choices["verdict"] == ["approved" if verdict.approved else "rejected"]
    again = push(at.client, at.store, questions(at), **at.options)
    assert (again.created, len(tasks_of(at))) == (0, 5)


def test_each_annotator_gets_a_project_with_their_items(desk):
    names = ("ada@example.com", "bo@example.com", "cy@example.com")
    at = desk(16, 9, annotators=names, per_item=2)
    projects = {p.project.purpose.annotator: p.project for p in at.pushed.projects}
    assert set(projects) == set(names)
    items = {
        name: {t["data"]["generation"] for t in _tasks.read_tasks(at.client, project.id)}
        for name, project in projects.items()
    }
    assert [len(own) for own in items.values()] == [6, 6, 6]
    assert set(Counter(key for own in items.values() for key in own).values()) == {2}
    again = push(
        at.client, at.store, questions(at)[::-1], **at.options | {"annotators": names[::-1]}
    )
    assert (again.created, again.known) == (0, 18)


def test_one_project_for_everybody_asks_as_many_as_are_wanted(desk):
    at = desk(8, 4, per_item=3)
    shown = at.client.get(f"/api/projects/{at.project.id}", doing="read")
    assert shown["maximum_annotations"] == 3
    push(at.client, at.store, questions(at), **at.options | {"per_item": 2})
    shown = at.client.get(f"/api/projects/{at.project.id}", doing="read")
    assert shown["maximum_annotations"] == 2
    with pytest.raises(LabelStudioError, match="want from 1 to 2 people an item, got per_item=3"):
        push(at.client, at.store, questions(at), **at.options | {"annotators": ["a", "b"]})


@pytest.mark.parametrize(
    ("people", "per_item", "items"), [(3, 2, 40), (5, 3, 41), (4, 1, 7), (2, 2, 5)]
)
def test_items_are_dealt_evenly_and_everybody_meets_everybody(people, per_item, items):
    names = [f"p{i}" for i in range(people)]
    asked = [Question(generation=f"g{i}") for i in range(items)]
    dealt = assign(asked, names, per_item=per_item, seed=4)
    sizes = [len(own) for own in dealt.values()]
    assert max(sizes) - min(sizes) <= 1
    who = {q.generation: {n for n, own in dealt.items() if q in own} for q in asked}
    assert {len(own) for own in who.values()} == {per_item}
    pairs = Counter(pair for own in who.values() for pair in combinations(sorted(own), 2))
    if per_item > 1:
        assert len(pairs) == people * (people - 1) // 2
    assert assign(asked[::-1], names[::-1], per_item=per_item, seed=4) == dealt
    assert people == per_item or assign(asked, names, per_item=per_item, seed=5) != dealt


def test_two_pushes_at_one_moment_make_everything_once(desk):
    at = desk(8, 5)
    at.options = at.options | {"name": "at one moment"}
    done = []

    def one():
        # A store of its own, as another process has it.
        with (
            Store.open(at.store.url.removesuffix("/workbench.db")) as store,
            connect(at.client.credentials) as asking,
        ):
            done.append(push(asking, store, questions(at), **at.options))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.created for d in done) == [0, 0, 5]
    assert len({d.projects[0].project.id for d in done}) == 1
    at.pushed = done[0]
    assert len(list(_tasks.list_tasks(at.client, done[0].projects[0].project.id))) == 5


class Doubling(Client):
    """Asks a real server; another import of the same tasks ends at the same moment."""

    def request(self, method, path, **kwargs):
        if path.endswith("/import"):
            super().request(method, path, **kwargs)
        return super().request(method, path, **kwargs)


def test_what_an_import_elsewhere_doubled_is_removed_and_answers_never(desk):
    at = desk(8, 5)
    at.options = at.options | {"name": "doubled"}
    with Doubling(at.client.credentials) as doubling:
        at.pushed = push(doubling, at.store, questions(at), **at.options)
    (one,) = at.pushed.projects
    assert (one.created, one.removed) == (5, 5)
    at.project = one.project
    task, *others = tasks_of(at)
    assert len(others) == 4
    _tasks.import_tasks(at.client, at.project.id, [{"data": task["data"]}] * 2)
    copy = tasks_of(at)[-1]
    at.say(copy)
    assert push(at.client, at.store, questions(at), **at.options).projects[0].removed == 2
    assert copy["id"] in {task["id"] for task in tasks_of(at)}, "somebody answered it"


def test_the_project_is_found_by_either_of_its_two_marks(desk, tmp_path):
    at = desk(8, 4)
    path = f"/api/projects/{at.project.id}"
    at.client.request("PATCH", path, doing="rewrite", json={"description": "ours", "title": "Mine"})
    assert push(at.client, at.store, questions(at), **at.options).created == 0
    at.client.request(
        "PATCH", path, doing="restore", json={"description": at.project.purpose.line()}
    )
    with Store.open(tmp_path / "without notes") as other:
        other.add([*at.audit.generations, at.audit.audit])
        for generation in at.audit.generations:
            other.images.put(at.store.images.get(generation.image))
        assert noted_projects(at.client, other) == ()
        again = push(at.client, other, questions(at), **at.options)
    assert (again.created, again.projects[0].project.id) == (0, at.project.id)


def test_other_words_in_a_description_are_nobodys_mark(desk, project):
    for words in (
        "catalog-workbench: {}",
        'catalog-workbench: {"kind": 3}',
        "catalog-workbench: {x",
    ):
        project(description=words)
    at = desk(8, 4)
    assert push(at.client, at.store, questions(at), **at.options).created == 0


def test_a_batch_that_is_refused_names_its_rows_and_the_rest_stands(desk, monkeypatch):
    """One task that lacks a key of the page has its whole batch refused; we find it before it is sent."""
    at = desk(8, 6)
    lacking = [{"data": {**t["data"], "key": "other"}} for t in tasks_of(at)]
    del lacking[3]["data"]["image"]
    with pytest.raises(LabelStudioError, match=r"import 6 tasks into project \d+.* 400: .*image"):
        _tasks.import_tasks(at.client, at.project.id, lacking)
    assert len(tasks_of(at)) == 6, "nothing of it was made"
    with pytest.raises(
        LabelStudioError, match=r"2 of 2 generations are not in the store .*'nowhere'"
    ):
        push(at.client, at.store, [Question(generation="nowhere"), Question(generation="there")],
             **at.options)  # fmt: skip


def test_a_server_that_goes_away_is_told_with_what_stands(desk, monkeypatch):
    at = desk(8, 5)
    at.options = at.options | {"name": "goes away"}
    monkeypatch.setattr(_tasks, "BATCH", 2)

    class Leaving(Client):
        imports = 0

        def request(self, method, path, **kwargs):
            if path.endswith("/import"):
                self.imports += 1
                if self.imports == 2:
                    path = "/nowhere"
            return super().request(method, path, **kwargs)

    with Leaving(at.client.credentials) as leaving:
        told = (
            r"2 of 5 tasks of project \d+ were made before .* push again, and it goes on from there"
        )
        with pytest.raises(LabelStudioError, match=told) as error:
            push(leaving, at.store, questions(at), **at.options)
    assert at.client.credentials.token not in str(error.value)
    at.pushed = push(at.client, at.store, questions(at), **at.options)
    assert (at.pushed.created, at.pushed.known) == (3, 2)


# ---- what the server does, and we therefore do ourselves -----------------------------------------


def test_the_server_checks_nothing_that_it_imports(desk):
    """Wrong choices and names come in; so what comes back is checked by us."""
    at = desk(8, 4)
    task = tasks_of(at)[0]
    wrong = [
        {"from_name": "unknown", "to_name": "image", "type": "choices", "value": {"choices": ["x"]}}
    ]
    answer = {"result": wrong, "ground_truth": False}
    _tasks.import_tasks(at.client, at.project.id, [{"data": task["data"], "annotations": [answer]}])
    assert tasks_of(at)[-1]["annotations"][0]["result"] == wrong
    (left,) = at.pull().left
    assert "unknown" in left.reason


def test_the_server_drops_wrong_predictions_in_silence(desk):
    at = desk(8, 4)
    task = tasks_of(at)[0]
    wrong = {"task": task["id"], "result": [{"from_name": "unknown"}], "model_version": "m"}
    made = at.client.request(
        "POST", f"/api/projects/{at.project.id}/import/predictions", doing="import", json=[wrong]
    )
    assert made["created"] == 0
    assert tasks_of(at)[0]["total_predictions"] == 0


def test_the_server_imports_the_same_task_twice(desk):
    at = desk(8, 4)
    data = {"data": tasks_of(at)[0]["data"]}
    _tasks.import_tasks(at.client, at.project.id, [data, data])
    assert len(tasks_of(at)) == 6
    found = list(_tasks.tasks_with(at.client, at.project.id, "data.key", [data["data"]["key"]]))
    assert len(found) == 3


def test_an_answer_with_a_unique_id_is_taken_once(desk):
    at = desk(8, 4)
    task = tasks_of(at)[0]
    sent = {"result": at.result(task), "unique_id": "0f9ad3ce-2c1a-4bb4-9d3a-7c1b1e7d5a11"}
    path = f"/api/tasks/{task['id']}/annotations/"
    at.client.request("POST", path, doing="answer", json=sent)
    with pytest.raises(LabelStudioError) as error:
        at.client.request("POST", path, doing="answer", json=sent)
    assert error.value.status == 409


def test_a_number_of_a_deleted_task_is_given_again(desk):
    """On SQLite: so an answer is told by its own number too, and a task by its key."""
    at = desk(8, 4)
    last = tasks_of(at)[-1]
    at.client.request("DELETE", f"/api/tasks/{last['id']}", doing="delete")
    assert push(at.client, at.store, questions(at), **at.options).created == 1
    assert tasks_of(at)[-1]["id"] == last["id"]


def test_wrong_predictions_within_an_import_come_in_or_are_told(desk):
    """Unknown names come in, so predictions are checked before they are sent; what has no result is refused."""
    at = desk(8, 4)
    data = tasks_of(at)[0]["data"]
    wrong = {"result": [{"from_name": "unknown", "type": "choices", "value": {}}]}
    _tasks.import_tasks(at.client, at.project.id, [{"data": data, "predictions": [wrong]}])
    assert tasks_of(at)[-1]["total_predictions"] == 1
    with pytest.raises(LabelStudioError, match=f"project {at.project.id}.* 400: .*item 0"):
        _tasks.import_tasks(at.client, at.project.id, [{"data": data, "predictions": [{}]}])
    assert len(tasks_of(at)) == 5


class Losing(Client):
    """Asks a real server; the last task of an import is lost on the way."""

    def request(self, method, path, **kwargs):
        if path.endswith("/import"):
            kwargs["content"] = json.dumps(json.loads(kwargs["content"])[:-1]).encode()
        return super().request(method, path, **kwargs)


def test_where_less_was_made_than_sent_the_rows_are_named(desk):
    at = desk(8, 4)
    rows = [{"data": task["data"]} for task in tasks_of(at)]
    told = f"sent .*'task_count': 4.* made .*'task_count': 3.*{rows[0]['data']['key'][:12]}.* and 1 more"
    with Losing(at.client.credentials) as losing, pytest.raises(LabelStudioError, match=told):
        _tasks.import_tasks(losing, at.project.id, rows)

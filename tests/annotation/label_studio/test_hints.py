"""Live hints: a real Label Studio asks a real judge about the open task, and blind projects get nothing."""

import json
import logging
import re
from dataclasses import replace

import httpx
import pytest
from starlette.testclient import TestClient

from annotation.label_studio import hints
from annotation.label_studio._serving import serving
from annotation.label_studio.hints import TITLE, Hinter, hint_app, serve_hints
from annotation.label_studio.interfaces import build_interface, task_data
from workbench.calibration.audits.population import latest_selection
from workbench.errors import LabelStudioError
from workbench.judging import RubricJudge
from workbench.records import Generation, Verdict

SECRET = "5ec2e7" * 6 + "abcd"


@pytest.fixture
def hinter(pictures):
    """The judge is made of instruments alone: a real one that loads in no time."""
    made = pictures(6, 4)
    measured = tuple(c for c in made.rubric.criteria if c.by.startswith("instrument:"))
    rubric = replace(made.rubric, name="measured", criteria=measured, failure_modes=(), examples=())
    return Hinter(
        store=made.store,
        judge=RubricJudge(rubric),
        interface=build_interface("image", rubric),
        project=7,
    )


@pytest.fixture
def tasks(hinter):
    """Tasks as Label Studio sends them, of every picture that the store holds."""
    return [
        {
            "id": number,
            "project": 7,
            "data": task_data(
                hinter.interface, generation, None, pictures={generation.image: "/data/x.png"}
            ),
        }
        for number, generation in enumerate(hinter.store.records(Generation), start=1)
    ]


def ask(hinter, body, path="/predict"):
    return TestClient(hint_app(hinter)).post(path, json=body)


def test_the_judge_answers_each_task_once_and_its_suggestions_are_no_verdicts_of_the_store(
    hinter, tasks, monkeypatch
):
    before, latest = hinter.store.counts()["verdicts"], latest_selection(hinter.store, part=None)
    said = ask(hinter, {"tasks": tasks[:2], "project": "7.1795236385"}).json()["results"]
    assert [len(one) for one in said] == [1, 1]
    (first,) = said[0]
    assert first["model_version"] == hinter.version
    assert {region["from_name"] for region in first["result"]} >= {
        "score_sharpness",
        "score_background",
    }
    # What the next audit is about stays what it was.
    assert hinter.store.counts()["verdicts"] == before
    assert latest_selection(hinter.store, part=None) == latest
    monkeypatch.setattr(type(hinter.judge), "judge", None)
    again = ask(hinter, {"tasks": tasks[:2], "project": "7.1795236385"}).json()["results"]
    assert again == said, "nothing is judged twice"


def test_a_verdict_that_the_store_holds_is_suggested(hinter, tasks, monkeypatch):
    from workbench.judging import judge_all

    for _ in judge_all(hinter.store, hinter.judge, hinter.store.records(Generation)):
        pass
    monkeypatch.setattr(type(hinter.judge), "judge", None)
    (said,) = ask(hinter, {"tasks": tasks[:1], "project": "7.1"}).json()["results"]
    assert len(said) == 1


def test_a_task_of_somebody_else_gets_no_suggestion_and_the_others_get_theirs(
    hinter, tasks, caplog
):
    strange = [
        {"id": 91, "data": {"text": "hello"}},
        {"id": 92, "data": {**tasks[0]["data"], "generation": "0" * 64}},
        {"id": 93, "data": {**tasks[0]["data"], "rubric": "category-image@1"}},
        {"id": 94},
    ]
    found = ask(hinter, {"tasks": [*strange, tasks[0]], "project": "7.1"}).json()["results"]
    assert [len(one) for one in found] == [0, 0, 0, 0, 1]
    assert "no suggestion for task 93: want a task of rubric measured@1" in caplog.text


@pytest.mark.parametrize("path", ["/setup", "/predict"])
def test_another_project_is_refused(hinter, tasks, path):
    """Such as a blind one that somebody connects by hand; 77 is not 7."""
    for project in ("77.1795236385", "8", "", None):
        refused = ask(hinter, {"tasks": tasks[:1], "project": project}, path)
        assert (refused.status_code, refused.json()) == (
            403, {"error": "these suggestions are for project 7 alone"},
        )  # fmt: skip


def test_what_is_no_question_is_refused_in_a_sentence(hinter):
    client = TestClient(hint_app(hinter))
    assert client.post("/predict", content=b"{").json() == {"error": "want a JSON object"}
    assert client.post("/predict", json=[1]).status_code == 400
    assert ask(hinter, {"project": "7.1", "tasks": ["x"]}).json() == {
        "error": "want a list of tasks"
    }
    assert client.get("/health").json()["status"] == "UP"
    assert client.get("/versions").json() == {"versions": [hinter.version]}
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 200


def test_a_length_that_is_no_number_is_refused_in_a_sentence(hinter):
    client = TestClient(hint_app(hinter))
    for length in ("many", "-1", "1e3", "²", ""):
        told = {"content-length": length.encode()}
        refused = client.post("/predict", content=b"{}", headers=told)
        assert refused.status_code == 400, length
        assert refused.json()["error"].startswith("want a number of bytes in Content-Length, got ")


def test_a_request_without_a_length_is_no_larger_than_another(hinter, monkeypatch):
    """Through a real server: a body in chunks tells no length before it ends."""
    monkeypatch.setattr(hints, "_LARGEST", 1000)

    def chunks(number):
        for _ in range(number):
            yield b" " * 100

    serve = serving(hint_app(hinter), host="127.0.0.1", port=0, what="suggestions")
    with serve as url, httpx.Client(base_url=url, trust_env=False) as client:
        refused = client.post("/predict", content=chunks(11))
        assert refused.status_code == 413
        assert refused.json() == {"error": "want a request of at most 1000 bytes"}
        small = client.post("/predict", content=chunks(9))
        assert (small.status_code, small.json()) == (400, {"error": "want a JSON object"})
        assert client.post("/predict", content=b" " * 1001).status_code == 413


def test_each_suggestion_that_was_asked_for_is_told_in_a_line(hinter, tasks):
    told = []
    hinter = replace(hinter, told=told.append)
    strange = {"id": 94, "data": {**tasks[0]["data"], "rubric": "category-image@1"}}
    ask(hinter, {"tasks": [tasks[0], strange], "project": "7.1"})
    first, second = map(str, told)
    assert re.fullmatch(r"task 1: suggested (approve|reject|no verdict) \(\d+\.\d s\)", first)
    assert second.startswith("no suggestion for task 94: want a task of rubric measured@1")
    assert told[0].problem is None and told[0].seconds >= 0


def test_the_token_that_label_studio_hands_over_is_kept_nowhere(hinter, tasks, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    body = {
        "project": "7.1", "schema": "<View/>", "access_token": SECRET, "tasks": [{"id": 1}, *tasks[:1]],
        "params": {"login": "ada", "password": SECRET},
    }  # fmt: skip
    said = [ask(hinter, body, path).text for path in ("/setup", "/predict")]
    said += [
        ask(hinter, {**body, "project": "9"}, "/setup").text,
        repr(hinter),
        str(vars(type(hinter))),
    ]
    printed = capfd.readouterr()
    kept = [json.dumps(hinter.version), *map(str, hinter.store.records(Verdict))]
    assert not any(SECRET in text for text in [*said, *kept, caplog.text, printed.out, printed.err])


def test_a_blind_project_has_no_suggestions(hinter):
    """Refused before anything is served or asked: the client is never used."""
    with (
        pytest.raises(LabelStudioError, match="project 7 is blind"),
        serve_hints(None, hinter, blind=True),
    ):
        pass


def test_a_port_that_is_taken_is_named(hinter):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(LabelStudioError, match=f"127.0.0.1:{port}"),
            serve_hints(None, hinter, blind=False, port=port),
        ):
            pass


def test_label_studio_shows_the_judges_answer_on_the_open_task(hinter, tasks, project, client):
    """And the project is afterwards as it was: Label Studio would keep the webhook that it made for a judge."""
    number = project(hinter.interface.config)
    hinter = replace(hinter, project=number)
    sent = [{"data": task["data"]} for task in tasks[:2]]
    client.request("POST", f"/api/projects/{number}/import", doing="import tasks", json=sent)
    (first, _) = client.get("/api/tasks", doing="list tasks", params={"project": number})["tasks"]
    with serve_hints(client, hinter, blind=False) as url:
        (backend,) = client.get("/api/ml", doing="list judges", params={"project": number})
        assert (backend["url"], backend["title"], backend["state"]) == (url, TITLE, "CO")
        shown = client.get(f"/api/tasks/{first['id']}", doing="open a task")["predictions"]
        expected = hinter.suggest([{"id": 1, "data": first["data"]}])[0][0]
        assert [one["model_version"] for one in shown] == [hinter.version]
        assert shown[0]["result"] == expected["result"] and shown[0]["score"] == expected.get(
            "score"
        )
    assert client.get("/api/ml", doing="list judges", params={"project": number}) == []
    hooks = client.get("/api/webhooks/", doing="list webhooks", params={"project": number})
    assert hooks == []
    assert len(client.get(f"/api/tasks/{first['id']}", doing="open a task")["predictions"]) == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_the_judge_is_asked_where_a_prediction_was_pushed_and_that_one_is_shown_again_after(
    hinter, tasks, project, client
):
    """Label Studio shows one version of predictions; ours while it is served, the pushed one before and after."""
    number = project(hinter.interface.config)
    hinter = replace(hinter, project=number)
    pushed = {**hinter.suggest(tasks[:1])[0][0], "model_version": "pushed 1"}
    sent = [{"data": tasks[0]["data"], "predictions": [pushed]}]
    client.request("POST", f"/api/projects/{number}/import", doing="import tasks", json=sent)

    def shown():
        task = client.get(f"/api/projects/{number}/next", doing="take the next task")
        return [one["model_version"] for one in task["predictions"]]

    chosen = {"model_version": "pushed 1"}
    client.request("PATCH", f"/api/projects/{number}/", doing="choose a version", json=chosen)
    with serve_hints(client, hinter, blind=False):
        assert shown() == [hinter.version]
    assert shown() == ["pushed 1"]


def test_label_studio_cannot_connect_another_project(hinter, project, client):
    """A judge that serves one project answers 403 to a blind one's setup, and Label Studio says so."""
    number, blind = project(hinter.interface.config), project(hinter.interface.config)
    with serve_hints(client, replace(hinter, project=number), blind=False) as url:
        body = {"project": blind, "url": url, "title": "by hand"}
        with pytest.raises(LabelStudioError, match="403"):
            client.request("POST", "/api/ml", doing="connect by hand", json=body)
        assert client.get("/api/ml", doing="list judges", params={"project": blind}) == []

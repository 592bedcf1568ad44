"""`workbench annotate` beside the round trip: what it refuses, who is simulated, and the judge that is asked live."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.label_studio import Credentials, add_annotator, connect
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from pipelines.annotate import Connected, PushJob, pull_answers, push_audit, serve_judge
from pipelines.cli import app
from pipelines.label_studio import _links
from workbench.errors import LabelStudioError, StoreError
from workbench.records import Annotation
from workbench.store import Store


@pytest.fixture
def studio(client):
    return Connected(client=client, media=None, store="shop")


def first_task(client, project):
    asked = {"project": project.id}
    return client.get("/api/tasks", doing="list tasks", params=asked)["tasks"][0]


def test_a_login_of_nobody_comes_back_as_simulated(pictures, studio, client, server):
    made = pictures(6, 4)
    (one,) = push_audit(made.store, studio, PushJob()).pushed.projects
    login = add_annotator(client, "eve@simulated.invalid")
    page, task = build_interface("image", made.rubric), first_task(client, one.project)
    answer = Answer(
        approved=False, scores={"fidelity": 2.0, "clarity": 5.0, "style": 5.0},
        corrections=(("prompt", task["data"]["prompt"], "a red mug"),),
    )  # fmt: skip
    with connect(Credentials(url=server.url, token=login.token)) as eve:
        eve.request(
            "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer a task",
            json={"result": write_result(page, answer, task["data"]), "lead_time": 3.0},
        )  # fmt: skip
    assert pull_answers(made.store, studio).pulled.stored == 1
    (stored,) = made.store.records(Annotation)
    assert (stored.annotator, stored.simulated) == ("simulated:eve", True)
    assert made.store.corrections()["simulated"].tolist() == [True]
    shown = CliRunner().invoke(
        app, ["annotate", "status", "--store", str(Path(made.store.url).parent)]
    )
    assert "Some answers are simulated: no person gave them." in shown.output


def test_the_latest_audit_is_pushed_although_an_older_one_has_answers(pictures, studio):
    from workbench.calibration.audited import draw_from
    from workbench.calibration.audits.population import latest_selection

    made = pictures(12, 4)
    made.store.add(
        [
            Annotation(
                id="x", generation=made.generations[0].key, annotator="ada",
                rubric=made.rubric.label, approved=True, audit=made.audit.id,
            )
        ]
    )  # fmt: skip
    selection = latest_selection(made.store, part=None)
    newer = draw_from(made.store, selection, size=6, seed=2)
    made.store.add([newer])
    pushed = push_audit(made.store, studio, PushJob())
    again = made.generations[0].key in {one.generation for one in newer.drawn}
    assert (pushed.audit, pushed.pushed.created) == (newer.id, 6 - again)


def test_without_an_audit_there_is_nothing_to_push(tmp_path, studio):
    with Store.open(tmp_path / "empty") as store, pytest.raises(StoreError, match="holds none"):
        push_audit(store, studio, PushJob())


def test_a_judge_is_not_served_without_a_project_that_may_see_it(pictures, studio):
    made = pictures(6, 4)

    def serve():
        serve_judge(made.store, studio, announce=lambda *_: None, wait=lambda: None)

    with pytest.raises(LabelStudioError, match="annotate push --with-judge"):
        serve()
    push_audit(made.store, studio, PushJob())
    with pytest.raises(LabelStudioError, match="is blind"):
        serve_judge(
            made.store, studio, judge="tiny:vlm", announce=lambda *_: None, wait=lambda: None
        )


@pytest.mark.slow
def test_a_model_is_asked_live_about_the_open_task(pictures, studio, client):
    """A vision-language model with random weights; its torch is what takes the time."""
    made = pictures(7, 4)
    (one,) = push_audit(made.store, studio, PushJob(blind=False)).pushed.projects
    told, seen = [], []

    def look():
        """As the label stream does: tasks to which predictions were pushed are asked about too."""
        following = client.get(f"/api/projects/{one.project.id}/next", doing="take the next task")
        seen.extend(following["predictions"])

    serve_judge(
        made.store, studio, judge="tiny:vlm", announce=lambda *said: told.append(said), wait=look
    )
    assert told[0][0] == one.project
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told[0][1])
    assert [p["model_version"].split()[0] for p in seen] == ["tiny:vlm"]


def test_only_a_blind_answer_of_a_person_spares_an_item_of_a_grown_audit(pictures, studio):
    from dataclasses import replace

    made = pictures(12, 5)
    older = made.audit
    grown = replace(older, id="f" * 64, parameters={**older.parameters, "grown_from": [older.id]})
    made.store.add([grown])
    skipped, deleted, seen, simulated, answered = made.generations

    def said(generation, **rest):
        return Annotation(
            **{
                "id": generation.key[:9], "generation": generation.key, "annotator": "ada",
                "rubric": made.rubric.label, "approved": True, "audit": older.id,
            } | rest
        )  # fmt: skip

    made.store.add(
        [
            said(skipped, approved=None, state="skipped"), said(deleted, approved=None, state="deleted"),
            said(seen, blind=False), said(simulated, simulated=True), said(answered),
        ]
    )  # fmt: skip
    pushed = push_audit(made.store, studio, PushJob(audit=grown.id)).pushed
    assert pushed.created == 4


def test_a_push_says_who_labels_where_and_what_is_asked_already(pictures, studio):
    made = pictures(16, 6)
    first = str(push_audit(made.store, studio, PushJob(annotators=("nobody@example.com",))))
    assert "6 tasks made" in first
    assert "nobody@example.com opens project " in first
    assert "nobody@example.com has no account yet:  workbench labelstudio invite" in first
    again = str(push_audit(made.store, studio, PushJob(annotators=("nobody@example.com",))))
    assert "all 6 were there already" in again
    other = push_audit(made.store, studio, PushJob())
    assert (other.pushed.created, other.pushed.projects) == (0, ())
    assert "6 items are asked in project " in str(other)
    assert "already, of nobody@example.com" in str(other)
    shared = str(push_audit(made.store, studio, PushJob(per_item=2)))
    assert "People can see each other's answers in a project for everybody" in shared
    with pytest.raises(
        LabelStudioError, match="--per-item 2 needs at least two --annotator, you named one"
    ):
        push_audit(made.store, studio, PushJob(annotators=("a@x",), per_item=2))


def test_gold_that_comes_late_is_told(pictures, studio):
    from annotation.label_studio.gold import gold_answer

    made = pictures(16, 4)
    made.store.add(gold_answer(g.key, rubric=made.rubric, approved=True) for g in made.spare[:2])
    assert push_audit(made.store, studio, PushJob()).late_gold == 0
    late = push_audit(made.store, studio, PushJob(gold=2))
    assert late.late_gold == 2
    assert "2 gold items came after the others were there" in str(late)
    with pytest.raises(LabelStudioError, match="workbench annotate adjudicate"):
        push_audit(made.store, studio, PushJob(gold=3))


def test_a_pull_that_leaves_something_ends_with_another_code(
    pictures, studio, client, server, monkeypatch
):
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)
    made = pictures(10, 4)
    (one,) = push_audit(made.store, studio, PushJob()).pushed.projects
    words = ["annotate", "pull", "--store", str(Path(made.store.url).parent)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "Nothing new since the last pull." in done.output
    task = first_task(client, one.project)
    wrong = [
        {"from_name": "unknown", "to_name": "image", "type": "choices", "value": {"choices": ["x"]}}
    ]
    client.request(
        "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer", json={"result": wrong}
    )
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert f"1 could not be read:  {one.project.url}?task={task['id']}" in done.output


def test_who_is_invited_is_told_where_to_answer(pictures, studio):
    made = pictures(8, 4)
    place = str(Path(made.store.url).parent)
    (ada,) = push_audit(
        made.store, studio, PushJob(annotators=("ada@example.com",))
    ).pushed.projects
    (own,) = _links(studio.client, place, "Ada@example.com")
    assert own == f"{ada.project.url}?labeling=1"
    assert _links(studio.client, place, "bo@example.com") == ()


def test_nobody_is_asked_twice_about_what_two_audits_drew(pictures, studio, client):
    from workbench.calibration.audited import answers_to, calibrate_audit, draw_from, unanswered
    from workbench.calibration.audits.population import latest_selection

    made = pictures(12, 6)
    store, older = made.store, made.audit
    (asks,) = push_audit(store, studio, PushJob()).pushed.projects
    selection = latest_selection(store, part=None)
    newer, last = (draw_from(store, selection, size=8, seed=seed) for seed in (2, 3))
    drawn = {one.generation for one in newer.drawn}
    both = {one.generation for one in older.drawn} & drawn
    store.add([newer, last])
    assert both
    push = push_audit(store, studio, PushJob(audit=newer.id))
    assert push.pushed.created == len(drawn - both)
    assert f"asked in project {asks.project.id} already for audit {older.id[:12]}" in str(push)
    assert push_audit(store, studio, PushJob(audit=newer.id)).pushed.created == 0

    page = build_interface("image", made.rubric)
    asked = {"project": asks.project.id, "page_size": 100}
    for task in client.get("/api/tasks", doing="list tasks", params=asked)["tasks"]:
        scores = {c.id: float(len(c.scale)) for c in made.rubric.criteria}
        said = write_result(page, Answer(approved=True, scores=scores), task["data"])
        client.request(
            "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer", json={"result": said}
        )
    assert pull_answers(store, studio).pulled.stored == 6
    assert {one.generation for one in answers_to(store, newer)} == both
    assert {one.generation for one in unanswered(store, newer)} == drawn - both
    counts = calibrate_audit(store, newer).calibration.counts
    assert counts.answered_approvals + counts.answered_rejections == len(both)

    third = {one.generation for one in last.drawn}
    known = third & {one.generation for one in older.drawn}
    push = push_audit(store, studio, PushJob(audit=last.id))
    assert push.pushed.created == len(third - known - drawn)
    assert push.answered == len(known) and "in another audit, which counts here too" in str(push)

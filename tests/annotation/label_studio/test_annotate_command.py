"""`workbench annotate` beside the round trip: what it refuses, who is simulated, and the judge that is asked live."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.label_studio import Credentials, add_annotator, connect
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from pipelines.annotate import Connected, PushJob, pull_answers, push_audit, serve_judge
from pipelines.cli import app
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
    assert (pushed.audit, pushed.pushed.created) == (newer.id, 6)


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
    made = pictures(6, 4)
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

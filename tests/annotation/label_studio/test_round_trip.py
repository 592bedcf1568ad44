"""The whole way: an audit of 50 pictures to two people, one of them in a real browser, and back, and what it is worth."""

from __future__ import annotations

import contextlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from annotation.label_studio.gold import gold_answer
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from pipelines.cli import app
from workbench.calibration.audited import calibrate_audit, find_audit
from workbench.catalog.annotators import SimulatedAnnotator
from workbench.records import Annotation, Correction

TYPED = "product photo of a red mug, white studio background"
CLICKED = (
    3  # tasks answered by hand in the browser; the rest of that person's answers come by the API
)


@pytest.fixture
def workbench(monkeypatch, server):
    """`workbench …` against the real server, and what it prints as JSON."""
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)

    def run(*words, text=False):
        done = CliRunner().invoke(app, [*words, *([] if text else ["--json"])])
        assert done.exit_code == 0, (done.output, done.exception)
        assert server.admin.token not in done.output
        return done.output if text else json.loads(done.stdout)

    return run


def tasks_of(client, project):
    asked = {"project": project, "page_size": 100, "fields": "all"}
    return client.get("/api/tasks", doing="list tasks", params=asked)["tasks"]


def send(client, interface, task, answer, seconds):
    client.request(
        "POST",
        f"/api/tasks/{task['id']}/annotations/",
        doing="answer a task",
        json={"result": write_result(interface, answer, task["data"]), "lead_time": seconds},
    )


def answers_of(name, seed, pictures):
    """What somebody who errs at known rates says of each picture."""
    person = SimulatedAnnotator(name=name, seed=seed, false_approve=0.1, false_reject=0.1)
    every = itertools.chain(pictures.generations, pictures.spare)
    return {
        g.key: person.answer(g, pictures.known[g.key], pictures.rubric).annotation for g in every
    }


def as_answer(one: Annotation) -> Answer:
    return Answer(approved=one.approved, scores=one.scores, failure_modes=one.failure_modes)


def choose(locator):
    """Click until it is chosen: the page draws its form anew while a task settles, and forgets a click."""
    from playwright.sync_api import expect

    for _ in range(5):
        locator.click(force=True)
        with contextlib.suppress(AssertionError):
            expect(locator).to_be_checked(timeout=2000)
            return
    raise AssertionError(f"{locator} cannot be chosen")


def click_through(chromium, server, url, clicks):
    """Log in, reject the first tasks of the stream with a failure mode and a better prompt; their prompts."""
    from playwright.sync_api import sync_playwright

    done = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1400})
        page.goto(f"{server.url}/user/login/")
        page.fill("input[name=email]", server.second.email)
        page.fill("input[name=password]", server.second.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "login" not in address, wait_until="commit")
        page.goto(f"{url}?labeling=1")
        page.click("button[aria-label='Close modal']")  # the instructions were read
        for _ in range(clicks):
            choose(page.locator("input[name=Reject]"))
            done.append(page.locator("textarea[name=prompt_fix]").input_value())
            for row, point in enumerate((2, 5, 4)):  # fidelity, clarity, style
                choose(page.locator(".wb-criterion").nth(row).locator(f"input[name='{point}']"))
            choose(page.locator("input[name='Wrong color']"))
            page.locator("textarea[name=prompt_fix]").fill(TYPED)
            with page.expect_response(
                lambda r: "/annotations" in r.url and r.request.method == "POST"
            ):
                page.click('button:has-text("Submit")')
            page.wait_for_function(
                "sent => document.querySelector('textarea[name=prompt_fix]')?.value !== sent",
                arg=TYPED,
            )
        browser.close()
    return done


def test_fifty_pictures_go_to_two_people_and_come_back_once(  # noqa: PLR0917
    pictures, workbench, server, client, second, chromium
):
    made = pictures(70, 50)
    store, audit, rubric = made.store, made.audit, made.rubric
    folder = str(Path(store.url).parent)
    gold = made.spare[:3]
    store.add(
        gold_answer(
            g.key, rubric=rubric, approved=made.known[g.key].approved,
            failure_modes=made.known[g.key].failure_modes, simulated=True,
        )
        for g in gold
    )  # fmt: skip

    # ---- asked once, and blind -------------------------------------------------------------------
    options = ("annotate", "push", "--store", folder, "--per-item", "2", "--gold", "3")
    pushed = workbench(*options)
    (project,) = pushed["projects"]
    assert (pushed["created"], pushed["known"], pushed["gold"]) == (53, 0, 3)
    again = workbench(*options)
    assert (again["created"], again["known"]) == (0, 53)
    tasks = tasks_of(client, project["id"])
    assert not any(task["total_predictions"] for task in tasks)
    assert len({tuple(sorted(task["data"])) for task in tasks}) == 1, (
        "gold items look like the others"
    )

    # ---- two people answer -----------------------------------------------------------------------
    clicked = click_through(chromium, server, project["url"], CLICKED)
    interface = build_interface("image", rubric)
    by_hand = {t["data"]["generation"] for t in tasks_of(client, project["id"]) if t["annotations"]}
    assert len(by_hand) == CLICKED
    sent = []
    with ThreadPoolExecutor(4) as pool:
        for asking, name, seed in ((client, "first", 1), (second, "second", 2)):
            said = answers_of(name, seed, made)
            for task in tasks:
                key = task["data"]["generation"]
                if asking is client or key not in by_hand:
                    answer = as_answer(said[key])
                    sent.append(pool.submit(send, asking, interface, task, answer, 10.0 + seed))
    assert [one.result() for one in sent] == [None] * (106 - CLICKED)

    # ---- pulled exactly once ---------------------------------------------------------------------
    pulled = workbench("annotate", "pull", "--store", folder)
    assert (pulled["stored"], pulled["left"], pulled["missing"]) == (106, [], [])
    frame = store.annotations(audit=audit.id)
    assert len(frame) == frame["id"].nunique() == 106
    assert set(frame["rubric"]) == {rubric.label} and frame["blind"].all()
    assert frame["seconds"].gt(0).all() and not frame["simulated"].any()
    people = {server.admin.email, server.second.email}
    assert {*frame.groupby("generation")["annotator"].agg(frozenset)} == {frozenset(people)}
    chances = store.audits(audit=audit.id).set_index("generation")["inclusion_probability"]
    joined = frame.join(chances, on="generation")
    counted = joined["inclusion_probability"].groupby(joined["annotator"]).agg(["count", "size"])
    assert counted.to_numpy().tolist() == [[50, 53], [50, 53]], "gold items were not drawn"
    assert {*joined["inclusion_probability"].dropna()} == {
        d.inclusion_probability for d in audit.drawn
    }

    hand = frame[frame["generation"].isin(by_hand) & (frame["annotator"] == server.second.email)]
    for one in store.records(Annotation, hand["id"]):
        assert (one.approved, one.failure_modes) == (False, ("wrong_color",))
        assert one.scores == {"fidelity": 2.0, "clarity": 5.0, "style": 4.0}
    typed = [c for c in store.records(Correction) if c.annotation in set(hand["id"])]
    assert sorted(c.before for c in typed) == sorted(clicked)
    assert {(c.about, c.after) for c in typed} == {("prompt", TYPED)}

    before = store.counts()
    assert workbench("annotate", "pull", "--store", folder)["stored"] == 0
    assert store.counts() == before

    # ---- what people agree on, and what they dispute ---------------------------------------------
    status = workbench("annotate", "status", "--store", folder)
    assert (status["unanswered"], status["simulated"]) == (0, False)
    assert [one["answered"] for one in status["annotators"]] == [50, 50]
    alpha = next(q for q in status["questions"] if q["id"] == "approved")
    assert alpha["items"] == 50 and alpha["alpha"]["low"] < alpha["alpha"]["value"] < 1
    assert [one["answered"] for one in status["gold"]] == [3, 3]
    disputes = status["disputes"]
    assert disputes and status["open_disputes"] == len(disputes)
    words = workbench("annotate", "status", "--store", folder, text=True)
    assert f"{len(disputes)} items in dispute, 0 settled" in words
    assert max(len(line.replace(folder, "shop")) for line in words.splitlines()) <= 90

    # ---- a dispute is settled, and the calibration counts it ----------------------------------------
    asked = workbench("annotate", "adjudicate", "--store", folder)
    assert asked["created"] == len(disputes)
    assert workbench("annotate", "adjudicate", "--store", folder)["created"] == 0
    shown = tasks_of(client, asked["projects"][0]["id"])
    assert {t["data"]["generation"] for t in shown} == {d["generation"] for d in disputes}
    assert not any(who in json.dumps(task["data"]) for who in people for task in shown)
    assert all("<th>A</th><th>B</th>" in task["data"]["answers"] for task in shown)
    task = shown[0]
    key = task["data"]["generation"]
    truth = made.known[key]
    send(
        client,
        interface,
        task,
        Answer(approved=truth.approved, scores=truth.scores, failure_modes=truth.failure_modes),
        seconds=30.0,
    )
    open_before = {j.generation.key: j.answer for j in calibrate_audit(store, audit).population}
    assert workbench("annotate", "pull", "--store", folder)["stored"] == 1
    calibrated = calibrate_audit(store, find_audit(store, audit.id[:12]))
    answers = {j.generation.key: j.answer for j in calibrated.population}
    assert (open_before[key], answers[key]) == (None, truth.approved)
    assert {k for k in answers if answers[k] != open_before[k]} == {key}
    counts = calibrated.calibration.counts
    assert counts.answered_approvals + counts.answered_rejections == 50 - len(disputes) + 1
    assert set(calibrated.calibration.people.annotators) == people, "who settles is no third voter"
    status = workbench("annotate", "status", "--store", folder)
    assert status["open_disputes"] == len(disputes) - 1

"""A drawn sample of alignments to people in a real server and back: a page that hides what was kept, and what it is worth."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from page_browser import refuse, send
from typer.testing import CliRunner

from annotation.label_studio.interfaces import (
    Answer,
    alignment_rubric,
    build_interface,
    read_result,
    task_data,
    write_result,
)
from annotation.label_studio.interfaces._alignment import NONE
from pipelines.cli import app
from pipelines.mace import run_mace
from workbench.alignment import Decisions
from workbench.alignment.checking import _is_right, _right_words, seen_truth
from workbench.catalog import open_catalog
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Generation, Item, Listing
from workbench.store import Store

ADDRESS = "drawn:seed=23,items=12,size=64"
PICTURES = {f"sha256:{name}": f"/pictures/{name}.png" for name in "ab"}
NASTY = '<b>"it\'s" & $price $aspects[0].name ]]> \x00 🎁'


def alignment(**details):
    told = {
        "title": [
            {"text": "Red", "kept": True},
            {"text": NASTY, "kept": False},
            {"text": "Red", "kept": False},
        ],
        "aspects": [
            {"name": NASTY, "values": ["Red", "Rot"], "verdict": "seen"},
            {"name": "Size", "values": ["XL"], "verdict": "not"},
        ],
    }
    return Generation(
        key="3" * 64, kind="alignment", category="mugs", model="rules", revision="1", prompt="p",
        inputs=("sha256:b",), listing=Listing(title="Red"), details=told | details,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page():
    return build_interface("alignment", alignment_rubric())


def test_the_page_is_valid_whole_and_says_nothing_of_what_was_kept(page):
    from label_studio_sdk.label_interface import LabelInterface

    data = task_data(page, alignment(), None, pictures=PICTURES)
    rules = LabelInterface(page.config)
    rules.validate()
    assert rules.validate_task({"data": data})
    assert {one.name for one in rules.controls} == set(page.controls)
    wanted = set(re.findall(r"\$(\w+)", page.config))
    assert wanted | {"generation", "rubric"} == set(data) | {"generation", "rubric"}
    other = json.loads(json.dumps(alignment().details).replace("true", "false"))
    other["aspects"][0]["verdict"] = "not"
    assert task_data(page, alignment(**other), None, pictures=PICTURES) == data


def test_answers_come_back_as_they_were_given(page):
    data = task_data(page, alignment(), None, pictures=PICTURES)
    assert [one["value"] for one in data["words"]][0::2] == ["Red", "Red (2)"]
    scores = {"word 1": 2.0, "word 2": 1.0, "word 3": 2.0, "aspect 1": 2.0, "aspect 2": 1.0}
    for said in (scores, {**scores, "word 1": 1.0, "word 3": 1.0}):
        answer = Answer(scores=said, note="Hm")
        assert read_result(page, write_result(page, answer, data), data) == answer
    both = write_result(page, Answer(scores=scores), data)
    both[[one["from_name"] for one in both].index("words")]["value"]["choices"].append(NONE)
    assert read_result(page, both, data).contradictions == (
        f"words of the title are chosen beside '{NONE}'",
    )


def test_what_the_page_cannot_send_is_refused(page):
    data = task_data(page, alignment(), None, pictures=PICTURES)
    with pytest.raises(LabelStudioError, match="aspect_2_is: want an answer, got none"):
        read_result(
            page, write_result(page, Answer(scores={"word 1": 2.0, "aspect 1": 3.0}), data), data
        )
    whole = write_result(page, Answer(scores={"aspect 1": 3.0, "aspect 2": 1.0}), data)
    whole[[one["from_name"] for one in whole].index("words")]["value"]["choices"] = ["Blue"]
    with pytest.raises(LabelStudioError, match="want words of the title, got 'Blue'"):
        read_result(page, whole, data)
    with pytest.raises(LabelStudioError, match="decided nothing"):
        task_data(page, replace(alignment(), details={}), None, pictures=PICTURES)
    with pytest.raises(LabelStudioError, match="is about alignments, and generation 333333333333"):
        task_data(page, replace(alignment(), kind="listing"), None, pictures=PICTURES)


# ---- the whole way -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Twelve drawn listings, aligned by rules."""
    folder = tmp_path_factory.mktemp("aligned") / "store"
    with Store.open(folder) as store:
        run_mace(store, open_catalog(ADDRESS), ADDRESS, quiet=True)
        yield folder, store


@pytest.fixture
def workbench(monkeypatch, server, shop):
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("WORKBENCH_LABEL_STUDIO_TOKEN", server.admin.token)

    def run(*words, text=False):
        done = CliRunner().invoke(
            app, [*words, "--store", str(shop[0]), *([] if text else ["--json"])]
        )
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output if text else json.loads(done.stdout)

    return run


def truth_of(store, schema, made):
    """What somebody who errs never would answer, from what was drawn."""
    item = next(iter(store.records(Item, [made.item])))
    category = schema.category(item.category)
    true, decided = seen_truth(item, category), Decisions.from_dict(made.details)
    scores = {
        f"word {n}": 1.0 + right
        for n, right in enumerate(_right_words(decided, true, category), start=1)
    }
    return scores | {
        f"aspect {n}": 3.0 if _is_right(one, true, category) else 1.0
        for n, one in enumerate(decided.aspects, start=1)
    }


def test_a_drawn_sample_goes_to_people_and_the_report_tells_what_they_say(
    shop, workbench, client, labelling
):
    _, store = shop
    schema = open_catalog(ADDRESS).schema
    few = workbench("annotate", "alignments", "--sample", "4")
    assert (few["population"], few["sample"], few["created"], few["left"]) == (12, 4, 4, {})
    more = workbench("annotate", "alignments", "--sample", "9")
    assert (more["created"], more["known"]) == (5, 4), "a larger sample holds the smaller one"
    words = workbench("annotate", "alignments", "--sample", "9", text=True)
    assert "9 listings, drawn from 12 that rules aligned; nobody sees what was kept" in words
    number = more["projects"][0]["id"]
    tasks = client.get(
        "/api/tasks", doing="list", params={"project": number, "fields": "all", "page_size": 50}
    )["tasks"]
    made = {g.key: g for g in store.records(Generation) if g.kind == "alignment"}
    assert len({task["data"]["generation"] for task in tasks}) == 9

    # ---- one is answered by hand ------------------------------------------------------------------
    page = labelling(number)
    refuse(page, "The title is not answered yet")
    shown = page.inner_text(".wb-card").strip()
    page.keyboard.press("1")
    page.keyboard.press("2")
    rows = page.locator(".wb-slot:visible").count()
    for key in ("q", "w", "e", "t")[: rows - 1]:
        page.keyboard.press(key)
    if rows <= 4:
        refuse(page, f"Row {rows} is not answered yet: do the photos show it?")
    for row in range(min(rows - 1, 4), rows):
        page.locator(".wb-slot:visible").nth(row).locator("input").nth(2).check(force=True)
    send(page)
    by_hand = client.get(
        "/api/tasks", doing="list", params={"project": number, "fields": "all", "page_size": 50}
    )["tasks"]
    (clicked,) = (task for task in by_hand if task["annotations"])
    assert clicked["data"]["title"].split() == shown.split()

    # ---- the others by what is true, as their pages would send it ------------------------------------
    interface = build_interface("alignment", alignment_rubric(), schema=schema)
    for task in by_hand:
        if task["id"] != clicked["id"]:
            said = Answer(scores=truth_of(store, schema, made[task["data"]["generation"]]))
            client.request(
                "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer",
                json={"result": write_result(interface, said, task["data"]), "lead_time": 9.0},
            )  # fmt: skip
    pulled = workbench("annotate", "pull")
    assert (pulled["stored"], pulled["left"]) == (9, [])
    told = {a.generation: a for a in store.records(Annotation)}
    hand = told[clicked["data"]["generation"]]
    assert hand.approved is None and hand.blind and hand.rubric == "alignment@1"
    assert [hand.scores[f"word {n}"] for n in (1, 2, 3)] == [2, 2, 1]
    assert [hand.scores[f"aspect {n}"] for n in range(1, rows + 1)] == [
        *[3.0] * min(rows - 1, 4), *[1.0] * (rows - min(rows - 1, 4)),
    ]  # fmt: skip

    # ---- what it is worth -----------------------------------------------------------------------------
    report = workbench("run", "mace", "--catalog", ADDRESS)
    people = report["people"]
    assert (people["alignments"], people["people"], people["simulated"]) == (9, 1, False)
    aspects = people["checks"][1]
    dropped = [
        (told[key].scores[f"aspect {n}"] < 2)
        for key in told
        for n, one in enumerate(Decisions.from_dict(made[key].details).aspects, start=1)
        if not one.kept
    ]
    assert aspects["precision"]["n"] == len(dropped)
    assert aspects["precision"]["value"] == pytest.approx(sum(dropped) / len(dropped))
    assert aspects["precision"]["low"] < aspects["precision"]["value"]
    said = workbench("run", "mace", "--catalog", ADDRESS, "--quiet", text=True)
    assert "against 1 person, words of titles:" in said
    assert "from 9 alignments drawn for them" in said


def test_a_task_that_was_changed_by_hand_is_not_believed(workbench, client, shop):
    """Another word in the title: what was said is about another text."""
    _, store = shop
    sent = workbench("annotate", "alignments", "--sample", "2", "--seed", "5")
    number = sent["projects"][0]["id"]
    task = client.get("/api/tasks", doing="list", params={"project": number, "fields": "all"})[
        "tasks"
    ][-1]
    made = next(iter(store.records(Generation, [task["data"]["generation"]])))
    interface = build_interface(
        "alignment", alignment_rubric(), schema=open_catalog(ADDRESS).schema
    )
    said = Answer(scores=truth_of(store, open_catalog(ADDRESS).schema, made))
    client.request(
        "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer",
        json={"result": write_result(interface, said, task["data"])},
    )  # fmt: skip
    data = {**task["data"], "title": "Solid gold " + task["data"]["title"]}
    client.request("PATCH", f"/api/tasks/{task['id']}/", doing="change", json={"data": data})
    done = CliRunner().invoke(app, ["annotate", "pull", "--store", str(shop[0]), "--json"])
    assert done.exit_code == 1
    assert "the task was changed by hand" in json.loads(done.stdout)["left"][0]["reason"]

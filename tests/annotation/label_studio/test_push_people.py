"""Who is asked: logins, what is missing and nothing twice, blind or with the judge, and words for people."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from annotation.label_studio import Purpose, Question, _building, _tasks, push
from annotation.label_studio._dealing import identity
from annotation.label_studio._sharing import overlap_of
from annotation.label_studio.interfaces import build_interface
from annotation.label_studio.projects import title_of
from workbench.errors import LabelStudioError
from workbench.rubric import load_rubric

ADA, BO, CY = "ada@example.com", "bo@example.com", "cy@example.com"


def questions(at):
    return [Question(generation=g.key) for g in at.audit.generations]


def again(at, **changed):
    options = at.options | {"annotators": (), "per_item": 1} | changed
    return push(at.client, at.store, questions(at), **options)


def test_other_people_are_dealt_only_what_is_missing(desk):
    at = desk(16, 10, annotators=(ADA, BO), per_item=2)
    assert at.pushed.created == 20
    for people in ((ADA, BO, CY), (CY,), ()):
        more = again(at, annotators=people, per_item=min(2, len(people)) or 2)
        assert more.created == 0, people
    assert sum(items for _, items in more.elsewhere) == 20
    assert more.projects == (), "no empty project is made"
    third = again(at, annotators=(ADA, BO, CY), per_item=3)
    assert [(p.project.purpose.annotator, p.created) for p in third.projects] == [
        (ADA, 0), (BO, 0), (CY, 10),
    ]  # fmt: skip
    at.pushed = third


def test_half_of_what_is_missing_goes_to_the_one_who_has_less(desk):
    at = desk(16, 10, annotators=(ADA, BO))
    held = Counter(
        task["data"]["generation"]
        for one in at.pushed.projects
        for task in _tasks.list_tasks(at.client, one.project.id)
    )
    assert set(held.values()) == {1}
    at.pushed = again(at, annotators=(ADA, BO, CY), per_item=2)
    sizes = [p.created + p.known for p in at.pushed.projects]
    assert (at.pushed.created, at.pushed.known, sum(sizes)) == (10, 10, 20)
    assert max(sizes) - min(sizes) <= 2
    held = Counter(
        task["data"]["generation"]
        for one in at.pushed.projects
        for task in _tasks.list_tasks(at.client, one.project.id)
    )
    assert set(held.values()) == {2}


def test_people_come_to_the_items_that_they_share_in_one_order(desk):
    at = desk(16, 10, annotators=(ADA, BO), per_item=2)
    first, second = (
        [task["data"]["generation"] for task in _tasks.list_tasks(at.client, one.project.id)]
        for one in at.pushed.projects
    )
    assert first == second
    assert first != [item.generation for item in at.audit.audit.drawn], "nor is it the draw's"


def test_what_everybody_is_asked_counts_too(desk):
    at = desk(8, 4)
    assert again(at, annotators=(ADA,)).created == 0
    assert again(at, annotators=(ADA,)).elsewhere == ((at.project, 4),)


def test_logins_are_compared_as_the_server_does(desk, server):
    at = desk(8, 4, annotators=(f" {server.second.email.upper()} ",))
    assert at.project.purpose.annotator == server.second.email
    assert at.pushed.without_account == ()
    assert again(at, annotators=("notalogin",)).without_account == ("notalogin",)
    with pytest.raises(LabelStudioError, match=r"want logins .* got ' '"):
        again(at, annotators=(" ",))
    with pytest.raises(LabelStudioError, match=r"'ada@example.com' 2 times"):
        again(at, annotators=(ADA, "Ada@example.com"), per_item=2)


def test_one_audit_is_asked_blind_or_with_the_judge(desk):
    at = desk(8, 4)
    with pytest.raises(
        LabelStudioError,
        match=r"asks about 4 of the same outputs blind, and waits .* everybody sees",
    ):
        again(at, blind=False)
    for task in at.tasks:
        at.say(task)
    shown = again(at, blind=False)
    at.pushed = type(shown)(projects=(*at.pushed.projects, *shown.projects))
    (one,) = shown.projects
    assert one.project.title == f"Image review with the judge's answers · {at.audit.audit.id[:6]}"
    page = at.client.get(f"/api/projects/{one.project.id}", doing="read")
    assert "begins with the judge's answers" in page["expert_instruction"]
    with pytest.raises(
        LabelStudioError, match=r"shows the judge's answers about 4 of the same outputs"
    ):
        again(at)


def test_a_project_tells_people_what_it_is_and_how_much(desk):
    at = desk(8, 4)
    path = f"/api/projects/{at.project.id}"
    said = at.client.get(path, doing="read")["description"].splitlines()
    assert said[0] == "4 images to check by rubric category-image 1."
    assert said[-1] == at.project.purpose.line()
    more = [*questions(at), Question(generation=at.audit.spare[0].key)]
    push(at.client, at.store, more, **at.options)
    said = at.client.get(path, doing="read")["description"]
    assert said.startswith("5 images to check") and said.endswith(at.project.purpose.line())
    at.client.request("PATCH", path, doing="rewrite", json={"description": "Ours"})
    push(at.client, at.store, more, **at.options)
    assert at.client.get(path, doing="read")["description"] == "Ours"


def test_titles_cut_no_word():
    page = build_interface("image", load_rubric("category-image"))
    now = datetime.now(UTC)

    def title(annotator, *, blind=True, others=()):
        purpose = Purpose(
            kind="image", rubric="category-image@1", name="n", blind=blind, audit="3f2a1c" + "0" * 58,
            annotator=annotator,
        )  # fmt: skip
        return title_of(purpose, page, others=others)

    assert title(ADA) == f"Ada · image review · {now.day} {now:%b} · 3f2a1c"
    assert title(ADA, others=(ADA, "ada@other.com")).startswith("Ada@example.com · image review")
    assert title(ADA, blind=False) == "Ada · image review with judge · 3f2a1c"
    assert (
        title("somebody.with.a.long.name@x.com")
        == "Somebody.with.a.long.name · image review · 3f2a1c"
    )
    assert len(title("a" * 60 + "@x.com", blind=False)) <= 50


def test_data_that_is_no_object_stops_no_push(desk):
    """The server answers 500 to it, and keeps it."""
    at = desk(8, 4)
    task = at.tasks[0]
    with pytest.raises(LabelStudioError):
        at.client.request("PATCH", f"/api/tasks/{task['id']}", doing="break it", json={"data": []})
    assert again(at).created == 1


def test_what_the_page_cannot_show_is_left_out_by_name(desk, monkeypatch):
    at = desk(8, 4)
    first = at.audit.generations[0].key
    shown = _building.task_data

    def full(interface, generation, *rest, **options):
        if generation.key == first:
            raise LabelStudioError(f"listing {first[:12]} states 99 aspects")
        return shown(interface, generation, *rest, **options)

    monkeypatch.setattr(_building, "task_data", full)
    at.options = at.options | {"name": "no room"}
    at.pushed = again(at)
    assert (at.pushed.created, at.pushed.known) == (3, 0)
    assert at.pushed.left == {first: f"listing {first[:12]} states 99 aspects"}
    assert again(at).left == at.pushed.left and again(at).created == 0


def test_the_project_for_everybody_asks_at_least_one_person():
    asked = Question(generation="g")
    there = [
        SimpleNamespace(name=name, held={identity(asked)}, answers=1) for name in ("ada", "bo")
    ]
    assert overlap_of([asked], there, 1) == 1
    assert overlap_of([asked], there, 3) == 1
    assert overlap_of([asked], [], 3) == 3

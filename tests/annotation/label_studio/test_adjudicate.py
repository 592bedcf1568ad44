"""A project of disputes: what it shows of the answers, and what it hides."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from annotation.adjudication import settle
from annotation.label_studio import withdraw
from annotation.label_studio.adjudicate import (
    adjudication_interface,
    answers_table,
    asked_to_settle,
    push_disputes,
)
from annotation.label_studio.interfaces import build_interface
from pipelines.annotate_status import annotation_status
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Correction
from workbench.rubric import load_rubric

RUBRIC = load_rubric("category-image")
PEOPLE = ("ada@example.com", "bo@example.com", "cy@example.com")


def answer(by, *, approved, generation="g1", **rest):
    return Annotation(
        id=f"{by}/{generation}", generation=generation, annotator=by, rubric=RUBRIC.label,
        approved=approved, **rest,
    )  # fmt: skip


class Reader(HTMLParser):
    """The table's rows as text, and every tag that a browser would see."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if self.rows:
            self.rows[-1].append(data)


def shown(said, corrections=()):
    (item,) = settle(said, rubric=RUBRIC).items
    return answers_table(item, RUBRIC, corrections)


def test_answers_stand_side_by_side_under_letters_and_names_are_hidden():
    html = shown(
        [
            answer(PEOPLE[0], approved=True, scores={"fidelity": 5.0, "clarity": 4.0}),
            answer(PEOPLE[1], approved=False, scores={"fidelity": 2.0, "clarity": 4.0},
                   failure_modes=("wrong_color",), note="It is blue."),
        ]
    )  # fmt: skip
    rows = {row[0]: row[1:] for row in Reader(html).rows[1:]}
    assert Reader(html).rows[0] == ["A", "B"]
    assert set(rows["Verdict"]) == {"Approve", "Reject"}
    place = rows["Verdict"].index("Reject")
    assert rows["Does the image show what the prompt asks for?"][place] == "2"
    assert rows["What is wrong with it"][place] == "Wrong color"
    assert html.count('class="differs"') == 2, "the verdict, and fidelity on both sides of 4"
    assert (
        "whole, undistorted and shown in clear detail? <b>4</b></li>"
        in html.partition("All agree")[2]
    )
    assert f"<b>{'AB'[place]}</b> notes: It is blue." in html
    assert not any(part in html for who in PEOPLE for part in (who, who.partition("@")[0] + "@"))


def test_what_all_agree_on_stands_apart_and_what_nobody_answered_says_so():
    alike = {"clarity": 4.0, "style": 5.0}
    html = shown(
        [
            answer(PEOPLE[0], approved=True, scores=alike | {"fidelity": 5.0}),
            answer(PEOPLE[1], approved=False, scores=alike, failure_modes=("wrong_color",)),
        ]
    )
    rows = {row[0]: row[1:] for row in Reader(html).rows[1:]}
    assert set(rows["Does the image show what the prompt asks for?"]) == {"5", "not answered"}
    assert set(rows["What is wrong with it"][:2]) == {"Wrong color", "nothing named"}
    agreed = html.partition("All agree:")[2]
    assert agreed.count("<li>") == 2 and "·" not in agreed and "—" not in html


def test_a_letter_is_another_person_on_another_item_and_the_same_when_pushed_again():
    first = []
    for number in range(40):
        key = f"g{number}"
        said = [answer(PEOPLE[0], approved=True, generation=key), answer(PEOPLE[1], approved=False, generation=key)]  # fmt: skip
        assert shown(said) == shown(said[::-1])
        first.append(Reader(shown(said)).rows[1][1])
    assert 8 <= first.count("Approve") <= 32, "of 40, half ± 3.8 standard errors"


def test_what_people_wrote_is_text_and_no_page():
    said = [answer(PEOPLE[0], approved=True), answer(PEOPLE[1], approved=False, note="<script>alert(1)</script>")]  # fmt: skip
    better = [
        Correction(id="1", annotation=said[1].id, generation="g1", about="prompt", before="a",
                   after='<img src=x onerror="alert(2)">'),
        Correction(id="2", annotation=said[1].id, generation="g1", about="aspects.Color", before="Red",
                   after=None),
        Correction(id="3", annotation=said[1].id, generation="g1", about="title", before="a", after="b",
                   withdrawn=True),
    ]  # fmt: skip
    html = shown(said, better)
    assert Reader(html).tags == {"table", "thead", "tbody", "tr", "th", "td", "p", "b"}
    assert "would take the color out: Red" in html and "the title" not in html


def test_the_page_asks_the_same_questions_and_shows_the_answers_above():
    plain = build_interface("image", RUBRIC)
    page = adjudication_interface(plain)
    assert page.controls == plain.controls
    assert page.config.index("$answers") < page.config.index("$prompt")
    assert page.title == "category-image@1 · adjudication"


def test_what_is_pushed_is_remembered_and_pushed_again_makes_nothing(pictures, client):
    made = pictures(8, 4)
    keys = [g.key for g in made.generations[:3]]
    split = [
        replace(answer(who, approved=who == PEOPLE[0], generation=key), audit=made.audit.id)
        for who in PEOPLE[:2]
        for key in keys
    ]
    truth = answer("catalogue-truth", approved=False, generation=made.generations[3].key)
    made.store.add([*split[:2], split[3], split[4]])
    made.store.add([replace(truth, audit=made.audit.id, simulated=True)])
    assert asked_to_settle(made.store, made.audit) == frozenset()
    page = build_interface("image", made.rubric)
    pushed = push_disputes(client, made.store, made.audit, page)
    assert (pushed.created, pushed.known) == (2, 0), "two people differ on two items"
    assert asked_to_settle(made.store, made.audit) == set(keys[:2])
    made.store.add(split)
    again = push_disputes(client, made.store, made.audit, page)
    assert (again.created, again.known) == (1, 2)
    assert asked_to_settle(made.store, made.audit) == set(keys)
    status = annotation_status(made.store, audit=made.audit.id, named="shop")
    assert "3 in the adjudication project" in str(status)
    withdraw(client, made.store, again.projects[0].project.id)
    assert asked_to_settle(made.store, made.audit) == frozenset()
    words = str(annotation_status(made.store, audit=made.audit.id, named="shop"))
    assert "in dispute, 0 settled:  workbench annotate adjudicate --store shop" in words
    assert "adjudication project" not in words and "annotate pull" not in words


def test_where_nothing_is_disputed_nothing_is_pushed(pictures):
    """The server is never asked: there is no client."""
    made = pictures(6, 4)
    with pytest.raises(LabelStudioError, match="nothing is in dispute: of 4 items"):
        push_disputes(None, made.store, made.audit, build_interface("image", made.rubric))


def test_more_people_than_letters_are_refused():
    said = [answer(f"p{i}@example.com", approved=i % 2 == 0) for i in range(27)]
    with pytest.raises(LabelStudioError, match="at most 26 people"):
        shown(said)

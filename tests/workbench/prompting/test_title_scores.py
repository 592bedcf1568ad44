"""Marked titles are read as people wrote them, and scores are those worked out by hand."""

from __future__ import annotations

import json

import pytest

from workbench.errors import CatalogError
from workbench.prompting import RuleSimplifier, Simplified, read_marked, score_titles
from workbench.prompting.titles import Removed


def answer(title, *removed):
    parts = tuple(Removed(text=text, kind=kind, start=title.index(text)) for text, kind in removed)
    return Simplified(original=title, title="x", removed=parts)


@pytest.fixture
def marked(tmp_path):
    path = tmp_path / "m.jsonl"
    rows = [
        {"input": "Acme Red Mug 12 oz", "category": "Mugs", "target_scores": {"Brand": {"Acme": 1}, "Net Content": {"12 oz": 1}, "Color": {"Red": 1}}},
        {"title": "Big Acme Big Mug", "category": "Mugs", "brand": "Big", "size": ["none of this"]},
        {"title": "Elva Boot 5000", "category": "Boots", "model": "Elva"},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return read_marked(path)


def test_marks_are_first_places_of_values(marked):
    assert [(s.start, s.end, s.kind) for s in marked[0].marks] == [
        (0, 4, "brand"),
        (13, 18, "size"),
    ]
    assert [(s.start, s.end) for s in marked[1].marks] == [(0, 3)]
    assert [(s.start, s.end) for s in marked[1].again] == [(9, 12)]
    assert marked[0].asked == marked[1].asked == {"brand", "size"} and marked[2].asked == {"model"}


def test_scores_by_hand(marked):
    answers = [
        answer(marked[0].title, ("Acme Red", "brand"), ("12", "size")),
        answer(
            marked[1].title, ("Big Mug", "brand")
        ),  # its second `Big` is not scored, `Mug` is wrong
        answer(
            marked[2].title, ("Elva", "model"), ("5000", "size")
        ),  # nobody was asked for sizes here
    ]
    found = {s.kind: s for s in score_titles(marked, answers)}
    assert set(found) == {"brand", "size", "model"}
    brand, size, model = found["brand"], found["size"], found["model"]
    assert (brand.titles, brand.marked, brand.removed) == (2, 2, 3)
    assert brand.precision.value == pytest.approx(1 / 3) and brand.recall.value == 0.5
    assert brand.f1.value == pytest.approx(2 / 5)
    assert (size.marked, size.removed) == (2, 1)
    assert (
        size.precision.value == 1
        and size.recall.value == 0.5
        and size.f1.value == pytest.approx(2 / 3)
    )
    assert (
        model.f1.value == 1 and model.titles == 1 and model.f1.low is None
    )  # one title: no interval


def test_nothing_removed_is_undefined_and_not_zero(marked):
    nothing = [answer(m.title) for m in marked]
    brand = score_titles(marked, nothing)[0]
    assert (
        brand.precision.value is None
        and brand.precision.reason == "nothing was removed as this kind"
    )
    assert brand.recall.value == 0 and brand.f1.value == 0
    with pytest.raises(ValueError, match="one answer per title"):
        score_titles(marked, nothing[:1])


def test_a_table_of_marks(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        'title,category,brand,size,pack size\n"Acme Mug, 12 oz, 2 pack",Mugs,Acme,12 oz|9 oz,2 pack\n'
    )
    (one,) = read_marked(path)
    assert [(one.title[s.start : s.end], s.kind) for s in one.marks] == [
        ("Acme", "brand"), ("12 oz", "size"), ("2 pack", "size"),
    ]  # fmt: skip
    assert RuleSimplifier().simplify([one.question])[0].title == "Acme Mug"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"title": "x"}\n{"title": 3}\n', "a.jsonl:2: want the title"),
        ("a.jsonl", "not json\n", "a.jsonl:1: this line is no JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: want keys and values"),
        ("a.jsonl", "\n", "a file without rows"),
        ("a.csv", "name,brand\nx,y\n", "want a column 'title'"),
        ("a.csv", "title,brand\n,y\n", "a.csv:2: want a title"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(CatalogError) as error:
        read_marked(tmp_path / name)
    assert said in str(error.value)
    with pytest.raises(CatalogError, match="want a file of marked titles"):
        read_marked(tmp_path / "none.csv")

"""Rubric files: what ships is right, what is wrong is named with its line, what is written is read back."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from workbench.errors import RubricError
from workbench.rubric import (
    Criterion,
    Example,
    FailureMode,
    Rubric,
    diff_rubrics,
    dump_rubric,
    load_rubric,
    parse_rubric,
    rubric_schema,
    save_rubric,
    shipped_rubrics,
)

GOOD = """\
name: mugs
version: 1
judges: image
criteria:
  - id: color
    question: Is it red?
    scale: [no, yes]
    threshold: 1.5
    points:
      yes: It is.
      no: It is not.
  - id: shape
    question: How round is it?
    scale: [1, 2, 3, 4, 5]
    threshold: 4
    decides: false
failure_modes:
  - id: wrong_color
    description: Not red.
    criterion: color
    blocks: true
examples:
  - output: a blue mug
    criterion: color
    point: no
    why: Blue.
"""


def test_yaml_words_and_numbers_become_points():
    rubric = parse_rubric(GOOD, where="mugs.yaml")
    color, shape = rubric.criteria
    assert color.scale == ("no", "yes")
    assert color.points == ("It is not.", "It is."), "points follow the scale, not the file"
    assert shape.scale == ("1", "2", "3", "4", "5")
    assert not shape.decides
    assert rubric.failure_modes[0].blocks
    assert rubric.examples[0].point == "no"
    assert rubric.label == "mugs@1"
    assert rubric.criterion("shape") is shape
    with pytest.raises(RubricError, match="no criterion 'size'; it has: color, shape"):
        rubric.criterion("size")


@pytest.mark.parametrize("name", shipped_rubrics())
def test_shipped_rubrics_read_round_trip_and_keep_to_the_editor_schema(name):
    rubric = load_rubric(name)
    assert rubric.name == name
    assert parse_rubric(dump_rubric(rubric), where=name) == rubric
    text = (resources.files("workbench") / "rubrics" / f"{name}.yaml").read_text()
    first = text.splitlines()[0]
    assert first == "# yaml-language-server: $schema=rubric.schema.json"
    jsonschema.validate(json.loads(json.dumps(YAML(typ="safe").load(text))), rubric_schema())
    assert all(one.points for one in rubric.criteria), "every point is said in words"


def test_two_rubrics_ship():
    assert shipped_rubrics() == ("category-image", "listing")


def test_every_shipped_failure_mode_of_the_seeds_is_there():
    image = {mode.id for mode in load_rubric("category-image").failure_modes}
    assert image >= {
        "distorted_object",
        "unexpected_element",
        "dark_background",
        "blurred_or_incomplete",
        "wrong_color",
        "wrong_product",
        "text_overlay",
        "unsafe",
    }


def test_the_editor_schema_that_ships_is_current():
    shipped = resources.files("workbench") / "rubrics" / "rubric.schema.json"
    assert json.loads(shipped.read_text()) == rubric_schema(), (
        "write it again: json.dumps(rubric_schema(), indent=2, ensure_ascii=False)"
    )


def test_the_editor_schema_refuses_what_the_reader_refuses():
    data = YAML(typ="safe").load(GOOD)
    jsonschema.validate(data, rubric_schema())
    data["criteria"][0]["treshold"] = 2
    with pytest.raises(jsonschema.ValidationError, match="treshold"):
        jsonschema.validate(data, rubric_schema())


BROKEN = """\
name: mugs
version: 0
judges: images
judges: image
criteria:
  - id: color
    question: Is it red?
    scale: [1, 2, 2]
    treshold: 3
    threshold: 7
    points: {1: bad, 4: good}
    by: instruments:x
  - id: color
    question: 5
    scale: no
    threshold: true
    decides: 1
failure_modes:
  - {id: m, description: d, criterion: colour}
examples:
  - {output: o, criterion: color, point: 9, why: w}
"""


def test_all_problems_of_a_file_are_named_at_once_with_line_and_key():
    with pytest.raises(RubricError) as raised:
        parse_rubric(BROKEN, where="mugs.yaml")
    lines = str(raised.value).splitlines()
    assert lines[0] == "this rubric cannot be used; 16 things are wrong:"
    expected = """\
mugs.yaml:2: version: want a number from 1, got 0
mugs.yaml:4: judges: this key stands on line 3 already
mugs.yaml:8: criteria[0].scale: points must differ, '2' stands twice
mugs.yaml:9: criteria[0].treshold: unknown key; did you mean 'threshold'?
mugs.yaml:10: criteria[0].threshold: want a number over 1 and up to 3, the points of the scale, got 7
mugs.yaml:11: criteria[0].points: say what each point means or none: 2 missing
mugs.yaml:11: criteria[0].points[4]: the scale has no such point; it has: 1, 2, 2
mugs.yaml:13: criteria[1].id: 'color' is the id of criteria[0] already
mugs.yaml:14: criteria[1].question: want text, got 5
mugs.yaml:15: criteria[1].scale: want a list, got 'no'
mugs.yaml:16: criteria[1].threshold: want a number, got True
mugs.yaml:17: criteria[1].decides: want true or false, got 1
mugs.yaml:19: failure_modes[0].criterion: there is no criterion 'colour'; did you mean 'color'?
mugs.yaml:21: examples[0].point: want a point of the scale (1, 2, 2), got 9"""
    found = [line.strip() for line in lines[1:]]
    for line in expected.splitlines():
        assert line in found
    assert [int(line.split(":")[1]) for line in found] == sorted(
        int(line.split(":")[1]) for line in found
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version: 1", "version: one"), "mugs.yaml:2: version: want a whole number, got 'one'"),
        (("version: 1", "version: 1.5"), "mugs.yaml:2: version: want a whole number, got 1.5"),
        (("judges: image\n", ""), "mugs.yaml:1: judges: this key is missing"),
        (
            ("threshold: 1.5", "threshold: 1"),
            "mugs.yaml:8: criteria[0].threshold: want a number over 1 and up to 2, "
            "the points of the scale, got 1",
        ),
        (
            ("    decides: false", "    decides: false\n    by: instrument"),
            "criteria[1].by: want text that matches",
        ),
        (("name: mugs", "nom: mugs"), "nom: unknown key; did you mean 'name'?"),
        (("    why: Blue.", "    wy: Blue."), "examples[0].wy: unknown key; did you mean 'why'?"),
        (("[no, yes]", "[yes]"), "criteria[0].scale: want at least 2, got ['yes']"),
        (("[no, yes]", "[true, false]"), "criteria[0].scale[0]: want text, got True"),
        (("Is it red?", "''"), "criteria[0].question: want some text, got ''"),
        (("judges: image", "judges: [image"), "this is no YAML"),
    ],
)
def test_one_problem_is_one_sentence(change, message):
    with pytest.raises(RubricError) as raised:
        parse_rubric(GOOD.replace(*change, 1), where="mugs.yaml")
    assert message in str(raised.value)


def test_a_rubric_that_decides_nothing_is_refused():
    rubric = load_rubric("listing")
    idle = tuple(dataclasses.replace(one, decides=False) for one in rubric.criteria)
    with pytest.raises(RubricError, match="at least one criterion must decide"):
        dump_rubric(dataclasses.replace(rubric, criteria=idle))


@pytest.mark.parametrize(
    ("text", "got"), [("", "nothing"), ("- 1", "a list"), ("hello", "'hello'")]
)
def test_a_file_that_is_no_mapping(text, got):
    with pytest.raises(RubricError, match=f"x.yaml:1: want keys and values .*, got {got}"):
        parse_rubric(text, where="x.yaml")


def test_names_and_files_are_told_apart(tmp_path, monkeypatch):
    with pytest.raises(RubricError, match=r"'listings' ships .*did you mean 'listing'"):
        load_rubric("listings")
    with pytest.raises(RubricError, match="cannot be read"):
        load_rubric(tmp_path / "listing")
    rubric = load_rubric("listing")
    save_rubric(rubric, tmp_path / "mine.yaml")
    assert load_rubric(tmp_path / "mine.yaml") == rubric
    monkeypatch.chdir(tmp_path)
    assert load_rubric("mine.yaml") == rubric
    assert json.loads((tmp_path / "rubric.schema.json").read_text()) == rubric_schema()


def test_digest_is_about_meaning_not_about_formatting():
    rubric = parse_rubric(GOOD, where="a.yaml")
    laid_out = GOOD.replace("threshold: 4", "threshold: 4.0  # strict").replace(
        "Is it red?", "'Is it red?'"
    )
    assert parse_rubric(laid_out, where="b.yaml").digest == rubric.digest
    for change in (("1.5", "1.6"), ("red", "blue"), ("version: 1", "version: 2")):
        assert parse_rubric(GOOD.replace(*change, 1), where="c.yaml").digest != rubric.digest


def test_diff_says_what_changed_in_words():
    old = parse_rubric(GOOD, where="old.yaml")
    color, shape = old.criteria
    new = dataclasses.replace(
        old,
        version=2,
        criteria=(
            dataclasses.replace(shape, threshold=3.0),
            color,
            Criterion(id="size", question="How big?", scale=("no", "yes"), threshold=2),
        ),
        failure_modes=(dataclasses.replace(old.failure_modes[0], blocks=False),),
        examples=(),
    )
    assert str(diff_rubrics(old, new)).splitlines() == [
        "mugs@1 → mugs@2: 6 changed",
        "  version 1 → 2",
        "  criterion shape: threshold 4 → 3",
        "  criterion size added: How big? (no < yes, passed from 2)",
        "  order of criterion ids color, shape → shape, color",
        "  failure mode wrong_color: blocks yes → no",
        "  example 1 of color removed: 'a blue mug' is no: Blue.",
    ]
    assert str(diff_rubrics(old, old)) == "mugs@1 → mugs@1: nothing changed"
    removed = diff_rubrics(new, old)
    assert [(one.kind, one.about) for one in removed.changes if one.kind != "changed"] == [
        ("removed", "criterion size"),
        ("added", "example 1 of color"),
    ]


def test_diff_of_long_text_stands_in_two_lines():
    old = parse_rubric(GOOD, where="old.yaml")
    reworded = dataclasses.replace(old.criteria[0], question="Is the mug red " + "all over " * 9)
    text = str(diff_rubrics(old, dataclasses.replace(old, criteria=(reworded, old.criteria[1]))))
    assert "criterion color: question changed\n    - Is it red?\n    + Is the mug red" in text


words = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="\x85"), min_size=1
).map(str.strip)
sayings = st.lists(words.filter(bool), min_size=1, max_size=3).map("\n".join)
ids = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@st.composite
def rubrics(draw):
    names = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    criteria = []
    for position, name in enumerate(names):
        scale = tuple(draw(st.lists(words.filter(bool), min_size=2, max_size=5, unique=True)))
        described = draw(st.booleans())
        criteria.append(
            Criterion(
                id=name,
                question=draw(sayings),
                scale=scale,
                threshold=draw(st.floats(1, len(scale), exclude_min=True)),
                by=draw(st.sampled_from(["model", "instrument:text"])),
                decides=position == 0 or draw(st.booleans()),
                points=tuple(draw(sayings) for _ in scale) if described else (),
            )
        )
    one = criteria[0]
    return Rubric(
        name="drawn",
        version=draw(st.integers(1, 10**6)),
        judges=draw(st.sampled_from(["listing", "image"])),
        instructions=draw(st.one_of(st.just(""), sayings)),
        criteria=tuple(criteria),
        failure_modes=tuple(
            FailureMode(
                id=mode, description=draw(sayings), criterion=draw(st.sampled_from([None, *names]))
            )
            for mode in draw(st.lists(ids, max_size=2, unique=True))
        ),
        examples=(
            Example(output=draw(sayings), criterion=one.id, point=one.scale[0], why=draw(sayings)),
        ),
    )


@settings(max_examples=60, deadline=None)
@given(rubrics())
def test_any_rubric_round_trips(rubric):
    again = parse_rubric(dump_rubric(rubric), where="drawn.yaml")
    assert again == rubric
    assert again.digest == rubric.digest


@pytest.mark.parametrize(
    "point", ["?0", "? x", "-", "- a", ":b", "?", "01", "no", "#1", "&a", "*a", "!x", "%", "@", "`"]
)
def test_points_that_are_signs_of_yaml_round_trip(point):
    shipped = load_rubric("listing")
    first = shipped.criteria[0]
    odd = dataclasses.replace(first, scale=(point, "yes"), points=("a", "b"))
    rubric = dataclasses.replace(shipped, criteria=(odd, *shipped.criteria[1:]), examples=())
    assert parse_rubric(dump_rubric(rubric), where="here") == rubric


def test_a_rubric_without_a_criterion_says_so_in_its_name():
    shipped = load_rubric("category-image")
    less = shipped.without("safety")
    assert less.label == f"category-image-without-safety@{shipped.version}"
    assert {c.id for c in shipped.criteria} - {c.id for c in less.criteria} == {"safety"}
    assert "unsafe" not in {m.id for m in less.failure_modes}
    assert parse_rubric(dump_rubric(less), where="here") == less
    assert shipped.without() is shipped
    with pytest.raises(RubricError, match="has no criterion 'beauty'; it has: fidelity"):
        shipped.without("beauty")
    with pytest.raises(RubricError, match="decides nothing"):
        shipped.without(*(c.id for c in shipped.criteria if c.decides))

"""What a person sent, read back: checked, understood, and what does not fit said; and a judge's predictions."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from page_samples import answered, image, listing, region, shown

from annotation.label_studio.interfaces import (
    Answer,
    build_interface,
    prediction,
    read_result,
    write_result,
)
from workbench.errors import LabelStudioError
from workbench.records import CriterionScore, Listing, Verdict
from workbench.rubric import load_rubric

# ---- answers that the page cannot send -----------------------------------------------------------


def _result():
    return [
        region("verdict", choices=["rejected"]),
        *(region(f"score_{name}", choices=["2"]) for name in ("fidelity", "clarity", "style")),
        region("failure_modes", choices=["wrong_color"]),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r[0]["value"].update(choices=["perhaps"]), "verdict: want one of approved, rejected, got 'perhaps'"),
        (lambda r: r[1]["value"].update(choices=["7"]), "score_fidelity: want one of 1, 2, 3, 4, 5, got '7'"),
        (lambda r: r[1]["value"].update(choices=[7.5]), "want a list of text under 'choices'"),
        (lambda r: r[1].update(type="rating", value={"rating": 9}), "want 'choices' to 'image', got 'rating'"),
        (lambda r: r[0]["value"].update(choices=["approved", "rejected"]), "verdict: want one choice"),
        (lambda r: r[4]["value"].update(choices=["sad"]), "failure_modes: want one of wrong_product"),
        (lambda r: r[0].update(from_name="mood"), "has no question 'mood'"),
        (lambda r: r[0].update(to_name="audio"), "want 'choices' to 'image', got 'choices' to 'audio'"),
        (lambda r: r.append(dict(r[0])), "verdict: want one answer, got two"),
        (lambda r: r.pop(0), "verdict: want an answer, got none"),
        (lambda r: r.pop(2), "score_clarity: want an answer, got none"),
        (lambda r: r[0].update(value=None), "want a list of text under 'choices', got None"),
        (lambda r: r[0]["value"].update(choices=[]), "verdict: want an answer, got none"),
        (lambda r: r.append("x"), "has no question None"),
    ],
)  # fmt: skip
def test_what_the_page_cannot_send_is_refused_by_task_and_question(change, words):
    interface, data = shown("image", load_rubric("category-image"), image())
    assert read_result(interface, _result(), data).failure_modes == ("wrong_color",)
    result = _result()
    change(result)
    with pytest.raises(LabelStudioError, match=re.escape(words)) as caught:
        read_result(interface, result, data | {"key": "abcdef0123456789"})
    assert str(caught.value).startswith("task abcdef012345")


@pytest.mark.parametrize("result", [None, {}, "x"])
def test_a_result_that_is_no_list_is_refused(result):
    interface, data = shown("image", load_rubric("category-image"), image())
    with pytest.raises(LabelStudioError, match="want a list of results"):
        read_result(interface, result, data)


def test_an_answer_by_another_version_is_refused():
    rubric = load_rubric("category-image")
    _, data = shown("image", rubric, image())
    newer = build_interface("image", replace(rubric, version=2))
    with pytest.raises(
        LabelStudioError, match="want an answer by category-image@2, got one by 'category-image@1'"
    ):
        read_result(newer, _result(), data)


def test_each_statement_of_a_listing_must_be_answered():
    interface, data = shown("listing", load_rubric("listing"), listing())
    result = write_result(interface, answered(interface.rubric), data)
    left = [one for one in result if one["from_name"] != "aspect_2_is"]
    with pytest.raises(LabelStudioError, match="aspect_2_is: want an answer, got none"):
        read_result(interface, left, data)


def test_a_price_need_not_be_answered_and_nothing_is_said_of_it_then():
    made = Listing(title="Red mug", aspects={"Color": ("Red",)}, price=31.73)
    interface, data = shown("listing", load_rubric("listing"), listing(listing=made))
    assert not re.search(r'<Choices [^>]*name="price_is"[^>]*required=', interface.config)
    result = write_result(interface, answered(interface.rubric), data)
    assert not [one for one in result if one["from_name"] == "price_is"]
    assert read_result(interface, result, data).corrections == ()
    lower = answered(interface.rubric, corrections=(("price", "31.73", "30.00"),))
    result = write_result(interface, lower, data)
    assert read_result(interface, result, data).corrections == lower.corrections


@pytest.mark.parametrize(
    "gates", [[], [["aspect_2"]], [["price", "nonsense"]], [["aspect_1"], ["aspect_1"]], [[5]]]
)
def test_the_hidden_question_is_not_believed(gates):
    interface, data = shown("listing", load_rubric("listing"), listing())
    result = [
        one
        for one in write_result(interface, answered(interface.rubric), data)
        if one["from_name"] != "slots"
    ]
    whole = read_result(interface, result, data)
    said = [region("slots", "photos", choices=choices) for choices in gates]
    assert read_result(interface, [*said, *result], data) == whole


# ---- what an answer means ------------------------------------------------------------------------


def _listing_answer(*changes, **fields):
    interface, data = shown("listing", load_rubric("listing"), listing(**fields))
    result = {r["from_name"]: r for r in write_result(interface, answered(interface.rubric), data)}
    for change in changes:
        result[change["from_name"]] = change
    return read_result(interface, list(result.values()), data)


def test_wrong_gets_the_right_text_and_what_cannot_be_seen_is_taken_out():
    said = _listing_answer(
        region("title_is", "title", choices=["wrong"]),
        region("title_fix", "title", text=[" Blue mug "]),
        region("aspect_1_is", "aspect_1", choices=["wrong"]),
        region("aspect_1_fix", "aspect_1", text=["Blue"]),
        region("aspect_2_is", "aspect_2", choices=["unseen"]),
        region("missing", "photos", text=["Pattern: Striped", "Handle: Round: big\nSize"]),
    )
    assert said.corrections == (
        ("title", "Red mug", "Blue mug"),
        ("aspects.Color", "Red", "Blue"),
        ("aspects.Features", "Lid, Handle", None),
        ("aspects.Pattern", None, "Striped"),
        ("aspects.Handle", None, "Round: big"),
    )
    assert said.note == "Size"
    assert [s for s in said.contradictions if "Size" in s]


def test_wrong_without_a_text_takes_the_aspect_out_and_a_price_is_corrected():
    """As it was until the page demanded the text: who left the field empty was told that this takes it out."""
    made = Listing(title="Red mug", aspects={"Color": ("Red",)}, price=9.5)
    said = _listing_answer(
        region("aspect_1_is", "aspect_1", choices=["wrong"]),
        region("price_is", "price", choices=["wrong"]),
        region("price_fix", "price", text=["8.00"]),
        listing=made,
    )
    assert said.corrections == (("aspects.Color", "Red", None), ("price", "9.50", "8.00"))


@pytest.mark.parametrize("text", [[""], ["  "], ["\n", " "], []])
def test_a_text_that_was_left_blank_takes_nothing_out(text):
    said = _listing_answer(
        region("aspect_1_is", "aspect_1", choices=["wrong"]),
        region("aspect_1_fix", "aspect_1", text=text),
        region("score_color", "photos", choices=["1"]),
    )
    assert said.corrections == ()
    assert "'aspects.Color' is wrong, but what it should say is left open" in said.contradictions


@pytest.mark.parametrize(
    ("row", "point", "words"),
    [
        ("wrong", "2", "'Color' is wrong in its row, but 'color' is answered 'yes'"),
        ("right", "1", "'Color' is right in its row, but 'color' is answered 'no'"),
        ("unseen", "1", None),
        ("wrong", "1", None),
        ("right", "2", None),
    ],
)
def test_a_row_and_the_question_of_its_name_must_agree(row, point, words):
    said = _listing_answer(
        region("aspect_1_is", "aspect_1", choices=[row]),
        region("aspect_1_fix", "aspect_1", text=["Blue"]),
        region("score_color", "photos", choices=[point]),
    )
    about = [one for one in said.contradictions if "'color' is answered" in one]
    assert about == ([] if words is None else [words])


def test_what_else_is_wrong_is_a_note_of_a_rejection():
    interface, data = shown("image", load_rubric("category-image"), image())
    for approved, note in ((False, "Dirty.\nIt smells."), (True, "Dirty.")):
        answer = answered(interface.rubric, approved=approved, note="Dirty.")
        result = [
            *write_result(interface, answer, data),
            region("failure_modes", choices=["something-else"]),
            region("other_words", text=["It smells."]),
        ]
        said = read_result(interface, result, data)
        assert (said.note, said.failure_modes, said.contradictions) == (note, (), ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([region("title_is", "title", choices=["wrong"]), region("title_fix", "title", text=["Red mug"])],
         "'title' is wrong, but its text is left as it was"),
        ([region("title_is", "title", choices=["wrong"])], "'title' is wrong, but what it should say is left open"),
        ([region("title_is", "title", choices=["unseen"])], "what it should say is left open"),
        ([region("aspect_1_is", "aspect_1", choices=["wrong"]), region("aspect_1_fix", "aspect_1", text=["Red"])],
         "'aspects.Color' is wrong, but its text is left as it was"),
        ([region("missing", "photos", text=["Color: Blue"])], "or stated already"),
        ([region("score_product", "photos", choices=["1"])], "approved with 'product' at 1, under its threshold 1.5"),
        ([region("failure_modes", "photos", choices=["wrong_color"])],
         "failure mode 'wrong_color' is named, but its criterion 'color' passes at 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_the_answer_counts(change, words):
    said = _listing_answer(*change)
    assert any(words in sentence for sentence in said.contradictions)
    assert said.approved is True
    assert said.corrections == ()


def test_a_picture_approved_with_a_mode_that_refuses_is_said():
    interface, data = shown("image", load_rubric("category-image"), image())
    answer = answered(interface.rubric, failure_modes=("unsafe",))
    said = read_result(interface, write_result(interface, answer, data), data)
    assert said.contradictions == (
        "approved with failure mode 'unsafe', which refuses whatever else is said",
    )


def test_a_criterion_that_does_not_decide_contradicts_no_approval():
    rubric = load_rubric("category-image")
    style = replace(rubric.criterion("style"), decides=False)
    criteria = tuple(style if c.id == "style" else c for c in rubric.criteria)
    interface, data = shown("image", replace(rubric, criteria=criteria), image())
    low = answered(interface.rubric)
    low = replace(low, scores={**low.scores, "style": 1.0})
    assert read_result(interface, write_result(interface, low, data), data).contradictions == ()


def test_a_rejection_that_names_nothing_is_said():
    interface, data = shown("image", load_rubric("category-image"), image())
    for fields, said in (
        ({}, ("rejected, but nothing is named that is wrong",)),
        ({"note": "ugly"}, ()),
        ({"corrections": (("prompt", "A red mug", "A blue mug"),)}, ()),
    ):
        answer = answered(interface.rubric, approved=False, **fields)
        found = read_result(interface, write_result(interface, answer, data), data)
        assert found.contradictions == said


def test_a_better_prompt_is_a_correction_and_the_same_one_is_none():
    interface, data = shown("image", load_rubric("category-image"), image())
    for text, corrections in (("A red mug", ()), ("Mug!", (("prompt", "A red mug", "Mug!"),))):
        result = [*_result(), region("prompt_fix", text=[text])]
        assert read_result(interface, result, data).corrections == corrections
    approved = [region("verdict", choices=["approved"]), *result[1:]]
    assert read_result(interface, approved, data).corrections == ()


def test_a_free_correction_begins_with_the_output_and_tells_what_changed():
    made = Listing(title="Red mug", aspects={"Size: EU": ("40",), "Color": ("Red",)}, price=3.0)
    interface, data = shown("correction", load_rubric("listing"), listing(listing=made))
    assert data["aspects"] == "Size\u2236 EU: 40\nColor: Red"
    assert 'name="title_fix" toName="output" value="$title"' in interface.config
    result = [
        region("verdict", "shown", choices=["rejected"]),
        region("title_fix", "output", text=["Red mug"]),
        region("aspects_fix", "output", text=["Size\u2236 EU: 41\nPattern: None\nnonsense"]),
        region("price_fix", "output", text=["3.00"]),
    ]
    said = read_result(interface, result, data)
    assert said.corrections == (
        ("aspects.Size: EU", "40", "41"),
        ("aspects.Color", "Red", None),
        ("aspects.Pattern", None, "None"),
    )
    assert said.note == "nonsense"
    assert said.contradictions == ("'nonsense' is no `Name: value`, or says a name again",)
    unchanged = write_result(interface, Answer(approved=False), data)
    assert read_result(interface, unchanged, data).contradictions == (
        "it was to be corrected, but is left as it was",
    )


REVIEWED = [
    ("image", "category-image"),
    ("listing", "listing"),
    ("correction", "category-image"),
    ("correction", "listing"),
]


# ---- predictions ---------------------------------------------------------------------------------


def _verdict(rubric, generation, **fields):
    scores = tuple(
        CriterionScore(criterion=c.id, score=c.threshold - 0.1, passed=False)
        for c in rubric.criteria
    )
    return Verdict(
        key="v", generation=generation.key, judge="heads:x", revision="r", rubric=rubric.label,
        **{"scores": scores, "failure_modes": ("wrong_color",), "approved": False, "confidence": 0.25, **fields},
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), REVIEWED)
def test_a_prediction_fills_in_what_the_judge_said(kind, name):
    rubric = load_rubric(name)
    generation = image() if rubric.judges == "image" else listing()
    interface, data = shown(kind, rubric, generation)
    found = prediction(interface, _verdict(rubric, generation), generation, model_version="heads:x")
    assert found["score"] == 0.25
    assert found["model_version"] == "heads:x"
    said = {one["from_name"]: one["value"] for one in found["result"]}
    assert said["verdict"] == {"choices": ["rejected"]}
    if kind != "correction":
        assert said["failure_modes"] == {"choices": ["wrong_color"]}
        for criterion in rubric.criteria:
            point = int(said[f"score_{criterion.id}"]["choices"][0])
            assert point < criterion.threshold <= point + 1
    if kind == "listing":
        assert said["slots"]["choices"] == [slot["value"] for slot in data["slots"]]


def test_a_judge_that_is_not_sure_leaves_open_what_it_did_not_say():
    rubric = load_rubric("category-image")
    interface = build_interface("image", rubric)
    open_scores = tuple(CriterionScore(criterion=c.id, score=None) for c in rubric.criteria)
    verdict = _verdict(
        rubric, image(), scores=open_scores, failure_modes=(), approved=None, confidence=None
    )
    assert prediction(interface, verdict, image(), model_version="m") == {
        "model_version": "m",
        "result": [],
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"confidence": 1.5}, "Score must be between"),
        ({"confidence": float("nan")}, "Score must be between"),
        ({"failure_modes": ("sad",)}, "sad"),
        ({"rubric": "other@1"}, "want a verdict of category-image@1"),
        ({"generation": "x"}, "want a verdict of category-image@1 on 1111"),
    ],
)
def test_a_prediction_that_the_server_would_take_or_drop_in_silence_is_refused(fields, words):
    rubric = load_rubric("category-image")
    verdict = replace(_verdict(rubric, image()), **fields)
    with pytest.raises(LabelStudioError, match=words):
        prediction(build_interface("image", rubric), verdict, image(), model_version="m")


def test_a_pair_has_no_prediction():
    rubric = load_rubric("category-image")
    with pytest.raises(LabelStudioError, match="predicts no preference"):
        prediction(
            build_interface("pair", rubric), _verdict(rubric, image()), image(), model_version="m"
        )

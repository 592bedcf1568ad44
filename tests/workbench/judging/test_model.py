"""Criteria answered by a vision-language model: what it is asked, and what is made of its answers."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.errors import ModelError
from workbench.judging import Asked, ModelAnswerer, RubricJudge, Subject, prompts
from workbench.models import load_scorer
from workbench.models.protocols import Answer
from workbench.records import Generation
from workbench.rubric import FailureMode, load_rubric

LISTING = load_rubric("listing")
BY_MODEL = tuple(one for one in LISTING.criteria if one.by == "model")
ASKED = Asked(rubric=LISTING, criteria=BY_MODEL)


def test_all_criteria_of_all_subjects_go_into_one_call(scorer, make_subject):
    subjects = [make_subject("Red", "Red"), make_subject("Blue", "Red")]
    right, wrong = ModelAnswerer(scorer).answer(subjects, ASKED)
    assert scorer.score_calls == [2 * len(BY_MODEL)]
    assert right.findings[1].distribution == pytest.approx((0.05, 0.95))
    assert wrong.findings[1].distribution == pytest.approx((0.9, 0.1))
    assert len(wrong.findings[2].distribution) == 5
    assert right.cost.prompt_tokens == 10 * len(BY_MODEL)


def test_a_batch_answers_as_its_subjects_do_alone(scorer, make_subject):
    subjects = [
        make_subject("Red", "Red"),
        make_subject("Blue", "Red"),
        make_subject("Green", "Blue"),
    ]
    together = ModelAnswerer(scorer).answer(subjects, ASKED)
    alone = [ModelAnswerer(scorer).answer([one], ASKED)[0] for one in subjects]
    assert together == alone


def test_a_reason_is_asked_for_what_fails_and_nothing_else(scorer, make_subject):
    subjects = [make_subject("Red", "Red"), make_subject("Blue", "Red")]
    right, wrong = ModelAnswerer(scorer, explainer=scorer).answer(subjects, ASKED)
    assert [one.reason for one in right.findings[:2]] == [None, None]
    assert wrong.findings[0].reason == "The photo looks Blue."
    failing = sum(
        one.reason is not None for answered in (right, wrong) for one in answered.findings
    )
    assert scorer.complete_calls == [failing]
    assert wrong.cost.completion_tokens == 5 * sum(one.reason is not None for one in wrong.findings)


def test_low_coverage_is_no_answer(scorer, make_subject):
    scorer.coverage = 0.3
    (answered,) = ModelAnswerer(scorer, explainer=scorer).answer([make_subject()], ASKED)
    assert all(one.distribution is None for one in answered.findings)
    assert answered.findings[0].reason == "only 30% of the model's answer was a point of the scale"
    assert scorer.complete_calls == []
    (trusting,) = ModelAnswerer(scorer, least_coverage=0.2).answer([make_subject()], ASKED)
    assert trusting.findings[0].distribution is not None


def test_without_a_picture_nobody_is_asked(scorer, make_subject):
    blind, seeing = ModelAnswerer(scorer).answer([make_subject(None), make_subject()], ASKED)
    assert {one.reason for one in blind.findings} == {"there is no picture to judge by"}
    assert seeing.findings[0].distribution is not None
    assert scorer.score_calls == [len(BY_MODEL)]


def test_an_engines_error_is_an_abstention_with_its_reason(scorer, make_subject):
    class Full(type(scorer)):
        def _answer(self, context, question):
            return Answer(distribution=(), coverage=0.0, error="out of memory")

    (answered,) = ModelAnswerer(Full()).answer([make_subject()], ASKED)
    assert {(one.distribution, one.reason) for one in answered.findings} == {
        (None, "out of memory")
    }


def test_an_engine_without_probabilities_says_so(scorer, make_subject):
    class Mute(type(scorer)):
        def score(self, contexts, questions, *, progress=None):
            raise ModelError("this server gives no logprobs")

    with pytest.raises(ModelError, match="no logprobs"):
        RubricJudge(LISTING, ModelAnswerer(Mute())).judge([make_subject()])


def test_failure_modes_are_asked_in_the_same_call(scorer, make_subject):
    modes = tuple(FailureMode(id=name, description=name, criterion="color") for name in ("a", "b"))
    asked = dataclasses.replace(ASKED, failure_modes=modes)
    (answered,) = ModelAnswerer(scorer).answer([make_subject("Blue", "Red")], asked)
    assert answered.failure_modes == {"a": pytest.approx(0.9), "b": pytest.approx(0.9)}
    assert scorer.score_calls == [len(BY_MODEL) + 2]


def test_the_revision_follows_weights_and_limits(scorer):
    other = dataclasses.replace(scorer, revision="2")
    revisions = {
        ModelAnswerer(scorer).revision,
        ModelAnswerer(other).revision,
        ModelAnswerer(scorer, explainer=scorer).revision,
        ModelAnswerer(scorer, least_coverage=0.1).revision,
    }
    assert len(revisions) == 4
    assert ModelAnswerer(scorer).revision == ModelAnswerer(dataclasses.replace(scorer)).revision


def test_what_differs_between_questions_stays_out_of_the_context(make_subject):
    """Engines and servers keep the context: a word that changes between criteria would cost a prefill."""
    context = prompts.context(make_subject(), LISTING)
    assert LISTING.instructions in context.text
    assert '"title": "Men\'s Red Tee"' in context.text
    assert all(one.question not in context.text for one in LISTING.criteria)
    question = prompts.question(BY_MODEL[1], ASKED)
    assert question.answers == ("no", "yes")
    assert question.text == (
        "Question: Is the colour that the listing states the main colour of the product in the photos?\n"
        "\n"
        "Possible answers, from worst to best:\n"
        "no = The main colour in the photos has another everyday name than the one stated.\n"
        "yes = The stated colour is the main colour, or a near shade of it, or no colour is stated.\n"
        "\n"
        "Example: Title: Red Ceramic Mug with Handle. Color: Red\n"
        "Answer: no, because: The mug is orange all over; the red is the table that it stands on.\n"
        "\n"
        "Reply with nothing but one of: no, yes."
    )


def test_a_made_image_is_shown_with_its_prompt(make_subject):
    generation = Generation(
        key="k",
        kind="image",
        category="mugs",
        model="m",
        revision="1",
        prompt=" a red mug \n",
        image="sha256:00",
    )
    picture = make_subject().photos[0]
    context = prompts.context(
        Subject(generation=generation, image=picture), load_rubric("category-image")
    )
    assert context.images == (picture,)
    assert context.text.endswith("The image above was made from this prompt:\na red mug")


def test_a_reason_is_asked_with_the_meaning_of_the_point(make_subject):
    context = prompts.context(make_subject(), LISTING)
    prompt = prompts.reason(context, BY_MODEL[0], "no")
    assert prompt.images == context.images
    assert "The answer is: no (The title names another kind of product, or none.)" in prompt.text


@pytest.fixture(scope="module")
def tiny():
    return load_scorer("tiny:vlm")


def test_a_real_model_scores_the_same_together_and_one_by_one(tiny, make_subject):
    """The promise behind one prefill for all criteria, at the level of a judge."""
    subjects = [make_subject("Red", "Red"), make_subject("Blue", "Green", number=1)]
    answerer = ModelAnswerer(tiny, least_coverage=0.0)
    together = answerer.answer(subjects, ASKED)
    for place, criterion in enumerate(BY_MODEL):
        alone = answerer.answer(subjects, Asked(rubric=LISTING, criteria=(criterion,)))
        for one, both in zip(alone, together, strict=True):
            assert one.findings[0].distribution == pytest.approx(
                both.findings[place].distribution, abs=1e-4
            )
    per_criterion = sum(
        sum(
            one.cost.prompt_tokens
            for one in answerer.answer(subjects, Asked(rubric=LISTING, criteria=(c,)))
        )
        for c in BY_MODEL
    )
    assert sum(one.cost.prompt_tokens for one in together) < 0.7 * per_criterion


def test_a_real_model_judges_from_end_to_end(tiny, make_subject):
    judge = RubricJudge(LISTING, ModelAnswerer(tiny, explainer=tiny, least_coverage=0.0))
    (made,) = judge.judge([make_subject("Red", "Blue")])
    by_model = [one for one in made.scores if one.by == "tiny:vlm"]
    assert [one.criterion for one in by_model] == ["product", "color", "aspects"]
    for one in by_model:
        assert sum(one.distribution) == pytest.approx(1)
        assert 1 <= one.score <= len(one.distribution)
    assert made.confidence is not None
    assert made.cost.prompt_tokens > 0
    doubting = RubricJudge(LISTING, ModelAnswerer(tiny, least_coverage=0.999))
    (abstained,) = doubting.judge([make_subject("Red", "Blue")])
    assert [one.score for one in abstained.scores if one.by == "tiny:vlm"] == [None] * 3
    assert abstained.approved is None

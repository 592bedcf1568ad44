"""How answers of a model and of instruments become one verdict."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest
from PIL import Image

from workbench.errors import JudgingError
from workbench.judging import (
    Answered,
    Asked,
    Finding,
    Instrument,
    Reading,
    RubricJudge,
    Subject,
    on_scale,
    pass_probability,
    score,
)
from workbench.records import Cost, Generation
from workbench.rubric import NO_OUTPUT, Criterion, FailureMode, Rubric, load_rubric
from workbench.schema import Attribute

YES_NO = Criterion(id="color", question="Right colour?", scale=("no", "yes"), threshold=1.5)
FIVE = Criterion(id="aspects", question="How many?", scale=("1", "2", "3", "4", "5"), threshold=4)
FLAT = Criterion(
    id="flat",
    question="Flat?",
    scale=("no", "yes"),
    threshold=1.5,
    by="instrument:flat",
    decides=False,
)


@dataclass
class Told:
    """Answers what it was given, by criterion."""

    findings: dict[str, Finding]
    modes: dict[str, float] = field(default_factory=dict)
    name: str = "test:told"
    revision: str = "1"
    seen: list[Asked] = field(default_factory=list)

    def answers(self, criterion):
        return criterion.id in self.findings

    def answer(self, subjects, asked, *, progress=None):
        self.seen.append(asked)
        return [
            Answered(
                findings=tuple(self.findings[one.id] for one in asked.criteria),
                failure_modes=self.modes,
                cost=Cost(seconds=2.0, prompt_tokens=7),
            )
            for _ in subjects
        ]


def flat(quality: float | None) -> dict[str, Instrument]:
    reading = Reading(quality=quality, kind="probability", reason="bumpy")
    return {"flat": Instrument(name="flat", revision="1", judges="listing", read=lambda _: reading)}


def rubric(*criteria: Criterion, modes: tuple[FailureMode, ...] = ()) -> Rubric:
    return Rubric(name="test", version=1, judges="listing", criteria=criteria, failure_modes=modes)


def verdict_of(told: Told, asked: Rubric, subject: Subject, quality: float | None = 0.9):
    return RubricJudge(asked, told, instruments=flat(quality)).judge([subject], run="r1")[0]


def test_a_score_is_the_expected_point_and_passes_at_the_threshold():
    found = score(FIVE, Finding(distribution=(0, 0, 0.25, 0.5, 0.25)), by="m")
    assert found.score == pytest.approx(4.0)
    assert found.passed is True
    assert pass_probability(FIVE, (0, 0, 0.25, 0.5, 0.25)) == pytest.approx(0.75)
    half = dataclasses.replace(FIVE, threshold=3.5)
    assert pass_probability(half, (0.1, 0, 0.2, 0.3, 0.4)) == pytest.approx(0.7)
    below = score(FIVE, Finding(distribution=(0, 0, 0.5, 0.25, 0.25)), by="m")
    assert below.score == pytest.approx(3.75)
    assert below.passed is False


def test_an_abstention_has_neither_score_nor_pass():
    found = score(YES_NO, Finding(distribution=None, reason="too dark"), by="m")
    assert (found.score, found.passed, found.distribution) == (None, None, None)
    assert found.reason == "too dark"


@pytest.mark.parametrize("distribution", [(1.0,), (0.5, 0.6), (-0.1, 1.1), (float("nan"), 1.0)])
def test_a_distribution_that_is_none_is_refused(distribution):
    with pytest.raises(JudgingError, match="test:m answered criterion 'color'"):
        score(YES_NO, Finding(distribution=distribution), by="test:m")


def test_scores_come_in_the_rubrics_order_whoever_answered(make_subject):
    told = Told({"color": Finding(distribution=(0.2, 0.8)), "aspects": Finding(distribution=None)})
    made = verdict_of(told, rubric(YES_NO, FLAT, FIVE), make_subject())
    assert [(one.criterion, one.by) for one in made.scores] == [
        ("color", "test:told"),
        ("flat", "instrument:flat"),
        ("aspects", "test:told"),
    ]
    assert [one.passed for one in made.scores] == [True, True, None]
    assert (made.judge, made.rubric, made.run) == ("test:told", "test@1", "r1")
    assert made.cost.prompt_tokens == 7
    assert made.cost.seconds >= 2.0


def test_confidence_is_the_product_over_what_decides(make_subject):
    told = Told(
        {
            "color": Finding(distribution=(0.2, 0.8)),
            "aspects": Finding(distribution=(0, 0, 0.1, 0.4, 0.5)),
        }
    )
    made = verdict_of(told, rubric(YES_NO, FIVE, FLAT), make_subject(), quality=0.1)
    assert made.approved is True, "`flat` fails, but does not decide"
    assert made.confidence == pytest.approx(0.8 * 0.9)


@pytest.mark.parametrize(
    ("color", "aspects", "approved", "confidence"),
    [
        ((0.1, 0.9), None, None, None),
        ((0.9, 0.1), None, False, None),
        ((1.0, 0.0), None, False, 0.0),
        (None, None, None, None),
        ((0.9, 0.1), (0, 0, 0, 0, 1), False, 0.1),
    ],
)
def test_what_failed_refuses_and_what_is_unknown_leaves_the_rest_open(
    make_subject, color, aspects, approved, confidence
):
    told = Told({"color": Finding(distribution=color), "aspects": Finding(distribution=aspects)})
    made = verdict_of(told, rubric(YES_NO, FIVE), make_subject())
    assert made.approved is approved
    assert made.confidence == (None if confidence is None else pytest.approx(confidence))


def test_the_only_mode_of_a_criterion_is_there_where_it_fails(make_subject):
    modes = (FailureMode(id="wrong_color", description="d", criterion="color"),)
    bad = Told({"color": Finding(distribution=(0.9, 0.1))})
    good = Told({"color": Finding(distribution=(0.1, 0.9))})
    unsure = Told({"color": Finding(distribution=None)})
    found = [
        verdict_of(told, rubric(YES_NO, modes=modes), make_subject()).failure_modes
        for told in (bad, good, unsure)
    ]
    assert found == [("wrong_color",), (), ()]
    assert bad.seen[0].failure_modes == (), "nobody needs to be asked"


def test_modes_that_share_a_criterion_are_asked_about_and_count_where_it_fails(make_subject):
    modes = tuple(FailureMode(id=name, description="d", criterion="color") for name in ("a", "b"))
    asked = rubric(YES_NO, modes=modes)
    told = Told({"color": Finding(distribution=(0.9, 0.1))}, modes={"a": 0.4, "b": 0.7})
    assert verdict_of(told, asked, make_subject()).failure_modes == ("b",)
    assert [mode.id for mode in told.seen[0].failure_modes] == ["a", "b"]
    passing = Told({"color": Finding(distribution=(0.1, 0.9))}, modes={"a": 0.4, "b": 0.7})
    assert verdict_of(passing, asked, make_subject()).failure_modes == ()


@pytest.mark.parametrize(
    ("probability", "approved", "confidence"),
    [(0.6, False, 0.36), (0.1, True, 0.81), (None, None, None)],
)
def test_a_blocking_mode_refuses_whatever_the_scores(
    make_subject, probability, approved, confidence
):
    modes = (FailureMode(id="unsafe", description="d", blocks=True),)
    told = Told(
        {"color": Finding(distribution=(0.1, 0.9))},
        modes={} if probability is None else {"unsafe": probability},
    )
    made = verdict_of(told, rubric(YES_NO, modes=modes), make_subject())
    assert made.approved is approved, "a blocking mode that nobody could tell leaves it open"
    assert made.confidence == (None if confidence is None else pytest.approx(confidence))
    assert made.failure_modes == (("unsafe",) if approved is False else ())


def test_an_answer_that_was_no_listing_is_refused_for_certain(make_subject):
    modes = (FailureMode(id=NO_OUTPUT, description="d", blocks=True),)
    told = Told({"color": Finding(distribution=(0.1, 0.9))})
    judge = RubricJudge(rubric(YES_NO, modes=modes), told, instruments={})
    subjects = [make_subject(said=None), make_subject(number=1)]
    missing, there = judge.judge(subjects)
    assert (missing.approved, missing.confidence) == (False, 0.0)
    assert missing.failure_modes == (NO_OUTPUT,)
    assert missing.scores[0].score is None
    assert there.approved is True
    assert there.generation == subjects[1].generation.key, "answers stay with their subjects"


def test_a_criterion_that_nobody_answers_is_refused_when_the_judge_is_made():
    with pytest.raises(JudgingError, match="'color' of rubric test@1 is `by: model`, and no model"):
        RubricJudge(rubric(YES_NO))
    with pytest.raises(JudgingError, match=r"'aspects' .* 'test:told' does not answer it"):
        RubricJudge(rubric(YES_NO, FIVE), Told({"color": Finding(distribution=None)}))
    with pytest.raises(JudgingError, match="wants instrument 'flat'; there are: background, "):
        RubricJudge(rubric(FLAT))
    for_images = dataclasses.replace(rubric(FLAT), judges="image")
    with pytest.raises(JudgingError, match="judges images, and instrument 'flat' listings"):
        RubricJudge(for_images, instruments=flat(1.0))


def test_a_generation_of_another_kind_is_refused(make_subject):
    judge = RubricJudge(
        dataclasses.replace(load_rubric("category-image"), judges="listing", criteria=(FLAT,)),
        instruments=flat(1.0),
    )
    picture = dataclasses.replace(make_subject().generation, kind="image")
    with pytest.raises(JudgingError, match=r"of kind 'listing', got .* of kind 'image'"):
        judge.judge([Subject(generation=picture)])


def test_too_few_answers_are_refused(make_subject):
    class Short(Told):
        def answer(self, subjects, asked, *, progress=None):
            return super().answer(subjects[:-1], asked)

    judge = RubricJudge(rubric(YES_NO), Short({"color": Finding(distribution=(0, 1))}))
    with pytest.raises(JudgingError, match="gave 1 answers to 2 subjects"):
        judge.judge([make_subject(), make_subject(number=1)])


def test_a_key_changes_with_everything_that_changes_a_verdict(make_subject):
    told = Told({"color": Finding(distribution=(0.1, 0.9))})
    subject = make_subject()
    key = RubricJudge(rubric(YES_NO), told).key(subject.generation, subject.category)
    assert key == RubricJudge(rubric(YES_NO), told).judge([subject])[0].key
    narrower = dataclasses.replace(
        subject.category, attributes=(Attribute(name="Color", values=("Red",)),)
    )
    others = {
        RubricJudge(rubric(YES_NO), told).key(
            make_subject(said="Blue").generation, subject.category
        ),
        RubricJudge(rubric(YES_NO), told).key(subject.generation, narrower),
        RubricJudge(rubric(YES_NO), told).key(subject.generation, None),
        RubricJudge(rubric(dataclasses.replace(YES_NO, threshold=2)), told).key(
            subject.generation, subject.category
        ),
        RubricJudge(rubric(YES_NO), dataclasses.replace(told, revision="2")).key(
            subject.generation, subject.category
        ),
        RubricJudge(rubric(YES_NO, FLAT), told, instruments=flat(1.0)).key(
            subject.generation, subject.category
        ),
    }
    assert len(others) == 6
    assert key not in others


def test_simulated_generations_have_simulated_verdicts(make_subject):
    told = Told({"color": Finding(distribution=(0.1, 0.9))})
    subject = make_subject()
    drawn = dataclasses.replace(
        subject, generation=dataclasses.replace(subject.generation, simulated=True)
    )
    judge = RubricJudge(rubric(YES_NO), told)
    assert [one.simulated for one in judge.judge([subject, drawn])] == [False, True]


@pytest.mark.parametrize(
    ("quality", "kind", "points", "distribution"),
    [
        (0.8, "probability", 2, (0.2, 0.8)),
        (0.5, "probability", 3, (0.25, 0.5, 0.25)),
        (1.0, "probability", 5, (0, 0, 0, 0, 1)),
        (0.99, "share", 2, (1, 0)),
        (1.0, "share", 2, (0, 1)),
        (0.5, "share", 5, (0, 0, 1, 0, 0)),
        (0.74, "share", 5, (0, 0, 1, 0, 0)),
    ],
)
def test_qualities_on_scales(quality, kind, points, distribution):
    criterion = dataclasses.replace(FIVE, scale=tuple(map(str, range(points))), threshold=2)
    finding = on_scale(Reading(quality=quality, kind=kind), criterion)
    assert finding.distribution == pytest.approx(distribution)


def test_both_shipped_rubrics_find_their_instruments():
    for name in ("listing", "category-image"):
        shipped = load_rubric(name)
        told = Told({one.id: Finding(distribution=None) for one in shipped.criteria})
        judge = RubricJudge(shipped, told)
        generation = Generation(
            key="k" * 64,
            kind=shipped.judges,
            category="",
            model="m",
            revision="1",
            prompt="p",
            image="sha256:00" if name == "category-image" else None,
        )
        subject = Subject(generation=generation, image=Image.new("RGB", (64, 64), "white"))
        (made,) = judge.judge([subject])
        assert len(made.scores) == len(shipped.criteria)

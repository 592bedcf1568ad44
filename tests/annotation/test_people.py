"""The people who answer, measured from their answers: agreement, lean, speed, α per question."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from annotation.people import measure_audit, measure_people
from workbench.calibration import krippendorff_alpha
from workbench.catalog.annotators import SimulatedAnnotator, known_image
from workbench.records import Annotation, Audit, AuditedItem, Generation
from workbench.rubric import dump_rubric, load_rubric
from workbench.store import Store

RUBRIC = load_rubric("category-image")


def answer(generation, by, *, approved, **rest):
    return Annotation(
        id=f"{by}/{generation}/{rest.get('against', '')}", generation=generation, annotator=by,
        rubric=RUBRIC.label, approved=approved, **rest,
    )  # fmt: skip


def generation(i):
    return Generation(
        key=f"g{i}", kind="image", category="mug", model="m", revision="r", prompt=f"a mug, {i}",
        image="sha256:" + "0" * 64, simulated=True,
    )  # fmt: skip


def of(found, name):
    return next(one for one in found.annotators if one.name == name)


def test_what_each_person_does_is_measured_against_the_others():
    """Bo rejects two of the three that ada and cy approve, and takes twice as long."""
    said = []
    for i, (bo, slow) in enumerate([(True, 20), (False, 24), (False, 30)]):
        said += [
            answer(f"g{i}", "ada", approved=True, seconds=10.0, scores={"fidelity": 5.0}),
            answer(f"g{i}", "bo", approved=bo, seconds=slow, scores={"fidelity": 3.0}),
            answer(f"g{i}", "cy", approved=True, seconds=12.0, scores={"fidelity": 5.0}),
        ]
    said += [
        answer("g7", "bo", approved=None, state="skipped"),
        answer("g8", "bo", approved=None, state="deleted"),
        answer("g1", "eve", approved=True, adjudicates=True),
    ]
    found = measure_people(said, rubric=RUBRIC)
    assert [one.name for one in found.annotators] == ["ada", "bo", "cy"], "eve only settled"
    bo = of(found, "bo")
    assert (bo.answered, bo.skipped, bo.seconds.value) == (3, 1, 24.0)
    assert bo.approvals.agreement.value == pytest.approx(1 / 3)
    assert bo.approvals.lean.value == pytest.approx(-2 / 3)
    assert bo.points["fidelity"].lean.value == pytest.approx(-2.0)
    assert bo.errors.right[1].value == pytest.approx(1 / 3), "of what is a yes to the others"
    assert [one.id for one in found.questions] == ["approved", "fidelity"]
    assert [item.generation for item in found.settlement.queue] == ["g2"]


def test_alpha_is_asked_per_question_on_its_own_scale():
    table = {"ada": [1, 2, 3, 3, 2, 1, 4, 1, 2], "bo": [1, 2, 3, 3, 2, 2, 4, 1, 2]}
    said = [
        answer(
            f"g{i}", who, approved=point > 2, scores={"clarity": float(point)},
            failure_modes=("wrong_color",) if point == 1 else (),
        )
        for who, points in table.items()
        for i, point in enumerate(points)
    ]  # fmt: skip
    found = {one.id: one for one in measure_people(said, rubric=RUBRIC, seed=4).questions}
    assert list(found) == ["approved", "clarity", "failure_mode:wrong_color"]
    assert (found["clarity"].scale, found["approved"].scale) == ("ordinal", "nominal")
    by_hand = krippendorff_alpha(list(table.values()), scale="ordinal", seed=4)
    assert found["clarity"].alpha == by_hand
    assert found["clarity"].items == 9
    assert found["clarity"].agreement.value == pytest.approx(8 / 9)


def test_preferences_are_a_question_about_pairs():
    said = [
        answer("g1", who, approved=None, against=f"g{i}", preferred=preferred)
        for who in ("ada", "bo")
        for i, preferred in (
            (2, "generation"),
            (3, "tie"),
            (4, "neither" if who == "bo" else "tie"),
        )
    ]
    (question,) = measure_people(said).questions
    assert (question.id, question.items) == ("preferred", 3)
    assert question.agreement.value == pytest.approx(2 / 3)


def test_an_audit_in_the_store_is_measured_without_the_planted_answers(tmp_path):
    drawn = [generation(i) for i in range(40)]
    audit = Audit(
        id="a" * 64, judge="j", rubric=RUBRIC.label, design="uniform", seed=0, strata={"all": 40},
        drawn=tuple(
            AuditedItem(generation=g.key, verdict=g.key, stratum="all", inclusion_probability=1.0)
            for g in drawn
        ),
    )  # fmt: skip
    people = [
        SimulatedAnnotator(name="careful", seed=1, false_approve=0.02, false_reject=0.02),
        SimulatedAnnotator(name="lenient", seed=2, false_approve=0.7, false_reject=0.0),
        SimulatedAnnotator(name="usual", seed=3),
    ]
    planted = generation(99)
    answers = [
        person.answer(
            g, known_image(["wrong_color"] if i % 2 else [], RUBRIC), RUBRIC, audit=audit.id
        ).annotation
        for person in people
        for i, g in enumerate([*drawn, planted])
    ]
    with Store.open(tmp_path / "store") as store:
        store.add_rubric(RUBRIC.name, RUBRIC.version, RUBRIC.digest, dump_rubric(RUBRIC))
        store.add([*drawn, planted, audit, *answers])
        found = measure_audit(store, audit)
    assert {item.generation for item in found.settlement.items} == {g.key for g in drawn}
    lenient = of(found, "simulated:lenient")
    assert lenient.simulated and lenient.approvals.lean.low > 0.1
    assert of(found, "simulated:careful").approvals.lean.high < 0.05
    assert len(found.questions) > 9 and all(q.alpha.n for q in found.questions)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["disputes"]


def test_people_who_never_differ_get_no_interval_of_width_zero():
    said = [answer(f"g{i}", who, approved=i % 2 == 0) for who in ("ada", "bo") for i in range(20)]
    (question,) = measure_people(said).questions
    assert (question.alpha.value, question.agreement.value) == (1.0, 1.0)
    assert question.alpha.low is None and "no interval" in question.alpha.reason
    assert question.agreement.low is None


def test_simulated_answers_are_left_out_where_people_answered():
    truth = [answer(f"g{i}", "catalogue-truth", approved=False, simulated=True) for i in range(4)]
    people = [answer(f"g{i}", who, approved=True) for who in ("ada", "bo") for i in range(2)]
    found = measure_people([*truth, *people])
    assert [one.name for one in found.annotators] == ["ada", "bo"]
    assert found.questions[0].agreement.value == 1.0, "with the catalogue it was 1/3"
    assert (found.simulated_left_out, found.settlement.disputes) == (4, ())
    demo = measure_people(truth)
    assert [(one.name, one.simulated) for one in demo.annotators] == [("catalogue-truth", True)]
    assert demo.simulated_left_out == 0


def test_an_answer_counts_once_and_only_where_it_was_given_blind():
    later = datetime(2030, 1, 1, tzinfo=UTC)
    said = [
        answer("g1", "ada", approved=True),
        replace(answer("g1", "ada", approved=False, created_at=later), id="again"),
        answer("g2", "ada", approved=True, blind=False),
        answer("g3", "ada", approved=None, state="skipped"),
        replace(answer("g1", "ada", approved=None, state="skipped"), id="first skipped"),
        answer("g4", "ada", approved=None, against="g5", preferred="tie"),
    ]
    found = measure_people(said)
    (ada,) = found.annotators
    assert (ada.answered, ada.skipped, found.not_blind) == (2, 1, 1), "g1, and the pair"


def test_nobody_is_measured_without_answers():
    found = measure_people([])
    assert (found.annotators, found.questions) == ((), ())

"""From records to one entry per verdict."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from workbench.calibration import calibrate_arrays, draw_audit, gather
from workbench.calibration.gather import answers_to
from workbench.records import Annotation, Verdict


def verdict(i, *, approved, confidence=0.5):
    return Verdict(
        key=f"v{i}", generation=f"g{i}", judge="j", revision="r", rubric="listing@1", scores=(),
        approved=approved, confidence=confidence,
    )  # fmt: skip


def annotation(i, *, approved, by="ada", modes=(), blind=True, simulated=False):
    return Annotation(
        id=f"{by}/{i}", generation=f"g{i}", annotator=by, rubric="listing@1", approved=approved,
        failure_modes=modes, blind=blind, simulated=simulated,
    )  # fmt: skip


VERDICTS = [verdict(i, approved=i < 6) for i in range(10)]
AUDIT = draw_audit(VERDICTS, size=10, seed=0)


def test_answers_are_the_majority_and_ties_are_open():
    joined = gather(
        VERDICTS,
        AUDIT,
        [
            annotation(0, approved=True), annotation(0, approved=True, by="bo"),
            annotation(0, approved=False, by="cy", modes=("blurred",)),
            annotation(1, approved=True), annotation(1, approved=False, by="bo", modes=("dark",)),
            annotation(2, approved=None), annotation(3, approved=False, blind=False),
            annotation(7, approved=True), annotation(99, approved=True),
        ],
    )  # fmt: skip
    assert joined.answer == (True, None, None, None, None, None, None, True, None, None)
    assert joined.failure_modes[:2] == (frozenset(), frozenset({"dark"}))
    assert joined.inclusion_probability == (1.0,) * 10
    assert joined.stratum == ("approved",) * 6 + ("rejected",) * 4
    assert not joined.simulated
    assert (joined.cluster, joined.slices) == (None, {})


def test_a_person_who_answered_twice_counts_once_with_the_later_answer():
    later = datetime(2030, 1, 1, tzinfo=UTC)
    twice = replace(annotation(0, approved=False), id="again", created_at=later)
    others = [annotation(0, approved=True, by="bo")]
    assert gather(VERDICTS, AUDIT, [annotation(0, approved=True), *others]).answer[0] is True
    assert gather(VERDICTS, AUDIT, [twice, annotation(0, approved=True), *others]).answer[0] is None


@pytest.mark.parametrize("state", ["skipped", "deleted"])
def test_what_was_skipped_or_deleted_is_no_answer(state):
    later = datetime(2030, 1, 1, tzinfo=UTC)
    gone = replace(annotation(0, approved=None), id="gone", state=state, created_at=later)
    assert gather(VERDICTS, AUDIT, [gone]).answer == (None,) * 10
    assert gather(VERDICTS, AUDIT, [annotation(0, approved=True), gone]).answer[0] is True


def test_simulated_answers_count_until_one_person_answers():
    """The catalogue said no everywhere; ada says yes once, and the other nine wait for people."""
    truth = [annotation(i, approved=False, by="catalogue-truth", simulated=True) for i in range(10)]
    alone = gather(VERDICTS, AUDIT, truth)
    assert (alone.answer, alone.simulated) == ((False,) * 10, True)
    mixed = gather(VERDICTS, AUDIT, [*truth, annotation(3, approved=True)])
    assert mixed.answer == (None,) * 3 + (True,) + (None,) * 6
    assert not mixed.simulated
    assert set(answers_to(AUDIT, [*truth, annotation(3, approved=True)])) == {"g3"}
    for no_answer in (
        annotation(3, approved=None), annotation(3, approved=True, blind=False),
        annotation(99, approved=True),
        replace(annotation(3, approved=True), rubric="listing@2"),
    ):  # fmt: skip
        assert gather(VERDICTS, AUDIT, [*truth, no_answer]) == alone


def test_an_answer_by_another_rubric_is_none():
    other = replace(annotation(0, approved=True), rubric="listing@2")
    assert gather(VERDICTS, AUDIT, [other]).answer == (None,) * 10


def test_adjudicators_who_differ_settle_nothing_until_one_more_decides():
    said = [annotation(0, approved=True), annotation(0, approved=False, by="bo")]
    first, second, third = (
        replace(annotation(0, approved=yes, by=who), adjudicates=True)
        for who, yes in (("eve", True), ("fay", False), ("gil", False))
    )
    assert gather(VERDICTS, AUDIT, [*said, first]).answer[0] is True
    assert gather(VERDICTS, AUDIT, [*said, first, second]).answer[0] is None
    assert gather(VERDICTS, AUDIT, [*said, first, second, third]).answer[0] is False


def test_a_preference_between_two_is_no_answer_about_one():
    pairwise = replace(annotation(0, approved=None), against="g1", preferred="against")
    assert gather(VERDICTS, AUDIT, [pairwise]).answer == (None,) * 10


def test_what_is_gathered_can_be_calibrated():
    categories = {f"g{i}": "mugs" if i % 2 else "shirts" for i in range(10)}
    audit = draw_audit(
        VERDICTS, size=8, seed=0, categories=[categories[v.generation] for v in VERDICTS], minimum=1
    )
    answers = [annotation(int(i.generation[1:]), approved=i.generation < "g5") for i in audit.drawn]
    joined = gather(
        VERDICTS, audit, answers, categories=categories, groups={"g0": "p", "g1": "p", "g2": ""}
    )
    assert set(joined.stratum) == set(audit.strata)
    assert joined.cluster[:4] == ("p", "p", "alone:g2", "alone:g3")
    found = calibrate_arrays(**joined.arguments())
    assert found.counts.answered_approvals + found.counts.answered_rejections == 8
    assert {cut.name for cut in found.slices} == {"mugs", "shirts"}


def test_a_judge_without_confidence_has_none():
    silent = [verdict(i, approved=True, confidence=None) for i in range(3)]
    assert gather(silent, draw_audit(silent, size=2, seed=0), []).confidence is None


def test_what_does_not_belong_together_is_named():
    with pytest.raises(ValueError, match="'g0' has two verdicts"):
        gather([VERDICTS[0], VERDICTS[0]], AUDIT, [])
    with pytest.raises(ValueError, match="drew 9 generations without a verdict here"):
        gather(VERDICTS[:1], AUDIT, [])


def test_an_adjudication_counts_alone_and_is_no_answer_of_its_own():
    """Three of four say no: the one who saw all their answers says yes, and names another failure."""
    said = [
        annotation(0, approved=False, by=who, modes=("dark",)) for who in ("ada", "bo", "cy")
    ] + [annotation(0, approved=True, by="di")]
    settling = replace(annotation(0, approved=True, by="eve", modes=("blurred",)), adjudicates=True)
    before, after = gather(VERDICTS, AUDIT, said), gather(VERDICTS, AUDIT, [*said, settling])
    assert (before.answer[0], after.answer[0]) == (False, True)
    assert after.failure_modes[0] == frozenset({"blurred"})
    assert set(answers_to(AUDIT, [*said, settling])["g0"]) == {"ada", "bo", "cy", "di"}
    deleted = replace(settling, approved=None, state="deleted")
    assert gather(VERDICTS, AUDIT, [*said, deleted]).answer[0] is False

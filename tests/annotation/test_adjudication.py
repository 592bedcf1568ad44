"""Many answers to one: what counts, what is kept, and what waits for somebody to settle it."""

from datetime import UTC, datetime

from annotation.adjudication import settle
from workbench.records import Annotation
from workbench.rubric import load_rubric

RUBRIC = load_rubric("category-image")


def answer(generation, by, *, approved, **rest):
    return Annotation(
        id=f"{by}/{generation}/{len(rest)}", generation=generation, annotator=by,
        rubric=RUBRIC.label, approved=approved, **rest,
    )  # fmt: skip


SAID = [
    answer("g1", "ada", approved=True), answer("g1", "bo", approved=True),
    answer("g2", "ada", approved=True), answer("g2", "bo", approved=False),
    answer("g3", "ada", approved=False), answer("g3", "bo", approved=True),
    answer("g3", "cy", approved=False), answer("g3", "di", approved=False),
]  # fmt: skip


def test_disputes_are_queued_the_closest_first_and_keep_what_each_person_said():
    found = settle(SAID)
    assert [item.generation for item in found.queue] == ["g2", "g3"]
    assert {g.generation: g.approved for g in found.items} == {"g1": True, "g2": None, "g3": False}
    tie = found.queue[0]
    assert {who: one.approved for who, one in tie.said.items()} == {"ada": True, "bo": False}
    assert (tie.vote.margin, tie.differs) == (0.0, ("approved",))


def test_an_adjudication_counts_instead_of_the_vote_and_leaves_the_queue():
    """Three to one said no; who has seen all four answers says yes, and that counts."""
    late = answer("g3", "eve", approved=True, adjudicates=True)
    found = settle([*SAID, late])
    settled = found.items[2]
    assert (settled.approved, settled.vote.label, settled.open) == (True, False, False)
    assert settled.adjudication == late and "eve" not in settled.said
    assert [item.generation for item in found.queue] == ["g2"]
    assert [item.generation for item in found.disputes] == ["g2", "g3"], "the disagreement stays"


def test_two_adjudicators_who_differ_leave_the_dispute_open():
    first = answer("g2", "eve", approved=True, adjudicates=True)
    second = answer("g2", "fay", approved=False, adjudicates=True, note="")
    for said in ((first, second), (second, first)):
        found = settle([*SAID, *said])
        item = found.queue[0]
        assert (item.generation, item.contested, item.approved) == ("g2", True, None)
        assert item.adjudication is None
    third = answer("g2", "gil", approved=False, adjudicates=True)
    decided = settle([*SAID, first, second, third])
    assert [item.generation for item in decided.queue] == ["g3"]
    assert decided.items[1].approved is False


def test_adjudicators_who_differ_on_what_is_no_dispute_any_more_are_queued_too():
    first = answer("g1", "eve", approved=True, adjudicates=True)
    second = answer("g1", "fay", approved=False, adjudicates=True)
    found = settle([*SAID[:2], first, second])
    assert (
        [item.generation for item in found.queue]
        == ["g1"]
        == [i.generation for i in found.disputes]
    )


def test_the_catalogue_is_no_colleague_where_people_answered():
    """It differs from ada on g1 and alone knows g9: neither is a dispute between people."""
    truth = [answer(key, "catalogue-truth", approved=False, simulated=True) for key in ("g1", "g9")]
    found = settle([answer("g1", "ada", approved=True), *truth])
    assert [set(item.said) for item in found.items] == [{"ada"}]
    assert found.disputes == ()
    assert [item.generation for item in settle(truth).items] == ["g1", "g9"], "a demo has no people"


def test_a_deleted_adjudication_opens_the_dispute_again():
    gone = answer("g2", "eve", approved=None, adjudicates=True, state="deleted")
    assert [item.generation for item in settle([*SAID, gone]).queue] == ["g2", "g3"]


def test_only_answers_that_count_are_compared():
    later = datetime(2030, 1, 1, tzinfo=UTC)
    found = settle(
        [
            answer("g1", "ada", approved=True),
            answer("g1", "bo", approved=False, blind=False),
            answer("g1", "cy", approved=None, state="skipped"),
            answer("g1", "di", approved=False),
            answer("g1", "di", approved=True, created_at=later),
        ]
    )
    assert set(found.items[0].said) == {"ada", "di"}
    assert found.queue == ()


def test_criteria_differ_where_one_finds_them_passed_and_another_failed():
    """4 and 5 of 5 both pass at a threshold of 4."""
    found = settle(
        [
            answer("g1", "ada", approved=True, scores={"fidelity": 4.0, "clarity": 4.0}),
            answer("g1", "bo", approved=True, scores={"fidelity": 5.0, "clarity": 3.0}),
        ],
        rubric=RUBRIC,
    )
    assert found.items[0].differs == ("clarity",)
    assert found.queue == (), "the approval is not in dispute"


def test_no_answers_are_no_disputes():
    assert (settle([]).items, settle([]).queue) == ((), ())

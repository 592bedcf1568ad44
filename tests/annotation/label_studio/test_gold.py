"""Gold items: chosen by seed, told apart by nobody, scored with intervals, weighed by no calibration."""

import pytest

from annotation.label_studio.gold import choose_gold, gold_answer, known_answers, score_gold
from workbench.calibration import draw_audit, gather
from workbench.errors import LabelStudioError
from workbench.records import Annotation, Verdict
from workbench.rubric import load_rubric
from workbench.store import Store

RUBRIC = load_rubric("category-image")
DRAWN = [f"d{i:02}" for i in range(50)]
GOLD = [f"k{i}" for i in range(8)]


def answer(generation, by, *, approved, **rest):
    return Annotation(
        id=f"{by}/{generation}", generation=generation, annotator=by, rubric=RUBRIC.label,
        approved=approved, **rest,
    )  # fmt: skip


def right(generation, *, approved, modes=()):
    return gold_answer(generation, rubric=RUBRIC, approved=approved, failure_modes=modes)


def test_the_same_seed_chooses_the_same_gold_items():
    chosen = choose_gold(DRAWN, GOLD, count=5, seed=3)
    assert len(set(chosen)) == 5 and set(chosen) <= set(GOLD)
    assert chosen == choose_gold(set(DRAWN), set(GOLD), count=5, seed=3)
    assert chosen != choose_gold(DRAWN, GOLD, count=5, seed=4)
    assert choose_gold(DRAWN, GOLD, count=0, seed=3) == ()


def test_a_gold_item_that_was_drawn_too_is_not_planted():
    assert sorted(choose_gold(DRAWN, [*GOLD, "d01"], count=8, seed=0)) == GOLD
    with pytest.raises(
        LabelStudioError, match=r"knows the right answer about 8 of the outputs .*: plant 8, draw"
    ):
        choose_gold(DRAWN, [*GOLD, "d01"], count=9, seed=0)
    with pytest.raises(LabelStudioError, match=r"about none of .* draw: draw a smaller") as none:
        choose_gold(DRAWN, ["d01"], count=1, seed=0)
    assert "at most" not in str(none.value)
    with pytest.raises(LabelStudioError, match="want -1 gold items"):
        choose_gold(DRAWN, GOLD, count=-1, seed=0)


def test_people_are_scored_by_hand_worked_shares():
    known = {
        "k1": right("k1", approved=False, modes=("wrong_color", "blurred_or_incomplete")),
        "k2": right("k2", approved=False, modes=("text_overlay",)),
        "k3": right("k3", approved=True),
        "k4": right("k4", approved=True),
    }
    ada, bo = score_gold(
        [
            answer("k1", "ada", approved=False, failure_modes=("wrong_color",)),
            answer("k2", "ada", approved=True),
            answer("k3", "ada", approved=True),
            answer("k4", "ada", approved=True),
            answer("k4", "bo", approved=False),
            answer("k3", "bo", approved=None, state="skipped"),
            answer("d01", "bo", approved=True),
            *known.values(),
        ],
        known,
    )
    assert (ada.annotator, ada.answered, ada.missed) == ("ada", 4, ("k2",))
    assert (ada.right.value, ada.caught.value, ada.passed.value) == (0.75, 0.5, 1.0)
    assert ada.named.value == 0.5, "one of the two modes of k1; k2 was not rejected"
    assert ada.right.low == pytest.approx(0.3006, abs=1e-4), "Wilson of 3 of 4"
    assert (bo.answered, bo.right.value, bo.caught.value) == (1, 0.0, None)


def test_a_failure_mode_that_the_rubric_does_not_know_is_named():
    with pytest.raises(LabelStudioError, match="got 'ugly'"):
        right("k1", approved=False, modes=("ugly",))


def test_the_store_knows_gold_answers_and_adjudications(tmp_path):
    other = Annotation(
        id="x",
        generation="k3",
        annotator=GOLD[0],
        rubric="listing@1",
        approved=True,
        adjudicates=True,
    )
    with Store.open(tmp_path / "store") as store:
        store.add(
            [
                right("k1", approved=True), answer("k1", "eve", approved=False, adjudicates=True),
                answer("k2", "eve", approved=False, adjudicates=True), answer("k4", "ada", approved=True),
                other,
            ]
        )  # fmt: skip
        known = known_answers(store, RUBRIC.label)
        assert {key: one.approved for key, one in known.items()} == {"k1": True, "k2": False}
        store.add([right("k1", approved=False)])
        assert known_answers(store, RUBRIC.label)["k1"].approved is False, "the newest revision"


def test_a_contested_item_is_no_gold_item_and_a_simulation_settles_nothing_for_people(tmp_path):
    def settles(generation, by, approved, **rest):
        return answer(generation, by, approved=approved, adjudicates=True, **rest)

    with Store.open(tmp_path / "store") as store:
        store.add([settles("k5", "simulated:x", False, simulated=True)])
        assert known_answers(store, RUBRIC.label)["k5"].approved is False, "nobody else answered"
        store.add(
            [
                settles("k1", "eve", True), settles("k1", "fay", False),
                settles("k2", "eve", True), settles("k2", "fay", False), settles("k2", "guy", False),
                settles("k3", "eve", False, blind=False),
            ]
        )  # fmt: skip
        known = known_answers(store, RUBRIC.label)
    assert {key: one.approved for key, one in known.items()} == {"k2": False}


def test_no_calibration_weighs_an_answer_to_a_gold_item():
    verdicts = [
        Verdict(
            key=f"v{key}", generation=key, judge="j", revision="r", rubric=RUBRIC.label, scores=(),
            approved=True,
        )
        for key in [*DRAWN, *GOLD]
    ]  # fmt: skip
    audit = draw_audit(verdicts, size=20, seed=0)
    drawn = {item.generation for item in audit.drawn}
    free = [key for key in GOLD if key not in drawn]
    assert free
    said = [answer(key, "ada", approved=True, audit=audit.id) for key in [*sorted(drawn), *free]]
    found = gather(verdicts, audit, said)
    answered = {
        key for key, one in zip(found.generations, found.answer, strict=True) if one is not None
    }
    assert answered == drawn

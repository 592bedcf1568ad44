"""From answers in a store to pairs, and back to the answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from workbench.errors import StoreError
from workbench.preferences import Graded, build_pairs, lineage, pairs_from_grades
from workbench.records import Generation, Listing, PreferencePair


def left(built):
    return {one.name: one.count for one in built.left_out}


def test_a_corrected_listing_gives_a_pair_that_walks_back(shop, say):
    from workbench.rubric import load_rubric

    answer = say("ada", 0, False, about="aspects.Color", after="Blue")
    built = build_pairs(shop.store)
    (pair,) = built.pairs
    assert pair.rejected == shop.generations[0].text
    assert pair.chosen == shop.generations[0].text.replace('"Color": "Red"', '"Color": "Blue"')
    assert pair.photos == shop.items[0].photos and pair.item == "shop/0" and pair.margin == 1.0
    assert pair.source == "correction" and not pair.simulated
    found = lineage(shop.store, pair)
    assert found.annotations == (answer,) and found.rejected == shop.generations[0]
    assert [c.after for c in found.corrections] == ["Blue"] and found.rubric is None
    words = str(found)
    for step in ("ada", "'Red' → 'Blue'", "listing@1", "gen0", "starter:listing"):
        assert step in words
    rubric = load_rubric("listing")
    assert rubric.label == "listing@1"
    import workbench.rubric as r

    shop.store.add_rubric("listing", 1, rubric.digest, r.dump_rubric(rubric))
    assert lineage(shop.store, pair).rubric == rubric


def test_a_stored_pair_walks_back_too(shop, say):
    say("ada", 0, False, about="title", before="Red Mug", after="Blue Mug")
    (pair,) = build_pairs(shop.store).pairs
    shop.store.add([pair.record()])
    (stored,) = shop.store.records(PreferencePair)
    assert stored.key == pair.key
    assert lineage(shop.store, stored).annotations == lineage(shop.store, pair).annotations


def test_a_pair_of_another_store_says_what_is_missing(shop, say):
    say("ada", 0, False, about="title", before="Red Mug", after="Blue Mug")
    (pair,) = build_pairs(shop.store).pairs
    strange = replace(pair, origin=replace(pair.origin, rejected="elsewhere"))
    with pytest.raises(StoreError, match="generation 'elsewhere'"):
        lineage(shop.store, strange)


def test_people_who_correct_alike_give_one_pair_and_those_who_do_not_give_two(shop, say):
    say("ada", 0, False, about="aspects.Color", after="Blue")
    say("bo", 0, False, about="aspects.Color", after="Blue")
    say("cy", 0, False, about="aspects.Color", after="Green")
    pairs = build_pairs(shop.store).pairs
    assert sorted(
        (json.loads(p.chosen)["aspects"]["Color"], p.origin.annotators) for p in pairs
    ) == [
        ("Blue", ("ada", "bo")),
        ("Green", ("cy",)),
    ]


def test_who_is_outvoted_gives_none(shop, say):
    say("ada", 0, False, about="aspects.Color", after="Blue")
    say("bo", 0, True)
    assert left(build_pairs(shop.store)) == {"disputed": 1}
    say("cy", 0, True)
    built = build_pairs(shop.store)
    assert built.pairs == () and left(built) == {"overruled": 1}


def test_an_adjudication_counts_instead(shop, say):
    say("ada", 0, False, about="aspects.Color", after="Blue")
    say("bo", 0, True)
    say("eve", 0, False, about="aspects.Color", after="Green", adjudicates=True)
    (pair,) = build_pairs(shop.store).pairs
    assert pair.origin.annotators == ("eve",) and '"Green"' in pair.chosen


def test_an_adjudication_without_words_lets_those_it_agrees_with_speak(shop, say):
    say("ada", 0, False, about="aspects.Color", after="Blue")
    say("bo", 0, True)
    say("eve", 0, False, adjudicates=True)
    (pair,) = build_pairs(shop.store).pairs
    assert pair.origin.annotators == ("ada",)


@pytest.mark.parametrize("state", ["skipped", "deleted"])
def test_what_was_skipped_or_deleted_gives_none(shop, say, state):
    say("ada", 0, False, about="aspects.Color", after="Blue")
    say("ada", 0, None, state=state)
    assert build_pairs(shop.store).pairs == ()


def test_what_was_withdrawn_gives_none(shop, say):
    from workbench.records import Correction

    say("ada", 0, False, about="aspects.Color", after="Blue")
    (correction,) = shop.store.records(Correction)
    shop.store.add([replace(correction, withdrawn=True)])
    assert build_pairs(shop.store).pairs == ()


def test_simulated_answers_are_never_mixed_with_peoples(shop, say):
    say("simulated:x", 0, False, about="aspects.Color", after="Blue", simulated=True)
    (pair,) = build_pairs(shop.store).pairs
    assert pair.simulated
    say("ada", 1, False, about="aspects.Color", after="Green")
    built = build_pairs(shop.store)
    assert [p.item for p in built.pairs] == ["shop/1"] and not built.pairs[0].simulated
    assert left(built) == {"simulated": 1}


def test_held_out_items_give_none_and_are_counted(shop, say):
    say("ada", 5, False, about="aspects.Color", after="Blue")
    built = build_pairs(shop.store)
    assert built.pairs == () and left(built) == {"held out": 1}


def test_items_of_no_part_give_none(shop, say):
    from workbench.records import Item

    shop.store.add([Item(id="shop/new", category="mugs")])
    shop.store.add([replace(shop.generations[0], key="gen-new", item="shop/new")])
    say("ada", 9, False, about="aspects.Color", after="Blue", generation="gen-new")
    built = build_pairs(shop.store)
    assert built.pairs == () and "belongs to no part" in built.left_out[0].reason


@pytest.fixture
def rivals(shop):
    """Another listing of each item, by another model, to the same question."""
    second = [
        replace(g, key=f"riv{i}", model="hf:other", text='{"title": "Blue Mug", "aspects": {}}')
        for i, g in enumerate(shop.generations)
    ]
    shop.store.add(second)
    return second


def test_the_preferred_output_is_chosen(shop, rivals, say):
    say("ada", 0, None, against="riv0", preferred="against")
    say("bo", 0, None, generation="riv0", against="gen0", preferred="generation")  # sides swapped
    say("cy", 0, None, against="riv0", preferred="generation")
    (pair,) = build_pairs(shop.store).pairs
    assert pair.chosen == rivals[0].text and pair.rejected == shop.generations[0].text
    assert pair.origin.chosen == "riv0" and pair.margin == pytest.approx(1 / 3)
    assert pair.origin.annotators == ("ada", "bo")
    found = lineage(shop.store, pair)
    assert found.chosen == rivals[0] and found.rejected == shop.generations[0]


@pytest.mark.parametrize("word", ["tie", "neither"])
def test_ties_and_neither_give_none_and_are_counted(shop, rivals, say, word):
    say("ada", 0, None, against="riv0", preferred=word)
    built = build_pairs(shop.store)
    assert built.pairs == () and left(built) == {word: 1}


def test_an_even_vote_gives_none(shop, rivals, say):
    say("ada", 0, None, against="riv0", preferred="against")
    say("bo", 0, None, against="riv0", preferred="tie")
    assert left(build_pairs(shop.store)) == {"disputed": 1}


def test_answers_to_different_questions_are_not_compared(shop, say):
    other = replace(shop.generations[0], key="riv0", prompt="Something else.")
    shop.store.add([other])
    say("ada", 0, None, against="riv0", preferred="against")
    assert left(build_pairs(shop.store)) == {"different questions": 1}


def test_rejected_attempts_are_set_against_the_first_approved_one(shop, say):
    images = [shop.store.images.put(f"picture {i}".encode()) for i in range(4)]
    shop.store.add(
        Generation(
            key=f"try{i}", kind="image", category="mugs", model="starter:image", revision="r",
            prompt=f"a mug, try {i}", image=image, attempt=i + 1, parent=f"try{i - 1}" if i else None,
        )
        for i, image in enumerate(images)
    )  # fmt: skip
    for i, approved in enumerate((False, False, True, True)):
        say("ada", 10 + i, approved, generation=f"try{i}")
    pairs = build_pairs(shop.store).pairs
    assert [(p.kind, p.chosen, p.rejected, p.prompt) for p in pairs] == [
        ("image", images[2], images[0], "a mug, try 0"),
        ("image", images[2], images[1], "a mug, try 0"),
    ]
    assert {p.source for p in pairs} == {"attempts"} and len(pairs[0].origin.annotations) == 2
    assert lineage(shop.store, pairs[1]).chosen.key == "try2"


def test_attempts_that_are_all_alike_give_none(shop, say):
    shop.store.add(
        [Generation(key="try", kind="image", category="m", model="m", revision="r", prompt="p", image="sha256:" + "0" * 64)]
    )  # fmt: skip
    say("ada", 11, True, generation="try")
    assert left(build_pairs(shop.store)) == {"attempts alike": 1}


def test_the_two_worst_classes_are_set_against_the_truth(shop):
    truth = Listing(title="Blue Mug", aspects={"Color": ("Blue",)})
    made = shop.generations
    built = pairs_from_grades(
        [
            Graded(generation=made[0], grade=1, truth=truth, probability=0.9),
            Graded(generation=made[1], grade=2, truth="as it is"),
            *(Graded(generation=made[2], grade=grade, truth=truth) for grade in (3, 4, 5)),
            Graded(generation=replace(made[3], text=None), grade=1, truth=truth),
        ]
    )
    first, second = built.pairs
    assert json.loads(first.chosen) == {"title": "Blue Mug", "aspects": {"Color": "Blue"}}
    assert first.chosen.startswith(" {") and first.rejected == made[0].text
    assert first.margin == pytest.approx(0.8) and second.margin is None
    assert second.chosen == "as it is" and left(built) == {"good enough": 3, "no text": 1}
    assert lineage(shop.store, first).annotations == ()


@pytest.mark.parametrize("wrong", [{"grade": 0}, {"grade": 6}, {"probability": 1.2}])
def test_grades_and_probabilities_are_checked(shop, wrong):
    row = {"generation": shop.generations[0], "grade": 1, "truth": "t"} | wrong
    with pytest.raises(ValueError, match="want a"):
        pairs_from_grades([Graded(**row)])

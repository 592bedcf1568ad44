"""What people say against what was decided, by hand."""

from __future__ import annotations

import pytest

from workbench.alignment import AspectDecision, Decisions, WordDecision, check_by_people
from workbench.alignment.people import RUBRIC
from workbench.records import Annotation, Generation, Item, Listing


def word(text, kept, kind=""):
    return WordDecision(text=text, kept=kept, kind=kind, written=text if kept else "")


def aspect(name, verdict, kind=""):
    return AspectDecision(name=name, values=("x",), verdict=verdict, kind=kind)


@pytest.fixture
def made():
    """Three listings: of the title, two words kept and two dropped; of the aspects, two kept and one dropped."""
    decided = Decisions(
        title=(
            word("Red", True), word("Mug", True), word("XL", False, "size"), word("striped", False, "unsupported"),
        ),
        aspects=(aspect("Color", "seen"), aspect("Material", "inferable"), aspect("Size", "not", "size")),
    )  # fmt: skip
    return [
        Generation(
            key=f"{n:064}", kind="alignment", category="mugs", model="rules", revision="1", prompt="p",
            item=f"shop/{n}", listing=Listing(title="Red Mug"), details=decided.as_dict(),
        )
        for n in range(3)
    ]  # fmt: skip


def said(made, who, words, aspects, **other):
    scores = {f"word {n}": float(point) for n, point in enumerate(words, 1)}
    scores |= {f"aspect {n}": float(point) for n, point in enumerate(aspects, 1)}
    return Annotation(
        id=f"{made.key}/{who}", generation=made.key, annotator=who, approved=None,
        **{"scores": scores, "rubric": RUBRIC} | other,
    )  # fmt: skip


@pytest.fixture
def items(made):
    return {one.item: Item(id=one.item, category="mugs") for one in made}


def test_nobody_answered_is_no_figure(made, items):
    assert check_by_people(items, made, []) is None
    skipped = said(made[0], "ada", (), (), state="skipped")
    other = said(made[0], "ada", (2,), (), rubric="listing@1")
    assert check_by_people(items, made, [skipped, other]) is None


def test_shares_are_those_that_one_counts_by_hand(made, items):
    """Dropped: XL rightly, `striped` wrongly. Kept: Red wrongly in one of two. Size went, Material should have."""
    told = check_by_people(
        items,
        made,
        [
            said(made[0], "ada", (2, 2, 1, 2), (3, 1, 1)),
            said(made[1], "bo", (1, 2, 1, 2), (3, 2, 1)),
        ],
    )
    words, aspects = told.checks
    assert (told.alignments, told.people, told.disputed, told.simulated) == (2, 2, 0, False)
    assert (words.precision.value, words.precision.n) == (0.5, 4)
    assert words.recall.value == pytest.approx(2 / 3)
    assert words.kept_right.value == 0.75
    assert {one.kind: (one.dropped, one.precision.value) for one in words.kinds} == {
        "size": (2, 1.0), "unsupported": (2, 0.0),
    }  # fmt: skip
    assert (aspects.precision.value, aspects.recall.value) == (1.0, pytest.approx(2 / 3))
    assert aspects.kept_right.value == 0.75
    assert told.verdicts.value == pytest.approx(
        5 / 6
    )  # one Material is called inferable, and people say not
    assert told.verdicts.low < told.verdicts.value < told.verdicts.high


def test_most_people_are_right_and_a_tie_counts_nowhere(made, items):
    three = [
        said(made[0], "ada", (2, 2, 1, 1), (3, 2, 1)),
        said(made[0], "bo", (2, 2, 1, 1), (3, 2, 1)),
        said(made[0], "cy", (1, 2, 1, 2), (1, 2, 1), simulated=True),
    ]
    told = check_by_people(items, made, three)
    assert (told.people, told.disputed, told.simulated) == (3, 0, True)
    assert told.checks[0].precision.value == told.checks[0].kept_right.value == 1
    two = check_by_people(items, made, three[1:])
    assert two.disputed == 3  # Red, striped, Color
    assert two.checks[0].precision.n == 1

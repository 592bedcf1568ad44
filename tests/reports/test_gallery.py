"""What a card says of a listing beside its catalogue."""

from dataclasses import replace

import pytest

from reports.gallery import cards
from workbench.calibration.audited import Judged
from workbench.records import (
    Annotation,
    Correction,
    CriterionScore,
    Generation,
    Item,
    Listing,
    Verdict,
)
from workbench.rubric import parse_rubric
from workbench.store import Store

RUBRIC = parse_rubric(
    """
name: two
version: 1
judges: listing
instructions: Judge the listing.
criteria:
  - id: title
    question: Is the title good?
    scale: [1, 2, 3, 4, 5]
    threshold: 4
""",
    where="test",
)
ITEM = Item(
    id="s/1", category="Dress", price=72.0, currency="USD", aspects={"Style": ("Lightweight",), "Color": ("Red",)},
)  # fmt: skip


def card(tmp_path, listing, corrections=(), *, score=3.97, passed=False):
    generation = Generation(
        key="g", kind="listing", category="Dress", model="m", revision="r", prompt="p", item="s/1",
        listing=listing,
    )  # fmt: skip
    verdict = Verdict(
        key="v", generation="g", judge="j", revision="r", rubric="two@1", approved=passed,
        scores=(CriterionScore(criterion="title", score=score, passed=passed),),
    )  # fmt: skip
    annotation = Annotation(
        id="a", generation="g", annotator="catalogue-truth", rubric="two@1", approved=False
    )
    judged = Judged(
        verdict=verdict, generation=generation, item=ITEM, annotations=(annotation,), answer=False
    )
    with Store.open(tmp_path / "store") as store:
        store.add([ITEM, generation, verdict, annotation, *corrections])
        (made,) = cards(store, [judged], RUBRIC)
    return made


def correction(about, before, after, annotation="a"):
    return Correction(
        id=about, annotation=annotation, generation="g", about=about, before=before, after=after
    )


def test_a_wrong_kind_is_struck_out_and_a_right_one_is_not(tmp_path):
    wrong = card(tmp_path / "1", Listing(title="t", category="Hoodie", price=59.0))
    assert wrong["aspects"] == [("Kind", "Hoodie", "Dress")]
    assert wrong["category"] == "Dress"
    assert wrong["price"] == "price 59 USD (catalogue 72)"
    right = card(tmp_path / "2", Listing(title="t", category="Dress"))
    assert right["aspects"] == [("Kind", "Dress", "")]
    assert right["known_category"] is True
    assert right["price"] == "catalogue price 72 USD"


def test_a_correction_without_a_row_is_printed_and_one_with_a_row_is_not_said_twice(tmp_path):
    made = card(
        tmp_path,
        Listing(title="Blue Jacket", aspects={"Color": ("Blue",)}),
        [
            correction("aspects.Style", "Jacket", "Lightweight"),
            correction("aspects.Color", "Blue", "Red"),
            correction("failure_mode", None, "bad_title"),
        ],
    )
    assert made["aspects"] == [("Color", "Blue", "Red")]
    assert made["corrections"] == ["title claims Style Jacket, catalogue: Lightweight"]


def test_a_correction_that_was_taken_back_is_not_printed(tmp_path):
    taken_back = replace(correction("title", "t", "better"), withdrawn=True)
    assert card(tmp_path, Listing(title="t"), [taken_back])["corrections"] == []


@pytest.mark.parametrize("passed", [True, False])
def test_colour_follows_the_verdict_and_not_the_rounded_score(tmp_path, passed):
    (score,) = card(tmp_path, Listing(title="t"), passed=passed)["scores"]
    assert score["passed"] is passed
    assert score["text"] == "4.0/5"
    assert score["said"] == "3.97 of 5, passes at 4"
    assert score["tick"] == pytest.approx(0.75)
    assert score["share"] == pytest.approx(2.97 / 4)

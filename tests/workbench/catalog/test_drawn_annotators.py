"""Simulated annotators keep the rates that they state, and never pass for people."""

import numpy as np
import pytest
from scipy.stats import binomtest

from workbench.catalog.annotators import Known, SimulatedAnnotator, known_image, known_listing
from workbench.catalog.drawn import FLAWS, DrawnCatalog, clean_listing
from workbench.records import Generation, Listing
from workbench.rubric import load_rubric

IMAGE = load_rubric("category-image")
LISTING = load_rubric("listing")
ANN = SimulatedAnnotator(
    name="ann", seed=4, false_approve=0.15, false_reject=0.07, mode_confusion=0.2, median_seconds=20
)


def image(number):
    return Generation(
        key=f"g{number}",
        kind="image",
        category="mug",
        model="m",
        revision="r",
        prompt="p",
        image="sha256:0",
    )


def holds(successes, trials, rate):
    """The stated rate is within the 99.9% interval of what was seen."""
    low, high = binomtest(successes, trials).proportion_ci(0.999)
    return low <= rate <= high


@pytest.fixture(scope="module")
def answers():
    right, wrong = known_image((), IMAGE), known_image(("wrong_color",), IMAGE)
    return (
        [ANN.answer(image(n), right, IMAGE) for n in range(1500)],
        [ANN.answer(image(n + 5000), wrong, IMAGE) for n in range(1500)],
    )


def test_error_rates_are_those_that_are_stated(answers):
    right, wrong = answers
    assert holds(sum(not a.annotation.approved for a in right), 1500, 0.07)
    assert holds(sum(bool(a.annotation.approved) for a in wrong), 1500, 0.15)
    rejected = [a for a in wrong if not a.annotation.approved]
    misnamed = sum(a.annotation.failure_modes != ("wrong_color",) for a in rejected)
    assert holds(misnamed, len(rejected), 0.2)


def test_scores_agree_with_the_approval_and_waver_as_often_as_stated(answers):
    right, wrong = answers
    for answer in (*right, *wrong):
        failing = [
            c.id for c in IMAGE.criteria
            if c.decides and answer.annotation.scores[c.id] < c.threshold
        ]  # fmt: skip
        assert bool(failing) != answer.annotation.approved
    # On a scale of five, the best point has room for one step that stays above the threshold.
    moved = sum(a.annotation.scores["clarity"] == 4 for a in right if a.annotation.approved)
    assert holds(moved, sum(bool(a.annotation.approved) for a in right), ANN.criterion_noise)


def test_seconds_are_log_normal_around_the_median(answers):
    seconds = np.log([a.annotation.seconds for a in answers[0]])
    assert np.exp(np.median(seconds)) == pytest.approx(20, rel=0.06)
    assert seconds.std() == pytest.approx(0.5, abs=0.03)


def test_every_record_says_that_nobody_gave_it(answers):
    for answer in answers[1][:50]:
        assert answer.annotation.simulated
        assert answer.annotation.annotator == "simulated:ann"
        assert all(c.simulated and c.annotation == answer.annotation.id for c in answer.corrections)


def test_the_same_seed_gives_the_same_answer_and_another_annotator_another():
    known = known_image(("distorted_object",), IMAGE)

    def said(annotator):
        return [annotator.answer(image(n), known, IMAGE).annotation.approved for n in range(60)]

    assert said(ANN) == said(ANN)
    assert said(ANN) != said(SimulatedAnnotator(name="bo", seed=4, false_approve=0.15))


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_that_can_be_drawn_is_a_failure_mode_and_fails_its_criterion(flaw):
    known = known_image((flaw,), IMAGE)
    mode = next(m for m in IMAGE.failure_modes if m.id == flaw)
    assert known.failure_modes == (flaw,)
    assert known.scores[mode.criterion] < IMAGE.criterion(mode.criterion).threshold
    exact = SimulatedAnnotator(name="exact", false_approve=0, mode_confusion=0)
    answer = exact.answer(image(1), known, IMAGE)
    assert [(c.about, c.after) for c in answer.corrections] == [("failure_mode", flaw)]


def test_an_unknown_flaw_is_refused():
    with pytest.raises(ValueError, match="'melted'"):
        known_image(("melted",), IMAGE)


@pytest.fixture(scope="module")
def drawn():
    catalog = DrawnCatalog(seed=1, items=30)
    items = {i.id: i for i in catalog.items()}
    return catalog, [(e, items[f"{catalog.name}/{e.number:05d}"]) for e in catalog.entries]


def listing_of(item, listing):
    return Generation(
        key=f"l{item.id}", kind="listing", category=item.category, model="m", revision="r", prompt="p",
        item=item.id, listing=listing,
    )  # fmt: skip


def known(catalog, item, listing):
    generation = listing_of(item, listing)
    return known_listing(generation, item, schema=catalog.schema, rubric=LISTING)


def test_a_clean_listing_is_right_and_a_sellers_own_is_mostly_not(drawn):
    catalog, pairs = drawn
    rejected = 0
    for entry, item in pairs:
        found = known(catalog, item, clean_listing(entry.product))
        assert found.approved
        assert found.failure_modes == ()
        assert found.corrections == ()
        own = Listing(title=item.title, aspects=item.aspects, category=item.category)
        rejected += not known(catalog, item, own).approved
    assert rejected > 24


def test_a_wrong_aspect_is_put_right_an_invisible_one_taken_out_and_the_title_cleaned(drawn):
    catalog, pairs = drawn
    entry, item = pairs[0]
    clean = clean_listing(entry.product)
    other = "Teal" if entry.product.color != "Teal" else "Red"
    bad = Listing(
        title=f"{other} {clean.title.split(maxsplit=1)[1]} Nordwell",
        aspects={**clean.aspects, "Color": (other,), "Brand": ("Nordwell",)},
        category=item.category,
    )
    found = known(catalog, item, bad)
    assert {"wrong_color", "unseen_claim"} <= set(found.failure_modes)
    exact = SimulatedAnnotator(name="exact", false_approve=0, corrects=1)
    given = exact.answer(listing_of(item, bad), found, LISTING).corrections
    after = {c.about: c.after for c in given}
    assert after["aspects.Color"] == entry.product.color
    assert after["aspects.Brand"] is None
    assert len(given) == len(after)
    assert after["title"] == clean.title


def test_what_cannot_be_read_is_rejected(drawn):
    catalog, pairs = drawn
    found = known(catalog, pairs[0][1], None)
    assert (found.approved, found.failure_modes) == (False, ("no_output",))


def test_corrections_are_given_as_often_as_stated():
    truth = Known(
        approved=False, scores={"product": 1.0}, failure_modes=("wrong_product",),
        corrections=(("title", "a", "b"),),
    )  # fmt: skip
    someone = SimulatedAnnotator(name="x", false_approve=0, corrects=0.7)
    given = sum(
        len(someone.answer(
            Generation(key=str(n), kind="listing", category="mug", model="m", revision="r", prompt="p"),
            truth, LISTING,
        ).corrections)
        for n in range(1500)
    )  # fmt: skip
    assert holds(given, 1500, 0.7)


@pytest.mark.parametrize(
    "rate", ["false_approve", "false_reject", "criterion_noise", "mode_confusion", "corrects"]
)
def test_a_rate_that_is_no_probability_is_refused(rate):
    with pytest.raises(ValueError, match=rate):
        SimulatedAnnotator(name="x", **{rate: 1.5})

"""Draws near a threshold and by Neyman's allocation, draws that grow, and plans: probabilities that hold."""

import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import draw_audit, gather, grow_audit, plan_audit, ppi_rates, rates
from workbench.errors import CalibrationError
from workbench.records import Annotation, Verdict

DESIGNS = ("uniform", "stratified", "near-threshold", "neyman")


def verdict(i, approved, confidence=None):
    return Verdict(
        key=f"v{i}", generation=f"g{i}", judge="starter:judge", revision="r1", rubric="listing@1",
        scores=(), approved=approved, confidence=confidence,
    )  # fmt: skip


def population(n, seed=0, *, cut=0.5):
    rng = np.random.default_rng(seed)
    confidence = rng.beta(2, 1.2, size=n)
    return [verdict(i, bool(c >= cut), float(c)) for i, c in enumerate(confidence)]


def options(design):
    return {"threshold": 0.5} if design == "near-threshold" else {}


VERDICTS = population(1200)


def answered(audit, truth):
    return [
        Annotation(
            id=f"a-{item.generation}", generation=item.generation, annotator="p", rubric="listing@1",
            approved=bool(truth[int(item.generation[1:])]),
        )
        for item in audit.drawn
    ]  # fmt: skip


def test_near_a_threshold_everybody_may_be_drawn_and_the_near_ones_more_often():
    audit = draw_audit(VERDICTS, size=150, seed=1, design="near-threshold", threshold=0.5)
    assert len(audit.drawn) == 150
    assert sum(audit.strata.values()) == 1200
    assert {name.split()[0] for name in audit.strata} == {"approved/distance", "rejected/distance"}
    chance = {item.stratum: item.inclusion_probability for item in audit.drawn}
    assert set(chance) == set(audit.strata)
    for side in ("approved", "rejected"):
        by_distance = [chance[f"{side}/distance {band}"] for band in (1, 2, 3, 4)]
        assert by_distance == sorted(by_distance, reverse=True)
        assert by_distance[0] > 3 * by_distance[-1]
    confidence = {v.generation: v.confidence for v in VERDICTS}
    far = defaultdict(list)
    for item in audit.drawn:
        far[item.stratum].append(abs(confidence[item.generation] - 0.5))
    assert max(far["approved/distance 1"]) <= min(far["approved/distance 2"])


def test_neyman_asks_where_answers_are_hardest_to_foresee():
    audit = draw_audit(VERDICTS, size=200, seed=1, design="neyman")
    chance = {item.stratum: item.inclusion_probability for item in audit.drawn}
    assert chance["approved/confidence 1"] > 1.3 * chance["approved/confidence 4"]
    # What is expected may come from elsewhere: here only rejections are unsure.
    expected = [0.99 if v.approved else 0.5 for v in VERDICTS]
    other = draw_audit(VERDICTS, size=200, seed=1, design="neyman", expected=expected)
    taken = Counter(item.stratum.split("/")[0] for item in other.drawn)
    sizes = Counter(v.approved for v in VERDICTS)
    ratio = (taken["rejected"] / sizes[False]) / (taken["approved"] / sizes[True])
    assert ratio == pytest.approx(0.5 / 0.1, rel=0.1)  # spreads of .5 and of the least, .1
    categories = ["mugs" if i % 2 else "shirts" for i in range(1200)]
    by_category = draw_audit(VERDICTS, size=80, seed=1, design="neyman", categories=categories)
    assert set(by_category.strata) == {
        f"{side}/{name}" for side in ("approved", "rejected") for name in ("mugs", "shirts")
    }


def test_neyman_leaves_less_variance_than_proportion():
    """Half of the items are certain, half are a coin's toss: the suitable rate over 250 draws each."""
    rng = np.random.default_rng(3)
    confidence = np.where(np.arange(600) % 2, 0.99, rng.uniform(0.4, 0.6, 600))
    verdicts = [verdict(i, True, float(c)) for i, c in enumerate(confidence)]
    truth = rng.random(600) < confidence
    spread = {}
    for design in ("stratified", "neyman"):
        found = []
        for seed in range(250):
            audit = draw_audit(verdicts, size=60, seed=seed, design=design)
            weights = [1 / item.inclusion_probability for item in audit.drawn]
            hits = [truth[int(item.generation[1:])] for item in audit.drawn]
            found.append(np.average(hits, weights=weights))
        spread[design] = np.std(found)
    assert spread["neyman"] < 0.85 * spread["stratified"]


@pytest.mark.parametrize("design", DESIGNS)
def test_horvitz_and_thompson_are_unbiased_over_seeds(design):
    rng = np.random.default_rng(4)
    verdicts = population(300, seed=4)
    truth = rng.random(300) < [v.confidence for v in verdicts]
    totals, drawn = [], Counter()
    for seed in range(300):
        audit = draw_audit(verdicts, size=40, seed=seed, design=design, **options(design))
        totals.append(
            sum(truth[int(i.generation[1:])] / i.inclusion_probability for i in audit.drawn)
        )
        drawn.update(i.generation for i in audit.drawn)
    assert len(drawn) == 300  # everybody may be drawn
    error = np.std(totals) / math.sqrt(300)
    assert abs(np.mean(totals) - truth.sum()) < 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_rates_cover_the_truth_of_the_batch_under_every_design(design):
    rng = np.random.default_rng(5)
    verdicts = population(800, seed=5)
    truth = rng.random(800) < [v.confidence for v in verdicts]
    approved = np.array([v.approved for v in verdicts])
    right = {"precision": truth[approved].mean(), "recall": approved[truth].mean()}
    covered, values, runs = Counter(), defaultdict(list), 600
    for seed in range(runs):
        audit = draw_audit(verdicts, size=120, seed=seed, design=design, **options(design))
        arguments = gather(verdicts, audit, answered(audit, truth)).arguments()
        found = rates(
            **{k: arguments[k] for k in ("approved", "inclusion_probability", "answer", "stratum")},
            about="these items",
        )
        for name, value in right.items():
            estimate = getattr(found, name)
            covered[name] += estimate.low <= value <= estimate.high
            values[name].append(estimate.value)
    for name, value in right.items():
        assert covered[name] / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)
        assert np.mean(values[name]) == pytest.approx(value, abs=0.015)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_draw_that_grows_keeps_everybody_and_its_probabilities_hold(design):
    verdicts = population(200, seed=6)
    drawn, stated = Counter(), {}
    for seed in range(200):
        first = draw_audit(verdicts, size=30, seed=seed, design=design, **options(design))
        shuffled = random.Random(seed).sample(verdicts, k=200)
        more = grow_audit(first, shuffled, size=60)
        assert {i.generation for i in first.drawn} < {i.generation for i in more.drawn}
        assert len(more.drawn) == 60
        assert more.strata == first.strata
        assert more.parameters["grown_from"] == [first.id]
        assert sum(1 / i.inclusion_probability for i in more.drawn) == pytest.approx(200)
        drawn.update(i.generation for i in more.drawn)
        stated |= {i.generation: i.inclusion_probability for i in more.drawn}
    assert len(stated) == 200
    off = [(drawn[g] / 200 - p) / math.sqrt(p * (1 - p) / 200) for g, p in stated.items() if p < 1]
    assert max(map(abs, off)) < 4.5
    again = grow_audit(grow_audit(first, verdicts, size=50), verdicts, size=60)
    assert {i.generation for i in again.drawn} == {i.generation for i in more.drawn}
    assert len(again.parameters["grown_from"]) == 2
    assert grow_audit(first, verdicts, size=60).id == more.id


def test_what_cannot_grow_is_said():
    audit = draw_audit(VERDICTS, size=30, seed=0)
    with pytest.raises(ValueError, match="more than the 30 that are drawn"):
        grow_audit(audit, VERDICTS, size=30)
    with pytest.raises(CalibrationError, match="other verdicts than these 1100"):
        grow_audit(audit, VERDICTS[:1100], size=60)
    with pytest.raises(ValueError, match="pass the categories"):
        grow_audit(audit, VERDICTS, size=60, categories=["mugs"] * 1200)


def test_a_verdict_without_confidence_has_a_stratum_of_its_own():
    verdicts = [*VERDICTS, *(verdict(i, i % 2 == 0, None) for i in range(2000, 2100))]
    for design in ("near-threshold", "neyman"):
        audit = draw_audit(verdicts, size=150, seed=0, design=design, **options(design))
        assert audit.strata["approved/no confidence"] == 50
        assert {i.stratum for i in audit.drawn} == set(audit.strata)
        gathered = gather(verdicts, audit, [])
        assert Counter(gathered.stratum) == Counter(dict(audit.strata))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"design": "cubic"}, "`design` is one of 'uniform'"),
        ({"design": "near-threshold"}, "`threshold` goes with"),
        ({"threshold": 0.5}, "`threshold` goes with"),
        ({"design": "near-threshold", "threshold": 1.5}, "between 0 and 1"),
        ({"design": "near-threshold", "threshold": 0.5, "categories": ["a"] * 1200}, "by distance"),
        ({"expected": [0.5] * 1200}, "`expected` goes with"),
        ({"design": "neyman", "expected": [0.5]}, "one value for each of 1200"),
        ({"design": "neyman", "expected": [math.nan] * 1200}, "`expected` lies between 0 and 1"),
    ],
)
def test_arguments_of_another_design_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_audit(VERDICTS, size=50, seed=0, **arguments)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([True, False, None]), st.none() | st.floats(0, 1)), max_size=60
    ),
    size=st.integers(1, 80),
    design=st.sampled_from(DESIGNS),
    minimum=st.integers(0, 3),
    seed=st.integers(0, 5),
)
def test_probabilities_sum_to_the_size_whatever_comes(rows, size, design, minimum, seed):
    verdicts = [verdict(i, approved, confidence) for i, (approved, confidence) in enumerate(rows)]
    decided = sum(v.approved is not None for v in verdicts)
    rest = {"design": design, "minimum": minimum, **options(design)}
    try:
        audit = draw_audit(verdicts, size=size, seed=seed, **rest)
    except CalibrationError as error:
        assert "nothing to audit" in str(error) or "draw more" in str(error)
        return
    taken = Counter(item.stratum for item in audit.drawn)
    assert len(audit.drawn) == min(size, decided) == len({i.generation for i in audit.drawn})
    assert sum(audit.strata.values()) == decided
    chances = {i.stratum: i.inclusion_probability for i in audit.drawn}
    for name, count in audit.strata.items():
        assert taken[name] <= count
        if design != "uniform":
            assert taken[name] >= min(minimum, count)
    summed = sum(chances.get(name, 0) * count for name, count in audit.strata.items())
    assert summed == pytest.approx(len(audit.drawn))
    for plan in plan_audit(verdicts, sizes=[size], **rest):
        assert plan.labels == len(audit.drawn)
        assert "nan" not in repr(plan) + plan.sentence


@pytest.mark.parametrize("design", DESIGNS)
def test_a_plan_is_what_the_audit_then_brings(design):
    """Half-widths that are planned against the mean of those that 15 audits give."""
    verdicts = population(3000, seed=8)
    confidence = np.array([v.confidence for v in verdicts])
    (plan,) = plan_audit(verdicts, sizes=[240], design=design, **options(design))
    widths = defaultdict(list)
    for seed in range(15):
        truth = np.random.default_rng(seed).random(3000) < confidence
        audit = draw_audit(verdicts, size=240, seed=seed, design=design, **options(design))
        arguments = gather(verdicts, audit, answered(audit, truth)).arguments()
        drawn = {
            k: arguments[k] for k in ("approved", "inclusion_probability", "answer", "stratum")
        }
        powered = ppi_rates(**drawn, confidence=confidence).rates.precision
        widths["precision_with_confidence"].append((powered.high - powered.low) / 2)
        found = rates(**drawn)
        for name in ("precision", "recall", "suitable_rate"):
            estimate = getattr(found, name)
            widths[name].append((estimate.high - estimate.low) / 2)
    assert plan.labels == 240
    for name, own in widths.items():
        assert getattr(plan, name).half_width == pytest.approx(np.mean(own), rel=0.15), name
    assert plan.precision.value == pytest.approx(confidence[confidence >= 0.5].mean(), abs=1e-9)
    # Bands of confidence have told most of it already; without them it is worth a tenth.
    gained = plan.precision.half_width / plan.precision_with_confidence.half_width
    assert gained > 1.05 if design in ("uniform", "stratified") else 1 <= gained < 1.05


def test_a_plan_says_what_a_promise_takes():
    sure = [verdict(i, i % 5 > 0, 0.97 if i % 5 else 0.1) for i in range(4000)]
    small, large = plan_audit(sure, sizes=[60, 400], promise=0.9)
    assert small.to_promise == large.to_promise == 76
    assert small.sentence.endswith(
        "to promise 0.9 takes 76 answered approvals to choose by: these are too few."
    )
    assert large.sentence.endswith("these are enough.")
    assert small.sentence.startswith(
        "stratified: 48 of 3,200 approvals and 12 of 800 rejections; expected are precision 0.97 ±"
    )
    assert large.precision.half_width < small.precision.half_width
    blind = [verdict(i, i % 5 > 0) for i in range(100)]
    (widest,) = plan_audit(blind, sizes=[20])
    assert widest.precision.value == 0.5
    assert widest.precision_with_confidence.half_width is None
    assert "no confidence says what to expect" in widest.assumptions[1]
    (none,) = plan_audit([verdict(i, False, 0.2) for i in range(50)], sizes=[10])
    assert none.precision.reason == "the judge approved nothing"
    with pytest.raises(ValueError, match="at least one size"):
        plan_audit(blind, sizes=[])

"""Draws: probabilities that hold, the same draw for the same arguments, and what labels buy."""

import random
from collections import Counter

import pytest

from workbench.calibration import budget, draw_audit, labels_for
from workbench.errors import CalibrationError
from workbench.metrics import wilson
from workbench.records import Verdict


def verdict(i, approved):
    return Verdict(
        key=f"v{i}", generation=f"g{i}", judge="starter:judge", revision="r1", rubric="listing@1",
        scores=(), approved=approved,
    )  # fmt: skip


VERDICTS = [verdict(i, approved=None if i % 50 == 0 else i % 4 != 0) for i in range(400)]
CATEGORIES = [("mugs", "shirts", "rare")[0 if i % 3 else 1 if i % 37 else 2] for i in range(400)]


def test_a_stratified_draw_holds_both_verdicts_of_each_category():
    audit = draw_audit(VERDICTS, size=60, seed=3, categories=CATEGORIES, minimum=2)
    assert len(audit.drawn) == 60
    assert sum(audit.strata.values()) == 392
    taken = Counter(item.stratum for item in audit.drawn)
    assert set(taken) == set(audit.strata)
    assert all(taken[name] >= min(2, size) for name, size in audit.strata.items())
    for item in audit.drawn:
        assert item.inclusion_probability == pytest.approx(
            taken[item.stratum] / audit.strata[item.stratum], abs=1e-12
        )
    big = {name: taken[name] / size for name, size in audit.strata.items() if size > 40}
    assert max(big.values()) - min(big.values()) < 0.04  # in proportion beyond the minimum
    weights = sum(1 / item.inclusion_probability for item in audit.drawn)
    assert weights == pytest.approx(392)


def test_a_draw_depends_on_nothing_but_its_arguments():
    audit = draw_audit(VERDICTS, size=40, seed=1)
    shuffled = random.Random(0).sample(VERDICTS, k=len(VERDICTS))
    again = draw_audit(shuffled, size=40, seed=1)
    assert (again.id, again.drawn, again.strata) == (audit.id, audit.drawn, audit.strata)
    other = draw_audit(VERDICTS, size=40, seed=2)
    assert other.id != audit.id
    assert other.drawn != audit.drawn


def test_a_larger_draw_holds_the_smaller_one():
    small = draw_audit(VERDICTS, size=30, seed=1, design="uniform")
    large = draw_audit(VERDICTS, size=80, seed=1, design="uniform")
    assert {i.generation for i in small.drawn} < {i.generation for i in large.drawn}


@pytest.mark.parametrize("design", ["uniform", "stratified"])
def test_every_item_is_drawn_as_often_as_the_record_says(design):
    """1,000 seeds: each item's share of draws against its inclusion probability."""
    population, runs = [verdict(i, approved=i < 30) for i in range(40)], 1000
    times, stated = Counter(), {}
    for seed in range(runs):
        audit = draw_audit(population, size=12, seed=seed, design=design, minimum=5)
        times.update(item.generation for item in audit.drawn)
        stated |= {item.generation: item.inclusion_probability for item in audit.drawn}
    off = [(times[g] / runs - p) / (p * (1 - p) / runs) ** 0.5 for g, p in stated.items()]
    assert len(stated) == 40
    assert max(map(abs, off)) < 4
    assert sum(z * z for z in off) < 65  # chi-square of about 39 degrees, 99.5%
    assert len(set(stated.values())) == (1 if design == "uniform" else 2)


def test_a_draw_of_more_than_there_is_takes_all():
    audit = draw_audit(VERDICTS, size=10_000, seed=0)
    assert len(audit.drawn) == 392
    assert {item.inclusion_probability for item in audit.drawn} == {1.0}


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(CalibrationError, match="5 strata with 3 draws each need 15 labels, got 5"):
        draw_audit(VERDICTS, size=5, seed=0, categories=CATEGORIES, minimum=3)
    with pytest.raises(CalibrationError, match="none of 1"):
        draw_audit([verdict(1, approved=None)], size=5, seed=0)
    with pytest.raises(ValueError, match="two verdicts"):
        draw_audit([verdict(1, approved=True)] * 2, size=1, seed=0)
    with pytest.raises(ValueError, match="one judge"):
        other = Verdict(
            key="x",
            generation="x",
            judge="b",
            revision="",
            rubric="listing@1",
            scores=(),
            approved=True,
        )
        draw_audit([VERDICTS[1], other], size=1, seed=0)
    with pytest.raises(ValueError, match="one category for each"):
        draw_audit(VERDICTS, size=5, seed=0, categories=["a"])
    with pytest.raises(ValueError, match="size"):
        draw_audit(VERDICTS, size=0, seed=0)


def test_a_budget_says_what_labels_buy():
    plan = budget(100, rate=0.88, promise=0.8)
    interval = wilson(88, 100)
    assert plan.half_width == pytest.approx((interval.high - interval.low) / 2)
    assert plan.sentence == (
        "100 labels give a half-width of 0.064 around a share of 0.88; to promise 0.8 takes "
        "135 labelled approvals if 0.88 of them are suitable."
    )
    assert budget(50, population=50).half_width == 0
    assert budget(50, population=60).half_width < budget(50).half_width
    assert "cannot be promised" in budget(50, rate=0.7, promise=0.8).sentence


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.9])
def test_labels_for_is_the_fewest(rate):
    n = labels_for(0.05, rate=rate)
    assert budget(n, rate=rate).half_width <= 0.05 < budget(n - 1, rate=rate).half_width

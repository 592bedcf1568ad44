"""How often a useless version is proved, and how often a better one is: seeded, on simulated answers.

Slow ones are run by name; the figures that they found are in BENCHMARKS.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from workbench.calibration import benjamini_hochberg
from workbench.evolution import ALPHA, FALSE_SHARE, Evidence, apply_edits, measure
from workbench.evolution.rules import candidates
from workbench.judging import Subject
from workbench.records import Generation, Listing, Verdict


def generation(number, *, seen=3.0):
    return Generation(
        key=f"g{number}", kind="listing", category="mugs", model="tiny:text", revision="m1",
        prompt="Describe it.", item=f"shop/{number}", listing=Listing(title=f"Mug {number}"),
        details={"seen": seen, "mark_seen": False}, simulated=True,
    )  # fmt: skip


def verdict(number, approved):
    return Verdict(
        key=f"v{number}", generation=f"g{number}", judge="simulated:judge", revision="1",
        rubric="mugs@1", scores=(), approved=bool(approved),
    )  # fmt: skip


def evidence(number, made, said, suitable, *, point=None):
    return Evidence(
        generation=made, verdict=said, item=None, unit=f"shop/{number}", group=f"shop/{number}",
        suitable=bool(suitable), points={} if point is None else {"quality": point},
        failure_modes=frozenset(), named={}, notes=(), inclusion_probability=1.0, simulated=True,
    )  # fmt: skip


def proved(rubric, rng, n, *, suitable, dropped, added=0.0):
    """Whether a version that drops and adds approvals without looking at the items is proved better."""
    good, old = rng.random(n) < suitable, rng.random(n) < 0.7
    new = np.where(old, rng.random(n) >= dropped, rng.random(n) < added)
    rows = [evidence(i, generation(i), verdict(i, old[i]), good[i]) for i in range(n)]
    first = [verdict(i, old[i]) for i in range(n)]
    second = [verdict(i, new[i]) for i in range(n)]
    return measure(
        rubric, apply_edits(rubric, [], version=2), rows, (first, second), audit="a"
    ).proved


USELESS = [
    (n, suitable, dropped, added)
    for n in (50, 200)
    for suitable in (0.5, 0.8)
    for dropped, added in ((0.05, 0.0), (0.15, 0.1))
]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("setting", USELESS, ids=str)
def test_a_version_that_is_no_better_is_proved_no_more_often_than_stated(
    setting, world, record_property
):
    rng, runs = np.random.default_rng(0), 200
    n, suitable, dropped, added = setting
    false = sum(
        proved(world.rubric, rng, n, suitable=suitable, dropped=dropped, added=added)
        for _ in range(runs)
    )
    record_property("share", false / runs)
    assert false <= ALPHA * runs + 2 * np.sqrt(ALPHA * (1 - ALPHA) * runs)


def test_few_useless_versions_are_proved(world):
    """The quick one: fewer runs, in the setting with most room for chance."""
    rng, runs = np.random.default_rng(1), 20
    assert sum(proved(world.rubric, rng, 100, suitable=0.6, dropped=0.1) for _ in range(runs)) <= 3


def round_of(world, rng, labels, *, informative):
    """Propose by one half of the labels, take every proposal at once, and prove by the other half."""
    quality = rng.uniform(1, 5, labels)
    seen = np.clip(quality + rng.normal(0, 0.35, labels), 1, 5)
    good = quality > 3.1 if informative else rng.random(labels) < 0.7
    made = [generation(i, seen=float(s)) for i, s in enumerate(seen)]
    judge = world.judge(world.rubric)
    said = judge.judge([Subject(generation=one) for one in made])
    # Who only says yes or no: points would be noise too where the answer is.
    rows = [
        evidence(i, one, v, g, point=float(round(q)) if informative else float(rng.integers(1, 6)))
        for i, (one, v, g, q) in enumerate(zip(made, said, good, quality, strict=True))
    ]
    half = rng.random(labels) < 0.5
    proposing = [row for row, own in zip(rows, half, strict=True) if not own]
    proving = [row for row, own in zip(rows, half, strict=True) if own]
    tried = candidates(world.rubric, proposing)
    q_values = benjamini_hochberg([one.p_value for one in tried])
    found = [
        one for one, q in zip(tried, q_values, strict=True) if q is not None and q <= FALSE_SHARE
    ]
    if not found:
        return "nothing proposed"
    new = apply_edits(world.rubric, [one.edit for one in found], version=2)
    second = world.judge(new).judge([Subject(generation=r.generation) for r in proving])
    first = [row.verdict for row in proving]
    return (
        "proved"
        if measure(world.rubric, new, proving, (first, second), audit="a").proved
        else "not proved"
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_noise_does_not_change_the_rubric(world, record_property):
    rng, runs = np.random.default_rng(0), 100
    ends = [round_of(world, rng, 200, informative=False) for _ in range(runs)]
    record_property("ends", {end: ends.count(end) for end in set(ends)})
    assert ends.count("proved") <= ALPHA * runs + 2 * np.sqrt(ALPHA * (1 - ALPHA) * runs)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("labels", "least"), [(100, 0.0), (200, 0.5), (400, 0.9)])
def test_a_better_version_is_proved_with_enough_labels(labels, least, world, record_property):
    rng, runs = np.random.default_rng(0), 40
    ends = [round_of(world, rng, labels, informative=True) for _ in range(runs)]
    record_property("ends", {end: ends.count(end) for end in set(ends)})
    assert ends.count("proved") >= least * runs

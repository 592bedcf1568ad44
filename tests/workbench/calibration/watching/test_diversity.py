"""Diversity: worked values at the ends, an independent computation between, and a loop that narrows."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration.watching.diversity import (
    convergence,
    mean_distance,
    neighbour_coverage,
    vendi_score,
)


def test_identical_pictures_count_as_one_and_orthogonal_ones_as_many():
    same, apart = np.tile([1.0, 2, 3], (7, 1)), 3 * np.eye(7)
    assert vendi_score(same) == pytest.approx(1)
    assert vendi_score(apart) == pytest.approx(7)
    assert mean_distance(same) == pytest.approx(0, abs=1e-12)
    assert mean_distance(apart) == pytest.approx(1)
    assert mean_distance([[1, 0], [-2, 0]]) == pytest.approx(2)


def test_the_score_of_two_pictures_by_hand():
    """Cosine c between two: eigenvalues (1 ± c) / 2; at c = 1/2 the entropy of 3/4 and 1/4."""
    pair = [[1, 0], [0.5, np.sqrt(3) / 2]]
    assert vendi_score(pair) == pytest.approx((4 / 3) ** 0.75 * 4**0.25)
    assert vendi_score(pair * 10) == pytest.approx((4 / 3) ** 0.75 * 4**0.25)  # copies add nothing


def test_scores_equal_their_definitions():
    rng = np.random.default_rng(0)
    for shape in ((30, 8), (8, 30)):
        x = rng.normal(size=shape)
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        values = np.linalg.eigvals(unit @ unit.T / len(x)).real
        values = values[values > 1e-12]
        assert vendi_score(x) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
        cosines = (unit @ unit.T)[np.triu_indices(len(x), 1)]
        assert mean_distance(x) == pytest.approx((1 - cosines).mean())


def test_coverage_by_hand():
    """Four directions in the plane at 0, 10, 20 and 90 degrees, k = 1: radii 10, 10, 10 and 70 degrees."""

    def at(*degrees):
        return [[np.cos(np.radians(a)), np.sin(np.radians(a))] for a in degrees]

    own = at(0, 10, 20, 90)
    assert neighbour_coverage(at(5), own, neighbours=1) == 0.5  # near 0 and 10
    assert neighbour_coverage(at(15), own, neighbours=1) == 0.5  # near 10 and 20
    assert neighbour_coverage(at(25), own, neighbours=1) == 0.5  # near 20 and 90, 65 degrees away
    assert neighbour_coverage(own, own, neighbours=1) == 1
    assert neighbour_coverage(at(200), own, neighbours=1) == 0
    assert neighbour_coverage(own, own, neighbours=4) is None


def loop(seed, *, narrowing, categories=8, fall=(60, 30, 15)):
    """Each attempt keeps fewer; with `narrowing` it moves towards one look that all items share."""
    rng = np.random.default_rng(seed)
    look = rng.normal(size=24) * 1.5
    made, own, attempts, names = [], [], [], []
    for c in range(categories):
        for attempt, count in enumerate(fall, start=1):
            items = rng.normal(size=(count, 24)) + rng.normal(size=24)
            own.append(items)
            made.append(items + narrowing * attempt * look + rng.normal(size=items.shape) * 0.3)
            attempts += [attempt] * count
            names += [f"c{c}"] * count
    return np.concatenate(made), np.concatenate(own), attempts, names


def test_a_loop_that_narrows_is_seen_and_one_that_only_keeps_fewer_is_not():
    made, own, attempts, names = loop(0, narrowing=0.6)
    found = convergence(made, own, attempt=attempts, category=names)
    assert found.slope.high < 0
    assert found.sentence.startswith("The look narrows: diversity falls from ")
    assert [one.pictures for one in found.attempts] == [480, 240, 120]
    assert found.attempts[0].vendi.value > found.attempts[2].vendi.value
    assert found.attempts[0].distance.value > found.attempts[2].distance.value
    calm = [
        convergence(made, own, attempt=attempts, category=names).slope
        for made, own, attempts, names in (
            loop(seed, narrowing=0, fall=(24, 12, 6)) for seed in range(12)
        )
    ]
    # Attempt 3 has a quarter of attempt 1's pictures: at unequal numbers its score would be far lower.
    assert np.mean([abs(one.value) for one in calm]) < 0.02
    assert np.mean([one.low <= 0 <= one.high for one in calm]) >= 0.95 - 2 * np.sqrt(
        0.95 * 0.05 / 12
    )


def test_one_category_and_one_attempt_say_what_is_missing():
    made, own, attempts, names = loop(0, narrowing=0.6, categories=1)
    found = convergence(made, own, attempt=attempts, category=names)
    assert found.slope.value < 0
    assert "only one category" in found.slope.reason
    assert "whether others do the same is unknown" in found.sentence
    first = np.array(attempts) == 1
    once = convergence(made[first], own[first], attempt=[1] * 60, category=["c"] * 60)
    assert once.slope.reason == "there is only one attempt"
    assert "nothing can be said about a trend" in once.sentence


def test_bad_input_is_refused_in_a_sentence():
    for bad in ([[1.0, np.nan]], [[0.0, 0.0]], [[np.inf, 1.0]]):
        with pytest.raises(ValueError, match="finite and not all 0; row 0"):
            vendi_score(bad)
    with pytest.raises(ValueError, match="shape \\(n, d\\)"):
        mean_distance([1.0, 2.0])
    with pytest.raises(ValueError, match="one width"):
        neighbour_coverage(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="count from 1"):
        neighbour_coverage(np.eye(2), np.eye(2), neighbours=0)
    with pytest.raises(ValueError, match="for each of 2 pictures"):
        convergence(np.eye(2), np.eye(2), attempt=[1], category=["a", "b"])
    assert vendi_score([]) is mean_distance([]) is mean_distance([[1.0]]) is None


row = st.tuples(
    st.sampled_from([1.0, -1.0, 1e-200, 1e200]),
    st.sampled_from([0.0, 1.0, -3.0, 1e200]),
    st.sampled_from([1.0, 2.0]),
    st.integers(1, 2),
    st.sampled_from("ab"),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(row, max_size=40))
def test_any_pictures_have_an_answer(rows):
    """Nothing, one picture, one category, own pictures all alike: a sentence, and no NaN."""
    x, y, z, attempts, names = zip(*rows, strict=True) if rows else [()] * 5
    made, own = np.array([x, y]).T, np.array([x, z]).T
    found = convergence(made, own, attempt=attempts, category=names)
    assert found.sentence
    json.dumps(dataclasses.asdict(found), allow_nan=False)

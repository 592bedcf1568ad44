"""Narrowing over topics: hand-made vectors, and intervals that hold what they promise."""

import numpy as np
import pytest

from workbench.calibration.watching.diversity import mean_distance
from workbench.calibration.watching.narrowing import narrowing


def test_pictures_that_are_the_items_own_photos_are_as_diverse():
    vectors = np.random.default_rng(0).normal(size=(20, 8))
    (found,) = narrowing(vectors, vectors, attempt=[1] * 20)
    assert (found.attempt, found.pictures) == (1, 20)
    assert found.diversity.value == pytest.approx(1)
    assert found.diversity.high - found.diversity.low < 1e-9


def test_pictures_that_look_alike_are_told_from_their_items():
    rng = np.random.default_rng(1)
    own = rng.normal(size=(30, 8))
    made = own * 0.2 + np.ones(8)
    first, second = narrowing(
        np.vstack([own, made]), np.vstack([own, own]), attempt=[1] * 30 + [2] * 30
    )
    assert first.diversity.value == pytest.approx(1)
    assert second.diversity.high < 0.5
    assert second.diversity.value == pytest.approx(mean_distance(made) / mean_distance(own))


def test_few_pictures_say_nothing():
    vectors = np.eye(4)
    (found,) = narrowing(vectors, vectors, attempt=[3] * 4)
    assert found.diversity.value is None
    assert found.diversity.reason == "fewer than 5 pictures"


def test_items_that_are_all_alike_say_nothing():
    (found,) = narrowing(np.eye(6), np.ones((6, 6)), attempt=[1] * 6)
    assert "alike" in found.diversity.reason


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="want an own embedding and an attempt"):
        narrowing(np.eye(3), np.eye(3), attempt=[1, 2])


def test_the_interval_holds_the_population_value():
    """Population: two kinds of look; truth from a very large sample."""
    rng = np.random.default_rng(2)

    def draw(n):
        own = rng.normal(size=(n, 6)) + 1
        return own * np.array([1, 1, 1, 0.3, 0.3, 0.3]) + 0.5, own

    made, own = draw(4000)
    truth = mean_distance(made) / mean_distance(own)
    held = 0
    for _ in range(200):
        made, own = draw(40)
        e = narrowing(made, own, attempt=[1] * 40)[0].diversity
        held += e.low <= truth <= e.high
    assert held >= 180  # 95% of 200 is 190; three standard errors below

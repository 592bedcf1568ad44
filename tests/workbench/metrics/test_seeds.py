"""Means over trainings, with intervals that know both groups and seeds."""

import numpy as np
import pytest

from workbench.metrics import over_seeds


def mean(s):
    return s[:, 0] / s[:, 1]


def trainings(rng, *, seeds=5, groups=40, gain=0.0, seed_noise=0.0, group_noise=1.0):
    hard = rng.normal(0, group_noise, groups)
    return [
        np.column_stack([hard + gain + rng.normal(0, seed_noise), np.ones(groups)])
        for _ in range(seeds)
    ]


def test_the_value_is_the_mean_over_seeds_by_hand():
    first = [np.array([[1.0, 1], [3, 1]]), np.array([[2.0, 1], [6, 1]])]
    second = [np.array([[1.0, 1], [1, 1]]), np.array([[0.0, 1], [2, 1]])]
    assert over_seeds(first, mean, n=2).value == 3.0
    assert over_seeds(first, mean, less=second, n=2).value == 2.0


def test_what_makes_groups_hard_for_both_does_not_widen_a_difference():
    rng = np.random.default_rng(0)
    first = trainings(rng, gain=0.1)
    second = [one - [0.1, 0] for one in first]
    paired = over_seeds(first, mean, less=second, n=40)
    assert paired.low == pytest.approx(0.1)
    assert paired.high == pytest.approx(0.1)
    alone = over_seeds(first, mean, n=40)
    assert alone.high - alone.low > 0.3


def test_intervals_hold_the_truth_when_seeds_differ_more_than_groups():
    """Groups alone would cover far too little. With 10 seeds a bootstrap covers somewhat under 95%."""
    rng = np.random.default_rng(1)
    held = 0
    for k in range(200):
        found = over_seeds(trainings(rng, seeds=10, seed_noise=0.5, group_noise=0.2), mean, n=40, resamples=300, seed=k)  # fmt: skip
        held += found.low <= 0 <= found.high
    assert 0.85 * 200 <= held <= 0.99 * 200


def test_one_seed_or_group_has_no_interval_and_other_shapes_are_told():
    one = trainings(np.random.default_rng(0), seeds=1)
    assert over_seeds(one, mean, n=40).low is None
    assert "only one seed" in over_seeds(one, mean, n=40).reason
    with pytest.raises(ValueError, match="same groups and seeds"):
        over_seeds(one, mean, less=[one[0][:3]], n=40)
    with pytest.raises(ValueError, match="same groups and seeds"):
        over_seeds([], mean, n=0)

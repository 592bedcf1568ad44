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


def differences(rng, *, groups, seeds, gain=0.0):
    """Two ways whose difference varies by group, by seed, and by both."""
    by_group = rng.normal(0, 1.0, groups)
    rows = [gain + by_group + rng.normal(0, 0.2) + rng.normal(0, 1, groups) for _ in range(seeds)]
    hard, ones = rng.normal(0, 5, groups), np.ones(groups)
    return [np.column_stack([r + hard, ones]) for r in rows], [np.column_stack([hard, ones])] * seeds  # fmt: skip


@pytest.mark.parametrize(("groups", "seeds"), [(20, 3), (20, 5), (45, 5)])
def test_ways_that_do_not_differ_are_told_apart_one_time_in_twenty(groups, seeds):
    rng = np.random.default_rng(1)
    wrong, found = 0, 0
    for _ in range(400):
        first, second = differences(rng, groups=groups, seeds=seeds)
        one = over_seeds(first, mean, less=second, n=groups)
        wrong += not one.low <= 0 <= one.high
        first, second = differences(rng, groups=groups, seeds=seeds, gain=1.5)
        found += over_seeds(first, mean, less=second, n=groups).low > 0
    assert 0.02 * 400 <= wrong <= 0.08 * 400
    assert found >= 0.9 * 400


def test_intervals_hold_the_truth_when_seeds_differ_more_than_groups():
    """Groups alone would cover far too little."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = over_seeds(trainings(rng, seeds=4, seed_noise=0.5, group_noise=0.2), mean, n=40)
        held += found.low <= 0 <= found.high
    assert 0.92 * 400 <= held <= 0.98 * 400


def test_few_groups_or_seeds_have_no_interval_but_a_reason():
    rng = np.random.default_rng(0)
    for groups, seeds in ((2, 2), (9, 5), (40, 2), (40, 1)):
        found = over_seeds(trainings(rng, seeds=seeds, groups=groups), mean, n=groups)
        assert (found.low, found.high) == (None, None)
        assert found.value is not None
        assert f"there are {groups} and {seeds}" in found.reason


def test_groups_that_hold_nothing_do_not_count():
    several = trainings(np.random.default_rng(0), groups=12)
    empty = [np.vstack([one, np.zeros((30, 2))]) for one in several]
    assert over_seeds(empty, mean, n=12) == over_seeds(several, mean, n=12)
    assert over_seeds([one[3:] for one in empty], mean, n=12).low is None


def test_a_number_that_rests_on_one_group_has_no_interval():
    several = [np.column_stack([np.eye(20)[0], np.eye(20)[0], np.ones(20)]) for _ in range(3)]
    found = over_seeds(several, mean, n=20)
    none = over_seeds([one * [1, 0, 1] for one in several], mean, n=20)
    assert found.value == 1.0
    assert found.low is None
    assert "without 1 of 20 test groups" in found.reason
    assert none.value is None


def test_other_shapes_are_told():
    one = trainings(np.random.default_rng(0), seeds=1)
    with pytest.raises(ValueError, match="same groups and seeds"):
        over_seeds(one, mean, less=[one[0][:3]], n=40)
    with pytest.raises(ValueError, match="same groups and seeds"):
        over_seeds([], mean, n=0)


def test_the_interval_of_a_share_ends_where_shares_end():
    rng = np.random.default_rng(0)
    sums = [
        np.column_stack([rng.binomial(4, rate, 12), np.full(12, 4.0)]) for rate in (0.7, 0.99, 1.0)
    ]
    free, share = (over_seeds(sums, mean, n=144, within=w) for w in ((-9, 9), (0, 1)))
    assert free.high > 1 == share.high
    assert (free.value, free.low) == (share.value, share.low)

"""Regression scores worked by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn import metrics as peer

from workbench.metrics import regression_scores


def test_worked_by_hand():
    scores = regression_scores([1, 2, 6], [1, 3, 5], training=[2, 4])
    assert scores.baseline == 3
    assert scores.r2.value == pytest.approx(1 - 2 / 8)  # errors 0 1 -1; around 3: -2 0 2
    assert scores.mae.value == pytest.approx(2 / 3)
    assert scores.rmse.value == pytest.approx(math.sqrt(2 / 3))
    assert scores.baseline_mae.value == pytest.approx(4 / 3)


@pytest.mark.parametrize("scale", ["linear", "log1p"])
def test_equal_to_scikit_learn_where_the_means_are_the_same(scale):
    rng = np.random.default_rng(0)
    truth = rng.uniform(10, 90, size=50)
    guess = truth * rng.uniform(0.8, 1.2, size=50)
    change = np.log1p if scale == "log1p" else np.asarray
    scores = regression_scores(guess, truth, training=truth, scale=scale)
    assert scores.r2.value == pytest.approx(peer.r2_score(change(truth), change(guess)))
    assert scores.mae.value == pytest.approx(peer.mean_absolute_error(change(truth), change(guess)))
    assert scores.rmse.value == pytest.approx(
        peer.root_mean_squared_error(change(truth), change(guess))
    )


def test_the_held_out_mean_is_no_help():
    """Held-out rows lie elsewhere than the training rows: the constant answer scores 0, by definition."""
    assert regression_scores([1.0] * 9, range(9), training=[1.0]).r2.value == pytest.approx(0)


def test_groups_widen_the_interval():
    rng = np.random.default_rng(3)
    product = np.repeat(rng.normal(size=40), 5)
    truth = product + 3
    guess = truth + np.repeat(rng.normal(size=40), 5)
    alone = regression_scores(guess, truth, training=truth).mae
    together = regression_scores(guess, truth, training=truth, groups=np.repeat(range(40), 5)).mae
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 1.7 * (alone.high - alone.low)
    assert together.effective_n == 40


def test_the_interval_of_r2_covers():
    rng = np.random.default_rng(4)
    runs, covered = 300, 0
    for i in range(runs):
        truth = rng.normal(size=120)
        guess = 0.8 * truth + 0.4 * rng.normal(size=120)  # SSE .04 + .16 of SST 1: R2 is .8
        r2 = regression_scores(guess, truth, training=[0.0], resamples=400, seed=i).r2
        covered += r2.low <= 0.8 <= r2.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)


def test_a_constant_truth_leaves_r2_undefined():
    scores = regression_scores([1, 2], [3, 3], training=[3])
    assert scores.r2.value is None
    assert "nothing to explain" in scores.r2.reason
    assert scores.mae.value == 1.5


@pytest.mark.parametrize(
    ("predicted", "truth", "training", "message"),
    [
        ([1.0], [1.0, 2.0], [1.0], "one prediction each"),
        ([math.nan], [1.0], [1.0], "finite"),
        ([1.0], [1.0], [], "training"),
    ],
)
def test_bad_input_is_named(predicted, truth, training, message):
    with pytest.raises(ValueError, match=message):
        regression_scores(predicted, truth, training=training)
    with pytest.raises(ValueError, match="above -1"):
        regression_scores([-2.0], [1.0], training=[1.0], scale="log1p")

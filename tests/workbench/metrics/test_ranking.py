"""The area under the ROC curve: against its definition, scikit-learn, published numbers, and by coverage."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.metrics import auc


def test_it_is_the_share_of_pairs_in_the_right_order_with_ties_half():
    scores, truth = [0.1, 0.4, 0.4, 0.8, 0.9], [False, True, False, False, True]
    pairs = [
        (a > b) + 0.5 * (a == b)
        for (a, x), (b, y) in itertools.product(zip(scores, truth, strict=True), repeat=2)
        if x and not y
    ]
    assert auc(scores, truth).value == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.normal(truth, 1), 1)
    assert auc(scores, truth).value == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_the_standard_error_is_that_of_a_published_example():
    """Hanley & McNeil 1982, table I: 58 normal and 51 abnormal CT images on five points, area .893.

    They print a standard error of .032 for it; theirs and DeLong's may differ in the third digit.
    """
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    scores = np.repeat(np.tile(np.arange(1, 6), 2), (*normal, *abnormal))
    truth = np.repeat([False, True], (58, 51))
    found = auc(scores, truth)
    assert found.value == pytest.approx(0.893, abs=5e-4)
    reach = np.diff(
        np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    )
    error = reach[0] / 2 / 1.959964 * found.value * (1 - found.value)
    assert error == pytest.approx(0.032, abs=0.002)


def test_its_interval_covers_the_truth():
    """Normal scores one standard deviation apart: the area is Φ(1/√2) = .7602."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(600):
        truth = np.arange(90) < 30
        found = auc(rng.normal(truth, 1.0), truth)
        held += found.low <= 0.7602 <= found.high
    assert held / 600 > 0.93


@pytest.mark.parametrize(
    ("scores", "truth", "said"),
    [
        ([1, 2], [True, True], "all 2 rows are right"),
        ([1, 2], [False, False], "all 2 rows are wrong"),
        ([], [], "there are no rows"),
    ],
)
def test_without_both_kinds_it_is_undefined(scores, truth, said):
    found = auc(scores, truth)
    assert (found.value, found.reason) == (None, said)


def test_scores_that_separate_all_rows_have_no_interval():
    found = auc([1, 2, 3, 4], [False, False, True, True])
    assert (found.value, found.low) == (1.0, None)


@pytest.mark.parametrize("scores", [[1, float("nan")], [1, 2, 3], [[1, 2]]])
def test_bad_scores_are_refused(scores):
    with pytest.raises(ValueError, match="finite scores and answers of one shape"):
        auc(scores, [True, False])

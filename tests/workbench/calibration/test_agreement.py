"""Agreement against published tables, scikit-learn, and the real ratings."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from workbench.calibration import (
    cohen_kappa,
    confusion_table,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    mean_pairwise_agreement,
    percent_agreement,
)

NO = math.nan
# Krippendorff's example with missing answers: three observers, fifteen units.
UNITS = [
    [NO, NO, NO, NO, NO, 3, 4, 1, 2, 1, 1, 3, 3, NO, 3],
    [1, NO, 2, 1, 3, 3, 4, 3, NO, NO, NO, NO, NO, NO, NO],
    [NO, NO, 2, 1, 3, 4, 4, NO, 2, 1, 1, 3, 3, NO, 4],
]
# Fleiss 1971, table 1: thirty patients, six diagnoses each, five categories.
DIAGNOSES = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
    [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
    [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
    [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3],
    [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1],
    [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
]  # fmt: skip


def test_cohen_with_its_standard_error_is_the_published_one():
    kappa = cohen_kappa([[0, 4, 1], [0, 8, 0], [0, 1, 5]])
    assert kappa.estimate.value == pytest.approx(0.4842, abs=5e-5)
    assert kappa.standard_error == pytest.approx(0.1380, abs=5e-5)
    assert kappa.estimate.low == pytest.approx(0.2137, abs=5e-5)
    assert kappa.estimate.high == pytest.approx(0.7547, abs=5e-5)
    assert cohen_kappa([[20, 20], [10, 50]]).estimate.value == pytest.approx(0.348, abs=5e-4)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_equals_scikit_learn(weights):
    rng = np.random.default_rng(0)
    names = ["1", "2", "3", "4"]
    a = list(rng.choice(names, size=300))
    b = [x if rng.random() < 0.5 else str(rng.choice(names)) for x in a]
    ours = cohen_kappa(confusion_table(a, b, categories=names), weights=weights)
    theirs = cohen_kappa_score(a, b, weights=None if weights == "none" else weights)
    assert ours.estimate.value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("weights", ["none", "quadratic"])
def test_cohens_standard_error_is_the_spread_of_repeated_tables(weights):
    rng = np.random.default_rng(1)
    p = np.array([[0.3, 0.08, 0.02], [0.05, 0.25, 0.05], [0.01, 0.06, 0.18]])
    results = [
        cohen_kappa(rng.multinomial(400, p.ravel()).reshape(3, 3), weights=weights)
        for _ in range(600)
    ]
    spread = np.std([r.estimate.value for r in results])
    assert np.mean([r.standard_error for r in results]) == pytest.approx(spread, rel=0.07)


def test_raters_with_one_answer_leave_kappa_undefined():
    kappa = cohen_kappa([[7, 0], [0, 0]])
    assert (kappa.estimate.value, kappa.standard_error) == (None, None)
    assert "one and the same" in kappa.estimate.reason
    assert cohen_kappa([[0, 0], [0, 0]]).estimate.reason == "there are no rows"
    assert cohen_kappa([[0, 5], [5, 0]]).estimate.value == -1


@pytest.mark.parametrize(
    ("scale", "alpha"), [("nominal", 0.691358), ("ordinal", 0.806721), ("interval", 0.810845)]
)
def test_krippendorff_gives_the_published_numbers(scale, alpha):
    estimate = krippendorff_alpha(UNITS, scale=scale)
    assert estimate.value == pytest.approx(alpha, abs=1e-6)
    assert estimate.n == 26
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize(
    ("what", "scale", "alpha"),
    [
        ("sc", "nominal", 0.487342),
        ("sc", "ordinal", 0.575348),
        ("pq", "nominal", 0.304518),
        ("pq", "ordinal", 0.346601),
    ],
)
def test_krippendorff_on_three_raters_of_985_images(judge_human, what, scale, alpha):
    estimate = krippendorff_alpha(getattr(judge_human, what), scale=scale, resamples=200)
    assert estimate.value == pytest.approx(alpha, abs=1e-6)
    assert estimate.high - estimate.low < 0.12


def test_fleiss_gives_the_published_number():
    estimate = fleiss_kappa(DIAGNOSES)
    assert estimate.value == pytest.approx(0.4302445, abs=1e-7)
    assert estimate.low < 0.43 < estimate.high


def test_ac1_worked_by_hand_where_kappa_collapses():
    """Ten items, two raters, 9 × (yes, yes) and 1 × (yes, no): chance is 2 × .95 × .05."""
    counts = [[2, 0]] * 9 + [[1, 1]]
    assert gwet_ac1(counts).value == pytest.approx((0.9 - 0.095) / (1 - 0.095))
    assert fleiss_kappa(counts).value < 0


def test_answers_must_be_equally_many():
    for measure in (fleiss_kappa, gwet_ac1):
        with pytest.raises(ValueError, match="same number"):
            measure([[2, 0], [1, 0]])
    assert fleiss_kappa([[3, 0], [3, 0]]).value is None


def test_percent_agreement_and_the_ceiling():
    assert percent_agreement(["a", "b", None], ["a", "a", "a"]).value == 0.5
    ceiling = mean_pairwise_agreement([[1, 1, NO, 2], [1, 0, 1, 2], [1, 1, NO, 0]])
    assert ceiling.value == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert ceiling.n == 3


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="square"):
        cohen_kappa([[1, 2, 3], [1, 2, 3]])
    with pytest.raises(ValueError, match="scale"):
        krippendorff_alpha(UNITS, scale="ratio")
    with pytest.raises(ValueError, match="categories"):
        confusion_table(["a"], ["z"], categories=["a", "b"])

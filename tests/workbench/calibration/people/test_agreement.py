"""Agreement against published tables, scikit-learn, and the real ratings."""

import math

import numpy as np
import pandas as pd
import pytest
from crowdkit.metrics.data import alpha_krippendorff
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

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
    """The first is SAS's printout of PROC FREQ, kept in statsmodels' tests; the second Artstein & Poesio 2008."""
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
    """Krippendorff 2011, "Computing Krippendorff's alpha-reliability", its data with missing answers."""
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
    """Ratings published with VIEScore (Ku et al. 2024, arXiv:2312.14867)."""
    estimate = krippendorff_alpha(getattr(judge_human, what), scale=scale, resamples=200)
    assert estimate.value == pytest.approx(alpha, abs=1e-6)
    assert estimate.high - estimate.low < 0.12


def test_fleiss_gives_the_published_number():
    """Fleiss 1971, Psychol. Bull. 76:378, to more places than he prints."""
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


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_with_its_standard_error_equals_statsmodels(weights):
    table = np.random.default_rng(4).integers(1, 30, size=(4, 4))
    ours = cohen_kappa(table, weights=weights)
    theirs = inter_rater.cohens_kappa(table, wt=None if weights == "none" else weights)
    assert ours.estimate.value == pytest.approx(theirs.kappa, abs=1e-12)
    assert ours.standard_error == pytest.approx(theirs.std_kappa, abs=1e-12)
    assert ours.estimate.low == pytest.approx(theirs.kappa_low, abs=1e-9)
    assert ours.estimate.high == pytest.approx(theirs.kappa_upp, abs=1e-9)


def test_fleiss_equals_statsmodels():
    rng = np.random.default_rng(5)
    answers = rng.integers(0, 4, size=(60, 5))
    table, _ = inter_rater.aggregate_raters(answers)
    assert fleiss_kappa(table).value == pytest.approx(inter_rater.fleiss_kappa(table), abs=1e-12)


def test_krippendorff_equals_crowd_kit_with_missing_answers():
    rng = np.random.default_rng(6)
    ratings = rng.integers(0, 3, size=(4, 80)).astype(float)
    ratings[1:] = np.where(rng.random((3, 80)) < 0.5, ratings[0], ratings[1:])
    ratings[rng.random(ratings.shape) < 0.3] = NO
    raters, items = np.nonzero(~np.isnan(ratings))
    long = pd.DataFrame({"worker": raters, "task": items, "label": ratings[raters, items]})
    # Answers without a pair count in its total and not in ours: Krippendorff leaves them out.
    long = long[long.groupby("task")["task"].transform("size") > 1]
    theirs = alpha_krippendorff(long)
    assert krippendorff_alpha(ratings, scale="nominal").value == pytest.approx(theirs, abs=1e-9)


def test_items_that_were_copied_tell_no_more_than_once():
    """Each of 60 items five times: with groups the interval of the 60 alone, without a far narrower one."""
    rng = np.random.default_rng(7)
    ratings = rng.integers(0, 3, size=(3, 60)).astype(float)
    ratings[1:] = np.where(rng.random((2, 60)) < 0.6, ratings[0], ratings[1:])
    copied, groups = np.repeat(ratings, 5, axis=1), np.repeat(np.arange(60), 5)
    counts = np.stack([(copied == value).sum(axis=0) for value in range(3)], axis=1)

    def width(estimate):
        return estimate.high - estimate.low

    for measure in (
        lambda **kw: krippendorff_alpha(copied, scale="ordinal", **kw),
        lambda **kw: fleiss_kappa(counts, **kw),
        lambda **kw: gwet_ac1(counts, **kw),
        lambda **kw: mean_pairwise_agreement(copied, **kw),
    ):
        assert width(measure()) < 0.55 * width(measure(groups=groups))
        assert measure().value == pytest.approx(measure(groups=groups).value, abs=1e-9)
    once = width(fleiss_kappa(counts[::5]))
    assert width(fleiss_kappa(counts, groups=groups)) == pytest.approx(once, rel=1e-9)


def test_resampled_intervals_of_chance_corrected_agreement_cover():
    """Three raters who see the truth through noise: α, Fleiss and AC1 of 80 items against those of 100,000."""
    rng = np.random.default_rng(8)

    def draw(items):
        true = rng.random(items) < 0.3
        ratings = np.where(rng.random((3, items)) < 0.8, true, ~true).astype(float)
        return ratings, np.stack([(ratings == v).sum(axis=0) for v in (0, 1)], axis=1)

    many, table = draw(100_000)
    truth = (
        krippendorff_alpha(many, scale="nominal", resamples=2).value,
        fleiss_kappa(table, resamples=2).value,
        gwet_ac1(table, resamples=2).value,
    )
    covered = np.zeros(3)
    for seed in range(200):
        ratings, counts = draw(80)
        found = (
            krippendorff_alpha(ratings, scale="nominal", resamples=400, seed=seed),
            fleiss_kappa(counts, resamples=400, seed=seed),
            gwet_ac1(counts, resamples=400, seed=seed),
        )
        covered += [e.low <= t <= e.high for e, t in zip(found, truth, strict=True)]
    assert (covered / 200 >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 200)).all()


ratings_of_any_kind = arrays(
    float,
    st.tuples(st.integers(1, 4), st.integers(0, 6)),
    elements=st.sampled_from([0.0, 0.5, 1.0, NO, math.inf]),
)


@settings(max_examples=80, deadline=None)
@given(ratings=ratings_of_any_kind, scale=st.sampled_from(["nominal", "ordinal", "interval"]))
def test_any_ratings_give_an_estimate_or_one_sentence(ratings, scale):
    for measure in (
        lambda: krippendorff_alpha(ratings, scale=scale, resamples=20),
        lambda: mean_pairwise_agreement(ratings),
    ):
        try:
            estimate = measure()
        except ValueError as error:
            assert "infinite" in str(error)
            continue
        assert estimate.value is not None or estimate.reason


@settings(max_examples=80, deadline=None)
@given(
    table=arrays(
        float,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.sampled_from([0.0, 1.0, 2.0, 5.0, -1.0, NO, math.inf]),
    )
)
def test_any_table_gives_a_number_or_one_sentence(table):
    for measure in (
        lambda: cohen_kappa(table).estimate,
        lambda: cohen_kappa(table, weights="quadratic").estimate,
        lambda: fleiss_kappa(table, resamples=20),
        lambda: gwet_ac1(table, resamples=20),
    ):
        try:
            estimate = measure()
        except ValueError as error:
            assert len(str(error)) > 10
            continue
        assert estimate.value is not None or estimate.reason

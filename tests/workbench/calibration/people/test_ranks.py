"""Rank agreement and its ceiling: scipy's numbers, the published ones, and what intervals promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.calibration import rank_agreement
from workbench.calibration.people.ranks import _kendall, _spearman

SCIPY = {"spearman": stats.spearmanr, "kendall": stats.kendalltau}
RATERS = ("rater 1", "rater 2", "rater 3")


def holes(rng, values, share=0.2):
    return np.where(rng.random(values.size) < share, np.nan, values)


@pytest.mark.parametrize("measure", SCIPY)
@pytest.mark.parametrize("ties", [False, True])
def test_every_number_is_scipys(measure, ties):
    rng = np.random.default_rng(0)
    latent = rng.normal(size=120)
    scores = [holes(rng, latent + rng.normal(size=120)) for _ in range(4)]
    if ties:
        scores = [np.round(x) for x in scores]
    judge, people = scores[0], dict(zip("abc", scores[1:], strict=True))
    found = rank_agreement(judge, people, measure=measure, resamples=50)

    def theirs(x, y):
        both = ~np.isnan(x) & ~np.isnan(y)
        return pytest.approx(SCIPY[measure](x[both], y[both]).statistic, abs=1e-12)

    def mean(names):
        columns = np.stack([people[name] for name in names])
        kept = ~np.isnan(columns).all(axis=0)
        out = np.full(120, np.nan)
        out[kept] = np.round(np.nanmean(columns[:, kept], axis=0), 12)
        return out

    assert found.judge_to_mean.value == theirs(judge, mean("abc"))
    for name in "abc":
        others = mean([other for other in "abc" if other != name])
        assert found.judge_to_each[name].value == theirs(judge, people[name])
        assert found.each_to_others[name].value == theirs(people[name], others)
    for pair, estimate in found.person_to_each.items():
        assert estimate.value == theirs(people[pair[0]], people[pair[1]])
    assert found.person_to_person.value == pytest.approx(
        np.mean([estimate.value for estimate in found.person_to_each.values()])
    )
    assert found.gap.value == pytest.approx(
        found.person_to_others.value - found.judge_to_others.value
    )


@pytest.mark.parametrize(("measure", "make"), [("spearman", _spearman), ("kendall", _kendall)])
def test_a_resample_is_the_number_of_the_rows_drawn(measure, make):
    """Counting how often each item is drawn is the same as writing the items out that often."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, size=40).astype(float), rng.normal(size=40)
    times = rng.multinomial(40, np.full(40, 1 / 40), size=20).astype(float)
    for counts, ours in zip(times, make(x, y)(times), strict=True):
        rows = np.repeat(np.arange(40), counts.astype(int))
        assert ours == pytest.approx(SCIPY[measure](x[rows], y[rows]).statistic, abs=1e-12)


@pytest.mark.parametrize(
    ("criterion", "judge", "lowest", "highest"),
    [("SC", 0.56, 0.57, 0.61), ("PQ", 0.27, 0.35, 0.43)],
)
def test_the_published_ceiling(judge_human, criterion, judge, lowest, highest):
    """VIEScore (Ku et al. 2024, arXiv:2312.14867), its 985 images: GPT-4o against the mean of three raters."""
    ratings = judge_human.sc if criterion == "SC" else judge_human.pq
    found = rank_agreement(
        judge_human.scores["gpt4o_0shot", criterion], dict(zip(RATERS, ratings, strict=True))
    )
    assert found.judge_to_mean.value == pytest.approx(judge, abs=5e-3)
    assert found.judge_to_mean.n == 985
    pairs = sorted(estimate.value for estimate in found.person_to_each.values())
    assert (pairs[0], pairs[-1]) == pytest.approx((lowest, highest), abs=5e-3)
    # The mean of three is easier to follow than one person: on the same footing the judge is well below.
    assert found.judge_to_mean.value > found.judge_to_others.value > found.judge_to_person.value
    assert found.gap.low > 0.04
    assert found.person_to_others.low > found.judge_to_others.value
    assert "less like people do" in found.sentence


def test_no_other_judge_comes_closer_to_a_person(judge_human):
    judges = sorted({name for name, _ in judge_human.scores})
    people = dict(zip(RATERS, judge_human.sc, strict=True))
    values = {
        name: rank_agreement(judge_human.scores[name, "SC"], people, resamples=100)
        for name in judges
    }
    assert len(judges) == 4
    assert all(found.gap.value > 0 for found in values.values())
    assert min(values, key=lambda name: values[name].judge_to_person.value) == "llava_0shot"


def test_one_more_person_is_as_good_as_a_person():
    """A judge that errs like a person: the gap cannot be told from 0; a better one is over the ceiling."""
    rng = np.random.default_rng(2)
    latent = rng.normal(size=600)
    people = {name: latent + rng.normal(size=600) for name in "abc"}
    alike = rank_agreement(latent + rng.normal(size=600), people, measure="kendall", resamples=300)
    assert alike.gap.low < 0 < alike.gap.high
    assert alike.sentence.endswith("The difference cannot be told from 0.")
    better = rank_agreement(latent, people)
    assert better.gap.high < 0
    assert "more like people do" in better.sentence


@pytest.mark.parametrize("measure", SCIPY)
def test_intervals_cover(measure):
    rho = (
        0.6  # of two normal variables: Spearman's is 6 / π · asin(ρ / 2), Kendall's 2 / π · asin(ρ)
    )
    truth = (
        6 / math.pi * math.asin(rho / 2) if measure == "spearman" else 2 / math.pi * math.asin(rho)
    )
    rng = np.random.default_rng(3)
    covered, runs = 0, 250
    for seed in range(runs):
        x = rng.normal(size=100)
        y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=100)
        found = rank_agreement(x, {"a": y}, measure=measure, resamples=400, seed=seed).judge_to_mean
        covered += found.low <= truth <= found.high
    assert covered / runs >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / runs)


def test_copied_items_tell_no_more_than_once():
    rng = np.random.default_rng(4)
    x = rng.normal(size=80)
    y = x + rng.normal(size=80)
    once = rank_agreement(x, {"a": y}).judge_to_mean
    copied = rank_agreement(
        np.repeat(x, 4), {"a": np.repeat(y, 4)}, cluster=[f"{i // 4:02}" for i in range(320)]
    ).judge_to_mean
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-6)
    assert copied.assumptions == ("80 clusters are independent, items within one are not",)


def test_what_cannot_be_ranked_is_said():
    alone = rank_agreement([1, 2, 3, 4], {"ada": [1, 2, 2, 3]})
    assert alone.judge_to_mean.value == pytest.approx(
        stats.spearmanr([1, 2, 3, 4], [1, 2, 2, 3])[0]
    )
    assert alone.person_to_others.reason == alone.gap.reason == "nobody else rated these items"
    constant = rank_agreement([1, 1, 1, 1], {"ada": [1, 2, 2, 3], "bo": [1, 2, 3, 4]})
    assert constant.judge_to_mean.reason == "all scores of one side are tied"
    assert constant.person_to_person.value is not None
    assert constant.gap.value is None
    silent = rank_agreement([None] * 4, {"ada": [1, 2, 2, 3]})
    assert silent.judge_to_mean.reason == "only 0 items have both scores"
    assert rank_agreement([], {"ada": []}).judge_to_mean.value is None


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="one person at least"):
        rank_agreement([1.0], {})
    with pytest.raises(ValueError, match="one score of 'ada' for each of 2 items"):
        rank_agreement([1, 2], {"ada": [1]})
    with pytest.raises(ValueError, match="'ada' is infinite, in row 1"):
        rank_agreement([1, 2], {"ada": [1, math.inf]})
    with pytest.raises(ValueError, match="'pearson'"):
        rank_agreement([1, 2], {"ada": [1, 2]}, measure="pearson")


score = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, math.nan, math.inf, -3.0]))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(score, score, score, st.sampled_from("xyz")), max_size=12),
    measure=st.sampled_from(list(SCIPY)),
    clustered=st.booleans(),
)
def test_any_scores_give_a_record_or_one_sentence(rows, measure, clustered):
    judge, a, b, cluster = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    try:
        found = rank_agreement(
            judge, {"a": a, "b": b}, measure=measure, cluster=cluster if clustered else None, resamples=30
        )  # fmt: skip
    except ValueError as error:
        assert "infinite" in str(error)
        return
    assert found.sentence.endswith(".")
    for estimate in (found.judge_to_mean, found.gap, *found.person_to_each.values()):
        assert estimate.value is None or -2 <= estimate.value <= 2


def test_perfect_order_of_few_is_no_certainty():
    found = rank_agreement([1, 2, 3, 4], {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]})
    assert found.judge_to_mean.value == 1
    assert found.judge_to_mean.low is found.judge_to_mean.high is None
    assert "cannot show" in found.judge_to_mean.reason
    assert found.sentence.count("no interval: ") == 2

"""Shrunken click-through rates: by hand, by simulation, and by predicting real clicks."""

import csv
import gzip
import math

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import beta

from workbench.catalog.popularity import shrink_click_rates


def drawn(rng, *, alpha, strength_of_items=2000, impressions=50, b=98.0):
    truth = rng.beta(alpha, b, strength_of_items)
    seen = rng.poisson(impressions, strength_of_items)
    return truth, rng.binomial(seen, truth), seen


def test_the_posterior_is_the_beta_that_the_prior_and_the_clicks_make():
    rng = np.random.default_rng(3)
    _, clicks, seen = drawn(rng, alpha=2.0)
    rates = shrink_click_rates(clicks, seen, level=0.9)
    assert rates.fit == "likelihood"
    a = rates.mean * rates.strength + clicks
    b = (1 - rates.mean) * rates.strength + seen - clicks
    np.testing.assert_allclose(rates.rate, a / (a + b))
    np.testing.assert_allclose(rates.low, beta(a, b).ppf(0.05), rtol=1e-6)
    np.testing.assert_allclose(rates.high, beta(a, b).ppf(0.95), rtol=1e-6)


def test_the_prior_is_the_most_likely_one():
    """No point of a fine grid around it explains the clicks better."""
    rng = np.random.default_rng(4)
    _, clicks, seen = drawn(rng, alpha=2.0, strength_of_items=400)
    rates = shrink_click_rates(clicks, seen)

    def likelihood(mean, strength):
        a, b = mean * strength, (1 - mean) * strength
        return (betaln(clicks + a, seen - clicks + b) - betaln(a, b)).sum()

    best = likelihood(rates.mean, rates.strength)
    for by_mean in np.linspace(0.7, 1.4, 21):
        for by_strength in np.geomspace(0.3, 3.0, 21):
            assert likelihood(rates.mean * by_mean, rates.strength * by_strength) <= best + 1e-6


def test_the_prior_is_found_again_and_the_intervals_hold_what_they_promise():
    rng = np.random.default_rng(0)
    truth, clicks, seen = drawn(rng, alpha=2.0, strength_of_items=20_000)
    rates = shrink_click_rates(clicks, seen)
    assert rates.mean == pytest.approx(0.02, rel=0.05)
    assert rates.strength == pytest.approx(100, rel=0.1)
    held = ((rates.low <= truth) & (truth <= rates.high)).mean()
    assert held == pytest.approx(0.95, abs=0.01)
    seen_once = np.maximum(seen, 1)
    assert ((rates.rate - truth) ** 2).mean() < 0.5 * ((clicks / seen_once - truth) ** 2).mean()


def test_few_impressions_are_drawn_further_than_many():
    rng = np.random.default_rng(5)
    _, clicks, seen = drawn(rng, alpha=2.0)
    rates = shrink_click_rates([*clicks, 1, 500], [*seen, 2, 1000])
    assert rates.rate[-2] < 0.06  # one click of two views
    assert rates.rate[-1] > 0.4
    assert rates.high[-2] - rates.low[-2] > rates.high[-1] - rates.low[-1]


def test_an_item_that_nobody_saw_gets_the_prior():
    rng = np.random.default_rng(6)
    _, clicks, seen = drawn(rng, alpha=2.0)
    rates = shrink_click_rates([*clicks, 0], [*seen, 0])
    assert rates.rate[-1] == pytest.approx(rates.mean)
    assert rates.low[-1] < rates.mean < rates.high[-1]
    without = shrink_click_rates(clicks, seen)
    np.testing.assert_allclose(rates.rate[:-1], without.rate)


class TestNothingToTellItemsApart:
    @pytest.mark.parametrize(
        ("clicks", "seen", "rate"),
        [
            ([0, 0, 0], [10, 20, 70], 0.5 / 101),  # no clicks at all
            ([10, 90], [10, 90], 100.5 / 101),  # nothing but clicks
            ([3], [9], 3.5 / 10),  # one item
            ([3, 0], [9, 0], 3.5 / 10),  # one item that was seen
            ([5, 5, 5], [100, 100, 100], 15.5 / 301),  # less variation than by chance
        ],
    )
    def test_all_share_one_rate(self, clicks, seen, rate):
        rates = shrink_click_rates(clicks, seen)
        assert (rates.fit, rates.strength) == ("pooled", math.inf)
        np.testing.assert_allclose(rates.rate, rate)
        total = beta(sum(clicks) + 0.5, sum(seen) - sum(clicks) + 0.5)
        np.testing.assert_allclose(rates.low, total.ppf(0.025), rtol=1e-6)
        np.testing.assert_allclose(rates.high, total.ppf(0.975), rtol=1e-6)

    def test_items_that_do_not_differ_rarely_seem_to(self):
        rng = np.random.default_rng(8)
        strengths = [
            shrink_click_rates(rng.binomial(1000, 0.05, 50), np.full(50, 1000)).strength
            for _ in range(100)
        ]
        assert np.mean(np.asarray(strengths) > 1000) > 0.95


def test_results_cannot_be_changed():
    rates = shrink_click_rates([1, 2], [10, 10])
    with pytest.raises(ValueError, match="read-only"):
        rates.rate[0] = 1


@pytest.mark.parametrize(
    ("clicks", "seen", "said"),
    [
        ([1, 2], [3], r"want two \(n,\) arrays"),
        ([[1]], [[3]], r"want two \(n,\) arrays"),
        ([0, 4], [3, 3], "got 4 clicks of 3 impressions at index 1"),
        ([-1], [3], "got -1 clicks"),
        ([0.5], [3], "got 0.5 clicks"),
        ([math.nan], [3], "got nan clicks"),
        ([1], [math.inf], "got 1 clicks of inf"),
        ([0, 0], [0, 0], "want at least one impression, got none for 2 items"),
        ([], [], "want at least one impression, got none for 0 items"),
    ],
)
def test_wrong_numbers_are_refused(clicks, seen, said):
    with pytest.raises(ValueError, match=said):
        shrink_click_rates(clicks, seen)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match="`level` must be between 0 and 1"):
        shrink_click_rates([1], [2], level=level)


@pytest.mark.parametrize("shop", ["men", "women"])
def test_real_clicks_are_predicted_better_than_by_raw_rates(real_data, shop):
    """Impressions are split at random; rates of one half predict the clicks of the other.

    Raw rates are given every chance: half a click is added, or one that was never clicked would
    make one click impossible. The items of these shops hardly differ, so one rate for all predicts
    as well as shrunken ones: no more is claimed.
    """
    with gzip.open(real_data / f"clicks/random_{shop}.csv.gz", "rt") as file:
        rows = [(int(row["item_id"]), int(row["click"])) for row in csv.DictReader(file)]
    item, click = np.array(rows).T
    count = item.max() + 1

    def tally(mask):
        return np.bincount(item[mask], click[mask], count), np.bincount(item[mask], minlength=count)

    shrunken, raw, shared = [], [], []
    for seed in range(50):
        half = np.random.default_rng(seed).random(item.size) < 0.5
        (clicks, seen), (later, shown) = tally(half), tally(~half)

        def explained(rate, later=later, shown=shown):
            return float((later * np.log(rate) + (shown - later) * np.log1p(-rate)).sum())

        shrunken.append(explained(shrink_click_rates(clicks, seen).rate))
        raw.append(explained((clicks + 0.5) / (seen + 1)))
        shared.append(explained(np.full(count, clicks.sum() / seen.sum())))
    better = np.array(shrunken) > np.array(raw)
    assert better.mean() >= 0.9
    assert np.mean(shrunken) - np.mean(raw) > 5
    assert abs(np.mean(shrunken) - np.mean(shared)) < 1

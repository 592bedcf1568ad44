"""A threshold's promise, in the worst case; published thresholds; and what an answer of none says."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from workbench.calibration import choose_threshold, labels_to_promise
from workbench.calibration.confidence._trials import read_labels

GRID = [i / 100 for i in range(99, -1, -1)]


def test_the_promise_on_published_data(judge_human):
    """Promise .40 at confidence .9: .73 qualifies and .70 does not; .71 and .72 keep the same images as .73."""
    found = choose_threshold(
        judge_human.confidence,
        judge_human.suitable,
        grid=GRID,
        promise=0.4,
        failure_probability=0.1,
    )
    assert (found.value, found.kept, found.suitable) == (0.73, 449, 197)
    assert found.p_value == pytest.approx(stats.binom.sf(196, 449, 0.4), abs=1e-12)
    assert (found.reason, found.labels_needed) == (None, None)
    assert (judge_human.confidence >= 0.71).sum() == 449


def test_no_threshold_on_published_data(judge_human):
    found = choose_threshold(
        judge_human.confidence,
        judge_human.suitable,
        grid=GRID,
        promise=0.45,
        failure_probability=0.1,
    )
    assert found.value is None
    assert found.reason.startswith("No threshold qualifies: at 0.99, 37 of 72 labelled items")
    assert found.labels_needed is not None


def test_the_promise_is_broken_no_more_often_than_accepted():
    """Every threshold is just under the promise, so any threshold at all is a broken one."""
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(1000):
        confidence, suitable = rng.integers(50, 100, size=400) / 100, rng.random(400) < 0.899
        found = choose_threshold(confidence, suitable, grid=(0.9, 0.8, 0.7, 0.6), promise=0.9)
        broken += found.value is not None
    assert 0 < broken <= 64  # 5% of 1000, plus two standard errors


def test_the_promise_holds_under_unequal_draws():
    """Easy items are drawn four times as often; at equal weights the labels would look good enough."""
    rng = np.random.default_rng(1)
    broken, naive = 0, 0
    for _ in range(400):
        easy = rng.random(3000) < 0.5
        suitable = rng.random(3000) < np.where(easy, 0.95, 0.845)  # .8975 together
        chance = np.where(easy, 0.4, 0.1)
        drawn = rng.random(3000) < chance
        arguments = {"grid": (0.5,), "promise": 0.9}
        labels = np.ones(drawn.sum()), suitable[drawn]
        broken += (
            choose_threshold(*labels, **arguments, keep_probability=chance[drawn]).value is not None
        )
        naive += choose_threshold(*labels, **arguments).value is not None
    assert broken <= 400 * 0.05 + 2 * math.sqrt(400 * 0.05 * 0.95)
    assert naive > 200


def _broken(sizes, *, alike, promise, runs, seed):
    """Audits of clusters whose rates are `promise` on average that still qualify; and without clusters."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    broken, naive = 0, 0
    for run in range(runs):
        rate = rng.beta(promise * alike, (1 - promise) * alike, size=len(sizes))
        suitable = rng.random(groups.size) < rate[groups]
        labels = read_labels(
            suitable, keep_probability=None, groups=groups, failure_probability=0.05, seed=run
        )
        everything = np.ones(groups.size, dtype=bool)
        broken += labels.trial(everything, promise).p_value <= 0.05
        naive += stats.binom.sf(suitable.sum() - 1, groups.size, promise) <= 0.05
    return broken, naive


def test_the_promise_holds_when_items_share_a_product():
    broken, naive = _broken([5] * 80, alike=7, promise=0.9, runs=400, seed=2)
    assert broken <= 400 * 0.05 + 2 * math.sqrt(400 * 0.05 * 0.95)
    assert naive > broken


@pytest.mark.slow
@pytest.mark.parametrize("promise", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("alike", [3, 7])  # correlations within a product of 1/4 and 1/8
@pytest.mark.parametrize("sizes", [[30] * 10, [20] * 20, [20] * 40, [*range(1, 41)]])
def test_the_promise_holds_with_few_products(sizes, alike, promise):
    """Counts divided by a design effect alone broke it in 7% to 14% of audits at 20 products."""
    broken, naive = _broken(sizes, alike=alike, promise=promise, runs=2500, seed=3)
    assert broken <= 2500 * 0.05 + 2 * math.sqrt(2500 * 0.05 * 0.95)
    assert naive > 2500 * 0.1


@pytest.mark.slow
def test_large_products_that_are_worse_are_not_thinned_away():
    """Two in three items are of large products with a rate of .8: .8667 of items, .9 of products."""
    rng = np.random.default_rng(4)
    broken, by_product, runs = 0, 0, 2500
    sizes = np.array([5] * 12 + [10] * 12)
    groups = np.repeat(np.arange(24), sizes)
    rates, place = np.where(sizes == 5, 1.0, 0.8), np.cumsum(sizes) - sizes
    promise = float(rates @ sizes / sizes.sum()) - 0.2
    for run in range(runs):
        suitable = rng.random(groups.size) < rates[groups] - 0.2
        labels = read_labels(
            suitable, keep_probability=None, groups=groups, failure_probability=0.05, seed=run
        )
        broken += labels.trial(np.ones(groups.size, dtype=bool), promise).p_value <= 0.05
        by_product += stats.binom.sf(suitable[place].sum() - 1, 24, promise) <= 0.05
    assert broken <= runs * 0.05 + 2 * math.sqrt(runs * 0.05 * 0.95)
    assert by_product > broken


def test_few_clusters_count_one_item_each():
    groups = np.repeat(np.arange(29), 4)
    found = choose_threshold(
        np.ones(116), np.ones(116, bool), grid=(0.5,), promise=0.9, groups=groups
    )
    assert (found.value, found.kept, found.suitable) == (0.5, 29, 29)
    assert found.p_value == pytest.approx(0.9**29)
    fewer = groups < 20
    found = choose_threshold(
        np.ones(80), np.ones(80, bool), grid=(0.5,), promise=0.9, groups=groups[fewer]
    )
    assert found.value is None
    assert "20 of 20 labelled items are suitable (clusters above it are too few, 20" in found.reason
    assert found.labels_needed == 29 * 4


def test_it_stops_at_the_first_failure():
    """Precision that rises again further down is not looked at."""
    confidence = np.repeat([0.9, 0.5, 0.1], [60, 60, 2000])
    suitable = np.concatenate([np.ones(60), np.arange(60) < 30, np.ones(2000)]).astype(bool)
    found = choose_threshold(confidence, suitable, grid=(0.9, 0.5, 0.1), promise=0.9)
    assert (found.value, found.kept) == (0.9, 60)


def test_too_few_labels_say_how_many_it_takes():
    found = choose_threshold([0.9] * 10, [True] * 10, grid=(0.5,), promise=0.9)
    assert (found.value, found.labels_needed) == (None, 29)
    assert "10 of 10 labelled items" in found.reason
    passes = choose_threshold([0.9] * 29, [True] * 29, grid=(0.5,), promise=0.9)
    assert passes.value == 0.5


def test_labels_that_speak_against_the_promise_ask_for_no_more():
    found = choose_threshold([0.9] * 50, [True] * 40 + [False] * 10, grid=(0.95, 0.5), promise=0.9)
    assert (found.value, found.labels_needed, found.p_value) == (None, None, None)
    assert "would not help" in found.reason


@pytest.mark.parametrize(("promise", "rate"), [(0.9, 0.95), (0.85, 0.9), (0.4, 0.5), (0.9, 1.0)])
def test_labels_to_promise_by_brute_force(promise, rate):
    def power(n):
        tails = stats.binom.sf(np.arange(-1, n), n, promise)
        passing = np.flatnonzero(tails <= 0.05)
        return stats.binom.sf(passing[0] - 1, n, rate) if passing.size else 0.0

    first = next(n for n in range(1, 400) if power(n) >= 0.8)
    assert labels_to_promise(promise, rate=rate) == first


def test_a_promise_at_or_above_the_rate_is_out_of_reach():
    assert labels_to_promise(0.9, rate=0.9) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        labels_to_promise(1.0, rate=0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": (0.5, 0.9)}, "descending"),
        ({"grid": ()}, "descending"),
        ({"promise": 1.0}, "between 0 and 1"),
        ({"confidence": [math.nan, 0.5]}, "between 0 and 1"),
        ({"confidence": [0.5]}, "two .n,. arrays"),
        ({"keep_probability": [0.0, 1.0]}, "over 0"),
    ],
)
def test_bad_input_gets_one_sentence(change, message):
    good = {"confidence": [0.9, 0.5], "suitable": [True, False], "grid": (0.9, 0.5), "promise": 0.8}
    with pytest.raises(ValueError, match=message):
        choose_threshold(**(good | change))


def test_a_kept_promise_implies_every_smaller_one():
    """On one grid, whatever the answers, with and without clusters."""
    rng = np.random.default_rng(5)
    promises, kept = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95), 0
    for run in range(80):
        n = int(rng.integers(5, 120))
        confidence = np.round(rng.random(n), 2)
        suitable = rng.random(n) < confidence ** rng.choice([0.05, 0.3, 1.0])
        groups = np.arange(n) // 3 if run % 2 else None
        found = [
            choose_threshold(confidence, suitable, grid=GRID[10:], promise=p, groups=groups).value
            for p in promises
        ]
        for smaller, larger in itertools.pairwise(found):
            assert larger is None or (smaller is not None and smaller <= larger)
        kept += sum(value is not None for value in found)
    assert kept > 80


def test_the_promise_is_broken_no_more_often_than_accepted_behind_thresholds_that_are_no_test():
    """The first thresholds keep too few labels for .9; all suitable there, the sequence goes on."""
    rng = np.random.default_rng(6)
    broken, runs = 0, 4000
    # In tenths: why none qualifies is looked up at every confidence that occurs.
    confidence = np.floor(np.linspace(1, 0, 60, endpoint=False) * 10 + 1e-9) / 10
    for _ in range(runs):
        found = choose_threshold(
            confidence, rng.random(60) < 0.899, grid=(0.9, 0.7, 0.5, 0.3, 0.1), promise=0.9
        )
        broken += found.value is not None
    assert 0 < broken <= runs * 0.05 + 2 * math.sqrt(runs * 0.05 * 0.95)


def test_the_best_share_is_looked_for_at_every_confidence():
    """10 of 10 lie above 0.658, which is not in the grid: more labels would help."""
    confidence = [*np.linspace(0.99, 0.7, 9), 0.658] + [0.0] * 24
    suitable = [True] * 10 + [False] * 24
    found = choose_threshold(confidence, suitable, grid=(0.0,), promise=0.8)
    assert found.value is None
    assert "10 of 34 labelled items are suitable" in found.reason
    assert "if the 10 of 10 at 0.658 are typical" in found.reason
    assert found.labels_needed == math.ceil(34 / 10 * 14)  # .8 to the fourteenth is under .05
    assert f"{found.labels_needed} new labels to choose by (these are 34)" in found.reason
    alone = choose_threshold(confidence, suitable, grid=(0.0,), promise=0.5)
    assert "0.658 would pass if it were the only one tried, with 10 of 10" in alone.reason
    assert "none of those that were chosen before the answers were seen" in alone.reason
    assert "carries no promise" in alone.reason
    assert alone.labels_needed == 34  # 17 would do, but all of them must be new
    assert "as many as these 34" in alone.reason


def test_from_fewer_than_ten_labels_nothing_is_extrapolated():
    confidence, suitable = [0.99, 0.9, 0.8, 0.7, 0.658] + [0.0] * 12, [True] * 5 + [False] * 12
    found = choose_threshold(confidence, suitable, grid=(0.0,), promise=0.6)
    assert (found.value, found.labels_needed) == (None, None)
    assert "typical" not in found.reason
    assert "fewer than 10 labels lie above the threshold, too few to tell" in found.reason
    assert (
        ": 6 above it, all suitable, are the fewest" in found.reason
    )  # .6 to the sixth is under .05


def test_a_threshold_behind_the_stop_is_said_to_be_behind_it():
    confidence = [0.9] * 20 + [0.5] * 80
    suitable = [True] * 10 + [False] * 10 + [True] * 80
    found = choose_threshold(confidence, suitable, grid=(0.9, 0.5), promise=0.8)
    assert (
        "the tests go from strict to loose and stopped at 0.9, before they came to it"
        in found.reason
    )
    assert "as many as these 100" in found.reason


def test_one_threshold_is_spoken_of_where_two_hold_the_same_labels():
    """87 of 100 pass .8 alone, not among three."""
    confidence, suitable = [0.849] * 100, [True] * 87 + [False] * 13
    found = choose_threshold(
        confidence, suitable, grid=(0.84, 0.8, 0.7), promise=0.8, procedure="holm"
    )
    assert found.value is None
    assert "0.849" not in found.reason
    assert found.reason.count("87 of 100") == 1
    assert "0.84 would pass if it were the only one tried, as 87 of 100" in found.reason
    assert "3 were tried, and the more are tried the more each of them has to show" in found.reason
    assert f"about {found.labels_needed} new labels that nobody has looked at" in found.reason


def test_thinned_and_effective_counts_are_said_as_such():
    found = choose_threshold(
        [0.9] * 320,
        [True] * 160 + [False] * 160,
        grid=(0.5,),
        promise=0.9,
        keep_probability=[1.0] * 160 + [0.2] * 160,
        groups=np.arange(320) // 4,
    )
    assert "drawn from the 320 above it" in found.reason
    assert "independent ones, since some share a cluster" in found.reason

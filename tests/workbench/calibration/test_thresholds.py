"""A threshold's promise, in the worst case; published thresholds; and what an answer of none says."""

import math

import numpy as np
import pytest
from scipy import stats

from workbench.calibration import choose_threshold, labels_to_promise

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
        confidence, suitable = rng.uniform(0.5, 1.0, size=400), rng.random(400) < 0.899
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


def test_the_promise_holds_when_items_share_a_product():
    rng = np.random.default_rng(2)
    broken, naive = 0, 0
    for _ in range(400):
        rate = np.repeat(
            rng.beta(9 * 0.7, 0.7, size=80), 5
        )  # .9 on average, alike within a product
        suitable, groups = rng.random(400) < rate, np.repeat(np.arange(80), 5)
        arguments = {"grid": (0.5,), "promise": 0.9}
        broken += (
            choose_threshold(np.ones(400), suitable, groups=groups, **arguments).value is not None
        )
        naive += choose_threshold(np.ones(400), suitable, **arguments).value is not None
    assert broken <= 400 * 0.05 + 2 * math.sqrt(400 * 0.05 * 0.95)
    assert naive > broken


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

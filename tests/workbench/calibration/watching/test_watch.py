"""Watching a promise: hand-worked bets, bounds that hold at every look, alarms, and a state that continues."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.calibration import clopper_pearson
from workbench.calibration.watching._betting import (
    Side,
    bet,
    drop_capital,
    grid,
    log_payoffs,
    stakes,
)
from workbench.calibration.watching.delay import alarm_delay, first_alarms
from workbench.calibration.watching.watch import Watch, watch_precision

DELTA = 0.05


def broken(streams):
    """Share of streams, and what a share of `DELTA` shows at most: two standard errors more."""
    return np.mean(streams), DELTA + 2 * math.sqrt(DELTA * (1 - DELTA) / len(streams))


def test_the_first_two_bets_are_those_of_the_paper():
    """By hand, equation numbers aside: mean and variance start at 1/2 and 1/4 with the weight of one value."""
    values = np.array([1.0, 0.0])
    first = math.sqrt(2 * math.log(20) / (0.25 * 1 * math.log(2)))
    mean = (0.5 + 1) / 2
    variance = (0.25 + (1 - mean) ** 2) / 2
    second = math.sqrt(2 * math.log(20) / (variance * 2 * math.log(3)))
    np.testing.assert_allclose(
        stakes(values, failure_probability=DELTA)[0], [first, second], rtol=1e-12
    )
    means = grid()
    side, _ = bet(Side(), values, means, failure_probability=DELTA)
    for m in (0.1, 0.5, 0.9):
        place = int(np.argmin(np.abs(means - m)))
        limit = 0.75 / m
        hand = (1 + min(first, limit) * (1 - m)) * (1 + min(second, limit) * (0 - m))
        assert math.exp(side.log_capital[place]) == pytest.approx(hand, rel=1e-9)


def test_without_replacement_the_claimed_mean_is_that_of_what_is_left():
    """Of four values with mean 1/2, after one success, the other three must hold one: mean 1/3."""
    values, means = np.array([1.0, 1.0]), np.array([0.5])
    side, _ = bet(Side(), values, means, failure_probability=DELTA, population=4)
    first, second = stakes(values, failure_probability=DELTA)[0]
    hand = (1 + min(first, 1.5) * 0.5) * (1 + min(second, 2.25) * (1 - 1 / 3))
    assert math.exp(side.log_capital[0]) == pytest.approx(hand, rel=1e-9)


@pytest.mark.parametrize("promise", [0.5, 0.9, 0.99])
def test_a_kept_promise_raises_an_alarm_no_more_often_than_accepted(promise):
    """2,000 streams of 1,000 labels at exactly the promise, checked after every label."""
    failures = (np.random.default_rng(0).random((2000, 1000)) > promise).astype(float)
    paid = log_payoffs(
        failures, stakes(failures, failure_probability=DELTA)[0], np.full((1, 1), 1 - promise)
    )
    share, limit = broken(np.cumsum(paid, axis=1).max(axis=1) >= math.log(1 / DELTA))
    assert share <= limit
    share, limit = broken(drop_capital(failures, promise=promise).capital.max(axis=1) >= 1 / DELTA)
    assert share <= limit


def test_an_interval_for_one_look_would_cry_wolf():
    """Why this file exists: the same streams against Clopper and Pearson's bound after each label."""
    good = np.cumsum(np.random.default_rng(0).random((500, 500)) < 0.9, axis=1)
    table = {
        (k, n): clopper_pearson(k, n, level=1 - DELTA, side="upper").high < 0.9
        for n in range(1, 501)
        for k in {*good[:, n - 1].tolist()}
    }
    wolves = [any(table[k, n + 1] for n, k in enumerate(row)) for row in good.tolist()]
    assert np.mean(wolves) > 3 * DELTA


def unequal(rng, n):
    """Labels drawn more often where the judge is unsure, and there more often unsuitable."""
    size = 200_000
    unsure = rng.random(size) < 0.3
    suitable = rng.random(size) < np.where(unsure, 0.76, 0.96)  # .90 in all
    inclusion = np.where(unsure, 0.5, 0.05)
    drawn = rng.choice(size, n, p=inclusion / inclusion.sum())
    return suitable[drawn], inclusion.mean() / inclusion[drawn], suitable.mean()


@pytest.mark.slow
def test_labels_drawn_unevenly_raise_no_more_false_alarms_and_unweighted_ones_do():
    rng = np.random.default_rng(1)
    weighted, plain = [], []
    for _ in range(1000):
        suitable, weights, truth = unequal(rng, 600)
        for found, mass in ((weighted, weights), (plain, np.ones(600))):
            failures = (mass * ~suitable)[None]
            first = first_alarms(failures, promise=truth, failure_probability=DELTA / 2)
            found.append(first[0] < 600)  # two alarms with half of δ each
    share, limit = broken(weighted)
    assert share <= limit
    assert np.mean(plain) > 0.5


@pytest.mark.slow
def test_both_bounds_hold_at_every_look():
    """Each side misses, ever, with δ at most: uniform, weighted, and without replacement."""
    rng = np.random.default_rng(2)
    missed = {"uniform": [], "weighted": [], "batch": []}
    for _ in range(600):
        suitable, weights, truth = unequal(rng, 400)
        found = watch_precision(suitable, promise=0.5, weights=weights)
        missed["weighted"].append((found.low[-1] > truth, found.high[-1] < truth))
        good = rng.random(400) < 0.8
        found = watch_precision(good, promise=0.5)
        missed["uniform"].append((found.low[-1] > 0.8, found.high[-1] < 0.8))
        batch = rng.permutation(np.arange(250) < 200)
        found = watch_precision(batch, promise=0.5, population=250)
        missed["batch"].append((found.low[-1] > 0.8, found.high[-1] < 0.8))
    for pairs in missed.values():
        for side in np.array(pairs).T:  # bounds never move back, so the last look shows any miss
            share, limit = broken(side)
            assert share <= limit


def test_a_finished_batch_is_known_sooner():
    rng = np.random.default_rng(3)
    batch = rng.permutation(np.arange(300) < 240)
    ended = watch_precision(batch, promise=0.9, population=300).watch
    endless = watch_precision(batch, promise=0.9).watch
    assert ended.high - ended.low < 0.02 < endless.high - endless.low
    assert ended.low <= 0.8 <= ended.high


def test_a_broken_promise_is_seen_and_said():
    rng = np.random.default_rng(4)
    found = watch_precision(rng.random(2000) < 0.8, promise=0.9)
    assert found.watch.alarm_at == 1 + int(np.argmax(np.array(found.high) <= 0.9 + 1e-12))
    assert found.watch.sentence.startswith(f"Alarm: since label {found.watch.alarm_at}")
    kept = watch_precision(rng.random(2000) < 0.96, promise=0.9).watch
    assert kept.alarm_at is kept.drop_at is None
    assert kept.sentence.startswith("The promise is kept: precision is at least 0.9")
    assert kept.precision.level == 0.9


def test_a_late_drop_is_seen_though_early_labels_were_good():
    rng = np.random.default_rng(5)
    good = np.append(rng.random(2000) < 0.97, rng.random(300) < 0.7)
    found = watch_precision(good, promise=0.9).watch
    assert found.alarm_at is None
    assert 2000 < found.drop_at < 2200
    assert "though it may have held before" in found.sentence


def test_bounds_that_cross_are_not_an_interval():
    rng = np.random.default_rng(6)
    good = np.append(rng.random(3000) < 0.99, rng.random(6000) < 0.5)
    found = watch_precision(good, promise=0.9).watch
    assert found.precision.value is None
    assert "no single precision fits" in found.precision.reason


def test_expected_delay_is_what_streams_show():
    fast = alarm_delay(promise=0.9, precision=0.6, streams=200)
    slow = alarm_delay(promise=0.9, precision=0.85, streams=200)
    assert fast.median < fast.most < slow.median < slow.most
    rng = np.random.default_rng(7)
    waits = []
    for _ in range(100):
        end = watch_precision(rng.random(300) < 0.6, promise=0.9).watch
        waits.append(min(x for x in (end.alarm_at, end.drop_at) if x is not None))
    assert np.median(waits) == pytest.approx(fast.median, rel=0.3)
    never = alarm_delay(promise=0.9, precision=0.89, limit=50, streams=100)
    assert never.median is never.most is None
    assert "more than 50 labels" in never.sentence
    assert "within" in fast.sentence


@settings(deadline=None, max_examples=50)
@given(
    answers=st.lists(st.booleans(), max_size=60),
    cut=st.integers(0, 60),
    weighted=st.booleans(),
    spare=st.none() | st.integers(0, 20),
)
def test_continued_from_json_it_gives_the_same_numbers(answers, cut, weighted, spare):
    """And never NaN, whatever came: to the last bit, through text."""
    population = None if spare is None else max(1, len(answers) + spare)
    weights = None
    if weighted and population is None:
        weights = np.random.default_rng(len(answers)).choice([0.2, 1.0, 3.0], len(answers))
    whole = watch_precision(answers, promise=0.9, weights=weights, population=population).watch
    part = Watch(promise=0.9, failure_probability=DELTA, population=population)
    for rows in (slice(None, cut), slice(cut, None)):
        part = Watch.from_json(part.to_json())
        part = part.after(answers[rows], weights=None if weights is None else weights[rows])
    assert part == whole
    estimate = whole.precision
    assert estimate.value is not None or estimate.reason
    assert whole.sentence
    assert "NaN" not in whole.to_json()


def test_numbers_1_and_0_are_answers_too():
    said = [True, False, True, True]
    wanted = watch_precision(said, promise=0.9)
    for kind in (int, np.int64, np.uint8, np.bool_):
        assert watch_precision(np.array(said, dtype=kind), promise=0.9) == wanted
    assert watch_precision([1, 0, 1, 1], promise=0.9) == wanted


def test_bad_input_is_refused_in_a_sentence():
    watch = Watch(promise=0.9, failure_probability=0.05)
    for message, call in {
        "`promise` lies between": lambda: Watch(promise=1.0, failure_probability=0.05),
        "`failure_probability` lies": lambda: Watch(promise=0.9, failure_probability=0.5),
        "`population` is a count": lambda: watch_precision([], promise=0.9, population=0),
        "got None in row 1": lambda: watch.after([True, None]),
        "got 2 in row 0": lambda: watch.after([2]),
        "got 'yes' in row 0": lambda: watch.after(["yes"]),
        "one for each of 1 answers": lambda: watch.after([True], weights=[1, 2]),
        "finite number over 0": lambda: watch.after([True], weights=[float("nan")]),
        "equal draws only": lambda: watch_precision([True], promise=0.9, population=2, weights=[1]),
        "2 labels came of a batch of 1": lambda: watch_precision(
            [True] * 2, promise=0.9, population=1
        ),
        "from 0 to below the promise": lambda: alarm_delay(promise=0.9, precision=0.9),
        "want counts": lambda: alarm_delay(promise=0.9, precision=0.8, limit=0),
        "validation error": lambda: Watch.from_json('{"promise": 0.9}'),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_published_approvals_break_a_promise_within_a_few_labels(judge_human):
    """`gpt4v_0shot` at .7: 213 of 539 approvals are suitable (statistics of the published file)."""
    answers = np.random.default_rng(0).permutation(
        judge_human.suitable[judge_human.confidence >= 0.7]
    )
    assert (answers.sum(), answers.size) == (213, 539)
    found = watch_precision(answers, promise=0.88).watch
    assert found.alarm_at < 20
    assert found.precision.value == pytest.approx(0.395176, abs=1e-6)
    assert found.low < 0.395 < found.high < 0.5
    batch = watch_precision(answers, promise=0.88, population=539).watch
    assert batch.high - batch.low < 0.02
    assert batch.low <= 213 / 539 <= batch.high

"""Holm and several criteria at once: published thresholds, peers, and promises in the worst case."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control.fwer_control import FWERBonferroniHolm, FWERFixedSequenceTesting
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbench.calibration import choose_threshold, choose_thresholds

GRID = [i / 100 for i in range(99, -1, -1)]


def test_holm_on_published_data(judge_human):
    """Promise .40 at confidence .9: Holm accepts down to .75, which approves the same 359 images as .79."""
    found = choose_threshold(
        judge_human.confidence,
        judge_human.suitable,
        grid=GRID,
        promise=0.4,
        failure_probability=0.1,
        procedure="holm",
    )
    assert min(found.accepted) == 0.75
    assert (found.value, found.kept, found.suitable) == (0.79, 359, 174)
    assert (judge_human.confidence >= 0.75).sum() == (judge_human.confidence >= 0.79).sum() == 359
    p_values = []
    for threshold in GRID:
        kept = judge_human.suitable[judge_human.confidence >= threshold]
        p_values.append(stats.binom.sf(kept.sum() - 1, kept.size, 0.4))
    peer = multipletests(p_values, alpha=0.1, method="holm")[0]
    assert found.accepted == tuple(t for t, passed in zip(GRID, peer, strict=True) if passed)


def test_holm_finds_nothing_for_a_higher_promise_on_published_data(judge_human):
    arguments = {"grid": GRID, "promise": 0.45, "failure_probability": 0.1, "procedure": "holm"}
    found = choose_threshold(judge_human.confidence, judge_human.suitable, **arguments)
    assert (found.value, found.accepted) == (None, ())
    assert found.labels_needed > 873
    assert "would pass if it were the only one" in found.reason


def test_both_procedures_agree_with_mapie():
    """The same p-values give the same thresholds; MAPIE's own p-values are Hoeffding–Bentkus, which are larger."""
    rng, seen = np.random.default_rng(0), set()
    for run in range(100):
        confidence = rng.random(300)
        suitable = rng.random(300) < 0.5 + 0.5 * confidence ** rng.uniform(0.1, 2)
        grid = tuple(np.round(np.linspace(0.8, 0.05, 16), 3))
        kept = [suitable[confidence >= t] for t in grid]
        p_values = np.array([stats.binom.sf(k.sum() - 1, k.size, 0.85) for k in kept])
        for procedure, peer in (
            ("holm", FWERBonferroniHolm()),
            ("fixed sequence", FWERFixedSequenceTesting()),
        ):
            found = choose_threshold(
                confidence, suitable, grid=grid, promise=0.85, procedure=procedure
            )
            theirs = tuple(sorted((grid[i] for i in peer.run(p_values, 0.05)), reverse=True))
            assert found.accepted == theirs, run
            seen.add((procedure, len(theirs) > 0))
    assert len(seen) == 4


def test_holm_finds_what_lies_behind_a_failing_strict_end():
    confidence = np.repeat([0.9, 0.5], [40, 400])
    suitable = np.concatenate([np.arange(40) < 20, np.arange(400) < 395])
    arguments = {"grid": (0.9, 0.5), "promise": 0.85}
    assert choose_threshold(confidence, suitable, **arguments).value is None
    assert choose_threshold(confidence, suitable, **arguments, procedure="holm").value == 0.5


def two_criteria(rng, n=500):
    """Suitable where both criteria hold; each confidence is about one of them."""
    product, photo = rng.random(n), rng.random(n)
    suitable = (rng.random(n) < product**0.3) & (rng.random(n) < photo**0.3)
    return {"product": product, "photo": photo}, suitable


@pytest.mark.parametrize("procedure", ["holm", "fixed sequence"])
def test_several_criteria_keep_a_promise_that_one_cannot(procedure):
    confidence, suitable = two_criteria(np.random.default_rng(3), 8000)
    grid = (0.8, 0.7, 0.6, 0.5, 0.4)
    found = choose_thresholds(
        confidence,
        suitable,
        grid={"product": grid, "photo": grid},
        promise=0.85,
        procedure=procedure,
        population={c: np.linspace(0, 1, 101) for c in confidence},
    )
    assert found.criteria == ("product", "photo")
    assert found.values in found.accepted
    assert found.tried == (25 if procedure == "holm" else 5)
    kept = np.all(
        [confidence[c] >= t for c, t in zip(found.criteria, found.values, strict=True)], 0
    )
    assert (found.kept, found.suitable) == (kept.sum(), suitable[kept].sum())
    # All 101 judged items have both confidences alike: the stricter of the two decides.
    assert found.approved_share == pytest.approx(
        (np.linspace(0, 1, 101) >= max(found.values)).mean()
    )
    for name in confidence:
        alone = choose_threshold(confidence[name], suitable, grid=grid, promise=0.85)
        assert alone.value is None


def test_the_vector_that_approves_most_is_picked():
    confidence = {"a": np.repeat([0.9, 0.9, 0.2], 100), "b": np.repeat([0.9, 0.2, 0.9], 100)}
    suitable = np.repeat([True, True, False], 100)
    found = choose_thresholds(
        confidence, suitable, grid={"a": (0.5, 0.1), "b": (0.5, 0.1)}, promise=0.9
    )
    assert found.accepted == ((0.5, 0.5), (0.5, 0.1))
    assert (found.values, found.kept) == ((0.5, 0.1), 200)
    # Where the judged items say so, another one approves more.
    weighted = choose_thresholds(
        confidence, suitable, grid={"a": (0.5, 0.1), "b": (0.5, 0.1)}, promise=0.6,
        population={"a": [0.2, 0.2, 0.9], "b": [0.9, 0.9, 0.9]},
    )  # fmt: skip
    assert weighted.approved_share == 1.0


def test_none_of_several_says_what_it_takes():
    confidence = {"a": [0.9] * 20, "b": [0.9] * 20}
    found = choose_thresholds(confidence, [True] * 20, grid={"a": (0.5,), "b": (0.5,)}, promise=0.9)
    assert (found.values, found.accepted, found.labels_needed) == (None, (), 29)
    assert "at a 0.5, b 0.5, 20 of 20 labelled items are suitable" in found.reason
    bad = choose_thresholds(
        confidence, [True, False] * 10, grid={"a": (0.5,), "b": (0.5,)}, promise=0.9
    )
    assert bad.labels_needed is None
    assert "would not help" in bad.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": {"a": (0.5,)}}, "wants the criteria of the grid"),
        ({"grid": {"a": (0.5, 0.6), "b": (0.5,)}}, "the grid of 'a' must be strictly descending"),
        ({"suitable": [True]}, "one answer for each"),
        ({"confidence": {"a": [0.5, 0.5], "b": [0.5]}}, "arrays of one shape"),
        ({"confidence": {"a": [0.5, math.nan], "b": [0.5, 0.5]}}, "between 0 and 1"),
        ({"procedure": "bonferroni"}, "'fixed sequence' or 'holm'"),
        ({"grid": {"a": GRID, "b": GRID * 1, "c": GRID}}, "wants the criteria"),
        ({"promise": 0}, "between 0 and 1"),
    ],
)
def test_bad_input_to_several_gets_one_sentence(change, message):
    good = {
        "confidence": {"a": [0.9, 0.5], "b": [0.9, 0.5]}, "suitable": [True, False],
        "grid": {"a": (0.9, 0.5), "b": (0.9,)}, "promise": 0.8,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        choose_thresholds(**(good | change))


def test_too_many_combinations_are_refused():
    fine = [i / 1000 for i in range(999, -1, -1)]
    with pytest.raises(ValueError, match="got 1,000,000: make the grids coarser"):
        choose_thresholds(
            {"a": [0.5], "b": [0.5]}, [True], grid={"a": fine, "b": fine}, promise=0.5
        )


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(0, 1), st.floats(0, 1), st.booleans(), st.floats(0.01, 1), st.integers(0, 4)
        ),
        max_size=40,
    ),
    promise=st.floats(0.01, 0.99),
    procedure=st.sampled_from(["fixed sequence", "holm"]),
    clustered=st.booleans(),
)
def test_whatever_comes_a_threshold_or_a_reason_comes_back(rows, promise, procedure, clustered):
    a, b, suitable, chance, group = (
        (list(x) for x in zip(*rows, strict=True)) if rows else ([],) * 5
    )
    rest = {
        "promise": promise, "procedure": procedure, "keep_probability": chance,
        "groups": group if clustered else None,
    }  # fmt: skip
    one = choose_threshold(a, suitable, grid=(0.9, 0.5, 0.1), **rest)
    two = choose_thresholds(
        {"a": a, "b": b}, suitable, grid={"a": (0.9, 0.5), "b": (0.7, 0.2, 0.0)}, **rest
    )
    for found, value in ((one, one.value), (two, two.values)):
        assert (value is None) == (found.reason is not None)
        assert found.p_value is None or 0 <= found.p_value <= 1
        assert 0 <= found.suitable <= found.kept <= len(rows)
        assert value is None or value in found.accepted
        assert "nan" not in repr(found)


@pytest.mark.slow
@pytest.mark.parametrize("procedure", ["fixed sequence", "holm"])
def test_the_promise_of_one_threshold_in_the_worst_case(procedure):
    """Precision is .899 above every threshold, the promise .9: every accepted threshold is a broken promise."""
    rng, runs, broken = np.random.default_rng(11), 4000, 0
    for _ in range(runs):
        found = choose_threshold(
            np.round(rng.uniform(0.5, 1, 2000), 2), rng.random(2000) < 0.899,
            grid=(0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5),
            promise=0.9, procedure=procedure,
        )  # fmt: skip
        broken += bool(found.accepted)
    assert 0 < broken <= runs * 0.05 + 2 * math.sqrt(runs * 0.05 * 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("procedure", ["fixed sequence", "holm"])
def test_the_promise_of_several_thresholds_in_the_worst_case(procedure):
    """Two criteria that know nothing, precision .899 under every vector: any accepted one is a broken promise."""
    rng, runs, broken = np.random.default_rng(12), 3000, 0
    grid = (0.8, 0.6, 0.4, 0.2, 0.0)
    for _ in range(runs):
        found = choose_thresholds(
            {"a": rng.random(500), "b": rng.random(500)}, rng.random(500) < 0.899,
            grid={"a": grid, "b": grid}, promise=0.9, procedure=procedure,
        )  # fmt: skip
        broken += bool(found.accepted)
    assert 0 < broken <= runs * 0.05 + 2 * math.sqrt(runs * 0.05 * 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("procedure", ["fixed sequence", "holm"])
def test_the_promise_under_an_uneven_draw_with_thresholds_that_hold_and_thresholds_that_fail(
    procedure,
):
    """Above .8 precision is .95, below it falls just under the promise of .9; a stratified draw with unequal chances."""
    rng, runs, broken, found_one = np.random.default_rng(13), 2000, 0, 0
    confidence = np.linspace(0.995, 0.505, 2000)
    # Over the first 800 the share is .95; with every item below, the mean is at most .8995.
    truth = np.where(confidence >= 0.8, 0.95, 0.0)
    below = confidence < 0.8
    position = np.arange(2000)
    truth[below] = 0.0
    for i in np.flatnonzero(below):  # just under the promise at each threshold below .8
        truth[i] = np.clip(0.8995 * (i + 1) - truth[:i].sum(), 0, 0.8995)
    chance = np.where(position % 2, 0.5, 0.25)
    grid = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.55, 0.51)
    bad = {t for t in grid if truth[confidence >= t].mean() < 0.9}
    assert bad == {0.7, 0.6, 0.55, 0.51}
    for run in range(runs):
        suitable = rng.random(2000) < truth
        drawn = rng.random(2000) < chance
        found = choose_threshold(
            confidence[drawn], suitable[drawn], grid=grid, promise=0.9, procedure=procedure,
            keep_probability=chance[drawn], seed=run,
        )  # fmt: skip
        broken += bool(bad & set(found.accepted))
        found_one += found.value is not None
    assert broken <= runs * 0.05 + 2 * math.sqrt(runs * 0.05 * 0.95)
    assert found_one > broken

"""Drift between versions: distances against scipy, false findings counted, pairs against samples."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.calibration.watching._moved import compare_samples
from workbench.calibration.watching.drift import Scoring, drift


def scoring(scores, *, keys, approved=None, groups=None):
    return Scoring(
        approved=[bool(x >= 3) for x in scores] if approved is None else approved,
        scores={"color": list(scores)},
        keys=list(keys),
        groups=groups,
    )


def two_samples(seed, *, n=80, m=120, shift=0.0, decimals=1):
    rng = np.random.default_rng(seed)
    return rng.normal(3, 1, n).round(decimals), (rng.normal(3, 1, m) + shift).round(decimals)


def test_distances_equal_scipy():
    for seed, decimals in ((0, 1), (1, 6)):
        one, two = two_samples(seed, shift=0.3, decimals=decimals)
        moved = compare_samples(one, two, None, level=0.95, seed=0)
        assert moved.ks == pytest.approx(stats.ks_2samp(one, two).statistic, abs=1e-12)
        assert moved.wasserstein.value == pytest.approx(stats.wasserstein_distance(one, two))
        # Without ties the exact distribution is known: 999 shuffles come near it.
        if decimals == 6:
            exact = stats.ks_2samp(one, two, method="exact").pvalue
            assert moved.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 999))
        welch = stats.ttest_ind(two, one, equal_var=False).confidence_interval(0.95)
        assert (moved.change.low, moved.change.high) == pytest.approx((welch.low, welch.high))


def test_pairs_equal_scipy():
    one, two = two_samples(2, n=60, m=60)
    two = one + np.round(two - 2.4, 1)
    moved = compare_samples(one, two, None, paired=True, level=0.95, seed=0)
    assert moved.p_value == pytest.approx(2 * stats.wilcoxon(two - one).pvalue)
    paired = stats.ttest_rel(two, one).confidence_interval(0.95)
    assert (moved.change.low, moved.change.high) == pytest.approx((paired.low, paired.high))


def test_many_distinct_scores_are_counted_at_five_hundred_points():
    one, two = two_samples(3, n=6000, m=5000, shift=0.2, decimals=9)
    moved = compare_samples(one, two, None, level=0.95, seed=0)
    assert moved.ks == pytest.approx(stats.ks_2samp(one, two).statistic, abs=0.004)
    assert moved.wasserstein.value == pytest.approx(stats.wasserstein_distance(one, two), rel=0.02)


def test_stability_index_by_hand():
    """Scores 1 to 4, a quarter each before; after, 1 and 2 have 40% each. Half a row per cell hardly counts."""
    one, two = (
        np.repeat([1.0, 2, 3, 4], 10_000),
        np.repeat([1.0, 2, 3, 4], [16_000, 16_000, 4000, 4000]),
    )
    moved = compare_samples(one, two, None, level=0.95, seed=0)
    hand = 2 * (0.4 - 0.25) * np.log(0.4 / 0.25) + 2 * (0.1 - 0.25) * np.log(0.1 / 0.25)
    assert moved.psi == pytest.approx(hand, rel=1e-3)
    # Its noise is chi-squared of 3 degrees, times 1/n + 1/m (Yurdakul & Naranjo 2020).
    assert moved.psi_noise == pytest.approx(stats.chi2.ppf(0.95, 3) * 2 / 40_000, rel=0.15)


def test_equal_samples_have_no_drift():
    one, _ = two_samples(4)
    moved = compare_samples(one, one.copy(), None, level=0.95, seed=0)
    assert moved.ks == moved.wasserstein.value == moved.wasserstein.low == 0
    assert moved.psi == pytest.approx(0, abs=1e-15)
    assert moved.p_value == 1


def test_without_drift_few_are_found_even_when_products_hang_together():
    """Five photos of a product score alike: shuffled one by one they seem to drift, as products they do not."""
    rng = np.random.default_rng(5)
    alone, together = [], []
    for _ in range(20):
        product = np.repeat(np.arange(30), 5)
        values = np.round(rng.normal(3, 1, 30)[product] + rng.normal(0, 0.1, 150), 1)
        one, two = values[:75], values[75:]
        alone.append(compare_samples(one, two, None, level=0.95, seed=0).p_value < 0.05)
        units = product[:75], product[75:]
        together.append(compare_samples(one, two, units, level=0.95, seed=0).p_value < 0.05)
    assert np.mean(alone) > 0.2
    assert np.mean(together) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 20)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.2, 0.5])
def test_the_distance_of_a_real_shift_is_covered(shift):
    """A shift moves all mass by as much. The smaller one is little beside its noise of .08."""
    held = []
    for seed in range(200):
        one, two = two_samples(seed, n=150, m=150, shift=shift, decimals=2)
        found = compare_samples(one, two, None, level=0.95, seed=seed).wasserstein
        held.append(found.low <= shift <= found.high)
    assert np.mean(held) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 200)


def test_a_drift_is_said_plainly():
    one, two = two_samples(6, n=300, m=400, shift=-0.6)
    found = drift(scoring(one, keys=range(300)), scoring(two, keys=range(1000, 1400)))
    (color,) = found.scores
    assert not found.paired
    assert color.q_value < 0.01
    assert color.psi > color.psi_noise
    assert color.sentence.startswith("color: scores fell by 0.")
    assert color.sentence.endswith("between 300 and 400 items (q = 0.001).")
    assert found.sentence.startswith("The approval rate surely moved: ")
    assert found.change.value == pytest.approx(np.mean(two >= 3) - np.mean(one >= 3))


def test_the_same_items_show_what_two_samples_hide():
    rng = np.random.default_rng(7)
    one = rng.normal(3, 1, 200)
    two = one + rng.normal(0.1, 0.2, 200)
    keys = [str(i) for i in range(200)]
    order = rng.permutation(200)
    pairs = drift(scoring(one, keys=keys), scoring(two[order], keys=[keys[i] for i in order]))
    apart = drift(scoring(one, keys=keys), scoring(two, keys=[f"x{k}" for k in keys]))
    assert pairs.paired
    assert pairs.scores[0].q_value < 1e-6
    assert apart.scores[0].q_value > 0.05
    assert pairs.scores[0].change.value == pytest.approx((two - one).mean())
    assert "on the same 200 items" in pairs.scores[0].sentence
    assert "no drift was seen" in apart.scores[0].sentence
    width = lambda e: e.high - e.low  # noqa: E731
    assert width(pairs.change) < width(apart.change)


@pytest.mark.parametrize(("shared", "paired"), [(1, False), (49, False), (50, True)])
def test_a_few_shared_items_do_not_stand_for_all(shared, paired):
    one, two = two_samples(3, n=100, m=130, shift=-0.8)
    keys = [*range(shared), *range(1000, 1130 - shared)]
    found = drift(scoring(one, keys=range(100)), scoring(two, keys=keys))
    assert found.paired is found.scores[0].paired is paired
    sizes = (found.scores[0].n_before, found.scores[0].n_after)
    assert sizes == ((shared, shared) if paired else (100, 130))
    assert ("as two samples, not in pairs" in found.sentence) is not paired
    if shared == 1:
        assert "Only 1 item is in both sets" in found.sentence
        assert found.scores[0].q_value < 0.01


def test_a_change_of_shape_is_seen_on_the_same_items():
    # Signed ranks alone see nothing here: their p-value is uniform.
    rng = np.random.default_rng(9)
    seen, by_luck = [], []
    for seed in range(24):
        one = rng.normal(3, 0.3, 150)
        noise = rng.normal(0, 0.1, (2, 150))
        if seed < 8:
            wider = compare_samples(
                one, 3 + 2 * (one - 3), None, paired=True, level=0.95, seed=seed
            )
            seen.append(wider.p_value < 0.05)
        alike = compare_samples(
            one + noise[0], one + noise[1], None, paired=True, level=0.95, seed=seed
        )
        by_luck.append(alike.p_value < 0.05)
    assert all(seen)
    assert np.mean(by_luck) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 24)


def test_groups_of_either_side_count_for_the_same_items():
    rng = np.random.default_rng(4)
    one = rng.normal(3, 1, 200)
    two = one + np.repeat(rng.normal(0, 0.5, 10), 20)
    keys, groups = list(map(str, range(200))), [str(i // 20) for i in range(200)]
    both, after, alone = (
        drift(scoring(one, keys=keys, groups=a), scoring(two, keys=keys, groups=b))
        for a, b in ((groups, groups), (None, groups), (None, None))
    )
    assert after == both
    change = both.scores[0].change
    assert change.assumptions == ("groups of items are independent",)
    assert change.high - change.low > 2 * (alone.scores[0].change.high - alone.scores[0].change.low)


def test_newcombe_by_hand():
    """56/70 against 48/80: .2 with [.0524, .3339], Newcombe 1998 (Stat. Med. 17:873), table II, method 10."""
    one = scoring([0] * 80, keys=range(80), approved=[True] * 48 + [False] * 32)
    two = scoring([0] * 70, keys=range(100, 170), approved=[True] * 56 + [False] * 14)
    change = drift(one, two).change
    assert change.value == pytest.approx(0.2)
    assert (change.low, change.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_bad_input_is_refused_in_a_sentence():
    good = scoring([1, 2], keys="ab")
    for message, bad in {
        "'a' is there twice after": scoring([1, 2], keys="aa"),
        "`approved` after wants one": scoring([1, 2], keys="cd", approved=[True]),
        "'color' after want one": scoring([1], keys="cd", approved=[True, True]),
        "infinite": scoring([1, np.inf], keys="cd"),
        "`groups` after wants one": scoring([1, 2], keys="cd", groups=["g"]),
    }.items():
        with pytest.raises(ValueError, match=message):
            drift(good, bad)
    with pytest.raises(ValueError, match="`false_share` lies"):
        drift(good, good, false_share=1)


row = st.tuples(
    st.integers(0, 30),
    st.sampled_from([True, False, None]),
    st.sampled_from([None, 1.0, 2.0, 5.0, float("nan"), 1e-9]),
    st.sampled_from("gh"),
)
side = st.lists(row, max_size=12, unique_by=lambda r: r[0])


@settings(deadline=None, max_examples=60)
@given(side, side, st.booleans(), st.integers(0, 1))
def test_any_two_sets_have_an_answer(one, two, grouped, apart):
    """Nothing, one item, a judge that always abstains, constant scores, shared products: no crash, no NaN."""
    sides = []
    for i, rows in enumerate((one, two)):
        keys, approved, scores, groups = zip(*rows, strict=True) if rows else [()] * 4
        sides.append(
            scoring(
                scores,
                keys=[k + 100 * i * apart for k in keys],
                approved=approved,
                groups=groups if grouped else None,
            )
        )
    found = drift(*sides)
    assert found.sentence
    assert all(score.sentence for score in found.scores)
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_many_pairs_shuffled_in_blocks_tell_what_pairs_shuffled_one_by_one_do(monkeypatch):
    rng = np.random.default_rng(8)
    one = np.round(rng.normal(3, 1, 3000), 1)
    two = one + rng.choice([0, 0.1, -0.1], 3000)
    blocks = compare_samples(one, two, None, paired=True, level=0.95, seed=0)
    monkeypatch.setattr("workbench.calibration.watching._moved._BLOCKS", 10_000)
    alone = compare_samples(one, two, None, paired=True, level=0.95, seed=0)
    assert blocks.psi_noise == pytest.approx(alone.psi_noise, rel=0.25)
    assert blocks.wasserstein.value == alone.wasserstein.value
    assert blocks.wasserstein.high == pytest.approx(alone.wasserstein.high, rel=0.25)

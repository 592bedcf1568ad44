"""One person beside the others: hand-worked values, and intervals that hold what they promise."""

import numpy as np
import pytest

from workbench.calibration import against_others, median_of


def test_agreement_and_lean_by_hand():
    """Items 0 to 3; the others of ada are split on item 3, bo's and cy's means are 1, ½, 0, ½."""
    found = against_others(
        {"ada": [1, 1, 0, 1], "bo": [1, 1, 0, 1], "cy": [1, 0, 0, 0], "di": [None] * 4}
    )
    ada = found["ada"]
    assert (ada.shared, ada.agreement.value, ada.agreement.n) == (4, 1.0, 2), (
        "items 1 and 3 are split"
    )
    assert ada.lean.value == pytest.approx(1 / 4)
    cy = found["cy"]
    assert (cy.agreement.value, cy.lean.value) == (0.5, -0.5)
    assert (found["di"].shared, found["di"].lean.value) == (0, None)
    assert "shares no item" in found["di"].agreement.reason


def test_who_never_differs_gets_no_interval_of_width_zero():
    found = against_others({"ada": [1, 0] * 10, "bo": [1, 0] * 10})["ada"]
    assert (found.lean.value, found.lean.low) == (0.0, None)
    assert found.agreement.low < 1.0


def test_answers_of_one_product_count_together():
    rng = np.random.default_rng(3)
    ada, bo = (rng.random((2, 60)) < 0.7).astype(float)
    alone = against_others({"ada": ada, "bo": bo})["ada"].agreement
    alike = against_others({"ada": ada, "bo": bo}, groups=np.repeat(np.arange(6), 10))["ada"]
    assert alike.agreement.value == alone.value
    assert alike.agreement.high - alike.agreement.low > alone.high - alone.low


def test_lengths_that_differ_are_named():
    with pytest.raises(ValueError, match=r"'ada': 2, 'bo': 1"):
        against_others({"ada": [1, 0], "bo": [1]})
    assert against_others({}) == {}


def test_a_lean_is_held_in_19_of_20_repetitions():
    """Ada approves .15 more often than bo does, on 80 items: 400 repetitions."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(400):
        bo = (rng.random(80) < 0.5).astype(float)
        ada = np.where(rng.random(80) < 0.3, 1.0, bo)  # half of those were 0
        lean = against_others({"ada": ada, "bo": bo}, seed=seed)["ada"].lean
        held += lean.low <= 0.15 <= lean.high
    assert 0.92 <= held / 400 <= 0.98, held


def test_a_median_with_the_interval_of_order_statistics():
    """Of 7 numbers the extremes bound the median with 1 − 2/2^7 = .984; of 5 with .9375: too little."""
    found = median_of([3, 5, 2, None, 8, 13, 4, 7.5])
    assert (found.value, found.low, found.high, found.n) == (5.0, 2.0, 13.0, 7)
    few = median_of([1, 2, 3, 4, 5])
    assert (few.value, few.low) == (3.0, None)
    assert "too few" in few.reason
    assert median_of([None]).reason == "none was measured"
    with pytest.raises(ValueError, match="infinite"):
        median_of([float("inf")])

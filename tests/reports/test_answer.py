"""The sentence above all others is the record's numbers, or what is missing for them."""

import dataclasses

from reports.answer import answer_of
from workbench.calibration import calibrate_arrays


def judged(right, of, *, answered=True):
    """`of` approvals, `right` of them suitable, and as many rejections that nobody answered."""
    return calibrate_arrays(
        approved=[True] * of + [False] * of,
        inclusion_probability=[1.0 if answered else None] * of + [None] * of,
        answer=[i < right if answered else None for i in range(of)] + [None] * of,
        slices={"category": (["mugs"] * (of // 2) + ["bags"] * (of // 2)) * 2},
    )


def test_it_counts_in_hundreds():
    found = judged(82, 100)
    low = found.rates.precision.low
    assert answer_of(found).startswith(
        f"Of 100 approvals about 82 are right, at least {int(100 * low)}."
    )


def test_it_names_what_stands_out():
    assert "in category “bags” about 64 of 100 approvals are right." in answer_of(judged(82, 100))
    assert "problem" not in answer_of(judged(100, 100))


def test_it_says_what_is_missing():
    assert "people have to answer" in answer_of(judged(0, 40, answered=False))
    found = judged(30, 40)
    nothing = dataclasses.replace(found.counts, approved=0)
    assert "approved nothing" in answer_of(dataclasses.replace(found, counts=nothing))
    precision = dataclasses.replace(found.rates.precision, low=None, high=None, reason="one group")
    rates = dataclasses.replace(found.rates, precision=precision)
    assert answer_of(dataclasses.replace(found, rates=rates)).endswith("needs more answers.")

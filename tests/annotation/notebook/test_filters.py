"""Filters and search find the rows that hold what was asked for, whatever a column looks like."""

import pandas as pd

from annotation.notebook._filters import MISSING, fitting

CATEGORIES = [f"category {number}" for number in range(60)]
"""More than a column shows as chips."""


def frame() -> pd.DataFrame:
    rows = len(CATEGORIES)
    return pd.DataFrame(
        {
            "key": [f"{row:064x}" for row in range(rows)],
            "category": CATEGORIES,
            "title": [None, "İstanbul Çanta", *["A (red) mug"] * (rows - 2)],
            "aspects": [{"Color": ("red",)}] * rows,
            "attempt": [row % 3 for row in range(rows)],
            "judge": [None, *["approved"] * (rows - 1)],
            "judge named": [("blurred",) if row == 5 else () for row in range(rows)],
        }
    )


def found(filters: dict, search: str = "") -> list[int]:
    return fitting(frame(), filters, search).nonzero()[0].tolist()


def test_one_of_more_values_than_chips():
    assert found({"category": ["category 41"]}) == [41]
    assert found({"category": ["category"]}) == []


def test_missing_values():
    assert found({"judge": [MISSING]}) == [0]
    assert found({"judge": [MISSING, "approved"]}) == list(range(60))
    assert found({"judge named": ["blurred"]}) == [5]
    assert len(found({"judge named": [MISSING]})) == 59


def test_numbers_by_value_and_by_range():
    assert found({"attempt": ["2"]})[:2] == [2, 5]
    assert found({"attempt": {"low": 1, "high": 1}})[:2] == [1, 4]


def test_search_takes_words_as_they_are():
    assert len(found({}, "(RED) mug")) == 58
    assert found({}, "çanta") == [1]
    assert found({}, "r.d") == []
    assert found({}, "mug çanta") == []

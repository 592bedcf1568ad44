"""The filters of a view, in Python: the same rows as the front end shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from annotation.notebook._columns import column_of, columns_of

if TYPE_CHECKING:
    import pandas as pd

MISSING = None
"""What stands for a missing value among the values of a filter."""


def fitting(frame: pd.DataFrame, filters: Mapping[str, Any], search: str) -> np.ndarray[Any, Any]:
    """Which rows fit all filters and the search, shape (rows,), booleans.

    Args:
        frame: Of a view.
        filters: Column to the values of which one fits (a list), or to the least and greatest number (a mapping
            with `low` and `high`), both included.
        search: Words of which each has to be in some text of the row; case does not count.

    Raises:
        ValueError: A column is not there.
    """
    kept = np.ones(len(frame), dtype=bool)
    for name, wanted in filters.items():
        kept &= _fits(frame, name, wanted)
    words = search.lower().split()
    if words:
        texts = [_lowered(frame[c.name]) for c in columns_of(frame) if c.kind == "text"]
        for word in words:
            there = np.zeros(len(frame), dtype=bool)
            for text in texts:
                there |= text.str.contains(word, regex=False).to_numpy(dtype=bool)
            kept &= there
    return kept


def _lowered(values: pd.Series[Any]) -> pd.Series[str]:
    """Texts in small letters; empty where there is none."""
    import pandas as pd

    if not isinstance(values.dtype, pd.StringDtype):
        texts = [one if isinstance(one, str) else "" for one in values]
        values = pd.Series(texts, dtype="str")
    return values.fillna("").str.lower()


def _fits(
    frame: pd.DataFrame, name: str, wanted: Mapping[str, float] | Sequence[str | None]
) -> np.ndarray[Any, Any]:
    column = column_of(frame, name)
    if column is None:
        known = ", ".join(repr(c.name) for c in columns_of(frame))
        raise ValueError(f"there is no column {name!r} to filter by; there are: {known}")
    values = frame[name]
    if isinstance(wanted, Mapping):
        # As the front end holds them, so that both find the same rows at a bound.
        numbers = values.to_numpy(dtype="<f4", na_value=np.nan)
        low, high = np.float32(wanted["low"]), np.float32(wanted["high"])
        found: np.ndarray[Any, Any] = (numbers >= low) & (numbers <= high)
        return found
    chosen = set(wanted)
    if column.kind == "names":
        return np.array([_names(row, chosen) for row in values], dtype=bool)
    there = values.notna().to_numpy()
    found = there & values.astype("str").isin([one for one in chosen if one]).to_numpy()
    return found | ~there if MISSING in chosen else found


def _names(row: object, chosen: set[Any]) -> bool:
    names = set(row) if isinstance(row, tuple | list | set | frozenset) else set()
    return bool(names & chosen) or (MISSING in chosen and not names)


def read_filters(frame: pd.DataFrame, given: Mapping[str, object]) -> dict[str, Any]:
    """Filters as `View.filter` takes them, as a view keeps them; None takes a filter away.

    Raises:
        ValueError: A column is not there or cannot be filtered by, or the value does not fit it.
    """
    columns = {column.name: column for column in columns_of(frame)}
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in columns or columns[name].kind == "text":
            known = ", ".join(repr(c.name) for c in columns.values() if c.kind != "text")
            raise ValueError(f"{name!r} is no column to filter by; there are: {known}")
        column = columns[name]
        if value is None:
            read[name] = None
        elif column.kind == "number":
            if not (isinstance(value, Sequence) and len(value) == 2):
                raise ValueError(
                    f"{name!r} holds numbers: want the least and the greatest, such as (0.2, 0.8), got {value!r}"
                )
            read[name] = {"low": float(value[0]), "high": float(value[1])}
        else:
            several = [value] if isinstance(value, str | bool | int) else list(value)  # type: ignore[call-overload]
            wanted = [one if one is MISSING else str(one) for one in several]
            unknown = [one for one in wanted if one is not MISSING and one not in column.values]
            if unknown:
                raise ValueError(
                    f"{name!r} holds {', '.join(map(repr, column.values))}, got {unknown[0]!r}"
                )
            read[name] = wanted
    return read

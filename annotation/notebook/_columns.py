"""A frame as the front end reads it: what each column is, and its values as packed bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

FEW = 40
"""Most distinct values with which a column is shown as chips."""
_SAID = ("title", "aspects", "note", "text", "description")
"""Columns that are searched, whatever they hold."""
_NOT_FILTERED = {
    "key",
    "image",
    "embedding",
    "x",
    "y",
    "parent",
    "prompt",
    "approved",
    "answer",
    "failure_modes",
}
"""Columns that are shown in other ways than as a filter."""

_SEVERAL = (tuple, list, set, frozenset)
_DIGITS = 8
"""Most distinct whole numbers that are shown as chips."""
_BITS = 32
"""Names of a column that are told apart, the most frequent ones."""

Kind = Literal["chips", "names", "number", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, told apart by what it holds.

    `chips`: one of few values; `names`: any number of few names; `number`: numbers, NaN where missing;
    `text`: words to search.
    """

    name: str
    kind: Kind
    values: tuple[str, ...] = ()
    """Of `chips` and `names`, in the order in which they are shown; empty otherwise."""


def packed(frame: pd.DataFrame) -> tuple[dict[str, Any], list[bytes]]:
    """The frame for the front end: a description in JSON's types, and a buffer per column, in its order.

    `chips` are one byte a row (255: missing), `names` four bytes (a bit for each of at most 32), `number`s four
    bytes (float32), `text` is JSON. The last buffer holds the keys, as JSON.
    """
    columns: list[dict[str, Any]] = []
    buffers: list[bytes] = []
    for column in columns_of(frame):
        values = frame[column.name]
        columns.append({"name": column.name, "kind": column.kind, "values": list(column.values)})
        buffers.append(_bytes(column, values))
    buffers.append(_json([str(key) for key in frame["key"]]))
    return {"rows": len(frame), "columns": columns}, buffers


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """What can be filtered by, searched or drawn, in the frame's order; what is neither is left out."""
    found = [column_of(frame, str(name)) for name in frame.columns]
    return [column for column in found if column is not None]


def column_of(frame: pd.DataFrame, name: str) -> Column | None:
    """What a column holds; None where it is not there, or is neither filtered by, searched nor drawn."""
    if name in _NOT_FILTERED or name not in frame.columns:
        return None
    return _column(name, frame[name])


def _column(name: str, values: pd.Series[Any]) -> Column | None:
    import pandas as pd

    there = values.dropna()
    if name in _SAID:
        return Column(name=name, kind="text")
    if there.empty:
        return None
    if pd.api.types.is_bool_dtype(there):
        return Column(name=name, kind="chips", values=("True", "False"))
    if pd.api.types.is_numeric_dtype(there):
        few = sorted(set(there.tolist()))
        short = pd.api.types.is_integer_dtype(there) and len(few) <= _DIGITS
        return Column(
            name=name,
            kind="chips" if short else "number",
            values=tuple(map(str, few)) if short else (),
        )
    return _names(name, there) if isinstance(there.iloc[0], _SEVERAL) else _words(name, there)


def _words(name: str, there: pd.Series[Any]) -> Column | None:
    if not isinstance(there.iloc[0], str):
        return None
    counts = there.astype(str).value_counts()
    few = len(counts) <= FEW
    values = tuple(str(one) for one in counts.index) if few else ()
    return Column(name=name, kind="chips" if few else "text", values=values)


def _names(name: str, there: pd.Series[Any]) -> Column | None:
    import pandas as pd

    named = [one for row in there for one in row]
    if not named or not all(isinstance(one, str) for one in named):
        return None
    common = pd.Series(named, dtype="str").value_counts().index[:_BITS]
    return Column(name=name, kind="names", values=tuple(str(one) for one in common))


def codes_of(column: Column, values: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Which of the column's values each row holds, shape (rows,); 255 where it is missing."""
    place = {name: number for number, name in enumerate(column.values)}
    return np.array(
        [place.get(_text(value), 255) for value in values.to_numpy(dtype=object)], dtype=np.uint8
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _bytes(column: Column, values: pd.Series[Any]) -> bytes:
    if column.kind == "chips":
        return codes_of(column, values).tobytes()
    if column.kind == "names":
        bit = {name: 1 << number for number, name in enumerate(column.values)}
        marks = [_marks(row, bit) for row in values]
        return np.array(marks, dtype="<u4").tobytes()
    if column.kind == "number":
        return values.to_numpy(dtype="<f4", na_value=np.nan).tobytes()
    return _json([value if isinstance(value, str) else "" for value in values])


def _marks(row: object, bit: dict[str, int]) -> int:
    names: Sequence[Any] = list(row) if isinstance(row, _SEVERAL) else ()
    return sum(bit.get(name, 0) for name in set(names))


def _json(values: list[str]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()

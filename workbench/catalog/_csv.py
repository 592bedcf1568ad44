"""CSV rows with the line on which each starts, and a `Problem` for a row that is broken."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.records import Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    number: int
    """Line on which it starts, the header being line 1; in Parquet the record, counted from 1."""
    cells: dict[str, Any]
    """Column to value. A CSV gives text without white space around it, and no empty cells."""

    def __getitem__(self, column: str) -> str:
        return str(self.cells.get(column, ""))


def csv_rows(
    lines: Iterable[str],
    *,
    source: str,
    delimiter: str = ",",
    columns: frozenset[str] | None = None,
) -> Iterator[Row | Problem]:
    """Read rows under a header, keeping `columns` (None: all) and skipping empty lines.

    A row with more or fewer cells than the header, or that `csv` refuses, becomes a `Problem`.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    header: list[str] | None = None
    kept: list[tuple[int, str]] = []
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(
                source=source,
                row=start,
                reason=f"lines {start} to {reader.line_num} are no CSV ({error}); left out",
            )
            continue
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            kept = [(i, c) for i, c in enumerate(header) if columns is None or c in columns]
            continue
        if len(cells) != len(header):
            until = f" (the row runs to line {reader.line_num})" if reader.line_num > start else ""
            yield Problem(
                source=source,
                row=start,
                reason=f"want {len(header)} cells as in the header, got {len(cells)}{until}; left out",
            )
            continue
        yield Row(start, {column: text for i, column in kept if (text := cells[i].strip())})

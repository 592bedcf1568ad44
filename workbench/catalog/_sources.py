"""Rows of CSV, JSON lines and Parquet files, read as a stream."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, cast

from workbench.catalog._cells import shown
from workbench.catalog._csv import Row, csv_rows
from workbench.errors import CatalogError
from workbench.records import Problem

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_BLOCK = 1 << 20
_SAMPLE = 1 << 16
_BATCH = 4096
"""Rows of Parquet that are in memory at once."""

CSV_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson")
PARQUET_ENDINGS = (".parquet", ".pq")


class Source:
    """One table, opened to learn its form; its rows are read by `rows`, any number of times.

    Args:
        path: CSV, JSON lines (either may be gzipped) or Parquet, told by its ending.
        delimiter: Between the cells of a CSV; None: found out from its first lines.
        label: What problems call the file; None: its path.

    Raises:
        CatalogError: The file is not there, cannot be read, has another ending or a column twice.
    """

    def __init__(
        self, path: Path, *, delimiter: str | None = None, label: str | None = None
    ) -> None:
        self.path = path
        self._label = label or str(path)
        self._kind = ending(path)
        self._problem: Problem | None = None
        self.columns: tuple[str, ...] | None = None
        """Names of the columns; None for JSON lines, whose rows need not agree."""
        with _refusals(path):
            if self._kind in PARQUET_ENDINGS:
                self.columns = tuple(_parquet(path).schema_arrow.names)
                return
            self._encoding, self._problem = _encoding(path, self._label)
            if self._kind in CSV_ENDINGS:
                found = "\t" if self._kind == ".tsv" else _delimiter(path, self._encoding)
                self._delimiter = delimiter or found
                with self._lines() as lines:
                    rows = csv.reader(lines, delimiter=self._delimiter)
                    header = next((row for row in rows if row), [])
                self.columns = tuple(name.strip() for name in header)
        for name in self.columns or ():
            if name and self.columns and self.columns.count(name) > 1:
                raise CatalogError(f"{str(path)!r} has two columns {name!r}; rename one")

    def rows(self, columns: frozenset[str] | None = None) -> Iterator[Row | Problem]:
        """Rows with their places, a `Problem` for each that is broken; only `columns`, None: all.

        Raises:
            CatalogError: The file cannot be read to its end.
        """
        if self._problem is not None:
            yield self._problem
        with _refusals(self.path):
            if self._kind in PARQUET_ENDINGS:
                yield from _parquet_rows(self.path, columns)
                return
            with self._lines() as lines:
                if self._kind in JSON_ENDINGS:
                    yield from _json_rows(lines, self._label)
                else:
                    yield from csv_rows(
                        lines, source=self._label, delimiter=self._delimiter, columns=columns
                    )

    @contextmanager
    def _lines(self) -> Iterator[io.TextIOWrapper]:
        with (
            _opened(self.path) as data,
            io.TextIOWrapper(data, encoding=self._encoding, newline="") as lines,
        ):
            yield lines


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        raise CatalogError(f"cannot read {str(path)!r}: {error}") from error


def ending(path: Path) -> str:
    """The ending that tells the format, such as `.csv` for `items.csv.gz`.

    Raises:
        CatalogError: It tells none.
    """
    name = path.name.lower()
    plain = name.removesuffix(".gz")
    known: list[str] = [*CSV_ENDINGS, *JSON_ENDINGS, *(PARQUET_ENDINGS if plain == name else ())]
    for each in known:
        if plain.endswith(each):
            return each
    raise CatalogError(f"want a table that ends in {', '.join(known)}, got {str(path)!r}")


def _opened(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _encoding(path: Path, label: str) -> tuple[str, Problem | None]:
    """UTF-8 (with or without a mark), UTF-16 with one, else Latin-1 and a report of where it starts."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with _opened(path) as data:
        block = data.read(_BLOCK)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", None
        while True:
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                byte = error.object[error.start]
                reason = f"want UTF-8, got byte 0x{byte:02x}; the whole file is read as Latin-1"
                return "latin-1", Problem(source=label, row=line, reason=reason)
            if not block:
                return "utf-8-sig", None
            line += block.count(b"\n")
            block = data.read(_BLOCK)


def _delimiter(path: Path, encoding: str) -> str:
    """The sign that splits the first lines into the most cells, the same number in most lines."""
    with _opened(path) as data, io.TextIOWrapper(data, encoding=encoding, newline="") as lines:
        sample = lines.read(_SAMPLE)
    best, best_score = ",", (0.0, 0)
    for sign in ",;\t|":
        try:
            rows = [
                row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=sign) if row
            ]
        except csv.Error:
            continue
        if len(sample) == _SAMPLE and len(rows) > 1:
            rows.pop()  # cut off
        width = len(rows[0]) if rows else 0
        score = (sum(len(row) == width for row in rows) / max(1, len(rows)), width)
        if width > 1 and score > best_score:
            best, best_score = sign, score
    return best


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _json_rows(lines: Iterable[str], source: str) -> Iterator[Row | Problem]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            reason = f"want a JSON object on one line, got {shown(line)} ({error}); left out"
            yield Problem(source=source, row=number, reason=reason)
            continue
        if not isinstance(cells, dict):
            reason = f"want a JSON object on one line, got {shown(line)}; left out"
            yield Problem(source=source, row=number, reason=reason)
            continue
        yield Row(number, cells)


def _parquet(path: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise CatalogError(f"{str(path)!r} is no Parquet file: {error}") from error


def _parquet_rows(path: Path, columns: frozenset[str] | None) -> Iterator[Row | Problem]:
    file = _parquet(path)
    names = [n for n in file.schema_arrow.names if columns is None or n in columns]
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=names):
        for cells in batch.to_pylist():
            number += 1
            yield Row(number, cells)

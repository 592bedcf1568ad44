"""What pages are made of: figures with their numbers, tables, and sections of both under sentences."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from reports.rendering import number
from workbench.figures import to_svg
from workbench.metrics.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = tuple[Sequence[str], Sequence[Sequence[object]]]
"""Names of columns, and rows: what is drawn, as CSV."""
Tile = tuple[str, str, str]
"""Label, value and detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure on a page."""

    title: str
    svg: Markup
    caption: str
    csv: str
    """A data URL with the numbers that are drawn."""
    file: str
    """The name under which they are saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under names; the first column says what a row is about."""

    names: Sequence[str]
    rows: Sequence[Sequence[Estimate | str]]
    """Of each cell an estimate, which is shown with its interval, or words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section."""

    id: str
    title: str
    sentences: Sequence[str] = ()
    figures: Sequence[Drawn] = ()
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()
    """A list, after everything else."""
    pictures: Sequence[tuple[str, str, str]] = ()
    """Data URL, what is on it, and the words below it."""


def drawn(title: str, plot: Figure, numbers: Numbers, *, caption: str = "") -> Drawn:
    """A plot with its numbers beside it."""
    return Drawn(
        title=title,
        svg=Markup(to_svg(plot, title=title)),  # noqa: S704 - text in it is escaped
        caption=caption,
        csv=as_csv(numbers),
        file=f"{title.lower().replace(' ', '-')}.csv",
    )


def as_csv(numbers: Numbers) -> str:
    """A data URL with the numbers as CSV; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(numbers[0])
    writer.writerows([["" if cell is None else cell for cell in row] for row in numbers[1]])
    return f"data:text/csv;base64,{base64.b64encode(out.getvalue().encode()).decode()}"


def estimates(first: str, rows: Iterable[tuple[object, Estimate]]) -> Numbers:
    """Estimates as CSV, their names under `first`."""
    return (
        (first, "value", "low", "high", "level", "n", "method", "reason"),
        [(name, e.value, e.low, e.high, e.level, e.n, e.method, e.reason) for name, e in rows],
    )


def tile(label: str, e: Estimate) -> Tile:
    """An estimate as a tile: its value, and below it the interval, or why there is none."""
    if e.value is None:
        return label, "—", e.reason or ""
    if e.low is None or e.high is None:
        return label, number(e.value, 2), e.reason or ""
    return (
        label,
        number(e.value, 2),
        f"{number(e.low, 2)} to {number(e.high, 2)}, n\u00a0=\u00a0{e.n:,}",
    )

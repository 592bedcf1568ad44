"""The judged population with its audit, checked once, as arrays that every estimate reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """N items that the judge decided, and what people said of those drawn. Abstentions are not in it."""

    rows: Codes
    """Shape (N,): position of each item in the arrays that came in."""
    approved: Bools
    """Shape (N,): the judge's answer."""
    answered: Bools
    """Shape (N,): True where a person was drawn and answered."""
    suitable: Bools
    """Shape (N,): the person's answer; False where there is none."""
    inclusion: Floats
    """Shape (N,): probability with which the item was drawn; NaN where it was not."""
    cells: Codes
    """Shape (N,): verdict × stratum, numbered; even numbers are rejections, odd ones approvals."""
    clusters: Codes | None
    """Shape (N,): items that belong together share a number; None where all stand alone."""

    @property
    def weights(self) -> Floats:
        """Items that each answer stands for, shape (N,): 1 / inclusion, scaled to each cell's true size.

        0 without an answer. The scaling gives the weight of drawn items that nobody answered to
        their neighbours in the cell (weighting-class adjustment; Särndal & Lundström 2005).
        """
        weights = np.zeros(self.approved.size)
        weights[self.answered] = 1 / self.inclusion[self.answered]
        count = int(self.cells.max(initial=-1)) + 1
        totals = np.bincount(self.cells, weights=weights, minlength=count)
        sizes = np.bincount(self.cells, minlength=count)
        scale = np.divide(sizes, totals, out=np.zeros(count), where=totals > 0)
        scaled: Floats = weights * scale[self.cells]
        return scaled

    def subset(self, keep: Bools | Codes) -> Sample:
        """Return the items where `keep`, shape (N,), is True (or at these positions), as a population.

        Its clusters are numbered anew.
        """
        return Sample(
            rows=self.rows[keep],
            approved=self.approved[keep],
            answered=self.answered[keep],
            suitable=self.suitable[keep],
            inclusion=self.inclusion[keep],
            cells=self.cells[keep],
            clusters=None if self.clusters is None else _numbered(self.clusters[keep]),
        )


def read_sample(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
) -> Sample:
    """Check what came and leave out the items that the judge did not decide.

    Args:
        approved: Length N; None where the judge abstained.
        inclusion_probability: Length N, over 0 and up to 1; None (or NaN) where the item was not drawn.
        answer: Length N, whether people find it suitable; None where nobody was asked or nobody answered.
        stratum: Length N, the audit's stratum of every item, drawn or not; None: one stratum per verdict.
        cluster: Length N, such as the parent product; None: items are independent.

    Raises:
        ValueError: Lengths differ, a probability is out of range, or an item was answered but not drawn.
    """
    n = len(approved)
    for name, values in (
        ("inclusion_probability", inclusion_probability),
        ("answer", answer),
        ("stratum", stratum),
        ("cluster", cluster),
    ):
        if values is not None and len(values) != n:
            raise ValueError(
                f"`{name}` wants one value for each of {n} verdicts, got {len(values)}"
            )
    verdict = tristate(approved, "approved")
    said = tristate(answer, "answer")
    inclusion = as_floats(inclusion_probability)
    drawn = ~np.isnan(inclusion)
    wrong = np.flatnonzero(drawn & ~((inclusion > 0) & (inclusion <= 1)))
    if wrong.size:
        raise ValueError(
            "an inclusion probability lies over 0 and up to 1 (None where not drawn), "
            f"got {float(inclusion[wrong[0]])!r} in row {int(wrong[0])}"
        )
    stray = np.flatnonzero((said >= 0) & ~drawn)
    if stray.size:
        raise ValueError(
            f"row {int(stray[0])} has an answer but no inclusion probability: an answer can only be "
            "weighted if it is known how likely its item was to be drawn; pass the audit's probability"
        )
    rows = np.flatnonzero(verdict >= 0)
    strata = np.zeros(n, dtype=np.intp) if stratum is None else codes_of(stratum)
    return Sample(
        rows=rows,
        approved=verdict[rows] == 1,
        answered=said[rows] >= 0,
        suitable=said[rows] == 1,
        inclusion=inclusion[rows],
        cells=2 * strata[rows] + verdict[rows],
        clusters=None if cluster is None else clusters_of([cluster[row] for row in rows]),
    )


def tristate(values: Sequence[bool | None], name: str) -> npt.NDArray[np.int8]:
    """True, False and None as 1, 0 and −1.

    Raises:
        ValueError: Something else came.
    """
    array = np.asarray(values)
    if array.dtype == bool:
        return array.astype(np.int8)
    known = {True: 1, False: 0, None: -1}
    out = np.empty(len(values), dtype=np.int8)
    for i, value in enumerate(values):
        if value is not None and not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"`{name}` holds True, False or None, got {value!r} in row {i}")
        out[i] = known[value if value is None else bool(value)]
    return out


def as_floats(values: Sequence[float | None]) -> Floats:
    """Numbers as an array, None as NaN."""
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([np.nan if x is None else x for x in values])
    floats: Floats = array.astype(float)
    return floats


def codes_of(labels: Sequence[str]) -> Codes:
    """Number the distinct labels: code per row."""
    return named_codes(labels)[1]


def named_codes(labels: Sequence[str]) -> tuple[list[str], Codes]:
    """The distinct labels in order, and which of them each row has.

    Not by an array of text, whose every row is as long as the longest label.
    """
    known: dict[str, int] = {}
    first = np.fromiter(
        (known.setdefault(str(label), len(known)) for label in labels), np.intp, len(labels)
    )
    names = sorted(known)
    place = np.empty(len(names), dtype=np.intp)
    place[[known[name] for name in names]] = np.arange(len(names))
    return names, place[first]


def clusters_of(labels: Sequence[str]) -> Codes | None:
    """Number what belongs together; None where every item is a cluster of its own: all are independent."""
    codes = codes_of(labels)
    return None if int(codes.max(initial=-1)) + 1 == codes.size else codes


def _numbered(labels: npt.NDArray[Any]) -> Codes:
    codes: Codes = np.unique(labels, return_inverse=True)[1].astype(np.intp)
    return codes

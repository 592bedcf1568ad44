"""Approval thresholds with a promise on precision, or the plain answer that none qualifies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from workbench.calibration._sample import Bools, Floats
from workbench.calibration.confidence._trials import (
    Hope,
    Procedure,
    accepted,
    check_promise,
    read_labels,
    what_it_takes,
)
from workbench.metrics.estimate import Estimate

METHODS: Mapping[Procedure, str] = {
    "fixed sequence": "Learn then test: exact binomial tail, fixed sequence from strict to loose",
    "holm": "Learn then test: exact binomial tail, Bonferroni–Holm over the grid",
}
_MOST_VECTORS = (
    20_000  # of one threshold per criterion: Holm's price for more is a promise of nothing
)
_LOOKED_AT = 1_000  # confidences tried to say what is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A confidence from which on approvals keep a promise, with the labels that back it."""

    value: float | None
    """Approve where confidence is at least this; None where no threshold qualifies."""
    promise: float
    """Share of approvals that are suitable, at least; between 0 and 1."""
    failure_probability: float
    """Accepted chance that the promise is false, over draws of the labelled items."""
    kept: int
    """Labelled items that the test counts at or above the threshold, after thinning (where none
    qualifies: at the one where the test stopped)."""
    suitable: int
    """Those of them that are suitable by their answer."""
    p_value: float | None
    """Of the exact test at the threshold; None where no labelled item lies above it."""
    labels_needed: int | None
    """Where none qualifies: new labels to choose by that pass in 4 of 5 audits, if what was seen holds.
    None where a threshold qualifies, where no number of labels would help, or where fewer than ten labels
    lie above each that may do: `reason` says which."""
    reason: str | None
    """Why none qualifies; None where one does."""
    method: str
    assumptions: tuple[str, ...]
    accepted: tuple[float, ...] = ()
    """Every threshold of the grid that keeps the promise, strict to loose; `value` is the strictest of
    those that approve most labels."""
    approved_share: float | None = None
    """Share of all judged items at or above the threshold; None where it was not counted."""
    held_out: Estimate | None = None
    """Precision at the threshold on labels that took no part in choosing it; None without any."""


def choose_threshold(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    grid: Sequence[float],
    promise: float,
    failure_probability: float = 0.05,
    procedure: Procedure = "fixed sequence",
    keep_probability: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Threshold:
    """Find the lowest confidence from which on approvals are suitable at least `promise` of the time.

    Tests each threshold of `grid` with the exact binomial tail. The fixed sequence goes from strict to
    loose and stops at the first that fails; Holm takes the smallest p-values first. With probability at
    least 1 − `failure_probability` the promise then holds, for items drawn like the labelled ones and no
    others. Of thresholds that keep the same labels the strictest is returned, since no label speaks for
    the gap between them. Precision need not rise with the threshold: nothing here assumes it does.

    In a fixed sequence a threshold above which so few labels lie that even all suitable ones could not
    pass is no test: it cannot qualify, and the sequence goes on behind it if they are all suitable. On
    one grid a promise that is kept therefore implies every smaller one: all tests that it passed are
    easier for those.

    Args:
        confidence: Shape (n,), the judge's, 0 to 1, one per labelled item.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        grid: Thresholds, strictly descending, chosen before `suitable` is looked at; for promises to
            be comparable it does not depend on `promise`.
        promise: Precision to be promised, between 0 and 1.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        procedure: `fixed sequence`, or `holm`, which finds thresholds behind a strict end that fails
            but asks more of each the longer the grid is.
        keep_probability: Shape (n,), the audit's inclusion probabilities. Where they differ above a
            threshold, labels that were likelier drawn are thinned at random (by `seed`) until all
            were equally likely, since the binomial test wants equal chances.
        groups: Shape (n,), labels of items that belong together. Counts are then divided by the
            design effect, and by what is unsure of it: the test is approximate. Below 30 clusters
            above a threshold one item of each is drawn at most, larger clusters likelier, and the
            test is exact again; it takes more clusters than such items would take labels to pass.
        seed: Of the thinning.

    Raises:
        ValueError: A shape or range is wrong, or `grid` does not descend.

    Source: Angelopoulos et al. 2021, "Learn then test", arXiv:2110.01052; Holm 1979, Scand. J. Stat. 6:65.
    """
    scores, hits = np.asarray(confidence, dtype=float), np.asarray(suitable, dtype=bool)
    if scores.ndim != 1 or scores.shape != hits.shape:
        raise ValueError(f"want two (n,) arrays, got {scores.shape=} and {hits.shape=}")
    if not np.all((scores >= 0) & (scores <= 1)):  # NaN fails this too
        raise ValueError("`confidence` must lie between 0 and 1; leave out items without one")
    check_promise(promise, failure_probability, procedure)
    if not grid or list(grid) != sorted(set(grid), reverse=True):
        raise ValueError(f"`grid` must be strictly descending and not empty, got {list(grid)}")
    labels = read_labels(
        hits, keep_probability=keep_probability, groups=groups,
        failure_probability=failure_probability, seed=seed,
    )  # fmt: skip

    trials = [labels.trial(scores >= value, promise) for value in grid]
    passed, stopped = accepted(trials, procedure, failure_probability)
    # The one that approves most labels; of equals the strictest, which comes first.
    chosen = max(passed, key=lambda i: trials[i].above, default=None)
    shown = trials[stopped if chosen is None else chosen]
    needed: int | None = None
    reason: str | None = None
    if chosen is None:
        # Confidences that occur, not the grid alone: the best may lie off it.
        values = np.unique(scores)
        if values.size > _LOOKED_AT:
            values = np.unique(np.quantile(scores, np.linspace(0, 1, _LOOKED_AT), method="lower"))
        needed, reason = what_it_takes(
            [Hope(trial=labels.trial(scores >= v, promise), name=f"{v:.3g}") for v in values],
            Hope(trial=shown, name=f"{grid[stopped]:.3g}"),
            total=scores.size,
            promise=promise,
            failure_probability=failure_probability,
            tests=1 if procedure == "fixed sequence" else len(trials),
        )
    return Threshold(
        value=None if chosen is None else grid[chosen],
        promise=promise,
        failure_probability=failure_probability,
        kept=shown.kept,
        suitable=shown.suitable,
        p_value=shown.p_value,
        labels_needed=needed,
        reason=reason,
        method=METHODS[procedure],
        assumptions=labels.words(),
        accepted=tuple(grid[i] for i in passed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """One threshold per criterion that together keep a promise, with the labels that back them."""

    criteria: tuple[str, ...]
    values: tuple[float, ...] | None
    """In the order of `criteria`: approve where each criterion's confidence is at least this. Of those
    accepted the ones that approve most; None where none qualify."""
    accepted: tuple[tuple[float, ...], ...]
    """All vectors that keep the promise, all of them together with 1 − `failure_probability`."""
    tried: int
    """Vectors that were tested or stood in line."""
    promise: float
    failure_probability: float
    kept: int
    """Labelled items that the test counts as approved, after thinning (where none qualifies: at the
    vector where the test stopped)."""
    suitable: int
    p_value: float | None
    """Of the exact test at `values`; None where it approves no labelled item."""
    labels_needed: int | None
    """Where none qualifies: new labels to choose by that pass in 4 of 5 audits, if what was seen holds.
    None where a vector qualifies, where no number of labels would help, or where fewer than ten labels
    lie above each that may do: `reason` says which."""
    reason: str | None
    """Why none qualifies; None where one does."""
    method: str
    assumptions: tuple[str, ...]
    approved_share: float | None = None
    """Share of all judged items that `values` approve; None where it was not counted."""
    held_out: Estimate | None = None
    """Precision at `values` on labels that took no part in choosing them; None without any."""


def choose_thresholds(
    confidence: Mapping[str, npt.ArrayLike],
    suitable: npt.ArrayLike,
    *,
    grid: Mapping[str, Sequence[float]],
    promise: float,
    failure_probability: float = 0.05,
    procedure: Procedure = "holm",
    population: Mapping[str, npt.ArrayLike] | None = None,
    keep_probability: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Thresholds:
    """Find a threshold for each criterion so that what passes all is suitable at least `promise` of the time.

    `holm` tests every combination of the grids' thresholds, so keep them coarse: with 8 steps of three
    criteria, 512, the first has to reach `failure_probability` / 512. `fixed sequence` walks from all
    at their strictest to all at their loosest, each criterion the same share of its grid at a time.
    With probability at least 1 − `failure_probability` every accepted vector keeps the promise, so the
    one that approves most may be picked.

    Args:
        confidence: Criterion to shape (n,), 0 to 1, one per labelled item.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        grid: Criterion to thresholds, strictly descending, chosen before `suitable` is looked at.
        promise: Precision to be promised, between 0 and 1.
        failure_probability: Accepted chance that any accepted vector breaks the promise, between 0 and 1.
        procedure: `holm` or `fixed sequence`.
        population: Criterion to shape (N,) of all judged items, which say how many a vector approves;
            None: the labelled ones do, by 1 / `keep_probability`, and `approved_share` is None.
        keep_probability: Shape (n,), as for `choose_threshold`.
        groups: Shape (n,), as for `choose_threshold`.
        seed: Of the thinning.

    Raises:
        ValueError: Criteria, shapes or ranges do not fit, a grid does not descend, or there are more
            than 20,000 combinations.

    Source: Angelopoulos et al. 2021, "Learn then test", arXiv:2110.01052, section 4 (several parameters).
    """
    criteria = tuple(grid)
    scores = _table(confidence, criteria, "confidence")
    hits = np.asarray(suitable, dtype=bool)
    if scores.shape[1:] != hits.shape:
        raise ValueError(f"want one answer for each of {scores.shape[1]} items, got {hits.shape=}")
    check_promise(promise, failure_probability, procedure)
    for name, own in grid.items():
        if not own or list(own) != sorted(set(own), reverse=True):
            raise ValueError(
                f"the grid of {name!r} must be strictly descending and not empty, got {list(own)}"
            )
    vectors = _path(grid) if procedure == "fixed sequence" else _combinations(grid)
    labels = read_labels(
        hits, keep_probability=keep_probability, groups=groups,
        failure_probability=failure_probability, seed=seed,
    )  # fmt: skip
    everyone = None if population is None else _table(population, criteria, "population")
    weights = 1 / labels.chance

    trials = [labels.trial(approves(scores, vector), promise) for vector in vectors]
    passed, stopped = accepted(trials, procedure, failure_probability)

    def reach(i: int) -> float:
        if everyone is None:
            return float(weights[approves(scores, vectors[i])].sum())
        return float(approves(everyone, vectors[i]).mean())

    chosen = max(passed, key=reach, default=None)
    shown = trials[stopped if chosen is None else chosen]
    needed: int | None = None
    reason: str | None = None
    if chosen is None:
        names = [
            ", ".join(f"{c} {t:.3g}" for c, t in zip(criteria, vector, strict=True))
            for vector in vectors
        ]
        hopes = [Hope(trial=t, name=name) for t, name in zip(trials, names, strict=True)]
        needed, reason = what_it_takes(
            hopes,
            hopes[stopped],
            total=hits.size,
            promise=promise,
            failure_probability=failure_probability,
            tests=1 if procedure == "fixed sequence" else len(vectors),
        )
    return Thresholds(
        criteria=criteria,
        values=None if chosen is None else vectors[chosen],
        accepted=tuple(vectors[i] for i in passed),
        tried=len(vectors),
        promise=promise,
        failure_probability=failure_probability,
        kept=shown.kept,
        suitable=shown.suitable,
        p_value=shown.p_value,
        labels_needed=needed,
        reason=reason,
        method=METHODS[procedure],
        assumptions=labels.words(),
        approved_share=None if chosen is None or everyone is None else reach(chosen),
    )


def approves(confidence: Floats, values: Sequence[float]) -> Bools:
    """Which items every criterion approves: confidence (k, n) against k thresholds, shape (n,)."""
    passing: Bools = np.all(confidence >= np.asarray(values, dtype=float)[:, None], axis=0)
    return passing


def _table(columns: Mapping[str, npt.ArrayLike], criteria: Sequence[str], name: str) -> Floats:
    """Confidences by criterion, (k, n)."""
    if not criteria or set(columns) != set(criteria):
        raise ValueError(
            f"`{name}` wants the criteria of the grid, {list(criteria)}, got {list(columns)}"
        )
    rows = [np.asarray(columns[c], dtype=float) for c in criteria]
    shapes = {row.shape for row in rows}
    if len(shapes) != 1 or rows[0].ndim != 1:
        raise ValueError(f"`{name}` wants arrays of one shape (n,), got {sorted(shapes)}")
    table = np.stack(rows)
    if not np.all((table >= 0) & (table <= 1)):  # NaN fails this too
        raise ValueError(f"`{name}` must lie between 0 and 1; leave out items without one")
    return table


def _combinations(grid: Mapping[str, Sequence[float]]) -> list[tuple[float, ...]]:
    count = math.prod(len(own) for own in grid.values())
    if count > _MOST_VECTORS:
        raise ValueError(
            f"want at most {_MOST_VECTORS:,} combinations of thresholds, got {count:,}: make the grids coarser"
        )
    return list(product(*grid.values()))


def _path(grid: Mapping[str, Sequence[float]]) -> list[tuple[float, ...]]:
    """From all at their strictest to all at their loosest."""
    steps = max(len(own) for own in grid.values())
    last = max(steps - 1, 1)
    return [
        tuple(own[round(step * (len(own) - 1) / last)] for own in grid.values())
        for step in range(steps)
    ]

"""Labelled items with a confidence, checked once: what reliability, maps of scores and risk read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.calibration._sample import Bools, Codes, Floats
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.intervals import clopper_pearson, clustered_effective_n
from workbench.metrics.resampling import group_codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """The labelled items, all arrays of shape (n,)."""

    scores: Floats
    """0 to 1."""
    hits: Bools
    mass: Floats
    """Items that each stands for, over 0."""
    codes: Codes | None
    """Items that belong together share a number; None where all stand alone."""

    def part(self, keep: Bools) -> Scored:
        """The items where `keep`, shape (n,), is True."""
        return Scored(
            scores=self.scores[keep],
            hits=self.hits[keep],
            mass=self.mass[keep],
            codes=None if self.codes is None else self.codes[keep],
        )

    def share(self, inside: Bools, *, level: float, of: bool = True, empty: str) -> Estimate:
        """Share of those `inside` that are suitable (or not, with `of` False), with Clopper–Pearson's interval."""
        n = int(inside.sum())
        if n == 0:
            return undefined(empty, method="none", level=level)
        w, y = self.mass[inside], self.hits[inside] == of
        p = float((w * y).sum() / w.sum()) if 0 < y.sum() < n else float(y.any())
        effective = float(w.sum() ** 2 / (w**2).sum())
        words = ("items are independent",)
        if self.codes is not None:
            _, own = np.unique(self.codes[inside], return_inverse=True)
            count = int(own.max()) + 1
            effective = clustered_effective_n(y, own, count, weights=w, tail=(1 - level) / 2)
            words = (f"{count} clusters are independent",)
        interval = clopper_pearson(min(p * effective, effective), effective, level=level)
        return Estimate(
            value=p, low=interval.low, high=interval.high, level=level, method="Clopper–Pearson",
            n=n, effective_n=effective, assumptions=words,
        )  # fmt: skip


def read_scored(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None,
    groups: npt.ArrayLike | None,
) -> Scored:
    """Check what came.

    Raises:
        ValueError: A shape or range is wrong.
    """
    scores, hits = np.asarray(confidence, dtype=float), np.asarray(suitable, dtype=bool)
    mass = np.ones(scores.shape) if weights is None else np.asarray(weights, dtype=float)
    if scores.ndim != 1 or not scores.shape == hits.shape == mass.shape:
        raise ValueError(f"want (n,) arrays, got {scores.shape=}, {hits.shape=}, {mass.shape=}")
    if not np.all((scores >= 0) & (scores <= 1)):  # NaN fails this too
        raise ValueError("`confidence` must lie between 0 and 1; leave out items without one")
    if not (np.all(mass > 0) and np.all(np.isfinite(mass))):
        raise ValueError("`weights` must be finite and over 0")
    return Scored(
        scores=scores,
        hits=hits,
        mass=mass,
        codes=None if groups is None else group_codes(groups, scores.size)[0],
    )

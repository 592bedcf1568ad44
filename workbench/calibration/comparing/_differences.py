"""Measures of two judges and their differences, all from the same resamples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.calibration._draws import expanded, from_draws, one_sided_p
from workbench.calibration._sample import Floats
from workbench.calibration.comparing._cells import Cells, Counts, Decisions, cells_where
from workbench.calibration.comparing._comparison import Difference, Measure
from workbench.metrics.estimate import Estimate

_ASSUMPTIONS = (
    "the answers are the truth",
    "answered items were drawn with the stated probabilities, or alike within each pair of verdicts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Numbers of one comparison, all from the same resamples."""

    cells: Cells
    values: Counts
    draws: Counts
    level: float
    alpha: float

    @property
    def nothing(self) -> str:
        return "not identifiable: the two decided no item in common"

    def estimate(
        self,
        of: Callable[[Counts], Floats],
        why: str,
        *,
        n: int,
        share: bool = False,
        labelled: bool = True,
        behind: int = 0,
    ) -> Estimate:
        return from_draws(
            float(of(self.values)[0]), of(self.draws), n=n, groups=self.cells.units,
            clustered=self.cells.clusters is not None, level=self.level, reason=why, share=share,
            assumptions=_ASSUMPTIONS if labelled else (), behind=behind,
        )  # fmt: skip

    def difference(
        self, measure: Measure, names: tuple[str, str], said: tuple[Decisions, Decisions]
    ) -> Difference:
        first, second = said
        apart = cells_where(first, second)
        needed = apart if measure == "accuracy" else _needed(measure, first, second)
        n = int(self.cells.answered.sum())

        def gain(counts: Counts) -> Floats:
            if measure == "accuracy":
                return counts.accuracy_difference(first, second)
            return _measure(counts, measure, second) - _measure(counts, measure, first)

        why = self._why(measure, needed, *zip(names, said, strict=True))
        behind = self.cells.answered_units(apart)
        difference = self.estimate(gain, why, n=n, behind=behind)
        one_sided = None
        if difference.low is not None:
            one_sided = gain(self.draws)
            one_sided = one_sided[~np.isnan(one_sided)]
        own = [
            self.estimate(
                lambda counts, d=d: _measure(counts, measure, d),  # type: ignore[misc]
                self._why(measure, _needed(measure, d), (name, d)),
                n=n,
            )
            for name, d in zip(names, said, strict=True)
        ]
        return Difference(
            measure=measure, first=names[0], second=names[1], of_first=own[0], of_second=own[1],
            difference=difference, alpha=self.alpha,
            least=None if one_sided is None else float(np.quantile(one_sided, expanded(self.alpha, behind))),
            p_value=None if one_sided is None else one_sided_p(one_sided, behind),
        )  # fmt: skip

    def _why(self, measure: Measure, needed: list[int], *judges: tuple[str, Decisions]) -> str:
        """Why a measure of these judges is undefined, if it is."""
        sizes, shares = self.values.size[0], self.values.share[0]
        if not sizes.sum():
            return self.nothing
        a, b = self.cells.names
        which = (
            f"that {a} and {b} both reject",
            f"that {b} approves and {a} rejects",
            f"that {a} approves and {b} rejects",
            f"that {a} and {b} both approve",
        )
        for cell in sorted(needed, key=lambda c: -sizes[c]):
            if sizes[cell] and np.isnan(shares[cell]):
                return f"not identifiable: nobody answered any of the {int(sizes[cell])} items {which[cell]}"
        for name, said in judges:
            if measure == "precision" and not sizes[np.array(said, dtype=bool)].sum():
                return f"{name} approves nothing"
        return "no answered item is suitable"


def _measure(counts: Counts, measure: Measure, said: Decisions) -> Floats:
    if measure == "precision":
        return counts.precision(said)
    return counts.recall(said) if measure == "recall" else counts.accuracy(said)


def _needed(measure: Measure, *judges: Decisions) -> list[int]:
    """Cells whose answers a measure of these judges rests on."""
    if measure != "precision":
        return [0, 1, 2, 3]
    return [cell for cell in range(4) if any(said[cell] for said in judges)]

"""Two ways to do the same, measured on the same groups and seeds, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from workbench.metrics.estimate import Estimate
from workbench.metrics.resampling import Floats, Statistic
from workbench.metrics.seeds import over_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure of both ways, and their difference on the same test groups and seeds."""

    measure: str
    first: Estimate
    second: Estimate
    difference: Estimate
    """First less second."""
    better: int
    """1: more is better; −1: less is; 0: neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two ways, measured on items that trained nothing."""

    question: str
    """What is compared, as a heading says it."""
    ways: tuple[str, str]
    """What the ways are called."""
    seeds: int
    items: int
    groups: int
    measures: tuple[Compared, ...]
    notes: tuple[str, ...] = ()
    """What a reader has to know beside the numbers, in sentences."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def compare_ways(
    measure: str,
    first: Sequence[Floats],
    second: Sequence[Floats],
    statistic: Statistic,
    *,
    n: int,
    better: int,
) -> Compared:
    """Both ways and their difference, with intervals over test groups and seeds.

    Args:
        measure: What the number is called.
        first: One array per seed, shape (groups, k), as `over_seeds` takes them.
        second: The same of the other way.
        statistic: Function of the totals.
        n: Rows of data behind each array.
        better: 1 where more is better, −1 where less is, 0 for neither.

    Raises:
        ValueError: Shapes or numbers of seeds differ.
    """
    return Compared(
        measure=measure,
        first=over_seeds(first, statistic, n=n),
        second=over_seeds(second, statistic, n=n),
        difference=over_seeds(first, statistic, less=second, n=n),
        better=better,
    )

"""McNemar's test: do two judges differ as often in one direction as in the other."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.metrics.intervals import binomial_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """Exact test that two judges differ as often in one direction as in the other."""

    first_only: int
    """Items (or clusters, by their majority) on which only the first is so."""
    second_only: int
    p_value: float | None
    """Two-sided, exact; None where `reason` says why."""
    mid_p: float | None
    """The same with half of the probability of the outcome itself: less strict, closer to its level."""
    reason: str | None = None


def mcnemar(first_only: int, second_only: int) -> McNemar:
    """Test two counts of items on which only one of two judges is so (is right, say, or approves).

    Args:
        first_only: Items on which only the first is so, 0 or more.
        second_only: Items on which only the second is so.

    Raises:
        ValueError: A count is negative.

    Source: McNemar 1947, Psychometrika 12:153; Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol.
    13:91 (mid-p).
    """
    if first_only < 0 or second_only < 0:
        raise ValueError(f"want two counts of 0 or more, got {first_only=}, {second_only=}")
    n, most = first_only + second_only, max(first_only, second_only)
    if n == 0:
        return McNemar(
            first_only=0, second_only=0, p_value=None, mid_p=None, reason="the two never differ"
        )
    tail = binomial_tail(most, n, 0.5)
    here = tail - (binomial_tail(most + 1, n, 0.5) if most < n else 0.0)
    return McNemar(
        first_only=first_only,
        second_only=second_only,
        p_value=min(1.0, 2 * tail),
        mid_p=1 - here / 2 if 2 * most == n else min(1.0, 2 * tail - here),
    )

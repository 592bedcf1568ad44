"""What a calibration says in one or two sentences, for somebody who reads nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.calibration.sentences import standing_out

if TYPE_CHECKING:
    from workbench.calibration import Calibration, Slice

_NAMED = 2  # slices that are named


def answer_of(found: Calibration) -> str:
    """How many approvals in 100 are right, at least, and where not; or what is missing to say so."""
    precision = found.rates.precision
    if not found.counts.approved:
        return "The judge approved nothing, so there is no approval to vouch for."
    if precision.value is None:
        if not found.counts.answered_approvals:
            return (
                "How many approvals are right is not known yet: "
                "people have to answer approvals that were drawn for the audit."
            )
        return f"How many approvals are right is not known: {precision.reason}."
    said = f"Of 100 approvals about {100 * precision.value:.0f} are right"
    if precision.low is None:
        return f"{said}; how sure that is needs more answers."
    return f"{said}, at least {math.floor(100 * precision.low)}.{_where(found.slices)}"


def _where(slices: Sequence[Slice]) -> str:
    worst = [s for s in standing_out(slices) if s.precision.value is not None][:_NAMED]
    if not worst:
        return ""
    first, *rest = worst
    text = f" The problem: {_of(first)} of 100 approvals are right"
    return text + "".join(f", {_of(s)}" for s in rest) + "."


def _of(one: Slice) -> str:
    share = 100 * (one.precision.value or 0.0)
    return f"in {one.by} “{one.name or 'none'}” about {share:.0f}"

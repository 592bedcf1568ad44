"""A calibration as text for a terminal; the page shows the same and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.calibration.audited import Audited
    from workbench.metrics import Estimate


def describe(audited: Audited) -> str:
    """Rates with intervals, the threshold, and what a reader must know."""
    audit, calibration = audited.audit, audited.calibration
    counts, rates = calibration.counts, calibration.rates
    lines = [
        f"{audit.judge} by {audit.rubric}, audit {audit.id[:12]}",
        f"{counts.judged:,} judged, {counts.approved:,} approved; answered: "
        f"{counts.answered_approvals} approvals, {counts.answered_rejections} rejections"
        + (" (simulated, not people's)" if calibration.simulated else ""),
        "",
        *(
            f"{name:<24} {_shown(e)}"
            for name, e in (
                ("precision", rates.precision),
                ("recall", rates.recall),
                ("suitable rate", rates.suitable_rate),
                ("false positive rate", rates.false_positive_rate),
                ("suitable among rejected", rates.missed),
                ("accuracy", rates.accuracy),
                ("Cohen's kappa", rates.kappa),
            )
        ),
    ]
    if threshold := calibration.threshold:
        if threshold.value is None:
            lines += ["", f"{threshold.reason}"]
        else:
            lines += [
                "",
                f"approve from confidence {threshold.value:.3f}: precision is at least "
                f"{threshold.promise:g}, with probability {1 - threshold.failure_probability:g}",
            ]
    return "\n".join([*lines, *(f"note: {n}" for n in calibration.notes)])


def _shown(e: Estimate) -> str:
    if e.value is None:
        return f"— ({e.reason})"
    if e.low is None or e.high is None:
        return f"{e.value:.3f} ({e.reason})"
    return f"{e.value:.3f}  {e.low:.3f} to {e.high:.3f}  n = {e.n}, {e.method}"

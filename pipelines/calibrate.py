"""What the judge's approvals are worth: an audit's answers as text for a terminal, as JSON, and as a page."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from workbench.calibration import Comparison, compare_verdicts
from workbench.calibration.audited import Audited, calibrate_audit, find_audit, unanswered
from workbench.errors import CalibrationError
from workbench.records import Audit, Verdict
from workbench.store import group_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Store

_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSummary:
    """An audit's calibration, and another judge beside it."""

    audited: Audited
    comparison: Comparison | None
    """None where none was asked for."""
    newer: str | None = None
    """One of the notes: that an audit which nobody answered yet is newer."""

    def as_dict(self) -> dict[str, object]:
        """As JSON: the audit's id, every field of the calibration, and the comparison."""
        return {
            "audit": self.audited.audit.id,
            **json.loads(self.audited.calibration.to_json()),
            "comparison": None if self.comparison is None else asdict(self.comparison),
        }

    def __str__(self) -> str:
        """Whose audit it is, then what there is to say, in 80 columns."""
        audit = self.audited.audit
        lines = [
            f"{audit.judge} by {audit.rubric}, audit {audit.id[:12]} of {audit.created_at:%Y-%m-%d}"
        ]
        if self.newer is not None:
            lines += textwrap.wrap(self.newer, _COLUMNS)
        found = self.audited.calibration
        lines.append(str(replace(found, notes=tuple(n for n in found.notes if n != self.newer))))
        if self.comparison is not None:
            lines += ["", "Comparison"]
            lines += textwrap.wrap(
                self.comparison.sentence, _COLUMNS, initial_indent="  ", subsequent_indent="    "
            )
        return "\n".join(lines)


def calibrate_store(
    store: Store, *, audit: str | None, promise: float, compare: str | None = None
) -> CalibrationSummary:
    """Measure the judge by an audit, and beside it another judge or rubric on the same outputs.

    Args:
        store: Holds verdicts, audit and answers.
        audit: Id, or the beginning of one; None: the latest that brought an answer, and a note where a newer
            one waits for its answers.
        promise: Precision that a threshold shall keep, over 0 and under 1.
        compare: A rubric such as `listing@2`, or a judge's string, whose verdicts on the same outputs are
            in the store; None: no comparison.

    Raises:
        StoreError: There is no such audit.
        CalibrationError: The store does not hold the audit's population any more, or no such verdicts.
    """
    audited = calibrate_audit(store, find_audit(store, audit), promise=promise)
    waiting = _newer(store, audited.audit) if audit is None else None
    if waiting is not None:
        calibration = audited.calibration
        notes = (*calibration.notes, waiting)
        audited = replace(audited, calibration=replace(calibration, notes=notes))
    found = None if compare is None else _compare(store, audited, compare)
    return CalibrationSummary(audited=audited, comparison=found, newer=waiting)


def _newer(store: Store, taken: Audit) -> str | None:
    """What to say where an audit was drawn after `taken`, and nobody answered it yet."""
    latest = max(store.records(Audit), key=lambda one: one.created_at)
    if latest.id == taken.id:
        return None
    return (
        f"Audit {latest.id[:12]} of {latest.created_at:%Y-%m-%d} is newer and waits for "
        f"{len(unanswered(store, latest))} answers. These numbers are by audit {taken.id[:12]} of "
        f"{taken.created_at:%Y-%m-%d}, the latest that was answered."
    )


def _compare(store: Store, audited: Audited, other: str) -> Comparison:
    first = [j.verdict for j in audited.population]
    audit = audited.audit
    found = _verdicts_of(store, audited, other)
    second = list(store.records(Verdict, sorted(found["key"])))
    same_rubric = {v.rubric for v in second} == {audit.rubric}
    return compare_verdicts(
        first,
        second,
        audit,
        [a for j in audited.population for a in j.annotations],
        groups={j.generation.key: group_of(j.item) for j in audited.population if j.item},
        names=(audit.judge, second[0].judge) if same_rubric else (audit.rubric, second[0].rubric),
        seed=audit.seed,
    )


def _verdicts_of(store: Store, audited: Audited, other: str) -> pd.DataFrame:
    """The last verdict on each of the audit's outputs by the rubric `other`, or else by the judge `other`.

    Of a rubric that several judges answered, the audit's judge counts; of a judge with several rubrics,
    the audit's rubric.
    """
    audit = audited.audit
    outputs = {j.generation.key for j in audited.population}
    own = {j.verdict.key for j in audited.population}

    def about_these(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["generation"].isin(outputs) & ~frame["key"].isin(own)]

    column, mine = "judge", audit.judge
    found = about_these(store.decisions(rubric=other))
    if found.empty:
        column, mine = "rubric", audit.rubric
        found = about_these(store.decisions(judge=other))
    if found.empty:
        every = about_these(store.decisions())
        there = sorted({*every["rubric"], *every["judge"]})
        raise CalibrationError(
            f"want verdicts by {other!r} on the outputs of audit {audit.id[:12]}; the store holds "
            + (f"others by {', '.join(there)}" if there else "none but the audit's own")
            + ": judge them with `workbench judge`"
        )
    preferred = found[found[column] == mine]
    found = found if preferred.empty else preferred
    return found.sort_values("seq").drop_duplicates("generation", keep="last")

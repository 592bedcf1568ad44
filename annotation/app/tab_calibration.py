"""*Calibration*: what an approval is worth, in one sentence, with the figures and intervals behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from annotation.app._desk import Desk
from annotation.app._html import between, number, percent, render
from annotation.app._page import Query, heading, view
from annotation.notebook._rows import Rows
from workbench import figures as plots
from workbench.calibration import sentences_of
from workbench.calibration.shown import heading as counted
from workbench.calibration.shown import measures

if TYPE_CHECKING:
    import gradio as gr

    from workbench.calibration import Calibration
    from workbench.metrics.estimate import Estimate

_FIRST = ("Approvals", "Threshold", "Slices", "Failure modes")
"""What is said at once; the other questions are a click away."""


def build(blocks: gr.Blocks, desk: Desk) -> None:
    """The tab."""
    heading(blocks, desk, "/calibration")
    view(blocks, lambda query, _p, _r: show(desk, query), desk)


def show(desk: Desk, query: Query) -> str:
    """What approvals are worth by the audit that was answered last."""
    del query
    rows = desk.rows()
    if rows.audited is None:
        return render("no_audit", notes=rows.notes, store=desk.name, empty=rows.frame.empty)
    found = rows.audited.calibration
    audit = rows.audited.audit
    sections = sentences_of(found)
    return render(
        "calibration",
        answer=desk.live.answer(found),
        about=counted(found),
        judge=f"{audit.judge} by {audit.rubric}",
        drawn=f"audit {audit.id[:12]}, drawn {audit.created_at:%Y-%m-%d}",
        notes=found.notes,
        simulated=found.simulated,
        rates=[_rate(*one) for one in measures(found)],
        figures=desk.once("figures", _figures),
        sections=[one for one in sections if one.title in _FIRST],
        more=[one for one in sections if one.title not in _FIRST],
        level=percent(found.level),
    )


def _rate(name: str, meaning: str, e: Estimate) -> dict[str, object]:
    there = e.value is not None and e.low is not None and e.high is not None
    place = [
        100 * min(1.0, max(0.0, x)) if there and x is not None else 0.0
        for x in (e.value, e.low, e.high)
    ]
    return {
        "name": name,
        "meaning": meaning,
        "value": "—" if e.value is None else number(e.value),
        "between": between(e),
        "bar": place if there else None,
        # Of the value, and of the interval's lower end: Cohen's κ can lie below 0, where the bar begins.
        "below": [x is not None and x < 0 for x in (e.value, e.low)],
    }


def _figures(rows: Rows) -> list[tuple[str, Markup]]:
    """Title and drawing."""
    assert rows.audited is not None
    found: Calibration = rows.audited.calibration
    drawn = []
    if any(e.value is not None for _, _, e in measures(found)):
        drawn.append(("Judge against the answers", plots.plot_confusion(found.confusion)))
    if found.risk_coverage is not None and found.risk_coverage.points:
        drawn.append(
            ("Precision by threshold", plots.plot_threshold(found.risk_coverage, found.threshold))
        )
    return [
        (title, Markup(plots.to_svg(plot, title=title)))  # noqa: S704 - text in it is escaped
        for title, plot in drawn
    ]

"""The page of a calibration: what approvals are worth, each figure with its sentences and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.answer import answer_of
from reports.rendering import number, render, write_whole
from reports.told import Drawn, Numbers, drawn, estimates, tile
from workbench import figures as plots
from workbench.calibration import Calibration, Comparison, Section, sentences_of
from workbench.calibration.shown import heading, measures
from workbench.metrics.estimate import Estimate

if TYPE_CHECKING:
    from workbench.calibration import ConfusionItems
    from workbench.calibration.audited import Audited

_LISTED = 200
"""Items of one cell that the page names; the JSON names all."""
_ORDER = (
    "Approvals", "Threshold", "Slices", "Failure modes", "Errors that look alike", "Criteria",
    "People", "Comparison", "Confidence", "Which estimate is narrowest",
)  # fmt: skip
"""Sections as somebody reads them who wants to know what to do; others follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    id: str
    title: str
    sentences: tuple[str, ...]
    figures: tuple[Drawn, ...]


def write_calibration_page(
    path: Path, audited: Audited, *, comparison: Comparison | None = None
) -> Path:
    """Write the page of one audit and return where it is; the file is replaced whole.

    Args:
        path: Of the page, one HTML file with everything in it.
        audited: From `calibrate_audit`.
        comparison: Another judge on the same outputs; None: none.

    Raises:
        StoreError: The page cannot be written.
    """
    calibration, audit = audited.calibration, audited.audit
    names = {
        j.generation.key: (j.generation.listing.title if j.generation.listing else "")
        or (j.generation.item or "")
        for j in audited.population
    }
    page = {
        "title": f"Calibration · {audit.judge} · {audit.created_at:%Y-%m-%d}",
        "heading": "What the judge's approvals are worth",
        "subtitle": f"{audit.judge} by {audit.rubric} · {heading(calibration)}",
        "answer": answer_of(calibration),
        "notes": calibration.notes,
        "tiles": _tiles(calibration),
        "level": f"{calibration.level:.0%}",
        "rates": measures(calibration),
        "cells": _cells(calibration, names),
        "caught": _caught(calibration, names),
        "parts": _parts(calibration, comparison),
        "facts": [
            ("Audit", f"{audit.id[:12]}, {audit.design}, seed {audit.seed}, drawn {audit.created_at:%Y-%m-%d %H:%M} UTC"),
            ("Drawn from", ", ".join(f"{name}: {size:,}" for name, size in audit.strata.items())),
            ("About", f"{calibration.about}; intervals hold the truth in {calibration.level:.0%} of audits"),
        ],
        "assumptions": list(
            dict.fromkeys(
                f"{e.method}: {'; '.join(e.assumptions)}"
                for _, _, e in measures(calibration)
                if e.value is not None and e.assumptions
            )
        ),
    }  # fmt: skip
    return write_whole(path, render("calibration.html.j2", page=page))


def _tiles(found: Calibration) -> list[tuple[str, str, str]]:
    """Label, value and detail."""
    counts, chosen = found.counts, found.threshold
    tiles = [
        ("Judged", f"{counts.judged:,}", f"{counts.approved:,} approved"),
        ("Answered", f"{counts.answered_approvals + counts.answered_rejections:,}",
         f"{counts.answered_approvals:,} approvals, {counts.answered_rejections:,} rejections"),
        tile("Precision of approvals", found.rates.precision),
        tile("Recall", found.rates.recall),
    ]  # fmt: skip
    if chosen is not None:
        what = f"promises {chosen.promise:g}"
        tiles.append(
            ("Threshold", "—", "none can promise " + f"{chosen.promise:g}")
            if chosen.value is None
            else ("Threshold", number(chosen.value, 2), what)
        )
    return tiles


def _cells(
    found: Calibration, names: Mapping[str, str]
) -> list[tuple[str, str, Estimate, int, list[tuple[str, str]]]]:
    """Id, name, estimated items, answered items, and which those are, of each cell."""
    items: ConfusionItems | None = found.failures.items if found.failures else None
    return [
        (
            cell,
            name,
            getattr(found.confusion, cell),
            len(keys := getattr(items, cell) if items else ()),
            [(key, names.get(key, "")) for key in keys[:_LISTED]],
        )
        for cell, name in (
            ("true_positives", "Approved and suitable"),
            ("false_positives", "Approved, not suitable"),
            ("false_negatives", "Rejected, suitable"),
            ("true_negatives", "Rejected, not suitable"),
        )
    ]


def _caught(found: Calibration, names: Mapping[str, str]) -> list[dict[str, object]]:
    if found.failures is None or not found.failures.criteria:
        return []
    return [
        {"key": one.key, "name": names.get(one.key, ""), "by": one.by, "threshold": one.threshold, "lost": one.lost}
        for one in found.failures.caught[:_LISTED]
    ]  # fmt: skip


def _parts(found: Calibration, comparison: Comparison | None) -> list[_Part]:
    figures = {
        "Approvals": _of_approvals(found),
        "Which estimate is narrowest": _of_corrected(found),
        "Threshold": _of_threshold(found),
        "Confidence": _of_confidence(found),
        "Slices": _of_slices(found),
        "Failure modes": _of_modes(found),
        "Criteria": _of_criteria(found),
        "People": _of_people(found),
    }
    sections = [*sentences_of(found)]
    if comparison is not None:
        sections.append(Section(title="Comparison", sentences=(comparison.sentence,)))
        figures["Comparison"] = _of_comparison(comparison)
    parts = [
        _Part(
            id=one.title.lower().replace(" ", "-"),
            title=one.title,
            sentences=one.sentences,
            figures=tuple(figures.get(one.title, ())),
        )
        for one in sorted(sections, key=lambda one: (*_ORDER, one.title).index(one.title))
    ]
    return [part for part in parts if part.sentences or part.figures]


def _of_approvals(found: Calibration) -> list[Drawn]:
    cells = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    if all(e.value is None for _, _, e in measures(found)):
        return []
    return [
        drawn(
            "Rates",
            plots.plot_rates(found.rates),
            estimates("rate", [(name, e) for name, _, e in measures(found)]),
            caption=f"Dots with {found.level:.0%} intervals.",
        ),
        drawn(
            "Judge against the answers",
            plots.plot_confusion(found.confusion),
            estimates("cell", [(name, getattr(found.confusion, name)) for name in cells]),
            caption="All judged items, scaled up from the audit by the probability with which each was drawn.",
        ),
    ]


def _of_corrected(found: Calibration) -> list[Drawn]:
    if found.corrected is None or found.corrected.suitable_rate.narrowest is None:
        return []
    sides = (
        ("suitable rate", found.corrected.suitable_rate),
        ("precision", found.corrected.precision),
    )
    rows = [
        (f"{name}: {method}", e)
        for name, side in sides
        for method, e in (
            ("labels only", side.labels_only),
            ("PPI++", side.ppi),
            ("Rogan–Gladen", side.rogan_gladen),
        )
    ]
    return [
        drawn(
            "Three estimates",
            plots.plot_corrected(found.corrected),
            estimates("estimate", rows),
            caption=found.corrected.note,
        )
    ]


def _of_threshold(found: Calibration) -> list[Drawn]:
    risks = found.risk_coverage
    if risks is None or not risks.points:
        return []
    table: Numbers = (
        ("threshold", "coverage", "risk", "low", "high", "n"),
        [
            (p.threshold, p.coverage, p.risk.value, p.risk.low, p.risk.high, p.risk.n)
            for p in risks.points
        ],
    )
    return [
        drawn(
            "Precision by threshold",
            plots.plot_threshold(risks, found.threshold),
            table,
            caption="Intervals are over all labels, which also chose"
            + (
                "; the green dot is on labels that did not."
                if found.threshold is not None
                and found.threshold.value is not None
                and found.threshold.held_out is not None
                and found.threshold.held_out.value is not None
                else "."
            ),
        ),
        drawn(
            "Risk against coverage",
            plots.plot_risk_coverage(risks),
            table,
            caption="Share of unsuitable items among the surest.",
        ),
    ]


def _of_confidence(found: Calibration) -> list[Drawn]:
    mapped = found.score_calibration
    before = mapped.before if mapped else found.reliability
    if before is None or not before.bins:
        return []
    sides = [("own", before)] + ([("mapped", mapped.after)] if mapped else [])
    rows = [
        (name, one.low, one.high, one.mean_confidence, one.observed.value, one.observed.low, one.observed.high, one.labels)
        for name, side in sides
        for one in side.bins
    ]  # fmt: skip
    return [
        drawn(
            "Reliability",
            plots.plot_reliability(before, after=mapped.after if mapped else None),
            (("confidence", "from", "to", "mean", "suitable", "low", "high", "labels"), rows),
            caption="Points on the dashed line: confidence can be taken at its word."
            + (f" On the {mapped.held_out} labels that fitted no map." if mapped else ""),
        )
    ]


def _of_slices(found: Calibration) -> list[Drawn]:
    figures = []
    for by in dict.fromkeys(s.by for s in found.slices):
        own = [s for s in found.slices if s.by == by]
        if all(s.precision.value is None for s in own):
            continue
        rows = [
            (s.name, s.judged, s.approved, s.audited_approvals, s.precision.value, s.precision.low, s.precision.high, s.q_value)
            for s in own
        ]  # fmt: skip
        figures.append(
            drawn(
                f"By {by}",
                plots.plot_slices(own, overall=found.rates.precision),
                ((by, "judged", "approved", "answered", "precision", "low", "high", "q"), rows),
                caption="Exact intervals; red stands out after all were tested (Benjamini–Hochberg).",
            )
        )
    return figures


def _of_modes(found: Calibration) -> list[Drawn]:
    rows = [
        (m.mode, m.seen_in_approvals, m.seen_in_rejections, m.in_approvals.value, m.in_approvals.low,
         m.in_approvals.high, m.caught.value, m.caught.low, m.caught.high, m.q_value)
        for m in found.failure_modes
    ]  # fmt: skip
    names = ("mode", "in approvals", "in rejections", "share of approvals", "low", "high", "caught", "low", "high", "q")  # fmt: skip
    return [drawn("Failure modes", plots.plot_failure_modes(found.failure_modes), (names, rows))]


def _of_criteria(found: Calibration) -> list[Drawn]:
    if found.failures is None or not found.failures.items.false_positives:
        return []
    rows = [
        (
            c.criterion,
            c.best_for,
            c.lowest_in,
            c.separation.value,
            c.separation.low,
            c.separation.high,
        )
        for c in found.failures.criteria
    ]
    return [
        drawn(
            "What would have caught false positives",
            plots.plot_criteria(found.failures),
            (("criterion", "best for", "lowest in", "separation", "low", "high"), rows),
        )
    ]


def _of_people(found: Calibration) -> list[Drawn]:
    people = found.people
    if people is None or people.alpha.value is None:
        return []
    rows = [
        (f"{who}: {measure}", getattr(side, measure))
        for who, side in (("judge", people.ceiling.judge), ("a person", people.ceiling.person))
        for measure in ("precision", "recall", "accuracy", "kappa")
    ]
    return [
        drawn(
            "Judge and person",
            plots.plot_people(people),
            estimates("measure", [*rows, ("Krippendorff's α", people.alpha)]),
        )
    ]


def _of_comparison(found: Comparison) -> list[Drawn]:
    rows = [
        (one.measure, one.difference) for one in (found.precision, found.recall, found.accuracy)
    ]
    return [
        drawn(
            "Difference",
            plots.plot_comparison(found),
            estimates("measure", rows),
            caption=f"{found.second} less {found.first}, on the same items.",
        )
    ]

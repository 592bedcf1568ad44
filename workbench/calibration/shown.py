"""A calibration as text for 80 columns, and as HTML for a notebook: a table and what there is to say."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from html import escape

from workbench.calibration._calibration import Calibration
from workbench.calibration._rounded import rounded
from workbench.calibration.confidence.scores import FEWEST_LABELS
from workbench.calibration.sentences import Section, sentences_of
from workbench.metrics.estimate import Estimate

_COLUMNS = 80
_NAMES = (
    ("precision", "Precision", "share of approvals that are suitable"),
    ("recall", "Recall", "share of suitable items that are approved"),
    ("suitable_rate", "Suitable rate", "share of all items that are suitable"),
    ("false_positive_rate", "False positive rate", "share of unsuitable items that are approved"),
    ("false_negative_rate", "False negative rate", "share of suitable items that are rejected"),
    ("missed", "Suitable among rejected", "share of rejections that are suitable"),
    ("accuracy", "Accuracy", "share on which judge and answers agree"),
    ("kappa", "Cohen's κ", "agreement beyond chance"),
)
# Of its own, since a notebook's page has no variables of ours: neither on white nor on black unreadable.
_STYLE = """<style>
.cwb{font:14px/1.45 system-ui,sans-serif;max-width:860px;color:inherit}
.cwb table{border-collapse:collapse;color:inherit;font:inherit;margin:0 0 8px;font-variant-numeric:tabular-nums}
.cwb th,.cwb td{padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid #8884;background:none;color:inherit}
.cwb thead th{font-weight:500;opacity:.7;font-size:13px}
.cwb tbody th{font-weight:600}
.cwb td.n{text-align:right;white-space:nowrap}
.cwb small,.cwb .about{opacity:.7;font-weight:400}
.cwb h4{margin:10px 0 2px;font-size:13px;font-weight:600}
.cwb p{margin:0 0 3px}
.cwb .note{border-left:3px solid #d90;padding-left:8px;margin:0 0 8px}
</style>"""


def measures(found: Calibration) -> list[tuple[str, str, Estimate]]:
    """Name, meaning and estimate of each rate that is shown, in reading order."""
    shown = {field: getattr(found.rates, field) for field, _, _ in _NAMES}
    kappa: Estimate = shown["kappa"]
    if kappa.value is not None and not (found.counts.approved and found.counts.rejected):
        why = "no interval: the judge says one and the same of everything, so κ is 0 by definition"
        shown["kappa"] = replace(kappa, low=None, high=None, reason=why)
    return [(name, meaning, shown[field]) for field, name, meaning in _NAMES]


def heading(found: Calibration) -> str:
    """How many items were judged and answered, and what to answer where that is little."""
    counts = found.counts
    text = (
        f"{counts.judged:,} judged, {counts.approved:,} approved; answered: "
        f"{_counted(counts.answered_approvals, 'approval')}, "
        f"{_counted(counts.answered_rejections, 'rejection')}"
    )
    text += " (simulated, not people's)" if found.simulated else ""
    return f"{text}. {wanted}" if (wanted := _wanted(found)) else text


def _wanted(found: Calibration) -> str:
    """What to answer where so little was answered that most numbers are missing or wide; else empty."""
    counts = found.counts
    few = [
        f"{name}s"
        for name, there, answered in (
            ("approval", counts.approved, counts.answered_approvals),
            ("rejection", counts.rejected, counts.answered_rejections),
        )
        if there and answered < min(FEWEST_LABELS, there)
    ]
    if not few:
        return ""
    return f"Too few to tell much: answer more {' and '.join(few)} first."


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_text(found: Calibration) -> str:
    """Rates as a table, then every section, wrapped to 80 columns."""
    lines = [*textwrap.wrap(heading(found), _COLUMNS), ""]
    lines += [f"{'':<24}{'estimate':>9}   {f'{found.level:.0%} interval':<18}{'n':>7}"]
    common, sections = _told_once(found)
    for name, _, e in measures(found):
        if e.value is None:
            why = "" if e.reason in common else e.reason
            lines += textwrap.wrap(
                f"{name:<24}{'—':>9}   {why}", _COLUMNS, subsequent_indent=" " * 36
            )
            continue
        interval = "—" if e.low is None else f"{_short(e.low)} to {_short(e.high)}"
        lines.append(f"{name:<24}{_short(e.value):>9}   {interval:<18}{e.n:>7,}")
    for said in common.values():
        lines += [
            "",
            *textwrap.wrap(said, _COLUMNS, subsequent_indent="  ", break_on_hyphens=False),
        ]
    for section in sections:
        lines += ["", section.title]
        for said in section.sentences:
            lines += textwrap.wrap(
                said, _COLUMNS, initial_indent="  ", subsequent_indent="    ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    if found.notes:
        lines += ["", "Notes"]
        for note in found.notes:
            lines += textwrap.wrap(note, _COLUMNS, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def as_html(found: Calibration) -> str:
    """The same as one block of HTML."""
    common, sections = _told_once(found)
    rows = "".join(
        _row(name, meaning, e, why="" if e.reason in common else e.reason or "")
        for name, meaning, e in measures(found)
    )
    rows_said = "".join(f"<p>{escape(one)}</p>" for one in common.values())
    said = "".join(
        f"<h4>{escape(section.title)}</h4>"
        + "".join(f"<p>{escape(s)}</p>" for s in section.sentences)
        for section in sections
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in found.notes)
    return (
        f'<div class="cwb">{_STYLE}<p class="about">{escape(heading(found))}</p>{notes}'
        f"<table><thead><tr><th></th><th>Estimate</th><th>{found.level:.0%} interval</th><th>n</th>"
        f"<th>How</th></tr></thead><tbody>{rows}</tbody></table>{rows_said}{said}</div>"
    )


def _told_once(found: Calibration) -> tuple[dict[str, str], list[Section]]:
    """Reasons that several rates share, each with one sentence about all that it concerns; and what else there is to say."""
    lacking: dict[str, list[str]] = {}
    for name, _, e in measures(found):
        if e.value is None and e.reason:
            lacking.setdefault(e.reason, []).append(name)
    common = {
        reason: names
        for reason, names in lacking.items()
        if len(names) > 1 and reason.startswith("not identifiable")
    }
    sections = []
    for section in sentences_of(found):
        left = []
        for said in section.sentences:
            reason = next((one for one in common if said.endswith(f"{one}.")), None)
            if reason is None:
                left.append(said)
            elif (about := said.removesuffix(f" is {reason}.")) != said:
                common[reason].append(about[0].lower() + about[1:])
        if left:
            sections.append(replace(section, sentences=tuple(left)))
    told = {
        reason: f"{', '.join(names[:-1])} and {names[-1]} are {reason}."
        for reason, names in common.items()
    }
    return told, sections


def _row(name: str, meaning: str, e: Estimate, *, why: str) -> str:
    first = f"<th>{escape(name)}<br><small>{escape(meaning)}</small></th>"
    if e.value is None:
        return f'<tr>{first}<td class="n">—</td><td colspan="3">{escape(why)}</td></tr>'
    interval = escape(why) if e.low is None else f"{_short(e.low)} to {_short(e.high)}"
    return (
        f'<tr>{first}<td class="n">{_short(e.value)}</td><td class="n">{interval}</td>'
        f'<td class="n">{e.n:,}</td><td><small>{escape(e.method)}</small></td></tr>'
    )


def _short(value: float | None) -> str:
    return "—" if value is None else rounded(value, 3)

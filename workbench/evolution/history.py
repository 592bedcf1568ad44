"""What happened to a rubric, as a changelog: who, when, why, and the measured effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.calibration import Difference
from workbench.calibration.audited import rubric_of
from workbench.evolution.decisions import events
from workbench.evolution.proof import Proof, shown
from workbench.records import RubricEvent, RubricProposal
from workbench.rubric import diff_rubrics

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    when: datetime
    what: str
    """`accepted`, `edited`, `refused`, `made`, `tested` or `used`."""
    about: str
    """`<name>@<version>`, or the key of the proposal."""
    by: str
    why: str
    lines: tuple[str, ...]
    """What it changed, or what was measured."""
    simulated: bool

    def __str__(self) -> str:
        head = f"{self.when:%Y-%m-%d %H:%M} {_WORDS[self.what].format(self.about)}, by {self.by}"
        head += " (simulated)" if self.simulated else ""
        return "\n".join(
            [
                head,
                *(f"  {line}" for line in ([self.why] if self.why else [])),
                *(f"  {one}" for one in self.lines),
            ]
        )


_WORDS = {
    "accepted": "accepted {:.12}",
    "edited": "accepted, edited, {:.12}",
    "refused": "refused {:.12}",
    "made": "{} was made",
    "tested": "{} was tested",
    "used": "{} is in use",
}


def history(store: Store, name: str) -> tuple[Entry, ...]:
    """What happened to the rubric called `name`, the latest first; empty where nothing did."""
    happened = events(store, name)
    proposals = {
        p.key: p for p in store.records(RubricProposal, sorted({e.about for e in happened}))
    }
    return tuple(
        Entry(
            when=event.created_at,
            what=event.kind,
            about=event.about,
            by=event.by,
            why="" if event.kind == "tested" else event.why,
            lines=tuple(_lines(store, event, proposals)),
            simulated=event.simulated,
        )
        for event in reversed(happened)
    )


def effect_lines(proof: Proof) -> list[str]:
    """What a test measured, a line each, with intervals."""
    found = proof.comparison
    lines = [
        f"on {found.answered} held-out answers, {proof.judge}, against {proof.against}:",
        *(_measured(one) for one in (found.precision, found.recall, found.accuracy)),
        f"McNemar's exact test: {proof.against} alone is right on {proof.right.first_only}, {proof.rubric} alone "
        f"on {proof.right.second_only}"
        + (f" (p = {proof.right.p_value:.2g})" if proof.right.p_value is not None else ""),
    ]
    for one in proof.criteria:
        gain = one.comparison.accuracy.difference
        if gain.value:
            lines.append(
                f"criterion {one.criterion}: accuracy {_interval(one.comparison.accuracy)}"
            )
    if proof.proved:
        lines.append(f"proved at level {proof.alpha:.3g} (test {proof.tries} on these answers)")
    else:
        lines += [f"not proved: {why}" for why in proof.missing]
    return lines


def _lines(store: Store, event: RubricEvent, proposals: dict[str, RubricProposal]) -> Sequence[str]:
    if event.kind == "tested":
        return effect_lines(Proof.from_dict(event.details))
    if event.kind == "made":
        old, new = rubric_of(store, str(event.details["from"])), rubric_of(store, event.about)
        if old is None or new is None:
            return ()
        return [
            line
            for change in diff_rubrics(old, new).changes
            if change.about != "version"
            for line in str(change).splitlines()
        ]
    if event.about in proposals:
        return [proposals[event.about].sentence]
    return ()


def _measured(one: Difference) -> str:
    values = f"{shown(one.of_first.value)} → {shown(one.of_second.value)}"
    return f"{one.measure} {values} ({_interval(one)})"


def _interval(one: Difference) -> str:
    gain = one.difference
    if gain.value is None or gain.low is None or gain.high is None:
        return f"cannot be said: {gain.reason}"
    return f"{gain.value:+.3f}, {gain.low:+.3f} to {gain.high:+.3f}"

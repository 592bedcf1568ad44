"""A rubric that changes by people's answers: proposals, decisions, tests, what is in use, what happened."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.judge import judge_generations
from pipelines.recorder import record
from workbench.calibration.audited import find_audit
from workbench.errors import RubricError
from workbench.evolution import (
    Edit,
    JudgedBy,
    Proof,
    accepted,
    add_proposal,
    current,
    decide,
    effect_lines,
    history,
    make_current,
    next_version,
    propose,
    prove,
)
from workbench.evolution.decisions import Decision
from workbench.evolution.wording import reword
from workbench.models import load_text
from workbench.records import Audit, Generation, RubricProposal
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSummary:
    """What an audit's answers suggest."""

    audit: Audit
    proposals: tuple[RubricProposal, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"audit": self.audit.id, "proposals": [asdict(p) for p in self.proposals]}

    def __str__(self) -> str:
        """One paragraph per proposal, the surest first."""
        head = f"{self.audit.rubric}, audit {self.audit.id[:12]}"
        if not self.proposals:
            return f"{head}: the answers suggest no change that is more than chance."
        lines = [head]
        for one in self.proposals:
            chance = "" if one.q_value is None else f", q = {one.q_value:.2g}"
            lines += [
                "",
                f"{one.key[:12]}  {one.kind}: {one.about}{chance}",
                *_wrapped(one.sentence),
                f"  {len(one.items_for)} items speak for it, {len(one.items_against)} against it",
            ]
        first = self.proposals[0].key[:12]
        return "\n".join(
            [*lines, "", f"Next:  workbench rubric decide {first} --accept --by YOU --why REASON"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveSummary:
    """What held-out answers say of a version."""

    proof: Proof

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return self.proof.to_dict()

    def __str__(self) -> str:
        """What was measured, and what comes next."""
        first, *lines = effect_lines(self.proof)
        text = [
            *_wrapped(f"{self.proof.rubric} {first}", indent=""),
            *(part for line in lines for part in _wrapped(line)),
        ]
        if self.proof.proved:
            text.append(f"Next:  workbench rubric use {self.proof.rubric} --by YOU --why REASON")
        return "\n".join(text)


def propose_changes(
    store: Store, *, audit: str | None = None, writer: str | None = None
) -> ProposeSummary:
    """Suggest changes by an audit's answers; `writer` is a text model that words them better.

    Raises:
        StoreError: There is no such audit.
        ModelError: The writer cannot be loaded.
    """
    model = None if writer is None else load_text(writer)
    found = find_audit(store, audit)
    proposals = propose(store, found)
    worded = reword(proposals, model)
    for before, after in zip(proposals, worded, strict=True):
        if after.key != before.key:
            add_proposal(store, after)
    return ProposeSummary(audit=found, proposals=worded)


def decide_on(
    store: Store,
    proposal: str,
    *,
    accept: bool,
    by: str,
    why: str,
    edit: Path | None = None,
) -> str:
    """Store a person's decision, and say what stands accepted.

    Raises:
        RubricError: The edit cannot be read or does not fit.
        StoreError: There is no such proposal.
    """
    if edit is not None and not accept:
        raise RubricError("an edit goes with --accept: what is refused is not edited")
    decision: Decision = "refused" if not accept else "accepted" if edit is None else "edited"
    event = decide(
        store, proposal, decision, by=by, why=why, edit=None if edit is None else _read_edit(edit)
    )
    found = store.find(RubricProposal, event.about)
    label = event.rubric if found is None else found.rubric
    number = len(accepted(store, label))
    text = f"{event.kind} {event.about[:12]}; {number} of {label} stand accepted"
    return f"{text}\nNext:  workbench rubric prove" if number else text


def prove_accepted(
    store: Store,
    *,
    by: str,
    audit: str | None = None,
    judge: str | None = None,
    quiet: bool = False,
) -> ProveSummary:
    """Make the version of everything accepted for the audit's rubric, and test it on held-out answers.

    Args:
        store: Holds the audit.
        by: Who asks.
        audit: Id, or the beginning of one; None: the latest that brought an answer.
        judge: Judges both versions; None: the judge of the audit.
        quiet: No progress bars.

    Raises:
        RubricError: Nothing is accepted.
        CalibrationError: No answer can test it.
    """
    found = find_audit(store, audit)
    made = next_version(store, found.rubric, by=by)
    name = judge or found.judge
    arguments = {"rubric": made.label, "judge": name, "audit": found.id}
    with record(store, "rubric prove", arguments, quiet=quiet) as recorder:

        def judge_by(rubric: Rubric, generations: Sequence[Generation]) -> JudgedBy:
            judged = judge_generations(store, name, rubric, generations, recorder)
            said = {one.generation: one for one in judged.verdicts}
            return JudgedBy(verdicts=[said[g.key] for g in generations], parts=judged.parts)

        return ProveSummary(proof=prove(store, made.label, found, judge_by, by=by))


def use_version(store: Store, label: str, *, by: str, why: str) -> str:
    """Take a proved version into use, or go back to one that was.

    Raises:
        RubricError: There is no proof; the message says what is missing.
    """
    event = make_current(store, label, by=by, why=why)
    return (
        f"{label} is in use, by {event.by}.\n"
        f"Next:  workbench judge --rubric {event.rubric}@current\n"
        f"Back:  workbench rubric use {event.details['before']} --by YOU --why REASON"
    )


def tell_history(store: Store, name: str) -> str:
    """The changelog of a rubric, the latest first."""
    entries = history(store, name)
    if not entries:
        return f"Nothing happened to {name!r} yet: `workbench rubric propose` suggests changes."
    used = current(store, name)
    head = f"{name}: {used} is in use" if used else f"{name}: no version was taken into use yet"
    told = ["\n".join(_fitted(line) for line in str(entry).splitlines()) for entry in entries]
    return "\n\n".join([head, *told])


def _read_edit(path: Path) -> Edit:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RubricError(
            f"want an edit as JSON, as `workbench rubric propose --json` shows it, but {str(path)!r} cannot be "
            f"read ({error})"
        ) from None
    if not isinstance(data, dict):
        raise RubricError(f"want an edit as a JSON object, got {data!r} in {str(path)!r}")
    return Edit.from_dict(data)


def _fitted(line: str) -> str:
    """A line in 80 columns, what is left of it further in than its beginning."""
    inside = " " * (len(line) - len(line.lstrip()) + 2)
    return "\n".join(textwrap.wrap(line, _COLUMNS, subsequent_indent=inside))


def _wrapped(text: str, *, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, _COLUMNS, initial_indent=indent, subsequent_indent=f"{indent}  ")

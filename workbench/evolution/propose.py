"""From an answered audit to proposals that a person decides on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from workbench.calibration import benjamini_hochberg
from workbench.calibration.audited import rubric_of
from workbench.errors import RubricError
from workbench.evolution.edits import Edit, apply_edits
from workbench.evolution.evidence import read_all_evidence
from workbench.evolution.measured import read_instruments
from workbench.evolution.rules import Candidate, candidates, unasked_failures
from workbench.evolution.sides import deal_sides, require_side, units_read
from workbench.records import Audit, RubricEvent, RubricProposal, content_key
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

FALSE_SHARE = 0.10
"""Of the proposals, the share that may be chance on average (Benjamini and Hochberg, over all changes tried)."""
NEW_EVIDENCE = 3
"""Items that a change which was refused needs beyond those that it had, to be proposed again."""


def propose(store: Store, audit: Audit, *, most: int = 8) -> tuple[RubricProposal, ...]:
    """Suggest changes of the audit's rubric by the answers of proposing items, and store them.

    Answers of all audits about the same judge, version and part of the items count (`read_all_evidence`).

    Where people name a failure that no criterion asks about, the instruments that the rubric does not use read the
    proposing items. Items get their side first (`deal_sides`); answers of the others are not looked at. The surest change
    comes first. Done again with the same answers it finds the same proposals.

    Args:
        store: Holds the audit, its verdicts and its answers.
        audit: Answered in part at least; says which version is meant.
        most: Proposals at most; a person reads each.

    Raises:
        RubricError: The store does not hold the audit's rubric.
        CalibrationError: The store does not hold what the audit drew.
        PhotoError: A picture that an instrument should read cannot be decoded.
    """
    rubric = rubric_of(store, audit.rubric)
    if rubric is None:
        raise RubricError(
            f"want the rubric {audit.rubric!r} of audit {audit.id[:12]}, but {store.url} does not hold it: "
            "judge with it once by `workbench judge`"
        )
    evidence = read_all_evidence(store, audit)
    sides = deal_sides(store, audit, evidence)
    own = [one for one in evidence if sides[one.unit] == "propose"]
    readings = read_instruments(store, rubric, own) if unasked_failures(rubric, own) else None
    tried = candidates(rubric, own, readings)
    adjusted = benjamini_hochberg([one.p_value for one in tried])
    sure = sorted(
        (
            (q, one)
            for one, q in zip(tried, adjusted, strict=True)
            if q is not None and q <= FALSE_SHARE
        ),
        key=lambda pair: (pair[1].p_value, pair[1].kind, pair[1].about),
    )
    refused = _refused(store, rubric.name)
    read = tuple(sorted(one.key for one in own))
    simulated = any(one.simulated for one in own)
    found = [
        _record(rubric, audit, one, q, read=read, simulated=simulated)
        for q, one in sure
        if not _comes_back(one, refused) and _valid(rubric, one.edit)
    ][:most]
    store.add(found)
    return tuple(store.records(RubricProposal, [one.key for one in found]))


def add_proposal(store: Store, proposal: RubricProposal) -> None:
    """Store a proposal that a person or a program of theirs wrote.

    Raises:
        LeakageError: An item that speaks for it, against it or was read is not on the proposing side.
        RubricError: The edit cannot be read, or contradicts the rubric.
    """
    require_side(
        store,
        units_read(store, [*proposal.read, *proposal.items_for, *proposal.items_against]),
        "propose",
        purpose="suggest a change of a rubric",
    )
    rubric = rubric_of(store, proposal.rubric)
    if rubric is None:
        raise RubricError(f"want a rubric of the store, got {proposal.rubric!r}")
    apply_edits(rubric, [Edit.from_dict(proposal.edit)], version=rubric.version + 1)
    store.add([proposal])


def proposal_key(proposal: RubricProposal) -> str:
    """Content key of what a proposal says; `key` and the moment are left out."""
    content = asdict(proposal)
    return content_key("rubric proposal", {k: content[k] for k in content if k not in _MAKING})


_MAKING = {"key", "created_at", "simulated"}


def _record(
    rubric: Rubric,
    audit: Audit,
    one: Candidate,
    q_value: float,
    *,
    read: tuple[str, ...],
    simulated: bool,
) -> RubricProposal:
    said = RubricProposal(
        key="",
        rubric=rubric.label,
        audit=audit.id,
        kind=one.kind,
        about=one.about,
        edit=one.edit.to_dict(),
        sentence=one.sentence,
        items_for=one.items_for,
        items_against=one.items_against,
        read=read,
        effect={name: estimate.to_dict() for name, estimate in one.effect.items()},
        p_value=one.p_value,
        q_value=q_value,
        simulated=simulated,
    )
    return replace(said, key=proposal_key(said))


def _valid(rubric: Rubric, edit: Edit) -> bool:
    try:
        apply_edits(rubric, [edit], version=rubric.version + 1)
    except RubricError:  # a person's words may be no id or no text of a rubric
        return False
    return True


def _refused(store: Store, name: str) -> Sequence[RubricProposal]:
    """Proposals for any version of the rubric that stand refused."""
    last: dict[str, str] = {}
    for event in store.records(RubricEvent):
        if event.rubric == name and event.kind in {"accepted", "edited", "refused"}:
            last[event.about] = event.kind
    return list(store.records(RubricProposal, [k for k, kind in last.items() if kind == "refused"]))


def _comes_back(one: Candidate, refused: Sequence[RubricProposal]) -> bool:
    """Whether a change was refused already, and too little speaks for it that was not known then."""
    same = [r for r in refused if (r.kind, r.about) == (one.kind, one.about)]
    known = {key for r in same for key in r.items_for}
    return bool(same) and len(set(one.items_for) - known) < NEW_EVIDENCE

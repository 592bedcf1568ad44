"""A person accepts, edits or refuses a proposal, and what was accepted becomes the next version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from workbench.calibration.audited import rubric_of
from workbench.errors import RubricError, StoreError
from workbench.evolution.edits import Edit, apply_edits
from workbench.records import RubricEvent, RubricProposal, content_key
from workbench.rubric import Rubric, dump_rubric, parse_rubric

if TYPE_CHECKING:
    from workbench.store import Store

Decision = Literal["accepted", "edited", "refused"]


def decide(
    store: Store,
    proposal: str,
    decision: Decision,
    *,
    by: str,
    why: str,
    edit: Edit | None = None,
    simulated: bool = False,
) -> RubricEvent:
    """Store what a person decided about a proposal; a later decision takes the place of an earlier one.

    Args:
        store: Holds the proposal.
        proposal: Its key, or the beginning of one.
        decision: `edited`: accepted, with `edit` instead of its own.
        by: Who decides.
        why: In their words; refusals are read again when the change is suggested again.
        edit: For `edited`, and only there.
        simulated: True where no person decided.

    Raises:
        StoreError: There is no such proposal, or somebody else decided at the same moment.
        RubricError: `by` or `why` is empty, `edit` does not fit the decision or the rubric.
    """
    found = find_proposal(store, proposal)
    if not by.strip() or not why.strip():
        raise RubricError(f"want who decides and why, got by={by!r}, why={why!r}")
    if (edit is not None) != (decision == "edited"):
        raise RubricError(
            f"an edit goes with the decision 'edited' and only there, got {decision!r}"
        )
    base = _rubric(store, found.rubric)
    if decision != "refused":
        apply_edits(base, [edit or Edit.from_dict(found.edit)], version=base.version + 1)
    earlier = [e for e in events(store, base.name) if e.about == found.key]
    details: Mapping[str, object] = {} if edit is None else {"edit": edit.to_dict()}
    if earlier:
        last = earlier[-1]
        if (last.kind, last.by, last.why, last.details) == (decision, by, why, details):
            return last
    event = RubricEvent(
        id=content_key("rubric decision", found.key, len(earlier)),
        rubric=base.name,
        kind=decision,
        about=found.key,
        by=by,
        why=why,
        details=details,
        simulated=simulated,
    )
    store.add([event])
    return event


def accepted(store: Store, rubric: str) -> dict[str, Edit]:
    """Proposals for `<name>@<version>` that stand accepted: key to the edit, in the order of decision."""
    name = rubric.rpartition("@")[0]
    said: dict[str, RubricEvent] = {}
    for event in events(store, name):
        if event.kind in {"accepted", "edited", "refused"}:
            said.pop(event.about, None)
            said[event.about] = event
    proposals = {p.key: p for p in store.records(RubricProposal, list(said))}
    return {
        key: Edit.from_dict(
            _mapping(event.details["edit"]) if event.kind == "edited" else proposals[key].edit
        )
        for key, event in said.items()
        if event.kind != "refused" and key in proposals and proposals[key].rubric == rubric
    }


def next_version(store: Store, rubric: str, *, by: str) -> Rubric:
    """The version that everything accepted for `<name>@<version>` makes, kept in the store.

    Done again it gives the same version, also after it was stopped half-way.

    Raises:
        RubricError: Nothing is accepted, the rubric is not in the store, or edits contradict each other.
    """
    base = _rubric(store, rubric)
    edits = accepted(store, rubric)
    if not edits:
        raise RubricError(
            f"no proposal for {rubric} stands accepted: see `workbench rubric propose`, then "
            "`workbench rubric decide`"
        )
    with store.alone("rubric versions"):
        versions = sorted(int(v) for v in store.rubrics(name=base.name)["version"])
        made = next(
            (
                same
                for version in versions
                if version > base.version
                and (same := apply_edits(base, [*edits.values()], version=version)).digest
                == _digest(store, base.name, version)
            ),
            None,
        ) or apply_edits(base, [*edits.values()], version=versions[-1] + 1)
        store.add_rubric(made.name, made.version, made.digest, dump_rubric(made))
        event = RubricEvent(
            id=content_key("rubric version", base.digest, made.digest, sorted(edits)),
            rubric=made.name,
            kind="made",
            about=made.label,
            by=by,
            details={"from": base.label, "proposals": list(edits)},
        )
        if store.find(RubricEvent, event.id) is None:
            store.add([event])
    return made


def find_proposal(store: Store, key: str) -> RubricProposal:
    """The proposal with this key or the beginning of one.

    Raises:
        StoreError: There is none, or several begin so.
    """
    fitting = [one for one in store.records(RubricProposal) if one.key.startswith(key)]
    if len(fitting) != 1 or not key:
        what = "no proposal begins" if not fitting else f"{len(fitting)} proposals begin"
        raise StoreError(f"{what} with {key!r}: see `workbench rubric propose`")
    return fitting[0]


def events(store: Store, name: str) -> list[RubricEvent]:
    """What happened to the rubric called `name`, in the order in which it was stored."""
    return [event for event in store.records(RubricEvent) if event.rubric == name]


def _rubric(store: Store, label: str) -> Rubric:
    found = rubric_of(store, label)
    if found is None:
        raise RubricError(f"want a rubric of the store, such as 'listing@1', got {label!r}")
    return found


def _digest(store: Store, name: str, version: int) -> str | None:
    text = store.rubric_text(name, version)
    try:
        return None if text is None else parse_rubric(text, where=f"{name}@{version}").digest
    except RubricError:
        return None


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise StoreError(f"a decision holds an edit that is none: {value!r}")
    return value

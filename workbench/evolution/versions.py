"""Testing a version, taking it into use, going back, and what happened to a rubric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.calibration.audited import rubric_of
from workbench.errors import CalibrationError, LeakageError, RubricError, StoreError
from workbench.evolution.decisions import events
from workbench.evolution.evidence import Evidence, read_all_evidence
from workbench.evolution.proof import Proof, measure
from workbench.evolution.sides import require_apart, require_side, sides_of, units_read
from workbench.records import Audit, Generation, RubricEvent, RubricProposal, Verdict, content_key
from workbench.rubric import Rubric, load_rubric

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBy:
    """What one version of a rubric says of generations, and who said it."""

    verdicts: Sequence[Verdict]
    """One for each generation, in order."""
    parts: Mapping[str, str]
    """Who answered criteria to its revision, as `RubricJudge.parts` has it; of several catalogues, each under
    `<catalogue>/`."""


JudgeBy = Callable[[Rubric, Sequence[Generation]], JudgedBy]
"""Judges these generations by a rubric; what is stored is not judged again."""


def prove(
    store: Store,
    label: str,
    audit: Audit,
    judge: JudgeBy,
    *,
    by: str,
    generations: Iterable[str] | None = None,
) -> Proof:
    """Test the version `label` against the one it was made from, and store what came of it.

    Both versions are judged on the proving items of `audit` and of all others about the same judge, version and part
    of the items (`read_all_evidence`), by the same model and instruments as far as both
    ask them; a version may bring an instrument in, or leave one out. Done again with the same answers it finds
    the same test; with other answers it is another try, at a stricter level.

    Args:
        store: Holds the version, the audit and its answers.
        label: `<name>@<version>`, made by `next_version`.
        audit: By the version that it was made from.
        judge: Judges with either version.
        by: Who asks.
        generations: Keys of answered generations to test by; None: all of the proving side.

    Raises:
        LeakageError: An item suggested a change in this version, or is nearly one that did.
        RubricError: `label` was not made from the rubric of the audit.
        CalibrationError: No answer can test it, or what both versions ask was answered by others.
        JudgingError: The judge does not answer a criterion of it.
    """
    made = _made(store, label)
    old, new = rubric_of(store, str(made.details["from"])), rubric_of(store, label)
    if old is None or new is None or audit.rubric != old.label:
        raise RubricError(
            f"{label} was made from {made.details['from']}, and audit {audit.id[:12]} is about {audit.rubric}: "
            "test it by an audit of the version that it was made from"
        )
    evidence = _proving(store, audit, generations)
    require_apart(store, _proposing(store, label), evidence)
    if not evidence:
        raise CalibrationError(
            f"no answered item may test {label}: `workbench audit --size` draws more, and what people answer "
            "about the half that suggests nothing can test it"
        )
    own = [one.generation for one in evidence]
    before, after = judge(old, own), judge(new, own)
    if others := sorted(
        p for p in before.parts if after.parts.get(p, "") not in {"", before.parts[p]}
    ):
        raise CalibrationError(
            f"{old.label} and {label} were judged by different revisions of {', '.join(map(repr, others))}, so a "
            "difference would say nothing of the rubric: judge both with one"
        )
    verdicts = before.verdicts, after.verdicts
    revisions = {v.revision for own in verdicts for v in own}
    keys = [one.key for one in evidence]
    identity = content_key(
        "rubric proof", old.digest, new.digest, sorted(revisions),
        sorted((one.key, one.suitable) for one in evidence),
    )  # fmt: skip
    with store.alone("rubric proofs"):
        stored = store.find(RubricEvent, identity)
        if stored is not None:
            return Proof.from_dict(stored.details)
        earlier = [
            e
            for e in events(store, new.name)
            if e.kind == "tested" and set(keys) & set(_texts(e.details.get("keys")))
        ]
        proof = measure(
            old, new, evidence, verdicts, audit=audit.id, tries=len(earlier) + 1, seed=audit.seed
        )
        store.add(
            [
                RubricEvent(
                    id=identity,
                    rubric=new.name,
                    kind="tested",
                    about=label,
                    by=by,
                    why=proof.sentence,
                    details=proof.to_dict(),
                    simulated=proof.simulated,
                )
            ]
        )
    return proof


def current(store: Store, name: str) -> str | None:
    """`<name>@<version>` in use; None where none was ever taken into use, and the shipped one stands."""
    used = [e.about for e in events(store, name) if e.kind == "used"]
    return used[-1] if used else None


def find_rubric(store: Store, text: str) -> Rubric:
    """The rubric that `text` names: a file, a shipped one, `<name>@<version>` or `<name>@current` of the store.

    Raises:
        RubricError: There is none, or it cannot be read.
        StoreError: `@current`, and no version was taken into use.
    """
    name, at, version = text.rpartition("@")
    if not at or "/" in text or text.endswith((".yaml", ".yml")):
        return load_rubric(text)
    label = current(store, name) if version == "current" else text
    if label is None:
        raise StoreError(
            f"no version of {name!r} was taken into use in {store.url}: `workbench rubric use` does that"
        )
    found = rubric_of(store, label)
    if found is None:
        raise RubricError(f"the store {store.url} holds no rubric {label!r}")
    return found


def make_current(
    store: Store, label: str, *, by: str, why: str, simulated: bool = False
) -> RubricEvent:
    """Take the version `label` into use, or go back to one that was in use before.

    Raises:
        RubricError: It is not in the store, or there is no proof that it is better than the version it was
            made from; the message says what is missing.
        LeakageError: Its proof used items that suggested it.
    """
    name = label.rpartition("@")[0]
    if rubric_of(store, label) is None:
        raise RubricError(f"want a version of a rubric that the store holds, got {label!r}")
    if not by.strip() or not why.strip():
        raise RubricError(f"want who takes it into use and why, got by={by!r}, why={why!r}")
    happened = events(store, name)
    used = [e for e in happened if e.kind == "used"]
    if used and used[-1].about == label:
        return used[-1]
    if not _was_in_use(happened, label):
        _require_proof(store, label, happened, used[-1].about if used else None)
    event = RubricEvent(
        id=content_key("rubric in use", name, len(used)),
        rubric=name,
        kind="used",
        about=label,
        by=by,
        why=why,
        details={"before": used[-1].about if used else _first(happened)},
        simulated=simulated,
    )
    store.add([event])
    return event


def _require_proof(
    store: Store, label: str, happened: Sequence[RubricEvent], in_use: str | None
) -> None:
    made = _made(store, label)
    base = str(made.details["from"])
    if in_use not in {None, base}:
        raise RubricError(
            f"{label} was made from {base} and tested against it, but {in_use} is in use: go back to {base} "
            f"first, or accept its changes for {in_use} and test those"
        )
    tests = [e for e in happened if e.kind == "tested" and e.about == label]
    if not tests:
        raise RubricError(
            f"{label} cannot become current without a proof: `workbench rubric prove` tests it on answers that "
            "did not suggest it"
        )
    proofs = [Proof.from_dict(e.details) for e in tests]
    proof = next((one for one in reversed(proofs) if one.proved and not one.missing), None)
    if proof is None:
        raise RubricError(
            f"{label} cannot become current: on {len(proofs[-1].keys)} held-out answers "
            f"{'; '.join(proofs[-1].missing) or 'nothing was proved'}"
        )
    if proof.against != base:
        raise RubricError(f"{label} was tested against {proof.against}, not {base}: test it again")
    tested = units_read(store, proof.keys)
    require_side(store, tested, "prove", purpose="test a rubric")
    suggested = _proposing(store, label)
    if both := sorted(set(tested) & set(suggested)):
        raise LeakageError(
            f"items that suggested {label} also tested it: {', '.join(map(repr, both[:5]))}"
        )
    require_side(store, suggested, "propose", purpose="suggest a change of a rubric")


def _proving(store: Store, audit: Audit, generations: Iterable[str] | None) -> list[Evidence]:
    evidence = read_all_evidence(store, audit)
    if generations is None:
        sides = sides_of(store, [one.unit for one in evidence])
        return [one for one in evidence if sides.get(one.unit) == "prove"]
    wanted = list(dict.fromkeys(generations))
    require_side(store, units_read(store, wanted), "prove", purpose="test a rubric")
    there = {one.key: one for one in evidence}
    if lost := [key for key in wanted if key not in there]:
        raise CalibrationError(
            f"{len(lost)} of {len(wanted)} generations have no answer in audits like {audit.id[:12]}, such as "
            f"{lost[0][:12]!r}"
        )
    return [there[key] for key in wanted]


def _proposing(store: Store, label: str) -> list[str]:
    """Units whose answers suggested what the version changes, to whoever made it."""
    made = [e for e in events(store, label.rpartition("@")[0]) if e.kind == "made"]
    keys = {k for e in made if e.about == label for k in _texts(e.details.get("proposals"))}
    proposals = store.records(RubricProposal, sorted(keys))
    read = {k for p in proposals for k in (*p.read, *p.items_for, *p.items_against)}
    return units_read(store, sorted(read))


def _made(store: Store, label: str) -> RubricEvent:
    name = label.rpartition("@")[0]
    made = [e for e in events(store, name) if e.kind == "made" and e.about == label]
    if not made:
        raise RubricError(
            f"want a version that accepted proposals made, got {label!r}: see `workbench rubric history`"
        )
    return made[-1]


def _was_in_use(happened: Sequence[RubricEvent], label: str) -> bool:
    """Whether going to it is going back."""
    return any(e.kind == "used" and label in {e.about, e.details.get("before")} for e in happened)


def _first(happened: Sequence[RubricEvent]) -> str | None:
    """What stood before anything was taken into use: the version that the first one was made from."""
    made = [e for e in happened if e.kind == "made"]
    return str(made[0].details["from"]) if made else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()

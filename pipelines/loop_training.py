"""What a round of the circle learns: a writer from corrected answers and pairs, a rubric from wrong approvals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipelines.judge import INSTRUMENTS
from pipelines.preferences import build_and_check
from pipelines.rubric_evolution import prove_accepted
from pipelines.sft import stages_of
from pipelines.training_data import apart
from workbench.errors import CalibrationError, RubricError
from workbench.evolution import (
    accepted,
    current,
    decide,
    effect_lines,
    make_current,
    propose,
    read_all_evidence,
)
from workbench.preferences import load_reader
from workbench.records import Audit, RubricProposal
from workbench.training import TrainingPlan, load_plan, train_dpo, train_sft, training_pair

if TYPE_CHECKING:
    from pipelines.recorder import Recorder
    from workbench.preferences import Pair
    from workbench.store import Store

Training = Literal["sft+dpo", "sft", "dpo"]
"""`sft`: the corrected answers alone. `dpo`: corrected against given ones. `sft+dpo`: one after the other."""
_STEPS: Mapping[Training, tuple[Literal["sft", "dpo"], ...]] = {
    "sft+dpo": ("sft", "dpo"),
    "sft": ("sft",),
    "dpo": ("dpo",),
}
FEWEST_PAIRS = 8
"""With fewer nothing is trained."""
_ASIDE = 0.1
"""Share of the corrected items that are not learnt and choose the weights."""
_PLANS: Mapping[Literal["sft", "dpo"], TrainingPlan] = {
    "sft": TrainingPlan(
        method="sft", learning_rate=5e-4, epochs=8, batch=16, attention="eager", patience=2
    ),
    "dpo": TrainingPlan(
        method="dpo", learning_rate=5e-5, epochs=1, batch=8, attention="eager", sft_weight=0.2
    ),
}
"""For a few hundred corrected answers and a small model on a laptop's cores."""
DECIDER = "simulated:decider"
FEWEST_RIGHT = 5
"""Right approvals among the items that suggest changes, below which the simulated decider tests none: with hardly any,
no version can be shown to keep them, and each test makes the next one stricter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What people's answers changed."""

    pairs: int
    """Learnt from: corrected against given answers."""
    left_out: Mapping[str, int]
    """Reason to answers and pairs that were not fit."""
    model: str
    """String of the model that came of it; the round's own where too little was corrected to train."""
    rubric: str
    """`<name>@<version>` that the next round judges by."""
    proposals: int
    """Changes of the rubric that the answers suggest."""
    changed: tuple[str, ...] = ()
    """What became of the rubric, and how sure that is, a sentence a line."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def train_writer(
    store: Store,
    model: str,
    recorder: Recorder,
    *,
    audits: Sequence[str],
    training: Training,
    plan: str | None,
    out: Path,
    seed: int,
) -> tuple[str, int, dict[str, int]]:
    """Train the writer on what the answers to `audits` corrected; stopped, it goes on at its checkpoint.

    Args:
        store: Holds the answers; takes the pairs.
        model: To start from.
        recorder: Of the run.
        audits: Of items that may train.
        training: What on.
        plan: As for `load_plan`; None: a few minutes of a small model.
        out: Folder of the trainings.
        seed: Of their order, and of the items that choose the weights.

    Returns:
        The trained model's string, or `model` where fewer than `FEWEST_PAIRS` pairs are fit; the pairs; and
        what was left out by reason.

    Raises:
        LeakageError: A pair is about an item that is held out.
        ModelError: The model cannot be trained.
    """
    report = build_and_check(store, recorder, reader=load_reader(model), audits=audits)
    kept = [one for one in report.checked.kept if one.kind == "text"]
    left = {
        f"{one.name}: {one.reason}": one.count
        for one in (*report.built.left_out, *report.checked.left_out)
    }
    store.require_train(sorted({one.item for one in kept if one.item is not None}))
    store.add(one.record() for one in kept)
    if len(kept) < FEWEST_PAIRS:
        return model, len(kept), left
    for method in _STEPS[training]:
        model = _train(store, model, kept, recorder, method=method, plan=plan, out=out, seed=seed)
    return model, len(kept), left


def _train(
    store: Store,
    model: str,
    pairs: Sequence[Pair],
    recorder: Recorder,
    *,
    method: Literal["sft", "dpo"],
    plan: str | None,
    out: Path,
    seed: int,
) -> str:
    rows = [training_pair(one) for one in pairs]
    learnt, aside = apart(rows, share=_ASIDE, seed=seed)
    how: dict[str, Any] = {
        "plan": _PLANS[method] if plan is None else load_plan(plan, method),
        "out": out / method,
        "photos": store.images.get,
        "cache": out / "photos",
        "stages": stages_of(recorder),
    }
    if method == "dpo":
        return train_dpo(model, learnt, evaluation=aside, **how).model
    right, kept_back = ([one.chosen_example() for one in part] for part in (learnt, aside))
    return train_sft(model, right, evaluation=kept_back, **how).model


def change_rubric(
    store: Store, audit: Audit, *, judge: str, simulated: bool, quiet: bool
) -> tuple[str, int, tuple[str, ...]]:
    """Propose changes by half of the answers and, where nobody else decides, accept and test them on the others.

    Simulated, a program decides and only a proved version comes into use: changes whose effect on the items that
    suggest them is known are tried first, where they catch more than they lose; else those that a judge answers by
    reading. With fewer than `FEWEST_RIGHT` right approvals nothing is tried yet. What was accepted before and not proved is refused, so that it does not stand in the way. Where people
    answer, people decide (`workbench rubric decide`, `prove`, `use`), and what is in use then counts.

    Args:
        store: Holds the answers.
        audit: Of items that may train.
        judge: Judges both versions.
        simulated: Nobody is there to decide.
        quiet: No progress bars.

    Returns:
        The rubric that is in use now, how many changes were proposed, and what became of them in sentences.
    """
    name = audit.rubric.rpartition("@")[0]
    if not simulated:
        proposals = propose(store, audit)
        waiting = (
            f"{len(proposals)} proposals wait: workbench rubric propose --audit {audit.id[:12]}",
        )
        return current(store, name) or audit.rubric, len(proposals), waiting if proposals else ()
    for old in store.records(RubricProposal, list(accepted(store, audit.rubric))):
        if old.audit != audit.id:
            _decide(store, old.key, "refused", "Tested with other answers, and not proved.")
    proposals = propose(store, audit)
    used, told = _try(store, audit, proposals, judge, quiet=quiet)
    return used, len(proposals), told


def _try(
    store: Store, audit: Audit, proposals: Sequence[RubricProposal], judge: str, *, quiet: bool
) -> tuple[str, tuple[str, ...]]:
    """Accept what is worth it, test it, and take it into use where it is proved: the rubric in use, and why."""
    worth = {one.about: one for one in reversed(_worth_trying(proposals, judge))}
    if not worth:
        return audit.rubric, ()
    if (right := _right_approvals(store, audit, proposals[0])) < FEWEST_RIGHT:
        why = f"not tested yet: right approvals among what may suggest changes: {right} ({FEWEST_RIGHT} are wanted)"
        return audit.rubric, (why,)
    for one in worth.values():
        _decide(store, one.key, "accepted", "Every change that is sure is tried.")
    try:
        proof = prove_accepted(store, by=DECIDER, audit=audit.id, judge=judge, quiet=quiet).proof
    except CalibrationError as error:
        return audit.rubric, (f"not tested: {error}",)
    told = tuple(effect_lines(proof))
    if not proof.proved:
        return audit.rubric, told
    try:
        make_current(
            store, proof.rubric, by=DECIDER, why="Proved on answers that did not suggest it.",
            simulated=True,
        )  # fmt: skip
    except RubricError as error:  # another version came into use since
        return audit.rubric, (*told, f"not taken into use: {error}")
    return proof.rubric, told


def _right_approvals(store: Store, audit: Audit, proposal: RubricProposal) -> int:
    read = set(proposal.read)
    evidence = [one for one in read_all_evidence(store, audit) if one.key in read]
    return sum(one.suitable and one.verdict.approved is True for one in evidence)


def _worth_trying(proposals: Sequence[RubricProposal], judge: str) -> list[RubricProposal]:
    """Changes by thresholds and instruments, whose effect is known; where none is, those that the judge has to read."""
    known = [one for one in proposals if _effect(one, "lost") is not None]
    gaining = [one for one in known if (_effect(one, "caught") or 0) > (_effect(one, "lost") or 0)]
    if gaining or not _reads_words(judge):
        return gaining
    return [one for one in proposals if one not in known]


def _effect(proposal: RubricProposal, name: str) -> float | None:
    """Share of the wrong approvals that a change catches, or of the right ones that it loses; None: not known."""
    estimate = proposal.effect.get(name)
    value = estimate.get("value") if isinstance(estimate, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _decide(store: Store, key: str, decision: Literal["accepted", "refused"], why: str) -> None:
    decide(store, key, decision, by=DECIDER, why=why, simulated=True)


def _reads_words(judge: str) -> bool:
    """Whether a judge answers any question, not only those that it was built for."""
    return not judge.startswith("heads:") and judge != INSTRUMENTS

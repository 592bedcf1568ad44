"""Draws judged generations for an audit, says before what it would buy, and answers from what a catalogue knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder
from workbench.calibration import Design, Expected, Plan, plan_audit
from workbench.calibration.audited import (
    draw_from,
    find_audit,
    grow_from,
    learned_scores,
    unanswered,
)
from workbench.calibration.audits.population import (
    Selection,
    latest_selection,
    select_decisions,
    selection_of,
)
from workbench.catalog.truth import Judged as JudgedByTruth
from workbench.catalog.truth import annotate_from_truth
from workbench.errors import CalibrationError, StoreError
from workbench.records import Audit, Generation, Item, Part, Verdict
from workbench.rubric import Rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

_INSTRUMENT = "instrument:"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditJob:
    """What `audit_store` and `plan_store` are asked for."""

    size: int
    """Generations to draw."""
    design: Design
    part: Part
    """Of the split: `eval` items never train anything. Where nothing was ever split, all are meant."""
    seed: int
    judge: str | None = None
    """None: the one whose verdict was stored last; so are `rubric` and `model`."""
    rubric: str | None = None
    model: str | None = None
    by_category: bool = False
    threshold: float | None = None
    """For the design `near-threshold`."""
    learn_from: str | None = None
    """An audit whose answers say what to expect of a confidence; None: the confidence itself does."""
    grow: str | None = None
    """An audit to draw on; its own design, seed and population count then."""
    promise: float = 0.9
    """Precision that a plan is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """An audit that was drawn, or found."""

    audit: Audit
    known: bool
    """True where the store held it already."""
    unanswered: int

    def as_dict(self) -> dict[str, object]:
        """As JSON; the drawn items are in the store."""
        audit = self.audit
        taken = Counter(item.stratum for item in audit.drawn)
        return {
            "audit": audit.id, "judge": audit.judge, "rubric": audit.rubric,
            "design": audit.design, "seed": audit.seed, "drawn": len(audit.drawn),
            "unanswered": self.unanswered, "known": self.known,
            "strata": {n: {"population": c, "drawn": taken[n]} for n, c in audit.strata.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        audit = self.audit
        taken = Counter(item.stratum for item in audit.drawn)
        width = max(map(len, audit.strata))
        lines = [
            f"{audit.judge} by {audit.rubric}: {len(audit.drawn):,} of "
            f"{sum(audit.strata.values()):,} decided verdicts are drawn, {audit.design}, seed {audit.seed}",
            *(
                f"  {name:<{width}}  {taken[name]:>6,} of {size:>9,}   probability {taken[name] / size:.4f}"
                for name, size in audit.strata.items()
            ),
        ]
        state = "was in the store already" if self.known else "is stored"
        answers = (
            f"{self.unanswered:,} wait for an answer" if self.unanswered else "all are answered"
        )
        return "\n".join([*lines, f"Audit {audit.id[:12]} {state}; {answers}."])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """Plans, and whose verdicts they are about."""

    judge: str
    rubric: str
    verdicts: int
    """Decided ones, that an audit would draw from."""
    others: tuple[str, ...]
    """Judges and rubrics whose verdicts are stored too, where none was asked for by name."""
    plans: tuple[Plan, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.judge} by {self.rubric}: {self.verdicts:,} decided verdicts"]
        if self.others:
            lines.append(f"(stored too: {', '.join(self.others)}; --judge and --rubric choose)")
        return "\n".join([*lines, "", describe_plans(self.plans)])


def audit_store(store: Store, job: AuditJob) -> AuditSummary:
    """Draw an audit of what is judged in the store, and store it; the same job finds the same audit.

    Raises:
        StoreError: An audit that is named is not there.
        CalibrationError: There is nothing to draw from, or the size does not do.
    """
    with _clear():
        if job.grow is not None:
            audit = grow_from(store, find_audit(store, job.grow), size=job.size)
        else:
            selection = _selection(store, job)
            audit = draw_from(
                store, selection, size=job.size, seed=job.seed, design=job.design,
                by_category=job.by_category, threshold=job.threshold,
                expected=_expected(store, job, selection),
            )  # fmt: skip
    known = store.find(Audit, audit.id)
    if known is None:
        store.add([audit])
    drawn = known or audit
    return AuditSummary(
        audit=drawn, known=known is not None, unanswered=len(unanswered(store, drawn))
    )


def plan_store(store: Store, job: AuditJob) -> PlanSummary:
    """What audits of one, two and four times the size would buy; nothing is drawn or stored.

    Raises:
        StoreError: An audit that is named is not there.
        CalibrationError: There is nothing to draw from, or the size does not do.
    """
    selection = _selection(store, job)
    decided, _ = select_decisions(store, selection)
    learned = _expected(store, job, selection)
    most = sum(d.approved is not None for d in decided)
    if not most:
        raise CalibrationError(
            f"{selection.judge} by {selection.rubric} decided none of {len(decided):,} outputs, so there is "
            "nothing to audit: choose other verdicts with --judge and --rubric, or judge again"
        )
    sizes = sorted({min(most, size) for size in (job.size, 2 * job.size, 4 * job.size)})
    with _clear():
        plans = plan_audit(
            decided,
            sizes=sizes,
            design=job.design,
            categories=[d.category for d in decided] if job.by_category else None,
            threshold=job.threshold,
            expected=None if learned is None else [learned[d.key] for d in decided],
            promise=job.promise,
        )
    asked = job.judge or job.rubric or job.learn_from
    return PlanSummary(
        judge=selection.judge,
        rubric=selection.rubric,
        verdicts=most,
        others=() if asked else _others(store, selection),
        plans=plans,
    )


def _others(store: Store, selection: Selection) -> tuple[str, ...]:
    frame = store.decisions(part=selection.part)[["judge", "rubric"]].drop_duplicates()
    pairs = sorted(zip(frame["judge"], frame["rubric"], strict=True))
    return tuple(f"{j} by {r}" for j, r in pairs if (j, r) != (selection.judge, selection.rubric))


def describe_plans(plans: Sequence[Plan]) -> str:
    """As text for a terminal: a line per size, then the strata and the words of the first."""
    first = plans[0]
    lines = [
        f"{'labels':>8}  {'approvals':>9}  {'rejections':>10}  {'precision':>13}  {'recall':>13}  "
        f"{'suitable rate':>13}",
        *(
            f"{p.labels:>8,}  {p.approvals:>9,}  {p.labels - p.approvals:>10,}  "
            + "  ".join(f"{_expectation(e):>13}" for e in (p.precision, p.recall, p.suitable_rate))
            for p in plans
        ),
        "",
        first.sentence,
        "",
    ]
    width = max(len(s.name) for s in first.strata)
    lines += [
        f"  {s.name:<{width}}  {s.drawn:>6,} of {s.population:>9,}, {s.share:.2f} expected suitable"
        for s in first.strata
    ]
    return "\n".join([*lines, *(f"note: {words}" for words in first.assumptions)])


def _expectation(rate: Expected) -> str:
    if rate.value is None or rate.half_width is None:
        return "—"
    return f"{rate.value:.2f} ± {rate.half_width:.3f}"


def _selection(store: Store, job: AuditJob) -> Selection:
    """Of whom it was asked, else of the audit to learn from, else those stored last."""
    if job.design == "near-threshold" and job.threshold is None:
        raise CalibrationError("the design near-threshold wants --threshold, such as 0.7")
    judge, rubric = job.judge, job.rubric
    taught = None if job.learn_from is None else find_audit(store, job.learn_from)
    if taught is not None:
        judge, rubric = judge or taught.judge, rubric or taught.rubric
    part = None if store.splits().empty else job.part
    found = latest_selection(store, part=part, judge=judge, rubric=rubric, model=job.model)
    if taught is not None and (found.judge, found.rubric) != (taught.judge, taught.rubric):
        raise CalibrationError(
            f"audit {taught.id[:12]} teaches what the confidence of {taught.judge} by {taught.rubric} is worth, "
            f"not that of {found.judge} by {found.rubric}: learn from an audit of the same judge and rubric"
        )
    return found


def _expected(store: Store, job: AuditJob, selection: Selection) -> dict[str, float | None] | None:
    if job.learn_from is None:
        return None
    scores = learned_scores(store, find_audit(store, job.learn_from))
    return {
        d.key: None if d.confidence is None else float(scores.apply(d.confidence))
        for d in select_decisions(store, selection)[0]
    }


@contextmanager
def _clear() -> Iterator[None]:
    """Options of a command that do not go together are told in one sentence, like other errors on purpose."""
    try:
        yield
    except ValueError as error:
        raise CalibrationError(str(error)) from error


def audit_from_truth(
    store: Store,
    generations: Sequence[Generation],
    verdicts: Sequence[Verdict],
    items: Mapping[str, Item],
    *,
    rubric: Rubric,
    schema: Schema,
    size: int,
    seed: int,
    recorder: Recorder,
) -> Audit:
    """Draw `size` of the held-out listings, approvals and rejections alike, and answer each.

    The answers are marked as simulated: nobody was asked. The same verdicts, size and seed give the
    same audit, which is then found in the store and not answered again.

    Drawn from are all listings of held-out items that the same runs left in the store, so that a run of
    fewer items finds the audit of all of them.

    Args:
        store: Takes the audit, the annotations and the corrections.
        generations: Listings of held-out items.
        verdicts: One per listing, in the same order.
        items: By id.
        rubric: That the verdicts follow.
        schema: The catalogue's.
        size: Listings to draw; all are drawn where there are fewer.
        seed: Of the draw.
        recorder: The run that this belongs to.

    Raises:
        CalibrationError: There is nothing to draw from.
    """

    def answer(generation: Generation, verdict: Verdict, audit: str) -> JudgedByTruth:
        return annotate_from_truth(
            generation,
            _item(store, items, str(generation.item)),
            schema=schema,
            rubric=rubric,
            measured={
                s.criterion: s.passed for s in verdict.scores if s.by.startswith(_INSTRUMENT)
            },
            audit=audit,
            run=recorder.id,
        )

    def answers(drawn: Sequence[tuple[Generation, Verdict]], audit: str) -> list[JudgedByTruth]:
        return [answer(generation, verdict, audit) for generation, verdict in drawn]

    selection = selection_of(verdicts, generations, part="eval")
    return draw_and_answer(
        store, selection, size=size, seed=seed, recorder=recorder, answers=answers
    )


Answers = Callable[[Sequence[tuple[Generation, Verdict]], str], Sequence[JudgedByTruth]]
"""From what was drawn, and the audit's id, to one simulated answer each, in that order."""


def draw_and_answer(
    store: Store,
    selection: Selection,
    *,
    size: int,
    seed: int,
    recorder: Recorder,
    answers: Answers | None,
) -> Audit:
    """Draw `size` of the verdicts that `selection` means, and store the draw with its answers, all or none.

    The same verdicts, size and seed give the same audit, which is then found and not answered again.

    Args:
        store: Takes the audit, the annotations and the corrections.
        selection: Which verdicts.
        size: Generations to draw; all are drawn where there are fewer.
        seed: Of the draw.
        recorder: The run that this belongs to.
        answers: Gives simulated answers; None: the audit waits for people.

    Raises:
        CalibrationError: There is nothing to draw from.
    """
    audit = draw_from(store, selection, size=size, seed=seed, run=recorder.id)
    with recorder.stage("audit", len(audit.drawn), unit="answers") as stage:
        if store.known(Audit, [audit.id]):
            stage.advance(known=len(audit.drawn))
            return audit
        written = store.records(Generation, [d.generation for d in audit.drawn])
        judged = store.records(Verdict, [d.verdict for d in audit.drawn])
        drawn = list(zip(written, judged, strict=True))
        given = answers(drawn, audit.id) if answers else []
        store.add(
            [audit, *(a.annotation for a in given), *(c for a in given for c in a.corrections)]
        )
        stage.advance(len(given))
    return audit


def _item(store: Store, items: Mapping[str, Item], name: str) -> Item:
    found = items.get(name) or store.find(Item, name)
    if found is None:
        raise StoreError(f"{store.url} holds a listing of {name!r} but not that item")
    return found

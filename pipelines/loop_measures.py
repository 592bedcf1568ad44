"""What a round of the circle measures on held-out items, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.loop_people import visible_truth
from pipelines.loop_training import Learned
from workbench.calibration.audited import calibrate_audit
from workbench.evolution import find_rubric
from workbench.metrics import Estimate, aspect_pairs
from workbench.metrics.resampling import Floats, bootstrap, sums_by_group
from workbench.records import Audit, Cost, Generation, Item, Run, RunEvent, Verdict
from workbench.rubric import Rubric
from workbench.schema import Schema
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.store import Store

PER_LABELS = 100
"""Answers about training items that a gain is told for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRound:
    """One round: what it began with, what it is worth on held-out items, what it cost."""

    number: int
    """0: the writer as it came."""
    model: str
    rubric: str
    """`<name>@<version>`."""
    audit: str
    """Id of the audit of held-out items."""
    lesson: str
    """Id of the audit of training items, whose answers teach; `""` in the last round."""
    held_out: int
    approved: int
    """Of the held-out listings."""
    failing: Mapping[str, int]
    """Criterion that decides to the held-out listings that fail it, the commonest first."""
    precision: Estimate
    """Share of approvals that people find suitable, by the audit."""
    recall: Estimate
    """Share of suitable listings that are approved, by the audit."""
    aspect_f1: Estimate
    """Of all held-out listings, against what photos can show as far as the catalogue knows it."""
    gained: Estimate | None
    """Aspect F1 less the round before's, on the same items; None for round 0."""
    learned: Learned | None
    """What it began with, learnt from the answers before; None for round 0."""
    measuring: int
    """Answers about held-out items, in this round."""
    teaching: int
    """Answers about training items, in this round."""
    simulated: bool
    """Whether nobody but simulations answered the audit."""
    taught_by: int = 0
    """Answers about training items in the rounds before."""
    per_labels: Estimate | None = None
    """Aspect F1 gained since round 0 for each `PER_LABELS` answers that taught; None for round 0."""
    cost: Cost = field(default_factory=Cost)
    """Of all starts of this round, the training that led to it included."""
    sums: Floats = field(default_factory=lambda: np.zeros((0, 3)), repr=False)
    """Shape (groups, 3): right, stated and true aspects of each group of held-out items."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "round": self.number,
            "model": self.model,
            "rubric": self.rubric,
            "audit": self.audit,
            "lesson": self.lesson,
            "held_out": self.held_out,
            "approved": self.approved,
            "failing": dict(self.failing),
            "precision": self.precision.to_dict(),
            "recall": self.recall.to_dict(),
            "aspect_f1": self.aspect_f1.to_dict(),
            "gained": self.gained and self.gained.to_dict(),
            "per_labels": self.per_labels and self.per_labels.to_dict(),
            "learned": self.learned and self.learned.as_dict(),
            "measuring": self.measuring,
            "teaching": self.teaching,
            "taught_by": self.taught_by,
            "simulated": self.simulated,
            "seconds": self.cost.seconds,
            "prompt_tokens": self.cost.prompt_tokens,
            "completion_tokens": self.cost.completion_tokens,
        }

    def __str__(self) -> str:
        lines = [
            f"round {self.number}, {self.rubric}: {self.approved:,} of {self.held_out:,} held-out listings approved",
            *([f"  refused for {_in_words(self.failing)}"] if self.failing else []),
            f"  precision {self.precision}",
            f"  recall {self.recall}",
            f"  aspect F1 {self.aspect_f1}",
        ]
        if self.gained is not None:
            lines.append(f"  gained {self.gained}")
        if self.learned is not None:
            several = "" if self.learned.proposals == 1 else "s"
            lines.append(
                f"  learnt from {self.learned.pairs:,} pairs; {self.learned.proposals:,} change{several} of the "
                "rubric proposed"
            )
        return "\n".join(lines)


def measure_round(
    store: Store,
    schema: Schema,
    items: Sequence[Item],
    made: Sequence[tuple[Generation, Verdict]],
    *,
    number: int,
    model: str,
    rubric: str,
    audit: Audit,
    lesson: Audit | None,
    learned: Learned | None,
    before: LoopRound | None,
) -> LoopRound:
    """Measure a round on its held-out items.

    Args:
        store: Holds the audit and its answers.
        schema: The catalogue's.
        items: Held out, length n.
        made: Listing and verdict of each, in that order.
        number: Of the round.
        model: That wrote.
        rubric: That was judged by.
        audit: Of held-out items, answered.
        lesson: Of training items; None in the last round.
        learned: What the round began with.
        before: The round before, on the same items; None for round 0.
    """
    groups = [group_of(one) for one in items]
    sums = aspect_sums(items, [one for one, _ in made], schema)
    by_group = sums_by_group(sums, np.asarray(groups))
    calibration = calibrate_audit(store, audit).calibration
    clustered = len(set(groups)) < len(groups)
    return LoopRound(
        number=number,
        model=model,
        rubric=rubric,
        audit=audit.id,
        lesson="" if lesson is None else lesson.id,
        held_out=len(made),
        approved=sum(v.approved is True for _, v in made),
        failing=_failing(made, find_rubric(store, rubric)),
        precision=calibration.rates.precision,
        recall=calibration.rates.recall,
        aspect_f1=bootstrap(by_group, _f1, n=len(items), clustered=clustered),
        gained=None
        if before is None
        else bootstrap(
            np.hstack([by_group, before.sums]), _more, n=len(items), clustered=clustered
        ),
        learned=learned,
        measuring=len(audit.drawn),
        teaching=0 if lesson is None else len(lesson.drawn),
        simulated=calibration.simulated,
        sums=by_group,
    )


def _in_words(failing: Mapping[str, int]) -> str:
    """Criteria with their counts."""
    return ", ".join(f"{name} {count:,}" for name, count in failing.items())


def _failing(made: Sequence[tuple[Generation, Verdict]], rubric: Rubric) -> dict[str, int]:
    deciding = {one.id for one in rubric.criteria if one.decides}
    found = Counter(
        s.criterion
        for _, verdict in made
        for s in verdict.scores
        if s.passed is False and s.criterion in deciding
    )
    return dict(found.most_common())


def aspect_sums(items: Sequence[Item], made: Sequence[Generation], schema: Schema) -> Floats:
    """Right, stated and true aspects of each listing, shape (n, 3), as sets of normalised name–value pairs."""
    rows = []
    for item, one in zip(items, made, strict=True):
        said = aspect_pairs(one.listing.aspects if one.listing else {})
        true = aspect_pairs(visible_truth(item, schema))
        rows.append((len(said & true), len(said), len(true)))
    return np.array(rows, dtype=float).reshape(-1, 3)


def share_learned(store: Store, rounds: Sequence[LoopRound], loop: str) -> Iterator[LoopRound]:
    """The rounds with what they cost, and what was gained for the labels that taught."""
    costs = _costs(store, loop)
    taught = 0
    for one in rounds:
        per = None
        if one.number and taught:
            both = np.hstack([one.sums, rounds[0].sums])

            def rate(totals: Floats, labels: int = taught) -> Floats:
                return _more(totals) * (PER_LABELS / labels)

            per = bootstrap(both, rate, n=one.held_out, clustered=len(both) < one.held_out)
        yield replace(one, taught_by=taught, per_labels=per, cost=costs.get(one.number, Cost()))
        taught += one.teaching


def _costs(store: Store, loop: str) -> dict[int, Cost]:
    """Round to the cost of all of its starts; what teaches a round belongs to it."""
    own: dict[str, int] = {}
    for run in store.records(Run):
        number = run.arguments.get("round")
        if run.arguments.get("loop") == loop and isinstance(number, int):
            own[run.id] = number + bool(run.arguments.get("learns"))
    found: dict[int, Cost] = {}
    for event in store.records(RunEvent):
        if event.kind == "stage" and event.run in own:
            number = own[event.run]
            had = found.get(number, Cost())
            found[number] = Cost(
                seconds=had.seconds + event.cost.seconds,
                prompt_tokens=had.prompt_tokens + event.cost.prompt_tokens,
                completion_tokens=had.completion_tokens + event.cost.completion_tokens,
            )
    return found


def _f1(totals: Floats) -> Floats:
    """F1 of (…, 3) totals; NaN where nothing was stated and nothing is true."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * totals[..., 0] / (totals[..., 1] + totals[..., 2]))


def _more(totals: Floats) -> Floats:
    """F1 of the first three columns less that of the last three."""
    return np.asarray(_f1(totals[..., :3]) - _f1(totals[..., 3:]))

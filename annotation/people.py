"""The people who answer: how far they agree, which way each one leans, how fast they are, what they dispute.

Everything is measured from the answers in a store; each number comes with its interval, or with the reason
why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from annotation.adjudication import APPROVED, Settlement, settle
from workbench.calibration import (
    AgainstOthers,
    AnnotatorErrors,
    Estimate,
    against_others,
    krippendorff_alpha,
    mean_pairwise_agreement,
    median_of,
    with_spread,
)
from workbench.calibration.audited import answers_to, rubric_of
from workbench.calibration.gather import people_first
from workbench.calibration.people.agreement import Scale
from workbench.records import Annotation, Audit, Generation, Item
from workbench.rubric import Rubric
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.store import Store

MODE = "failure_mode:"
"""Before the id of a failure mode, where the question is whether it is named."""
PREFERRED = "preferred"
"""Name of the question which of two outputs is better."""
_SIDES = {"generation": 0.0, "against": 1.0, "tie": 2.0, "neither": 3.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question that several people answered about the same items, and how far they agree on it."""

    id: str
    """`approved`, `preferred`, a criterion's id, or `failure_mode:<id>`."""
    scale: Scale
    """`nominal` for two points or names, `ordinal` for more points."""
    items: int
    """Items with two answers or more."""
    alpha: Estimate
    """Krippendorff's α, −1 to 1: agreement beyond chance. Items are drawn again for its interval."""
    agreement: Estimate
    """Chance that two people, drawn at random, answer one item alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator:
    """One person who answers."""

    name: str
    simulated: bool
    """True where nobody was asked: a simulation, or the catalogue's own truth."""
    answered: int
    """Items, or pairs, that they answered without seeing the judge's answer first; each counts once."""
    skipped: int
    """Items, or pairs, that they skipped and did not answer."""
    approvals: AgainstOthers
    """Agreement with most of the others, and whether they approve more (over 0) or less than the others."""
    points: Mapping[str, AgainstOthers]
    """Criterion to the same; lean is in points of its scale."""
    errors: AnnotatorErrors | None
    """How often they say no to what is a no by the vote of the others, and yes to a yes; None where they
    judged nothing alone."""
    seconds: Estimate
    """Median time of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPeople:
    """Everybody who answered, every question, and what they dispute."""

    annotators: tuple[Annotator, ...]
    """By name."""
    questions: tuple[Question, ...]
    """Approval first, then criteria in the rubric's order, then failure modes that somebody named."""
    settlement: Settlement
    not_blind: int
    """Answers given after seeing the judge's; they are left out."""
    simulated_left_out: int
    """Simulated answers that are left out because people answered."""

    def as_dict(self) -> dict[str, object]:
        """As JSON; disputes by generation, with what each person said."""
        return {
            "annotators": [asdict(one) for one in self.annotators],
            "questions": [asdict(one) for one in self.questions],
            "disputes": [
                {
                    "generation": item.generation,
                    "said": {who: one.approved for who, one in item.said.items()},
                    "differs": list(item.differs),
                    "adjudicated": item.adjudication and item.adjudication.approved,
                    "contested": item.contested,
                }
                for item in self.settlement.disputes
            ],
            "not_blind": self.not_blind,
            "simulated_left_out": self.simulated_left_out,
        }


def measure_people(
    annotations: Iterable[Annotation],
    *,
    rubric: Rubric | None = None,
    groups: Mapping[str, str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> MeasuredPeople:
    """Measure everybody who answered.

    Answers given after seeing the judge's, adjudications and answers that were deleted say nothing about
    how far people agree, and are left out; of several answers of one person about one generation the last counts.
    As soon as one person answered, simulated answers are left out too; where there are only simulated ones, they
    are measured, and each annotator says so.

    Args:
        annotations: About one rubric.
        rubric: Its scales and thresholds; None: only approvals, preferences and failure modes are compared.
        groups: Generation key to the product or prompt that it shares; a missing one stands alone.
        level: Of all intervals, between 0 and 1.
        seed: Of the resampled items.
    """
    given = list(annotations)
    settlement = settle(given, rubric=rubric, level=level)
    said = {item.generation: item.said for item in settlement.items}
    alone = _alone(given)
    pairs = _latest_preferences(alone)
    skips = [a for a in alone if a.state == "skipped"]
    counted = [one for by in (*said.values(), *pairs.values()) for one in by.values()]
    if counted and not any(a.simulated for a in counted):
        skips = [a for a in skips if not a.simulated]
    people = sorted({a.annotator for a in (*counted, *skips)})
    keys = list(said)
    alike = [(groups or {}).get(key) or f"alone:{key}" for key in keys]

    def held(value: _Value) -> dict[str, AgainstOthers]:
        table = _table(said, people, value)
        return against_others(table, groups=alike, level=level, seed=seed)

    approvals = held(_approved)
    criteria = rubric.criteria if rubric is not None else ()
    points = {c.id: held(_point(c.id)) for c in criteria}
    errors = {one.annotator: one for one in settlement.votes.annotators}
    annotators = []
    for name in people:
        answered = [a for a in counted if a.annotator == name]
        skipped = {_shown(a) for a in skips if a.annotator == name} - {_shown(a) for a in answered}
        annotators.append(
            Annotator(
                name=name,
                simulated=any(a.simulated for a in (*counted, *skips) if a.annotator == name),
                answered=len(answered),
                skipped=len(skipped),
                approvals=approvals[name],
                points={c: found[name] for c, found in points.items() if found[name].shared},
                errors=errors.get(name),
                seconds=median_of([a.seconds for a in answered], level=level),
            )
        )
    return MeasuredPeople(
        annotators=tuple(annotators),
        questions=(
            *_questions(said, people, rubric, alike, level=level, seed=seed),
            *_preferences(pairs, people, level=level, seed=seed),
        ),
        settlement=settlement,
        not_blind=len({(a.annotator, _shown(a)) for a in alone if not a.blind and _answers(a)}),
        simulated_left_out=0
        if any(a.simulated for a in counted)
        else len(
            {(a.annotator, _shown(a)) for a in alone if a.simulated and a.blind and _answers(a)}
        ),
    )


def measure_audit(
    store: Store, audit: Audit, *, level: float = 0.95, seed: int = 0
) -> MeasuredPeople:
    """`measure_people` of everybody who answered what `audit` drew, here or in the audits that it grew from.

    Answers about other generations, such as planted ones whose answer is known, are left out.
    """
    annotations = drawn_answers(store, audit)
    generations = list(store.records(Generation, sorted({a.generation for a in annotations})))
    items = {i.id: i for i in store.records(Item, {g.item for g in generations if g.item})}
    return measure_people(
        annotations,
        rubric=rubric_of(store, audit.rubric),
        groups={g.key: group_of(items[g.item]) for g in generations if g.item in items},
        level=level,
        seed=seed,
    )


def drawn_answers(store: Store, audit: Audit) -> list[Annotation]:
    """What was said about what `audit` drew, here or in the audits that it grew from; not about planted items."""
    drawn = {item.generation for item in audit.drawn}
    return [a for a in answers_to(store, audit) if a.generation in drawn]


_Said = Mapping[str, Mapping[str, Annotation]]
_Value = Callable[[Annotation], float | None]


def _alone(annotations: Sequence[Annotation]) -> list[Annotation]:
    """What people said without others' answers before them, skipped ones too."""
    return [a for a in annotations if a.state != "deleted" and not a.adjudicates]


def _latest_preferences(alone: Sequence[Annotation]) -> dict[str, dict[str, Annotation]]:
    """Pair to annotator to what they said last; simulated ones only where no person was asked."""
    said: dict[str, dict[str, Annotation]] = {}
    given = people_first(a for a in alone if a.preferred is not None and a.blind)
    for one in sorted(given, key=lambda a: a.updated_at or a.created_at):
        said.setdefault(f"{one.generation} {one.against}", {})[one.annotator] = one
    return said


def _shown(one: Annotation) -> tuple[str, str | None]:
    """What the person looked at: a generation, or two."""
    return one.generation, one.against


def _answers(one: Annotation) -> bool:
    return one.approved is not None or one.preferred is not None


def _approved(one: Annotation) -> float | None:
    return None if one.approved is None else float(one.approved)


def _point(criterion: str) -> _Value:
    return lambda one: one.scores.get(criterion)


def _named(mode: str) -> _Value:
    return lambda one: float(mode in one.failure_modes)


def _table(said: _Said, people: Sequence[str], value: _Value) -> dict[str, list[float | None]]:
    """Person to one number per item; None where they did not answer."""
    return {
        name: [value(own[name]) if name in own else None for own in said.values()]
        for name in people
    }


def _questions(
    said: _Said,
    people: Sequence[str],
    rubric: Rubric | None,
    alike: Sequence[str],
    *,
    level: float,
    seed: int,
) -> list[Question]:
    """Approval, criteria and failure modes."""
    wanted: list[tuple[str, Scale, _Value]] = [(APPROVED, "nominal", _approved)]
    for criterion in rubric.criteria if rubric is not None else ():
        scale: Scale = "ordinal" if len(criterion.scale) > 2 else "nominal"
        wanted.append((criterion.id, scale, _point(criterion.id)))
    seen = {mode for own in said.values() for one in own.values() for mode in one.failure_modes}
    order = [m.id for m in rubric.failure_modes] if rubric is not None else []
    modes = sorted(
        seen, key=lambda mode: (order.index(mode) if mode in order else len(order), mode)
    )
    wanted += [(MODE + mode, "nominal", _named(mode)) for mode in modes]
    found = [
        _question(name, scale, _table(said, people, value), alike, level=level, seed=seed)
        for name, scale, value in wanted
    ]
    return [one for one in found if one is not None]


def _preferences(said: _Said, people: Sequence[str], *, level: float, seed: int) -> list[Question]:
    """Which of two is better, where two were shown: an item is a pair."""
    table = _table(said, people, lambda one: _SIDES.get(one.preferred or ""))
    found = _question(PREFERRED, "nominal", table, list(said), level=level, seed=seed)
    return [] if found is None else [found]


def _question(
    name: str,
    scale: Scale,
    table: Mapping[str, Sequence[float | None]],
    alike: Sequence[str],
    *,
    level: float,
    seed: int,
) -> Question | None:
    """None where nobody answered."""
    import numpy as np

    ratings = np.array(list(table.values()), dtype=float).reshape(len(table), len(alike))
    if np.isnan(ratings).all():
        return None
    return Question(
        id=name,
        scale=scale,
        items=int(((~np.isnan(ratings)).sum(axis=0) >= 2).sum()),
        alpha=with_spread(
            krippendorff_alpha(ratings, scale=scale, groups=alike, level=level, seed=seed)
        ),
        agreement=with_spread(
            mean_pairwise_agreement(ratings, groups=alike, level=level, seed=seed)
        ),
    )

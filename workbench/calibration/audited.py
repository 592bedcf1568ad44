"""From the store to a calibration: the population that an audit was drawn from, and the answers it brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from workbench.calibration._by_confidence import ISOTONIC_FROM
from workbench.calibration._calibration import Calibration
from workbench.calibration.audits._strata import Design
from workbench.calibration.audits.audit import draw_audit, grow_audit
from workbench.calibration.audits.found import decisions_of
from workbench.calibration.audits.population import Selection, select_decisions
from workbench.calibration.audits.sharing import answers_shared
from workbench.calibration.calibrate import calibrate_arrays
from workbench.calibration.confidence.scores import FEWEST_LABELS, ScoreMap, fit_scores
from workbench.calibration.gather import (
    adjudications,
    gather,
    people_first,
    weighed,
)
from workbench.calibration.gather import answers_to as weighable
from workbench.errors import CalibrationError, RubricError, StoreError
from workbench.records import Annotation, Audit, AuditedItem, Generation, Item, Verdict
from workbench.rubric import Rubric, parse_rubric
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One judged generation of an audit's population."""

    verdict: Verdict
    generation: Generation
    item: Item | None
    """None for a generation that describes no item."""
    annotations: tuple[Annotation, ...]
    """What the audit brought about it; empty where it was not drawn or not answered yet. Simulated ones are
    not there where a person answered anything of the audit."""

    answer: bool | None = None
    """What most annotators say; None where nobody answered, or as many say yes as no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An audit with everything that it is about."""

    audit: Audit
    population: tuple[Judged, ...]
    """Every judged generation that the audit is about, the undecided ones too."""
    calibration: Calibration


def draw_from(
    store: Store,
    selection: Selection,
    *,
    size: int,
    seed: int,
    design: Design = "stratified",
    by_category: bool = False,
    minimum: int = 2,
    threshold: float | None = None,
    expected: Mapping[str, float | None] | None = None,
    run: str | None = None,
) -> Audit:
    """`draw_audit` from the verdicts that `selection` means; nothing is stored.

    The record says how the population is found again, its size and the digest of its keys: it takes a
    few hundred bytes beside what was drawn.

    Args:
        store: Holds the verdicts.
        selection: Which.
        size: As for `draw_audit`, like those that follow.
        seed: Of the draw.
        design: How.
        by_category: Strata are verdict × category.
        minimum: Least draws of a stratum.
        threshold: For `near-threshold`.
        expected: Verdict key to the probability that people find it suitable; for `neyman`.
        run: Id of the run that draws.

    Raises:
        ValueError: As `draw_audit`.
        CalibrationError: As `draw_audit`; or the store holds no such verdicts.
    """
    decided, selection = select_decisions(store, selection)
    audit = draw_audit(
        decided,
        size=size,
        seed=seed,
        design=design,
        categories=[d.category for d in decided] if by_category else None,
        minimum=minimum,
        threshold=threshold,
        expected=None if expected is None else [expected.get(d.key) for d in decided],
        run=run,
    )
    population = cast("Mapping[str, object]", audit.parameters["population"])
    said = {**population, "selected": selection.to_dict(), "by_category": by_category}
    return replace(audit, parameters={**audit.parameters, "population": said})


def grow_from(store: Store, audit: Audit, *, size: int, run: str | None = None) -> Audit:
    """`grow_audit` of an audit that `draw_from` drew; nothing is stored.

    Raises:
        ValueError: `size` is not larger.
        CalibrationError: The store does not hold the population any more.
    """
    decided = decisions_of(store, audit)
    population = cast("Mapping[str, object]", audit.parameters["population"])
    categories = [d.category for d in decided] if population.get("by_category") else None
    return grow_audit(audit, decided, size=size, categories=categories, run=run)


def learned_scores(store: Store, audit: Audit) -> ScoreMap:
    """What the answers to `audit` say a confidence is worth: isotonic from 200 labels on, else Platt's.

    For `expected` of another draw: nothing is held out, and nothing is claimed about it.

    Raises:
        CalibrationError: There are fewer than 10 answers about verdicts with a confidence, or the
            population is not found.
    """
    gathered = gather(decisions_of(store, audit), audit, answers_to(store, audit))
    rows = [
        (confidence, answer, 1 / chance)
        for confidence, answer, chance in zip(
            gathered.confidence or [None] * len(gathered.answer),
            gathered.answer,
            gathered.inclusion_probability,
            strict=True,
        )
        if confidence is not None and answer is not None and chance is not None
    ]
    if len(rows) < FEWEST_LABELS:
        raise CalibrationError(
            f"want {FEWEST_LABELS} answers about verdicts with a confidence to learn from, but audit "
            f"{audit.id[:12]} brought {len(rows)}"
        )
    scores, answers, weights = (list(column) for column in zip(*rows, strict=True))
    return fit_scores(
        scores,
        answers,
        weights=weights,
        method="isotonic" if len(rows) >= ISOTONIC_FROM else "platt",
    )


def find_audit(store: Store, audit: str | None = None) -> Audit:
    """The audit with this id or the beginning of one; None: the latest that brought an answer.

    Where none brought any, None means the latest.

    Raises:
        StoreError: There is none, or several ids begin so.
    """
    audits = sorted(store.records(Audit), key=lambda a: a.created_at)
    if not audits:
        raise StoreError(
            f"want an audit to calibrate by, but {store.url} holds none: "
            "`workbench audit` or `workbench run listings` draws one"
        )
    if audit is None:
        answered = (a for a in reversed(audits) if weighable(a, answers_to(store, a)))
        return next(answered, audits[-1])
    fitting = [a for a in audits if a.id.startswith(audit)]
    if len(fitting) != 1:
        known = ", ".join(a.id[:12] for a in audits)
        what = "no audit begins" if not fitting else f"{len(fitting)} audits begin"
        raise StoreError(f"{what} with {audit!r}; there are: {known}")
    return fitting[0]


def calibrate_audit(
    store: Store,
    audit: Audit,
    *,
    promise: float = 0.9,
    population: Sequence[Judged] | None = None,
) -> Audited:
    """Measure the judge on the answers that `audit`, and those it grew from, brought so far.

    Args:
        store: Holds the audit, its population and the answers.
        audit: From `find_audit`.
        promise: Precision, over 0 and under 1, that a threshold shall keep.
        population: What an earlier call found for the same audit: then the answers alone are read again. None:
            everything is read.

    Raises:
        CalibrationError: What is in the store is not the population that was drawn from.
    """
    every = answers_to(store, audit)
    annotations = every if _simulated_count(audit, every) else people_first(every)
    judged = _population(store, audit) if population is None else population
    answers: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        answers.setdefault(annotation.generation, []).append(annotation)
    population = [
        replace(j, annotations=tuple(answers.get(j.generation.key, ())), answer=None)
        for j in judged
    ]
    gathered = gather(
        [j.verdict for j in population],
        audit,
        annotations,
        groups={j.generation.key: group_of(j.item) for j in population if j.item},
        categories={j.generation.key: j.generation.category for j in population},
    )
    rubric = rubric_of(store, audit.rubric)
    said = [{s.criterion: s.score for s in j.verdict.scores} for j in population]
    criteria = rubric.criteria if rubric else ()
    people = people_of(audit, annotations)
    calibration = calibrate_arrays(
        **gathered.arguments()
        | {"slices": {by: s for by, s in labels_of(population).items() if len(set(s)) > 1}},
        keys=gathered.generations,
        scores={c.id: [one.get(c.id) for one in said] for c in criteria},
        thresholds={c.id: c.threshold for c in criteria},
        decides={c.id: c.decides for c in criteria},
        people={
            name: [own.get(key) for key in gathered.generations] for name, own in people.items()
        }
        if len(people) > 1
        else None,
        promise=promise,
        seed=audit.seed,
    )
    if not any(people.values()):
        nobody = (
            f"Audit {audit.id[:12]} of {audit.created_at:%Y-%m-%d} drew {len(audit.drawn)} items, and all wait "
            "for an answer: until people answer, nothing about the judge is known."
        )
        calibration = replace(calibration, notes=(nobody,))
    calibration = replace(calibration, notes=(*calibration.notes, *_about_answers(audit, every)))
    return Audited(
        audit=audit,
        population=tuple(
            replace(j, answer=answer) for j, answer in zip(population, gathered.answer, strict=True)
        ),
        calibration=calibration,
    )


def rubric_of(store: Store, label: str) -> Rubric | None:
    """The rubric `<name>@<version>`; None for a store that was filled without it, or by a newer workbench."""
    name, _, version = label.rpartition("@")
    text = store.rubric_text(name, int(version)) if version.isdigit() else None
    if text is None:
        return None
    try:
        return parse_rubric(text, where=label)
    except RubricError:  # written by a newer version: the rates do not need it
        return None


def labels_of(population: Sequence[Judged]) -> dict[str, tuple[str, ...]]:
    """Label name to one label per judged generation: category, model and attempt, for slices."""
    return {
        "category": tuple(j.generation.category for j in population),
        "model": tuple(j.generation.model for j in population),
        "attempt": tuple(str(j.generation.attempt) for j in population),
    }


def people_of(audit: Audit, annotations: Sequence[Annotation]) -> dict[str, dict[str, bool]]:
    """Annotator to what they said of each generation that the audit drew."""
    said: dict[str, dict[str, bool]] = {}
    for generation, own in weighable(audit, annotations).items():
        for name, annotation in own.items():
            if annotation.approved is not None:
                said.setdefault(name, {})[generation] = annotation.approved
    return dict(sorted(said.items()))


def answers_to(store: Store, audit: Audit) -> list[Annotation]:
    """What was said by the rubric of `audit` in it or in the audits that it grew from.

    Everything that was stored, about planted items too; `workbench.calibration.gather` says what counts. Of audits
    that `share_answers` named, what was said about outputs that this one drew too.
    """
    earlier = cast("Sequence[str]", audit.parameters.get("grown_from", ()))
    found = list(store.annotations(audit=[audit.id, *earlier], rubric=audit.rubric)["id"])
    if others := sorted(answers_shared(store, audit) - {audit.id, *earlier}):
        drawn = {one.generation for one in audit.drawn}
        said = store.annotations(audit=others, rubric=audit.rubric)
        found += [
            name
            for name, about in zip(said["id"], said["generation"], strict=True)
            if about in drawn
        ]
    return list(store.records(Annotation, list(dict.fromkeys(found))))


def unanswered(store: Store, audit: Audit) -> list[AuditedItem]:
    """What `audit` drew and has no answer that counts yet, here or in the audits that it grew from.

    As `calibrate_audit` counts: a simulated answer is none as soon as a person answered.
    """
    answered = answered_in(audit, answers_to(store, audit))
    return [item for item in audit.drawn if item.generation not in answered]


def answered_in(audit: Audit, annotations: Sequence[Annotation]) -> set[str]:
    """Generations that `audit` drew and that have an answer that counts, or an adjudication."""
    counted = weighed(audit, annotations)
    return {*weighable(audit, counted), *adjudications(counted)}


def _simulated_count(audit: Audit, annotations: Sequence[Annotation]) -> bool:
    """Whether nobody but simulations answered."""
    return all(one.simulated for one in weighed(audit, annotations))


def _about_answers(audit: Audit, annotations: Sequence[Annotation]) -> Iterator[str]:
    """What a reader must know of the answers that the numbers do not show."""
    answered = answered_in(audit, annotations)
    simulated = answered_in(audit, [one for one in annotations if one.simulated])
    if not _simulated_count(audit, annotations) and (left := len(simulated - answered)):
        yield (
            f"People answered {len(answered)} of {len(audit.drawn)} drawn items: about {left} others there are only "
            "answers that no person gave. The two are never mixed, so those items count as having no answer."
        )
    counted = weighed(audit, annotations)
    settled = adjudications(counted)
    split = sum(
        2 * sum(one.approved is True for one in said.values()) == len(said)
        for generation, said in weighable(audit, counted).items()
        if generation not in settled
    )
    if split:
        yield (
            f"On {split} of the items without an answer that counts as many say yes as no: an adjudication "
            "settles them."
        )


def _population(store: Store, audit: Audit) -> list[Judged]:
    """What was drawn from, before anybody answered."""
    verdicts = list(store.records(Verdict, sorted(d.key for d in decisions_of(store, audit))))
    generations = {g.key: g for g in store.records(Generation, [v.generation for v in verdicts])}
    items = {i.id: i for i in store.records(Item, {g.item for g in generations.values() if g.item})}
    return [
        Judged(
            verdict=verdict,
            generation=(generation := generations[verdict.generation]),
            item=items.get(generation.item or ""),
            annotations=(),
        )
        for verdict in verdicts
    ]

"""From the store to a calibration: the population that an audit was drawn from, and the answers it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.calibration.calibrate import Calibration, calibrate
from workbench.calibration.gather import gather
from workbench.errors import CalibrationError, StoreError
from workbench.records import Annotation, Audit, Generation, Item, Verdict
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
    """What the audit brought about it; empty where it was not drawn or not answered yet."""

    answer: bool | None = None
    """What most annotators say; None where nobody answered, or as many say yes as no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An audit with everything that it is about."""

    audit: Audit
    population: tuple[Judged, ...]
    """Every judged generation that the audit is about, the undecided ones too."""
    calibration: Calibration


def population_of(
    verdicts: Sequence[Verdict], generations: Sequence[Generation]
) -> dict[str, object]:
    """What an audit's parameters say so that its population is found again in the store.

    Every verdict is named: the same model and judge may work on other items of the same store.

    Raises:
        CalibrationError: The generations come from several models or the verdicts from several judges.
    """
    writers = {g.revision for g in generations}
    judges = {v.revision for v in verdicts}
    if len(writers) != 1 or len(judges) != 1:
        raise CalibrationError(
            "an audit is about one model's outputs and one judge's verdicts, got "
            f"{len(writers)} models and {len(judges)} judges: audit each alone"
        )
    return {"population": sorted(v.key for v in verdicts)}


def find_audit(store: Store, audit: str | None = None) -> Audit:
    """The audit with this id or the beginning of one; None: the latest.

    Raises:
        StoreError: There is none, or several ids begin so.
    """
    audits = sorted(store.records(Audit), key=lambda a: a.created_at)
    if not audits:
        raise StoreError(
            f"want an audit to calibrate by, but {store.url} holds none: "
            "`workbench run listings` draws one"
        )
    if audit is None:
        return audits[-1]
    fitting = [a for a in audits if a.id.startswith(audit)]
    if len(fitting) != 1:
        known = ", ".join(a.id[:12] for a in audits)
        what = "no audit begins" if not fitting else f"{len(fitting)} audits begin"
        raise StoreError(f"{what} with {audit!r}; there are: {known}")
    return fitting[0]


def calibrate_audit(store: Store, audit: Audit, *, promise: float = 0.9) -> Audited:
    """Measure the judge on the answers that `audit` brought so far.

    Args:
        store: Holds the audit, its population and the answers.
        audit: From `find_audit`.
        promise: Precision, over 0 and under 1, that a threshold shall keep.

    Raises:
        CalibrationError: What is in the store is not the population that was drawn from.
    """
    annotations = list(store.records(Annotation, list(store.annotations(audit=audit.id)["id"])))
    population = _population(store, audit, annotations)
    _check_sizes(audit, population)
    gathered = gather(
        [j.verdict for j in population],
        audit,
        annotations,
        categories={j.generation.key: j.generation.category for j in population},
        groups={j.generation.key: group_of(j.item) for j in population if j.item},
    )
    return Audited(
        audit=audit,
        population=tuple(
            replace(j, answer=answer) for j, answer in zip(population, gathered.answer, strict=True)
        ),
        calibration=calibrate(**gathered.arguments(), promise=promise, seed=audit.seed),
    )


def _population(store: Store, audit: Audit, annotations: Sequence[Annotation]) -> list[Judged]:
    answers: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        answers.setdefault(annotation.generation, []).append(annotation)
    named = audit.parameters.get("population")
    verdicts = list(store.records(Verdict, map(str, named) if isinstance(named, list) else ()))
    generations = {g.key: g for g in store.records(Generation, [v.generation for v in verdicts])}
    items = {i.id: i for i in store.records(Item, {g.item for g in generations.values() if g.item})}
    return [
        Judged(
            verdict=verdict,
            generation=(generation := generations[verdict.generation]),
            item=items.get(generation.item or ""),
            annotations=tuple(answers.get(generation.key, ())),
        )
        for verdict in verdicts
    ]


def _check_sizes(audit: Audit, population: Sequence[Judged]) -> None:
    """The population is the one that was drawn from: as many decided verdicts as the strata sum to."""
    decided = sum(j.verdict.approved is not None for j in population)
    drawn_from = sum(audit.strata.values())
    if decided != drawn_from:
        raise CalibrationError(
            f"audit {audit.id[:12]} was drawn from {drawn_from} decided verdicts, of which the store "
            f"holds {decided}: put the store together again from its backup, or draw another audit"
        )

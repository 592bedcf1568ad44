"""From the store to a calibration: the population that an audit was drawn from, and the answers it brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.calibration.calibrate import Calibration, calibrate
from workbench.errors import CalibrationError, StoreError
from workbench.records import Annotation, Audit, Generation, Item, Part, Verdict

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

    @property
    def answer(self) -> bool | None:
        """What most annotators say; None where nobody answered, or as many say yes as no."""
        said = [a.approved for a in self.annotations if a.approved is not None]
        yes = sum(said)
        return None if 2 * yes == len(said) else 2 * yes > len(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An audit with everything that it is about."""

    audit: Audit
    population: tuple[Judged, ...]
    """Every generation that could have been drawn, in the order of being made."""
    calibration: Calibration


def population_of(verdicts: Sequence[Verdict], generations: Sequence[Generation]) -> dict[str, str]:
    """What an audit's parameters say so that its population is found again in the store.

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
    return {"generations": writers.pop(), "verdicts": judges.pop()}


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

    The population is found again by the audit's parameters: the verdicts of that judge about that
    model's outputs, in the part that was drawn from, made before the audit was.

    Args:
        store: Holds the audit, its population and the answers.
        audit: From `find_audit`.
        promise: Precision, over 0 and under 1, that a threshold shall keep.

    Raises:
        CalibrationError: What is in the store is not the population that was drawn from.
    """
    drawn = {d.generation: d for d in audit.drawn}
    answers: dict[str, list[Annotation]] = {}
    found = store.annotations(audit=audit.id)
    for annotation in store.records(Annotation, list(found["id"])):
        answers.setdefault(annotation.generation, []).append(annotation)
    population = _population(store, audit, answers)
    strata = _strata(audit, population)
    calibration = calibrate(
        approved=[j.verdict.approved for j in population],
        inclusion_probability=[
            drawn[j.generation.key].inclusion_probability if j.generation.key in drawn else None
            for j in population
        ],
        answer=[j.answer for j in population],
        confidence=[j.verdict.confidence for j in population],
        stratum=strata,
        cluster=[(j.item.group or j.item.id) if j.item else j.generation.key for j in population],
        slices={"category": [j.generation.category for j in population]},
        failure_modes=[
            {mode for a in j.annotations for mode in a.failure_modes} for j in population
        ],
        promise=promise,
        seed=audit.seed,
        simulated=any(a.simulated for j in population for a in j.annotations),
    )
    return Audited(audit=audit, population=tuple(population), calibration=calibration)


def _population(
    store: Store, audit: Audit, answers: Mapping[str, Sequence[Annotation]]
) -> list[Judged]:
    frame = store.verdicts(
        judge=audit.judge, rubric=audit.rubric, part=_part(audit.parameters.get("part"))
    )
    rows = frame[
        (frame["created_at"] <= audit.created_at)
        & (frame["revision"] == audit.parameters.get("verdicts"))
    ]
    generations = {g.key: g for g in store.records(Generation, list(rows["generation"]))}
    items = {i.id: i for i in store.records(Item, list(rows["item"].dropna().unique()))}
    population = []
    for verdict in store.records(Verdict, list(rows["key"])):
        generation = generations[verdict.generation]
        if generation.revision == audit.parameters.get("generations"):
            population.append(
                Judged(
                    verdict=verdict,
                    generation=generation,
                    item=items.get(generation.item or ""),
                    annotations=tuple(answers.get(generation.key, ())),
                )
            )
    return population


def _part(value: object) -> Part | None:
    return "eval" if value == "eval" else "train" if value == "train" else None


def _strata(audit: Audit, population: Sequence[Judged]) -> list[str]:
    """The stratum of each, checked against the sizes that the audit was drawn from."""
    strata = [
        "undecided"
        if j.verdict.approved is None
        else ("approved" if j.verdict.approved else "rejected")
        for j in population
    ]
    if set(audit.strata) == {"all"}:
        strata = ["all"] * len(population)
    sizes = {name: strata.count(name) for name in audit.strata}
    if sizes != dict(audit.strata):
        raise CalibrationError(
            f"audit {audit.id[:12]} was drawn from {dict(audit.strata)!r}, but the store now holds "
            f"{sizes!r} such verdicts: was another catalogue judged into the same store meanwhile?"
        )
    return strata

"""From the store to the judge's failures: an audit's errors by the rubric, and labels to slice by."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.calibration._sample import read_sample
from workbench.calibration.audited import Audited, Judged
from workbench.calibration.failures import Failures, failures_of
from workbench.calibration.gather import gather
from workbench.rubric import Rubric
from workbench.store import group_of


def explain(audited: Audited, rubric: Rubric, *, level: float = 0.95) -> Failures:
    """`failures_of` an audit from the store, by the rubric that its judge answered.

    Raises:
        ValueError: A verdict was given under another rubric.
    """
    population = audited.population
    other = sorted({j.verdict.rubric for j in population} - {rubric.label})
    if other:
        raise ValueError(
            f"want the rubric that the verdicts were given under, got {rubric.label!r} and verdicts "
            f"under {', '.join(map(repr, other))}"
        )
    gathered = gather(
        [j.verdict for j in population],
        audited.audit,
        [a for j in population for a in j.annotations],
        categories={j.generation.key: j.generation.category for j in population},
        groups={j.generation.key: group_of(j.item) for j in population if j.item},
    )
    said = [{s.criterion: s.score for s in j.verdict.scores} for j in population]
    return failures_of(
        read_sample(
            approved=gathered.approved,
            inclusion_probability=gathered.inclusion_probability,
            answer=gathered.answer,
            stratum=gathered.stratum,
            cluster=gathered.cluster,
        ),
        keys=gathered.generations,
        scores={c.id: [one.get(c.id) for one in said] for c in rubric.criteria},
        thresholds={c.id: c.threshold for c in rubric.criteria},
        decides={c.id: c.decides for c in rubric.criteria},
        level=level,
        seed=audited.audit.seed,
    )


def labels_of(population: Sequence[Judged]) -> dict[str, tuple[str, ...]]:
    """Label name to one label per judged generation: category, model and attempt, for slices."""
    return {
        "category": tuple(j.generation.category for j in population),
        "model": tuple(j.generation.model for j in population),
        "attempt": tuple(str(j.generation.attempt) for j in population),
    }

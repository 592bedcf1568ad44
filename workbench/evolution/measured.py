"""Which instrument sees a failure that people name: its answers held against who named what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.calibration import fisher
from workbench.evolution.evidence import Evidence
from workbench.judging import RubricJudge
from workbench.judging.cache import load_subject
from workbench.judging.instruments import INSTRUMENTS
from workbench.rubric import Criterion, Rubric
from workbench.store import catalog_of, schemas_of

if TYPE_CHECKING:
    from workbench.store import Store

CHANCE = 0.05
"""Chance that an instrument is taken for a failure that it does not see, over all that are held against it."""

Readings = Mapping[str, Mapping[str, bool | None]]
"""Instrument, as rubrics name it, to generation key to whether it passes; None where it abstains."""


def read_instruments(store: Store, rubric: Rubric, evidence: Sequence[Evidence]) -> Readings:
    """What the instruments that `rubric` does not use say of each answered output, by yes and no."""
    used = {one.by for one in rubric.criteria}
    asked = tuple(
        Criterion(id=name, question=name, scale=("no", "yes"), threshold=1.5, by=by)
        for name, one in INSTRUMENTS.items()
        if one.judges == rubric.judges and (by := f"instrument:{name}") not in used
    )
    if not asked:
        return {}
    judge = RubricJudge(Rubric(name="instruments", version=1, judges=rubric.judges, criteria=asked))
    schemas = schemas_of(store, {catalog_of(one.item.id) for one in evidence if one.item})
    found: dict[str, dict[str, bool | None]] = {one.by: {} for one in asked}
    for one in evidence:
        schema = schemas.get(catalog_of(one.item.id)) if one.item else None
        (verdict,) = judge.judge([load_subject(store, one.generation, schema)])
        for score in verdict.scores:
            found[f"instrument:{score.criterion}"][one.key] = score.passed
    return found


def instrument_of(failure: str, evidence: Sequence[Evidence], readings: Readings) -> str | None:
    """The instrument that refuses what people say shows `failure`, and passes what they say does not.

    Fisher's exact test, one-sided, of each instrument, at `CHANCE` divided by their number (Bonferroni); the surest
    one where several do. None where none does: a failure that everything or nothing shows tells no instrument
    from another.
    """
    named = {one.key: failure in one.failure_modes or failure in one.named for one in evidence}
    best: tuple[float, str] | None = None
    for name, passes in readings.items():
        refused = [named[key] for key, passed in passes.items() if passed is False]
        passed = [named[key] for key, passed in passes.items() if passed]
        p_value = fisher(sum(refused), len(refused), sum(passed), len(passed), more=True)
        if p_value is not None and p_value <= CHANCE / len(readings):
            best = min(best, (p_value, name)) if best else (p_value, name)
    return best and best[1]

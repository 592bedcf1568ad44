"""An audit's population, found again in the store, and the audits that are like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.calibration.audits.audit import digest_of, population_digest
from workbench.calibration.audits.population import Decided, Selection, select_decisions
from workbench.errors import CalibrationError
from workbench.records import Audit, Generation

if TYPE_CHECKING:
    from workbench.store import Store


def decisions_of(store: Store, audit: Audit) -> list[Decided]:
    """The verdicts that `audit` was drawn from, found again and proved to be the same.

    Raises:
        CalibrationError: They are not the same any more, or the audit does not say how they are found.
    """
    digest = population_digest(audit)
    selected = _selected(audit)
    if selected is None:
        raise CalibrationError(
            f"audit {audit.id[:12]} does not say how its verdicts are found in a store: draw it with "
            "`draw_from` or `workbench audit`"
        )
    decided, _ = select_decisions(store, selected)
    drawn_from, number = sum(audit.strata.values()), sum(d.approved is not None for d in decided)
    if digest_of(d.key for d in decided) != digest or number != drawn_from:
        raise CalibrationError(
            f"audit {audit.id[:12]} was drawn from {drawn_from} decided verdicts, but those that the "
            f"store finds in their place ({number}) are not the same: put the store together again "
            "from its backup, or draw another audit"
        )
    return decided


def others_alike(store: Store, audit: Audit) -> list[Audit]:
    """`audit` and the others about the same judge, rubric version and part of the items, of any model's outputs.

    Those that do not say how they were drawn from the store are alike to none.
    """
    if (own := _selected(audit)) is None:
        return [audit]
    wanted = (own.judge, own.judge_revision, own.rubric, own.part)
    return [
        one
        for one in sorted(store.records(Audit), key=lambda a: (a.created_at, a.id))
        if (of := _selected(one)) is not None
        and (of.judge, of.judge_revision, of.rubric, of.part) == wanted
    ]


def could_draw(store: Store, audit: Audit, generations: Sequence[Generation]) -> set[str]:
    """Keys of those of `generations` that are in the population which `audit` was drawn from.

    Raises:
        CalibrationError: What is in the store is not that population.
    """
    own = _selected(audit)
    if own is not None and all(g.revision != own.model_revision for g in generations):
        return set()
    return {d.generation for d in decisions_of(store, audit)} & {g.key for g in generations}


def _selected(audit: Audit) -> Selection | None:
    population = audit.parameters.get("population")
    selected = population.get("selected") if isinstance(population, Mapping) else None
    return Selection.from_dict(selected) if isinstance(selected, Mapping) else None

"""Draws judged listings for an audit, and answers it from what the catalogue itself knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder
from workbench.calibration import draw_audit
from workbench.calibration.audited import population_of
from workbench.catalog.truth import annotate_from_truth
from workbench.records import Audit, Generation, Item, Verdict
from workbench.rubric import Rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

_INSTRUMENT = "instrument:"


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
    by_key = {g.key: (g, v) for g, v in zip(generations, verdicts, strict=True)}
    audit = draw_audit(verdicts, size=size, seed=seed, run=recorder.id)
    audit = replace(
        audit,
        parameters={
            **audit.parameters,
            **population_of(verdicts, generations),
            "part": "eval",
        },
    )
    with recorder.stage("audit", len(audit.drawn), unit="answers") as stage:
        if store.known(Audit, [audit.id]):
            stage.advance(known=len(audit.drawn))
            return audit
        answers = []
        for drawn in audit.drawn:
            generation, verdict = by_key[drawn.generation]
            answers.append(
                annotate_from_truth(
                    generation,
                    items[str(generation.item)],
                    schema=schema,
                    rubric=rubric,
                    measured={
                        s.criterion: s.passed
                        for s in verdict.scores
                        if s.by.startswith(_INSTRUMENT)
                    },
                    audit=audit.id,
                    run=recorder.id,
                )
            )
        store.add(
            [audit, *(a.annotation for a in answers), *(c for a in answers for c in a.corrections)]
        )
        stage.advance(len(answers))
    return audit

"""Draws judged listings for an audit, and answers it from what the catalogue itself knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder
from workbench.calibration.audited import draw_from, selection_of
from workbench.catalog.truth import annotate_from_truth
from workbench.errors import StoreError
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
    selection = selection_of(verdicts, generations, part="eval")
    audit = draw_from(store, selection, size=size, seed=seed, run=recorder.id)
    with recorder.stage("audit", len(audit.drawn), unit="answers") as stage:
        if store.known(Audit, [audit.id]):
            stage.advance(known=len(audit.drawn))
            return audit
        answers = []
        written = store.records(Generation, [d.generation for d in audit.drawn])
        judged = store.records(Verdict, [d.verdict for d in audit.drawn])
        for generation, verdict in zip(written, judged, strict=True):
            answers.append(
                annotate_from_truth(
                    generation,
                    _item(store, items, str(generation.item)),
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


def _item(store: Store, items: Mapping[str, Item], name: str) -> Item:
    found = items.get(name) or store.find(Item, name)
    if found is None:
        raise StoreError(f"{store.url} holds a listing of {name!r} but not that item")
    return found

"""The audit of category images: which judged pictures people are asked about, or a classifier where it can tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pipelines.audit import draw_and_answer
from pipelines.category_images_truth import ImageTruth, can_tell
from pipelines.recorder import Recorder
from workbench.calibration.audits.population import Selection, select_decisions
from workbench.errors import CalibrationError
from workbench.judging import RubricJudge
from workbench.models.protocols import ImageModel
from workbench.models.starter.classifier import load_classifier
from workbench.records import Audit, Item
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

LEAST_AUDIT = 4
"""Two approvals and two refusals, without which nothing can be said about either."""


def draw_audit(
    store: Store,
    items: Sequence[Item],
    *,
    topics: Collection[str],
    runs: Collection[str],
    size: int,
    seed: int,
    schema: Schema,
    model: ImageModel,
    judge: RubricJudge,
    recorder: Recorder,
) -> Audit | None:
    """Draw judged pictures of these topics for people; of drawn items the truth can be told, and answers at once.

    A run that finds everything done finds its audit, too.

    Args:
        store: Holds pictures and verdicts; takes the audit and simulated answers.
        items: Of the catalogue.
        topics: Of this run.
        runs: Those that made their pictures.
        size: Pictures to draw; 0: none, else at least `LEAST_AUDIT`.
        seed: Of the draw.
        schema: The catalogue's.
        model: That made them.
        judge: That judged them.
        recorder: Of the run.

    Returns:
        None where nothing is decided, or nothing was asked for.
    """
    selection = Selection(
        judge=judge.name,
        judge_revision=judge.revision,
        rubric=judge.rubric.label,
        model_revision=model.revision,
        part=None,
        generation_runs=tuple(sorted(runs)),
        categories=tuple(sorted(topics)),
    )
    try:
        decided, selection = select_decisions(store, selection)
    except CalibrationError:
        return None
    if not size or all(d.approved is None for d in decided):
        return None
    answers = None
    if can_tell(items):
        truth = ImageTruth(store, schema, judge.rubric, load_classifier())
        answers = lambda drawn, audit: truth.answers(drawn, audit, run=recorder.id)  # noqa: E731
    return draw_and_answer(
        store,
        selection,
        size=max(size, LEAST_AUDIT),
        seed=seed,
        recorder=recorder,
        answers=answers,
    )

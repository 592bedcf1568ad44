"""Answers to an audit where nobody is there to ask: a simulated annotator, and every record says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.judge import stored_schema
from pipelines.loop_people import Simulated
from pipelines.recorder import record
from workbench.calibration.audited import rubric_of, unanswered
from workbench.errors import CalibrationError, RubricError
from workbench.records import Audit, Generation
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.store import Store


def answer_by_simulation(store: Store, audit: Audit, *, error: float, quiet: bool = False) -> int:
    """Answer what `audit` drew and nobody answered yet, as someone who knows the catalogue and errs at times.

    Args:
        store: Holds the audit; takes the answers.
        audit: Of listings.
        error: As for `Simulated`.
        quiet: No progress bars.

    Returns:
        Answers that were given now.

    Raises:
        CalibrationError: It drew outputs that describe no item, of which nothing is known.
        RubricError: The store does not hold the audit's rubric.
        StoreError: The store does not hold the catalogue's schema.
    """
    drawn = list(store.records(Generation, [one.generation for one in audit.drawn]))
    catalogs = {catalog_of(one.item) for one in drawn if one.item is not None}
    if len(catalogs) != 1 or any(one.kind != "listing" for one in drawn):
        raise CalibrationError(
            f"want an audit of one catalogue's listings, of which the truth is known; audit {audit.id[:12]} drew "
            f"something else: ask people with `workbench annotate push --audit {audit.id[:12]}`"
        )
    rubric = rubric_of(store, audit.rubric)
    if rubric is None:
        raise RubricError(f"the store {store.url} holds no rubric {audit.rubric!r}")
    before = len(unanswered(store, audit))
    schema = stored_schema(store, catalogs.pop())
    people = Simulated(schema=schema, error=error, standard=rubric, seed=audit.seed)
    arguments = {"audit": audit.id, "error": error}
    with record(store, "audit answers", arguments, quiet=quiet) as recorder:
        people.ask(store, [audit], rubric, recorder)
    return before - len(unanswered(store, audit))

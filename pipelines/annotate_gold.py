"""Gold items from a catalogue that was drawn: their truth is exact, so what is right about a listing is known.

A seller's or a shop's own aspects are no truth: nobody is scored by them. Nothing is stored: the truth is with the
items, and what it says about a listing is worked out when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from annotation.label_studio.gold import gold_order
from workbench.calibration.audited import rubric_of
from workbench.calibration.audits.population import Selection, select_decisions
from workbench.catalog.truth import annotate_from_truth
from workbench.errors import SchemaError
from workbench.records import Annotation, Audit, Generation, Item, Verdict
from workbench.schema import Schema
from workbench.store import catalog_of, schemas_of

if TYPE_CHECKING:
    from workbench.store import Store

_SOME = 500
_INSTRUMENT = "instrument:"


def gold_of_truth(store: Store, audit: Audit, *, count: int, seed: int) -> dict[str, Annotation]:
    """Up to `count` outputs that the audit did not draw and whose right answer the truth tells.

    They are the first in the order of `choose_gold`, so it chooses from them as it would from all.
    """
    selected = cast("dict[str, Any]", audit.parameters.get("population", {})).get("selected")
    if not count or selected is None:
        return {}
    drawn = {item.generation for item in audit.drawn}
    # Items that trained something count too: nothing is learned about the judge here.
    selection = replace(Selection.from_dict(selected), part=None, until=None)
    decided, _ = select_decisions(store, selection)
    verdicts = {d.generation: d.key for d in decided if d.generation not in drawn}
    found: dict[str, Annotation] = {}
    ordered = gold_order(verdicts, seed=seed)
    for start in range(0, len(ordered), _SOME):
        some = ordered[start : start + _SOME]
        found |= _answers(store, audit, {key: verdicts[key] for key in some})
        if len(found) >= count:
            break
    return {key: found[key] for key in gold_order(found, seed=seed)[:count]}


def truth_about(store: Store, audit: Audit, generations: Collection[str]) -> dict[str, Annotation]:
    """What the truth says about those of `generations` that the audit's judge saw and whose item was drawn."""
    if not generations:
        return {}
    latest = store.latest_verdicts(generations, rubric=audit.rubric)
    return _answers(store, audit, {key: one.key for key, one in latest.items()})


def _answers(store: Store, audit: Audit, verdicts: dict[str, str]) -> dict[str, Annotation]:
    """Generation to what is right about it; `verdicts` say how instruments read its text."""
    rubric = rubric_of(store, audit.rubric)
    if rubric is None:
        return {}
    listings = [
        one for one in store.records(Generation, verdicts) if one.kind == "listing" and one.item
    ]
    items = {
        i.id: i for i in store.records(Item, sorted({str(g.item) for g in listings})) if i.truth
    }
    read = {v.generation: v for v in store.records(Verdict, verdicts.values())}
    schemas = dict(_schemas(store, {catalog_of(name) for name in items}))
    found = {}
    for one in listings:
        item = items.get(str(one.item))
        schema = None if item is None else schemas.get(catalog_of(item.id))
        if item is None or schema is None or one.key not in read:
            continue
        measured = {
            s.criterion: s.passed for s in read[one.key].scores if s.by.startswith(_INSTRUMENT)
        }
        answer = annotate_from_truth(one, item, schema=schema, rubric=rubric, measured=measured)
        found[one.key] = answer.annotation
    return found


def _schemas(store: Store, catalogs: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    for catalog in catalogs:
        with suppress(SchemaError):  # written by a newer version
            yield from schemas_of(store, [catalog]).items()

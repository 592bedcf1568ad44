"""Answers about listings from what the catalogue itself knows: an audit where nobody has labelled yet.

The answers are marked as simulated, because no person gave them. They are as good as the catalogue: a
shop's own rows are nearly right, a drawn item's truth is exact, a seller's aspects are neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.metrics.claims import COLOUR_NAMES, listing_claims, product_names, share_to_point
from workbench.records import Annotation, Correction, Generation, Item, content_key
from workbench.rubric import Rubric
from workbench.schema import Category, Schema

ANNOTATOR = "catalogue-truth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of one item, in the schema's words."""

    category: Category
    values: Mapping[str, tuple[str, ...]]
    """Attribute to values; attributes that nothing is known of are absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An annotation and the corrections that belong to it."""

    annotation: Annotation
    corrections: tuple[Correction, ...]


def truth_of(item: Item, schema: Schema) -> Truth:
    """What is known of `item`: its truth where it was drawn, else its catalogue's aspects.

    Raises:
        SchemaError: The item's category is not in the schema.
    """
    category = schema.category(item.category)
    said: Mapping[str, tuple[str, ...]] = item.aspects
    if item.truth:
        said = {name: (value,) for name, value in item.truth.items()}
    values = {}
    for attribute in category.attributes:
        known = (attribute.normalise(v) for v in said.get(attribute.name, ()))
        if found := tuple(dict.fromkeys(v for v in known if v)):
            values[attribute.name] = found
    return Truth(category=category, values=values)


def annotate_from_truth(
    generation: Generation,
    item: Item,
    *,
    schema: Schema,
    rubric: Rubric,
    measured: Mapping[str, bool | None],
    audit: str | None = None,
    run: str | None = None,
) -> Judged:
    """Answer the criteria `product`, `color` and `aspects` as someone who knows the item.

    `aspects` counts what photos can show, as the shipped rubric asks: a brand or a size is corrected where it is
    wrong, and counts for neither side.

    Args:
        generation: A listing of `item`.
        item: What is being sold.
        schema: The catalogue's.
        rubric: Whose criteria are answered; thresholds decide about approval.
        measured: Criterion to passed or not, for the criteria that instruments measure on the text
            itself: there the catalogue knows nothing better, so they are taken as measured.
        audit: The audit that drew it.
        run: The run that asks.

    Returns:
        An annotation with `simulated=True`, and a correction per statement that is wrong. An answer
        that could not be read as a listing is not approved.

    Raises:
        SchemaError: The item's category is not in the schema.
    """
    truth = truth_of(item, schema)
    annotation_id = content_key(ANNOTATOR, generation.key, rubric.digest, audit)
    wrong: list[tuple[str, str | None, str | None]] = []
    scores: dict[str, float] = {}
    if generation.listing is None:
        approved = False
    else:
        claims = listing_claims(generation.listing, truth.category, schema)
        right = bool(claims.products & product_names(truth.category.name))
        scores["product"] = 2.0 if right else 1.0
        if not right:
            wrong.append(("category", generation.listing.category, truth.category.id))
        stated = {n: v for n, v in claims.values.items() if n in truth.values}
        hidden = {one.name for one in truth.category.attributes if one.visible == "no"}
        checked: list[bool] = []
        scores["color"] = 2.0
        for name, values in stated.items():
            good = set(values) <= set(truth.values[name])
            if not good:
                wrong.append((f"aspects.{name}", ", ".join(values), ", ".join(truth.values[name])))
            if name.lower() in COLOUR_NAMES:
                scores["color"] = 2.0 if good else 1.0
            elif name not in hidden:
                checked.append(good)
        scores["aspects"] = float(share_to_point(sum(checked), len(checked)))
        answers = {c: s >= rubric.criterion(c).threshold for c, s in scores.items()}
        decided = [(answers | dict(measured)).get(c.id) for c in rubric.criteria if c.decides]
        approved = all(answer is not False for answer in decided)
    modes = tuple(
        mode.id
        for mode in rubric.failure_modes
        if mode.criterion in scores
        and scores[mode.criterion] < rubric.criterion(mode.criterion).threshold
    )
    annotation = Annotation(
        id=annotation_id,
        generation=generation.key,
        annotator=ANNOTATOR,
        rubric=rubric.label,
        approved=approved,
        scores=scores,
        failure_modes=modes,
        blind=True,
        audit=audit,
        simulated=True,
        run=run,
    )
    corrections = tuple(
        Correction(
            id=content_key("correction", annotation_id, about),
            annotation=annotation_id,
            generation=generation.key,
            about=about,
            before=before,
            after=after,
            simulated=True,
        )
        for about, before, after in wrong
    )
    return Judged(annotation=annotation, corrections=corrections)

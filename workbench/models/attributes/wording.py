"""What the text decoder reads and what it learns to write: one prompt for training and use, and texts to learn from.

A catalogue's own titles claim what no photo shows (the brand, the size) and what its own rows deny, and name
names. Whoever learns from them learns to invent. So those words are cut out first, and the prompt of a title
names all that the title still claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.metrics.claims import title_claims
from workbench.models.attributes.model import AttributeModel, Seen
from workbench.models.grounded import spelt_claims, without_loose_ends
from workbench.models.heads import Facts, labels
from workbench.models.linear_heads import MIN_GROUPS
from workbench.models.telling import Told, evidence, in_title_order
from workbench.records import Item
from workbench.schema import Category, Schema, folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One text to learn, and the prompt that it is the answer to."""

    prompt: str
    text: str
    """A title; never empty."""


def render_prompt(told: Told) -> str:
    """What the decoder is asked: kind, aspects and price, each where it may be stated.

    The only place where prompts are made, for training and for use.
    """
    if told.category is None:
        return ""
    parts = [f"kind: {told.category.name}"]
    parts += [f"{name}: {', '.join(values)}" for name, values in told.aspects.items()]
    if told.price is not None:
        parts.append(f"price: {_rounded(told.price)}")
    return "; ".join(parts)


def tell_seen(
    model: AttributeModel, seen: Seen, schema: Schema, *, abstaining: bool = True
) -> Told:
    """What may be stated of a photo that the attribute network saw; of an unfamiliar one nothing, no kind and no price.

    Nor of one whose category its threshold does not keep: attributes and price go by the category.

    Args:
        model: The network, with its thresholds.
        seen: From `model.see`.
        schema: Which values each category allows.
        abstaining: False: every best guess is stated, of strange photos too; for comparisons.
    """
    category = model.kind(seen.facts, schema)
    price = model.price_stated(seen.facts)
    if not abstaining:
        sure, bold = Seen(facts=seen.facts, share_as_far=1.0), model.with_abstentions(())
        aspects = bold.stated(sure, category) if category else {}
    else:
        category = model.kind_stated(seen, schema)
        aspects = model.stated(seen, category)
    if category is None:
        price = None
    return Told(
        category=category,
        aspects=in_title_order(aspects),
        price=price,
        evidence=evidence(seen.facts)
        | {"familiar": seen.familiar, "share_as_far": round(seen.share_as_far, 4)},
    )


def lessons(
    items: Sequence[Item],
    held_out: Sequence[Facts | None],
    model: AttributeModel,
    schema: Schema,
) -> list[Lesson | None]:
    """What each item teaches the decoder; None where nothing is left of its text.

    A prompt is rendered as for a new photo, from what networks that had not seen the item's product see in
    its photo, by the same thresholds. Where the text claims something about an attribute, the claim stands
    in the prompt: the decoder learns to say what it is given, and never to guess.

    Args:
        items: The training part.
        held_out: From the same fit as `model`; None for a photo that no network left out: there the
            catalogue's own values stand in.
        model: With its thresholds.
        schema: Which values each category allows.
    """
    shared = shared_words(items)
    found: list[Lesson | None] = []
    for item, facts in zip(items, held_out, strict=True):
        text = teachable_text(item, schema, shared)
        category = schema.categories.get(item.category)
        if not text or category is None:
            found.append(None)
            continue
        told: Mapping[str, tuple[str, ...]] = labels(item, schema)
        price = item.price
        if facts is not None:
            told = model.stated(Seen(facts=facts, share_as_far=1.0), category)
            price = model.price_stated(facts)
        aspects = in_title_order({**told, **_seen_claims(text, category, schema)})
        prompt = render_prompt(Told(category=category, aspects=aspects, price=price, evidence={}))
        found.append(Lesson(prompt=prompt, text=text))
    return found


def shared_words(items: Sequence[Item]) -> frozenset[str]:
    """Words, folded, that the titles of three groups or more have: others are names that no photo tells."""
    from workbench.store import group_of

    groups: dict[str, set[str]] = {}
    for item in items:
        for word in (item.title or "").split():
            groups.setdefault(folded(word), set()).add(group_of(item))
    return frozenset(word for word, of in groups.items() if len(of) >= MIN_GROUPS)


def teachable_text(item: Item, schema: Schema, shared: frozenset[str]) -> str:
    """The item's title, less what a photo's text may not claim, its claims as the schema spells them.

    Out go claims about attributes that no photo shows, claims that contradict the item's own aspects or
    category, talk of sellers, numbers, and words that are no claim and not in `shared`. "" where nothing is
    left.
    """
    category = schema.categories.get(item.category)
    if category is None:
        return ""
    found = spelt_claims(item.title or "", category, labels(item, schema), schema, whole=False)
    return " ".join(
        without_loose_ends(
            [
                word.capitalize() if claim is None else claim
                for word, claim in found
                if (folded(word) in shared if claim is None else claim)
            ]
        )
    )


def _seen_claims(text: str, category: Category, schema: Schema) -> dict[str, tuple[str, ...]]:
    """What a text claims about attributes that a photo may show."""
    claims = title_claims(text, category, schema).values
    photographed = {a.name for a in category.attributes if a.visible != "no"}
    return {name: values for name, values in claims.items() if name in photographed}


def _rounded(price: float) -> str:
    """Two digits that say something: a photo tells no more of a price."""
    return f"{float(f'{price:.2g}'):g}"

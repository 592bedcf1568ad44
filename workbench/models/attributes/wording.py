"""What the text decoder reads and what it learns to write: one prompt for training and use, and texts to learn from.

A catalogue's own titles claim what no photo shows (the brand, the size) and what its own rows deny, and name
names. Whoever learns from them learns to invent. So those words are cut out first, and the prompt of a title
names all that the title still claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.metrics.claims import product_names, title_claims
from workbench.models.attributes.model import AttributeModel, Seen
from workbench.models.heads import Facts, labels
from workbench.models.linear_heads import MIN_GROUPS
from workbench.models.telling import Told, evidence, in_title_order
from workbench.records import Aspects, Item
from workbench.schema import Category, Schema, folded, same_word

_LONGEST = 4
"""Words of the longest phrase that is looked up as one value."""
_EDGES = ".,;:!?()[]\"'"


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

    Args:
        model: The network, with its thresholds.
        seen: From `model.see`.
        schema: Which values each category allows.
        abstaining: False: every best guess is stated, of strange photos too; for comparisons.
    """
    category: Category | None = schema.category(seen.facts.category[0].value)
    price = seen.facts.price.value if seen.facts.price else None
    if not abstaining:
        sure, bold = Seen(facts=seen.facts, share_as_far=1.0), model.with_abstentions(())
        aspects = bold.stated(sure, category) if category else {}
    elif category and seen.familiar:
        aspects = model.stated(seen, category)
    else:
        category, price, aspects = None, None, {}
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
            price = facts.price.value if facts.price else None
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
    category, and words that are no claim and not in `shared`. "" where nothing is left.
    """
    category = schema.categories.get(item.category)
    if category is None:
        return ""
    known = labels(item, schema)

    def spelt(phrase: str) -> str | None:
        return _spell(phrase, category, known, schema, whole=False)

    return " ".join(
        word.capitalize() if claim is None else claim
        for word, claim in _claims_spelt(item.title or "", spelt)
        if (folded(word) in shared if claim is None else claim)
    )


def grounded(text: str, told: Told, schema: Schema) -> str:
    """A decoder's text less every claim that its prompt does not hold: nothing is stated that was not told.

    Args:
        text: As the decoder wrote it.
        told: What its prompt was rendered from.
        schema: In whose words claims are found.

    Returns:
        The rest; the name of the kind where nothing is left; "" where no kind was told.
    """
    if told.category is None:
        return ""
    category = told.category

    def spelt(phrase: str) -> str | None:
        return _spell(phrase, category, told.aspects, schema, whole=True)

    kept = [
        word if claim is None else claim
        for word, claim in _claims_spelt(text, spelt)
        if claim is None or claim
    ]
    return " ".join(kept) or category.name


def _claims_spelt(text: str, spelt: Callable[[str], str | None]) -> list[tuple[str, str | None]]:
    """Words, each claim as one with its spelling: the longest phrases that claim something first."""
    words = text.split()
    found: list[tuple[str, str | None] | None] = [(word, None) for word in words]
    taken = [False] * len(words)
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            if any(taken[span]):
                continue
            phrase = " ".join(words[span])
            claim = spelt(phrase.strip(_EDGES))
            if claim is not None:
                found[span] = [(phrase, claim), *[None] * (length - 1)]
                taken[span] = [True] * length
    return [one for one in found if one is not None]


def _seen_claims(text: str, category: Category, schema: Schema) -> dict[str, tuple[str, ...]]:
    """What a text claims about attributes that a photo may show."""
    claims = title_claims(text, category, schema).values
    photographed = {a.name for a in category.attributes if a.visible != "no"}
    return {name: values for name, values in claims.items() if name in photographed}


def _spell(
    phrase: str, category: Category, known: Aspects, schema: Schema, *, whole: bool
) -> str | None:
    """A claim as it may be written: "" where it may not, None where the phrase claims nothing.

    Args:
        phrase: Some words.
        category: Whose attributes are looked for.
        known: Attribute to the values that may be claimed.
        schema: Whose other categories may not be named.
        whole: Whether `known` is all that may be claimed; else what it leaves out may be too.
    """
    word = same_word(phrase)
    if word in product_names(category.name):
        return phrase.title()
    if any(word in product_names(other.name) for other in schema.categories.values()):
        return ""
    said = {
        a.name: value
        for a in category.attributes
        if a.values and (value := a.normalise(phrase)) is not None
    }
    if not said:
        return None
    for attribute in category.attributes:
        value = said.get(attribute.name)
        if value is None or attribute.visible == "no":
            continue
        if value in known.get(attribute.name, () if whole else (value,)):
            return value
    return ""


def _rounded(price: float) -> str:
    """Two digits that say something: a photo tells no more of a price."""
    return f"{float(f'{price:.2g}'):g}"

"""What is decided about a catalogue's own listing: each word of the title and each aspect, kept or dropped, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from workbench.records import Listing
from workbench.schema import Category

Verdict = Literal["seen", "inferable", "not"]
"""Whether the photos show an aspect: plainly, by inference (a material, for whom it is made), or not."""

PROMOTION = "promotion"
TECHNOLOGY = "fabric technology"
UNKNOWN = "unknown aspect"
NOT_ALLOWED = "value not allowed"
SEVERAL = "several values for one"
DISAGREE = "title and aspects disagree"
LOOK_ALIKE = "looks like others"
UNSUPPORTED = "nothing supports it"
REPEATED = "said twice"
OTHER_PRODUCT = "another product"
CONTRADICTED = "contradicted by the photos"
HIDDEN = "cannot be seen"
MODEL_NUMBER = "model number"
KINDS: Mapping[str, str] = {
    PROMOTION: "praise, price, shipping and condition: talk of the seller",
    TECHNOLOGY: "a trade mark of a fabric, which looks like any other",
    UNKNOWN: "the category asks for no such aspect",
    NOT_ALLOWED: "the category does not allow this value",
    SEVERAL: "several values where a product has one",
    DISAGREE: "title and aspects state different values, so one of them is wrong",
    LOOK_ALIKE: "a material that no photo tells from its likes",
    UNSUPPORTED: "a word that names neither the product nor an aspect",
    REPEATED: "the word stands in the title before",
    OTHER_PRODUCT: "the name of another kind of product",
    CONTRADICTED: "the photos show something else",
    HIDDEN: "no photo shows it",
    MODEL_NUMBER: "what its maker calls this one",
}
"""Why something is dropped, in words. A value of an attribute that no photo can show is dropped under that attribute's
name, lower case: `size`, `brand`, `condition`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordDecision:
    """One word of the title."""

    text: str
    """As the seller wrote it."""
    kept: bool
    kind: str = ""
    """Why it is dropped, from `KINDS` or an attribute's name; `""` where it is kept."""
    written: str = ""
    """What stands in the aligned title; `""` for a dropped word, and for all but the first word of a phrase."""
    claims: tuple[tuple[str, str], ...] = ()
    """(attribute, value) pairs that the phrase that begins here states, in the schema's words."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """`wrong`, `right` and `cannot be seen`, 0 to 1, where a model that gives probabilities was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectDecision:
    """One aspect that the seller states."""

    name: str
    """As the seller wrote it."""
    values: tuple[str, ...]
    verdict: Verdict
    kind: str = ""
    """Why it is dropped; `""` where it is kept."""
    written_name: str = ""
    """The schema's name for it; `""` where the category asks for no such aspect."""
    written: tuple[str, ...] = ()
    """Its values in the schema's words; those that were dropped are left out."""
    gone: tuple[tuple[str, str], ...] = ()
    """(value, why) of values that were dropped while others of the aspect were kept."""
    probabilities: Mapping[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """True where the aligned listing states it."""
        return self.verdict != "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Everything that was decided about one listing."""

    title: tuple[WordDecision, ...] = ()
    """Word by word, in the title's order."""
    aspects: tuple[AspectDecision, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "title": [_bare(one) for one in self.title],
            "aspects": [_bare(one) for one in self.aspects],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decisions:
        """Read what `as_dict` wrote; other keys are left alone."""
        return cls(
            title=tuple(
                WordDecision(**{**one, "claims": tuple((n, v) for n, v in one.get("claims", ()))})
                for one in data["title"]
            ),
            aspects=tuple(
                AspectDecision(
                    **{
                        **one,
                        "values": tuple(one["values"]),
                        "written": tuple(one.get("written", ())),
                        "gone": tuple((value, why) for value, why in one.get("gone", ())),
                    }
                )
                for one in data["aspects"]
            ),
        )

    def removed(self) -> Iterator[tuple[str, str]]:
        """(kind, text) of everything that was dropped: words of one kind that stand together are one."""
        last, run = "", list[str]()
        for word in (*self.title, WordDecision(text="", kept=True)):
            if run and word.kind != last:
                yield last, " ".join(run)
                run = []
            if word.kind:
                run.append(word.text)
            last = word.kind
        for one in self.aspects:
            if one.kept:
                yield from ((why, f"{one.name}: {value}") for value, why in one.gone)
            else:
                yield one.kind, f"{one.name}: {', '.join(one.values)}"


def _bare(one: WordDecision | AspectDecision) -> dict[str, object]:
    """Without what is empty: a million rows of these are kept. Tuples are lists, as JSON has them."""
    told = {part.name: getattr(one, part.name) for part in fields(one)}
    return {
        name: [list(v) if isinstance(v, tuple) else v for v in value]
        if isinstance(value, tuple)
        else value
        for name, value in told.items()
        if value or name in {"text", "kept", "name", "values", "verdict"}
    }


def aligned(decisions: Decisions, category: Category) -> Listing:
    """The listing that is left: kept words in their order, kept aspects under the schema's names and in its order.

    A title that names no product any more ends with the category's name.
    """
    words = [one.written for one in decisions.title if one.kept and one.written]
    names_product = any(one.kept and one.written and not one.claims for one in decisions.title)
    title = " ".join(words if names_product else [*words, category.name])
    stated: dict[str, dict[str, None]] = {}
    for one in decisions.aspects:
        if one.kept:
            stated.setdefault(one.written_name, {}).update(dict.fromkeys(one.written))
    return Listing(
        title=title,
        aspects={a.name: tuple(stated[a.name]) for a in category.attributes if a.name in stated},
        category=category.id,
    )


def dropped(
    word: WordDecision, kind: str, probabilities: Mapping[str, float] | None = None
) -> WordDecision:
    """The same word, dropped."""
    told = word.probabilities if probabilities is None else probabilities
    return replace(word, kept=False, kind=kind, written="", claims=(), probabilities=told)


def refused(
    one: AspectDecision, kind: str, probabilities: Mapping[str, float] | None = None
) -> AspectDecision:
    """The same aspect, dropped."""
    told = one.probabilities if probabilities is None else probabilities
    return replace(one, verdict="not", kind=kind, probabilities=told)

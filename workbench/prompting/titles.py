"""Titles made short: what a product is, without brand, size, model number and promotion.

A `TitleSimplifier` says which parts of a title are which; here these parts become a shorter title, and
each answer a `Generation` of kind `title`, keyed by content, so that nothing is asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from workbench.prompting._words import Span, without, words_of
from workbench.records import Cost, Generation, Item, content_key

RemovedKind = Literal["brand", "size", "model", "promotion"]
"""What a part that goes was: who makes it; how big it is or how much there is of it; what its maker calls
this one; talk of sellers."""
REMOVED_KINDS: tuple[RemovedKind, ...] = get_args(RemovedKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """One part of a title that went."""

    text: str
    """As the title writes it."""
    kind: RemovedKind
    start: int
    """Place of its first character in the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplified:
    """One title, made short."""

    original: str
    title: str
    """Words of the original in their order; never empty where the original is not."""
    removed: tuple[Removed, ...] = ()
    """In the order of the original."""
    by: str = ""
    """Who said so: a simplifier's name. Another than the one asked, where that one's answer was no use."""
    note: str = ""
    """Why another one answered, or why nothing was removed; empty where there is nothing to say."""
    answer: str | None = None
    """A model's answer as it came; None where none was asked."""
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleQuestion:
    """One title, and what is known of the item that it belongs to."""

    title: str
    category: str = ""
    """In words, such as `Shoes`; `""` where it is not known."""
    brands: tuple[str, ...] = ()
    """What the item's own aspects call its brand."""


class TitleSimplifier(Protocol):
    """Says what of a title is brand, size, model number or promotion."""

    @property
    def name(self) -> str:
        """The string that names it in records, such as `rules` or `gguf:smollm2`."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever the same title could be made short in another way."""
        ...

    def simplify(self, questions: Sequence[TitleQuestion]) -> list[Simplified]:
        """One answer per question, in order; a title that cannot be read comes back whole, with a note."""
        ...


BRAND_ASPECTS = frozenset({"brand", "vendor", "manufacturer", "maker", "label", "marke"})
"""Names of aspects, lower case, that say who makes an item."""


def brands_of(item: Item) -> tuple[str, ...]:
    """What an item's own aspects call its brand; empty where they do not."""
    return tuple(
        v
        for name, values in item.aspects.items()
        if name.casefold() in BRAND_ASPECTS
        for v in values
    )


def shortened(
    title: str, spans: Sequence[Span], *, by: str, note: str = "", answer: str | None = None,
    cost: Cost | None = None,
) -> Simplified:  # fmt: skip
    """`title` without `spans`; whole, with a note, where nothing that says anything would be left.

    Args:
        title: The original.
        spans: Parts that go, of `REMOVED_KINDS`; they do not overlap.
        by: Who says so.
        note: See `Simplified`.
        answer: The same.
        cost: The same.
    """
    left = without(title, spans)
    ordered = sorted(spans, key=lambda s: s.start)
    if not any(w.counts and not w.text.isdigit() for w in words_of(left)):
        if ordered:
            note = "; ".join(filter(None, [note, "nothing would be left, so nothing was removed"]))
        left, ordered = " ".join(title.split()), []
    return Simplified(
        original=title,
        title=left,
        removed=tuple(
            Removed(text=title[s.start : s.end], kind=s.kind, start=s.start)  # type: ignore[arg-type]
            for s in ordered
        ),
        by=by,
        note=note,
        answer=answer,
        cost=cost or Cost(),
    )


def title_key(item: Item, simplifier: TitleSimplifier, *, category: str = "") -> str:
    """Content key of the item's simplified title, known before anybody is asked.

    Args:
        item: With a title.
        simplifier: Who is asked.
        category: The item's category in words, as in `simplify`.
    """
    return content_key(
        "title", item.id, item.title or "", category, brands_of(item), simplifier.revision
    )


def simplify(
    items: Sequence[Item],
    simplifier: TitleSimplifier,
    *,
    categories: Mapping[str, str] | None = None,
    run: str | None = None,
) -> list[Generation]:
    """Make the titles of `items` short: one `Generation` of kind `title` per item, in order.

    `text` is the simplified title; `details` holds `removed` (text, kind, start), `by`, `note` and, where a
    model was asked, its `answer`. A title that comes again is asked once, and costs nothing the second
    time.

    Args:
        items: With titles; an item without one gets an empty text and a note.
        simplifier: Who is asked.
        categories: Category id to its name in words; None: the ids are words.
        run: Id of the run that asks.
    """
    named = {i.category: (categories or {}).get(i.category, i.category) for i in items}
    questions = [
        TitleQuestion(title=i.title or "", category=named[i.category], brands=brands_of(i))
        for i in items
    ]
    distinct = list(dict.fromkeys(questions))
    answered = dict(zip(distinct, simplifier.simplify(distinct), strict=True))
    made, seen = [], set[TitleQuestion]()
    for item, question in zip(items, questions, strict=True):
        made.append(
            _generation(
                item, question, answered[question], simplifier, run=run, again=question in seen
            )
        )
        seen.add(question)
    return made


def read_simplified(generation: Generation) -> Simplified:
    """What `simplify` stored, as it was.

    Raises:
        ValueError: The generation is of another kind.
    """
    if generation.kind != "title":
        raise ValueError(f"want a generation of kind 'title', got {generation.kind!r}")
    details = generation.details
    removed = details.get("removed")
    answer = details.get("answer")
    return Simplified(
        original=generation.prompt,
        title=generation.text or "",
        removed=tuple(Removed(**one) for one in removed) if isinstance(removed, list) else (),
        by=str(details.get("by", "")),
        note=str(details.get("note", "")),
        answer=answer if isinstance(answer, str) else None,
        cost=generation.cost,
    )


def _generation(
    item: Item,
    question: TitleQuestion,
    found: Simplified,
    simplifier: TitleSimplifier,
    *,
    run: str | None,
    again: bool,
) -> Generation:
    details: dict[str, object] = {
        "removed": [{"text": r.text, "kind": r.kind, "start": r.start} for r in found.removed],
        "by": found.by,
        "note": found.note,
    }
    if found.answer is not None:
        details["answer"] = found.answer
    return Generation(
        key=title_key(item, simplifier, category=question.category),
        kind="title",
        category=item.category,
        model=simplifier.name,
        revision=simplifier.revision,
        prompt=question.title,
        item=item.id,
        text=found.title,
        details=details,
        cost=Cost() if again else found.cost,
        run=run,
        simulated=item.simulated,
    )

"""Alignments against the truth of drawn items: how much of what had to go went, and of what went had to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from workbench.alignment.decisions import AspectDecision, Decisions
from workbench.catalog.drawing.kinds import KINDS
from workbench.catalog.drawing.vocabulary import UNTELLABLE
from workbench.metrics import Estimate, proportion
from workbench.records import Generation, Item
from workbench.schema import Category, Schema, same_word
from workbench.store import group_of

WORDS, ASPECTS = "words of titles", "aspects"
Judged = tuple[bool, bool, str, str]
"""One statement: whether it was dropped, whether it had to go, why it was dropped, and its product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCheck:
    """What was dropped under one kind."""

    kind: str
    dropped: int
    precision: Estimate
    """Share of it that had to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentCheck:
    """One sort of statement, words of titles or aspects."""

    about: str
    precision: Estimate
    """Share of what was dropped that had to go."""
    recall: Estimate
    """Share of what had to go that was dropped."""
    kept_right: Estimate
    """Share of what was kept that the photos show: what training on it is worth."""
    kinds: tuple[KindCheck, ...]
    """By why it was dropped, the commonest first."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def seen_truth(item: Item, category: Category) -> dict[str, str]:
    """What photos of a drawn item can show: its true aspects without those that no photo tells."""
    return {
        one.name: item.truth[one.name]
        for one in category.attributes
        if one.visible != "no"
        and one.name in item.truth
        and not (one.name == "Material" and item.truth[one.name] in UNTELLABLE)
    }


def check_alignments(
    items: Iterable[Item], alignments: Iterable[Generation], schema: Schema
) -> tuple[AlignmentCheck, ...]:
    """Hold what was decided about drawn items against what is true of them.

    An aspect has to go unless it states, under any name that the aligner understood, the one true value of an
    attribute that photos show. A word has to go unless it is part of a phrase that names such a value, or the
    product by any of the names that sellers use for it.

    Args:
        items: Drawn; items without truth are left out.
        alignments: Of these items, in the same order; those that could not be read are left out.
        schema: The catalogue's.

    Returns:
        One entry for words, one for aspects; intervals are by design (`group_of`).
    """
    rows: dict[str, list[Judged]] = {WORDS: [], ASPECTS: []}
    for item, one in zip(items, alignments, strict=True):
        if not item.truth or one.listing is None:
            continue
        category = schema.category(item.category)
        true = seen_truth(item, category)
        decided = Decisions.from_dict(one.details)
        group = group_of(item)
        rows[WORDS] += [
            (not word.kept, not right, word.kind, group)
            for word, right in zip(
                decided.title, _right_words(decided, true, category), strict=True
            )
        ]
        rows[ASPECTS] += [
            (not said.kept, not _is_right(said, true, category), said.kind, group)
            for said in decided.aspects
        ]
    return tuple(summarise(about, found) for about, found in rows.items())


def _is_right(said: AspectDecision, true: dict[str, str], category: Category) -> bool:
    attribute = category.attribute(said.written_name or said.name)
    if attribute is None or attribute.name not in true:
        return False
    # What the aligner wrote counts where it kept the aspect, else what the seller wrote.
    values = said.written if said.kept else said.values
    return {attribute.normalise(value) for value in values} == {true[attribute.name]}


def _right_words(decided: Decisions, true: dict[str, str], category: Category) -> list[bool]:
    """Whether the photos bear out each word: it stands in a phrase for a true value, or for the product."""
    words = [word.text.strip(".,;:!?()[]*\"'") for word in decided.title]
    right = [False] * len(words)
    names = {same_word(name) for name in _names(category)}
    for length in (4, 3, 2, 1):
        for start in range(len(words) - length + 1):
            phrase = " ".join(words[start : start + length])
            told = same_word(phrase) in names or any(
                one.name in true and one.values and one.normalise(phrase) == true[one.name]
                for one in category.attributes
            )
            if told:
                right[start : start + length] = [True] * length
    return right


def _names(category: Category) -> tuple[str, ...]:
    kind = KINDS.get(category.id)
    return (category.name, *(kind.words if kind is not None else ()))


def summarise(about: str, rows: list[Judged]) -> AlignmentCheck:
    """Precision, recall and what was kept rightly, of statements about which it is known what had to go."""

    def share(of: list[Judged], part: int) -> Estimate:
        return proportion([one[part] for one in of], groups=[one[3] for one in of] or None)

    gone = [one for one in rows if one[0]]
    kinds = sorted({one[2] for one in gone}, key=lambda kind: -sum(one[2] == kind for one in gone))
    kept = [one for one in rows if not one[0]]
    return AlignmentCheck(
        about=about,
        precision=share(gone, 1),
        recall=share([one for one in rows if one[1]], 0),
        kept_right=proportion(
            [not one[1] for one in kept], groups=[one[3] for one in kept] or None
        ),
        kinds=tuple(
            KindCheck(kind=kind, dropped=len(own), precision=share(own, 1))
            for kind in kinds
            for own in [[one for one in gone if one[2] == kind]]
        ),
    )

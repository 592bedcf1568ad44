"""Alignment without a model: the schema says what a photo can show, rules know sizes, promotions and trade marks.

Nobody looks at the photos here. Of what a photo could show the rules keep what the seller states without
contradicting himself; whether it is true is for the aligners that see.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.alignment import decisions as d
from workbench.alignment.decisions import AspectDecision, Decisions, WordDecision, aligned
from workbench.alignment.protocols import alignment_key, made
from workbench.metrics.claims import product_names, schema_phrases
from workbench.prompting.title_rules import RuleSimplifier
from workbench.prompting.titles import TitleQuestion, brands_of
from workbench.records import Generation, Item, content_key
from workbench.schema import Attribute, Category, Schema, folded, same_word

if TYPE_CHECKING:
    from PIL.Image import Image

_VERSION = "1"
"""Changed whenever a rule below changes."""
_TRADE_MARK = re.compile(
    r"[™®℠]|\b(?:performance|technical|moisture[- ]wicking) fabric\b", re.IGNORECASE
)
_MARKED = re.compile(r"\S*[™®℠]\S*(?: (?:performance|technical) fabric)?", re.IGNORECASE)
"""A phrase of a title that is nothing but a trade mark."""
_LOOK_ALIKE = frozenset(
    {
        *(
            "cotton",
            "polyester",
            "nylon",
            "rayon",
            "viscose",
            "modal",
            "spandex",
            "elastane",
            "lycra",
            "acrylic",
        ),
        *("hemp", "bamboo", "microfiber", "microfibre", "silicone", "plastic", "leather"),
    }
)
"""Fibres that only a label tells apart, plastics that look like silicone, leather and its copies."""
_LONGEST = 4
"""Words of the longest phrase that is looked up as one."""
_SPAN_KINDS = {"promotion": d.PROMOTION, "size": "size", "brand": "brand", "model": d.MODEL_NUMBER}


@dataclass(frozen=True)
class RuleAligner:
    """Aligns listings by the schema and by rules."""

    schema: Schema

    sees = False

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @cached_property
    def revision(self) -> str:
        """Content key of the rules; the category is part of each item's own key."""
        return content_key("alignment rules", _VERSION, self._titles.revision, sorted(_LOOK_ALIKE))

    @property
    def asks(self) -> object:
        """No model that is asked."""
        return None

    def key(self, item: Item) -> str:
        """Content key of the alignment, known before it is made."""
        return alignment_key(item, self.schema.category(item.category), self.revision)

    def align(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item; `photos` are not looked at and may be empty."""
        found = []
        for item in items:
            category = self.schema.category(item.category)
            decided = self.decide(item, category)
            listing = aligned(decided, category)
            found.append(made(item, self, decided, listing=listing, run=run))
        return found

    def decide(self, item: Item, category: Category, *, guess: bool = True) -> Decisions:
        """Decide about every word and aspect.

        Args:
            item: Whose title and aspects are aligned.
            category: The item's.
            guess: Whether what only a look at the photos could settle is dropped: materials that look alike, and
                what title and aspects state differently. False where somebody looks afterwards.
        """
        aspects = [_aspect(name, values, category) for name, values in item.aspects.items()]
        aspects = _one_each(aspects)
        title = self._title(item, category)
        if guess:
            aspects = [_told_apart(one) for one in aspects]
            title = [_word_told_apart(one) for one in title]
            aspects, title = _agreeing(aspects, title, category)
        return Decisions(title=tuple(title), aspects=tuple(aspects))

    @cached_property
    def _titles(self) -> RuleSimplifier:
        return RuleSimplifier()  # brands are those that the item and the schema name

    @cached_property
    def _products(self) -> frozenset[str]:
        return frozenset(
            name for one in self.schema.categories.values() for name in product_names(one.name)
        )

    def _title(self, item: Item, category: Category) -> list[WordDecision]:
        title = item.title or ""
        found = [(m.group(), m.start(), m.end()) for m in re.finditer(r"\S+", title)]
        words = [WordDecision(text=text, kept=False, kind=d.UNSUPPORTED) for text, _, _ in found]
        taken = [False] * len(words)
        spans = self._titles.spans(
            TitleQuestion(title=title, category=category.name, brands=brands_of(item))
        )
        for i, (_, start, end) in enumerate(found):
            for span in spans:
                if span.start < end and span.end > start and not taken[i]:
                    words[i], taken[i] = _dropped(words[i], _SPAN_KINDS[span.kind]), True
        for length in range(min(_LONGEST, len(words)), 0, -1):
            for i in range(len(words) - length + 1):
                if any(taken[i : i + length]):
                    continue
                phrase = " ".join(
                    text.strip(".,;:!?()[]*\"'") for text, _, _ in found[i : i + length]
                )
                if decided := self._phrase(phrase, words[i : i + length], category):
                    words[i : i + length] = decided
                    taken[i : i + length] = [True] * length
        said: set[str] = set()
        for i, word in enumerate(words):
            if word.kept and word.written:
                if folded(word.written) in said:
                    words[i] = d.dropped(word, d.REPEATED)
                said.add(folded(word.written))
        return words

    def _phrase(
        self, phrase: str, words: list[WordDecision], category: Category
    ) -> list[WordDecision] | None:
        """What is decided about words that mean something together; None where they do not."""
        same = same_word(phrase)
        if same in self._products:
            if same not in product_names(category.name):
                return [_dropped(word, d.OTHER_PRODUCT) for word in words]
            return _kept(words, _capitals(phrase), ())
        if _MARKED.fullmatch(phrase):
            return [_dropped(word, d.TECHNOLOGY) for word in words]
        return self._values(schema_phrases(phrase, category) if same else (), words, category)

    @staticmethod
    def _values(
        meant: tuple[tuple[str, str], ...], words: list[WordDecision], category: Category
    ) -> list[WordDecision] | None:
        """What is decided about words that name `meant`, (attribute, value) pairs."""
        visible = tuple(one for one in meant if _attribute(category, one[0]).visible != "no")
        if any(_TRADE_MARK.search(value) for _, value in visible):
            return [_dropped(word, d.TECHNOLOGY) for word in words]
        if visible:
            return _kept(words, visible[0][1], visible)
        return [_dropped(word, meant[0][0].lower()) for word in words] if meant else None


def _attribute(category: Category, name: str) -> Attribute:
    return next(one for one in category.attributes if one.name == name)


def _dropped(word: WordDecision, kind: str) -> WordDecision:
    return replace(word, kept=False, kind=kind)


def _kept(
    words: list[WordDecision], written: str, claims: tuple[tuple[str, str], ...]
) -> list[WordDecision]:
    first, *others = words
    return [
        replace(first, kept=True, kind="", written=written, claims=claims),
        *(replace(word, kept=True, kind="") for word in others),
    ]


def _capitals(phrase: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda m: m.group()[0].upper() + m.group()[1:].lower(), phrase)


def _aspect(name: str, values: tuple[str, ...], category: Category) -> AspectDecision:
    one = AspectDecision(name=name, values=values, verdict="not", kind=d.UNKNOWN)
    attribute = category.attribute(name) or _by_values(values, category)
    if attribute is None:
        return one
    one = replace(one, written_name=attribute.name)
    if attribute.visible == "no":
        return replace(one, kind=attribute.name.lower())
    allowed = dict.fromkeys(v for v in map(attribute.normalise, values) if v)
    if not allowed:
        return replace(one, kind=d.NOT_ALLOWED)
    plain = tuple(value for value in allowed if not _TRADE_MARK.search(value))
    if not plain:
        return replace(one, kind=d.TECHNOLOGY)
    if len(plain) > 1 and not attribute.multiple:
        return replace(one, kind=d.SEVERAL, written=plain)
    verdict: d.Verdict = "seen" if attribute.visible == "yes" else "inferable"
    gone = tuple((value, d.TECHNOLOGY) for value in allowed if value not in plain)
    return replace(one, verdict=verdict, kind="", written=plain, gone=gone)


def _by_values(values: tuple[str, ...], category: Category) -> Attribute | None:
    """The one attribute whose allowed values these are: `Main Color: rust` means `Color`."""
    fitting = [
        one
        for one in category.attributes
        if one.values and values and all(one.normalise(value) for value in values)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _one_each(aspects: Sequence[AspectDecision]) -> list[AspectDecision]:
    """Of aspects that state different values of one attribute under two names, none is kept."""
    said: dict[str, set[tuple[str, ...]]] = {}
    for one in aspects:
        if one.kept:
            said.setdefault(one.written_name, set()).add(one.written)
    return [
        d.refused(one, d.SEVERAL) if one.kept and len(said[one.written_name]) > 1 else one
        for one in aspects
    ]


def _looks_alike(value: str) -> bool:
    words = folded(value).split()
    return any(word in _LOOK_ALIKE for word in words)


def _told_apart(one: AspectDecision) -> AspectDecision:
    if not one.kept or one.verdict != "inferable":
        return one
    plain = tuple(value for value in one.written if not _looks_alike(value))
    if not plain:
        return d.refused(one, d.LOOK_ALIKE)
    gone = tuple((value, d.LOOK_ALIKE) for value in one.written if value not in plain)
    return replace(one, written=plain, gone=(*one.gone, *gone))


def _word_told_apart(word: WordDecision) -> WordDecision:
    alike = word.kept and word.claims and all(_looks_alike(value) for _, value in word.claims)
    return d.dropped(word, d.LOOK_ALIKE) if alike else word


def _agreeing(
    aspects: Sequence[AspectDecision], title: Sequence[WordDecision], category: Category
) -> tuple[list[AspectDecision], list[WordDecision]]:
    """Without what title and aspects state differently."""
    several = {one.name for one in category.attributes if one.multiple}
    stated = {one.written_name: set(one.written) for one in aspects if one.kept}
    against: Counter[str] = Counter()
    words = []
    for word in title:
        told = [(name, value) for name, value in word.claims if name in stated]
        if word.kept and told and not any(value in stated[name] for name, value in told):
            names = [name for name, _ in told if name not in several]
            if names:
                against.update(names)
                words.append(d.dropped(word, d.DISAGREE))
                continue
        words.append(word)
    kept = [
        d.refused(one, d.DISAGREE) if one.kept and against[one.written_name] else one
        for one in aspects
    ]
    return kept, words

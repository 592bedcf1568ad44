"""Titles made short without a model: a lexicon of brands, units for sizes, shapes of part numbers, phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from workbench.prompting._words import Span, Word, find_words, words_of
from workbench.prompting.brand_lexicon import BrandLexicon
from workbench.prompting.titles import Simplified, TitleQuestion, shortened
from workbench.records import content_key
from workbench.schema import SELLER_TALK, read_phrases

_VERSION = "1"
"""Changed whenever a rule below changes."""

_NUMBER = r"\d+(?:[.,]\d+)*(?:\s?/\s?\d+)?(?:\s?[-x×]\s?\d+(?:[.,]\d+)*)*"
_UNITS = (
    r"(?:fl(?:uid)?\.?\s?)?(?:oz|ounces?)|ml|millilit(?:er|re)s?|cl|lit(?:er|re)s?|l|gal(?:lons?)?|quarts?|qt"
    r"|pints?|lbs?|pounds?|kgs?|kilograms?|g|gr|grams?|cm|mm|m|meters?|metres?|inch(?:es)?|in|ft|feet|yards?"
    r"|counts?|ct|cnt|pcs?|pieces?|packs?|pk|pairs?|rolls?|sheets?|loads?|sets?|bags?|bottles?|box(?:es)?|cans?"
    r"|canisters?|jars?|tubes?|cups?|pods?|capsules?|tablets?|servings?|refills?|boxes|brush(?:es)?|masks?|wipes?"
    r"|day supply|month supply|months?|gb|tb|mb|w|watts?|v|volts?|mah"
)
_SIZES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w.]){_NUMBER}[\s-]{{0,2}}(?:{_UNITS})\b\.?(?:[\s-](?:bags?|bottles?|box(?:es)?|pack(?:age)?|size|cans?|tubes?|jars?|canisters?|total|each|per \w+)\b)?",
        r"\b(?:pack|case|set|box|bundle|lot|count)\s+of\s+(?:\d+|two|three|four|five|six|eight|ten|twelve)\b",
        r"\b(?:twin|triple|double|single|family|value|two|three|four|six|multi)[\s-]?packs?\b",
        r"\b(?:size|sz)\.?\s*[:\-]?\s*(?:\d+(?:[.,]\d+)?(?:\s?[x×-]\s?\d+)*(?:\s?[a-z]{1,2}\b)?|x{0,4}[sl]\b|m\b|small|medium|large)",
        r"(?<![\w.])\d{1,2}(?:\.\d)?\s+(?:[a-z]{1,2}|n?arrow|wide|medium)\s+(?:us|uk|eu)\b",
        r"(?<![\w.])\d{1,2}(?:\.\d)?\s?(?:us|uk|eu)\b",
        r"\b(?:us|uk|eu)\s?\d{1,2}(?:\.\d)?\b",
        r"(?<![\w'’.])(?:x{1,4}-?[sl]|xs|xl|[2-5]xl)(?![\w'’])",
        r"\bone size(?: fits (?:all|most))?\b|\bos(?:fa|fm)\b",
        r"(?<![\w.])\d+(?:[.,]\d+)?\s?[\"”″](?!\w)",
    )
)
_BARE_SIZE = re.compile(r"(?:,|-|\()\s*(\d{1,2}(?:\.5)?(?:\s?[A-Z]{1,2})?|[SML])\s*\)?\s*$")
"""A size that only stands at the end of a title, as in `…, Black, 10 D`."""
_TOLD_MODEL = re.compile(
    r"\b(?:model|ref|art|item|sku|mpn|style|part)\.?\s*(?:no|nr|number|code|#)?\.?\s*[:#]?\s*"
    r"(?=\S*\d)([A-Za-z0-9][\w./-]*)",
    re.IGNORECASE,
)
_CHUNK = re.compile(r"(?<![^\s,;(\[])[A-Za-z0-9][A-Za-z0-9]*(?:[-/._][A-Za-z0-9]+)*(?![^\s,;)\]])")
_STRENGTH = re.compile(
    rf"^(?:\d+(?:\.\d+)?(?:{_UNITS}|mg|mcg|iu|k|x|d|p|hz|th|st|nd|rd|s|%)|spf\d+|n95|kn95|kf94|pm2\.5|"
    rf"[a-z]\d{{1,2}}|\d+-in-\d+|\d+-(?:ply|piece|pack|count|way|layer|day|hour|inch)|\d+[-/]\d+|[a-z]+-\d)$",
    re.IGNORECASE,
)
"""Looks like a part number and is none: strengths, grades, vitamins, `3-in-1`."""
_DOSE = re.compile(r"[\s-]?(?:mg|mcg|µg|iu|billion|cfu|ppm|thread)\b", re.IGNORECASE)
_DISCOUNT = re.compile(
    r"(?:up to\s+)?\d{1,2}\s?% ?(?:off|discount)\b!*|\bsave \d+%?|[!*]{2,}|\bl@@k\b|\bonly [$€£]?\d+(?:[.,]\d\d)?\b"
    r"|[$€£]\d+(?:[.,]\d\d)?(?: off)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RuleSimplifier:
    """Takes a title apart by rules: needs no model and tells the same every time.

    Brands are those of the item's own aspects and of the lexicon; sizes are numbers with units, sizes of
    clothes and shoes, packs; model numbers are words that mix letters and digits or follow `Model`;
    promotions are the phrases of a file.
    """

    lexicon: BrandLexicon = field(default_factory=BrandLexicon)
    """Brands of the catalogue, from `learn_brands`."""
    phrases: Path = SELLER_TALK
    """YAML file of seller's phrases, in lists under `promotion` and `condition`."""

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @cached_property
    def revision(self) -> str:
        """Content key of the rules, the phrases and the brands."""
        return content_key("rules", _VERSION, self.lexicon.revision, list(self._talk))

    def simplify(self, questions: Sequence[TitleQuestion]) -> list[Simplified]:
        """One answer per question, in order."""
        return [shortened(q.title, self.spans(q), by=self.name) for q in questions]

    def spans(self, question: TitleQuestion) -> list[Span]:
        """The parts that the rules find, none overlapping."""
        words = words_of(question.title)
        found = [
            *promotions(question.title, words, self._talk),
            *_spans(words, self._brands(words, question.brands), "brand"),
            *sorted(sizes(question.title), key=lambda s: s.start - s.end),
            *part_numbers(question.title),
        ]
        return first_come(found)

    def _brands(self, words: Sequence[Word], own: tuple[str, ...]) -> list[tuple[int, int]]:
        return [at for brand in own for at in find_words(words, brand)] + self.lexicon.find(words)

    @cached_property
    def _talk(self) -> tuple[str, ...]:
        return read_phrases(self.phrases)


def first_come(spans: Sequence[Span]) -> list[Span]:
    """`spans` in the order of the title, without those that overlap one before them in the list."""
    kept: list[Span] = []
    for span in spans:
        if span.end > span.start and all(span.end <= k.start or span.start >= k.end for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def promotions(title: str, words: Sequence[Word], phrases: Sequence[str]) -> list[Span]:
    """Talk of sellers: `phrases`, discounts, prices and rows of exclamation marks."""
    found = [
        Span(start=m.start(), end=m.end(), kind="promotion") for m in _DISCOUNT.finditer(title)
    ]
    said = {w.folded for w in words}
    for phrase in phrases:
        if phrase.split()[0].casefold().split("-")[0] in said:
            found += _spans(words, find_words(words, phrase), "promotion")
    return found


def sizes(title: str) -> list[Span]:
    """How big it is, or how much there is of it."""
    found = [
        Span(start=m.start(), end=m.end(), kind="size")
        for rule in _SIZES
        for m in rule.finditer(title)
    ]
    if bare := _BARE_SIZE.search(title):
        found.append(Span(start=bare.start(1), end=bare.end(1), kind="size"))
    return found


def part_numbers(title: str) -> list[Span]:
    """Model numbers: after `Model` and the like, or words that mix digits with letters or hyphens."""
    found = [Span(start=m.start(), end=m.end(), kind="model") for m in _TOLD_MODEL.finditer(title)]
    for m in _CHUNK.finditer(title):
        chunk = m.group()
        digits = sum(c.isdigit() for c in chunk)
        mixed = digits and any(c.isalpha() or c in "-/" for c in chunk)
        if _STRENGTH.match(chunk) or len(chunk) < 4 or digits < 2:
            continue
        if mixed or (
            chunk.isdigit()
            and not re.fullmatch(r"(?:19|20)\d\d", chunk)
            and not _DOSE.match(title, m.end())
        ):
            found.append(Span(start=m.start(), end=m.end(), kind="model"))
    return found


def _spans(words: Sequence[Word], at: Sequence[tuple[int, int]], kind: str) -> list[Span]:
    return [Span(start=words[i].start, end=words[k - 1].end, kind=kind) for i, k in at]

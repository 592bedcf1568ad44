"""The brands of a catalogue, learned from its own aspects and from how its titles begin."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.prompting._words import Word, folded_words
from workbench.prompting.titles import brands_of
from workbench.records import Item, content_key

_LONGEST = 4
"""Words of the longest beginning that is taken for a brand."""
_OFTEN = 3
"""Products whose titles have to begin with the same words before these are taken for a brand."""
_MOSTLY = 0.8
"""Share of the titles with these words that have to begin with them."""
_TRUSTED = 0.5
"""Share of items that bear a brand's word in their title, and are of that brand; below, it is a common word."""
_MOST = 0.5
"""Share of items that state a brand from which on a lexicon is taken for complete."""
_FEW_KNOWN = 3
"""Items of known brand that speak against a word before it is taken for a common one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandLexicon:
    """Which words are brands."""

    brands: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Folded words of each brand to the number of items that bear it."""
    stated: float = 0.0
    """Share of the catalogue's items whose aspects say their brand, 0 to 1: how complete the lexicon is."""

    @property
    def revision(self) -> str:
        """Content key of the brands, and of whether most items state one."""
        listed = sorted([" ".join(b), n] for b, n in self.brands.items())
        return content_key("brands", listed, self.is_complete)

    @property
    def is_complete(self) -> bool:
        """Whether most items say their brand, so that what is not in here is hardly one."""
        return self.stated >= _MOST

    def find(self, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Where brands stand among `words`: first and last-plus-one index, the longest first, none overlapping."""
        at = [i for i, w in enumerate(words) if w.counts]
        said = [words[i].folded for i in at]
        longest = max((len(b) for b in self.brands), default=0)
        found, k = [], 0
        while k < len(said):
            n = next(
                (
                    n
                    for n in range(min(longest, len(said) - k), 0, -1)
                    if tuple(said[k : k + n]) in self.brands
                ),
                0,
            )
            if n:
                found.append((at[k], at[k + n - 1] + 1))
            k += n or 1
        return found

    def joined(self, other: BrandLexicon) -> BrandLexicon:
        """The brands of both; as complete as the more complete one."""
        return BrandLexicon(
            brands=dict(Counter(self.brands) + Counter(other.brands)),
            stated=max(self.stated, other.stated),
        )


def learn_brands(
    items: Iterable[Item], *, common: Iterable[str] = (), from_titles: bool = True
) -> BrandLexicon:
    """Read the brands off a catalogue.

    What an aspect such as `Brand` or `Vendor` says is a brand, unless most titles with these words belong
    to items of another brand (`Target`, `Orange`). Beside that, words that begin the titles of several
    products and stand elsewhere in few are a brand, where their items do not say another.

    Args:
        items: Of one catalogue; those without title and brand teach nothing.
        common: Words that are never brands by themselves, such as names of categories and values of colour.
        from_titles: False: aspects alone teach.
    """
    items = list(items)
    never = {tuple(folded_words(text)) for text in common}
    stated: Counter[tuple[str, ...]] = Counter()
    known: list[tuple[list[str], set[tuple[str, ...]], str]] = []
    for item in items:
        own = {tuple(folded_words(b)) for b in brands_of(item)} - {()}
        stated.update(own)
        known.append((folded_words(item.title or ""), own, item.group or item.id))
    kept = {b: n for b, n in stated.items() if b not in never and _is_told_apart(b, known)}
    if from_titles:
        for brand, count in _beginnings(known, never).items():
            kept.setdefault(brand, count)
    told = sum(bool(own) for _, own, _ in known)
    return BrandLexicon(brands=kept, stated=told / len(known) if known else 0.0)


def _is_told_apart(
    brand: tuple[str, ...], known: Sequence[tuple[list[str], set[tuple[str, ...]], str]]
) -> bool:
    """Whether titles with these words are mostly those of this brand's items."""
    if len(brand) > 1:
        return True
    word, right, wrong = brand[0], 0, 0
    if word.isdigit():
        return False
    for said, own, _ in known:
        if own and word in said:
            right += brand in own
            wrong += brand not in own and not any(word in other for other in own)
    return wrong < _FEW_KNOWN or right >= _TRUSTED * (right + wrong)


def _beginnings(
    known: Sequence[tuple[list[str], set[tuple[str, ...]], str]], never: set[tuple[str, ...]]
) -> dict[tuple[str, ...], int]:
    """Words that begin the titles of several products and stand elsewhere in few, the longest that do."""
    single = {word for phrase in never for word in phrase}
    begins: dict[tuple[str, ...], set[str]] = defaultdict(set)
    anywhere: dict[str, set[str]] = defaultdict(set)
    for said, own, group in known:
        for word in set(said):
            anywhere[word].add(group)
        if own:
            continue
        for n in range(1, min(_LONGEST, len(said) - 1) + 1):
            if any(w.isdigit() or w in single for w in said[:n]):
                break
            begins[tuple(said[:n])].add(group)
    found: dict[tuple[str, ...], int] = {}
    for phrase, groups in begins.items():
        count = len(groups)
        if count < _OFTEN or count < _MOSTLY * len(anywhere[phrase[0]]):
            continue
        longer = [p for p in begins if p[: len(phrase)] == phrase and len(p) == len(phrase) + 1]
        if not any(len(begins[p]) >= _MOSTLY * count for p in longer):
            found[phrase] = count
    return found

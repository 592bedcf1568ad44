"""A title as words with their places, so that what is taken out can be shown and put back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\w\s]|_")
_EMPTY = re.compile(r"\(\s*[,;:/|&+\-–—]*\s*\)|\[\s*[,;:/|&+\-–—]*\s*\]|\{\s*\}")
_SEPARATORS = ",;:/|&+-–—•·*=~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word, number or sign of a title."""

    text: str
    start: int
    """Place of its first character in the title."""
    end: int
    """Place after its last character."""

    @property
    def counts(self) -> bool:
        """False for punctuation, which no score counts."""
        return self.text[0].isalnum()

    @property
    def folded(self) -> str:
        """As it is compared: case and the form of apostrophes aside."""
        return self.text.casefold().replace("’", "'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Part of a title, from `start` up to before `end`, counted in characters."""

    start: int
    end: int
    kind: str


def words_of(title: str) -> list[Word]:
    """Words, numbers and signs in order; `12oz` gives `12` and `oz`, `X-Alp` gives `X`, `-` and `Alp`."""
    return [Word(text=m.group(), start=m.start(), end=m.end()) for m in _TOKEN.finditer(title)]


def folded_words(text: str) -> list[str]:
    """The words and numbers of a text as they are compared, without its punctuation."""
    return [w.folded for w in words_of(text) if w.counts]


def find_words(words: Sequence[Word], phrase: str) -> list[tuple[int, int]]:
    """Where `phrase` stands among `words`, whole words only: pairs of first and last-plus-one index.

    Case and punctuation do not count, so `Hi-Tec` is found in `HI TEC`.
    """
    wanted = folded_words(phrase)
    if not wanted:
        return []
    at = [i for i, w in enumerate(words) if w.counts]
    said = [words[i].folded for i in at]
    n = len(wanted)
    return [
        (at[k], at[k + n - 1] + 1) for k in range(len(said) - n + 1) if said[k : k + n] == wanted
    ]


def without(title: str, spans: Iterable[Span]) -> str:
    """`title` without `spans`, tidied: no empty brackets, doubled commas or separators at its ends."""
    kept = list(title)
    for span in spans:
        kept[span.start : span.end] = "\0" * (span.end - span.start)
    text = re.sub("\0+", "\0", "".join(kept))
    text = re.sub(r"\s*\0\s*", " ", text)
    while (shorter := _EMPTY.sub(" ", text)) != text:
        text = shorter
    text = re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", text))
    text = re.sub(rf"\s+([{re.escape(_SEPARATORS)}])(?:\s*[,;|])+", r"\1", text)
    text = re.sub(r"\s+([,;:!.?])(?=\s|$)", r"\1", text)
    text = re.sub(r"([,;:|])(?:\s*[,;:|])+", r"\1", text)
    text = re.sub(r"(\s[-–—/|&+])+(?=\s[-–—/|&+,](?:\s|$))", "", text)
    text = re.sub(r"\s+", " ", text)
    return text.strip(" .!" + _SEPARATORS) if any(c.isalnum() for c in text) else ""

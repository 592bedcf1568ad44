"""When two spellings of a value are the same value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


def folded(text: str) -> str:
    """`text` without what people vary: case, hyphens, punctuation, `&` for `and`, doubled spaces."""
    text = text.casefold().replace("&", " and ").replace("'", "").replace("’", "")
    return " ".join(re.findall(r"[^\W_]+(?:[.,/]\d+)*", text))


def singular(text: str) -> str:
    """`text` (folded) with its last word in the singular, as far as English spelling tells it."""
    head, _, last = text.rpartition(" ")
    if len(last) > 3 and last.endswith("ie"):  # so that hoodie and hoodies meet
        last = f"{last[:-2]}y"
    elif len(last) > 4 and last.endswith("ies"):
        last = f"{last[:-3]}y"
    elif len(last) > 4 and last.endswith(("sses", "shes", "ches", "xes")):
        last = last[:-2]
    elif len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return f"{head} {last}".strip()


def same_word(text: str) -> str:
    """Equal for two spellings of one thing: `Hoodies`, `hoodie` and `HOODIE` all give `hoody`."""
    return singular(folded(text))


class Spellings:
    """Finds a value by any of its spellings."""

    def __init__(self, values: Iterable[str], synonyms: Iterable[tuple[str, str]]) -> None:
        self._exact: dict[str, str] = {}
        for value in values:
            self._exact.setdefault(folded(value), value)
        for word, value in synonyms:
            self._exact.setdefault(folded(word), value)
        singulars: dict[str, set[str]] = {}
        for spelling, value in self._exact.items():
            singulars.setdefault(singular(spelling), set()).add(value)
        # `Glass` and `Glasses` may be two values: a singular that fits several stands for none.
        self._singular = {word: one.pop() for word, one in singulars.items() if len(one) == 1}

    def find(self, text: str) -> str | None:
        """The value that `text` spells, or None."""
        word = folded(text)
        return self._exact.get(word) or self._singular.get(singular(word))


@lru_cache(maxsize=4096)
def spellings(values: tuple[str, ...], synonyms: tuple[tuple[str, str], ...]) -> Spellings:
    """`Spellings`, built once for equal arguments."""
    return Spellings(values, synonyms)

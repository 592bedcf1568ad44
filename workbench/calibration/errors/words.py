"""Words that mark some texts against others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.calibration._sample import Bools

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_PRIOR = 50.0  # words that the prior weighs, spread as in all texts together
_SURE = 2.58  # standard errors from which on a word is named: one in two hundred by chance
_LEAST = 3  # texts that hold a word that is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that some texts have more often than the others."""

    word: str
    """Lower case."""
    inside: int
    """Texts inside that have it."""
    outside: int
    z: float
    """Log-odds ratio, shrunk towards all texts together, over its standard error."""


def marking_words(texts: Sequence[str], inside: Bools, *, most: int = 8) -> tuple[Word, ...]:
    """Words that texts `inside` have more often than the others, the surest first.

    A word counts once per text, so that one text cannot name a cluster by repeating itself.

    Args:
        texts: Length n.
        inside: Shape (n,).
        most: Words returned at most.

    Raises:
        ValueError: There is not one text for each entry of `inside`.

    Source: Monroe, Colaresi & Quinn 2008, Political Analysis 16:372, equations 15, 16, 19 and 22 with an
    informative Dirichlet prior.
    """
    if len(texts) != inside.size:
        raise ValueError(f"want one text for each of {inside.size} items, got {len(texts)}")
    here: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for text, own in zip(texts, inside.tolist(), strict=True):
        (here if own else there).update({word.lower() for word in _WORD.findall(text)})
    words = sorted(word for word, count in here.items() if count >= _LEAST)
    if not words or not there:
        return ()
    one = np.array([here[word] for word in words], dtype=float)
    other = np.array([there[word] for word in words], dtype=float)
    total_one, total_other = sum(here.values()), sum(there.values())
    prior = _PRIOR * (one + other) / (total_one + total_other)
    odds_one = np.log((one + prior) / (total_one + _PRIOR - one - prior))
    odds_other = np.log((other + prior) / (total_other + _PRIOR - other - prior))
    z = (odds_one - odds_other) / np.sqrt(1 / (one + prior) + 1 / (other + prior))
    order = np.argsort(-z, kind="stable")[:most].tolist()
    return tuple(
        Word(word=words[i], inside=int(one[i]), outside=int(other[i]), z=float(z[i]))
        for i in order
        if z[i] >= _SURE
    )

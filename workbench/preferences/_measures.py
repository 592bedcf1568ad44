"""What is true of pairs together: how well something simple alone tells chosen from rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.metrics import Estimate, bootstrap_mean, proportion
from workbench.preferences._pair import Pair
from workbench.preferences._shingles import Integers, Shingles
from workbench.schema import Schema

Floats = npt.NDArray[np.float64]
_FOLDS = 5
_MANY = 5_000
"""Groups from which on fewer resamples give the same interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about all pairs that were kept."""

    name: str
    """A key for programs."""
    words: str
    """What the number is, to be followed by it."""
    estimate: Estimate
    warning: str | None = None
    """What it means for training, where it is worth a thought; None where it is fine."""
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        e = self.estimate
        if e.value is None:
            shown = f"unknown: {e.reason}"
        elif e.low is None or e.high is None:
            shown = f"{e.value:.3f} (no interval: {e.reason})"
        else:
            shown = f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})"
        extra = "".join(f"\n    {example}" for example in self.examples) if self.warning else ""
        return f"{self.words} {shown}" + (f"; {self.warning}" if self.warning else "") + extra


def item_codes(pairs: Sequence[Pair]) -> Integers:
    """Shape (n,): pairs of one item (or, without one, of one output) share a number."""
    known: dict[str, int] = {}
    names = (pair.item or f"generation:{pair.origin.rejected}" for pair in pairs)
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def told_apart(gap: npt.ArrayLike, items: Integers) -> Estimate:
    """Probability that the larger value is the chosen one's, an equal one counting half: a paired AUC.

    .5: it tells nothing. The interval resamples items.

    Args:
        gap: Shape (n,), value of chosen minus value of rejected.
        items: Shape (n,), from `item_codes`.
    """
    return _mean(_wins(gap), items)


def length_bias(pairs: Sequence[Pair], items: Integers) -> Estimate:
    """How well length alone, in characters, tells chosen from rejected; see `told_apart`."""
    return told_apart([len(p.chosen) - len(p.rejected) for p in pairs], items)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaBias:
    """How well form alone tells chosen from rejected."""

    alone: Estimate
    """By the share of stated aspects that the category knows; an answer that is no JSON is below all."""
    over_length: Estimate
    """The same minus what length alone tells."""


def schema_bias(
    pairs: Sequence[Pair], items: Integers, names: Mapping[str, frozenset[str]]
) -> SchemaBias:
    """How well validity alone tells chosen from rejected, and how much of it is not length.

    Args:
        pairs: n pairs of texts.
        items: Shape (n,).
        names: Category to the names of its aspects; of a category that is not there every name counts as known.
    """
    form: dict[tuple[str, str], float] = {}

    def of(pair: Pair, text: str) -> float:
        key = (pair.category, text)
        if key not in form:
            form[key] = _form(text, names.get(pair.category))
        return form[key]

    gap = [of(pair, pair.chosen) - of(pair, pair.rejected) for pair in pairs]
    by_form = _wins(gap)
    by_length = _wins([len(p.chosen) - len(p.rejected) for p in pairs])
    return SchemaBias(alone=_mean(by_form, items), over_length=_mean(by_form - by_length, items))


def allowed_names(schemas: Mapping[str, Schema]) -> dict[str, frozenset[str]]:
    """Category to the names of its aspects, in any of the catalogues' schemas."""
    found: dict[str, frozenset[str]] = {}
    for schema in schemas.values():
        for key, category in schema.categories.items():
            names = frozenset(one.name for one in category.attributes)
            found[key] = found.get(key, frozenset()) | names
    return found


def _form(text: str, names: frozenset[str] | None) -> float:
    """-1: no listing; 0 to 1: the share of aspects with a known name."""
    try:
        aspects = json.loads(text)["aspects"]
        said = list(aspects)
    except (ValueError, TypeError, KeyError):
        return -1.0
    if not isinstance(aspects, dict):
        return -1.0
    if not said or names is None:
        return 1.0
    return sum(name in names for name in said) / len(said)


def small_edits(pairs: Sequence[Pair], *, under: float) -> npt.NDArray[np.bool_]:
    """Shape (n,): whether the sides differ in less than the share `under` of their characters.

    Measured as the normalised Indel distance (insertions and deletions over both lengths), 0 to 1.
    """
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    if not pairs:
        return np.zeros(0, dtype=bool)
    apart = cpdist(
        [p.chosen for p in pairs], [p.rejected for p in pairs], scorer=Indel.normalized_distance
    )
    small: npt.NDArray[np.bool_] = apart < under
    return small


def swap_shares(pairs: Sequence[Pair]) -> Floats:
    """Shape (n,): the share of other photos, of those asked the same, for which the chosen text is chosen too.

    1: whatever the photo, this text was right, so the pair does not say what to look at. NaN where the question
    was asked of no other photo, and for pairs without one. One pass over the pairs.
    """
    asked: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    right: dict[tuple[str, str, str], set[tuple[str, ...]]] = {}
    texts = [" ".join(pair.chosen.casefold().split()) for pair in pairs]
    for pair, text in zip(pairs, texts, strict=True):
        if pair.photos:
            asked.setdefault((pair.category, pair.prompt), set()).add(pair.photos)
            right.setdefault((pair.category, pair.prompt, text), set()).add(pair.photos)
    shares = np.full(len(pairs), np.nan)
    for i, (pair, text) in enumerate(zip(pairs, texts, strict=True)):
        if pair.photos and (others := len(asked[pair.category, pair.prompt]) - 1):
            shares[i] = (len(right[pair.category, pair.prompt, text]) - 1) / others
    return shares


def without_photo(chosen: Shingles, rejected: Shingles, items: Integers) -> Estimate:
    """How well words alone tell chosen from rejected in items that were not learned from: a paired AUC.

    A naive Bayes score of words and neighbouring words, in five folds by item. Near 1, a model can satisfy the
    pairs without looking at a photo; .5 is what pairs give whose preference lies in the photo alone.
    """
    fold = items % _FOLDS
    chosen_rows, rejected_rows = chosen.rows(), rejected.rows()
    gap = np.zeros(len(items))
    for held in range(_FOLDS):
        counts = [
            np.bincount(side.ids[fold[rows] != held], minlength=side.size) + 1.0
            for side, rows in ((chosen, chosen_rows), (rejected, rejected_rows))
        ]
        weight = np.log(counts[0] / counts[1])
        for side, rows, sign in ((chosen, chosen_rows, 1.0), (rejected, rejected_rows, -1.0)):
            own = fold[rows] == held
            gap += sign * np.bincount(
                rows[own], weights=weight[side.ids[own]], minlength=len(items)
            )
    return told_apart(np.where(np.abs(gap) < 1e-12, 0.0, gap), items)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusiestAnnotator:
    """Who gave the most pairs."""

    name: str | None
    """None where nobody was asked."""
    share: Estimate
    """Of the pairs that anybody was asked about."""
    annotators: int


def busiest_annotator(pairs: Sequence[Pair], items: Integers) -> BusiestAnnotator:
    """The annotator behind most pairs, and their share."""
    asked = [i for i, pair in enumerate(pairs) if pair.origin.annotators]
    counts = Counter(name for i in asked for name in dict.fromkeys(pairs[i].origin.annotators))
    name = min(counts, key=lambda who: (-counts[who], who)) if counts else None
    own = np.array([name in pairs[i].origin.annotators for i in asked], dtype=bool)
    share = proportion(own, groups=items[asked] if asked else None)
    return BusiestAnnotator(name=name, share=share, annotators=len(counts))


def _wins(gap: npt.ArrayLike) -> Floats:
    values = np.asarray(gap, dtype=float)
    wins: Floats = (values > 0) + 0.5 * (values == 0)
    return wins


def _mean(values: Floats, items: Integers) -> Estimate:
    resamples = 2000 if items.size <= _MANY else 200
    return bootstrap_mean(values, groups=items, resamples=resamples)

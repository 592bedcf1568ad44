"""Which items stand for a category: those that people click, and others that look and read differently.

Popularity is a shrunken click-through rate, so that one click of two impressions is no bestseller. The
best by that alone are often alike; a diversity dial gives niche items a voice (maximal marginal relevance).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from workbench.catalog.popularity import shrink_click_rates
from workbench.prompting._words import folded_words
from workbench.records import Item
from workbench.store import catalog_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.encoder import Encoder
    from workbench.models.vector_cache import Features

Floats = npt.NDArray[np.float64]


class Texts(Protocol):
    """Texts to vectors, as `workbench.models.text_encoder.TextEncoder` does."""

    def encode(self, texts: Sequence[str]) -> Features:
        """Vectors, shape (n, d)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRate:
    """How often an item is clicked where it is shown, drawn towards what is usual."""

    rate: float
    """Posterior mean, over 0 and under 1."""
    low: float
    """Lower end of the 95% credible interval."""
    high: float
    """Upper end."""
    impressions: int
    """0 for an item that nobody was shown; its rate is then what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One item that was chosen, and why."""

    item: Item
    score: float
    """Marginal relevance when it was chosen: (1 - diversity) · relevance - diversity · likeness; may be below 0."""
    relevance: float
    """Its rate as a share of the highest one, 0 to 1; 1 for all where nobody was shown anything."""
    likeness: float
    """Likeness to the nearest item chosen before it, 0 to 1; 0 for the first."""
    rate: ItemRate | None
    """None where no item of its catalogue has impressions."""
    why: str
    """In words, for people."""


def rate_items(items: Sequence[Item]) -> dict[str, ItemRate]:
    """Item id to its shrunken click-through rate; empty where no item has an impression.

    Each catalogue is a world of its own: its items' rates are drawn towards its own mean. Give all items of a
    store, not one category's alone: then small categories learn from large ones. Clicks or impressions that
    are missing or contradict each other (more clicks than impressions) count as not shown.

    Source: see `workbench.catalog.popularity`.
    """
    by_catalog: dict[str, list[Item]] = {}
    for item in items:
        by_catalog.setdefault(catalog_of(item.id), []).append(item)
    rates: dict[str, ItemRate] = {}
    for some in by_catalog.values():
        seen = np.array([_impressions(i) for i in some])
        if not seen.sum():
            continue
        got = np.array([i.clicks or 0 if n else 0 for i, n in zip(some, seen, strict=True)])
        found = shrink_click_rates(got, seen)
        for k, item in enumerate(some):
            rates[item.id] = ItemRate(
                rate=float(found.rate[k]),
                low=float(found.low[k]),
                high=float(found.high[k]),
                impressions=int(seen[k]),
            )
    return rates


def popular_items(
    items: Sequence[Item],
    *,
    count: int,
    diversity: float = 0.3,
    rates: Mapping[str, ItemRate] | None = None,
    text_encoder: Texts | None = None,
    photo_encoder: Encoder | None = None,
    load_photo: Callable[[str], Image] | None = None,
) -> list[Chosen]:
    """Choose `count` items that stand for all: popular ones, unlike each other.

    The first is the most popular. Each further one has the highest (1 - d) · relevance - d · likeness to the
    nearest chosen. Likeness is the mean of what is given: cosine of title and aspects as vectors, cosine of
    the first photo as a vector (both centred on the items), without either the share of words that two
    items' titles and aspects have in common. Items without impressions have the usual rate, so that they come
    behind those known to be good and before those known to be bad; where nobody was shown anything, the first is
    the item most like all others, and the rest differ. Ties go to the higher lower bound, then to the id.

    Args:
        items: Of one category or theme; those with neither title nor photo are left out.
        count: How many; fewer come back where there are fewer.
        diversity: 0: popularity alone; 1: likeness alone.
        rates: From `rate_items` over the whole catalogue; None: worked out from `items` alone.
        text_encoder: None: texts are compared by their words.
        photo_encoder: None: photos do not count.
        load_photo: Address to its RGB picture, for photos that `photo_encoder` does not know yet.

    Raises:
        ValueError: `count` is below 1, `diversity` outside 0 to 1, or an item is there twice.

    Source: Carbonell & Goldstein 1998, SIGIR, equation 1.
    """
    if count < 1 or not 0 <= diversity <= 1:
        raise ValueError(
            f"want a count from 1 and a diversity from 0 to 1, got {count=}, {diversity=}"
        )
    if len({i.id for i in items}) < len(items):
        raise ValueError("want each item once, got some twice: leave out those with the same id")
    told = rate_items(items) if rates is None else rates
    usable = sorted((i for i in items if i.title or i.photos), key=lambda i: i.id)
    if not usable:
        return []
    known = [told.get(i.id) for i in usable]
    highest = max((r.rate for r in known if r), default=0.0)
    relevance = np.array([r.rate / highest if r else (0.0 if highest else 1.0) for r in known])
    likeness = _likeness(usable, text_encoder, photo_encoder, load_photo)
    order = _marginal(relevance, [r.low if r else 0.0 for r in known], likeness, count, diversity)
    return [
        Chosen(
            item=usable[k],
            score=score,
            relevance=float(relevance[k]),
            likeness=near,
            rate=known[k],
            why=_why(place, known[k], relevance, k, near),
        )
        for place, (k, score, near) in enumerate(order)
    ]


def _impressions(item: Item) -> int:
    shown, got = item.impressions or 0, item.clicks or 0
    return shown if 0 <= got <= shown else 0


_Row = Callable[[int], Floats]
"""Index of an item to its likeness to every item, shape (n,), 0 to 1."""


def _likeness(
    items: Sequence[Item],
    text_encoder: Texts | None,
    photo_encoder: Encoder | None,
    load_photo: Callable[[str], Image] | None,
) -> _Row:
    texts = [_told(i) for i in items]
    parts: list[_Row] = []
    if text_encoder is not None:
        parts.append(_cosine(np.asarray(text_encoder.encode(texts), dtype=np.float64)))
    if (
        photo_encoder is not None
        and (vectors := _photos(items, photo_encoder, load_photo)) is not None
    ):
        parts.append(_cosine(vectors))
    if not parts:
        parts.append(_shared_words([frozenset(folded_words(t)) for t in texts]))
    return lambda k: np.asarray(np.mean([row(k) for row in parts], axis=0), dtype=np.float64)


def _told(item: Item) -> str:
    values = (v for values in item.aspects.values() for v in values)
    return ", ".join([item.title or "", *dict.fromkeys(values)])


def _photos(
    items: Sequence[Item], encoder: Encoder, load_photo: Callable[[str], Image] | None
) -> Floats | None:
    """First photos as vectors, shape (n, d), the mean for an item without; None where there are none."""
    at = [k for k, i in enumerate(items) if i.photos]
    addresses = [items[k].photos[0] for k in at]
    if load_photo is None:
        with_vector = [(k, a) for k, a in zip(at, addresses, strict=True) if encoder.knows(a)]
        at, addresses = [k for k, _ in with_vector], [a for _, a in with_vector]
    if not at:
        return None
    if load_photo is not None:
        new = [a for a in dict.fromkeys(addresses) if not encoder.knows(a)]
        for start in range(0, len(new), _PHOTOS_AT_ONCE):
            some = new[start : start + _PHOTOS_AT_ONCE]
            encoder.encode(some, [load_photo(a) for a in some])
    found = np.asarray(encoder.recall(addresses), dtype=np.float64)
    vectors = np.tile(found.mean(axis=0), (len(items), 1))
    vectors[at] = found
    return vectors


_PHOTOS_AT_ONCE = 64
"""Pictures that are held in memory together."""


def _cosine(vectors: Floats) -> _Row:
    """Cosine of vectors centred on their mean, below 0 as 0: all items of a category point the same way."""
    centred = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.nan_to_num(centred / lengths[:, None])

    def row(k: int) -> Floats:
        same = np.abs(vectors - vectors[k]).max(axis=1) <= 1e-9 * (1 + np.abs(vectors[k]).max())
        return np.asarray(np.where(same, 1.0, np.clip(unit @ unit[k], 0, 1)), dtype=np.float64)

    return row


def _shared_words(words: Sequence[frozenset[str]]) -> _Row:
    """Share of the words of two items that both have (Jaccard)."""

    def row(k: int) -> Floats:
        return np.array([len(words[k] & w) / max(1, len(words[k] | w)) for w in words])

    return row


def _marginal(
    relevance: Floats, lows: Sequence[float], likeness: _Row, count: int, diversity: float
) -> list[tuple[int, float, float]]:
    """Index, score and likeness to the nearest before it of each one chosen, in order."""
    n = len(relevance)
    nearest: Floats = np.zeros(n)
    left = np.ones(n, dtype=bool)
    order: list[tuple[int, float, float]] = []
    start: Floats = relevance
    if np.ptp(relevance) == 0 and 1 < n <= _MOST_COMPARED:
        start = np.array([float(likeness(k).sum()) for k in range(n)])  # the most typical one
    while len(order) < min(count, n):
        score = (1 - diversity) * relevance - diversity * nearest
        by = score if order else start
        best = max(by[left])
        ties = [int(k) for k in np.flatnonzero(left & (by >= best - 1e-12))]
        k = max(ties, key=lambda j: (lows[j], -j))
        order.append((k, float(score[k]), float(nearest[k])))
        left[k] = False
        nearest = np.maximum(nearest, likeness(k))
    return order


_MOST_COMPARED = 2000
"""Items among which the most typical is looked for; above, the first is taken."""


def _why(place: int, rate: ItemRate | None, relevance: Floats, k: int, near: float) -> str:
    if rate is None:
        return "nobody was shown anything: " + (
            "the most typical item"
            if place == 0
            else f"unlike those before it (likeness {near:.2f})"
        )
    rank = int((relevance > relevance[k]).sum()) + 1
    shown = (
        f"clicked {100 * rate.rate:.1f}% of the time ({100 * rate.low:.1f} to {100 * rate.high:.1f}%, "
        f"{rate.impressions:,} impressions), rank {rank} of {len(relevance)}"
        if rate.impressions
        else "shown to nobody yet: the usual rate"
    )
    if place == 0:
        return shown
    return f"{shown}; likeness {near:.2f} to the nearest chosen before it"

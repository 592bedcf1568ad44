"""What makes one pair unfit by itself: an empty side, equal sides, a tie, a missing photo, a stray placeholder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from workbench.preferences._pair import Pair
from workbench.preferences._prints import PhotoPrint
from workbench.preferences._tokens import misplaced_words


def alone_unfit(
    pairs: Sequence[Pair], *, margin: float, prints: Mapping[str, PhotoPrint] | None
) -> dict[int, tuple[str, str, str]]:
    """Place to (check, reason, what shows it) of pairs that one look at each tells unfit.

    Args:
        pairs: Any.
        margin: Least margin, 0 to 1; a pair whose margin is None passes.
        prints: Photos that can be read; None: not looked at.
    """
    found = {}
    for i, pair in enumerate(pairs):
        why = next(_reasons(pair, margin, prints), None)
        if why is not None:
            found[i] = why
    return found


def _reasons(
    pair: Pair, margin: float, prints: Mapping[str, PhotoPrint] | None
) -> Iterator[tuple[str, str, str]]:
    empty = [side for side, text in _texts(pair) if not text.strip()]
    if empty:
        yield "empty", "a side, or the question, says nothing", f"{empty[0]} is empty"
    if pair.chosen == pair.rejected or _plain(pair.chosen) == _plain(pair.rejected):
        yield "same", "both sides say the same, spaces aside", f"{pair.chosen[:60]!r}"
    if pair.margin is not None and not pair.margin >= margin:
        yield "margin", f"a tie, or a margin under {margin:g}", f"margin {pair.margin:.2f}"
    if prints is not None:
        shown = (*pair.photos, pair.chosen, pair.rejected) if pair.kind == "image" else pair.photos
        missing = [photo for photo in shown if photo not in prints]
        if missing:
            yield "photo missing", "a photo is not in the store, or is no picture", missing[0][:19]
    if (stray := misplaced_words(pair)) is not None:
        yield "image tokens", "photos and their places do not fit", stray


def _texts(pair: Pair) -> tuple[tuple[str, str], ...]:
    return (("prompt", pair.prompt), ("chosen", pair.chosen), ("rejected", pair.rejected))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())

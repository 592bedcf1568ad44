"""What one look at each pair tells: an empty side, equal sides, a tie, a missing photo, a stray placeholder, an opposite."""

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
    for i, other in _opposed(pairs).items():
        reason = "another pair about the same photos says the opposite"
        found.setdefault(i, ("opposed", reason, f"by {pairs[other].key[:12]}"))
    return found


def _opposed(pairs: Sequence[Pair]) -> dict[int, int]:
    """Place to the place of a pair in which its sides are swapped."""
    first: dict[tuple[object, ...], int] = {}
    for i, pair in enumerate(pairs):
        first.setdefault((pair.prompt, pair.photos, pair.chosen, pair.rejected), i)
    swapped = (
        (i, first.get((pair.prompt, pair.photos, pair.rejected, pair.chosen)))
        for i, pair in enumerate(pairs)
    )
    return {i: other for i, other in swapped if other is not None}


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

"""All checks of pairs in one call: what is dropped and why, and what is true of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from workbench.metrics import Estimate, bootstrap_mean, proportion, undefined
from workbench.preferences import _measures as m
from workbench.preferences._duplicates import near_pairs
from workbench.preferences._leaks import HeldOut, leaks
from workbench.preferences._measures import Measure
from workbench.preferences._pair import Pair
from workbench.preferences._prints import PhotoPrint
from workbench.preferences._rows import alone_unfit
from workbench.preferences._shingles import Integers, Shingles, shingles
from workbench.preferences._tally import LeftOut, Tally
from workbench.preferences._tokens import PairReader, read_pairs
from workbench.schema import Schema

_SHOWN = 3
_CONTEXT, _LONGEST = 12, 60
"""Characters around a difference that are shown, and that are shown at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a pair is dropped, or a measure is worth a warning."""

    margin: float = 0.1
    """Least margin, 0 to 1; a tie has 0. Pairs whose margin is not known stay."""
    similarity: float = 0.9
    """Jaccard similarity, over 0 up to 1, from which on two pairs about one photo say the same."""
    photo_bits: int = 6
    """Bits, of 64, in which the layouts of two photos may differ that are nearly the same."""
    photo_levels: float = 6.0
    """Levels, of 255, in which their colours may differ on average."""
    small_edit: float = 0.05
    """Share of characters, 0 to 1; sides that differ in less are a small edit."""
    small_edits: float = 0.5
    """Share of small edits that is worth a warning."""
    alone: float = 0.7
    """AUC of length, form or words alone that is worth a warning, .5 to 1; for length also 1 minus it."""
    swapped: float = 0.5
    """Share of other photos for which a chosen text is as right, that is worth a warning."""
    annotator: float = 0.5
    """Share of pairs by one person that is worth a warning."""

    def __post_init__(self) -> None:
        for name in ("margin", "small_edit", "small_edits", "alone", "swapped", "annotator"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise ValueError(f"{name!r} must lie between 0 and 1, got {value!r}")
        if not 0 < self.similarity <= 1:
            raise ValueError(f"`similarity` must lie over 0 and up to 1, got {self.similarity!r}")


LIMITS = Limits()
"""What is used where nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """One pair that is not fit to train on."""

    pair: Pair
    name: str
    """The check that dropped it, such as `same` or `held out`."""
    detail: str
    """What shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Pairs that are fit to train on, and the report about all of them."""

    kept: tuple[Pair, ...]
    """In the order in which they came."""
    dropped: tuple[Dropped, ...]
    """Each once, by the first check that it fails."""
    left_out: tuple[LeftOut, ...]
    """The same, reason by reason, with examples."""
    measures: tuple[Measure, ...]
    """About the kept pairs of texts."""

    @property
    def warnings(self) -> tuple[Measure, ...]:
        """Measures that are worth a thought before training."""
        return tuple(one for one in self.measures if one.warning)

    def as_dict(self) -> dict[str, object]:
        """As JSON: counts, reasons with examples, measures; not the pairs themselves."""
        return {
            "pairs": len(self.kept) + len(self.dropped),
            "kept": len(self.kept),
            "dropped": [asdict(one) for one in self.left_out],
            "measures": [
                asdict(one) | {"estimate": one.estimate.to_dict()} for one in self.measures
            ],
        }

    def __str__(self) -> str:
        """How many were kept, what was dropped and why with examples, what to look at, and the other measures."""
        lines = [f"{len(self.kept):,} of {len(self.kept) + len(self.dropped):,} pairs kept."]
        lines += [f"  dropped {one}" for one in self.left_out]
        fine = [one for one in self.measures if not one.warning]
        if self.warnings:
            lines += ["Look at this before training:", *(f"  {one}" for one in self.warnings)]
        if fine:
            lines += ["Measured:", *(f"  {one}" for one in fine)]
        return "\n".join(lines)


def check(
    pairs: Iterable[Pair],
    *,
    limits: Limits = LIMITS,
    reader: PairReader | None = None,
    prints: Mapping[str, PhotoPrint] | None = None,
    held_out: HeldOut | None = None,
    schemas: Mapping[str, Schema] | None = None,
) -> Checked:
    """Find out which pairs are fit to train on, and what something simple alone would learn from them.

    In this order, a pair is dropped by the first reason: a side is empty; the sides are the same; the margin is
    too small; a photo is missing; image tokens and photos do not fit; another pair says the opposite; the sides
    are the same to the model; it shows what is held out; it repeats an earlier pair.

    Args:
        pairs: Any number; of texts and of pictures.
        limits: From where on something is too little or too much.
        reader: The processor of the model that will be trained; None: nothing is tokenised.
        prints: Photo's address to its print (`photo_prints`). A photo that is not there counts as missing. None:
            photos are not looked at, and only equal addresses are the same photo.
        held_out: What never trains (`held_out_of`); None: nothing is known to be held out.
        schemas: Catalogue to schema, for the names of aspects; None: every name counts as known.
    """
    given = list(pairs)
    dropped: dict[int, tuple[str, str, str]] = {}
    _drop(dropped, alone_unfit(given, margin=limits.margin, prints=prints))
    left = _left(given, dropped)
    read = None
    if reader is not None:
        read = read_pairs([given[i] for i in left], reader, prints)
        _drop(
            dropped,
            _placed(left, "image tokens", "photos and their places do not fit", read.misplaced),
        )
        reason = "the sides are the same to the model, after its tokenizer and after truncation"
        _drop(dropped, _placed(left, "same tokens", reason, read.alike))
    if held_out is not None:
        left = _left(given, dropped)
        found = leaks([given[i] for i in left], held_out, prints, levels=limits.photo_levels)
        _drop(dropped, _placed(left, "held out", "it shows what is held out for evaluation", found))
    left = _left(given, dropped)
    sides = _Sides.of([given[i] for i in left])
    repeated = _repeated([given[i] for i in left], sides, limits, prints)
    reason = "an earlier pair says nearly the same about nearly the same photo"
    _drop(dropped, _placed(left, "repeated", reason, repeated))
    texts = [j for j, i in enumerate(left) if i not in dropped and given[i].kind == "text"]
    tally = Tally()
    for i in sorted(dropped):
        name, reason, detail = dropped[i]
        tally.add(name, reason, f"{given[i].key[:12]}: {detail}")
    cut = None if read is None or reader is None or reader.max_length is None else len(read.cut)
    return Checked(
        kept=tuple(given[i] for i in _left(given, dropped)),
        dropped=tuple(
            Dropped(pair=given[i], name=dropped[i][0], detail=dropped[i][2])
            for i in sorted(dropped)
        ),
        left_out=tally.total(),
        measures=tuple(
            _measures(
                [given[left[j]] for j in texts],
                sides.take(np.array(texts, dtype=np.int64)),
                limits,
                schemas or {},
                cut,
            )
        ),
    )


_Found = dict[int, tuple[str, str, str]]
"""Place to (check, reason, detail)."""


def _drop(dropped: _Found, found: Mapping[int, tuple[str, str, str]]) -> None:
    for place, why in found.items():
        dropped.setdefault(place, why)


def _left(pairs: Sequence[Pair], dropped: _Found) -> list[int]:
    return [i for i in range(len(pairs)) if i not in dropped]


def _placed(left: Sequence[int], name: str, reason: str, found: Mapping[int, str]) -> _Found:
    return {left[i]: (name, reason, detail) for i, detail in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What both sides say, as sets of words."""

    chosen: Shingles
    rejected: Shingles

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> _Sides:
        n = len(pairs)
        both = shingles([*(p.chosen for p in pairs), *(p.rejected for p in pairs)])
        return cls(chosen=both.part(0, n), rejected=both.part(n, 2 * n))

    def take(self, places: Integers) -> _Sides:
        return _Sides(chosen=self.chosen.take(places), rejected=self.rejected.take(places))


def _repeated(
    pairs: Sequence[Pair],
    sides: _Sides,
    limits: Limits,
    prints: Mapping[str, PhotoPrint] | None,
) -> dict[int, str]:
    found = near_pairs(
        pairs,
        sides.chosen,
        sides.rejected,
        similarity=limits.similarity,
        prints=prints,
        bits=limits.photo_bits,
        levels=limits.photo_levels,
    )
    return {
        one.place: f"similarity {one.similarity:.2f} to {pairs[one.of].key[:12]}" for one in found
    }


def _measures(
    pairs: Sequence[Pair],
    sides: _Sides,
    limits: Limits,
    schemas: Mapping[str, Schema],
    cut: int | None,
) -> Iterator[Measure]:
    """What is true of pairs of texts together; nothing where there are none."""
    if not pairs:
        return
    n, items = len(pairs), m.item_codes(pairs)
    by_length = m.length_bias(pairs, items)
    yield Measure(
        name="length",
        words="length alone tells chosen from rejected with AUC",
        estimate=by_length,
        warning=_beyond(by_length, limits.alone, "the model may learn how long to write")
        or _beyond(_less(by_length), limits.alone, "the model may learn to write less"),
    )
    form = m.schema_bias(pairs, items, m.allowed_names(schemas))
    yield Measure(
        name="form",
        words="valid JSON and known names alone tell chosen from rejected with AUC",
        estimate=form.alone,
        warning=_beyond(form.alone, limits.alone, "the model may learn form and no facts"),
    )
    yield Measure(
        name="form over length",
        words="what form tells beyond length: difference of the two AUCs",
        estimate=form.over_length,
    )
    words = m.without_photo(sides.chosen, sides.rejected, items)
    yield from _about_photos(pairs, limits, words, items)
    small = m.small_edits(pairs, under=limits.small_edit)
    share = proportion(small, groups=items)
    advice = "DPO then lowers what the sides share: add an SFT term"
    yield Measure(
        name="small edits",
        words=f"share whose sides differ in under {limits.small_edit:.0%} of their characters",
        estimate=share,
        warning=_beyond(share, limits.small_edits, advice),
        examples=tuple(_shown(pairs[i]) for i in np.flatnonzero(small)[:_SHOWN]),
    )
    if cut is not None:
        yield Measure(
            name="cut",
            words="share that truncation cuts, and that still differs",
            estimate=proportion(np.arange(n) < cut),
            warning="the model learns to stop early: use max_length=None" if cut else None,
        )
    yield _about_people(pairs, items, limits)


def _about_photos(
    pairs: Sequence[Pair], limits: Limits, words: Estimate, items: Integers
) -> Iterator[Measure]:
    yield Measure(
        name="words alone",
        words="words alone, without the photo, tell chosen from rejected with AUC",
        estimate=words,
        warning=_beyond(words, limits.alone, "much of it can be learned without looking"),
    )
    shares = m.swap_shares(pairs)
    known = np.flatnonzero(~np.isnan(shares))
    estimate = (
        bootstrap_mean(shares[known], groups=items[known], resamples=200)
        if known.size
        else undefined("no question was asked of two photos", method="bootstrap", n=len(pairs))
    )
    worst = known[np.argsort(-shares[known], kind="stable")][:_SHOWN]
    yield Measure(
        name="swapped photos",
        words="share of other photos, asked the same, for which a chosen text is as right",
        estimate=estimate,
        warning=_beyond(estimate, limits.swapped, "the pairs ignore the photo"),
        examples=tuple(f"{shares[i]:.0%} of others: {pairs[i].chosen[:80]!r}" for i in worst),
    )


def _about_people(pairs: Sequence[Pair], items: Integers, limits: Limits) -> Measure:
    busiest = m.busiest_annotator(pairs, items)
    whose = "" if busiest.name is None else f", of {busiest.annotators}: {busiest.name}"
    warning = f"the model learns one person's taste ({busiest.name})"
    return Measure(
        name="one annotator",
        words=f"share by the busiest annotator{whose}",
        estimate=busiest.share,
        warning=_beyond(busiest.share, limits.annotator, warning),
    )


def _beyond(estimate: Estimate, limit: float, warning: str) -> str | None:
    """The warning where the number is over the limit, interval and all."""
    low = estimate.value if estimate.low is None else estimate.low
    return warning if low is not None and low > limit else None


def _less(estimate: Estimate) -> Estimate:
    """One minus an AUC."""
    if estimate.value is None:
        return estimate
    low, high = (
        (None, None)
        if estimate.low is None or estimate.high is None
        else (1 - estimate.high, 1 - estimate.low)
    )
    return replace(estimate, value=1 - estimate.value, low=low, high=high)


def _shown(pair: Pair) -> str:
    """The part in which the sides differ, with what is next to it."""
    from rapidfuzz.distance import Postfix, Prefix

    one, other = pair.rejected, pair.chosen
    start = Prefix.similarity(one, other)
    end = Postfix.similarity(one[start:], other[start:])
    begin = max(0, start - _CONTEXT)
    parts = (
        text[begin : len(text) - end + _CONTEXT if end > _CONTEXT else None]
        for text in (one, other)
    )
    return " → ".join(repr(part[:_LONGEST]) for part in parts)

"""Titles made short by a small model that learned from titles in which people marked brand, size and model.

A linear-chain conditional random field over words, their shapes, their neighbours, their place, and what
the rules say of them. It runs on numpy alone; the weights that ship learned from marketplace titles, and
`fit_tagger` makes others from a shop's own marked titles.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from workbench._yaml import read
from workbench.errors import LearningError, ModelError
from workbench.prompting._crf import Crf, Features, fit_crf
from workbench.prompting._words import Span, Word, find_words, folded_words, words_of
from workbench.prompting.brand_lexicon import BrandLexicon
from workbench.prompting.title_rules import (
    first_come,
    part_numbers,
    promotions,
    sizes,
)
from workbench.prompting.title_scores import MarkedTitle
from workbench.prompting.titles import Simplified, TitleQuestion, shortened
from workbench.records import content_key
from workbench.schema import SELLER_TALK, read_phrases, same_word

SHIPPED = Path(__file__).parent / "weights" / "titles.npz"
"""The weights that ship; `titles.md` beside them is their card."""
PRODUCT_WORDS = Path(__file__).parent / "product_words.yaml"
"""Words that are neither brands nor names."""
_REMOVED = ("brand", "size", "model")
_LEARNED = (*_REMOVED, "other")
"""What else people marked is learned too: so it is seen better where a name ends."""
_LABELS = ("O", *(f"{b}-{kind}" for kind in _LEARNED for b in "BI"))
_FORBIDDEN = tuple(
    (a, b)
    for a, before in enumerate(_LABELS)
    for b, after in enumerate(_LABELS)
    if after.startswith("I-") and before[2:] != after[2:]
)
_FEWEST = 20
"""Marked titles below which nothing is learned."""
_HIDDEN = 0.2
"""Share of training titles whose category is hidden, so that the model can do without."""
_WHOSE = re.compile(
    r"^(?:men|women|woman|man|boy|girl|kid|unisex|baby|toddler|infant|big|little)(?:'?s'?)?$"
)


@dataclass(frozen=True)
class TaggerSimplifier:
    """Takes a title apart with a fitted tagger, beside rules for sizes, part numbers and talk of sellers.

    Where the item's own aspects state its brand, or most items of the catalogue state theirs, these brands are
    removed wherever they stand and nothing else is taken for one. Elsewhere the tagger tells, and the lexicon is
    one of the things that it weighs; never where all of them are words for products, colours and materials.

    Raises:
        ModelError: When it is first used: the weights are not there or of another version.
    """

    weights: Path = SHIPPED
    lexicon: BrandLexicon = field(default_factory=BrandLexicon)
    """Brands of the catalogue, from `learn_brands`; those that the weights know are known beside them."""
    phrases: Path = SELLER_TALK
    """YAML file of seller's phrases."""

    @property
    def name(self) -> str:
        """`tagger`, with the file's name where it is not the one that ships."""
        return "tagger" if self.weights == SHIPPED else f"tagger:{self.weights.name}"

    @cached_property
    def revision(self) -> str:
        """Content key of the weights, the brands and the phrases."""
        talk = list(read_phrases(self.phrases))
        return content_key("tagger", _VERSION, self._tagger.digest, self.lexicon.revision, talk)

    def simplify(self, questions: Sequence[TitleQuestion]) -> list[Simplified]:
        """One answer per question, in order."""
        return [shortened(q.title, self.spans(q), by=self.name) for q in questions]

    def spans(self, question: TitleQuestion) -> list[Span]:
        """The parts that go, none overlapping."""
        title, words = question.title, words_of(question.title)
        known = [at for brand in question.brands for at in find_words(words, brand)]
        if question.brands or self.lexicon.is_complete:
            known += self.lexicon.find(words)  # else the tagger weighs what the lexicon says
        brands = [Span(start=words[i].start, end=words[k - 1].end, kind="brand") for i, k in known]
        tagged = self._tagger.spans(question, self._brands)
        if question.brands or self.lexicon.is_complete:
            tagged = [s for s in tagged if s.kind != "brand"]
        tagged = [
            _with_its_word(title, s) for s in tagged if s.kind != "brand" or not _is_plain(words, s)
        ]
        return first_come([
            *brands,
            *promotions(title, words, read_phrases(self.phrases)),
            *tagged,
            *sorted(sizes(title), key=lambda s: s.start - s.end),
            *part_numbers(title),
        ])  # fmt: skip

    @cached_property
    def _tagger(self) -> Tagger:
        return load_tagger(self.weights)

    @cached_property
    def _brands(self) -> BrandLexicon:
        return self._tagger.lexicon.joined(self.lexicon)


_SIZE_WORD = re.compile(r"\b(?:size|sz)\.?\s*:?\s*$", re.IGNORECASE)


def _with_its_word(title: str, span: Span) -> Span:
    """`36 mm` with the word `size` before it."""
    before = _SIZE_WORD.search(title, 0, span.start) if span.kind == "size" else None
    return replace(span, start=before.start()) if before else span


def _is_plain(words: Sequence[Word], span: Span) -> bool:
    """Whether all words of a part are words for products, details, colours and materials."""
    inside = [w for w in words if w.counts and span.start <= w.start < span.end]
    return all(same_word(w.text) in _word_classes() for w in inside)


_VERSION = 1
"""Of the features: weights of another version do not fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tagger:
    """Fitted weights, and the brands that they learned with."""

    crf: Crf
    lexicon: BrandLexicon

    @property
    def digest(self) -> str:
        """Sha256 of the weights, in the precision in which they are kept."""
        whole = hashlib.sha256("\n".join(sorted(self.crf.features)).encode())
        rows = [self.crf.features[f] for f in sorted(self.crf.features)]
        for array in (self.crf.emissions[rows], self.crf.transitions, self.crf.start):
            whole.update(array.astype(np.float16).tobytes())
        return whole.hexdigest()

    def spans(self, question: TitleQuestion, lexicon: BrandLexicon) -> list[Span]:
        """Brand, size and model in one title, with `lexicon` to know brands by."""
        words = words_of(question.title)
        labels = self.crf.decode(title_features(words, question, lexicon))
        return [s for s in _as_spans(words, [_LABELS[k] for k in labels]) if s.kind in _REMOVED]


def fit_tagger(marked: Sequence[MarkedTitle], *, penalty: float = 2.0, seed: int = 0) -> Tagger:
    """Learn from titles that people marked.

    A brand counts as known in a title where another title bears it too: so the model learns how far a
    lexicon can be trusted. In some titles the category is hidden, so that it can do without.

    Args:
        marked: With marks of brand, size or model.
        penalty: Strength of the L2 penalty.
        seed: Of which titles' categories are hidden.

    Raises:
        LearningError: There are fewer than 20 titles, or nothing is marked in them.
    """
    if len(marked) < _FEWEST or not any(m.marks for m in marked):
        raise LearningError(
            f"want at least {_FEWEST} titles with marks to learn from, got {len(marked)} with "
            f"{sum(len(m.marks) for m in marked)} marks"
        )
    brands = Counter(
        b for m in marked for s in m.marks if s.kind == "brand" if (b := _brand_words(m.title, s))
    )
    hidden = np.random.default_rng(seed).random(len(marked)) < _HIDDEN
    sequences: list[Features] = []
    labels: list[list[int]] = []
    for one, hide in zip(marked, hidden, strict=True):
        words = words_of(one.title)
        if not words:
            continue
        own = Counter(_brand_words(one.title, s) for s in one.marks if s.kind == "brand")
        others = BrandLexicon(brands={b: n - own[b] for b, n in brands.items() if n > own[b]})
        question = TitleQuestion(title=one.title, category="" if hide else one.category)
        sequences.append(title_features(words, question, others))
        labels.append([_LABELS.index(tag) for tag in _tags(words, (*one.marks, *one.others))])
    crf = fit_crf(sequences, labels, kinds=len(_LABELS), forbidden=_FORBIDDEN, penalty=penalty)
    return Tagger(crf=crf, lexicon=BrandLexicon(brands=dict(brands)))


def title_features(
    words: Sequence[Word], question: TitleQuestion, lexicon: BrandLexicon
) -> list[list[str]]:
    """Names of the features of each word."""
    title = question.title
    said = [w.folded for w in words]
    shapes = [_shape(w.text) for w in words]
    marks = _rule_marks(words, title, lexicon)
    kinds = folded_words(question.category)
    in_category = set(kinds)
    own, chunks = [], _chunks(words, title)
    place = segment = in_segment = 0
    since = of_brand = -1
    depth = 0
    classes = [
        _word_classes().get(same_word(w), "-") if words[k].counts else ","
        for k, w in enumerate(said)
    ]
    count = sum(w.counts for w in words)
    for k, word in enumerate(words):
        w, s = said[k], shapes[k]
        if word.text in "([":
            depth += 1
        before, after = (said[k - 1] if k else "<"), (said[k + 1] if k + 1 < len(words) else ">")
        two, far = (said[k - 2] if k > 1 else "<"), (said[k + 2] if k + 2 < len(words) else ">")
        seat = f"p{min(place, 6)}"
        features = [
            "1", f"w={w}", f"s={s}", f"b={before}", f"a={after}", f"bb={two}", f"aa={far}", f"b+={before}|{w}",
            f"a+={w}|{after}", f"bs={shapes[k - 1] if k else '<'}|{s}", f"as={s}|{shapes[k + 1] if k + 1 < len(words) else '>'}",
            f"pre={w[:3]}", f"suf={w[-3:]}", seat, f"{seat}|{s}", f"end{min(count - place, 4)}", f"g{min(segment, 4)}",
            f"g{min(segment, 4)}|i{min(in_segment, 3)}", f"in{min(depth, 1)}|{s}", f"ch={chunks[k]}", f"ch={chunks[k]}|{seat}",
            f"r={marks[k]}", f"r={marks[k]}|{seat}", f"rb={marks[k - 1] if k else '<'}|{marks[k]}",
            f"ra={marks[k]}|{marks[k + 1] if k + 1 < len(words) else '>'}", f"r={marks[k]}|{w}",
            f"since{min(since, 5)}", f"since{min(since, 5)}|{s}", f"glue{int(k > 0 and words[k - 1].end == word.start)}|{s}",
        ]  # fmt: skip
        n, nb, na = (
            classes[k],
            (classes[k - 1] if k else "<"),
            (classes[k + 1] if k + 1 < len(words) else ">"),
        )
        whose, far_brand = f"since{min(since, 5)}", f"brand{min(of_brand, 4)}"
        features += [
            f"k={n}", f"kb={nb}|{n}", f"ka={n}|{na}", f"k={n}|{whose}", f"k={n}|{far_brand}", f"k={n}|{s}", far_brand,
            f"{far_brand}|{s}", f"{far_brand}|{whose}", f"known{any(c in _NAMED for c in classes[:k])}|{n}|{whose}",
        ]  # fmt: skip
        if w in in_category:
            features.append("in category")
        for kind in kinds:
            features += [
                f"c={kind}|{s}", f"c={kind}|r={marks[k]}", f"c={kind}|since{min(since, 5)}", f"c={kind}|{seat}",
                f"c={kind}|g{min(segment, 4)}", f"c={kind}|{w}", f"c={kind}|k={n}", f"c={kind}|k={n}|{whose}",
                f"c={kind}|k={n}|{far_brand}", f"c={kind}|kb={nb}|{n}|{far_brand}", f"c={kind}|{s}|{n}",
            ]  # fmt: skip
        own.append(features)
        if word.counts:
            place, in_segment = place + 1, in_segment + 1
            since = 0 if _WHOSE.match(w) else since + (since >= 0)
            of_brand = 0 if marks[k].startswith("brand") else of_brand + (of_brand >= 0)
        elif word.text in ",|–—;" or (word.text == "-" and title[word.end : word.end + 1] == " "):
            segment, in_segment, since, of_brand = segment + 1, 0, -1, -1
        if word.text in ")]":
            depth = max(0, depth - 1)
    return own


_NAMED = ("kinds", "looks", "details")


@lru_cache(maxsize=1)
def _word_classes() -> dict[str, str]:
    """Word, as `same_word` gives it, to its list in the file of product words; a kind of product counts most."""
    document = read(PRODUCT_WORDS.read_text("utf-8"), where=str(PRODUCT_WORDS))
    return {
        same_word(w): name for name in ("details", "looks", "kinds") for w in document.data[name]
    }


def _rule_marks(words: Sequence[Word], title: str, lexicon: BrandLexicon) -> list[str]:
    """What the rules call each word: `-`, `brand`, `size`, `model`, with the first word of a part apart."""
    found = ["-"] * len(words)
    spans = first_come([*sorted(sizes(title), key=lambda s: s.start - s.end), *part_numbers(title)])
    for span in spans:
        for k, word in enumerate(words):
            if span.start <= word.start < span.end:
                found[k] = span.kind if word.start > span.start else f"{span.kind}1"
    for i, k in lexicon.find(words):
        for j in range(i, k):
            found[j] = "brand" if j > i else "brand1"
    return found


def _chunks(words: Sequence[Word], title: str) -> list[str]:
    """Shape of what stands between spaces around each word: `B1`, `X-Alp` and `2051-014099` are one each."""
    found = []
    for word in words:
        start = max(title.rfind(" ", 0, word.start), title.rfind(",", 0, word.start)) + 1
        ends = [e for e in (title.find(" ", word.end), title.find(",", word.end)) if e >= 0]
        found.append(_shape(title[start : min(ends, default=len(title))])[:8])
    return found


def _shape(text: str) -> str:
    """`Soft-T` as `Aa-A`, `10.5` as `9.9`: classes of characters, runs of one class once."""
    shape = ""
    for sign in text:
        one = "9" if sign.isdigit() else "A" if sign.isupper() else "a" if sign.isalpha() else sign
        if not shape.endswith(one):
            shape += one
    return shape if not text.isdigit() else "9" * min(len(text), 4)


def _tags(words: Sequence[Word], marks: Sequence[Span]) -> list[str]:
    tags = ["O"] * len(words)
    for span in marks:
        if span.kind in _LEARNED:
            inside = [k for k, w in enumerate(words) if span.start <= w.start < span.end]
            for k in inside:
                tags[k] = f"{'B' if k == inside[0] else 'I'}-{span.kind}"
    return tags


def _as_spans(words: Sequence[Word], tags: Sequence[str]) -> list[Span]:
    spans: list[Span] = []
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            spans.append(Span(start=word.start, end=word.end, kind=tag[2:]))
        elif tag.startswith("I-") and spans:
            spans[-1] = Span(start=spans[-1].start, end=word.end, kind=tag[2:])
    return spans


def _brand_words(title: str, span: Span) -> tuple[str, ...]:
    return tuple(folded_words(title[span.start : span.end]))


def save_tagger(tagger: Tagger, path: Path, *, least: float = 0.02) -> None:
    """Write the weights as one compressed file of a few hundred kilobytes, in half precision.

    Args:
        tagger: From `fit_tagger`.
        path: Ends in `.npz`.
        least: Features none of whose weights is as large are left out.
    """
    weights = tagger.crf.emissions.astype(np.float16)
    kept = sorted(
        f for f, row in tagger.crf.features.items() if np.abs(weights[row]).max() >= least
    )
    rows = [tagger.crf.features[f] for f in kept]
    brands = sorted((" ".join(b), n) for b, n in tagger.lexicon.brands.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            version=np.array(_VERSION),
            features=np.frombuffer("\n".join(kept).encode(), dtype=np.uint8),
            emissions=weights[rows],
            transitions=tagger.crf.transitions.astype(np.float32),
            start=tagger.crf.start.astype(np.float32),
            brands=np.frombuffer("\n".join(b for b, _ in brands).encode(), dtype=np.uint8),
            counts=np.array([n for _, n in brands], dtype=np.int32),
        )
    part.replace(path)


def load_tagger(path: Path = SHIPPED) -> Tagger:
    """Read what `save_tagger` wrote; nothing in the file is run.

    Raises:
        ModelError: The file is not there, is no such file, or is of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            version = int(data["version"])
            features = bytes(data["features"]).decode().split("\n")
            brands = bytes(data["brands"]).decode().split("\n")
            crf = Crf(
                features={name: k for k, name in enumerate(features)},
                emissions=data["emissions"].astype(np.float32),
                transitions=data["transitions"],
                start=data["start"],
            )
            counts = data["counts"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"want weights that `fit_tagger` made, got {str(path)!r}: {error}"
        ) from error
    if version != _VERSION:
        raise ModelError(
            f"want weights of version {_VERSION}, got version {version} in {str(path)!r}: fit them again"
        )
    known = {tuple(b.split(" ")): n for b, n in zip(brands, counts, strict=False) if b}
    return Tagger(crf=crf, lexicon=BrandLexicon(brands=known))

"""How right a simplifier takes titles apart: against what people marked in them, token by token."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.errors import CatalogError
from workbench.metrics import Estimate
from workbench.metrics.resampling import bootstrap
from workbench.prompting._words import Span, Word, find_words, words_of
from workbench.prompting.titles import REMOVED_KINDS, RemovedKind, Simplified, TitleQuestion

Floats = npt.NDArray[np.float64]

MARKED_ASPECTS: Mapping[str, RemovedKind] = {
    "brand": "brand",
    "model": "model",
    "model name": "model",
    "model number": "model",
    "size": "size",
    "net content": "size",
    "volume": "size",
    "pack size": "size",
    "load size": "size",
    "supply size": "size",
    "promotion": "promotion",
}
"""What people mark, lower case, to the kind of part that it is: how big, how much and how many are all `size`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTitle:
    """One title with what people marked in it."""

    title: str
    category: str
    marks: tuple[Span, ...]
    """None overlap. Where a marked value stands several times, the first place is the mark."""
    again: tuple[Span, ...]
    """Further places of marked values: nobody said what they are, so they are not scored."""
    others: tuple[Span, ...] = ()
    """What else people marked, such as colour and kind of product, as kind `other`; it stays, and is not scored."""
    asked: frozenset[RemovedKind] = frozenset()
    """Kinds that people were asked for in titles of this category; others are not scored here."""

    @property
    def question(self) -> TitleQuestion:
        """As a simplifier is asked."""
        return TitleQuestion(title=self.title, category=self.category)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScore:
    """How right one kind of part is taken out."""

    kind: RemovedKind
    precision: Estimate
    """Share of the tokens removed as this kind that people marked as it."""
    recall: Estimate
    """Share of the tokens that people marked as this kind that were removed as it."""
    f1: Estimate
    """Their harmonic mean."""
    titles: int
    """Titles in which people were asked for it."""
    marked: int
    """Tokens that they marked."""
    removed: int
    """Tokens that were removed as it in these titles."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def read_marked(path: Path, *, known: Iterable[MarkedTitle] = ()) -> list[MarkedTitle]:
    """Read titles that people marked.

    Lines of JSON, each `{"title": …, "category": …, "brand": "…", "size": ["…", "…"]}`, or with the marks in
    `target_scores` as OA-Mine and ExtractGPT write them (aspect to `{value: 1}`, the title in `input`); or a
    CSV file with columns `title`, `category` and one for each kind, several values divided by `|`. Names of
    kinds are those of `MARKED_ASPECTS`; other columns and aspects are passed over. A value that the title does not hold
    marks nothing.

    Args:
        path: `.jsonl`, `.json` (lines) or `.csv`.
        known: Titles of the same project, from which it is also seen in which categories people were asked for a
            kind; a kind that is marked in no title of a category was not asked for there.

    Raises:
        CatalogError: The file cannot be read, or a row is wrong; the message names its line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"want a file of marked titles, got {str(path)!r}: {error}") from error
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    found = [(title, category, *_marks(title, values)) for title, category, values in rows]
    if not found:
        raise CatalogError(f"want marked titles, got a file without rows: {str(path)!r}")
    asked: dict[str, set[RemovedKind]] = defaultdict(set)
    for one in known:
        asked[one.category] |= one.asked
    for _, category, marks, _ in found:
        asked[category] |= {m.kind for m in marks if m.kind != _OTHER}  # type: ignore[misc]
    return [
        MarkedTitle(
            title=title,
            category=category,
            marks=tuple(m for m in marks if m.kind != _OTHER),
            again=tuple(m for m in again if m.kind != _OTHER),
            others=tuple(m for m in marks if m.kind == _OTHER),
            asked=frozenset(asked[category]),
        )
        for title, category, marks, again in found
    ]


def score_titles(
    marked: Sequence[MarkedTitle],
    answers: Sequence[Simplified],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[KindScore]:
    """Precision, recall and F1 of what was removed, for each kind that people were asked for.

    A token is a word or a number; punctuation does not count, `12oz` is two. Tokens at further places of a
    marked value are left out. Intervals are by title (bootstrap): tokens of one title are alike.

    Args:
        marked: Titles with people's marks.
        answers: One per title, in order.
        level: Between 0 and 1.
        resamples: Of the bootstrap.
        seed: Of the same.

    Raises:
        ValueError: There is not one answer per title, or an answer is about another title.
    """
    if len(marked) != len(answers) or any(
        m.title != a.original for m, a in zip(marked, answers, strict=True)
    ):
        raise ValueError(
            f"want one answer per title in their order, got {len(answers)} for {len(marked)}"
        )
    scores = []
    for kind in REMOVED_KINDS:
        rows = [
            _counts(m, a, kind) for m, a in zip(marked, answers, strict=True) if kind in m.asked
        ]
        if not rows:
            continue
        sums = np.array(rows, dtype=np.float64)  # right, removed, marked
        total = sums.sum(axis=0)

        def one(columns: Sequence[int], sums: Floats = sums, reason: str = "") -> Estimate:
            return bootstrap(
                sums,
                lambda s: _ratio(s, columns),
                n=len(sums),
                level=level,
                resamples=resamples,
                seed=seed,
                undefined_reason=reason,
            )

        scores.append(
            KindScore(
                kind=kind,
                precision=one((1,), reason="nothing was removed as this kind"),
                recall=one((2,), reason="nothing is marked as this kind"),
                f1=one((1, 2), reason="nothing is marked or removed as this kind"),
                titles=len(rows),
                marked=int(total[2]),
                removed=int(total[1]),
            )
        )
    return scores


def _ratio(sums: Floats, columns: Sequence[int]) -> Floats:
    below = sums[:, list(columns)].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, len(columns) * sums[:, 0] / below, np.nan))


def _counts(marked: MarkedTitle, answer: Simplified, kind: RemovedKind) -> tuple[int, int, int]:
    """Tokens right, removed and marked."""
    right = removed = wanted = 0
    gone = [(r.start, r.start + len(r.text)) for r in answer.removed if r.kind == kind]
    for word in words_of(marked.title):
        if not word.counts or any(_inside(word, s) for s in marked.again):
            continue
        is_marked = any(s.kind == kind and _inside(word, s) for s in marked.marks)
        is_removed = any(start <= word.start < end for start, end in gone)
        right += is_marked and is_removed
        removed += is_removed
        wanted += is_marked
    return right, removed, wanted


def _inside(word: Word, span: Span) -> bool:
    return span.start <= word.start < span.end


def _marks(
    title: str, values: Sequence[tuple[str, str]]
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """First places of the values, the longest value first, and their further places."""
    words = words_of(title)
    marks: list[Span] = []
    again: list[Span] = []
    for kind, value in sorted(values, key=lambda v: (v[0] == _OTHER, -len(v[1]))):
        free = [
            Span(start=words[i].start, end=words[k - 1].end, kind=kind)
            for i, k in find_words(words, value)
        ]
        free = [s for s in free if all(s.end <= m.start or s.start >= m.end for m in marks)]
        marks += free[:1]
        again += free[1:]
    again = [s for s in again if all(s.end <= m.start or s.start >= m.end for m in marks)]
    return tuple(sorted(marks, key=lambda s: s.start)), tuple(again)


_Row = tuple[str, str, list[tuple[str, str]]]


def _json_rows(text: str, path: Path) -> list[_Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as error:
            raise CatalogError(f"{path}:{number}: this line is no JSON: {error}") from error
        if not isinstance(data, dict):
            raise CatalogError(f"{path}:{number}: want keys and values, got {data!r}")
        title = data.get("title", data.get("input"))
        if not isinstance(title, str) or not title.strip():
            raise CatalogError(f"{path}:{number}: want the title under 'title', got {title!r}")
        marks = data.get("target_scores", data)
        if not isinstance(marks, dict):
            raise CatalogError(f"{path}:{number}: want aspects with values, got {marks!r}")
        whole = _values(marks) + (_other_values(marks) if marks is not data else [])
        rows.append((title, str(data.get("category", "")), whole))
    return rows


def _csv_rows(text: str, path: Path) -> list[_Row]:
    table = csv.DictReader(io.StringIO(text))
    if "title" not in (table.fieldnames or ()):
        raise CatalogError(f"{path}:1: want a column 'title', got {table.fieldnames!r}")
    rows = []
    for row in table:
        if not (row["title"] or "").strip():
            raise CatalogError(f"{path}:{table.line_num}: want a title, got {row['title']!r}")
        cells = {
            name: (cell or "").split("|") for name, cell in row.items() if isinstance(cell, str)
        }
        rows.append((row["title"], row.get("category") or "", _values(cells)))
    return rows


_OTHER = "other"


def _other_values(marks: Mapping[str, object]) -> list[tuple[str, str]]:
    """Values of aspects that stay in a title."""
    stay = {
        n: v for n, v in marks.items() if str(n).casefold().replace("_", " ") not in MARKED_ASPECTS
    }
    return [(_OTHER, str(v)) for said in stay.values() if isinstance(said, dict) for v in said]


def _values(marks: Mapping[str, object]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, said in marks.items():
        kind = MARKED_ASPECTS.get(str(name).casefold().replace("_", " "))
        if kind is None or said is None:
            continue
        listed = list(said) if isinstance(said, (list, tuple, dict)) else [said]
        found += [(kind, str(v)) for v in listed if str(v).strip()]
    return found

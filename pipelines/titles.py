"""Titles made short: for a catalogue into a store, and measured against titles that people marked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.recorder import Recorder, Stage, record
from workbench.catalog import Catalog, ingest
from workbench.errors import CatalogError
from workbench.models import load_text
from workbench.prompting import (
    BrandLexicon,
    KindScore,
    MarkedTitle,
    ModelSimplifier,
    RuleSimplifier,
    Simplified,
    TaggerSimplifier,
    TitleSimplifier,
    fit_tagger,
    learn_brands,
    read_marked,
    read_simplified,
    save_tagger,
    score_titles,
    simplify,
    title_key,
)
from workbench.records import Generation, Item
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import Store

DEFAULT = "tagger"
"""Who makes titles short where nobody is named."""
_CHUNK = 64
"""Titles that are made short and stored together: at most this many are lost to a kill."""


def load_simplifier(name: str = DEFAULT, *, brands: BrandLexicon | None = None) -> TitleSimplifier:
    """Who makes titles short.

    Args:
        name: `tagger` (the weights that ship), `tagger:FILE` (your own, from `fit_titles`), `rules`, or a text
            model's string, such as `gguf:smollm2`.
        brands: Of the catalogue, from `learn_brands`.

    Raises:
        ModelError: The model cannot be loaded.
    """
    lexicon = brands or BrandLexicon()
    if name == "rules":
        return RuleSimplifier(lexicon=lexicon)
    if name == "tagger":
        return TaggerSimplifier(lexicon=lexicon)
    if name.startswith("tagger:"):
        return TaggerSimplifier(weights=Path(name.removeprefix("tagger:")), lexicon=lexicon)
    return ModelSimplifier(model=load_text(name), fallback=TaggerSimplifier(lexicon=lexicon))


def brands_of_catalog(items: Sequence[Item], schema: Schema | None) -> BrandLexicon:
    """The brands of a catalogue, none of which is a name of its categories or a value that photos show."""
    common: list[str] = []
    if schema is not None:
        for category in {i.category for i in items} & set(schema.categories):
            known = schema.categories[category]
            common += [known.name]
            common += [v for a in known.attributes if a.visible != "no" for v in a.values]
    return learn_brands(items, common=common)


def simplify_titles(
    store: Store,
    items: Sequence[Item],
    simplifier: TitleSimplifier,
    *,
    schema: Schema | None = None,
    stage: Stage | None = None,
    run: str | None = None,
) -> list[Generation]:
    """Make short the titles that are not in the store yet; return all, in the order of `items`.

    Args:
        store: Keeps them, a chunk in one transaction.
        items: With titles.
        simplifier: Who answers.
        schema: Names the categories in words; None: their ids are words.
        stage: Told of every title.
        run: Id of the run.
    """
    names = {i.category: _in_words(i.category, schema) for i in items}
    keys = [title_key(i, simplifier, category=names[i.category]) for i in items]
    known = store.known(Generation, keys)
    missing = [i for i, key in zip(items, keys, strict=True) if key not in known]
    if stage:
        stage.advance(known=len(items) - len(missing))
    for start in range(0, len(missing), _CHUNK):
        made = simplify(missing[start : start + _CHUNK], simplifier, categories=names, run=run)
        store.add(made)
        if stage:
            for one in made:
                stage.advance(1, cost=one.cost)
    return list(store.records(Generation, keys))


def _in_words(category: str, schema: Schema | None) -> str:
    known = schema.categories.get(category) if schema else None
    return known.name if known else category


@dataclass(frozen=True, slots=True, kw_only=True)
class TitlesJob:
    """What `run_titles` is asked to do."""

    catalog: str
    """Address, for the record."""
    by: str
    """Who makes titles short; see `load_simplifier`."""
    limit: int | None
    """Items of the catalogue to take; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitlesSummary:
    """What a run came to."""

    run: str
    by: str
    titles: int
    made: int
    """Titles made short now; the others were in the store."""
    changed: int
    """Titles of which something was removed."""
    brands: int
    """Brands that the catalogue taught."""
    removed: Mapping[str, int]
    """Kind to the parts that were removed."""
    fell_back: Mapping[str, int]
    """Who answered instead of the one asked, to how often."""
    without: int
    """Items without a title."""
    examples: tuple[tuple[str, str], ...]
    """Some titles as they were, and short."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {kind}" for kind, count in self.removed.items()) or "nothing"
        lines = [
            f"{self.titles:,} titles by {self.by}, {self.made:,} of them now; {self.changed:,} are shorter",
            f"removed: {told}",
            f"brands that the catalogue taught: {self.brands:,}",
        ]
        lines += [
            f"{count:,} answers were no use, and {who} answered instead"
            for who, count in self.fell_back.items()
        ]
        if self.without:
            lines.append(f"{self.without:,} items have no title")
        for before, after in self.examples:
            lines += ["", f"  {before}", f"  → {after}"]
        return "\n".join(lines)


_EXAMPLES = 4


def run_titles(
    store: Store, catalog: Catalog, job: TitlesJob, *, quiet: bool = False
) -> TitlesSummary:
    """Make short the titles of a catalogue; run again, only what is new or changed is asked.

    Raises:
        CatalogError: No item has a title.
        ModelError: The model cannot be loaded.
    """
    with record(store, "titles", {**asdict(job), "name": catalog.name}, quiet=quiet) as recorder:
        items, without = _titled(store, catalog, job, recorder)
        brands = brands_of_catalog(items, catalog.schema)
        simplifier = load_simplifier(job.by, brands=brands)
        with recorder.stage("simplify titles", len(items), unit="titles") as stage:
            made = simplify_titles(
                store, items, simplifier, schema=catalog.schema, stage=stage, run=recorder.id
            )
            count = stage.done
    read = [read_simplified(g) for g in made]
    shorter = [s for s in read if s.removed]
    return TitlesSummary(
        run=recorder.id,
        by=simplifier.name,
        titles=len(read),
        made=count,
        changed=len(shorter),
        brands=len(brands.brands),
        removed=dict(Counter(r.kind for s in read for r in s.removed).most_common()),
        fell_back=dict(Counter(s.by for s in read if s.by != simplifier.name).most_common()),
        without=without,
        examples=tuple(
            (s.original, s.title) for s in shorter[:: max(1, len(shorter) // _EXAMPLES)]
        )[:_EXAMPLES],
    )


def _titled(
    store: Store, catalog: Catalog, job: TitlesJob, recorder: Recorder
) -> tuple[list[Item], int]:
    with recorder.stage("ingest", job.limit) as stage:
        taken = ingest(store, catalog, limit=job.limit, progress=stage.tick)
        stage.done, stage.known = taken.items, taken.known
    items = list(store.records(Item, sorted(set(taken.ids))))
    titled = [i for i in items if i.title and i.title.strip()]
    if not titled:
        raise CatalogError(
            f"want items with titles, but {catalog.name!r} has none: say which column holds them, such as "
            "`table:items.csv?title=name`"
        )
    return titled, len(items) - len(titled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How right one simplifier is."""

    by: str
    scores: tuple[KindScore, ...]
    fell_back: int
    """Titles that another one answered, because this one's answer was no use."""
    titles: int
    seconds: float
    """Wall-clock seconds for all titles."""
    why: tuple[str, ...]
    """The commonest reasons for which another one answered."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAll:
    """How right several simplifiers are on the same titles."""

    file: str
    titles: int
    results: tuple[Measured, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.titles:,} marked titles. Words and numbers right, with 95% intervals by title (bootstrap)."
        ]
        for one in self.results:
            lines += ["", f"{one.by}  ({1000 * one.seconds / max(1, one.titles):.1f} ms a title)"]
            lines.append(f"  {'':8}{'precision':<20}{'recall':<20}{'F1':<20}titles  marked")
            for s in one.scores:
                cells = "".join(f"{_shown(e):<20}" for e in (s.precision, s.recall, s.f1))
                lines.append(f"  {s.kind:8}{cells}{s.titles:>6,}  {s.marked:>6,}")
            if one.fell_back:
                lines.append(
                    f"  {one.fell_back} of {one.titles} answers were no use and another one's were taken; the "
                    "commonest reasons:"
                )
                lines += [f"    {w}" for w in one.why]
        lines += ["", "A kind is scored in categories in which people marked it at all."]
        return "\n".join(lines)


def measure_titles(
    path: Path,
    simplifiers: Sequence[str],
    *,
    brands_from: Path | None = None,
    limit: int | None = None,
) -> MeasuredAll:
    """Measure simplifiers against titles that people marked.

    Args:
        path: As for `read_marked`.
        simplifiers: Who is measured; see `load_simplifier`.
        brands_from: Other marked titles whose brands are known beforehand, as a shop knows its own; None: none are.
        limit: Titles at most, spread evenly over the file; None: all.

    Raises:
        CatalogError: A file cannot be read.
        ModelError: A model cannot be loaded.
    """
    others = read_marked(brands_from) if brands_from else []
    marked = read_marked(path, known=others)
    if limit is not None and limit < len(marked):
        marked = [marked[k * len(marked) // limit] for k in range(limit)]
    # Known beforehand, but not complete: a title's own brand may be a new one.
    brands = replace(learn_brands(_as_items(others)), stated=0.0)
    results = []
    for name in simplifiers:
        simplifier = load_simplifier(name, brands=brands)
        started = time.perf_counter()
        answers = simplifier.simplify([m.question for m in marked])
        seconds = time.perf_counter() - started
        results.append(_measured(simplifier, marked, answers, seconds))
    return MeasuredAll(file=path.name, titles=len(marked), results=tuple(results))


def fit_titles(path: Path, out: Path, *, seed: int = 0) -> tuple[int, int]:
    """Fit the tagger to marked titles and write its weights; returns the numbers of titles and of marks.

    Raises:
        CatalogError: The file cannot be read.
        LearningError: There are too few titles or marks.
    """
    marked = read_marked(path)
    save_tagger(fit_tagger(marked, seed=seed), out)
    return len(marked), sum(len(m.marks) for m in marked)


def _measured(
    simplifier: TitleSimplifier,
    marked: Sequence[MarkedTitle],
    answers: Sequence[Simplified],
    seconds: float,
) -> Measured:
    instead = [a for a in answers if a.by != simplifier.name]
    reasons = Counter(_reason(a.note) for a in instead)
    return Measured(
        by=simplifier.name,
        scores=tuple(score_titles(marked, answers)),
        fell_back=len(instead),
        titles=len(marked),
        seconds=seconds,
        why=tuple(f"{count}: {why}" for why, count in reasons.most_common(3)),
    )


def _reason(note: str) -> str:
    """A note without the words that differ from title to title."""
    parts = note.partition(": ")[2].split("'")
    return "'…'".join(parts[::2]) if len(parts) > 2 else note.partition(": ")[2]


def _as_items(marked: Sequence[MarkedTitle]) -> list[Item]:
    """Marked titles as items whose aspects say the brand."""
    return [
        Item(
            id=f"marked/{k}",
            category=m.category,
            title=m.title,
            aspects={"Brand": brands}
            if (brands := tuple(m.title[s.start : s.end] for s in m.marks if s.kind == "brand"))
            else {},
        )
        for k, m in enumerate(marked)
    ]


def _shown(estimate: object) -> str:
    from workbench.metrics import Estimate

    if not isinstance(estimate, Estimate) or estimate.value is None:
        return "—"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"

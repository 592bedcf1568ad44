"""A catalogue's own listings cut down to what their photos show: resumable, with what was removed by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.intake import keep_schema, tell_of_namesakes
from pipelines.learning import photos_of
from pipelines.places import HERE, Place, each_made
from pipelines.recorder import Recorder, Stage, record
from workbench.alignment import (
    Aligner,
    AlignmentCheck,
    Decisions,
    ModelAligner,
    PeopleCheck,
    RuleAligner,
    ScoringAligner,
    check_alignments,
    check_by_people,
)
from workbench.alignment.people import RUBRIC
from workbench.catalog import Catalog, ingest
from workbench.errors import CatalogError, ModelError
from workbench.metrics import Estimate
from workbench.records import Annotation, Generation, Item
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.store import ImageStore, Store

RULES, SCORE = "rules", "score:"
"""No model; a model that is asked about each statement. Any other model's string: it answers in JSON."""
_CHUNK = 64
"""Items that are aligned and stored together: at most this many are lost to a kill."""
_CHECKED = 5_000
"""Drawn items that are held against their truth."""
_EXAMPLES = 3
_SHOWN = 60
"""Characters of an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedKind:
    """What was removed for one reason."""

    kind: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaceSummary:
    """What aligning a catalogue came to."""

    run: str
    aligner: str
    items: int
    made: int
    """Alignments made now; the others were found in the store."""
    unread: int
    """Items of which the model's answer could not be read."""
    removed: tuple[RemovedKind, ...]
    """The commonest first."""
    kept: tuple[tuple[str, int], ...]
    """Aspect to the items that keep it, the commonest first."""
    checked: tuple[AlignmentCheck, ...]
    """Against the truth of drawn items; empty where none is known."""
    people: PeopleCheck | None
    """Against people's answers (`workbench annotate alignments`); None where there are none."""
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.items:,} listings aligned by {self.aligner}, {self.made:,} of them now"]
        if self.unread:
            lines.append(
                f"{self.unread:,} answers could not be read; run again to ask again with another model"
            )
        lines.append("removed:")
        lines += [
            f"  {one.count:>8,}  {one.kind:<26}  {' | '.join(one.examples)}" for one in self.removed
        ]
        named = ", ".join(f"{name} {count:,}" for name, count in self.kept[:8])
        lines.append(f"kept: {named or 'no aspect'}")
        lines += [line for one in self.checked for line in _words(one, "against the truth")]
        lines += _people_words(self.people)
        if self.problems:
            lines.append(
                f"{len(self.problems)} rows or photos could not be used; the first: {self.problems[0]}"
            )
        return "\n".join(lines)


def run_mace(
    store: Store,
    catalog: Catalog,
    address: str,
    *,
    aligner: str = RULES,
    limit: int | None = None,
    on: Place = HERE,
    quiet: bool = False,
) -> MaceSummary:
    """Take a catalogue in and align its listings; run again, only what is missing is done.

    Memory does not grow with the catalogue: items are read, aligned and stored in chunks.

    Args:
        store: Takes items, photos and alignments.
        catalog: Opened.
        address: Under which it was opened, for the record.
        aligner: `rules`, `score:<model>`, or the string of a vision-language model that answers in JSON.
        limit: Items of the catalogue to take; None: all.
        on: Where they are aligned; alignments are stored here.
        quiet: No progress bars.

    Raises:
        CatalogError: The catalogue has no item with a photo.
        ModelError: The aligner cannot be loaded, or sees no photos.
    """
    arguments = {"catalog": address, "aligner": aligner, "limit": limit, "name": catalog.name}
    with record(store, "run mace", arguments, quiet=quiet) as recorder:
        ids, problems = take_ids(store, catalog, address, recorder, limit=limit)
        by = load_aligner(aligner, catalog.schema, on=on)
        tally = _Tally()
        sample: list[tuple[Item, Generation]] = []
        said = _answers(store)
        asked: list[tuple[Item, Generation]] = []
        about = {one.generation for one in said}
        with recorder.stage("align", len(ids), unit="listings") as stage:
            items = store.records(Item, ids)
            for item, made in align_all(store, items, by, recorder, stage, on=on):
                tally.add(made)
                if item.truth and len(sample) < _CHECKED:
                    sample.append((item, made))
                if made.key in about:
                    asked.append((item, made))
        checked = check_alignments(
            [item for item, _ in sample], [made for _, made in sample], catalog.schema
        )
    return MaceSummary(
        run=recorder.id,
        aligner=aligner,
        items=len(ids),
        made=stage.done,
        unread=tally.unread,
        removed=tally.removed(),
        kept=tuple(tally.kept.most_common()),
        checked=checked if sample else (),
        people=check_by_people(
            {item.id: item for item, _ in asked}, [made for _, made in asked], said
        ),
        problems=problems,
    )


def take_ids(
    store: Store, catalog: Catalog, address: str, recorder: Recorder, *, limit: int | None
) -> tuple[list[str], tuple[str, ...]]:
    """Ids of the catalogue's items with a photo, now in the store, and what could not be used.

    Raises:
        CatalogError: There is no such item.
    """
    tell_of_namesakes(store, catalog.name, address, recorder)
    with recorder.stage("ingest", limit) as stage:
        taken = ingest(store, catalog, limit=limit, progress=stage.tick)
        stage.done, stage.known = taken.items, taken.known
    ids: list[str] = []
    categories: dict[str, Item] = {}
    for item in store.records(Item, taken.ids):
        if item.photos:
            ids.append(item.id)
            categories.setdefault(item.category, item)
    if not ids:
        raise CatalogError(
            f"want items with at least one photo that can be read, but {catalog.name!r} has none: check the address"
        )
    keep_schema(store, catalog, list(categories.values()))
    return ids, tuple(f"{one.source}: {one.reason}" for one in taken.problems)


def load_aligner(name: str, schema: Schema, *, on: Place = HERE) -> Aligner:
    """The aligner called `name`; see `run_mace`.

    Raises:
        ModelError: It cannot be loaded, or sees no photos.
    """
    rules = RuleAligner(schema)
    if name == RULES:
        return rules
    if name.startswith(SCORE):
        scorer = on.scorer(name.removeprefix(SCORE))
        if not scorer.sees:
            raise ModelError(
                f"want a model that sees photos after {SCORE!r}, but {name!r} reads text only"
            )
        return ScoringAligner(scorer, schema, rules)
    return ModelAligner(on.text(name), schema, rules)


def align_all(
    store: Store,
    items: Iterable[Item],
    aligner: Aligner,
    recorder: Recorder,
    stage: Stage,
    *,
    on: Place = HERE,
) -> Iterator[tuple[Item, Generation]]:
    """Each item with its alignment, in order; what the store does not hold is made and stored by chunks."""
    work = _Aligning(aligner, store.images, recorder.id)
    return each_made(store, work, items, aligner.key, stage, size=_CHUNK, asks=aligner.asks, on=on)


@dataclass(frozen=True, slots=True)
class _Aligning:
    """Aligns the listings of one piece: of the store it needs the photos alone."""

    aligner: Aligner
    images: ImageStore
    run: str

    def __call__(self, items: Sequence[Item]) -> list[Generation]:
        photos = photos_of(self.images, items) if self.aligner.sees else [()] * len(items)
        return self.aligner.align(items, photos, run=self.run)


class _Tally:
    """Counts by kind, a few examples each; of any number of alignments."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self.kept: Counter[str] = Counter()
        self.unread = 0

    def add(self, made: Generation) -> None:
        """Count one alignment."""
        if made.listing is None:
            self.unread += 1
            return
        self.kept.update(list(made.listing.aspects))
        for kind, text in Decisions.from_dict(made.details).removed():
            self._counts[kind] += 1
            examples = self._examples.setdefault(kind, [])
            shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
            if len(examples) < _EXAMPLES and shown not in examples:
                examples.append(shown)

    def removed(self) -> tuple[RemovedKind, ...]:
        """By kind, the commonest first."""
        return tuple(
            RemovedKind(kind=kind, count=count, examples=tuple(self._examples[kind]))
            for kind, count in self._counts.most_common()
        )


def _answers(store: Store) -> list[Annotation]:
    """What people said of alignments, as they say it now."""
    names = store.annotations(rubric=RUBRIC, state="answered")["id"]
    return list(store.records(Annotation, names))


def _words(check: AlignmentCheck, against: str) -> list[str]:
    return [
        f"{against}, {check.about}:",
        f"  of what went, had to go       {_told(check.precision)}",
        f"  of what had to go, went       {_told(check.recall)}",
        f"  of what stayed, photos show   {_told(check.kept_right)}",
    ]


def _people_words(people: PeopleCheck | None) -> list[str]:
    if people is None:
        return []
    who = "1 person" if people.people == 1 else f"{people.people} people"
    who = f"simulated answers of {who}" if people.simulated else who
    lines = [line for one in people.checks for line in _words(one, f"against {who}")]
    lines.append(f"  called seen, inferable or not as they call it   {_told(people.verdicts)}")
    disputed = (
        f"; {people.disputed:,} statements in dispute do not count" if people.disputed else ""
    )
    return [*lines, f"  from {people.alignments:,} alignments drawn for them{disputed}"]


def _told(e: Estimate) -> str:
    if e.value is None or e.low is None:
        return f"not known ({e.reason})"
    return f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f}, n {e.n:,})"

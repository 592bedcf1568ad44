"""Aligned listings told again as dialogues: written, checked against the listing, doubles left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pipelines.mace import RULES, RemovedKind, align_all, load_aligner, take_ids
from pipelines.places import HERE, Place, each_made
from pipelines.recorder import Recorder, Stage, record
from workbench.alignment import (
    Dialogue,
    DialogueWriter,
    ModelTalk,
    TemplateTalk,
    examine,
    fingerprint,
)
from workbench.alignment.talks import DOUBLE, UNREADABLE
from workbench.records import Generation, Item
from workbench.schema import Schema

if TYPE_CHECKING:
    from workbench.catalog import Catalog
    from workbench.store import Store

TEMPLATES = "templates"
"""No model; any other string is a text model's."""
_CHUNK = 64
_EXAMPLES = 3
_SHOWN = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class LacuSummary:
    """What writing dialogues came to."""

    run: str
    writer: str
    aligner: str
    items: int
    made: int
    """Dialogues written now; the others were found in the store."""
    fit: int
    """Dialogues that passed every check."""
    rounds: int
    """In those."""
    covered: int
    """Aspects that they state, of `aspects`."""
    aspects: int
    """Aspects that their listings have."""
    removed: tuple[RemovedKind, ...]
    """Rounds and dialogues that are not trained on, by why."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.fit:,} dialogues of {self.items:,} items by {self.writer} are fit to train on "
            f"({self.made:,} written now), with {self.rounds:,} rounds",
            f"they state {self.covered:,} of the {self.aspects:,} aspects that their listings have",
            "removed:" if self.removed else "nothing was removed",
        ]
        for one in self.removed:
            lines.append(f"  {one.count:>8,}  {one.kind}")
            lines += [f"              {example}" for example in one.examples]
        return "\n".join(lines)


@dataclass
class TalkTally:
    """What became of the dialogues that went by."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    fit: int = 0
    rounds: int = 0
    covered: int = 0
    aspects: int = 0
    seen: set[bytes] = field(default_factory=set)
    """16 bytes per dialogue that passed."""

    def add(self, kind: str, text: str) -> None:
        """Count something that is not trained on."""
        self.counts[kind] += 1
        known = self.examples.setdefault(kind, [])
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        if len(known) < _EXAMPLES and shown not in known:
            known.append(shown)

    def removed(self) -> tuple[RemovedKind, ...]:
        """By kind, the commonest first."""
        return tuple(
            RemovedKind(kind=kind, count=count, examples=tuple(self.examples[kind]))
            for kind, count in self.counts.most_common()
        )


def run_lacu(
    store: Store,
    catalog: Catalog,
    address: str,
    *,
    writer: str = TEMPLATES,
    aligner: str = RULES,
    limit: int | None = None,
    seed: int = 0,
    on: Place = HERE,
    quiet: bool = False,
) -> LacuSummary:
    """Write a dialogue about each aligned listing; run again, only what is missing is done.

    Listings that this aligner has not aligned yet are aligned first.

    Args:
        store: Takes everything.
        catalog: Opened.
        address: Under which it was opened.
        writer: `templates`, or a text model's string.
        aligner: As for `run_mace`.
        limit: Items of the catalogue to take; None: all.
        seed: Of the templates: another seed is another dialogue about the same item.
        on: Where they are aligned and written; both are stored here.
        quiet: No progress bars.

    Raises:
        CatalogError: The catalogue has no item with a photo.
        ModelError: A model cannot be loaded.
    """
    arguments = {
        "catalog": address,
        "writer": writer,
        "aligner": aligner,
        "limit": limit,
        "seed": seed,
    }
    with record(store, "run lacu", {**arguments, "name": catalog.name}, quiet=quiet) as recorder:
        ids, _ = take_ids(store, catalog, address, recorder, limit=limit)
        by = load_aligner(aligner, catalog.schema, on=on)
        talks = load_writer(writer, catalog.schema, seed=seed, on=on)
        tally = TalkTally()
        with (
            recorder.stage("align", len(ids), unit="listings") as aligning,
            recorder.stage("talk", len(ids), unit="dialogues") as stage,
        ):
            aligned = align_all(store, store.records(Item, ids), by, recorder, aligning, on=on)
            for _ in fit_dialogues(
                store, (made for _, made in aligned), talks, catalog.schema, recorder, stage=stage,
                tally=tally, on=on,
            ):  # fmt: skip
                pass
    return LacuSummary(
        run=recorder.id,
        writer=writer,
        aligner=aligner,
        items=len(ids),
        made=stage.done,
        fit=tally.fit,
        rounds=tally.rounds,
        covered=tally.covered,
        aspects=tally.aspects,
        removed=tally.removed(),
    )


def load_writer(name: str, schema: Schema, *, seed: int = 0, on: Place = HERE) -> DialogueWriter:
    """The writer called `name`: `templates`, or a text model's string.

    Raises:
        ModelError: It cannot be loaded.
    """
    return TemplateTalk(schema, seed) if name == TEMPLATES else ModelTalk(on.text(name), schema)


def fit_dialogues(
    store: Store,
    alignments: Iterable[Generation],
    writer: DialogueWriter,
    schema: Schema,
    recorder: Recorder,
    *,
    stage: Stage,
    tally: TalkTally,
    on: Place = HERE,
) -> Iterator[tuple[Generation, Dialogue]]:
    """Dialogues that are fit to train on, with the generation that each came from.

    What the store does not hold is written and stored by chunks. The first of several dialogues that say the same is
    kept, whichever run wrote it.
    """
    work = _Writing(writer, recorder.id)
    talks = each_made(
        store, work, alignments, writer.key, stage, size=_CHUNK, asks=writer.asks, on=on
    )
    for alignment, talk in talks:
        found = _fit(alignment, talk, schema, tally)
        if found is not None:
            yield talk, found


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes the dialogues of one piece."""

    writer: DialogueWriter
    run: str

    def __call__(self, alignments: Sequence[Generation]) -> list[Generation]:
        return self.writer.write(alignments, run=self.run)


def _fit(
    alignment: Generation, talk: Generation, schema: Schema, tally: TalkTally
) -> Dialogue | None:
    if alignment.listing is None or talk.text is None:
        tally.add(
            UNREADABLE, str(talk.details.get("error", "there is no aligned listing to talk about"))
        )
        return None
    category = schema.category(alignment.category)
    found = examine(talk.text, alignment.listing, category, schema)
    for one in found.removed:
        tally.add(one.kind, one.text)
    if found.dialogue is None:
        return None
    mark = fingerprint(found.dialogue)
    if mark in tally.seen:
        tally.add(DOUBLE, f"{talk.item}: {found.dialogue.rounds[0].seller}")
        return None
    tally.seen.add(mark)
    tally.fit += 1
    tally.rounds += len(found.dialogue.rounds)
    tally.covered += len(found.dialogue.covers)
    tally.aspects += len(alignment.listing.aspects)
    return found.dialogue

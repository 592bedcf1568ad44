"""Listings from photos: ingest, split, learn, write, judge, audit against the catalogue's own truth.

Each stage asks the store what is done already and does the rest, in chunks that are stored whole; so a
run that is stopped anywhere goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipelines.audit import audit_from_truth
from pipelines.intake import take_in
from pipelines.judge import judge_listings, load_judge
from pipelines.learning import learn_heads, photos_of
from pipelines.one_at_a_time import alone
from pipelines.places import HERE, Place, make_missing
from pipelines.recorder import Recorder, record
from workbench.catalog import Catalog
from workbench.errors import CalibrationError, JudgingError
from workbench.evolution import find_rubric
from workbench.models.encoder import PhotoEncoder
from workbench.models.listings import FactsWriter, ListingWriter, PhotoWriter
from workbench.models.telling import LinearFacts
from workbench.records import Generation, Item
from workbench.schema import Schema
from workbench.settings import read_settings
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.store import ImageStore, Store

COMMAND = "run listings"
FACTS_NETWORK = "efficientnet-lite0"
"""Reads facts from photos for text models; judges by heads use another network."""
_CHUNK = 16
"""Listings that are written and stored together: at most this many are lost to a kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingsJob:
    """What `run_listings` is asked to do."""

    catalog: str
    """Address, for the record."""
    model: str
    judge: str
    rubric: str
    """A file, or the name of a rubric that ships."""
    limit: int | None
    """Items of the catalogue to take; None: all."""
    eval_share: float
    """Share of item groups, over 0 and under 1, that never train anything."""
    audit: int
    """Judged listings to draw."""
    promise: float
    """Precision, over 0 and under 1, that a threshold has to promise."""
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingsSummary:
    """What a run came to."""

    run: str
    items: int
    problems: tuple[str, ...]
    """Rows and photos that could not be used."""
    written: int
    judged: int
    approved: int
    failing: Mapping[str, int]
    """Criterion to the rejected listings that fail it, the commonest first."""
    audit: str
    """Id of the audit."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.items} items, {self.written} listings, {self.judged} verdicts, "
            f"{self.approved} approved"
        ]
        if self.failing:
            named = ", ".join(f"{name} {count}" for name, count in self.failing.items())
            lines.append(f"what rejected listings fail: {named}")
        if self.problems:
            lines.append(f"{len(self.problems)} rows or photos could not be used; the first:")
            lines += [f"  {p}" for p in self.problems[:3]]
        return "\n".join(lines)


def run_listings(
    store: Store, catalog: Catalog, job: ListingsJob, *, on: Place = HERE, quiet: bool = False
) -> ListingsSummary:
    """Run the whole job; run again, it does only what is not in the store yet.

    Args:
        store: Takes everything.
        catalog: Opened.
        job: What is asked for.
        on: Where listings are written and judged; heads are fitted here, and records are stored here.
        quiet: No progress bars.

    Raises:
        CatalogError: The catalogue has no item with a photo.
        ModelError: A model cannot be loaded.
        LearningError: There is too little to learn from.
        JudgingError: The rubric is not about listings, or the judge does not answer it.
        CalibrationError: No item is held out.
        BusyError: Another process writes the same listings into this store.
    """
    rubric = find_rubric(store, job.rubric)
    if rubric.judges != "listing":
        raise JudgingError(
            f"want a rubric that judges listings, but {rubric.label} judges {rubric.judges}s"
        )
    arguments = {**asdict(job), "name": catalog.name}
    same = {"name": catalog.name, "model": job.model, "seed": job.seed}
    with (
        alone(store, COMMAND, makes="writes the same listings", same=same),
        record(store, COMMAND, arguments, quiet=quiet) as recorder,
    ):
        items, problems = take_in(store, catalog, job.catalog, recorder, limit=job.limit)
        parts = store.assign_split(
            sorted({group_of(i) for i in items}), eval_share=job.eval_share, seed=job.seed
        )
        train = [i for i in items if parts[group_of(i)] == "train"]
        if len(train) == len(items):
            raise CalibrationError(
                f"want held-out items to audit, but none of {len(items)} items is held out: add items, "
                "or start another store with a higher --eval-share (a split that was dealt is kept)"
            )

        writer = _writer(store, catalog.schema, job, train, recorder, on=on)
        judge = load_judge(
            job.judge, rubric, store=store, schema=catalog.schema, train=train,
            recorder=recorder, on=on, seed=job.seed,
        )  # fmt: skip
        # Both are there: what is wrong with the judge is said before hours of writing.
        generations = write_listings(store, items, writer, recorder, on=on)
        verdicts = judge_listings(store, judge, generations, catalog.schema, recorder, on=on)

        held_out = [k for k, i in enumerate(items) if parts[group_of(i)] == "eval"]
        audit = audit_from_truth(
            store,
            [generations[k] for k in held_out],
            [verdicts[k] for k in held_out],
            {i.id: i for i in items},
            rubric=rubric,
            schema=catalog.schema,
            size=job.audit,
            seed=job.seed,
            recorder=recorder,
        )
    return ListingsSummary(
        run=recorder.id,
        items=len(items),
        problems=problems,
        written=len(generations),
        judged=len(verdicts),
        approved=sum(v.approved is True for v in verdicts),
        failing=dict(
            Counter(
                s.criterion
                for v in verdicts
                if v.approved is False
                for s in v.scores
                if s.passed is False
            ).most_common()
        ),
        audit=audit.id,
    )


def _writer(
    store: Store,
    schema: Schema,
    job: ListingsJob,
    train: Sequence[Item],
    recorder: Recorder,
    *,
    on: Place,
) -> ListingWriter:
    """A model that sees writes by itself; one that reads gets heads, fitted on the training part."""
    model = on.text(job.model)
    if model.sees:
        return PhotoWriter(model, schema)
    encoder = PhotoEncoder(FACTS_NETWORK, cache=read_settings().cache)
    heads = learn_heads(store, encoder, train, schema, recorder, seed=job.seed)
    return FactsWriter(encoder, LinearFacts(heads), model, schema)


def write_listings(
    store: Store,
    items: Sequence[Item],
    writer: ListingWriter,
    recorder: Recorder,
    *,
    on: Place = HERE,
) -> list[Generation]:
    """Write the listings that are not in the store yet; return all, in the order of `items`."""
    keys = [writer.key(item) for item in items]
    known = store.known(Generation, keys)
    missing = [i for i, key in zip(items, keys, strict=True) if key not in known]
    # A model answers together what is asked about as many photos.
    missing.sort(key=lambda item: (len(item.photos), item.category, item.id))
    with recorder.stage("write listings", len(items), unit="listings") as stage:
        stage.advance(known=len(known))
        work = _Writing(writer, store.images, recorder.id)
        make_missing(store, work, missing, stage, size=_CHUNK, asks=writer.asks, on=on)
    return list(store.records(Generation, keys))


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes the listings of one piece: of the store it needs the photos alone."""

    writer: ListingWriter
    images: ImageStore
    run: str

    def __call__(self, items: Sequence[Item]) -> list[Generation]:
        return self.writer.write(items, photos_of(self.images, items), run=self.run)

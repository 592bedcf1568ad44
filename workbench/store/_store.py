"""The store: what happened, kept in one database and one place for pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from workbench.errors import StoreError
from workbench.records import GenerationKind, Part, Record, Verdict
from workbench.store import _cursors, _documents, _rows, _splits
from workbench.store import _frames as f
from workbench.store import _tables as t
from workbench.store._codec import NOUNS, noun_of
from workbench.store._cursors import Advance
from workbench.store._engine import Location, connect, locate, reading
from workbench.store._frames import Among
from workbench.store._images import ImageStore
from workbench.store._leases import alone
from workbench.store._rows import Added
from workbench.store._schema import prepare

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Record)


class Store:
    """What happened, kept for good: records are added, and never changed or removed.

    Any number of processes and threads may read and write at the same time; writers queue. A store
    is opened with `Store.open`, and closed by `close` or at the end of a `with` block.
    """

    def __init__(self, engine: Engine, location: Location) -> None:
        self._engine = engine
        self._location = location

    @classmethod
    def open(
        cls, address: str | Path, *, images: str | Path | None = None, create: bool = True
    ) -> Self:
        """Open the store at `address`, and bring its tables to this version.

        Args:
            address: A folder (with `workbench.db` and `images/`), or a database URL:
                `postgresql+psycopg://user:password@host/name` or `sqlite:///file`.
            images: Folder or fsspec URL of the pictures; None: `images/` beside a database file,
                and none at all beside a server.
            create: Make a store where there is none.

        Raises:
            StoreError: The place cannot be used, holds something else, was written by a newer
                version, or holds no store and `create` is False.
            MissingExtraError: The database's driver is not installed.
        """
        location = locate(address, images)
        engine = connect(location)
        try:
            prepare(engine, location, create=create)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, location)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @property
    def url(self) -> str:
        """Where the database is: a file's path, or a URL with its password hidden."""
        return self._location.shown

    @cached_property
    def images(self) -> ImageStore:
        """The pictures, by the hash of their bytes.

        Raises:
            StoreError: The store is on a server and was opened without saying where pictures are.
        """
        if self._location.images is None:
            raise StoreError(
                f"the store {self.url} was opened without a place for pictures: "
                "give `images=`, a folder or a URL such as `s3://bucket/prefix`"
            )
        return ImageStore(self._location.images)

    # ---- records ---------------------------------------------------------------------------------

    def add(self, records: Iterable[Record], *, advance: Advance | None = None) -> Added:
        """Store records of any types in one transaction: all of them, or none.

        Adding what is stored already does nothing, so that interrupted work can be done again. An
        item, annotation or correction that differs from its newest revision becomes the next
        revision; an annotation whose `updated_at` alone is later is a person's next word too, and one
        whose `updated_at` is earlier changes nothing: a later word is there. Every other record is
        stored once: cost, run and moment may differ, and the first ones stay.

        Args:
            records: Any number, also none.
            advance: A cursor that is moved in the same transaction: the records are stored if and
                only if it moves.

        Raises:
            ConflictError: A key is stored with other content, or the cursor is not at
                `advance.before` any more.
            StoreError: A record cannot be stored (the message names it and the field), or the
                database refuses.
        """
        return _rows.add(self._engine, self._location, records, advance)

    def cursor(self, name: str) -> str | None:
        """How far whatever is called `name` was read; None where it was not begun."""
        return _cursors.value(self._engine, self._location, name)

    def cursors(self, prefix: str) -> Mapping[str, str]:
        """Every cursor whose name begins with `prefix`, with how far it was read."""
        return _cursors.values(self._engine, self._location, prefix)

    def alone(self, name: str, *, wait: float | None = None) -> AbstractContextManager[None]:
        """Hold the lease `name`, so that two processes do not do the same thing to another server.

        It is held by the operating system or the database server, and ends with the process: one
        that is killed leaves nothing behind. It does not hinder readers and writers of the store.

        Args:
            name: What is done.
            wait: Seconds to wait for another process that holds it, from 0; None: a minute.

        Raises:
            BusyError: Another process still held it then.
        """
        return alone(self._engine, self._location, name, wait=wait)

    def known(self, record: type[Record], keys: Iterable[str]) -> set[str]:
        """Which of `keys` are stored, for one type of record; any number of keys."""
        return _rows.known(self._engine, self._location, noun_of(record), keys)

    def find(self, record: type[R], key: str) -> R | None:
        """The record with this key, in its newest revision; None where it is not stored."""
        found: R | None = next(self.records(record, [key]), None)
        return found

    def records(self, record: type[R], keys: Iterable[str] | None = None) -> Iterator[R]:
        """Walk through records in their newest revisions, without holding them all in memory.

        Args:
            record: The type.
            keys: Only these, in this order; those that are not stored are left out. None: all
                that are stored at this moment, in the order in which they were stored.
        """
        noun = noun_of(record)
        if keys is None:
            return _rows.every(self._engine, self._location, noun)
        return _rows.with_keys(self._engine, self._location, noun, keys)

    def latest_verdicts(self, generations: Iterable[str], *, rubric: str) -> Mapping[str, Verdict]:
        """Generation to the verdict of `rubric` (`<name>@<version>`) on it that was stored last.

        Generations without one are left out.
        """
        return _rows.latest_verdicts(self._engine, self._location, generations, rubric)

    def counts(self) -> Mapping[str, int]:
        """Noun (`items`, `generations`, …) to the number of records, revisions not counted."""
        queries = {"rubrics": sa.select(sa.func.count()).select_from(t.rubric)}
        for noun in NOUNS.values():
            query = sa.select(sa.func.count()).select_from(noun.table)
            queries[noun.plural] = (
                query.where(noun.table.c.revision == 1) if noun.revised else query
            )
        with reading(self._engine, self._location) as connection:
            row = connection.execute(
                sa.select(*(q.scalar_subquery() for q in queries.values()))
            ).one()
        return dict(zip(queries, row, strict=True))

    # ---- splits ----------------------------------------------------------------------------------

    def assign_split(
        self, groups: Iterable[str], *, eval_share: float, seed: int
    ) -> Mapping[str, Part]:
        """Deal groups of items to `train` and `eval`, and return the part of each.

        A group that has a part keeps it, whatever `seed` and `eval_share` say. The part of a new
        one depends on `seed` and its name alone, so that items added later move nothing.

        Args:
            groups: Names, as `group_of(item)` gives them.
            eval_share: Probability, 0 to 1, with which a group is held out. Of few groups, the
                share that is really held out can be far from it, even none.
            seed: Any number.
        """
        return _splits.assign(
            self._engine, self._location, groups, eval_share=eval_share, seed=seed
        )

    def require_train(self, items: Iterable[str]) -> None:
        """Make sure that items (by id) may train.

        Raises:
            LeakageError: Some are or were in a group that is held out, are not in the store, or in a
                group that has no part yet.
        """
        _splits.require_train(self._engine, self._location, items)

    # ---- rubrics and schemas ---------------------------------------------------------------------

    def add_rubric(self, name: str, version: int, digest: str, text: str) -> Added:
        """Keep the YAML text of one version of a rubric; the first text of a digest stays.

        Raises:
            ConflictError: This version is stored with another digest.
        """
        return _documents.add_rubric(
            self._engine, self._location, name=name, version=version, digest=digest, text=text
        )

    def rubric_text(self, name: str, version: int) -> str | None:
        """The YAML text of one version; None where it is not stored."""
        return _documents.rubric_text(self._engine, self._location, name=name, version=version)

    def add_schema(self, name: str, text: str) -> Added:
        """Keep the schema of the catalogue `name`, as YAML text; a changed one becomes the newest."""
        return _documents.add_schema(self._engine, self._location, name=name, text=text)

    def schema_text(self, name: str) -> str | None:
        """The newest schema of the catalogue `name`; None where none is stored."""
        return _documents.schema_text(self._engine, self._location, name=name)

    # ---- frames ----------------------------------------------------------------------------------
    #
    # A filter takes one value or several, of which any fits; None filters nothing.

    def items(
        self,
        *,
        category: Among = None,
        group: Among = None,
        part: Part | None = None,
        simulated: bool | None = None,
        history: bool = False,
    ) -> pd.DataFrame:
        """Items, one row each; with `history`, one row per revision."""
        item = t.item.c
        conditions = [
            *f.among(item.category, category),
            *f.among(item.split_group, group),
            *f.among(t.split.c.part, part),
            *f.among(item.simulated, simulated),
        ]
        return f.read(self._engine, self._location, f.ITEMS, conditions, history=history)

    def generations(
        self,
        *,
        category: Among = None,
        kind: GenerationKind | None = None,
        model: Among = None,
        item: Among = None,
        part: Part | None = None,
        run: Among = None,
        simulated: bool | None = None,
    ) -> pd.DataFrame:
        """Generations, one row each, with title, aspects and price of their listing."""
        generation = t.generation.c
        conditions = [
            *f.among(generation.category, category),
            *f.among(generation.kind, kind),
            *f.among(generation.model, model),
            *f.among(generation.item, item),
            *f.in_part(generation.item, part),
            *f.among(generation.run, run),
            *f.among(generation.simulated, simulated),
        ]
        return f.read(self._engine, self._location, f.GENERATIONS, conditions)

    def verdicts(
        self,
        *,
        category: Among = None,
        kind: GenerationKind | None = None,
        model: Among = None,
        item: Among = None,
        part: Part | None = None,
        generation: Among = None,
        judge: Among = None,
        rubric: Among = None,
        approved: bool | None = None,
        failure_mode: Among = None,
        run: Among = None,
        simulated: bool | None = None,
    ) -> pd.DataFrame:
        """Verdicts, one row each, with category, item and model of the generation.

        `score_<criterion>` columns follow, one for each criterion that a row answers; NaN where
        the judge abstained. `failure_mode` keeps verdicts that name it (or any of several).
        """
        verdict, made = t.verdict.c, t.generation.c
        conditions = [
            *f.among(made.category, category),
            *f.among(made.kind, kind),
            *f.among(made.model, model),
            *f.among(made.item, item),
            *f.in_part(made.item, part),
            *f.among(verdict.generation, generation),
            *f.among(verdict.judge, judge),
            *f.among(verdict.rubric, rubric),
            *f.among(verdict.approved, approved),
            *f.with_failure_mode(f.VERDICTS, failure_mode),
            *f.among(verdict.run, run),
            *f.among(verdict.simulated, simulated),
        ]
        return f.read(self._engine, self._location, f.VERDICTS, conditions)

    def decisions(
        self,
        *,
        category: Among = None,
        model: Among = None,
        model_revision: Among = None,
        generation_run: Among = None,
        part: Part | None = None,
        generation: Among = None,
        judge: Among = None,
        revision: Among = None,
        rubric: Among = None,
        until: int | None = None,
    ) -> pd.DataFrame:
        """Verdicts without their scores, one row each: cheap where `verdicts` is not, at a million rows.

        `seq` counts up as rows are stored, and none ever changes: the rows up to one (`until`) are the
        same whenever they are asked for.
        """
        verdict, made = t.verdict.c, t.generation.c
        conditions = [
            *f.among(made.category, category),
            *f.among(made.model, model),
            *f.among(made.revision, model_revision),
            *f.among(made.run, generation_run),
            *f.in_part(made.item, part),
            *f.among(verdict.generation, generation),
            *f.among(verdict.judge, judge),
            *f.among(verdict.revision, revision),
            *f.among(verdict.rubric, rubric),
            *([] if until is None else [verdict.seq <= until]),
        ]
        return f.read(self._engine, self._location, f.DECISIONS, conditions)

    def audits(
        self,
        *,
        audit: Among = None,
        category: Among = None,
        judge: Among = None,
        rubric: Among = None,
        stratum: Among = None,
        run: Among = None,
    ) -> pd.DataFrame:
        """Audits, one row per generation that was drawn."""
        table = t.audit.c
        conditions = [
            *f.among(table.id, audit),
            *f.among(t.generation.c.category, category),
            *f.among(table.judge, judge),
            *f.among(table.rubric, rubric),
            *f.among(t.audited_item.c.stratum, stratum),
            *f.among(table.run, run),
        ]
        return f.read(self._engine, self._location, f.AUDITS, conditions)

    def annotations(
        self,
        *,
        category: Among = None,
        model: Among = None,
        item: Among = None,
        part: Part | None = None,
        generation: Among = None,
        annotator: Among = None,
        rubric: Among = None,
        approved: bool | None = None,
        failure_mode: Among = None,
        audit: Among = None,
        blind: bool | None = None,
        run: Among = None,
        simulated: bool | None = None,
        state: Among = None,
        prefix: str | None = None,
        history: bool = False,
    ) -> pd.DataFrame:
        """Annotations, one row each, with `score_<criterion>` columns; all revisions with `history`.

        Skipped and deleted answers are rows too, with nothing in them: `state` tells them apart.
        `prefix` is how the id begins: where the answer was given.
        """
        annotation, made = t.annotation.c, t.generation.c
        conditions = [
            *f.among(made.category, category),
            *f.among(made.model, model),
            *f.among(made.item, item),
            *f.in_part(made.item, part),
            *f.among(annotation.generation, generation),
            *f.among(annotation.annotator, annotator),
            *f.among(annotation.rubric, rubric),
            *f.among(annotation.approved, approved),
            *f.with_failure_mode(f.ANNOTATIONS, failure_mode),
            *f.among(annotation.audit, audit),
            *f.among(annotation.blind, blind),
            *f.among(annotation.run, run),
            *f.among(annotation.simulated, simulated),
            *f.among(annotation.state, state),
            *([] if prefix is None else [annotation.id.startswith(prefix, autoescape=True)]),
        ]
        return f.read(self._engine, self._location, f.ANNOTATIONS, conditions, history=history)

    def corrections(
        self,
        *,
        category: Among = None,
        item: Among = None,
        part: Part | None = None,
        generation: Among = None,
        annotation: Among = None,
        about: Among = None,
        simulated: bool | None = None,
        history: bool = False,
    ) -> pd.DataFrame:
        """Corrections that stand, one row each; with `history` all revisions, withdrawn ones too."""
        correction, made = t.correction.c, t.generation.c
        conditions = [
            *f.among(made.category, category),
            *f.among(made.item, item),
            *f.in_part(made.item, part),
            *f.among(correction.generation, generation),
            *f.among(correction.annotation, annotation),
            *f.among(correction.about, about),
            *f.among(correction.simulated, simulated),
            *([] if history else [sa.not_(correction.withdrawn)]),
        ]
        return f.read(self._engine, self._location, f.CORRECTIONS, conditions, history=history)

    def pairs(
        self,
        *,
        category: Among = None,
        item: Among = None,
        source: Among = None,
        simulated: bool | None = None,
    ) -> pd.DataFrame:
        """Preference pairs, one row each."""
        pair = t.preference_pair.c
        conditions = [
            *f.among(t.generation.c.category, category),
            *f.among(pair.item, item),
            *f.among(pair.source, source),
            *f.among(pair.simulated, simulated),
        ]
        return f.read(self._engine, self._location, f.PAIRS, conditions)

    def runs(self, *, command: Among = None) -> pd.DataFrame:
        """Runs, one row each."""
        return f.read(self._engine, self._location, f.RUNS, f.among(t.run.c.command, command))

    def events(self, *, run: Among = None, kind: Among = None, stage: Among = None) -> pd.DataFrame:
        """What happened to runs, one row per event."""
        event = t.run_event.c
        conditions = [
            *f.among(event.run, run),
            *f.among(event.kind, kind),
            *f.among(event.stage, stage),
        ]
        return f.read(self._engine, self._location, f.EVENTS, conditions)

    def splits(self, *, part: Part | None = None) -> pd.DataFrame:
        """Groups of items with their part, one row each."""
        return f.read(self._engine, self._location, f.SPLITS, f.among(t.split.c.part, part))

    def rubrics(self, *, name: Among = None) -> pd.DataFrame:
        """Versions of rubrics with their text, one row each."""
        return f.read(self._engine, self._location, f.RUBRICS, f.among(t.rubric.c.name, name))

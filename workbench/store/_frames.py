"""Frames: what is stored, as pandas tables with the same columns and types even when empty."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from workbench.errors import StoreError
from workbench.records import Part
from workbench.store import _tables as t
from workbench.store._engine import Location, reading
from workbench.store._rows import is_current

if TYPE_CHECKING:
    import pandas as pd

Among = str | Collection[str] | None
"""A filter: one value, several of which any fits, or None for no filter."""

Source = sa.ColumnElement[Any] | str | None
"""A column of the database, a dotted path into the body, or None: the path is the column's name."""


Dtype = Literal["str", "bool", "boolean", "int64", "Int64", "float64", "moment", "object"]
"""As pandas calls it; `moment` is `datetime64[us, UTC]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a frame."""

    name: str
    dtype: Dtype
    sql: sa.ColumnElement[Any] | None
    """None where it is read from the body."""
    path: tuple[str, ...]


def _text(name: str, source: Source = None) -> Column:
    return _column(name, "str", source)


def _object(name: str, source: Source = None) -> Column:
    return _column(name, "object", source)


def _column(name: str, dtype: Dtype, source: Source = None) -> Column:
    if isinstance(source, sa.ColumnElement):
        return Column(name=name, dtype=dtype, sql=source, path=())
    return Column(name=name, dtype=dtype, sql=None, path=tuple((source or name).split(".")))


def _columns_of(table: sa.Table, *names: str) -> tuple[Column, ...]:
    """Columns that carry the name and the type that they have in the database."""
    return tuple(_column(name, _dtype(table.c[name]), table.c[name]) for name in names)


def _dtype(column: sa.Column[Any]) -> Dtype:
    match column.type:
        case t.UtcDateTime():
            return "moment"
        case sa.Boolean():
            return "boolean" if column.nullable else "bool"
        case sa.Double():
            return "float64"
        case sa.Integer():
            return "int64"
    return "str"


_COST = (
    _column("seconds", "float64", "cost.seconds"),
    _column("prompt_tokens", "int64", "cost.prompt_tokens"),
    _column("completion_tokens", "int64", "cost.completion_tokens"),
    _column("images_made", "int64", "cost.images"),
    _column("device_memory_bytes", "int64", "cost.device_memory_bytes"),
)
_MADE = _columns_of(t.generation, "category", "item", "model")
"""What a row about a generation says of that generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How the frame of one noun is read."""

    table: sa.Table
    """Its rows are the frame's rows, in the order of being stored."""
    columns: tuple[Column, ...]
    source: sa.FromClause
    body: sa.ColumnElement[Any] | None = None
    """The JSON that the columns without `sql` are read from."""
    order: tuple[sa.ColumnElement[Any], ...] = ()
    """None given: `seq` of `table`."""
    scores: bool = False
    """True: one `score_<criterion>` column for each criterion that a row answers."""


def _about_generation(table: sa.Table) -> sa.FromClause:
    return table.outerjoin(t.generation, t.generation.c.key == table.c.generation)


ITEMS = Frame(
    table=t.item,
    source=t.item.outerjoin(t.split, t.split.c.group == t.item.c.split_group),
    body=t.item.c.body,
    columns=(
        *_columns_of(t.item, "id", "revision", "category"),
        _text("group", t.item.c.split_group),
        _text("part", t.split.c.part),
        _text("title"),
        _text("description"),
        _column("price", "float64"),
        _text("currency"),
        _column("clicks", "Int64"),
        _column("impressions", "Int64"),
        _object("photos"),
        _object("aspects"),
        _object("truth"),
        *_columns_of(t.item, "simulated", "recorded_at"),
    ),
)
GENERATIONS = Frame(
    table=t.generation,
    source=t.generation,
    body=t.generation.c.body,
    columns=(
        *_columns_of(t.generation, "key", "kind", "category", "item", "model", "revision"),
        _column("attempt", "int64"),
        _text("parent", t.generation.c.parent),
        _text("title", "listing.title"),
        _object("aspects", "listing.aspects"),
        _column("price", "float64", "listing.price"),
        _text("image"),
        _text("text"),
        _text("prompt"),
        _object("inputs"),
        _object("parameters"),
        _column("seed", "Int64"),
        _object("details"),
        *_COST,
        *_columns_of(t.generation, "run", "simulated", "created_at"),
    ),
)
VERDICTS = Frame(
    table=t.verdict,
    source=_about_generation(t.verdict),
    body=t.verdict.c.body,
    columns=(
        *_columns_of(t.verdict, "key", "generation"),
        *_MADE,
        *_columns_of(t.verdict, "judge", "revision", "rubric", "approved", "confidence"),
        _object("failure_modes"),
        _column("seconds", "float64", "cost.seconds"),
        *_columns_of(t.verdict, "run", "simulated", "created_at"),
    ),
    scores=True,
)
DECISIONS = Frame(
    table=t.verdict,
    source=_about_generation(t.verdict),
    columns=(
        *_columns_of(t.verdict, "seq", "key", "generation"),
        *_MADE,
        _text("model_revision", t.generation.c.revision),
        _text("generation_run", t.generation.c.run),
        *_columns_of(t.verdict, "judge", "revision", "rubric", "approved", "confidence"),
    ),
)
AUDITS = Frame(
    table=t.audit,
    source=t.audited_item.join(t.audit, t.audit.c.id == t.audited_item.c.audit).outerjoin(
        t.generation, t.generation.c.key == t.audited_item.c.generation
    ),
    body=t.audit.c.body,
    order=(t.audit.c.seq, t.audited_item.c.position),
    columns=(
        _text("audit", t.audit.c.id),
        *_columns_of(t.audited_item, "generation", "verdict"),
        *_MADE,
        *_columns_of(t.audited_item, "stratum", "inclusion_probability"),
        _column("population", "Int64", t.audited_item.c.population),
        *_columns_of(t.audit, "judge", "rubric", "design"),
        _column("seed", "Int64"),
        *_columns_of(t.audit, "run", "created_at"),
    ),
)
ANNOTATIONS = Frame(
    table=t.annotation,
    source=_about_generation(t.annotation),
    body=t.annotation.c.body,
    columns=(
        *_columns_of(t.annotation, "id", "revision", "generation"),
        *_MADE,
        *_columns_of(t.annotation, "annotator", "rubric", "state", "approved"),
        _text("against"),
        _text("preferred"),
        _object("failure_modes"),
        _text("note"),
        _column("seconds", "float64"),
        *_columns_of(t.annotation, "blind", "audit", "run", "simulated"),
        *_columns_of(t.annotation, "created_at", "updated_at", "recorded_at"),
    ),
    scores=True,
)
CORRECTIONS = Frame(
    table=t.correction,
    source=_about_generation(t.correction),
    body=t.correction.c.body,
    columns=(
        *_columns_of(t.correction, "id", "revision", "annotation", "generation"),
        *_MADE,
        _text("about", t.correction.c.about),
        _text("before"),
        _text("after"),
        *_columns_of(t.correction, "withdrawn", "simulated", "created_at", "recorded_at"),
    ),
)
PAIRS = Frame(
    table=t.preference_pair,
    source=_about_generation(t.preference_pair),
    body=t.preference_pair.c.body,
    columns=(
        *_columns_of(t.preference_pair, "key", "item", "generation"),
        *_columns_of(t.generation, "category", "model"),
        _text("source", t.preference_pair.c.source),
        _text("prompt"),
        _object("images"),
        _text("chosen"),
        _text("rejected"),
        _object("corrections"),
        *_columns_of(t.preference_pair, "simulated", "created_at"),
    ),
)
RUNS = Frame(
    table=t.run,
    source=t.run,
    body=t.run.c.body,
    columns=(
        *_columns_of(t.run, "id", "command"),
        _object("arguments"),
        _object("versions"),
        *_columns_of(t.run, "created_at"),
    ),
)
EVENTS = Frame(
    table=t.run_event,
    source=t.run_event,
    body=t.run_event.c.body,
    columns=(
        *_columns_of(t.run_event, "id", "run", "kind", "stage"),
        _column("done", "int64"),
        _column("known", "int64"),
        *_COST,
        _text("note"),
        *_columns_of(t.run_event, "created_at"),
    ),
)
SPLITS = Frame(
    table=t.split,
    source=t.split,
    body=t.split.c.body,
    columns=(
        *_columns_of(t.split, "group", "part"),
        _column("seed", "Int64"),
        *_columns_of(t.split, "recorded_at"),
    ),
)
RUBRICS = Frame(
    table=t.rubric,
    source=t.rubric,
    columns=_columns_of(t.rubric, "name", "version", "digest", "text", "recorded_at"),
)


def among(column: sa.ColumnElement[Any], value: Among | bool) -> list[sa.ColumnElement[bool]]:
    """The condition that `column` is `value`, or one of several; none where it is None."""
    if value is None:
        return []
    if isinstance(value, str | bool):
        return [column == value]
    return [column.in_(list(value))]


def with_failure_mode(frame: Frame, value: Among) -> list[sa.ColumnElement[bool]]:
    """The condition that a verdict or annotation names one of these failure modes."""
    if value is None:
        return []
    if frame.table is t.verdict:
        index = t.verdict_failure_mode
        named = sa.select(index.c.verdict).where(*among(index.c.failure_mode, value))
        return [t.verdict.c.key.in_(named)]
    marks = t.annotation_failure_mode
    return [
        sa.exists().where(
            marks.c.annotation == t.annotation.c.id,
            marks.c.revision == t.annotation.c.revision,
            *among(marks.c.failure_mode, value),
        )
    ]


def in_part(item: sa.ColumnElement[Any], value: Part | None) -> list[sa.ColumnElement[bool]]:
    """The condition that `item` is the id of an item in this part of the split."""
    if value is None:
        return []
    if value not in {"train", "eval"}:
        raise StoreError(f"a part is 'train' or 'eval', got {value!r}")
    items = (
        sa.select(t.item.c.id)
        .join(t.split, t.split.c.group == t.item.c.split_group)
        .where(t.split.c.part == value, is_current(t.item))
    )
    return [item.in_(items)]


def read(
    engine: Engine,
    location: Location,
    frame: Frame,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    history: bool = True,
) -> pd.DataFrame:
    """The frame of the rows that fit all `conditions`; only current revisions without `history`."""
    from_database = [column for column in frame.columns if column.sql is not None]
    chosen = [column.sql for column in from_database if column.sql is not None]
    query = (
        sa.select(*chosen, *([] if frame.body is None else [frame.body]))
        .select_from(frame.source)
        .where(*conditions)
        .order_by(*(frame.order or (frame.table.c.seq,)))
    )
    if not history:
        query = query.where(is_current(frame.table))
    with reading(engine, location) as connection:
        rows = connection.execute(query).all()
    return _build(frame, from_database, rows)


def _build(
    frame: Frame, from_database: Sequence[Column], rows: Sequence[sa.Row[Any]]
) -> pd.DataFrame:
    import pandas as pd
    from pydantic_core import from_json

    bodies = [] if frame.body is None else [from_json(row[-1]) for row in rows]
    position = {column.name: place for place, column in enumerate(from_database)}
    data: dict[str, Any] = {}
    for column in frame.columns:
        if column.sql is not None:
            place = position[column.name]
            values = [row[place] for row in rows]
        else:
            values = list(map(_reader(column.path), bodies))
        data[column.name] = _series(column.dtype, values)
    if frame.scores:
        data |= _scores(bodies)
    return pd.DataFrame(data)


def _reader(path: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    if len(path) == 1:
        return lambda body: body.get(path[0])
    outer, inner = path
    return lambda body: (body.get(outer) or {}).get(inner)


def _series(dtype: Dtype, values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    if dtype == "moment":
        moments = pd.Series(pd.to_datetime(values, utc=True))
        return moments.astype("datetime64[us, UTC]")
    return pd.Series(values, dtype=dtype)


def _scores(bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`score_<criterion>` to one float per row; NaN where the row does not answer it."""
    import numpy as np

    found: dict[str, Any] = {}
    for place, body in enumerate(bodies):
        scores = body["scores"]
        pairs = (
            scores.items()
            if isinstance(scores, dict)
            else ((score["criterion"], score["score"]) for score in scores)
        )
        for criterion, score in pairs:
            name = f"score_{criterion}"
            if name not in found:
                found[name] = np.full(len(bodies), np.nan)
            if score is not None:
                found[name][place] = score
    return found

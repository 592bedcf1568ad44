"""The tables of the store. Rows are added and never changed.

Two sorts of records. What a model or a command made is keyed by content and stored once. What the
world may correct (an item, a person's answer or correction) is stored in revisions: 1, 2, …, the
highest is current. Fields that are filtered or joined are columns; all others are in `body`, as JSON.

`seq` counts rows in the order in which they became visible, because there is one writer at a time
(see `_engine.py`): rows up to some `seq` are a snapshot that never changes.

A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone, kept in UTC, to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite knows no time zones: it gets the moment in UTC without one."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _seq() -> Column[int]:
    # SQLite numbers rows by itself only where the type is exactly INTEGER.
    return Column(
        "seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _digest() -> Column[str]:
    """Sha256 of the record's content, to tell a repetition from a contradiction."""
    return Column("digest", String(64), nullable=False)


def _body() -> Column[Any]:
    # `none_as_null` is of no use: a body is always an object. Its text is made by `_codec.py`.
    return Column("body", JSON, nullable=False)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _flag(name: str, *, null: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=null)


def _moment(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=null)


item = Table(
    "item",
    metadata,
    _seq(),
    _text("id"),
    Column("revision", Integer, nullable=False),
    _text("category"),
    _text("split_group"),  # the item's group, or its own id where it has none
    _flag("simulated"),
    _moment("recorded_at"),
    _digest(),
    _body(),
    UniqueConstraint("id", "revision"),
    Index(None, "category"),
    Index(None, "split_group"),
)

split = Table(
    "split",
    metadata,
    _seq(),
    _text("group"),
    _text("part"),
    _moment("recorded_at"),
    _digest(),
    _body(),
    UniqueConstraint("group"),
)

generation = Table(
    "generation",
    metadata,
    _seq(),
    _text("key"),
    _text("kind"),
    _text("category"),
    _text("model"),
    _text("revision"),
    _text("item", null=True),
    _text("parent", null=True),
    _text("run", null=True),
    _flag("simulated"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("key"),
    Index(None, "category"),
    Index(None, "item"),
    Index(None, "run"),
)

verdict = Table(
    "verdict",
    metadata,
    _seq(),
    _text("key"),
    _text("generation"),
    _text("judge"),
    _text("revision"),
    _text("rubric"),
    _flag("approved", null=True),
    Column("confidence", Double, nullable=True),
    _text("run", null=True),
    _flag("simulated"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("key"),
    Index(None, "generation"),
    Index(None, "run"),
)

verdict_failure_mode = Table(  # an index into verdicts; the order is in the verdict's body
    "verdict_failure_mode",
    metadata,
    Column("failure_mode", Text, primary_key=True),
    Column("verdict", Text, primary_key=True),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    _seq(),
    _text("id"),
    _text("judge"),
    _text("rubric"),
    _text("design"),
    _text("run", null=True),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("id"),
)

audited_item = Table(
    "audited_item",
    metadata,
    Column("audit", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("generation"),
    _text("verdict"),
    _text("stratum"),
    Column("population", BigInteger, nullable=True),  # of the stratum; None where nobody said
    Column("inclusion_probability", Double, nullable=False),
    Index(None, "generation"),
    sqlite_with_rowid=False,
)

annotation = Table(
    "annotation",
    metadata,
    _seq(),
    _text("id"),
    Column("revision", Integer, nullable=False),
    _text("generation"),
    _text("annotator"),
    _text("rubric"),
    _text("state"),
    _flag("approved", null=True),
    _flag("blind"),
    _text("audit", null=True),
    _text("run", null=True),
    _flag("simulated"),
    _moment("created_at"),
    _moment("updated_at", null=True),
    _moment("recorded_at"),
    _digest(),
    _body(),
    UniqueConstraint("id", "revision"),
    Index(None, "generation"),
    Index(None, "audit"),
)

annotation_failure_mode = Table(  # an index into annotations; the order is in the body
    "annotation_failure_mode",
    metadata,
    Column("failure_mode", Text, primary_key=True),
    Column("annotation", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

correction = Table(
    "correction",
    metadata,
    _seq(),
    _text("id"),
    Column("revision", Integer, nullable=False),
    _text("annotation"),
    _text("generation"),
    _text("about"),
    _flag("withdrawn"),
    _flag("simulated"),
    _moment("created_at"),
    _moment("recorded_at"),
    _digest(),
    _body(),
    UniqueConstraint("id", "revision"),
    Index(None, "annotation"),
    Index(None, "generation"),
)

preference_pair = Table(
    "preference_pair",
    metadata,
    _seq(),
    _text("key"),
    _text("item", null=True),
    _text("generation"),
    _text("source"),
    _flag("simulated"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("key"),
    Index(None, "item"),
    Index(None, "generation"),
)

proof_split = Table(
    "proof_split",
    metadata,
    _seq(),
    _text("item"),
    _text("group"),
    _text("side"),
    _moment("recorded_at"),
    _digest(),
    _body(),
    UniqueConstraint("item"),
)

rubric_proposal = Table(
    "rubric_proposal",
    metadata,
    _seq(),
    _text("key"),
    _text("rubric"),
    _text("audit"),
    _text("kind"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("key"),
)

rubric_event = Table(
    "rubric_event",
    metadata,
    _seq(),
    _text("id"),
    _text("rubric"),
    _text("kind"),
    _text("about"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("id"),
)

run = Table(
    "run",
    metadata,
    _seq(),
    _text("id"),
    _text("command"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("id"),
)

run_event = Table(
    "run_event",
    metadata,
    _seq(),
    _text("id"),
    _text("run"),
    _text("kind"),
    _text("stage"),
    _moment("created_at"),
    _digest(),
    _body(),
    UniqueConstraint("id"),
    Index(None, "run"),
)

rubric = Table(
    "rubric",
    metadata,
    _seq(),
    _text("name"),
    Column("version", Integer, nullable=False),
    _text("digest"),
    _text("text"),
    _moment("recorded_at"),
    UniqueConstraint("name", "version"),
)

catalog_schema = Table(  # the newest row of a name is the schema; the older ones are its history
    "catalog_schema",
    metadata,
    _seq(),
    _text("name"),
    _text("text"),
    _moment("recorded_at"),
    Index(None, "name"),
)

cursor = Table(  # how far something was read; the newest row of a name is where it stands
    "cursor",
    metadata,
    _seq(),
    _text("name"),
    _text("value"),
    _moment("recorded_at"),
    Index(None, "name"),
)

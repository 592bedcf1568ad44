"""Records to rows and back: the same frozen record comes out that went in.

What a record must be to be stored is checked here, before anything is written: its fields have the
types that they declare, numbers are finite, text is Unicode without NUL, moments have a time zone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, Table

from workbench.errors import StoreError
from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Generation,
    Item,
    PreferencePair,
    ProofSplit,
    Record,
    RubricEvent,
    RubricProposal,
    Run,
    RunEvent,
    Split,
    Verdict,
)
from workbench.store import _tables as t

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """How one type of record is stored."""

    record: type[Any]
    table: Table
    key: str
    """Field (and column) that tells records apart."""
    plural: str
    """As people count them."""
    making: set[str]
    """Fields about the making: two records that differ only here are the same record."""
    fields: tuple[str, ...]
    in_columns: tuple[str, ...]
    """Fields that are columns of `table`."""
    in_body: tuple[str, ...]
    """Fields that are in the column `body`; what is left over has a table of its own."""
    open: tuple[str, ...]
    """Fields that hold any JSON."""

    @property
    def revised(self) -> bool:
        """True where a changed record is a new revision, False where it is a contradiction."""
        return "revision" in self.table.c and "revision" not in self.fields


_OPEN = ("parameters", "details", "arguments", "edit", "effect")


def _noun(
    record: type[Any],
    table: Table,
    key: str,
    plural: str,
    *,
    making: Collection[str] = (),
    apart: Collection[str] = (),
) -> Noun:
    fields = tuple(field.name for field in dataclasses.fields(record))
    return Noun(
        record=record,
        table=table,
        key=key,
        plural=plural,
        making=set(making),
        fields=fields,
        in_columns=tuple(name for name in fields if name in table.c),
        in_body=tuple(name for name in fields if name not in table.c and name not in apart),
        open=tuple(name for name in _OPEN if name in fields),
    )


_WHEN = ("created_at",)
_HOW = ("cost", "run", "created_at")
_NOUNS = (
    _noun(Run, t.run, "id", "runs", making=_WHEN),
    _noun(Item, t.item, "id", "items"),
    _noun(Split, t.split, "group", "splits"),
    _noun(Generation, t.generation, "key", "generations", making=_HOW),
    _noun(Verdict, t.verdict, "key", "verdicts", making=_HOW),
    _noun(Audit, t.audit, "id", "audits", making=("run", "created_at"), apart=("drawn",)),
    _noun(Annotation, t.annotation, "id", "annotations", making=(*_WHEN, "run")),
    _noun(Correction, t.correction, "id", "corrections", making=_WHEN),
    _noun(PreferencePair, t.preference_pair, "key", "pairs", making=_WHEN),
    _noun(ProofSplit, t.proof_split, "item", "proof splits"),
    _noun(RubricProposal, t.rubric_proposal, "key", "proposals", making=_WHEN),
    _noun(RubricEvent, t.rubric_event, "id", "rubric events", making=_WHEN),
    _noun(RunEvent, t.run_event, "id", "events", making=("cost", "created_at")),
)
NOUNS: Mapping[type[Any], Noun] = {noun.record: noun for noun in _NOUNS}
"""Record type to how it is stored, in the order in which they are written."""


def noun_of(record: type[Any]) -> Noun:
    """How `record` is stored.

    Raises:
        StoreError: It is not a type of record.
    """
    if record not in NOUNS:
        names = ", ".join(known.__name__ for known in NOUNS)
        raise StoreError(f"a store holds {names}; got {record!r}")
    return NOUNS[record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One record, ready to be written."""

    record: Record
    key: str
    digest: str
    row: dict[str, Any]
    """Column to value, without `seq`, `revision` of revised nouns and `recorded_at`."""


def encode(record: Record) -> Encoded:
    """Turn one record into a row.

    Raises:
        StoreError: The record cannot be stored as it is; the message names record and field.
    """
    noun = noun_of(type(record))
    try:
        plain = _adapter(noun).dump_python(record, warnings="error")
        _adapter(noun).validate_python(plain)  # what could not be read again is not written
        for name in noun.open:
            _require_text_keys(plain[name], name)
        # Defaults are left out, so that a field added in a later version changes no digest.
        content = _adapter(noun).dump_python(record, exclude=noun.making, exclude_defaults=True)
        if (moment := content.get("updated_at")) is not None:
            # One moment has one text, whatever time zone it comes in; `_moment` refuses one without.
            content["updated_at"] = moment.astimezone(UTC).isoformat()
        text = _json(content, sort=True)
        rest = {name: plain[name] for name in noun.in_body}
        body = _json(rest)
        digest = hashlib.sha256(text.encode()).hexdigest()
    except (ValueError, TypeError, RecursionError) as error:
        raise _refusal(noun, record, error) from error
    if "\\u0000" in text:  # perhaps a NUL, perhaps a backslash before `u0000`
        for path, value in _leaves(plain):
            if isinstance(value, str) and "\x00" in value:
                raise StoreError(f"{_named(noun, record)} has a NUL character in {path}: remove it")
    row = {name: plain[name] for name in noun.in_columns}
    for name in ("created_at", "updated_at"):
        if row.get(name) is not None:
            row[name] = _moment(noun, record, name)
    row["digest"], row["body"] = digest, body
    if isinstance(record, Item):
        row["split_group"] = group_of(record)
    return Encoded(record=record, key=row[noun.key], digest=digest, row=row)


def decode(noun: Noun, row: RowMapping, apart: Mapping[str, Any]) -> Record:
    """The record of a row; `apart` holds the fields that are kept in tables of their own.

    Raises:
        StoreError: The row is not what was written.
    """
    from pydantic_core import from_json

    fields = {name: row[name] for name in noun.in_columns}
    try:
        body = from_json(row["body"])
        record: Record = _adapter(noun).validate_python(fields | body | apart)
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"the {noun.record.__name__} {row[noun.key]!r} in the store was damaged: it is not what was "
            "written; put a backup of the store in its place"
        ) from error
    return record


def catalog_of(item: str) -> str:
    """Name of the catalogue that the item with this id comes from: the first part of the id."""
    return item.split("/", 1)[0]


def group_of(item: Item) -> str:
    """The group by which an item is split: its own, or its id where it has none."""
    return item.group or item.id


def differing(stored: Record, came: Record) -> tuple[str, ...]:
    """Names of the fields that contradict, those about the making left out."""
    noun = NOUNS[type(stored)]
    return tuple(
        name
        for name in noun.fields
        if name not in noun.making and getattr(stored, name) != getattr(came, name)
    )


def is_older(came: Annotation, stored: Annotation) -> bool:
    """Whether the store holds a later word: `came` was last changed before `stored` was.

    False where one of the two does not say when.
    """
    return precedes(came.updated_at, stored.updated_at)


def precedes(came: datetime | None, stored: datetime | None) -> bool:
    """Whether the first moment is before the second; False where one is not known."""
    return came is not None and stored is not None and came < stored


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(noun: Noun) -> TypeAdapter[Any]:
    """Pydantic's reader and writer of a record, made when the first one comes."""
    if noun.record not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[noun.record] = TypeAdapter(noun.record)
    return _ADAPTERS[noun.record]


def _json(value: object, *, sort: bool = False) -> str:
    return json.dumps(
        value, sort_keys=sort, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def _require_text_keys(value: object, path: str) -> None:
    # JSON would turn other keys into text without a word.
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{path} has the key {name!r}, and JSON's keys are text")
            _require_text_keys(inner, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for inner in value:
            _require_text_keys(inner, path)


def _moment(noun: Noun, record: Record, name: str) -> datetime:
    moment: datetime = getattr(record, name)
    if moment.tzinfo is None:
        raise StoreError(
            f"{_named(noun, record)} has a moment without a time zone in {name}, {moment!r}: "
            "use `workbench.records.utcnow()`"
        )
    return moment


def _named(noun: Noun, record: Record) -> str:
    return f"{noun.record.__name__} {getattr(record, noun.key)!r}"


_UNEXPECTED = re.compile(r"Expected `(.+?)` .*?field_name='(\w+)', input_value=(.*?), input_type=")


def _refusal(noun: Noun, record: Record, error: Exception) -> StoreError:
    """Say which field was wrong; only looked for when something is."""
    from pydantic import ValidationError

    for name in noun.fields:
        for path, value in _leaves(getattr(record, name), name):
            if isinstance(value, float) and not math.isfinite(value):
                return StoreError(
                    f"{_named(noun, record)} has {value!r} in {path}: "
                    "use None for a number that is not known"
                )
            if isinstance(value, str) and not value.isprintable():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    return StoreError(
                        f"{_named(noun, record)} has half a character in {path}: {value!r} "
                        "is not Unicode text; decode its source again"
                    )
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        path = ".".join(map(str, first["loc"]))
        return StoreError(
            f"{_named(noun, record)} has {first['input']!r} in {path}: {first['msg']}"
        )
    said = " ".join(str(error).removeprefix("Pydantic serializer warnings:").split())
    if wrong := _UNEXPECTED.search(said):
        wanted, name, value = wrong.groups()
        return StoreError(f"{_named(noun, record)} has {value} in {name}: `{wanted}` was wanted")
    return StoreError(f"{_named(noun, record)} cannot be stored: {said}")


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every innermost value with the path to it, such as `scores[1].score`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield path, name
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for position, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{position}]")
    else:
        yield path, value

"""A change of a rubric as data: parts that are added, or that take the place of those with their id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from workbench.errors import RubricError
from workbench.rubric import (
    Criterion,
    Example,
    FailureMode,
    Rubric,
    dump_rubric,
    parse_rubric,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What changes; None where nothing does."""

    criterion: Criterion | None = None
    """A new one, or the changed one of that id."""
    failure_mode: FailureMode | None = None
    example: Example | None = None
    """Added beside those that are there."""

    def to_dict(self) -> dict[str, Any]:
        """Field name to value, JSON types; what does not change is left out."""
        found = {name: part for name, part in asdict(self).items() if part is not None}
        return {
            name: {k: list(v) if isinstance(v, tuple) else v for k, v in part.items()}
            for name, part in found.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Edit:
        """Read what `to_dict` wrote, or a person changed.

        Raises:
            RubricError: A field is missing, unknown or of another type; the message names it.
        """
        from pydantic import TypeAdapter, ValidationError

        parts = {field.name for field in fields(cls)}
        if not data or not set(data) <= parts:
            raise RubricError(f"an edit changes {', '.join(sorted(parts))}, got {sorted(data)}")
        kinds: dict[str, Any] = {
            "criterion": Criterion,
            "failure_mode": FailureMode,
            "example": Example,
        }
        try:
            read = {
                name: None if part is None else TypeAdapter(kinds[name]).validate_python(part)
                for name, part in data.items()
            }
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise RubricError(
                f"the edit cannot be read: {where}: {first['msg']}, got {first['input']!r}"
            ) from None
        return cls(**read)


def apply_edits(rubric: Rubric, edits: Sequence[Edit], *, version: int) -> Rubric:
    """The rubric with all of `edits`, as this version.

    Edits that change different fields of one criterion go together.

    Raises:
        RubricError: Two edits change one field in two ways, or the result contradicts itself.
    """
    merged = _Merged(rubric)
    for edit in edits:
        merged.take(edit)
    made = replace(
        rubric,
        version=version,
        criteria=tuple(merged.criteria.values()),
        failure_modes=tuple(merged.modes.values()),
        examples=tuple(merged.examples),
    )
    return parse_rubric(dump_rubric(made), where=f"{rubric.name}@{version}")


class _Merged:
    """A rubric's parts while edits are taken in; what two edits change differently is refused."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self.criteria = {one.id: one for one in rubric.criteria}
        self.modes = {one.id: one for one in rubric.failure_modes}
        self.examples = list(rubric.examples)
        self._changed: dict[tuple[str, str], object] = {}

    def take(self, edit: Edit) -> None:
        if (criterion := edit.criterion) is not None:
            before = next((c for c in self._rubric.criteria if c.id == criterion.id), None)
            self._note(f"criterion {criterion.id!r}", changes := _changes(before, criterion))
            stands = self.criteria.get(criterion.id, criterion)
            self.criteria[criterion.id] = replace(stands, **changes)
        if (mode := edit.failure_mode) is not None:
            known = next((m for m in self._rubric.failure_modes if m.id == mode.id), None)
            self._note(f"failure mode {mode.id!r}", changes := _changes(known, mode))
            self.modes[mode.id] = replace(self.modes.get(mode.id, mode), **changes)
        if edit.example is not None and edit.example not in self.examples:
            self.examples.append(edit.example)

    def _note(self, part: str, changes: Mapping[str, object]) -> None:
        for name, value in changes.items():
            earlier = self._changed.setdefault((part, name), value)
            if earlier != value:
                raise RubricError(
                    f"two edits want another {name} of {part}, {earlier!r} and {value!r}: refuse one, or "
                    "edit it"
                )


def _changes(
    before: Criterion | FailureMode | None, after: Criterion | FailureMode
) -> dict[str, Any]:
    """Fields that differ; all of them where the part is new."""
    return {
        field.name: getattr(after, field.name)
        for field in fields(after)
        if before is None or getattr(before, field.name) != getattr(after, field.name)
    }

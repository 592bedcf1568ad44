"""What a new version of a rubric changes, for people who decide whether to use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from workbench.rubric._records import Criterion, Example, FailureMode, Rubric


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two rubrics."""

    kind: Literal["added", "removed", "changed"]
    about: str
    """What differs: `criterion color`, `failure mode unsafe`, `example 2`, `instructions`, `version`."""
    field: str | None = None
    """The field that differs; None where the whole part was added or removed, or has no fields."""
    old: str | None = None
    """As text; None where it was not there."""
    new: str | None = None
    """As text; None where it is gone."""

    def __str__(self) -> str:
        """One line, or three where the text is long."""
        name = self.about if self.field is None else f"{self.about}: {self.field}"
        if self.kind == "added":
            return f"{name} added: {self.new}"
        if self.kind == "removed":
            return f"{name} removed: {self.old}"
        line = f"{name} {self.old} → {self.new}"
        if len(line) <= 96 and "\n" not in line:
            return line
        return f"{name} changed\n    - {_indented(self.old)}\n    + {_indented(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricDiff:
    """All differences between two rubrics, in the order of the file."""

    old: str
    """`<name>@<version>`."""
    new: str
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        """The differences as text, one paragraph."""
        head = f"{self.old} → {self.new}"
        if not self.changes:
            return f"{head}: nothing changed"
        return "\n  ".join([f"{head}: {len(self.changes)} changed", *map(str, self.changes)])


def diff_rubrics(old: Rubric, new: Rubric) -> RubricDiff:
    """What `new` changes against `old`: parts added, removed, moved, and every field that differs."""
    return RubricDiff(old=old.label, new=new.label, changes=tuple(_changes(old, new)))


def _changes(old: Rubric, new: Rubric) -> Iterator[Change]:
    for field in ("name", "version", "judges", "instructions"):
        yield from _changed(field, None, getattr(old, field), getattr(new, field))
    yield from _parts("criterion", old.criteria, new.criteria)
    yield from _parts("failure mode", old.failure_modes, new.failure_modes)
    yield from _examples(old.examples, new.examples)


def _parts(
    kind: str, old: Sequence[Criterion | FailureMode], new: Sequence[Criterion | FailureMode]
) -> Iterator[Change]:
    before, after = {one.id: one for one in old}, {one.id: one for one in new}
    for name, part in before.items():
        if name not in after:
            yield Change(kind="removed", about=f"{kind} {name}", old=_summary(part))
    for name, part in after.items():
        about = f"{kind} {name}"
        if name not in before:
            yield Change(kind="added", about=about, new=_summary(part))
            continue
        for field in fields(part):
            left, right = getattr(before[name], field.name), getattr(part, field.name)
            yield from _changed(about, field.name, left, right)
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    yield from _changed(f"order of {kind} ids", None, tuple(kept_before), tuple(kept_after))


def _examples(old: Sequence[Example], new: Sequence[Example]) -> Iterator[Change]:
    """Examples have no id: one that differs in any field is another one."""
    for sign, parts, others in (("removed", old, new), ("added", new, old)):
        for number, example in enumerate(parts, start=1):
            if example in others:
                continue
            about = f"example {number} of {example.criterion}"
            text = f"{example.output!r} is {example.point}: {example.why}"
            if sign == "added":
                yield Change(kind="added", about=about, new=text)
            else:
                yield Change(kind="removed", about=about, old=text)


def _changed(about: str, field: str | None, old: object, new: object) -> Iterator[Change]:
    if old != new:
        yield Change(kind="changed", about=about, field=field, old=_said(old), new=_said(new))


def _said(value: object) -> str:
    if value in (None, "", ()):
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _summary(part: Criterion | FailureMode) -> str:
    if isinstance(part, FailureMode):
        return part.description
    return f"{part.question} ({' < '.join(part.scale)}, passed from {part.threshold:g})"


def _indented(text: str | None) -> str:
    return (text or "").replace("\n", "\n      ")

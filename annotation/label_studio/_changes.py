"""What a pull has to store: how answers on the server differ from those in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from annotation.label_studio._reading import Given
from annotation.label_studio._tasks import parts
from workbench.records import Annotation, Correction

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Records that differ from what the store holds."""

    records: tuple[Annotation | Correction, ...]
    new: int
    """Answers that the store did not hold."""
    changed: int
    """Answers that say something else, and those that their author gave again as they were."""
    deleted: int
    older: tuple[tuple[Annotation, Annotation], ...] = ()
    """Answers of which the store holds a later word, with that one; not among the records."""


def changes(store: Store, given: Iterable[Given], gone: Collection[str]) -> Changes:
    """What has to be stored.

    Args:
        store: As it is.
        given: Answers as they are on the server now.
        gone: Ids of annotations of the store that were deleted there.
    """
    from workbench.store import is_older

    now = {one.annotation.id: one for one in given}
    ids = [*now, *gone]
    stored = {a.id: a for a in store.records(Annotation, ids)}
    corrected: dict[str, dict[str, Correction]] = {}
    for part in parts(key for key in ids if key in stored):
        found = store.corrections(annotation=part, history=True)["id"]
        for correction in store.records(Correction, found):
            corrected.setdefault(correction.annotation, {})[correction.id] = correction

    records: list[Annotation | Correction] = []
    older: list[tuple[Annotation, Annotation]] = []
    counts = {"new": 0, "changed": 0, "deleted": 0}
    for key, one in now.items():
        own = _corrections(corrected.get(key, {}), one.corrections)
        before = stored.get(key)
        if before is not None and (
            is_older(one.annotation, before) or _is_back(one.annotation, before)
        ):
            older.append((one.annotation, before))
        elif before is None or own or not _same(before, one.annotation):
            counts["new" if before is None else "changed"] += 1
            records += [one.annotation, *own]
    for key in gone:
        before = stored[key]
        if before.state != "deleted":
            counts["deleted"] += 1
            records += [_emptied(before), *_corrections(corrected.get(key, {}), ())]
    return Changes(records=tuple(records), older=tuple(older), **counts)


def _corrections(before: Mapping[str, Correction], now: Iterable[Correction]) -> list[Correction]:
    """Corrections that are new or changed, and those that were taken back."""
    given = {one.id: one for one in now}
    changed = [
        one for key, one in given.items() if key not in before or not _same(before[key], one)
    ]
    return changed + [
        replace(one, withdrawn=True)
        for key, one in before.items()
        if key not in given and not one.withdrawn
    ]


def _is_back(came: Annotation, before: Annotation) -> bool:
    """Whether an answer that was deleted is there again, and its author has not said it again."""
    return before.state == "deleted" and came.updated_at == before.updated_at


def _emptied(annotation: Annotation) -> Annotation:
    # It keeps `updated_at`: by that it is known again where a backup brings it back.
    return replace(
        annotation,
        state="deleted",
        approved=None,
        preferred=None,
        scores={},
        failure_modes=(),
        note=None,
    )


def _same(stored: Annotation | Correction, came: Annotation | Correction) -> bool:
    """Whether they say the same; an answer that was given again is another word of its author."""
    making: dict[str, Any] = {"created_at": stored.created_at}
    if isinstance(stored, Annotation):
        making["run"] = stored.run
    return replace(came, **making) == stored

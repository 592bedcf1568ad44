"""Which audit a command about people means where none is named: the same one for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from annotation.label_studio.projects import standing_projects
from workbench.calibration.audited import find_audit
from workbench.records import Audit

if TYPE_CHECKING:
    from workbench.store import Store


def asked_audit(store: Store, audit: str | None = None) -> Audit:
    """The audit with this id or the beginning of one; None: the latest, which people are asked about next.

    A calibration without a name goes by the latest that was answered, see `find_audit`: it needs answers.

    Raises:
        StoreError: There is none, or several ids begin so.
    """
    newest = max(store.records(Audit), key=lambda one: one.created_at, default=None)
    return find_audit(store, audit) if audit is not None or newest is None else newest


def answered_instead(store: Store, audit: Audit) -> Audit | None:
    """The latest audit with answers, where `audit` is the latest one and has none yet; else None."""
    found = find_audit(store)
    return found if found.created_at < audit.created_at and audit == asked_audit(store) else None


def grown_from(audit: Audit) -> tuple[str, ...]:
    """Ids of the audits whose answers count for `audit`, as it grew from them; the first of them first."""
    return tuple(cast("Sequence[str]", audit.parameters.get("grown_from", ())))


def asked_beside(store: Store, audit: Audit) -> tuple[str, ...]:
    """Ids of the other audits by the same rubric of which people were asked about something that `audit` drew."""
    drawn = {one.generation for one in audit.drawn}
    asked = {purpose.audit for purpose, _ in standing_projects(store)}
    answered = set(store.annotations(rubric=audit.rubric, simulated=False)["audit"])
    return tuple(
        other.id
        for other in store.records(Audit)
        if other.id != audit.id
        and other.rubric == audit.rubric
        and other.id in asked | answered
        and any(one.generation in drawn for one in other.drawn)
    )

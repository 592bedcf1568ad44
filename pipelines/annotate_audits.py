"""Which audit a command about people means where none is named: the same one for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

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

"""Audits that drew the same outputs: a person's answer is about the output, whichever audit asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.records import Audit

if TYPE_CHECKING:
    from workbench.store import Store

_SHARED = "audit answers shared with "
"""A cursor's name begins so, and ends with the id of the audit for which others' answers count."""


def share_answers(store: Store, audit: Audit, others: Iterable[str]) -> None:
    """Keep that what people say in the audits `others` about outputs that `audit` drew too counts for it.

    So nobody is asked twice about one output: a person's answer is about the output, whichever audit asked.

    Args:
        store: Takes the note.
        audit: For which they count.
        others: Ids of audits by the same rubric.
    """
    from workbench.store import Advance

    name = _SHARED + audit.id
    before = store.cursor(name)
    every = sorted(answers_shared(store, audit) | set(others) - {audit.id})
    if every:
        store.add([], advance=Advance(name=name, before=before, after=json.dumps(every)))


def answers_shared(store: Store, audit: Audit) -> set[str]:
    """Ids of the audits whose answers count for `audit` by `share_answers`."""
    return set(json.loads(store.cursor(_SHARED + audit.id) or "[]"))

"""One call from a store or a frame to a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

# Here and not in `show`: who imports it calls it, and the first view is not to wait for a second of imports.
from annotation.notebook._kept import Kept
from annotation.notebook._rows import Rows, rows_of_frame, rows_of_store
from annotation.notebook._view import View
from workbench.store import Store

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.rubric import Rubric


def show(
    data: pd.DataFrame | Store,
    *,
    store: Store | None = None,
    audit: str | None = None,
    rubric: str | None = None,
    annotator: str | None = None,
    embeddings: Mapping[str, npt.ArrayLike] | None = None,
    name: str = "default",
) -> View:
    """Show outputs with their judge and their people; the value of a cell.

    What is done in it comes back: `view.selected` and `view.shown` are frames, `view.threshold` a number. Each
    click is a method too: `view.filter(judge="approved")`, `view.select(keys)`, `view.threshold = 0.8`. Filters,
    threshold, selection and the annotator's name are kept in a store's folder (`views/<name>.json`) and are there
    again after the kernel was restarted; answers are annotations and corrections of the store, written as given.

    Args:
        data: A store; or a frame with one row per output, whose columns have the names that
            `workbench.calibration.calibrate` reads, and `title`, `image`, `parent`, `prompt`, `x` and `y`.
        store: For a frame: where its pictures are and its answers go; its `key`s are generations then.
        audit: For a store: id of the audit, or the beginning of one; None: the latest that was answered.
        rubric: `<name>@<version>` that people answer by; None: the audit's.
        annotator: Who answers; None: whoever did last, else the panel asks.
        embeddings: Row's key to vector, for the map; None: a frame's own column.
        name: Of the view; each name has filters and a selection of its own.

    Raises:
        ValueError: The frame calls two rows by one key, or `annotator` is no person's name.
        StoreError: The store has no such audit, or no such rubric.
    """
    held = data if isinstance(data, Store) else store

    def read() -> Rows:
        rows = rows_of_store(data, audit=audit) if isinstance(data, Store) else rows_of_frame(data)
        if rubric is not None:
            rows = replace(rows, rubric=_rubric(held, rubric))
        if embeddings is not None:
            frame = rows.frame.copy()
            frame["embedding"] = pd.Series(
                [embeddings.get(key) for key in frame["key"]], index=frame.index, dtype=object
            )
            rows = replace(rows, frame=frame)
        return rows

    return View(read, store=held, kept=Kept.beside(held, name), annotator=annotator)


def _rubric(store: Store | None, label: str) -> Rubric:
    from workbench.calibration.audited import rubric_of
    from workbench.errors import StoreError

    found = None if store is None else rubric_of(store, label)
    if found is None:
        where = "there is no store" if store is None else f"{store.url} holds none of this name"
        raise StoreError(f"people cannot answer by the rubric {label!r}: {where}")
    return found

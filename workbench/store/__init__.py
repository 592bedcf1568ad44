"""What happened: one database (a file by default, PostgreSQL by URL) and pictures by content."""

from __future__ import annotations

from workbench.store._codec import catalog_of, encode, group_of, is_older
from workbench.store._copying import Copied, copy_store, count_rows
from workbench.store._cursors import Advance
from workbench.store._images import ImageStore
from workbench.store._rows import Added
from workbench.store._schemas import schemas_of
from workbench.store._store import Store

__all__ = [
    "Added",
    "Advance",
    "Copied",
    "ImageStore",
    "Store",
    "catalog_of",
    "copy_store",
    "count_rows",
    "encode",
    "group_of",
    "is_older",
    "schemas_of",
]

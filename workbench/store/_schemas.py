"""The catalogues' schemas that a store keeps, parsed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.schema import Schema
    from workbench.store._store import Store


def schemas_of(store: Store, catalogs: Iterable[str]) -> dict[str, Schema]:
    """Name to newest schema of each of `catalogs` whose schema is stored, in the order of names.

    Raises:
        SchemaError: One was written by a newer version.
    """
    from workbench.schema import parse_schema

    return {
        name: parse_schema(text, where=f"the schema of {name}")
        for name in sorted(set(catalogs))
        if (text := store.schema_text(name)) is not None
    }

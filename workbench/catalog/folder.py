"""A folder of photos: every photo is an item, its folder the category, its name the id."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.catalog._addresses import read_photo
from workbench.catalog._csv import Row
from workbench.catalog._derived import derive_schema
from workbench.catalog._items import ItemBuilder
from workbench.catalog._mapping import column_mapping
from workbench.errors import CatalogError
from workbench.records import Item, Problem
from workbench.schema import Schema


class FolderCatalog:
    """Photos of a folder and its subfolders, sorted by path: see `open_catalog("folder:<folder>")`.

    The id is the photo's path without its ending (with it, where two photos differ in nothing else).
    Beside `mugs/a.jpg` may lie `mugs/a.json`, an object with an item's fields (`title`, `price`,
    `aspects`, `category`, …), or `mugs/a.txt`: the title on the first line, the description under it.
    Files that do not end like a photo, and hidden ones, are passed over.

    Args:
        root: The folder.

    Raises:
        CatalogError: It is no folder, or no photo is in it.
    """

    simulated = False

    def __init__(self, root: str | Path, *, name: str | None = None) -> None:
        self._root = Path(root)
        if not self._root.is_dir():
            raise CatalogError(f"want a folder of photos, got {str(root)!r}")
        self.name = name or self._root.resolve().name
        self._builder = ItemBuilder(
            name=self.name,
            source=str(self._root),
            mapping=column_mapping({}, None, where=str(root)),
            separator="|",
            decimal=None,
        )
        if next(self._photos(), None) is None:
            raise CatalogError(f"no photo is in {str(root)!r} or its subfolders")

    def items(self) -> Iterator[Item | Problem]:
        """One item per photo, sorted by folder and name."""
        taken: set[str] = set()
        for path in self._photos():
            address = path.relative_to(self._root).as_posix()
            own = address.removesuffix(path.suffix)
            own = address if own in taken else own
            taken.add(own)
            note, problem = self._note(path)
            if problem is not None:
                yield problem
            folder = path.parent.relative_to(self._root).as_posix()
            cells = {"category": "" if folder == "." else folder, **note}
            item, problems = self._builder.build(Row(1, {**cells, "id": own, "photo": [address]}))
            for each in problems:
                yield replace(each, source=f"{own}.json", row=None)
            if item is not None:
                yield item

    def photo(self, address: str) -> bytes:
        """Bytes of the photo at `address`, a path from the folder."""
        return read_photo(address, folder=self._root)

    @cached_property
    def schema(self) -> Schema:
        """A category per folder, with the aspects and values that occur in the notes."""
        return derive_schema(self.name, (i for i in self.items() if isinstance(i, Item)))

    def _photos(self) -> Iterator[Path]:
        from workbench.photos import SUFFIXES

        for folder, inner, files in os.walk(self._root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                    yield Path(folder, name)

    def _note(self, photo: Path) -> tuple[dict[str, Any], Problem | None]:
        """What a file beside the photo says, and what is wrong with that file."""
        path = photo.with_suffix(".json")
        try:
            if path.is_file():
                said = json.loads(path.read_text(encoding="utf-8-sig"))
                if isinstance(said, dict):
                    return said, None
                raise ValueError(f"got {type(said).__name__}")
            path = photo.with_suffix(".txt")
            if path.is_file():
                title, _, description = path.read_text(encoding="utf-8-sig").strip().partition("\n")
                return {"title": title, "description": description}, None
        except (OSError, ValueError, RecursionError) as error:
            wanted = "a JSON object" if path.suffix == ".json" else "UTF-8 text"
            reason = f"want {wanted} about {photo.name!r} ({error}); loaded without it"
            source = path.relative_to(self._root).as_posix()
            return {}, Problem(source=source, row=None, reason=reason)
        return {}, None

"""What of a view outlives its kernel: filters, threshold, selection, whose answers of the judge were seen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import StoreError

if TYPE_CHECKING:
    from workbench.store import Store

_FOLDER = "views"


class Kept:
    """The state of one view in a file beside its store's database; nothing is kept where there is no folder."""

    def __init__(self, folder: Path | None, name: str) -> None:
        """Keep the view `name` in `folder`; None: nowhere.

        Raises:
            ValueError: `name` is no name of a file.
        """
        if not name or name != Path(name).name or name.startswith("."):
            raise ValueError(f"want a view's name without slashes, such as 'default', got {name!r}")
        self._state = None if folder is None else folder / f"{name}.json"
        self._seen = None if folder is None else folder / f"{name}.seen"

    @classmethod
    def beside(cls, store: Store | None, name: str) -> Kept:
        """In the folder of `store`; nowhere for a store on a server and without a store."""
        file = None if store is None else Path(store.url)
        return cls(file.parent / _FOLDER if file is not None and file.is_file() else None, name)

    @property
    def where(self) -> str | None:
        """The file; None where nothing is kept."""
        return None if self._state is None else str(self._state)

    def load(self) -> dict[str, Any]:
        """What was kept last; empty where nothing was, and where the file was damaged."""
        if self._state is None or not self._state.exists():
            return {}
        try:
            found = json.loads(self._state.read_text())
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file whole.

        Raises:
            StoreError: The folder cannot be written to.
        """
        if self._state is None:
            return
        part = self._state.with_suffix(f".{os.getpid()}.part")
        try:
            self._state.parent.mkdir(exist_ok=True)
            part.write_text(json.dumps(state, ensure_ascii=False, sort_keys=True))
            part.replace(self._state)
        except OSError as error:
            raise StoreError(
                f"the view cannot be kept in {self._state}: {error.strerror}"
            ) from error

    def seen(self) -> set[str]:
        """Lines that `see` wrote."""
        if self._seen is None or not self._seen.exists():
            return set()
        return set(self._seen.read_text().splitlines())

    def see(self, lines: Iterable[str]) -> None:
        """Add lines, each one word: an annotator and an output whose verdict they saw."""
        if self._seen is None:
            return
        self._seen.parent.mkdir(exist_ok=True)
        with self._seen.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

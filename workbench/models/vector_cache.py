"""Feature vectors by the address of what they were computed from, in memory and in a folder."""

from __future__ import annotations

import contextlib
import logging
import uuid
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from workbench.models.protocols import Progress

_LOG = logging.getLogger(__name__)
Thing = TypeVar("Thing")

Features = npt.NDArray[np.float32]


class VectorCache:
    """Vectors that were computed before, by this process or by another that used the same folder.

    A folder that cannot be read or written stops no work: it is logged, and vectors are computed again.
    """

    def __init__(self, folder: Path | None) -> None:
        """Read what is there.

        Args:
            folder: Vectors of one encoder, and of no other; None: vectors are kept in memory only.
        """
        self._folder = folder
        self._known: dict[str, Features] = {}
        self._unsaved: dict[str, Features] = {}
        if folder is not None and folder.exists():
            self._read(folder)

    def __contains__(self, address: str) -> bool:
        return address in self._known

    def take(self, addresses: Sequence[str]) -> Features:
        """Vectors in the order of `addresses`, shape (n, d); (0, 0) for none.

        Raises:
            KeyError: An address has no vector.
        """
        rows = [self._known[address] for address in addresses]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def add(self, fresh: Mapping[str, Features]) -> None:
        """Keep vectors, all of one length, by their addresses; `save` puts them into the folder."""
        self._known.update(fresh)
        if self._folder is not None:
            self._unsaved.update(fresh)

    def fill(
        self,
        addresses: Sequence[str],
        things: Sequence[Thing],
        compute: Callable[[list[Thing]], Features],
        *,
        step: int,
        progress: Progress | None = None,
    ) -> Features:
        """Vectors in the order of `addresses`, (n, d); what is not known yet is computed once and saved.

        Args:
            addresses: Of `things`, in their order.
            things: What vectors are computed from.
            compute: Some of them to their vectors, (m, d).
            step: How many are looked at before progress is told.
            progress: Told how many were done.
        """
        for start in range(0, len(addresses), step):
            part = addresses[start : start + step]
            pairs = zip(part, things[start : start + step], strict=True)
            new = {address: thing for address, thing in pairs if address not in self}
            if new:
                self.add(dict(zip(new, compute(list(new.values())), strict=True)))
            if progress:
                progress(len(part))
        self.save()
        return self.take(addresses)

    def save(self) -> None:
        """Put what was added since the last call into the folder, as one file of its own."""
        fresh, self._unsaved = self._unsaved, {}
        if self._folder is None or not fresh:
            return
        target = self._folder / f"{uuid.uuid4().hex}.npz"
        unfinished = target.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as out:
                vectors = np.stack(list(fresh.values()))
                np.savez(out, addresses=np.array(list(fresh)), vectors=vectors)
            unfinished.rename(target)  # a reader never sees half a file
        except OSError as error:  # work goes on: what is not kept is computed again another time
            with contextlib.suppress(OSError):
                unfinished.unlink()
            _LOG.warning(
                "%d vectors are not kept in %s (%s): make room, or name another folder in "
                "WORKBENCH_CACHE", len(fresh), self._folder, error.strerror
            )  # fmt: skip

    def _read(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.npz")):
            try:
                with file.open("rb") as data, np.load(data) as stored:
                    self._known.update(
                        zip(stored["addresses"].tolist(), stored["vectors"], strict=True)
                    )
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                _LOG.warning("%s is damaged (%s) and not used: remove it", file, error)

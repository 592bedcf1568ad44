"""Small pictures for a grid, made once and kept by the hash of what they were made from."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import PhotoError, StoreError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workbench.store import Store

_KEPT = 64_000_000
"""Bytes of small pictures that are kept in memory."""
SIDE = 192
"""Longer side of a grid's picture in pixels: 96 on a page, on a display with two pixels each."""
WHOLE = 1024
"""Longer side of the picture of the item that is looked at."""


class Pictures:
    """JPEGs of a frame's pictures, each content made once; the latest used stay in memory."""

    def __init__(self, store: Store | None) -> None:
        """Read addresses (`sha256:…`) from `store`; None: only files and bytes can be shown."""
        self._store = store
        self._made: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0
        self.made = 0
        """How many were made since the start."""

    def jpeg(self, source: object, *, side: int = SIDE) -> bytes:
        """A JPEG of at most `side` pixels each way.

        Raises:
            PhotoError: There is no picture there, or its bytes are none that can be shown.
        """
        if source is None or source != source:  # noqa: PLR0124 - NaN
            raise PhotoError("this row has no picture")
        address, data = self._name(source)
        found = self._made.get((address, side))
        if found is not None:
            self._made.move_to_end((address, side))
            return found
        made = _small(self._read(address, source) if data is None else data, address, side)
        self.made += 1
        self._made[address, side] = made
        self._bytes += len(made)
        while self._bytes > _KEPT:
            _, dropped = self._made.popitem(last=False)
            self._bytes -= len(dropped)
        return made

    def _name(self, source: object) -> tuple[str, bytes | None]:
        if isinstance(source, bytes):
            return f"sha256:{hashlib.sha256(source).hexdigest()}", source
        if isinstance(source, str) and source.startswith("sha256:"):
            return source, None
        if isinstance(source, str | Path):
            try:
                data = Path(source).read_bytes()
            except OSError as error:
                raise PhotoError(
                    f"the picture {str(source)!r} cannot be read: {error.strerror}"
                ) from error
            return f"sha256:{hashlib.sha256(data).hexdigest()}", data
        raise PhotoError(f"a picture is an address, a file or bytes, got {type(source).__name__}")

    def _read(self, address: str, source: object) -> bytes:
        if self._store is None:
            raise PhotoError(f"{str(source)[:19]}… is in a store: call `show` with `store=`")
        try:
            return self._store.images.get(address)
        except StoreError as error:
            raise PhotoError(str(error)) from error


def contents_of(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Number of the picture that each row shows, shape (rows,), uint32: rows of one content share a number."""
    import numpy as np

    if "image" not in frame.columns:
        return np.arange(len(frame), dtype="<u4")
    known: dict[object, int] = {}
    return np.array(
        [known.setdefault(_hashable(one), len(known)) for one in frame["image"]], dtype="<u4"
    )


def _hashable(source: object) -> object:
    return source if isinstance(source, str | bytes | Path) else None


def _small(data: bytes, where: str, side: int) -> bytes:
    from workbench.photos import open_photo

    out = io.BytesIO()
    open_photo(data, where=where, max_side=side).save(out, "JPEG", quality=82)
    return out.getvalue()

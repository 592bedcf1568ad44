"""A folder that one process trains in at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import LearningError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder`, making it where it is not there; the hold ends with the process, however that ends.

    Raises:
        LearningError: Another process holds it.
        OSError: It cannot be made or opened.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LearningError(
                f"another process is training in {str(folder)!r}: wait until it is done, or name another folder with --out"
            ) from None
        yield
    finally:
        os.close(handle)

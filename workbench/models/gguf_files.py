"""GGUF weight files: where they are."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import ModelError
from workbench.models.known_weights import KNOWN_WEIGHTS, find_known


def find_weights(name: str) -> Path:
    """The GGUF file that `gguf:<name>` means: one of `KNOWN_WEIGHTS`, or a path.

    Raises:
        ModelError: The package or the file is not there, or it is another file than it should be.
    """
    known = f"gguf:{name}"
    path = find_known(known) if known in KNOWN_WEIGHTS else Path(name).expanduser()
    if not path.is_file():
        names = ", ".join(one for one in KNOWN_WEIGHTS if one.startswith("gguf:"))
        raise ModelError(
            f"want the path of a GGUF file or one of {names}, got {name!r}: no such file"
        )
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelError(f"want a GGUF file, got {str(path)!r}, which begins with {magic!r}")
    return path

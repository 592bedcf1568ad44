"""Which weights these are: a commit of the hub, or a digest of a folder."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from workbench.errors import ModelError

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx")
_CARDS = frozenset({"card.json", "training.json"})
"""How a model was made and what it is worth, seconds included: a training that was stopped and went on ends at
the same weights, and so at the same model."""
_WHOLE_BELOW = 64 * 2**20
"""Bytes: smaller weight files are digested whole, in well under a second."""
_SAMPLE = 2**20
"""Bytes of each of the places that are read of a larger one."""
_PLACES = 8


def folder_revision(folder: Path) -> str:
    """A digest of the model in `folder`: 16 hex digits, the same on any machine.

    Over every weight file's relative path, size and contents and every JSON or template file's
    contents (a changed tokenizer or chat template is another model; its card, `card.json` or
    `training.json`, is no part of it). Of weight files of 64 MiB and more the first and last megabyte and
    six between are read, at equal distances: a header with the names and shapes of all tensors, and a
    sample of each part of the weights. Training changes every tensor, so it changes the digest; a change
    by hand of a few bytes elsewhere could go unseen.

    Read again only where a file's size or modification time changed.

    Raises:
        ModelError: The folder holds no weights.
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {*_WEIGHTS, ".json", ".jinja", ".model"}
        and path.name not in _CARDS
        and path.is_file()
    )
    if not any(path.suffix in _WEIGHTS for path in files):
        raise ModelError(f"want a folder with weights ({', '.join(_WEIGHTS)}), got {str(folder)!r}")
    parts = [
        (str(path.relative_to(folder)), _file_digest(path, stat.st_size, stat.st_mtime_ns))
        for path in files
        for stat in [path.stat()]
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _file_digest(path: Path, size: int, modified: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size < _WHOLE_BELOW:
            digest.update(file.read())
        else:
            for place in range(_PLACES):
                file.seek((size - _SAMPLE) * place // (_PLACES - 1))
                digest.update(file.read(_SAMPLE))
    return digest.hexdigest()

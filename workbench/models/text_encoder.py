"""Texts to vectors that lie close together where texts mean the same: sentence-embedding models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import MissingExtraError, ModelError
from workbench.models.devices import choose_device
from workbench.models.known_weights import find_known
from workbench.models.quiet import no_bars
from workbench.models.revisions import folder_revision
from workbench.models.torchvision_cpu import mend_torchvision
from workbench.models.vector_cache import Features, VectorCache

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from workbench.models.protocols import Progress

_MINILM = "minilm"
_FOLDER = "dir:"
_CHUNK = 8
"""Batches between two reports of progress: texts of like length share a batch, so several are sorted."""


@dataclass(frozen=True)
class TextEncoder:
    """Encodes texts as vectors of length 1, so that their dot product is their cosine similarity.

    Words count beside meaning: to `minilm`, "Men's crimson trainers" is nearer to "Men's crimson necktie"
    than to "red sneakers for guys". It learned English; signs that it does not know, such as emoji, all
    read as one.

    Raises:
        ModelError: The string, an option or the model's folder cannot be used; the message says what
            can. When it is first used: the weights are not the ones that the name means.
        MissingExtraError: When it is first used, where the extra `texts` is not installed.
    """

    model: str = _MINILM
    """`minilm` (all-MiniLM-L6-v2: English, 384 numbers, the first 256 tokens of a text), or
    `dir:/models/mine`: a folder that sentence-transformers saved."""
    cache: Path | None = None
    """Folder for vectors that were computed before; None: nothing is kept."""
    device: str | None = None
    """`cuda`, `cuda:1`, `mps` or `cpu`; None: the best that this machine has."""
    batch_size: int = 32
    """Texts that go through at once."""
    limit: int | None = None
    """Tokens of a text that are read, its beginning and end marks included; None: as many as the
    model was made for. What comes after them does not count."""

    def __post_init__(self) -> None:
        is_folder = self.model.startswith(_FOLDER) and self.model != _FOLDER
        if self.model != _MINILM and not is_folder:
            raise ModelError(
                f"want a text encoder as {_MINILM!r} or '{_FOLDER}/models/mine', got {self.model!r}"
            )
        if self.batch_size < 1:
            raise ModelError(f"want at least 1 text in a batch, got {self.batch_size!r}")
        if self.limit is not None and self.limit < 3:
            raise ModelError(f"want a limit of at least 3 tokens, got {self.limit!r}")

    @property
    def name(self) -> str:
        """The string that names it in records: the one that opens it."""
        return self.model

    @cached_property
    def revision(self) -> str:
        """Digest of the model's folder and of the limit: 64 hex digits, the same on any machine."""
        parts = ("texts/1", folder_revision(self._folder), self.limit)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Features:
        """Vectors for texts.

        A text without any visible sign says nothing: its vector is all zeros, similar to no other.
        Half characters (surrogates without their other half) are read as the replacement character.

        Args:
            texts: Of any length and in any order; a text that comes again is computed once.
            progress: Told how many texts were done.

        Returns:
            Shape (n, d), float32; each row has length 1, or 0 for a text that says nothing.

        Raises:
            ModelError: `texts` is one string, or holds something that is no string.
        """
        _check(texts)
        whole = [_mend(text) for text in texts]
        addresses = [hashlib.sha256(text.encode()).hexdigest() for text in whole]
        return self._vectors.fill(
            addresses, whole, self._compute, step=self.batch_size * _CHUNK, progress=progress
        )

    @cached_property
    def _vectors(self) -> VectorCache:
        folder = None if self.cache is None else self.cache / f"texts-{self.revision[:12]}"
        return VectorCache(folder)

    @cached_property
    def _folder(self) -> Path:
        """The folder of the model."""
        if self.model == _MINILM:
            return find_known(_MINILM).parent
        folder = Path(self.model.removeprefix(_FOLDER)).expanduser()
        if not (folder / "modules.json").is_file():
            seen = "it has no modules.json" if folder.is_dir() else "no such folder"
            raise ModelError(
                f"want a sentence-embedding model's folder, as sentence-transformers saves it, got "
                f"{self.model!r}: {seen}"
            )
        return folder

    @cached_property
    def _net(self) -> SentenceTransformer:
        folder, device = self._folder, choose_device(self.device)
        mend_torchvision()
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise MissingExtraError(
                library="sentence-transformers",
                extra="texts",
                purpose=f"the text encoder {self.model!r}",
            ) from None
        from safetensors import SafetensorError

        try:
            with no_bars():
                net = SentenceTransformer(
                    str(folder),
                    device=str(device),
                    local_files_only=True,
                    model_kwargs={"dtype": "float32"},
                )
        except (
            OSError, ValueError, TypeError, AttributeError, ImportError, KeyError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip
            said = str(error).partition("\n")[0]
            raise ModelError(f"cannot load the text encoder {self.model!r}: {said}") from error
        most = net.max_seq_length
        if self.limit is not None:
            if most is not None and self.limit > most:
                raise ModelError(
                    f"want a limit of at most {most} tokens, the most that {self.model!r} was made "
                    f"for, got {self.limit!r}"
                )
            net.max_seq_length = self.limit
        return net.eval()

    def _compute(self, texts: Sequence[str]) -> Features:
        found: Features = self._net.encode(
            list(texts),
            batch_size=self.batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        ).astype(np.float32)
        for row, text in enumerate(texts):
            if not _says_something(text):
                found[row] = 0
        return found


def _check(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise ModelError(f"want a list of texts, got one text: {texts[:80]!r}")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ModelError(f"want texts, got {text!r} in row {row}: leave it out, or give ''")


def _mend(text: str) -> str:
    """The text with pairs of surrogates joined, and single ones replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _says_something(text: str) -> bool:
    """Whether anything in it can be seen: not only spaces, control and invisible characters."""
    return any(sign.isprintable() and not sign.isspace() for sign in text)

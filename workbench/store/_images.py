"""Pictures by the hash of their bytes, in a folder or any place that fsspec can write to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import MissingExtraError, StoreError

_ADDRESS = re.compile(r"sha256:([0-9a-f]{64})")
_PART = ".part"
"""Ends the names of pictures that are being written."""
_ATOMIC = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"}
"""Protocols whose upload appears whole or not at all."""


class ImageStore:
    """Pictures by content: the same bytes are kept once, and half-written ones are never seen."""

    def __init__(self, root: str | Path) -> None:
        """Keep pictures under `root`, a folder or an fsspec URL; it is made with the first picture.

        Raises:
            StoreError: Nothing serves such a URL.
            MissingExtraError: The library that serves it is not installed.
        """
        from fsspec.core import url_to_fs

        self.root = str(root)
        scheme = self.root.partition("://")[0] if "://" in self.root else "file"
        try:
            self._fs, self._base = url_to_fs(self.root)
        except ImportError as error:
            if scheme in {"s3", "s3a"}:
                raise MissingExtraError(
                    library="s3fs", extra="s3", purpose="an image store in S3"
                ) from error
            raise StoreError(f"images in {scheme}:// need a library: {error}") from error
        except ValueError as error:
            raise StoreError(
                f"images want a folder or a URL that fsspec serves, such as `s3://bucket/prefix`; "
                f"got one that starts with {scheme + '://'!r}"
            ) from error
        self._local = scheme in {"file", "local"}
        self._atomic = scheme in _ATOMIC

    def __repr__(self) -> str:
        return f"ImageStore({self.root!r})"

    def put(self, data: bytes) -> str:
        """Keep `data` and return its address, `sha256:<hex>`. Bytes that are kept already cost nothing.

        Raises:
            StoreError: `data` is empty, or the place refuses.
        """
        if not data:
            raise StoreError("a picture wants bytes, got none")
        address = f"sha256:{hashlib.sha256(data).hexdigest()}"
        path = self._where(address)
        try:
            if not (self._fs.exists(path) and self._fs.size(path) == len(data)):
                self._write(path, data)
        except OSError as error:
            raise StoreError(
                f"the picture {address} cannot be written to {self.root!r}: {error}"
            ) from error
        return address

    def get(self, address: str) -> bytes:
        """The bytes at `address`.

        Raises:
            StoreError: Nothing is there, or the bytes were damaged.
        """
        path = self._where(address)
        try:
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError as error:
            raise self._missing(address) from error
        except OSError as error:
            raise StoreError(
                f"the picture {address} cannot be read from {self.root!r}: {error}"
            ) from error
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != address:
            raise StoreError(
                f"the picture {address} was damaged: {path} holds {len(data)} other bytes; "
                "remove that file and add the picture again"
            )
        return data

    def has(self, address: str) -> bool:
        """Whether a picture is kept at `address`.

        Raises:
            StoreError: `address` is not an address.
        """
        return bool(self._fs.exists(self._where(address)))

    def addresses(self) -> Iterator[str]:
        """The address of every picture that is kept, in no certain order."""
        for path in self._fs.find(self._base) if self._fs.exists(self._base) else ():
            name = str(path).rpartition("/")[2]
            if _ADDRESS.fullmatch(f"sha256:{name}"):  # not one that is being written
                yield f"sha256:{name}"

    def path(self, address: str) -> Path:
        """The file of `address`, for programs that read files themselves.

        Raises:
            StoreError: Nothing is there, or the pictures are not in a local folder.
        """
        if not self._local:
            raise StoreError(f"{self.root!r} is not a local folder: read {address!r} with `get`")
        path = Path(self._where(address))
        if not path.exists():
            raise self._missing(address)
        return path

    def _where(self, address: str) -> str:
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise StoreError(f"a picture's address is `sha256:` and 64 hex digits, got {address!r}")
        digest = match[1]
        return f"{self._base}/{digest[:2]}/{digest[2:4]}/{digest}"

    def _missing(self, address: str) -> StoreError:
        return StoreError(f"there is no picture {address} in {self.root!r}: add it with `put`")

    def _write(self, path: str, data: bytes) -> None:
        if self._atomic:
            self._fs.pipe_file(path, data)
            return
        temporary = f"{path}.{uuid.uuid4().hex}{_PART}"
        try:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._fs.open(temporary, "wb") as file:
                file.write(data)
                if self._local:
                    file.flush()
                    os.fsync(file.fileno())
            if self._local:
                _put_in_place(Path(temporary), Path(path))
            else:
                self._fs.mv(temporary, path)
        except BaseException:
            if self._fs.exists(temporary):
                self._fs.rm_file(temporary)
            raise


def _put_in_place(written: Path, place: Path) -> None:
    """Give a picture its name, and remove what killed writers left of the same one.

    A living writer of the same picture may lose its file to that: it then finds the picture in its place.
    """
    try:
        written.replace(place)
    except FileNotFoundError:
        if not place.exists():
            raise
    for left in place.parent.glob(f"{place.name}.*{_PART}"):
        with contextlib.suppress(OSError):  # another writer was faster, or has it open on Windows
            left.unlink()

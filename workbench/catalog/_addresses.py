"""Bytes of a photo from a file, a web address or any place that fsspec reads."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import CatalogError

MAX_BYTES = 64 << 20
"""Bytes above which a photo is not read."""

_TIMEOUT_SECONDS = 30.0


def read_photo(address: str, *, folder: Path) -> bytes:
    """Read `address`: a path (a relative one starts in `folder`), `http(s)://…` or `s3://…` and the like.

    Raises:
        CatalogError: Nothing is there, it cannot be read, or it has more than `MAX_BYTES` bytes.
    """
    if address.startswith(("http://", "https://")):
        return _from_web(address)
    try:
        if "://" in address:
            import fsspec

            with fsspec.open(address, "rb") as file:
                data: bytes = file.read(MAX_BYTES + 1)
        else:
            with (folder / address).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, ImportError) as error:
        why = getattr(error, "strerror", None) or str(error)
        place = address if "://" in address else str((folder / address).absolute())
        hint = (
            "" if Path(address).suffix else "; it has no ending: photo=images/{COLUMN}.jpg adds one"
        )
        raise CatalogError(f"cannot read photo {place!r}: {why}{hint}") from error
    if len(data) > MAX_BYTES:
        raise _too_big(address)
    return data


def _from_web(address: str) -> bytes:
    import httpx

    chunks: list[bytes] = []
    size = 0
    try:
        with httpx.stream(
            "GET", address, follow_redirects=True, timeout=_TIMEOUT_SECONDS
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise CatalogError(
                    f"cannot read photo {address!r}: the server answers {response.status_code}"
                )
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _too_big(address)
                chunks.append(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CatalogError(f"cannot read photo {address!r}: {error}") from error
    return b"".join(chunks)


def _too_big(address: str) -> CatalogError:
    return CatalogError(f"photo {address!r} has more than {MAX_BYTES >> 20} MiB; scale it down")

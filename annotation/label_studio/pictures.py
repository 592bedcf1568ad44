"""Pictures of tasks: served from a folder by a server on this machine, uploaded to any other."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    from annotation.label_studio.client import Client
    from workbench.store import Store

_FOLDER = "pictures"
"""Inside the folder that the server serves; it refuses to serve that one itself."""
_FILES = 100
"""Files a request; the server takes no more."""
_BYTES = 100_000_000
"""Bytes a request; the server takes 250 MB."""
_SECONDS = 600.0
_ANY = 1 << 30
_UPLOADED = re.compile(r"-([0-9a-f]{64})\.\w+$")


def serve_pictures(
    client: Client, store: Store, project: int, addresses: Iterable[str], *, media: Path | None
) -> Mapping[str, str]:
    """Make pictures of the store visible in a project: address (`sha256:…`) to the URL that its pages use.

    What is there already is not copied or sent again.

    Args:
        client: The server.
        store: Holds the pictures.
        project: Its number.
        addresses: Of the pictures; none twice.
        media: The folder that a server on this machine serves (`Server.media`); None: they are uploaded.

    Raises:
        StoreError: A picture is not in the store.
        LabelStudioError: The server refuses, or did not keep all that was sent.
    """
    wanted = list(dict.fromkeys(addresses))
    if not wanted:
        return {}
    if media is None:
        return _upload(client, store, project, wanted)
    return _serve(client, store, project, wanted, media)


def _serve(
    client: Client, store: Store, project: int, wanted: Sequence[str], media: Path
) -> dict[str, str]:
    folder = media / _FOLDER
    urls = {}
    for address in wanted:
        name = _name(address)
        # In folders by their first digits: whoever presses "Sync storage" gets no tasks from them.
        there = next((folder / name[:2]).glob(f"{name}.*"), None)
        path = there or _copy(store, address, folder / name[:2])
        urls[address] = f"/data/local-files/?d={quote(path.relative_to(media).as_posix())}"
    _allow(client, project, folder)
    return urls


def _copy(store: Store, address: str, folder: Path) -> Path:
    """The picture as a file whose name ends as its format does: the server tells the type by the name."""
    data = store.images.get(address)
    path = folder / f"{_name(address)}.{_suffix(data, address)}"
    half = folder / f".{path.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half.write_bytes(data)
        half.replace(path)
    except OSError as error:
        raise LabelStudioError(
            f"cannot put {address[:19]} into {folder}, which Label Studio serves: {error.strerror}"
        ) from None
    return path


def _allow(client: Client, project: int, folder: Path) -> None:
    """Let people of the project see the folder: the server serves no file without such an entry."""
    path = str(folder.absolute())
    known = client.get(
        "/api/storages/localfiles/",
        doing=f"list the storages of project {project}",
        params={"project": project},
    )
    if any(one.get("path") == path for one in known):
        return
    client.request(
        "POST",
        "/api/storages/localfiles/",
        doing=f"serve {path} in project {project}",
        json={"project": project, "title": "pictures", "path": path, "use_blob_urls": True},
    )


def _upload(client: Client, store: Store, project: int, wanted: Sequence[str]) -> dict[str, str]:
    urls = _uploaded(client, project)
    refused = None
    for files in _requests(store, [address for address in wanted if address not in urls]):
        try:
            client.request(
                "POST",
                f"/api/projects/{project}/import",
                doing=f"upload {len(files)} pictures to project {project}",
                params={"commit_to_project": "false"},
                files=files,
                timeout=_SECONDS,
            )
        except LabelStudioError as error:
            if error.status != 400:
                raise
            # A project with a page keeps the files, and then refuses to make tasks of them.
            refused = error
    urls = _uploaded(client, project)
    if missing := [address for address in wanted if address not in urls]:
        raise refused or LabelStudioError(
            f"{len(missing)} of {len(wanted)} pictures sent to project {project} are not on the server, "
            f"such as {missing[0][:19]}: push again"
        )
    return {address: urls[address] for address in wanted}


def _requests(store: Store, addresses: Iterable[str]) -> Iterator[list[tuple[str, Any]]]:
    """Pictures as files of requests that the server takes."""
    files: list[tuple[str, Any]] = []
    size = 0
    for address in addresses:
        data = store.images.get(address)
        if files and (len(files) == _FILES or size + len(data) > _BYTES):
            yield files
            files, size = [], 0
        suffix = _suffix(data, address)
        file = (f"{_name(address)}.{suffix}", data, f"image/{suffix}")
        files.append((f"picture{len(files)}", file))
        size += len(data)
    if files:
        yield files


def _uploaded(client: Client, project: int) -> dict[str, str]:
    """Address to URL of the pictures that were uploaded to the project; the first of each."""
    found: list[Mapping[str, Any]] = client.get(
        f"/api/projects/{project}/file-uploads",
        doing=f"list the files of project {project}",
        params={"all": "true"},
    )
    urls: dict[str, str] = {}
    for one in sorted(found, key=lambda one: int(one["id"])):
        if name := _UPLOADED.search(str(one["file"])):
            urls.setdefault(f"sha256:{name[1]}", f"/data/{one['file']}")
    return urls


def largest(store: Store, addresses: Iterable[str]) -> int:
    """The longer side, in pixels, of the largest of these pictures; where there are none, any size."""
    from PIL import Image

    sides = []
    for address in addresses:
        with Image.open(io.BytesIO(store.images.get(address))) as image:
            sides.append(max(image.size))
    return max(sides, default=_ANY)


def _name(address: str) -> str:
    return address.removeprefix("sha256:")


def _suffix(data: bytes, address: str) -> str:
    """Such as `png`: what a browser calls the format."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return (image.format or "").lower()
    except UnidentifiedImageError:
        raise LabelStudioError(f"{address[:19]} is no picture: it cannot be shown") from None

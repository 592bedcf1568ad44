"""Which Label Studio is meant, and as whom it is asked."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from workbench.errors import LabelStudioError
from workbench.settings import read_settings

CREDENTIALS_FILE = "credentials.json"
_HOW = "start a server with `workbench labelstudio up`, or name yours with `workbench labelstudio use --url …`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A server's address and the token of one of its users.

    Raises:
        LabelStudioError: The address is none of a server, or the token cannot be one.
    """

    url: str
    """Such as `http://127.0.0.1:8080`; a slash at its end is taken off."""
    token: str = field(repr=False)
    """A legacy token or a personal access token; never shown."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _server_address(self.url))
        object.__setattr__(self, "token", self.token.strip())
        if not self.token or any(c.isspace() or not c.isprintable() for c in self.token):
            raise LabelStudioError(
                f"the token for {self.url} is empty or has blanks in it; copy the whole of one from "
                "Account & Settings of that Label Studio"
            )

    def hide(self, text: str) -> str:
        """`text` without the token."""
        return text.replace(self.token, "…")


def server_folder(store: str | Path) -> Path:
    """The folder of a store's own Label Studio: in the store's folder, in `workspace` for a server."""
    address = str(store)
    if address.startswith("sqlite:///"):
        place = Path(address.removeprefix("sqlite:///")).parent
    else:
        place = Path("workspace" if "://" in address else address)
    return place.expanduser() / "label_studio"


def read_credentials(
    url: str | None = None, token: str | None = None, *, folder: str | Path | None = None
) -> Credentials:
    """Credentials from the arguments, else the environment, else the file that `up` or `use` left.

    A stored token is sent to no server but its own.

    Args:
        url: A server's address; None: `WORKBENCH_LABEL_STUDIO_URL`, else the file's.
        token: A token; None: `WORKBENCH_LABEL_STUDIO_TOKEN`, else the file's.
        folder: Where the file is, see `server_folder`; None: of the store that the settings name.

    Raises:
        LabelStudioError: Nothing says which server, or nothing says the token; or others than its
            owner may read the file.
    """
    settings = read_settings()
    url = url or settings.label_studio_url
    token = token or settings.label_studio_token
    if url and token:
        return Credentials(url=url, token=token)
    path = Path(folder or server_folder(settings.store)) / CREDENTIALS_FILE
    stored = stored_credentials(path.parent)
    url = url and _server_address(url)
    if not url:
        if stored is None:
            raise LabelStudioError(f"no Label Studio is known: {path} is not there; {_HOW}")
        return stored if token is None else Credentials(url=stored.url, token=token)
    if stored is None or stored.url != url:
        raise LabelStudioError(
            f"no token is known for {url!r}: set WORKBENCH_LABEL_STUDIO_TOKEN, or store one with "
            "`workbench labelstudio use --url …`, which asks for it"
        )
    return stored


def stored_credentials(folder: str | Path) -> Credentials | None:
    """What `up` or `use` left in `folder`; None where neither ran.

    Raises:
        LabelStudioError: The file is damaged, or others than its owner may read it.
    """
    path = Path(folder) / CREDENTIALS_FILE
    data = read_private(path)
    if data is None:
        return None
    url, token = data.get("url"), data.get("token")
    if not isinstance(url, str) or not isinstance(token, str):
        raise LabelStudioError(f"{path} is damaged: it wants `url` and `token`; {_HOW}")
    return Credentials(url=url, token=token)


def write_credentials(folder: str | Path, credentials: Credentials) -> Path:
    """Leave `credentials` in `folder`, readable by its owner alone; the file's path."""
    path = Path(folder) / CREDENTIALS_FILE
    write_private(path, {"url": credentials.url, "token": credentials.token})
    return path


def write_private(path: Path, data: Mapping[str, object]) -> None:
    """Write JSON that only its owner may read, whole or not at all.

    Raises:
        LabelStudioError: The folder cannot be written to.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ignored = path.with_name(".gitignore")  # a store in a repository: no secret is committed
        if not ignored.exists():
            ignored.write_text("*\n")
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(data, file)
        half.replace(path)
    except OSError as error:
        raise LabelStudioError(
            f"cannot write {path}: {error.strerror}; choose another --store"
        ) from None


def read_private(path: Path) -> dict[str, object] | None:
    """JSON that `write_private` wrote; None where there is no such file.

    Raises:
        LabelStudioError: It cannot be read, or others may read it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LabelStudioError(f"cannot read {path}: {error.strerror}") from None
    if mode & 0o077:
        raise LabelStudioError(
            f"{path} holds a token, and others may read it (mode {mode:03o}): "
            f"run `chmod 600 {path}`, and make a new token if anybody did"
        )
    try:
        data = json.loads(text)
    except ValueError:
        data = None  # a parser's error would quote what the file says
    if not isinstance(data, dict):
        raise LabelStudioError(f"{path} is damaged: it is no JSON object; remove it, then {_HOW}")
    return data


def _server_address(url: str) -> str:
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise LabelStudioError(
            "a Label Studio's address may hold no user and no password; give the token apart from it"
        )
    known = parts.scheme in {"http", "https"} and re.fullmatch(r"[\w.:%-]+", parts.hostname or "")
    if not known or re.search(r"[\s?#]", text) or not text.isprintable():
        secret = re.search(r"[?#@]", url)  # what stands there may be a token
        got = "one with more behind or before it (a ?, # or @)" if secret else repr(url)
        raise LabelStudioError(
            f"want a Label Studio's address such as http://127.0.0.1:8080, got {got}"
        )
    return text

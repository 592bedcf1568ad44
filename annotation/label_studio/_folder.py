"""What a server's folder holds, and what makes it fit for a start.

`server.json` (who logs in; readable by its owner alone), `data/` (the server's database and uploads),
`media/` (pictures that it serves), `server.log`, and while it runs `process.json`.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotation.label_studio.credentials import read_private, write_private
from annotation.label_studio.environment import SERVER_VERSION, Installation
from workbench.errors import LabelStudioError

EMAIL = "workbench@localhost"
"""The login of whoever runs the server; it never leaves the machine."""
MEDIA = "media"
DATA = "data"
LOG = "server.log"
LOGIN = "server.json"
PROCESS = "process.json"
_DATABASE = "label_studio.sqlite3"
_UNFINISHED = "data.unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who may work in a Label Studio."""

    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a server's folder says of it, whether it runs or not."""

    login: Login
    version: str
    port: int | None
    """The last one; taken again where it is free, so that an open page stays right."""
    place: str
    """The folder at the last start."""
    ready: bool
    """Whether the first user is known to exist in the data."""


def prepared(folder: Path, installation: Installation) -> State:
    """A folder that a server can be started in: with a login, with data of this version."""
    data = folder / DATA
    state = read_state(folder)
    if state is None:
        if (data / _DATABASE).exists():
            raise LabelStudioError(
                f"{data} holds a server's data, and {folder / LOGIN}, which knows the login, is gone: "
                "put it back, or move the data away to begin anew"
            )
        login = Login(email=EMAIL, password=secrets.token_urlsafe(12), token=secrets.token_hex(20))
        state = State(
            login=login, version=SERVER_VERSION, port=None, place=str(folder), ready=False
        )
        write_state(folder, state)
    if not state.ready and data.exists():  # the first start did not end
        state = _taken_up(folder, state)
    if not data.exists():
        if state.ready:
            raise LabelStudioError(
                f"{data}, with everything that people answered, is gone: put it back, "
                f"or remove {folder / LOGIN} to begin anew"
            )
        half = folder / ".data"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(installation.template, half)
        half.chmod(0o700)
        (half / _DATABASE).chmod(0o600)
        half.rename(data)
    (folder / MEDIA).mkdir(exist_ok=True)
    return _of_this_version(folder, state)


def _taken_up(folder: Path, state: State) -> State:
    """Data of a start that did not end: gone on with where somebody has worked in them, else put aside.

    Nothing is removed: what lies there may be somebody else's after all.
    """
    data = folder / DATA
    database = data / _DATABASE
    if not database.is_file():
        raise LabelStudioError(
            f"{data} is there, and is no Label Studio's data: move it away, or choose another --store"
        )
    if _worked_in(database):
        return replace(state, ready=True)
    number = sum(1 for _ in folder.glob(f"{_UNFINISHED}*"))
    data.rename(folder / (f"{_UNFINISHED}-{number + 1}" if number else _UNFINISHED))
    return state


def _worked_in(database: Path) -> bool:
    """Whether there is a project in it, or it cannot be told."""
    import sqlite3

    try:
        with contextlib.closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
        ) as asked:
            return asked.execute("SELECT 1 FROM project LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return True


def _of_this_version(folder: Path, state: State) -> State:
    """Data of an older server are kept as they were before this one changes them."""
    if state.version == SERVER_VERSION:
        return state
    if _ordered(state.version) > _ordered(SERVER_VERSION):
        raise LabelStudioError(
            f"the data in {folder} were made by Label Studio {state.version}, newer than the "
            f"{SERVER_VERSION} that is started here: update this program, or choose another --store"
        )
    database = folder / DATA / _DATABASE
    kept = database.with_name(f"{_DATABASE}.{state.version}")
    if not kept.exists():
        shutil.copy2(database, kept)
    state = replace(state, version=SERVER_VERSION)
    write_state(folder, state)
    return state


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def read_state(folder: Path) -> State | None:
    found = read_private(folder / LOGIN)
    if found is None:
        return None
    try:
        port = found["port"]
        return State(
            login=Login(
                email=str(found["email"]),
                password=str(found["password"]),
                token=str(found["token"]),
            ),
            version=str(found["version"]),
            port=int(str(port)) if port is not None else None,
            place=str(found["place"]),
            ready=_truth(found["ready"]),
        )
    except (KeyError, ValueError):
        raise LabelStudioError(
            f"{folder / LOGIN} is damaged: put back a copy, or move {folder} away to begin anew"
        ) from None


def _truth(value: object) -> bool:
    """Nothing else stands for true or false here: by it data are taken for unfinished."""
    if not isinstance(value, bool):
        raise ValueError
    return value


def write_state(folder: Path, state: State) -> None:
    write_private(
        folder / LOGIN,
        {
            "email": state.login.email,
            "password": state.login.password,
            "token": state.login.token,
            "version": state.version,
            "port": state.port,
            "place": state.place,
            "ready": state.ready,
        },
    )

"""One real Label Studio on this machine, for this machine alone: started, found again, stopped.

It runs in the background until it is stopped, whatever becomes of who started it; `_folder.py` says
what its folder holds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from annotation.label_studio._folder import (
    DATA,
    LOGIN,
    MEDIA,
    PROCESS,
    Login,
    State,
    prepared,
    read_state,
    write_state,
)
from annotation.label_studio._lists import read_projects
from annotation.label_studio._process import (
    HOST,
    Running,
    answers,
    launch,
    running_server,
    wait_for,
)
from annotation.label_studio.client import connect
from annotation.label_studio.credentials import Credentials, write_credentials
from annotation.label_studio.environment import install_server, locked
from workbench.errors import LabelStudioError

_PATIENCE = 360.0
"""Seconds that one process waits for another that starts or stops the server."""
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Label Studio that runs and answers."""

    folder: Path
    url: str
    pid: int
    login: Login
    """Its first user, who may do everything."""
    found: bool = False
    """Whether it ran before it was asked for."""
    fresh: bool = False
    """Whether nobody can have logged in yet: it is the first start."""

    @property
    def credentials(self) -> Credentials:
        """Of the first user."""
        return Credentials(url=self.url, token=self.login.token)

    @property
    def media(self) -> Path:
        """Pictures in subfolders of this one can be served, see `import_storage.local` of the SDK."""
        return self.folder / MEDIA


def start_server(
    folder: str | Path,
    *,
    port: int | None = None,
    cache: str | Path | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> Server:
    """Start the server of `folder` on 127.0.0.1, or find that it runs; it outlives this process.

    Args:
        folder: Made where it is not there; see `server_folder`.
        port: None: the last one, else any that is free.
        cache: Where the server's environment is kept; None: the cache of the settings.
        announce: Told what takes long, before it does.

    Raises:
        LabelStudioError: The port is taken, the folder cannot be used, or the server does not start.
    """
    folder = Path(folder).expanduser().absolute()
    with _alone(folder):
        running = running_server(folder)
        if running is not None:
            return _already_up(folder, running, port)
        installation = install_server(cache, announce=announce)
        state = prepared(folder, installation)
        running = launch(folder, installation, state, _free_port(port, preferred=state.port))
        try:
            wait_for(running, folder, state)
            server = _made_known(folder, running, state)
            if state.place != str(folder):
                _follow_the_move(server, state.place)
        except BaseException:
            _end(running)
            raise
        return server


def find_server(folder: str | Path) -> Server | None:
    """The server of `folder` where it runs and answers, else None.

    Raises:
        LabelStudioError: It runs, but its folder cannot be read.
    """
    folder = Path(folder).expanduser().absolute()
    running = running_server(folder)
    if running is None or not answers(running.url):
        return None
    login = _state_of(folder, running).login
    return Server(folder=folder, url=running.url, pid=running.process.pid, login=login, found=True)


def is_own(folder: str | Path, credentials: Credentials) -> bool:
    """Whether `credentials` are for the server of `folder`, wherever it was or is, and no team's.

    Raises:
        LabelStudioError: The folder cannot be read.
    """
    state = read_state(Path(folder).expanduser().absolute())
    if state is None:
        return False
    own = state.login.token == credentials.token
    return own or credentials.url == f"http://{HOST}:{state.port}"


def stop_server(folder: str | Path) -> bool:
    """Stop the server of `folder`, and wait until it has ended; its data stay. False where none ran.

    Raises:
        LabelStudioError: The folder cannot be used.
    """
    folder = Path(folder).expanduser().absolute()
    if not folder.is_dir():
        return False
    with _alone(folder):
        running = running_server(folder)
        if running is not None:
            _end(running)
        (folder / PROCESS).unlink(missing_ok=True)
        return running is not None


def _end(running: Running) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        running.process.terminate()
        try:
            running.process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            os.killpg(os.getpgid(running.process.pid), signal.SIGKILL)
            running.process.wait(_STOP_SECONDS)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(folder / ".lock", patience=_PATIENCE):
            yield
    except OSError as error:
        raise LabelStudioError(
            f"the server's folder {folder} cannot be used: {str(error.strerror or error).lower()}; "
            "choose another --store, or give yourself the right to write there"
        ) from None


def _already_up(folder: Path, running: Running, port: int | None) -> Server:
    state = _state_of(folder, running)
    if port is not None and port != running.port:
        raise LabelStudioError(
            f"the server is up at port {running.port} already, not at {port}: "
            "run `workbench labelstudio down` first"
        )
    if not Path(state.place).exists():
        raise LabelStudioError(
            f"the server runs since before its folder was moved from {state.place}: "
            "run `workbench labelstudio down`, then `workbench labelstudio up`"
        )
    wait_for(running, folder, state)
    return replace(_made_known(folder, running, state), found=True)


def _state_of(folder: Path, running: Running) -> State:
    state = read_state(folder)
    if state is None:
        raise LabelStudioError(
            f"a server of {folder} runs (process id {running.process.pid}), but {folder / LOGIN} "
            "is gone, and with it the login: run `workbench labelstudio down`"
        )
    return state


def _made_known(folder: Path, running: Running, state: State) -> Server:
    """The server, once it knows its first user; where it is, is left in the folder."""
    credentials = Credentials(url=running.url, token=state.login.token)
    _check_login(folder, credentials)
    write_credentials(folder, credentials)
    write_state(folder, replace(state, port=running.port, place=str(folder), ready=True))
    return Server(
        folder=folder,
        url=running.url,
        pid=running.process.pid,
        login=state.login,
        fresh=not state.ready,
    )


def _check_login(folder: Path, credentials: Credentials) -> None:
    """The data know our token: they are those that `server.json` is about."""
    try:
        connect(credentials).close()
    except LabelStudioError as error:
        if error.status != 401:
            raise
    else:
        return
    raise LabelStudioError(
        f"the server does not know the login in {folder / LOGIN}: {folder / DATA} is another server's; "
        "put back what belongs together",
        status=401,
    )


def _free_port(wanted: int | None, *, preferred: int | None) -> int:
    if wanted is not None:
        problem = _refusal(wanted)
        if problem is not None:
            raise LabelStudioError(
                f"port {wanted} cannot be had: {problem}; choose another --port, or leave it out for a "
                "free one"
            )
        return wanted
    if preferred is not None:
        give_up = time.monotonic() + 1  # a server that was just killed may hold it still
        while _refusal(preferred) is not None and time.monotonic() < give_up:
            time.sleep(0.05)
        if _refusal(preferred) is None:
            return preferred
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def _refusal(port: int) -> str | None:
    """Why the server could not listen at `port`; None where it could."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            trial.bind((HOST, port))
        except OSError as error:
            return str(error.strerror or error).lower()
    return None


def _follow_the_move(server: Server, moved_from: str) -> None:
    """Pictures are found again after the folder was moved: the server keeps whole paths of them."""
    before, now = Path(moved_from) / MEDIA, server.media
    storages = "/api/storages/localfiles"
    with connect(server.credentials) as client:
        for project in read_projects(client):
            asked = {"project": project["id"]}
            for storage in client.get(storages, doing="list local files", params=asked):
                path = Path(str(storage["path"]))
                if path.is_relative_to(before):
                    client.request(
                        "PATCH",
                        f"{storages}/{storage['id']}",
                        doing="correct a path of local files",
                        json=asked | {"path": str(now / path.relative_to(before))},
                    )

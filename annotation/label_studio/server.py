"""One real Label Studio on this machine, for this machine alone: started, found again, stopped.

It runs in the background until it is stopped, whatever becomes of who started it; `_folder.py` says
what its folder holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.label_studio._folder import (
    DATA,
    LOG,
    LOGIN,
    MEDIA,
    PROCESS,
    Login,
    State,
    prepared,
    read_state,
    write_state,
)
from annotation.label_studio.credentials import Credentials, write_credentials, write_private
from annotation.label_studio.environment import (
    Installation,
    install_server,
    locked,
    server_environment,
)
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    import psutil

HOST = "127.0.0.1"
_START_SECONDS = 180.0
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
        running = _running(folder)
        if running is not None:
            return _already_up(folder, running, port)
        installation = install_server(cache, announce=announce)
        state = prepared(folder, installation)
        chosen = _free_port(port, preferred=state.port)
        _launch(folder, installation, state, chosen)
        url = f"http://{HOST}:{chosen}"
        process = _wait_until_it_answers(folder, state, chosen)
        _check_login(folder, url, state)
        write_credentials(folder, Credentials(url=url, token=state.login.token))
        moved_from, here = state.place, str(folder)
        write_state(folder, replace(state, port=chosen, place=here, ready=True))
        server = Server(folder=folder, url=url, pid=process.pid, login=state.login)
        if moved_from != here:
            _follow_the_move(server, moved_from)
        return server


def find_server(folder: str | Path) -> Server | None:
    """The server of `folder` where it runs and answers, else None.

    Raises:
        LabelStudioError: It runs, but its folder cannot be read.
    """
    folder = Path(folder).expanduser().absolute()
    running = _running(folder)
    if running is None or not _answers(running.url):
        return None
    return _found(folder, running)


def stop_server(folder: str | Path) -> bool:
    """Stop the server of `folder`, and wait until it has ended; its data stay. False where none ran.

    Raises:
        LabelStudioError: It belongs to another user.
    """
    import psutil

    folder = Path(folder).expanduser().absolute()
    if not folder.is_dir():
        return False
    with _alone(folder):
        running = _running(folder)
        if running is not None:
            try:
                running.process.terminate()
                try:
                    running.process.wait(_STOP_SECONDS)
                except psutil.TimeoutExpired:
                    os.killpg(os.getpgid(running.process.pid), signal.SIGKILL)
                    running.process.wait(_STOP_SECONDS)
            except psutil.NoSuchProcess:
                pass  # it ended meanwhile
            except (psutil.AccessDenied, PermissionError):
                raise LabelStudioError(
                    f"the server with process id {running.process.pid} is another user's: "
                    "whoever started it can stop it"
                ) from None
        (folder / PROCESS).unlink(missing_ok=True)
        return running is not None


# ---- the process -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Running:
    process: psutil.Process
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(folder / ".lock", patience=2 * _START_SECONDS):
            yield
    except OSError as error:
        raise LabelStudioError(
            f"the server's folder {folder} cannot be used: {error.strerror or error}; "
            "choose another --store, or give yourself the right to write there"
        ) from None


def _running(folder: Path) -> _Running | None:
    """The server's process, by what its start left, else by what it was started with."""
    import psutil

    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        left = json.loads((folder / PROCESS).read_text())
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(left["pid"]))
            # Process ids come round again: the same one may be another program by now.
            if abs(process.create_time() - float(left["created"])) < 60 and _is_server(process):
                return _Running(process, int(left["port"]))
    for process in psutil.process_iter():  # a start that was killed before it could leave anything
        with contextlib.suppress(psutil.Error, OSError, ValueError, IndexError):
            if (
                _is_server(process)
                and process.environ().get("LABEL_STUDIO_BASE_DATA_DIR") == f"{folder / DATA}"
            ):
                command = process.cmdline()
                return _Running(process, int(command[command.index("--port") + 1]))
    return None


def _is_server(process: psutil.Process) -> bool:
    import psutil

    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    command = process.cmdline()
    return "start" in command and any(Path(w).name == "label-studio" for w in command[:2])


def _found(folder: Path, running: _Running) -> Server:
    state = read_state(folder)
    if state is None:
        raise LabelStudioError(
            f"a server of {folder} runs (process id {running.process.pid}), but {folder / LOGIN} "
            "is gone, and with it the login: run `workbench labelstudio down`"
        )
    return Server(
        folder=folder, url=running.url, pid=running.process.pid, login=state.login, found=True
    )


def _already_up(folder: Path, running: _Running, port: int | None) -> Server:
    server = _found(folder, running)
    state = read_state(folder)
    if port is not None and port != running.port:
        raise LabelStudioError(
            f"the server is up at port {running.port} already, not at {port}: "
            "run `workbench labelstudio down` first"
        )
    if state is not None and state.ready and state.place != str(folder):
        raise LabelStudioError(
            f"the server runs since before its folder was moved from {state.place}: "
            "run `workbench labelstudio down`, then `up` again"
        )
    if state is not None:
        _wait_until_it_answers(folder, state, running.port, process=running.process)
        _check_login(folder, running.url, state)
        write_state(folder, replace(state, port=running.port, place=str(folder), ready=True))
    write_credentials(folder, server.credentials)
    return server


def _launch(folder: Path, installation: Installation, state: State, port: int) -> None:
    """Start the server in a process group of its own, and leave its process id in the folder."""
    import psutil

    log = folder / LOG
    if log.exists():
        log.replace(log.with_suffix(".log.before"))
    new = {
        "LABEL_STUDIO_USERNAME": state.login.email,
        "LABEL_STUDIO_PASSWORD": state.login.password,
        "LABEL_STUDIO_USER_TOKEN": state.login.token,
    }
    # The shell ends at once: the server is nobody's child, and is no zombie when it ends. Secrets
    # travel in its environment, which only its owner may read, not in its arguments.
    script = 'umask 077; log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!'
    start = ["start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    started = subprocess.run(  # noqa: S603 - our own words only
        ["/bin/sh", "-c", script, "sh", str(log), str(installation.program), *start],
        env=server_environment(folder / DATA, folder / MEDIA, {} if state.ready else new),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,
    )
    pid = int(started.stdout)
    with contextlib.suppress(
        psutil.NoSuchProcess
    ):  # it ended at once: whoever waits for it says so
        left = {"pid": pid, "created": psutil.Process(pid).create_time(), "port": port}
        write_private(folder / PROCESS, left)


def _wait_until_it_answers(
    folder: Path, state: State, port: int, *, process: psutil.Process | None = None
) -> psutil.Process:
    import psutil

    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        if process is None:
            running = _running(folder)
            process = running.process if running else None
        if process is None or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            (folder / PROCESS).unlink(missing_ok=True)
            raise LabelStudioError(
                f"the server ended while it started; {folder / LOG} ends with: "
                f"{_last_words(folder, state)}"
            )
        # Where its port was taken meanwhile, it goes to another one, and a stranger answers here.
        with contextlib.suppress(psutil.Error):
            ports = {
                c.laddr.port
                for c in process.net_connections(kind="tcp")
                if c.status == psutil.CONN_LISTEN
            }
            if ports and port not in ports:
                process.kill()
                raise LabelStudioError(
                    f"port {port} was taken by another program meanwhile: run `up` again"
                )
            if ports and _answers(f"http://{HOST}:{port}"):
                return process
        time.sleep(0.1)
    raise LabelStudioError(
        f"the server does not answer after {_START_SECONDS:.0f} seconds; {folder / LOG} ends with: "
        f"{_last_words(folder, state)}"
    )


def _answers(url: str) -> bool:
    import httpx

    with contextlib.suppress(httpx.HTTPError, ValueError):
        health: Any = httpx.get(f"{url}/health", timeout=5, trust_env=False).json()
        return isinstance(health, dict) and health.get("status") == "UP"
    return False


def _last_words(folder: Path, state: State) -> str:
    try:
        lines = (folder / LOG).read_text(errors="replace").splitlines()
    except OSError:
        return "nothing"
    text = " / ".join(line.strip() for line in lines[-3:] if line.strip())
    for secret in (state.login.token, state.login.password):
        text = text.replace(secret, "…")
    return text or "nothing"


def _check_login(folder: Path, url: str, state: State) -> None:
    """The data know our token: they are those that `server.json` is about."""
    import httpx

    answer = httpx.get(
        f"{url}/api/current-user/whoami",
        headers={"Authorization": f"Token {state.login.token}"},
        timeout=30,
        trust_env=False,
    )
    if answer.status_code == 200:
        return
    raise LabelStudioError(
        f"the server runs, and refuses the login in {folder / LOGIN} ({answer.status_code}): "
        f"{folder / DATA} is another server's; put the file back that belongs to these data",
        status=answer.status_code,
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
    if preferred is not None and _refusal(preferred) is None:
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
            return error.strerror.lower()
    return None


def _follow_the_move(server: Server, moved_from: str) -> None:
    """Pictures are found again after the folder was moved: the server keeps whole paths of them."""
    from annotation.label_studio.client import connect

    client = connect(server.credentials)
    before, now = Path(moved_from) / MEDIA, server.media
    for storage in client.get("/api/storages/localfiles", doing="list local files"):
        path = Path(str(storage["path"]))
        if path.is_relative_to(before):
            client.request(
                "PATCH",
                f"/api/storages/localfiles/{storage['id']}",
                doing="correct a path of local files",
                json={"path": str(now / path.relative_to(before))},
            )

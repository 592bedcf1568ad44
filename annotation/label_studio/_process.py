"""The process of a server: found, launched, and waited for."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.label_studio._folder import DATA, LOG, MEDIA, PROCESS, State
from annotation.label_studio.credentials import write_private
from annotation.label_studio.environment import Installation, server_environment
from workbench.errors import LabelStudioError

if TYPE_CHECKING:
    import psutil

HOST = "127.0.0.1"
_START_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server's process, which may not answer yet."""

    process: psutil.Process
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"


def running_server(folder: Path) -> Running | None:
    """The process of the server of `folder`, by what its start left, else by what it was started with."""
    import psutil

    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, psutil.Error):
        left = json.loads((folder / PROCESS).read_text())
        process = psutil.Process(int(left["pid"]))
        # Process ids come round again: the same one may be another program by now.
        same = abs(process.create_time() - float(left["created"])) < 60
        # A folder that was moved keeps its number, a copy has another one, and another server.
        if same and left["data"] == _number(folder) and _is_server(process):
            return Running(process, int(left["port"]))
    for process in psutil.process_iter():  # a start that was killed before it could leave anything
        with contextlib.suppress(OSError, ValueError, KeyError, psutil.Error):
            if _is_server(process) and _data_of(process).samefile(folder / DATA):
                command = process.cmdline()
                return Running(process, int(command[command.index("--port") + 1]))
    return None


def launch(folder: Path, installation: Installation, state: State, port: int) -> Running:
    """Start the server in a process group of its own, and leave its process id in the folder.

    Raises:
        LabelStudioError: It ended at once.
    """
    import psutil

    log = folder / LOG
    if log.exists():
        log.replace(log.with_name(f"{LOG}.before"))
    first_user = {
        "LABEL_STUDIO_USERNAME": state.login.email,
        "LABEL_STUDIO_PASSWORD": state.login.password,
        "LABEL_STUDIO_USER_TOKEN": state.login.token,
    }
    # The shell ends at once: the server is nobody's child, and is no zombie when it ends. Secrets
    # travel in its environment, which only its owner may read, not in its arguments.
    script = 'umask 077; log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!'
    start = ["start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    secrets = {} if state.ready else first_user
    started = subprocess.run(  # noqa: S603 - our own words only
        ["/bin/sh", "-c", script, "sh", str(log), str(installation.program), *start],
        env=server_environment(folder / DATA, folder / MEDIA, secrets),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,
    )
    try:
        process = psutil.Process(int(started.stdout))
    except psutil.NoSuchProcess:
        raise _ended(folder, state) from None
    made = {"pid": process.pid, "created": process.create_time()}
    write_private(folder / PROCESS, {**made, "port": port, "data": _number(folder)})
    return Running(process, port)


def wait_for(running: Running, folder: Path, state: State) -> None:
    """Wait until the server answers.

    Raises:
        LabelStudioError: It ended, listens elsewhere, or does not answer in time.
    """
    import psutil

    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        process = running.process
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise _ended(folder, state)
        with contextlib.suppress(psutil.Error):
            connections = process.net_connections(kind="tcp")
            ports = {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}
            # A port that was taken meanwhile it leaves for the next one, and a stranger answers here.
            if ports and running.port not in ports:
                raise LabelStudioError(
                    f"port {running.port} was taken by another program meanwhile: run `up` again"
                )
            if ports and answers(running.url):
                return
        time.sleep(0.1)
    raise LabelStudioError(
        f"the server does not answer after {_START_SECONDS:.0f} seconds; {folder / LOG} ends with: "
        f"{_last_words(folder, state)}"
    )


def answers(url: str) -> bool:
    """Whether a Label Studio is there, and well."""
    import httpx

    with contextlib.suppress(httpx.HTTPError, ValueError):
        health: Any = httpx.get(f"{url}/health", timeout=5, trust_env=False).json()
        return isinstance(health, dict) and health.get("status") == "UP"
    return False


def _is_server(process: psutil.Process) -> bool:
    import psutil

    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    command = process.cmdline()
    return "start" in command and any(Path(word).name == "label-studio" for word in command[:2])


def _data_of(process: psutil.Process) -> Path:
    return Path(process.environ()["LABEL_STUDIO_BASE_DATA_DIR"])


def _number(folder: Path) -> list[int]:
    found = (folder / DATA).stat()
    return [found.st_dev, found.st_ino]


def _ended(folder: Path, state: State) -> LabelStudioError:
    (folder / PROCESS).unlink(missing_ok=True)
    return LabelStudioError(
        f"the server ended while it started; {folder / LOG} ends with: {_last_words(folder, state)}"
    )


def _last_words(folder: Path, state: State) -> str:
    try:
        lines = (folder / LOG).read_text(errors="replace").splitlines()
    except OSError:
        return "nothing"
    text = " / ".join(line.strip() for line in lines[-3:] if line.strip())
    for secret in (state.login.token, state.login.password):
        text = text.replace(secret, "…")
    return text or "nothing"

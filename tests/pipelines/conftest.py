"""A real server that paints, a rubric that asks no model, and stores that are compared."""

import base64
import dataclasses
import io
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.models import tiny
from workbench.records import Generation, RunEvent, Verdict
from workbench.store import Store

MEASURED = Path(__file__).parents[1] / "samples" / "measured.yaml"


@pytest.fixture
def measured(tmp_path):
    """A rubric that asks no model."""
    file = tmp_path / "measured.yaml"
    file.write_text(MEASURED.read_text())
    return str(file)


@dataclass
class Painter:
    """What is known about a running server."""

    model: str
    asked: Counter = field(default_factory=Counter)
    """Prompt and seed to how often it was painted."""


def _paint(seed):
    pixels = np.full((16, 16, 3), 250 if seed % 3 else 40, np.uint8)
    pixels[4:12, 4:12] = np.random.default_rng(seed).integers(0, 255, (8, 8, 3))
    return Image.fromarray(pixels)


@contextmanager
def _serve(*, refuse_every=None, seconds=0.0):
    count, lock = [0], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(200, {"object": "list", "data": [{"id": "painter", "object": "model"}]})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                count[0] += 1
                refuse = refuse_every is not None and count[0] % refuse_every == 0
                painter.asked[body["prompt"], body["seed"]] += not refuse
            time.sleep(seconds)
            out = io.BytesIO()
            _paint(body["seed"]).save(out, "PNG")
            data = (
                {"error": {"message": "not today"}}
                if refuse
                else {"data": [{"b64_json": base64.b64encode(out.getvalue()).decode()}]}
            )
            self.answer(400 if refuse else 200, data)

        def answer(self, status, data):
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(data).encode())
            except ConnectionError:
                pass  # who asked was killed

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    painter = Painter(model=f"openai:http://127.0.0.1:{server.server_port}/v1#painter")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield painter
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def painting_server():
    """Starts `/v1/images/generations`; it may refuse each request whose turn `refuse_every` divides."""
    return _serve


@pytest.fixture(scope="session")
def fast_painter(tmp_path_factory):
    """The string of a tiny image model that is done in two steps."""
    folder = tmp_path_factory.mktemp("painter")
    tiny.save("image", folder)
    (folder / "sampling.json").write_text('{"steps": 2}')
    return f"dir:{folder}"


def _kept(store, kinds):
    """Outputs of these kinds and verdicts by key; without what they took and when."""
    made = [one for one in store.records(Generation) if one.kind in kinds]
    return {
        one.key: dataclasses.replace(one, cost=type(one.cost)(), run=None, created_at=None)
        for one in [*made, *store.records(Verdict)]
    }


def _alike(one, other):
    """The same but for probabilities, whose last bits depend on what else was in a batch."""
    if isinstance(one, Verdict):
        for a, b in zip(one.scores, other.scores, strict=True):
            assert b.score == (None if a.score is None else pytest.approx(a.score, abs=1e-4))
        one, other = (dataclasses.replace(v, scores=(), confidence=None) for v in (one, other))
    assert one == other


@pytest.fixture(scope="session")
def same_store():
    """Compares what two folders' stores hold of some kinds and what is judged; gives how much that is."""

    def compare(here, there, *kinds):
        with Store.open(here) as one, Store.open(there) as other:
            want, got = _kept(one, kinds), _kept(other, kinds)
            assert want.keys() == got.keys()
            for key, record in want.items():
                _alike(record, got[key])
            done = [
                sum(e.done for e in store.records(RunEvent) if e.stage != "ingest")
                for store in (one, other)
            ]
            assert done[0] == done[1], "nothing was made twice"
        return len(want)

    return compare

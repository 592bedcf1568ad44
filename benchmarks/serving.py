"""Judging through a real server: how near it comes to what the server can do, and what a crash costs.

    python benchmarks/serving.py --python /opt/vllm/bin/python [--pictures 2000] [--blocks 8] [--kills 2]

Serves starter:judge by `workbench serve`'s own means (vLLM, which gives probabilities) and judges drawn
pictures by the rubric for category images, all model criteria of each.

First, blocks of pictures in turn: one is judged as `workbench judge` does (pictures read from the store,
verdicts written to it), the next one's requests are sent by a plain load generator that has them all ready and
does nothing with the answers, at every concurrency of a short list; the fastest one of these is the server's
maximum. Every block has its own pictures, so none finds its prompts in the server's cache. Then all
pictures are judged while the server is killed and started again; where that takes longer than a judge
waits, the same call is made again, as a person would.

Prints both rates in questions a second, their ratio with a bootstrap interval over blocks, how far the
scores are from those of this process, and what the crashes cost. Ends with status 1 where the ratio is
under 0.9, a verdict is missing, undecided or there twice, or scores differ by more than 1e-4.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from workbench.catalog.drawn import DrawnCatalog
from workbench.errors import ServerError
from workbench.judging import ModelAnswerer, RubricJudge, judge_all
from workbench.judging.cache import load_subject
from workbench.metrics.resampling import bootstrap
from workbench.models import load_scorer
from workbench.models.openai_server import OpenAIServer
from workbench.models.protocols import Answer, Prompt, Question, asked
from workbench.models.serving import ServerPlan, plan_server, serving
from workbench.records import Generation, Verdict
from workbench.rubric import load_rubric
from workbench.store import Store

BAR, CLOSE = 0.9, 1e-4
CONCURRENCIES = (4, 8, 16, 32)
PIXELS = 96


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="Python of vLLM's environment")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--blocks", type=int, default=8, help="rounds of blocks")
    parser.add_argument("--block", type=int, default=64, help="pictures a block")
    parser.add_argument("--kills", type=int, default=2)
    given = parser.parse_args()
    port = free_port()
    plan = plan_server(
        "starter:judge", port=port, python=given.python, more=["--max-model-len", "1024"]
    )
    if plan.engine != "vLLM":
        print("vLLM is not installed: nothing else here gives probabilities. Name its Python.")
        return 0
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        pictures = max(given.pictures, given.block * (2 + given.blocks * (1 + len(CONCURRENCIES))))
        generations = draw(store, pictures)
        server = Restarted(plan)
        try:
            found = speed(store, plan, generations, given.blocks, given.block)
            found |= agreement(store, plan, generations[:48])
            print(json.dumps(found, indent=1), flush=True)
            crashes = survive(store, server, generations[: given.pictures], given.kills)
        finally:
            server.stop()
    print(json.dumps(crashes, indent=1))
    whole = crashes["verdicts"] == given.pictures and not crashes["undecided"]
    return int(found["ratio"] < BAR or found["largest_difference"] > CLOSE or not whole)


class Restarted:
    """The server, which can be killed and is then started again."""

    def __init__(self, plan: ServerPlan) -> None:
        self._plan = plan
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] = self._running.enter_context(serving(plan))

    def kill(self) -> float:
        """End it at once, with all that it has started, and start it again; seconds until it answers."""
        began = time.monotonic()
        kill_family(self._process.pid)
        self._process.wait()
        self._process = self._running.enter_context(serving(self._plan))
        return time.monotonic() - began

    def stop(self) -> None:
        """End the one that runs; those that were killed are no errors."""
        self._running.pop_all()
        self._process.terminate()
        self._process.wait()


def kill_family(pid: int) -> None:
    import psutil

    parent = psutil.Process(pid)
    for one in [*parent.children(recursive=True), parent]:
        os.kill(one.pid, signal.SIGKILL)


def draw(store: Store, count: int) -> list[Generation]:
    """Pictures of drawn products as attempts that some image model made."""
    catalog = DrawnCatalog(seed=17, items=count)
    generations = []
    for entry in catalog.entries:
        data = io.BytesIO()
        catalog.picture(entry).resize((PIXELS, PIXELS)).save(data, "PNG")
        generations.append(
            Generation(
                key=f"picture {len(generations)}", kind="image", category=entry.product.kind,
                model="drawn", revision="1", prompt=f"A product photo of a {entry.product.kind}",
                image=store.images.put(data.getvalue()), simulated=True,
            )
        )  # fmt: skip
    store.add(generations)
    return generations


def judge_of(plan: ServerPlan) -> RubricJudge:
    return RubricJudge(load_rubric("category-image"), ModelAnswerer(load_scorer(plan.name)))


class Overheard:
    """A scorer that answers nothing and remembers what a judge asked."""

    name, revision, sees = "overheard", "1", True

    def __init__(self) -> None:
        self.contexts: list[Prompt] = []
        self.questions: list[Question] = []

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: object = None,
    ) -> list[list[Answer]]:
        """No answers."""
        self.contexts, self.questions = list(contexts), list(questions[0])
        return [[Answer(distribution=(), error="not asked")] * len(one) for one in questions]


def questions_about(
    store: Store, generations: Sequence[Generation]
) -> tuple[list[Prompt], list[Question]]:
    """What a judge asks: contexts, and the questions that each of them gets."""
    overheard = Overheard()
    judge = RubricJudge(load_rubric("category-image"), ModelAnswerer(overheard))
    judge.judge([load_subject(store, one) for one in generations])
    return overheard.contexts, overheard.questions


def speed(
    store: Store, plan: ServerPlan, generations: list[Generation], blocks: int, size: int
) -> dict[str, Any]:
    """Both rates over the same number of blocks in turn, and their ratio."""
    judge, left = judge_of(plan), iter(generations)
    scorer = OpenAIServer(plan.address)
    per_picture = len(questions_about(store, generations[:1])[1])

    def block() -> list[Generation]:
        return [next(left) for _ in range(size)]

    ours: list[float] = []
    plain: dict[int, list[float]] = {one: [] for one in CONCURRENCIES}
    asyncio.run(send(plan.address, ready(scorer, *questions_about(store, block())), 8))  # warm
    for _ in judge_all(store, judge, block()):
        pass
    for place in range(blocks):
        began = time.perf_counter()
        for _ in judge_all(store, judge, block()):
            pass
        ours.append(time.perf_counter() - began)
        turn = place % len(CONCURRENCIES)
        for concurrency in CONCURRENCIES[turn:] + CONCURRENCIES[:turn]:
            bodies = ready(scorer, *questions_about(store, block()))
            plain[concurrency].append(asyncio.run(send(plan.address, bodies, concurrency)))
        print(
            f"block {place + 1}: {ours[-1]:.1f} s, plain {[round(t[-1], 1) for t in plain.values()]}",
            flush=True,
        )
    best = min(plain, key=lambda one: statistics.mean(plain[one]))
    sums = np.array([plain[best], ours]).T
    ratio = bootstrap(sums, lambda total: total[:, 0] / total[:, 1], n=blocks)
    asked_of_each = size * per_picture * blocks
    return {
        "blocks": blocks,
        "questions_a_block": size * per_picture,
        "judged_per_second": round(asked_of_each / sum(ours), 2),
        "plain_per_second": {c: round(asked_of_each / sum(t), 2) for c, t in plain.items()},
        "ratio": round(ratio.value, 3),
        "interval": [round(ratio.low, 3), round(ratio.high, 3)],
    }


def ready(
    scorer: OpenAIServer, contexts: Sequence[Prompt], several: Sequence[Question]
) -> list[bytes]:
    """The requests of a block, as bytes."""
    wanted = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": 20}
    return [
        json.dumps(scorer._body(asked(context, one)) | wanted).encode()
        for context in contexts
        for one in several
    ]


async def send(address: str, bodies: Sequence[bytes], concurrency: int) -> float:
    """Seconds that all of them take, so many at once."""
    import httpx

    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(timeout=600, limits=limits, headers=headers) as client:

        async def take_turns() -> None:
            for body in waiting:
                reply = await client.post(f"{address}/chat/completions", content=body)
                reply.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(take_turns() for _ in range(concurrency)))
        return time.perf_counter() - began


def agreement(store: Store, plan: ServerPlan, generations: list[Generation]) -> dict[str, Any]:
    """How far the server's probabilities are from those of the same weights in this process."""
    contexts, several = questions_about(store, generations)
    asking = [several] * len(contexts)
    there = load_scorer(plan.name).score(contexts, asking)
    here = load_scorer("starter:judge", device="cpu").score(contexts, asking)
    differences = [
        abs(p - q)
        for one, other in zip(there, here, strict=True)
        for a, b in zip(one, other, strict=True)
        for p, q in zip(a.distribution, b.distribution, strict=True)
    ]
    return {"probabilities": len(differences), "largest_difference": max(differences)}


def survive(
    store: Store, server: Restarted, generations: list[Generation], kills: int
) -> dict[str, Any]:
    """Judge all of them while the server is killed: what is stored in the end."""
    judge = judge_of(server._plan)
    before = {one.key for one in store.records(Verdict)}
    away: list[float] = []
    threads: list[threading.Thread] = []
    began, starts = time.perf_counter(), 0
    moments = [(k + 1) / (kills + 1) for k in range(kills)]

    def kill_soon() -> None:
        time.sleep(1)  # in the middle of the next chunk, not between two
        away.append(server.kill())

    done = False
    while not done:
        starts += 1
        try:
            for report in judge_all(store, judge, generations):
                if moments and report.done + report.known >= moments[0] * len(generations):
                    moments.pop(0)
                    threads.append(threading.Thread(target=kill_soon))
                    threads[-1].start()
            done = True
        except ServerError as error:  # it was away for longer than anybody waits
            print(f"stopped: {error}", flush=True)
        finally:
            for one in threads:
                one.join()
    seconds = time.perf_counter() - began
    wanted = {judge.key(one) for one in generations}
    verdicts = [one for one in store.records(Verdict) if one.key in wanted]
    unsure = [v for v in verdicts if any(s.score is None for s in v.scores if s.by == judge.name)]
    return {
        "kills": len(away),
        "starts": starts,
        "seconds_away": [round(one, 1) for one in away],
        "seconds": round(seconds, 1),
        "judged_now": len(wanted - before),
        "verdicts": len({one.generation for one in verdicts}),
        "twice": len(verdicts) - len({one.generation for one in verdicts}),
        "undecided": len(unsure),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

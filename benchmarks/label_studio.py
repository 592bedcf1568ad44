"""How fast 10,000 tasks are pushed to a real Label Studio, pushed again, and their changed answers pulled.

    python benchmarks/label_studio.py [--tasks 10000] [--changed 100]

Everything is measured in one run on one server, raw calls and pushes in turn: ratios hold where rates do not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from annotation.label_studio import (
    Client,
    Pushed,
    Question,
    _tasks,
    connect,
    pull,
    push,
    start_server,
    stop_server,
)
from annotation.label_studio.interfaces import (
    Answer,
    Interface,
    build_interface,
    prediction,
    task_data,
    write_result,
)
from workbench.records import CriterionScore, Generation, Listing, Verdict, content_key
from workbench.rubric import load_rubric
from workbench.store import Store

ROUNDS = 3
PUSH_OF_RAW = 0.85
"""Least share of the rate of one bulk call, in the median of the rounds."""
AGAIN_SECONDS, CHANGED_SECONDS = 15.0, 3.0


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = function()
    return time.perf_counter() - started, found


def fill(store: Store, number: int, salt: str) -> list[str]:
    """Judged listings; their generation keys."""
    rubric = load_rubric("listing")
    generations = [
        Generation(
            key=content_key(salt, i), kind="listing", category="mugs", model="m", revision="1", prompt="p",
            listing=Listing(
                title=f"Mug {i}", aspects={"Color": ("Blue",), "Material": ("Clay",)}, price=9.0
            ),
            simulated=True,
        )
        for i in range(number)
    ]  # fmt: skip
    verdicts = [
        Verdict(
            key=content_key("verdict", g.key), generation=g.key, judge="simulated:judge", revision="1" * 8,
            rubric=rubric.label, approved=True, confidence=0.75, simulated=True,
            scores=tuple(
                CriterionScore(criterion=c.id, score=float(len(c.scale)), passed=True)
                for c in rubric.criteria
            ),
        )
        for g in generations
    ]  # fmt: skip
    store.add([*generations, *verdicts])
    return [g.key for g in generations]


def raw_import(
    client: Client, store: Store, interface: Interface, keys: list[str], *, batch: int
) -> float:
    """Tasks a second of bulk calls with the same tasks, made before the clock starts."""
    made = client.request(
        "POST", "/api/projects/", doing="create",
        json={"title": "raw", "label_config": interface.config},
    )  # fmt: skip
    generations = {g.key: g for g in store.records(Generation, keys)}
    verdicts = {v.generation: v for v in store.records(Verdict)}
    tasks = [
        {
            "data": task_data(interface, g, None, pictures={}) | {"key": content_key("raw", g.key)},
            "predictions": [prediction(interface, verdicts[g.key], g, model_version="judge")],
        }
        for g in generations.values()
    ]
    parts = [tasks[start : start + batch] for start in range(0, len(tasks), batch)]

    def send() -> None:
        for part in parts:
            client.request(
                "POST", f"/api/projects/{made['id']}/import", doing="import", json=part, timeout=900
            )  # fmt: skip

    seconds, _ = timed(send)
    client.request("DELETE", f"/api/projects/{made['id']}", doing="remove", timeout=900)
    return len(tasks) / seconds


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "label_studio"
        server = start_server(folder)
        try:
            with (
                connect(server.credentials) as client,
                Store.open(Path(temporary) / "store") as store,
            ):
                sizes = (250, 500, 1000, 2500, 5000)
                found = measure(client, store, asked.tasks, asked.changed, batches=sizes)
                print(json.dumps(found, indent=2))
                missed = (
                    found["push_of_raw"] < PUSH_OF_RAW
                    or found["push_again_seconds"] > AGAIN_SECONDS
                    or found["pull_changed_seconds"] > CHANGED_SECONDS
                )
        finally:
            stop_server(folder)
    return int(missed)


def measure(
    client: Client, store: Store, number: int, changed: int, *, batches: Sequence[int] = ()
) -> dict[str, float]:
    """Figures of one run, with the raw rate at some sizes of batches."""
    interface = build_interface("listing", load_rubric("listing"))
    keys = fill(store, number, "benchmark")

    def ask(name: str) -> Pushed:
        return push(
            client, store, [Question(generation=key) for key in keys],
            name=name, interface=interface, blind=False,
        )  # fmt: skip

    # Raw calls before and after each push: other work on the machine meets both.
    raw, own = [raw_import(client, store, interface, keys, batch=number)], []
    for turn in range(ROUNDS):
        seconds, pushed = timed(lambda turn=turn: ask(f"benchmark {turn}"))
        assert pushed.created == number
        own.append(number / seconds)
        raw.append(raw_import(client, store, interface, keys, batch=number))
    beside = [statistics.mean(pair) for pair in pairwise(raw)]
    by_size = {
        f"raw_in_batches_of_{size}_tasks_per_second": round(
            raw_import(client, store, interface, keys, batch=size), 1
        )
        for size in batches
    }
    again, known = timed(lambda: ask(f"benchmark {ROUNDS - 1}"))
    assert (known.created, known.known) == (0, number)
    project = pushed.projects[0].project
    tasks = list(_tasks.list_tasks(client, project.id))[: 2 * changed]
    answer = Answer(
        approved=True,
        scores={c.id: float(len(c.scale)) for c in interface.rubric.criteria},
    )
    answers = {}
    for task in tasks:
        result = write_result(interface, answer, task["data"])
        made = client.request(
            "POST", f"/api/tasks/{task['id']}/annotations/", doing="answer", json={"result": result}
        )
        answers[task["id"]] = (made["id"], result)
    first, found = timed(lambda: pull(client, store))
    assert found.stored == len(tasks), (found.stored, found.left[:1])
    for number_of, result in list(answers.values())[:changed]:
        client.request(
            "PATCH", f"/api/annotations/{number_of}/", doing="change",
            json={"result": result, "lead_time": 7.0},
        )  # fmt: skip
    pulled, found = timed(lambda: pull(client, store))
    assert found.stored == changed, found.left[:1]
    nothing, found = timed(lambda: pull(client, store))
    assert found.stored == 0
    return {
        "tasks": number,
        "raw_tasks_per_second": round(statistics.median(raw), 1),
        "push_tasks_per_second": round(statistics.median(own), 1),
        "push_of_raw": round(
            statistics.median(mine / bulk for mine, bulk in zip(own, beside, strict=True)), 3
        ),
        "push_again_seconds": round(again, 2),
        "pull_first_answers": len(tasks),
        "pull_first_seconds": round(first, 2),
        "pull_changed_seconds": round(pulled, 2),
        "pull_nothing_seconds": round(nothing, 2),
        **by_size,
    }


if __name__ == "__main__":
    sys.exit(main())

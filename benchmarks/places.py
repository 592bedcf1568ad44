"""One job in three places: this process, a real server, and Ray with two workers leave the same verdicts and store.

    python benchmarks/places.py --python /opt/vllm/bin/python [--pictures 240]

Draws pictures of products into a store, copies it twice, and runs `workbench judge --json` on each copy by the rubric
for category images: with starter:judge in one process, with the same weights behind vLLM, and with `--on
ray:workers=2`. Then reads the three stores.

In all of them each picture must have one verdict, by the same rubric, with the same criteria answered by the same
judge or instrument, probabilities, scores and confidence equal to 1e-4, and the same failure modes and approval; the
tables must hold as many records. This process and Ray ask by the same name, so there keys, judge, revision and
tokens must be equal too; behind a server the judge has another name and revision by design, and the server counts
tokens its own way. Which place may differ in what is a constant below. Prints the largest differences and how long each
took; ends with status 1 where something differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from serving import CLOSE, draw, free_port

from workbench.models.serving import plan_server, serving
from workbench.records import RunEvent, Verdict
from workbench.store import Store

RUBRIC = "category-image"
JUDGE = "starter:judge"
MEASURED = {"run", "created_at", "cost"}
"""Fields of a verdict that tell when it was made and what it took, compared by `spent` where they can be."""
OF_THE_NAME = {"key", "judge", "revision"}
"""Fields that follow from the judge's name, which is another behind a server."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="Python of vLLM's environment")
    parser.add_argument("--pictures", type=int, default=240)
    given = parser.parse_args()
    plan = plan_server(
        JUDGE, port=free_port(), python=given.python, more=["--max-model-len", "1024"]
    )
    if plan.engine != "vLLM":
        print("vLLM is not installed: nothing else here gives probabilities. Name its Python.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        here, server, ray = (Path(folder) / name for name in ("here", "server", "ray"))
        with Store.open(here) as store:
            draw(store, given.pictures)
        for copy in (server, ray):
            shutil.copytree(here, copy)
        seconds = {"here": judged(here, JUDGE, given.pictures)}
        with serving(plan):
            seconds["server"] = judged(server, plan.name, given.pictures)
        seconds["ray"] = judged(ray, JUDGE, given.pictures, "--on", "ray:workers=2")
        with Store.open(here) as one, Store.open(server) as two, Store.open(ray) as three:
            found = [
                compared("server", one, two, same_name=False),
                compared("ray", one, three, same_name=True),
            ]
    print(
        json.dumps(
            {"pictures": given.pictures, "seconds": seconds, "beside one process": found}, indent=1
        )
    )
    return int(any(each["wrong"] or each["largest_difference"] > CLOSE for each in found))


def judged(folder: Path, judge: str, pictures: int, *more: str) -> float:
    """Seconds that `workbench judge` takes for all pictures of a store.

    Raises:
        SystemExit: The command failed, or judged another number of pictures.
    """
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "judge",
        "--store",
        str(folder),
        "--rubric",
        RUBRIC,
    ]
    done = subprocess.run(
        [*command, "--judge", judge, *more, "--json"], capture_output=True, text=True, check=False
    )
    seconds = round(time.perf_counter() - began, 1)
    if done.returncode:
        sys.exit(f"{judge} {more}: {done.stderr[-3000:]}")
    summary = json.loads(done.stdout)
    if (summary["judged"], summary["known"]) != (pictures, 0):
        sys.exit(f"{judge} {more}: want {pictures} pictures judged, got {summary}")
    return seconds


def compared(place: str, one: Store, other: Store, *, same_name: bool) -> dict[str, Any]:
    """What differs between two stores, in words, and by how much numbers do at most."""
    ours, theirs = by_generation(one), by_generation(other)
    wrong = [*tables(one, other)]
    if ours.keys() != theirs.keys():
        wrong.append(f"verdicts on other pictures: {len(ours)} and {len(theirs)}")
    largest = 0.0
    for key in ours.keys() & theirs.keys():
        difference, said = differences(ours[key], theirs[key], same_name=same_name)
        largest = max(largest, difference)
        wrong += [f"{key}: {text}" for text in said]
    return {
        "place": place,
        "verdicts": len(theirs),
        "largest_difference": largest,
        "wrong": wrong[:20],
        "approved": dict(Counter(str(v.approved) for v in theirs.values())),
        "tokens_read": [sum(v.cost.prompt_tokens for v in s.values()) for s in (ours, theirs)],
    }


def by_generation(store: Store) -> dict[str, Verdict]:
    """Verdicts by the picture that they are about.

    Raises:
        SystemExit: A picture has two.
    """
    verdicts = list(store.records(Verdict))
    found = {one.generation: one for one in verdicts}
    if len(found) < len(verdicts):
        sys.exit(f"{store.url}: {len(verdicts)} verdicts on {len(found)} pictures")
    return found


def tables(one: Store, other: Store) -> Iterator[str]:
    """What is not alike in the stores' tables beside the verdicts."""
    ours, theirs = one.counts(), other.counts()
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"table {name!r}: {ours.get(name)} and {theirs.get(name)} records"
    done = [sum(e.done for e in s.records(RunEvent) if e.stage == "judge") for s in (one, other)]
    if done[0] != done[1]:
        yield f"the runs say that they judged {done[0]} and {done[1]}"


def differences(one: Verdict, other: Verdict, *, same_name: bool) -> tuple[float, list[str]]:
    """The largest difference of a number, and what else is not equal."""
    wrong = []
    left_out = MEASURED | {"scores", "confidence"} | (set() if same_name else OF_THE_NAME)
    for field in fields(Verdict):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name not in left_out and ours != theirs:
            wrong.append(f"{field.name} {ours!r} and {theirs!r}")
    numbers = [(one.confidence, other.confidence)]
    for ours, theirs in zip(one.scores, other.scores, strict=True):
        by = [
            score.by if score.by != v.judge else "the judge"
            for score, v in ((ours, one), (theirs, other))
        ]
        told = [
            (s.criterion, s.passed, s.reason, len(s.distribution or ())) for s in (ours, theirs)
        ]
        if by[0] != by[1] or told[0] != told[1]:
            wrong.append(f"criterion {(by[0], *told[0])} and {(by[1], *told[1])}")
        numbers.append((ours.score, theirs.score))
        numbers += zip(ours.distribution or (), theirs.distribution or (), strict=False)
    if any((a is None) != (b is None) for a, b in numbers):
        wrong.append("a number is there in one of them only")
    if same_name and spent(one) != spent(other):
        wrong.append(f"cost {spent(one)} and {spent(other)}")
    return max(
        (abs(a - b) for a, b in numbers if a is not None and b is not None), default=0.0
    ), wrong


def spent(verdict: Verdict) -> tuple[int, int, int]:
    """What the same model must have read, written and made for it, wherever it ran."""
    cost = verdict.cost
    return cost.prompt_tokens, cost.completion_tokens, cost.images


if __name__ == "__main__":
    sys.exit(main())

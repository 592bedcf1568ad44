"""How fast is the store: 100,000 generations with 300,000 verdicts, on SQLite and on PostgreSQL.

    python benchmarks/store.py                        # starts a PostgreSQL of its own where it can
    python benchmarks/store.py --postgres postgresql+psycopg://user@host/empty_database

Builds both databases with the same records and reports how fast they were added. Then asks, each
time in a new process, for one category's verdicts with one failure mode as a frame: libraries
imported, store opened, frame returned. The same question is put to what one would otherwise have,
one JSONL or one Parquet file that pandas reads and filters. Importing PostgreSQL's driver counts as
opening. Ends with status 1 where a database needs more than a second.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CATEGORIES = tuple(
    [
        "mugs",
        "bags",
        "dresses",
        "jackets",
        "lamps",
        "scarves",
        "shirts",
        "shoes",
        "socks",
        "tables",
        "tees",
        "vases",
    ]
)
FAILURE_MODES = (
    "distorted", "unexpected-element", "dark-background", "blurred", "incomplete", "wrong-colour",
    "wrong-product", "invented-aspect",
)  # fmt: skip
CRITERIA = ("fidelity", "clarity", "style")
JUDGES = ("hf:judge-a", "hf:judge-b", "starter:judge")
QUESTION = {"category": "mugs", "failure_mode": "blurred"}
BAR = 1.0
"""Seconds in which the store has to be opened and the frame returned, on each database."""
BATCH = 500
"""Generations a transaction; a pipeline stores about so many at once."""


def records(generations: int) -> Iterator[list[object]]:
    """Batches of generations, each with a verdict of every judge."""
    import random

    from workbench.records import Cost, CriterionScore, Generation, Listing, Verdict, content_key

    rng = random.Random(0)
    colours, patterns = ("Red", "Blue", "Black", "Olive"), ("Plain", "Striped", "Floral")
    batch: list[object] = []
    for number in range(generations):
        category = CATEGORIES[number % len(CATEGORIES)]
        key = content_key("generation", number)
        colour, pattern = rng.choice(colours), rng.choice(patterns)
        batch.append(
            Generation(
                key=key,
                kind="listing",
                category=category,
                model="starter:listing",
                revision="5d3f2a",
                prompt=f"Write a title and aspects for this photo of {category}. " * 10,
                parameters={"max_tokens": 256, "temperature": 0.0},
                seed=number,
                item=f"drawn/{number}",
                inputs=(f"sha256:{key}",),
                listing=Listing(
                    title=f"{colour} {pattern} {category} number {number}",
                    aspects={"Color": (colour,), "Pattern": (pattern,)},
                    price=round(rng.uniform(5, 90), 2),
                ),
                text=f'{{"title": "{colour} {pattern} {category} number {number}"}}',
                details={"colour": {name: rng.random() for name in colours}},
                cost=Cost(seconds=0.2, prompt_tokens=180, completion_tokens=40),
                run="run-1",
            )
        )
        for judge in JUDGES:
            scores = []
            for criterion in CRITERIA:
                weights = [rng.random() for _ in range(5)]
                distribution = tuple(weight / sum(weights) for weight in weights)
                score = sum(point * p for point, p in enumerate(distribution, 1))
                passed = score >= 2.9
                reason = None if passed else f"The {criterion} of this photo is not good enough."
                scores.append(
                    CriterionScore(
                        criterion=criterion,
                        score=score,
                        distribution=distribution,
                        passed=passed,
                        by=judge,
                        reason=reason,
                    )
                )
            approved = all(score.passed for score in scores)
            count = 0 if approved else rng.choice((1, 1, 2))
            batch.append(
                Verdict(
                    key=content_key("verdict", number, judge),
                    generation=key,
                    judge=judge,
                    revision="91bc07",
                    rubric="listing@1",
                    scores=tuple(scores),
                    failure_modes=tuple(rng.sample(FAILURE_MODES, count)),
                    approved=approved,
                    confidence=rng.random(),
                    cost=Cost(seconds=0.1, prompt_tokens=300),
                    run="run-1",
                )
            )
        if len(batch) >= BATCH * (1 + len(JUDGES)):
            yield batch
            batch = []
    if batch:
        yield batch


def build(address: str, generations: int) -> dict[str, float]:
    """Add everything; seconds in `Store.add` and records per second."""
    from workbench.store import Store

    seconds, count = 0.0, 0
    with Store.open(address) as store:
        for batch in records(generations):
            start = time.perf_counter()
            count += store.add(batch).new
            seconds += time.perf_counter() - start
    return {"seconds": seconds, "records": count, "records_per_second": count / seconds}


def ask(kind: str, address: str, question: dict[str, str]) -> dict[str, float]:
    """Answer the question once, in this process; seconds of each step."""
    start = time.perf_counter()
    import pandas as pd

    if kind == "store":
        import pydantic  # noqa: F401
        import sqlalchemy.dialects  # noqa: F401

        from workbench.store import Store

        imported = time.perf_counter()
        with Store.open(address, create=False) as store:
            opened = time.perf_counter()
            frame = store.verdicts(**question)
            done = time.perf_counter()
    else:
        if kind == "parquet":
            import pyarrow.parquet  # noqa: F401
        imported = opened = time.perf_counter()
        frame = pd.read_json(address, lines=True) if kind == "jsonl" else pd.read_parquet(address)
        if question:
            named = frame["failure_modes"].map(lambda modes: question["failure_mode"] in modes)
            frame = frame[(frame["category"] == question["category"]) & named]
        done = time.perf_counter()
    return {
        "rows": len(frame),
        "import": imported - start,
        "open": opened - imported,
        "frame": done - opened,
    }


def measure(kind: str, address: str, repeats: int, question: dict[str, str]) -> dict[str, float]:
    """Medians over new processes; `answer` is opening and frame together."""
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--ask", json.dumps([kind, address, question])]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        runs.append(json.loads(out))
    median = {step: statistics.median(run[step] for run in runs) for step in runs[0]}
    answers = [run["open"] + run["frame"] for run in runs]
    return median | {"answer": statistics.median(answers), "slowest": max(answers)}


@contextmanager
def postgres(folder: Path) -> Iterator[str | None]:
    """An empty database on a server of our own with its usual settings; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = found[-1].parent if found else Path(shutil.which("initdb") or "").parent
    if not (programs / "initdb").exists():
        yield None
        return
    data, run = folder / "postgresql", []
    data.mkdir()
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = pwd.getpwnam("postgres" if "postgres" in map(str, _users()) else "nobody")
        os.chown(data, user.pw_uid, user.pw_gid)
        folder.chmod(0o755)
        run = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    make = [
        programs / "initdb",
        "-D",
        data / "data",
        "-A",
        "trust",
        "-U",
        "workbench",
        "-E",
        "UTF8",
    ]
    subprocess.run([*run, *make], check=True, capture_output=True, cwd="/")
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"]
    with (folder / "postgresql.log").open("w") as log:
        server = subprocess.Popen(
            [*run, programs / "postgres", "-D", data / "data", *options],
            stdout=log,
            stderr=log,
            cwd="/",
        )
    try:
        while not (data / ".s.PGSQL.5432").exists():
            time.sleep(0.1)
        ready = [programs / "pg_isready", "-h", str(data)]
        while subprocess.run(ready, check=False, capture_output=True).returncode:
            time.sleep(0.1)
        yield f"postgresql+psycopg://workbench@/postgres?host={data}"
    finally:
        server.terminate()
        server.wait()


def _users() -> Iterator[str]:
    return (user.pw_name for user in pwd.getpwall())


def report(title: str, results: dict[str, dict[str, float]], base: str) -> None:
    """One table; the ratio says how many times longer than `base`."""
    print(f"\n{title}\n")
    print("| | rows | import s | open s | frame s | open + frame s (slowest) | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, m in results.items():
        print(
            f"| {name} | {m['rows']:,.0f} | {m['import']:.2f} | {m['open']:.3f} | {m['frame']:.3f} "
            f"| {m['answer']:.3f} ({m['slowest']:.3f}) | {m['answer'] / results[base]['answer']:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(ask(*json.loads(options.ask))))
        return
    with tempfile.TemporaryDirectory(prefix="workbench-benchmark-") as name:
        folder = Path(name)
        with postgres(folder) if options.postgres is None else _given(options.postgres) as server:
            kept = run(folder, server, options.generations, options.repeats)
    sys.exit(0 if kept else 1)


@contextmanager
def _given(url: str) -> Iterator[str | None]:
    yield url


def run(folder: Path, server: str | None, generations: int, repeats: int) -> bool:
    """Build, ask, compare, print; whether the bar is kept."""
    addresses = {"SQLite": str(folder / "store")}
    if server is None:
        print(
            "PostgreSQL is not installed and --postgres was not given: SQLite only", file=sys.stderr
        )
    else:
        addresses["PostgreSQL"] = server
    print(
        f"{generations:,} generations, {generations * len(JUDGES):,} verdicts; {os.cpu_count()} cores\n"
    )
    print("| built | s in `Store.add` | records/s |\n|---|---:|---:|")
    for name, address in addresses.items():
        built = build(address, generations)
        print(
            f"| {name} | {built['seconds']:.1f} | {built['records_per_second']:,.0f} |", flush=True
        )

    from workbench.store import Store

    start = time.perf_counter()
    with Store.open(folder / "store") as store:
        frame = store.verdicts()
    whole = time.perf_counter() - start
    frame.to_json(folder / "verdicts.jsonl", orient="records", lines=True, date_format="iso")
    frame.to_parquet(folder / "verdicts.parquet")
    sizes = {
        "SQLite": (folder / "store" / "workbench.db").stat().st_size,
        "JSONL (verdicts only)": (folder / "verdicts.jsonl").stat().st_size,
        "Parquet (verdicts only)": (folder / "verdicts.parquet").stat().st_size,
    }
    results = {
        name: measure("store", address, repeats, QUESTION) for name, address in addresses.items()
    }
    for kind, label in (("parquet", "Parquet and pandas"), ("jsonl", "JSONL and pandas")):
        results[label] = measure(kind, str(folder / f"verdicts.{kind}"), repeats, QUESTION)
    assert len({result["rows"] for result in results.values()}) == 1, "the answers differ"
    words = ", ".join(f"{name}={value}" for name, value in QUESTION.items())
    report(f"verdicts({words}), median of {repeats} new processes", results, "SQLite")
    print(f"\nAll {len(frame):,} verdicts as one frame from SQLite: {whole:.1f} s")
    print("Sizes: " + ", ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in sizes.items()))
    kept = all(results[name]["answer"] <= BAR for name in addresses)
    print(f"\nBar: opened and answered in {BAR} s: {'kept' if kept else 'missed'}")
    return kept


if __name__ == "__main__":
    main()

"""How long `import workbench` and `workbench --help` take, and what they load when it grows.

Run with the environment's Python: `python benchmarks/imports.py [--runs 9]`. Every run is a fresh
process; the first, which may read a cold disk, is not counted. A budget is broken where not even the
fastest run keeps it: what the slower ones took more is the machine's other work. Then the import chain is
printed (`-X importtime`) and the exit status is 1.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One command and the time it may take."""

    name: str
    seconds: float
    command: tuple[str, ...]
    """The interpreter's arguments."""


SCRIPT = Path(sys.executable).with_name("workbench")
BUDGETS = (
    Budget(name="python -c 'import workbench'", seconds=0.3, command=("-c", "import workbench")),
    Budget(name="workbench --help", seconds=0.5, command=(str(SCRIPT), "--help")),
)


def seconds(command: tuple[str, ...]) -> float:
    """Wall-clock seconds of one run, the interpreter's own start included."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"python {' '.join(command)} failed:\n{done.stderr}")
    return took


def import_chain(command: tuple[str, ...], *, entries: int = 25) -> str:
    """The imports that took longest with all that they import, indented as they are nested."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=False
    )
    lines = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)$", done.stderr, re.MULTILINE)
    longest = {i for _, i in sorted(((int(line[1]), i) for i, line in enumerate(lines)))[-entries:]}
    rows = [
        f"  {int(together) / 1000:8.1f} ms {int(own) / 1000:8.1f} ms own  {indent}{module}"
        for i, (own, together, indent, module) in enumerate(lines)
        if i in longest
    ]
    # Python writes an import after those that it needed; turned round, a chain reads downwards.
    return "\n".join(reversed(rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    over = False
    for budget in BUDGETS:
        seconds(budget.command)
        took = sorted(seconds(budget.command) for _ in range(runs))
        median = statistics.median(took)
        within = took[0] < budget.seconds
        over |= not within
        print(
            f"{budget.name}: median {median:.3f} s, {took[0]:.3f} to {took[-1]:.3f} s in {runs} runs; "
            f"budget {budget.seconds} s: {'kept' if within else 'BROKEN'}"
        )
        if not within:
            print(import_chain(budget.command))
    return int(over)


if __name__ == "__main__":
    raise SystemExit(main())

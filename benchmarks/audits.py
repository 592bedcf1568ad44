"""How an audit scales: draw 500 of a million stored verdicts, and find the population again.

    python benchmarks/audits.py                  # a million: builds a store of about 2.5 GB first
    python benchmarks/audits.py --items 100000

Reports how long it takes to select the held-out verdicts, to draw by each design, to plan, and to prove
the population again; the size of the audit's record; and the peak of memory. Ends with status 1 where a
draw by any design, selection included, needs more than 90 s, or the record without what was drawn
more than 10 kB.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BAR_SECONDS = 90.0
BAR_BYTES = 10_000
BATCH = 20_000
DRAWN = 500


def records(items: int) -> Iterator[list[object]]:
    """Batches of items, each with a listing and a verdict; half of them are held out afterwards."""
    import random

    from workbench.records import Generation, Item, Listing, Verdict, content_key

    rng = random.Random(0)
    for start in range(0, items, BATCH):
        batch: list[object] = []
        for i in range(start, min(start + BATCH, items)):
            key, confidence = content_key("g", i), rng.betavariate(2, 1)
            batch += [
                Item(id=f"shop/{i}", category=f"kind-{i % 40}", group=f"seller-{i % 5000}"),
                Generation(
                    key=key, kind="listing", category=f"kind-{i % 40}", model="tiny:text",
                    revision="m1", prompt="Describe it.", item=f"shop/{i}",
                    listing=Listing(title="Mug"), run="run",
                ),
                Verdict(
                    key=content_key("v", i), generation=key, judge="tiny:judge", revision="j1",
                    rubric="listing@1", scores=(), confidence=confidence,
                    approved=confidence >= 0.5, run="run",
                ),
            ]  # fmt: skip
        yield batch


@contextmanager
def timed(what: str, found: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    found[what] = time.perf_counter() - start
    print(f"{what:<34} {found[what]:8.1f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    items = parser.parse_args().items

    from workbench.calibration import draw_audit, plan_audit
    from workbench.calibration.audited import calibrate_audit, draw_from, grow_from
    from workbench.calibration.audits.population import latest_selection, select_decisions
    from workbench.store import Store

    found: dict[str, float] = {}
    folder = Path(tempfile.mkdtemp(prefix="audits-"))
    try:
        with Store.open(folder / "store") as store:
            with timed(f"build {items:,} verdicts", found):
                for batch in records(items):
                    store.add(batch)
            store.assign_split([f"seller-{i}" for i in range(5000)], eval_share=1, seed=0)
            with timed("latest verdicts", found):
                selection = latest_selection(store, part="eval")
            with timed("select", found):
                decided, _ = select_decisions(store, selection)
            draws = {}
            for design in ("uniform", "stratified", "near-threshold", "neyman"):
                with timed(f"draw {design}", found):
                    draws[design] = draw_audit(
                        decided, size=DRAWN, seed=0, design=design,
                        threshold=0.5 if design == "near-threshold" else None,
                    )  # fmt: skip
            with timed("plan three sizes", found):
                plan_audit(decided, sizes=[500, 1000, 2000], design="neyman")
            categories = [d.category for d in decided]
            with timed("draw neyman by category", found):
                draw_audit(decided, size=DRAWN, seed=0, design="neyman", categories=categories)
            with timed("draw from the store and record", found):
                audit = draw_from(store, selection, size=DRAWN, seed=0, design="neyman")
                store.add([audit])
            with timed("grow to twice the size", found):
                grow_from(store, audit, size=2 * DRAWN)
            if items <= 100_000:
                with timed("calibrate (all records read)", found):
                    calibrate_audit(store, audit)
    finally:
        shutil.rmtree(folder)
    size = len(json.dumps({"parameters": audit.parameters, "strata": audit.strata}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    slowest = max(seconds for name, seconds in found.items() if name.startswith("draw"))
    slowest += found["select"]
    print(f"{'record without what was drawn':<34} {size:8,} bytes")
    print(f"{'peak memory':<34} {peak:8.2f} GiB")
    return int(slowest > BAR_SECONDS or size > BAR_BYTES)


if __name__ == "__main__":
    sys.exit(main())

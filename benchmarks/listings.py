"""The first main job on real photos, from an empty store and an empty cache: seconds per stage, and what came of it.

Wants WORKBENCH_REAL_DATA with `luma/`, a Magento export with 417 colour-specific photos.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_SECONDS = 360


def main() -> int:
    root = os.environ.get("WORKBENCH_REAL_DATA")
    if not root:
        print("WORKBENCH_REAL_DATA is not set: no real photos on this machine, nothing measured")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "run", "listings", "--json",
             "--catalog", f"magento:{root}/luma", "--store", str(store)],
            env=os.environ | {"WORKBENCH_CACHE": f"{folder}/cache"},
            check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        report(store)
    print(f"whole command {seconds:.0f} s, bar {BAR_SECONDS} s")
    return int(seconds > BAR_SECONDS)


def report(store: Path) -> None:
    from reports.heldout import score_held_out
    from workbench.calibration.audited import calibrate_audit, find_audit
    from workbench.records import Item, RunEvent
    from workbench.store import Store

    with Store.open(store, create=False) as opened:
        for event in opened.records(RunEvent):
            if event.kind == "stage":
                print(f"{event.stage:<40} {event.done:>5} made {event.cost.seconds:>8.1f} s")
        audited = calibrate_audit(opened, find_audit(opened))
        train = list(opened.records(Item, list(opened.items(part="train")["id"])))
        items = {j.item.id: j.item for j in audited.population if j.item}
        held = score_held_out([j.generation for j in audited.population], items, train)
    rates = audited.calibration.rates
    for name, e in [
        *(
            (f"{a.name}, best guess", a.best_guess.accuracy)
            for a in held.attributes
            if a.best_guess
        ),
        *((f"{a.name}, majority", a.stated.majority_accuracy) for a in held.attributes),
        *([("price R²", held.price.r2)] if held.price else []),
        ("precision of approvals", rates.precision),
        ("recall", rates.recall),
    ]:
        shown = {k: v if v is None else round(v, 3) for k, v in
                 (("value", e.value), ("low", e.low), ("high", e.high))}  # fmt: skip
        print(f"{name:<40} {json.dumps(shown)} n = {e.n}")


if __name__ == "__main__":
    sys.exit(main())

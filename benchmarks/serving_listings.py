"""Writing listings through a real server: pieces asked about together against one piece after the other.

    python benchmarks/serving_listings.py --python /opt/vllm/bin/python [--blocks 5]

Serves starter:listing by `workbench serve`'s own means, and writes the listings of drawn products as
`workbench run listings` does: photos read from the store, listings written to it, 16 items a piece. Blocks of
items in turn: one with a few pieces asked about together (as it is), one with a piece after the other (what a
loop over batches does), and one whose prompts are all ready and asked at once, with nothing stored (what the
server can do). Every block has its own items, so none finds its prompts in the server's cache.

Prints listings a second of each way and both ratios with bootstrap intervals over blocks. Ends with status 1
where a listing is missing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from serving import free_port

from pipelines.learning import photos_of
from pipelines.listings import write_listings
from pipelines.recorder import record
from workbench.catalog import ingest
from workbench.catalog.drawn import DrawnCatalog
from workbench.metrics.resampling import bootstrap
from workbench.models import load_text
from workbench.models.listings import PhotoWriter
from workbench.models.serving import plan_server, serving
from workbench.records import Generation, Item
from workbench.schema import Schema
from workbench.store import Store

WAYS = ("together", "in turn", "all ready")


class InTurn(PhotoWriter):
    """The same writer, but nobody hears that its model is behind servers."""

    @property
    def asks(self) -> object:
        """Not told."""
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="Python of vLLM's environment")
    parser.add_argument("--blocks", type=int, default=5, help="of each way")
    parser.add_argument("--block", type=int, default=192, help="items a block")
    given = parser.parse_args()
    plan = plan_server(
        "starter:listing",
        port=free_port(),
        python=given.python,
        more=["--max-model-len", "1024"] if given.python else [],
    )
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        catalog = DrawnCatalog(seed=23, items=given.block * (1 + given.blocks * len(WAYS)))
        items = list(store.records(Item, ingest(store, catalog).ids))
        blocks = [items[at : at + given.block] for at in range(0, len(items), given.block)]
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        with serving(plan):
            measure(store, plan.name, catalog.schema, blocks.pop(), "together")  # warm
            for turn in range(given.blocks):
                for way in np.roll(WAYS, turn):
                    took = measure(store, plan.name, catalog.schema, blocks.pop(), way)
                    seconds[way].append(took)
                    print(f"{way}: {given.block / took:.1f} listings a second", flush=True)
    print(json.dumps({"engine": plan.engine, **told(seconds, given.block)}, indent=1))
    return 0


def measure(store: Store, name: str, schema: Schema, items: Sequence[Item], way: str) -> float:
    """Seconds until all listings are there."""
    model = load_text(name)
    writer = (InTurn if way == "in turn" else PhotoWriter)(model, schema)
    made: list[Generation]
    if way == "all ready":
        photos = photos_of(store.images, items)
        began = time.perf_counter()
        made = writer.write(items, photos)
    else:
        began = time.perf_counter()
        with record(store, "benchmark", {"way": way}, quiet=True) as recorder:
            made = write_listings(store, items, writer, recorder)
    took = time.perf_counter() - began
    if missing := sum(not one.text for one in made):
        raise SystemExit(f"{missing} of {len(items)} listings are missing ({way})")
    return took


def told(seconds: dict[str, list[float]], block: int) -> dict[str, object]:
    """Rates and ratios, with intervals over blocks."""
    rates = {way: block * len(took) / sum(took) for way, took in seconds.items()}
    rows = np.array([seconds[way] for way in WAYS]).T  # a row a turn

    def ratio(over: int) -> str:
        return str(bootstrap(rows, lambda total: total[:, over] / total[:, 0], n=len(rows)))

    return {
        "listings a second": {way: round(rate, 1) for way, rate in rates.items()},
        "together against in turn": ratio(1),
        "together against all ready": ratio(2),
    }


if __name__ == "__main__":
    raise SystemExit(main())

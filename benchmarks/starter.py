"""How fast the starter models are on this machine: images, tokens and answers a second, in batches.

    python benchmarks/starter.py             # every model that ships
    python benchmarks/starter.py --only image

Ends with status 1 where two or more cores make fewer than 4 images or 300 tokens a second. Run it on
a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from workbench.catalog.drawn import DrawnCatalog
from workbench.judging.model import ModelAnswerer
from workbench.judging.protocols import Asked, Subject
from workbench.models.protocols import ImageRequest
from workbench.models.registry import load_image, load_scorer, load_text
from workbench.models.starter import WEIGHTS
from workbench.models.starter.data import drawn_items
from workbench.models.starter.measuring import held_out, measure_listings
from workbench.models.starter.probing import grid_prompts
from workbench.records import Generation
from workbench.rubric import load_rubric

BAR_IMAGES, BAR_TOKENS = 4.0, 300.0
BATCH = 64


def images_per_second() -> float:
    model = load_image("starter:image", device="cpu", batch_size=BATCH)
    prompts = [prompt for _, _, prompt in grid_prompts()][: 2 * BATCH]
    model.make([ImageRequest(prompt=prompts[0], seed=0)])  # warm
    start = time.perf_counter()
    model.make([ImageRequest(prompt=prompt, seed=i) for i, prompt in enumerate(prompts)])
    return len(prompts) / (time.perf_counter() - start)


def tokens_per_second() -> float:
    model = load_text("starter:listing", device="cpu", batch_size=BATCH)
    measure_listings(model, held_out(4), freely=False)  # warm
    return measure_listings(model, held_out(4 * BATCH), freely=False).tokens_per_second


def judged_per_second() -> float:
    """Listings a second, three criteria each, one prefill for all of them."""
    scorer = load_scorer("starter:judge", device="cpu", batch_size=BATCH)
    rubric = load_rubric("listing")
    criteria = tuple(one for one in rubric.criteria if one.by == "model")
    catalog = DrawnCatalog(seed=3, items=2 * BATCH)
    subjects = [
        Subject(
            generation=Generation(
                key=item.id, kind="listing", category=item.category, model="", revision="",
                prompt="", listing=None,
            ),
            photos=(catalog.picture(entry),),
        )
        for item, entry in zip(drawn_items(catalog), catalog.entries, strict=True)
    ]  # fmt: skip
    answerer = ModelAnswerer(scorer)
    asked = Asked(rubric=rubric, criteria=criteria)
    answerer.answer(subjects[:2], asked)  # warm
    start = time.perf_counter()
    answerer.answer(subjects, asked)
    return len(subjects) / (time.perf_counter() - start)


MEASURES = {
    "image": ("images/s at 64 px", images_per_second, BAR_IMAGES),
    "listing": ("tokens/s, answers held to the schema", tokens_per_second, BAR_TOKENS),
    "judge": ("listings/s, three criteria each", judged_per_second, 0.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=tuple(MEASURES))
    told = parser.parse_args()
    slow = False
    print(f"{os.cpu_count()} cores, batches of {BATCH}")
    for name, (what, measure, bar) in MEASURES.items():
        if (WEIGHTS / name).is_dir() and told.only in {None, name}:
            rate = measure()
            slow |= rate < bar
            print(f"starter:{name}: {rate:,.1f} {what}" + (f" (bar: {bar:g})" if bar else ""))
    sys.exit(int(slow and (os.cpu_count() or 1) >= 2))


if __name__ == "__main__":
    main()

"""All measures of 100,000 written listings, bootstrap intervals included: how long it takes.

Run: python benchmarks/listing_scores.py
"""

from __future__ import annotations

import json
import time

import numpy as np

from workbench.catalog.drawn import DrawnCatalog, clean_listing
from workbench.metrics import count_listings, listing_json, score_counts
from workbench.models.devices import usable_cores

ANSWERS = 100_000
DESIGNS = 4_000


def main() -> None:
    """Print one JSON object with the seconds of each step."""
    catalog = DrawnCatalog(seed=5, items=DESIGNS)
    clean = [clean_listing(entry.product) for entry in catalog.entries]
    rng = np.random.default_rng(0)
    seller = [
        json.dumps({"title": i.title, "aspects": {n: v[0] for n, v in i.aspects.items()}})  # type: ignore[union-attr]
        for i in catalog.items()
    ]
    places = rng.integers(0, DESIGNS, ANSWERS)
    # A third each: what the seller typed, the truth with the words of another item, and the truth.
    answers = [
        seller[p] if k % 3 == 0 else listing_json(clean[p if k % 3 == 1 else (p + 1) % DESIGNS])
        for k, p in enumerate(places)
    ]
    truth = [clean[p] for p in places]
    start = time.perf_counter()
    counts = count_listings(answers, truth, catalog.schema)
    counted = time.perf_counter()
    scores = score_counts(counts)
    half = score_counts(counts, rows=rng.random(ANSWERS) < 0.3)
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "answers": ANSWERS,
                "words_per_answer": round(
                    float(np.mean([len(a.split()) for a in answers[:999]])), 1
                ),
                "cores": usable_cores(),
                "counting_s": round(counted - start, 1),
                "intervals_of_all_and_of_the_niche_s": round(done - counted, 1),
                "aspects": len(scores.aspects),
                "niche_answers": half.answers,
            }
        )
    )


if __name__ == "__main__":
    main()

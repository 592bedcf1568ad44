"""ROUGE-L against the rouge-score package: the same pairs, the same numbers, the ratio of times.

Run: python benchmarks/metrics.py
"""

from __future__ import annotations

import json
import time

import numpy as np
from rouge_score import rouge_scorer

from workbench.metrics import rouge_l_each

PAIRS = 2_000
REPEATS = 5


def main() -> None:
    """Print one JSON object with both times (best of five each) and their ratio."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(400)])
    texts = [
        json.dumps(
            {"title": " ".join(rng.choice(words, 12)), "aspects": list(rng.choice(words, 24))}
        )
        for _ in range(2 * PAIRS)
    ]
    predictions, references = texts[:PAIRS], texts[PAIRS:]
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    ours, theirs = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        mine = rouge_l_each(predictions, references)
        middle = time.perf_counter()
        peer = [
            scorer.score(b, a)["rougeL"].fmeasure
            for a, b in zip(predictions, references, strict=True)
        ]
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    print(
        json.dumps(
            {
                "pairs": PAIRS,
                "words_per_text": 38,
                "workbench_s": round(min(ours), 4),
                "rouge_score_s": round(min(theirs), 4),
                "ratio": round(min(theirs) / min(ours), 1),
                "largest_difference": float(np.abs(mine - np.array(peer)).max()),
            }
        )
    )


if __name__ == "__main__":
    main()

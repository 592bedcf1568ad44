"""Images a second that the drawn catalogue draws on one core.

Run: `OMP_NUM_THREADS=1 python benchmarks/drawn.py`. Processor time is measured, so that other work on
the machine counts as little as it can. `first` draws into empty caches, `then` draws other photos of as
many products once shapes, patterns and backgrounds have been made.
"""

from __future__ import annotations

import time

import numpy as np

from workbench.catalog.drawn import draw, sample_product, sample_style

PRODUCTS = 600


def main() -> None:
    jobs = [
        (sample_product(n), sample_style(np.random.default_rng([n, 1]))) for n in range(PRODUCTS)
    ]
    print(f"{'pixels':>6} {'first':>8} {'then':>8}   images a second, {PRODUCTS} products")
    for size in (64, 128, 256):
        rates = []
        for turn in (1, 2):
            start = time.process_time()
            for n, (product, style) in enumerate(jobs):
                draw(product, size=size, style=style, seed=turn * PRODUCTS + n)
            rates.append(PRODUCTS / (time.process_time() - start))
        print(f"{size:>6} {rates[0]:>8.0f} {rates[1]:>8.0f}", flush=True)


if __name__ == "__main__":
    main()

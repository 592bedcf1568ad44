"""How long 100,000 preference pairs take to be checked, and near-duplicates against comparing every pair with every other.

Run: python benchmarks/preferences.py
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise

import numpy as np

from workbench.preferences import HeldOut, Origin, Pair, PairReader, PhotoPrint, check
from workbench.preferences._duplicates import near_pairs
from workbench.preferences._shingles import shingles

PAIRS = 100_000
NAIVE = 1_000
"""Pairs on which every one is compared with every other."""
BAR = 60.0
"""Seconds in which all pairs have to be checked."""
QUESTION = "Write the listing of the product in the photo, for the category Home > Kitchen > {}. Title: 3 to 12 words."


def main() -> None:
    """Print one JSON object; status 1 where the bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=PAIRS)
    count = arguments.parse_args().pairs
    pairs, prints = made(count)
    reader = PairReader(starter_processor(), max_length=512)
    held_out = HeldOut(items=frozenset(f"shop/held-{i}" for i in range(count // 10)))
    start, used = time.perf_counter(), time.process_time()
    found = check(pairs, reader=reader, prints=prints, held_out=held_out)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    print(
        json.dumps(
            {
                "pairs": count,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu, 1),
                "kept": len(found.kept),
                "dropped": {one.name: one.count for one in found.left_out},
                **against_naive(pairs[:NAIVE], prints),
            }
        )
    )
    if seconds > BAR:
        raise SystemExit(1)


def against_naive(pairs: list[Pair], prints: dict[str, PhotoPrint]) -> dict[str, object]:
    """Near-duplicates both ways: the same ones, and the ratio of times."""
    start = time.perf_counter()
    n = len(pairs)
    both = shingles([*(p.chosen for p in pairs), *(p.rejected for p in pairs)])
    ours = near_pairs(
        pairs, both.part(0, n), both.part(n, 2 * n), similarity=0.9, prints=prints, bits=6, levels=6
    )
    middle = time.perf_counter()
    theirs = naive(pairs, prints)
    end = time.perf_counter()
    if {one.place for one in ours} != theirs:
        raise SystemExit("the two ways find other duplicates")
    return {
        "naive_pairs": n,
        "naive_found": len(theirs),
        "ours_s": round(middle - start, 3),
        "naive_s": round(end - middle, 3),
        "ratio": round((end - middle) / (middle - start), 1),
    }


def naive(pairs: list[Pair], prints: dict[str, PhotoPrint]) -> set[int]:
    """Places of near-duplicates, by comparing each pair with every earlier one that was kept."""

    def grams(text: str) -> set[object]:
        said = "".join(c if c.isalnum() or c == "_" else " " for c in text.casefold()).split()
        return {*said, *pairwise(said)}

    sets = [{(0, g) for g in grams(p.chosen)} | {(1, g) for g in grams(p.rejected)} for p in pairs]
    kept: list[int] = []
    found = set()
    for i, pair in enumerate(pairs):
        for j in kept:
            same = len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= 0.9
            if same and (
                pair.photos == pairs[j].photos
                or prints[pair.photos[0]].near(prints[pairs[j].photos[0]], bits=6, levels=6)
            ):
                found.add(i)
                break
        else:
            kept.append(i)
    return found


def made(count: int) -> tuple[list[Pair], dict[str, PhotoPrint]]:
    """Pairs as a catalogue gives them: 400 colours and forms in 40 categories, 2% repeated, and their photos."""
    rng = np.random.default_rng(0)
    words = [f"{a}{b}" for a in ("lu", "ra", "ve", "sil", "mo", "kan", "tor", "bri") for b in
             ("na", "der", "mond", "fix", "lo", "ster", "gal", "pin", "qua", "zen")]  # fmt: skip
    pairs, prints = [], {}
    for i in range(count):
        if pairs and rng.random() < 0.02:
            pairs.append(pairs[int(rng.integers(len(pairs)))])
            continue
        said = rng.choice(words, 14)
        aspects = {"Color": said[0], "Material": said[1], "Pattern": said[2], "Shape": said[3]}
        chosen = json.dumps({"title": " ".join(said[4:12]), "aspects": aspects})
        wrong = {**aspects, "Color": said[12], "Material": said[13]}
        rejected = json.dumps({"title": " ".join(said[4:11]), "aspects": wrong})
        photo = f"sha256:{i:064x}"
        prints[photo] = PhotoPrint(
            width=64, height=64, layout=int(rng.integers(2**63)), colours=rng.bytes(48)
        )
        category = str(rng.choice(words[:40]))
        pairs.append(
            Pair(
                prompt=QUESTION.format(category),
                chosen=chosen,
                rejected=rejected,
                source="correction",
                photos=(photo,),
                item=f"shop/{i}",
                category=category,
                margin=1.0,
                origin=Origin(
                    rejected=f"g{i}",
                    model="starter:listing",
                    revision="r",
                    annotations=(f"a{i}",),
                    annotators=(f"person {i % 5}",),
                    rubric="listing@1",
                ),
            )
        )
    return pairs, prints


def starter_processor() -> object:
    """The processor of the listing model that ships."""
    from workbench.models.starter import shipped_folder
    from workbench.models.torchvision_cpu import mend_torchvision

    mend_torchvision()
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(shipped_folder("listing"))


if __name__ == "__main__":
    main()

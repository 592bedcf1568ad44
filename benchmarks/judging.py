"""Judging with one shared prefill, against one prompt per criterion and a written verdict.

    python benchmarks/judging.py [--items 16] [--rounds 5]

A vision-language model of 30 million random weights (an Idefics3; a photo is 64 tokens, rubric and
listing are about 440) reads the same items in three ways, in turn within each round:

- shared: `load_scorer(...)`, all criteria of an item from one prefill;
- apart: the same with `shared_prefill=False`, one prompt per criterion, in equal batches;
- written: a loop over the items that has `generate` write a JSON verdict of the usual length, as a
  script without this project would. It gives points and no probabilities.

Speed does not depend on what the weights say. Times are CPU seconds. Prints a table row per number of criteria and one JSON
object; the exit status is 1 where shared and apart differ by more than 1e-4 or where three criteria
are not 2.5 times as fast shared as apart.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from workbench.models import Answer, Prompt, Question, tiny
from workbench.models.transformers_engine import TransformersModel

SCALE = ("1", "2", "3", "4", "5")
CRITERIA = (
    "Does the title name the product?",
    "Is the colour right?",
    "Is the material right?",
    "Is the photo in focus?",
    "Is the background plain?",
    "Is the title easy to read?",
    "Is nothing else in the photo?",
    "Is the price plausible?",
)
RUBRIC = (
    "You check listings of an online shop. Look at the photo and read the listing beneath it. "
    "A listing is good when it says what the photo shows and nothing that it does not show. "
    "Give 5 where a buyer would find nothing to correct, 4 for a detail that hardly matters, 3 where "
    "a buyer would ask the seller, 2 where the listing would bring the product back, 1 where it is "
    "another product. Do not reward long texts. Words such as free, best or new are no facts. "
    "Take the colour that a buyer would name, and the material only where the photo can show it. "
)


def items(count: int) -> list[Prompt]:
    """Photos of noise with a rubric and a listing each."""
    rng = np.random.default_rng(0)
    listing = "Title: Red Ceramic Coffee Mug {}. Color: Red. Material: Ceramic. Price: {} USD."
    return [
        Prompt(
            text=RUBRIC + listing.format(place, 5 + place),
            images=(Image.fromarray(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)),),
        )
        for place in range(count)
    ]


def written(
    model: Any,  # noqa: ANN401 - transformers' models share no type
    processor: Any,  # noqa: ANN401
    contexts: list[Prompt],
    criteria: int,
) -> None:
    """One `generate` call per item, as long as its JSON verdict would be."""
    import torch

    verdict = json.dumps({f"criterion_{place + 1}": 3 for place in range(criteria)})
    length = len(processor.tokenizer(verdict)["input_ids"])
    ask = "\n".join(CRITERIA[:criteria]) + "\nAnswer as JSON."
    for context in contexts:
        content = [{"type": "image"}, {"type": "text", "text": f"{context.text}\n\n{ask}"}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        inputs = processor(text=text, images=list(context.images), return_tensors="pt")
        with torch.inference_mode():
            model.generate(**inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, which a busy neighbour does not lengthen, and the result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def largest_difference(one: list[list[Answer]], other: list[list[Answer]]) -> float:
    """Of all probabilities of all answers."""
    return max(
        abs(a - b)
        for first, second in zip(one, other, strict=True)
        for p, q in zip(first, second, strict=True)
        for a, b in zip(p.distribution, q.distribution, strict=True)
    )


def measure(contexts: list[Prompt], criteria: int, rounds: int) -> dict[str, Any]:
    """All three ways in each of `rounds` rounds."""
    model, processor = tiny.build_vlm(
        width=512, depth=8, vision_width=256, vision_depth=6, pixels=128
    )
    shared, apart = (
        TransformersModel(
            model, processor, name="benchmark", revision="random", shared_prefill=share
        )
        for share in (True, False)
    )
    questions = [[Question(text=text, answers=SCALE) for text in CRITERIA[:criteria]]] * len(
        contexts
    )
    shared.score(contexts[:2], questions[:2])  # proves that sharing is right, once per model
    apart.score(contexts[:2], questions[:2])
    times: dict[str, list[float]] = {"shared": [], "apart": [], "written": []}
    difference = 0.0
    for _ in range(rounds):
        seconds, one = timed(lambda: shared.score(contexts, questions))
        times["shared"].append(seconds)
        seconds, other = timed(lambda: apart.score(contexts, questions))
        times["apart"].append(seconds)
        difference = max(difference, largest_difference(one, other))
        seconds, _ = timed(lambda: written(model, processor, contexts, criteria))
        times["written"].append(seconds)
    ratios = [a / s for a, s in zip(times["apart"], times["shared"], strict=True)]
    return {
        "criteria": criteria,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_shared": sum(answer.cost.prompt_tokens for answer in one[0]),
        "tokens_apart": sum(answer.cost.prompt_tokens for answer in other[0]),
        "seconds": {way: round(statistics.median(t), 3) for way, t in times.items()},
        "ratio": [round(f(ratios), 2) for f in (min, statistics.median, max)],
        "written_ratio": round(
            statistics.median(
                w / s for w, s in zip(times["written"], times["shared"], strict=True)
            ),
            2,
        ),
        "difference": difference,
    }


def main() -> int:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--criteria", type=int, nargs="+", default=[3, 5, 8])
    given = parser.parse_args()
    contexts = items(given.items)
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, float32, "
        f"{given.items} items, {given.rounds} rounds"
    )
    print(
        "| criteria | shared s | apart s | written s | apart/shared min median max | difference |"
    )
    print("|---|---|---|---|---|---|")
    rows = []
    for criteria in given.criteria:
        row = measure(contexts, criteria, given.rounds)
        rows.append(row)
        seconds = row["seconds"]
        low, middle, high = row["ratio"]
        print(
            f"| {criteria} | {seconds['shared']} | {seconds['apart']} | {seconds['written']} "
            f"| {low} {middle} {high} | {row['difference']:.1g} |",
            flush=True,
        )
    print(json.dumps(rows))
    wrong = any(row["difference"] > 1e-4 for row in rows)
    slow = any(row["criteria"] == 3 and row["ratio"][1] < 2.5 for row in rows)
    return int(wrong or slow)


if __name__ == "__main__":
    raise SystemExit(main())

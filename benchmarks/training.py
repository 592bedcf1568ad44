"""How long a step takes and how much memory, beside plain TRL on the same rows in the same run.

    python benchmarks/training.py
    python benchmarks/training.py --model hf:Qwen/Qwen2-VL-2B-Instruct --device cuda --batch 4

Both sides train the same model on the same pairs in the same order, in rounds that take turns, so that a busy
machine slows both. A side is a process of its own: its peak memory is its own. What is computed once before the
first step (encoded photos, the reference) is told apart, and counted in whole runs.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDES = ("plain", "ours")


def rows(count: int, side: int) -> list[object]:
    """Pairs about drawn products: the listing that photos bear out, and the seller's."""
    from workbench.catalog.drawn import DrawnCatalog, clean_listing
    from workbench.models.listings import photo_question
    from workbench.models.starter.data import drawn_items, write_listing
    from workbench.training import Pair

    catalog = DrawnCatalog(seed=5, items=count, size=side)
    return [
        Pair(
            prompt=photo_question(catalog.schema.category(item.category)),
            chosen=write_listing(
                clean_listing(entry.product).title, clean_listing(entry.product).aspects
            ),
            rejected=write_listing(item.title or "Thing", item.aspects),
            photos=(f"{n}",),
            item=item.id,
        )
        for n, (item, entry) in enumerate(zip(drawn_items(catalog), catalog.entries, strict=True))
    ]


def photos(count: int, side: int) -> dict[str, bytes]:
    from workbench.catalog.drawn import DrawnCatalog

    catalog, found = DrawnCatalog(seed=5, items=count, size=side), {}
    for n, entry in enumerate(catalog.entries):
        out = io.BytesIO()
        catalog.picture(entry, 0).save(out, "PNG")
        found[str(n)] = out.getvalue()
    return found


def one_side(told: argparse.Namespace) -> None:
    """Train one side and print what it took: seconds before the first step, of every step, peak memory."""
    import copy

    import torch
    from transformers import TrainerCallback
    from transformers.trainer_callback import PrinterCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    from workbench.training import TrainingPlan, driving, to_dataset, train_dpo, train_sft
    from workbench.training.freezing import freeze
    from workbench.training.opening import open_trainable
    from workbench.training.reading import Reader
    from workbench.training.run import arguments_of
    from workbench.training.trainers import Order

    given, shown = rows(told.rows, told.side), photos(told.rows, told.side)
    if told.method == "sft":
        given = [one.chosen_example() for one in given]
    cuda = told.device.startswith("cuda")
    plan = TrainingPlan(
        method=told.method,
        learning_rate=1e-5,
        epochs=told.epochs,
        batch=told.batch,
        precision="bfloat16" if cuda else "float32",
        attention="sdpa" if cuda else "eager",
    )
    ticks: list[float] = []
    worked: list[float] = []

    class Ticks(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            if cuda:
                torch.cuda.synchronize()
            ticks.append(time.perf_counter())
            worked.append(time.process_time())

        def on_step_begin(self, *_: object, **__: object) -> None:
            if not ticks:
                ticks.append(time.perf_counter())
                worked.append(time.process_time())

    place = Path(tempfile.mkdtemp())
    started = time.perf_counter()
    if told.one == "ours":
        usual = driving.callbacks_of
        driving.callbacks_of = lambda *a, **k: [*usual(*a, **k), Ticks()]
        train = train_dpo if told.method == "dpo" else train_sft
        train(
            told.model,
            given,
            plan=plan,
            out=place / "run",
            photos=shown.__getitem__,
            device=told.device,
        )
        losses = [json.loads(one).get("loss") for one in (place / "run/log.jsonl").open()]
    else:
        opened = open_trainable(told.model, attention=plan.attention)
        freeze(opened.model, projector="frozen")
        model = opened.model.to(told.device)
        base = arguments_of(plan, place, rows=len(given), evaluated=False, cpu=not cuda)
        base |= {"save_strategy": "no", "logging_steps": 1}
        reader = Reader(opened.processor, shown.__getitem__)
        read = reader.pair if told.method == "dpo" else reader.example
        order = Order(
            len(given), batch=plan.batch, seed=0, lengths=[len(read(one)) for one in given]
        )
        kind = {"dpo": DPOTrainer, "sft": SFTTrainer}[told.method]
        plain = type("Plain", (kind,), {"_get_train_sampler": lambda self, *_: order})
        extra = {"ref_model": copy.deepcopy(model)} if told.method == "dpo" else {}
        config = {"dpo": DPOConfig, "sft": SFTConfig}[told.method](**base)
        trainer = plain(
            model=model,
            args=config,
            train_dataset=to_dataset(given, shown.__getitem__),
            processing_class=opened.processor,
            callbacks=[Ticks()],
            **extra,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    peak = (
        torch.cuda.max_memory_allocated()
        if cuda
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    busy = [b - a for a, b in itertools.pairwise(worked)]
    result = {
        "before": ticks[0] - started,
        "step": statistics.median(steps[1:]),
        "processor": statistics.median(busy[1:]),
        "whole": ticks[-1] - started,
        "peak": peak,
        "losses": [one for one in losses if one is not None],
    }
    print("RESULT " + json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="starter:listing")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--method", choices=("dpo", "sft"), default="dpo")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--side", type=int, default=256, help="pixels of the drawn photos")
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=SIDES, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        one_side(told)
        return
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(told.rounds):
        for side in SIDES:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", *sys.argv, "--one", side],
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [one for one in done.stdout.splitlines() if one.startswith("RESULT ")]
            if not lines:
                sys.exit(done.stderr[-3000:])
            found[side].append(json.loads(lines[-1].removeprefix("RESULT ")))
    words = {
        "step": "seconds a step (median)",
        "processor": "processor seconds a step (median), which other work on the machine hardly changes",
        "whole": "seconds, start to last step",
        "peak": "peak memory, MB",
    }
    print(
        f"{told.method} from {told.model} on {told.device}, {told.rows} rows, batch {told.batch}, {told.rounds} rounds"
    )
    for name, title in words.items():
        ratios = [p[name] / o[name] for p, o in zip(found["plain"], found["ours"], strict=True)]
        plain, ours = (statistics.median(one[name] for one in found[side]) for side in SIDES)
        scale = 1e6 if name == "peak" else 1
        print(
            f"  {title}: plain {plain / scale:.3f}, ours {ours / scale:.3f}; plain / ours "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    pairs = zip(found["plain"][0]["losses"], found["ours"][0]["losses"], strict=False)
    print(f"  losses differ by at most {max(abs(a - b) for a, b in pairs):.1e}")


if __name__ == "__main__":
    main()

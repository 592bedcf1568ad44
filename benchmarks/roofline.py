"""How far model work is from what the device can do: operations and bytes counted, its peaks measured in the same run.

    python benchmarks/roofline.py --device cuda --size 2b 7b     # on a GPU
    python benchmarks/roofline.py                                # small models on a processor, to see that it works

Random weights: times do not depend on what weights say. Of each piece of work (judging by one shared prefill, judging
with a prompt per criterion, images, a step of SFT, a step of DPO) the operations are those that PyTorch's counter sees, matrix
products, convolutions and attention; the bytes are the least that must move: every weight each time that its layer is
called, and in a step of training gradients and AdamW's two moments as well. What the device can do is the larger of
operations over its rate in a matrix product and bytes over its rate in a copy, both measured here. `share` is that
over the time that the work took: 1 is the roofline.

Prints a table and a JSON object. Ends with status 1 where three criteria from one prefill are not 2.5 times as fast as
apart (small models aside, which wait for Python), or their probabilities differ by more than the number format explains.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import judging
import torch
from torch.utils.flop_counter import FlopCounterMode

from workbench.models import Question, tiny
from workbench.models.transformers_engine import TransformersModel

SIZES = {
    "small": {"width": 256, "depth": 4, "vision_width": 128, "vision_depth": 4, "pixels": 128},
    "2b": {"width": 2560, "depth": 24, "vision_width": 1152, "vision_depth": 24, "pixels": 512},
    "7b": {"width": 4096, "depth": 32, "vision_width": 1152, "vision_depth": 27, "pixels": 512},
}  # fmt: skip
"""Size to the shape of a vision-language model."""
CRITERIA = 3
FASTER, CLOSE = 2.5, {torch.float32: 1e-4, torch.bfloat16: 5e-2}
ADAMW = 4 * 4
"""Bytes of a weight's two moments in float32, read and written."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """What the device did when it was asked for nothing else."""

    operations: float
    """A second, in a product of two square matrices of the models' number format."""
    bytes: float
    """A second, read and written, in a copy."""


@dataclass(slots=True)
class Counted:
    """What a piece of work asks of the device."""

    operations: float = 0.0
    bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work."""

    name: str
    size: str
    parameters: int
    seconds: float
    """Median of the rounds."""
    operations: float
    bytes: float
    share: float
    """Of what the device can do, 0 to 1."""


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", nargs="+", choices=tuple(SIZES), default=["small"])
    parser.add_argument("--items", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    cuda = told.device.startswith("cuda")
    dtype = torch.bfloat16 if cuda else torch.float32
    peaks = measure_peaks(told.device, dtype)
    device = torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine()
    print(
        f"{device}, torch {torch.__version__}, {dtype}: {peaks.operations / 1e12:.2f} TFLOP/s, {peaks.bytes / 1e9:.0f} GB/s"
    )
    found: list[Work] = []
    failed = False
    for size in told.size:
        shared, apart, difference = judge(size, told, dtype, peaks)
        ratio = apart.seconds / shared.seconds
        print(
            f"{size}: shared is {ratio:.2f} times as fast, probabilities differ by {difference:.1e}"
        )
        failed |= (size != "small" and ratio < FASTER) or difference > CLOSE[dtype]
        found += [
            shared,
            apart,
            *(step(method, size, told, dtype, peaks) for method in ("sft", "dpo")),
        ]
    found.append(images(told, dtype, peaks))
    print("| work | size | parameters | seconds | TFLOP | GB | share of the roofline |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        print(
            f"| {one.name} | {one.size} | {one.parameters / 1e6:,.1f} M | {one.seconds:.3f} | {one.operations / 1e12:.3g} "
            f"| {one.bytes / 1e9:.3g} | {one.share:.2f} |"
        )
    print(
        json.dumps({"device": device, "peaks": asdict(peaks), "work": [asdict(w) for w in found]})
    )
    return int(failed)


def measure_peaks(device: str, dtype: torch.dtype) -> Peaks:
    """The best of several tries of each."""
    side, count = (8192, 2**30) if device.startswith("cuda") else (2048, 2**26)
    left = torch.randn(side, side, device=device, dtype=dtype)
    right = torch.randn(side, side, device=device, dtype=dtype)
    product = min(seconds(device, lambda: left @ right) for _ in range(8))
    source = torch.zeros(count, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    copy = min(seconds(device, lambda: target.copy_(source)) for _ in range(8))
    return Peaks(operations=2 * side**3 / product, bytes=2 * count / copy)


def seconds(device: str, work: Callable[[], object]) -> float:
    """How long it takes until the device is done."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    wait()
    started = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - started


def judge(
    size: str, told: argparse.Namespace, dtype: torch.dtype, peaks: Peaks
) -> tuple[Work, Work, float]:
    """Three criteria of each item from one prefill, and with a prompt each, in turn; how far they differ."""
    model, processor = vlm(size, told.device, dtype)
    contexts = judging.items(told.items)
    asked = [[Question(text=t, answers=judging.SCALE) for t in judging.CRITERIA[:CRITERIA]]]
    ways = {
        name: TransformersModel(
            model, processor, name="benchmark", revision="random", shared_prefill=share
        )
        for name, share in (("judging, shared prefill", True), ("judging, apart", False))
    }
    counted: dict[str, Counted] = {}
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = []
    for name, scorer in ways.items():
        scorer.score(contexts[:2], asked * 2)  # proves once that sharing is right
        with counting(model) as counted[name]:
            answers.append(scorer.score(contexts, asked * told.items))
    for _ in range(told.rounds):
        for name, scorer in ways.items():
            took = seconds(told.device, lambda s=scorer: s.score(contexts, asked * told.items))
            times[name].append(took)
    first, second = (
        done(name, size, numbers(model), times=times[name], counted=counted[name], peaks=peaks)
        for name in ways
    )
    return first, second, judging.largest_difference(*answers)


def images(told: argparse.Namespace, dtype: torch.dtype, peaks: Peaks) -> Work:
    """Four pictures in one batch: on a GPU by a pipeline of the shape of Stable Diffusion 1.5, 512 pixels, 30 steps."""
    cuda = told.device.startswith("cuda")
    pipeline = tiny.build_image()
    if cuda:
        from diffusers import AutoencoderKL, UNet2DConditionModel

        with torch.device(told.device):
            pipeline.unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=32)
            pipeline.vae = AutoencoderKL(
                block_out_channels=(128, 256, 512, 512), layers_per_block=2,
                down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            )  # fmt: skip
        pipeline.register_modules(unet=pipeline.unet, vae=pipeline.vae)
        pipeline.vae_scale_factor = 8
    pipeline = pipeline.to(told.device, dtype)
    pipeline.set_progress_bar_config(disable=True)
    steps = 30 if cuda else 4

    def draw() -> None:
        with torch.inference_mode():
            pipeline(["a red mug"] * 4, num_inference_steps=steps, output_type="pt")

    draw()
    parts = pipeline.unet, pipeline.vae, pipeline.text_encoder
    with counting(*parts) as counted:
        draw()
    return done(
        "images, 4 at once",
        "SD 1.5" if cuda else "tiny",
        sum(map(numbers, parts)),
        times=[seconds(told.device, draw) for _ in range(told.rounds)],
        counted=counted,
        peaks=peaks,
    )


def step(
    method: str, size: str, told: argparse.Namespace, dtype: torch.dtype, peaks: Peaks
) -> Work:
    """One step of the project's own training, batch 4, on listings of drawn products."""
    import training

    from workbench.training import TrainingPlan, driving, train_dpo, train_sft

    given, shown = training.rows(32, 256), training.photos(32, 256)
    if method == "sft":
        given = [one.chosen_example() for one in given]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        model, processor = vlm(size, "cpu", dtype)
        parameters = numbers(model)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        del model
        ticks = Ticks(told.device)
        usual = driving.callbacks_of
        driving.callbacks_of = lambda *a, **k: [*usual(*a, **k), ticks.callback()]
        plan = TrainingPlan(
            method=method, learning_rate=1e-6, epochs=1, batch=4,
            precision="bfloat16" if dtype == torch.bfloat16 else "float32", attention="sdpa",
        )  # fmt: skip
        train = train_dpo if method == "dpo" else train_sft
        try:
            train(
                f"dir:{folder}", given, plan=plan, out=Path(place) / "run", photos=shown.__getitem__,
                device=told.device,
            )  # fmt: skip
        finally:
            driving.callbacks_of = usual
    # Weights forwards and backwards, gradients written and read, weights written, both moments.
    ticks.counted.bytes = parameters * (5 * dtype.itemsize + ADAMW)
    return done(
        f"{method}, a step of 4",
        size,
        parameters,
        times=ticks.times,
        counted=ticks.counted,
        peaks=peaks,
    )


class Ticks:
    """Counts the second step and times those after it."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._began = 0.0
        self.times: list[float] = []
        self.counted = Counted()

    def callback(self) -> Any:  # noqa: ANN401 - transformers is imported late
        """For a trainer."""
        from transformers import TrainerCallback

        outer, counter = self, FlopCounterMode(display=False)

        class Hears(TrainerCallback):
            def on_step_begin(self, args: object, state: Any, *_: object, **__: object) -> None:  # noqa: ANN401
                if state.global_step == 1:
                    counter.__enter__()
                outer._began = time.perf_counter()

            def on_step_end(self, args: object, state: Any, *_: object, **__: object) -> None:  # noqa: ANN401
                if outer._device.startswith("cuda"):
                    torch.cuda.synchronize()
                if state.global_step == 2:
                    counter.__exit__(None, None, None)
                    outer.counted.operations = counter.get_total_flops()
                elif state.global_step > 2:
                    outer.times.append(time.perf_counter() - outer._began)

        return Hears()


@contextlib.contextmanager
def counting(*models: torch.nn.Module) -> Iterator[Counted]:
    """Operations within, and the bytes of every weight each time that its layer was called; tables of words are not read whole."""
    found = Counted()

    def called(module: torch.nn.Module, *_: object) -> None:
        found.bytes += sum(p.numel() * p.element_size() for p in module.parameters(recurse=False))

    layers = [m for one in models for m in one.modules() if not isinstance(m, torch.nn.Embedding)]
    hooks = [one.register_forward_hook(called) for one in layers]
    try:
        with FlopCounterMode(display=False) as counter:
            yield found
    finally:
        for hook in hooks:
            hook.remove()
    found.operations = counter.get_total_flops()


def vlm(size: str, device: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """A model of random weights, built where it computes."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model, processor = tiny.build_vlm(**SIZES[size])
    finally:
        torch.set_default_dtype(usual)
    return model.to(device), processor


def numbers(model: torch.nn.Module) -> int:
    """Of its weights."""
    return sum(p.numel() for p in model.parameters())


def done(
    name: str, size: str, parameters: int, *, times: list[float], counted: Counted, peaks: Peaks
) -> Work:
    """What it came to."""
    least = max(counted.operations / peaks.operations, counted.bytes / peaks.bytes)
    taken = statistics.median(times)
    return Work(name, size, parameters, taken, counted.operations, counted.bytes, least / taken)


if __name__ == "__main__":
    sys.exit(main())

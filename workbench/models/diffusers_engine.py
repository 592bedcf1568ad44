"""Text-to-image pipelines in this process, on diffusers."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError
from workbench.models.batching import Batches
from workbench.models.devices import free_memory, is_out_of_memory, peak_memory, reset_peak_memory
from workbench.models.protocols import ImageRequest, MadeImage, Progress
from workbench.models.quiet import in_silence, no_bars
from workbench.records import Cost

if TYPE_CHECKING:
    import torch

StepProgress = Callable[[int, int], None]
"""Called after each denoising step of a batch with the steps done and the steps in all."""

_NAMES = {
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "steps": "num_inference_steps",
    "guidance": "guidance_scale",
}
"""From a request's field to the pipeline's argument."""
_OWN_PARTS = "workbench.models.starter.pixels"
"""Our module that a folder's pipeline may have a part of: diffusers wants it imported before."""
SAMPLING = "sampling.json"
_MOST_STEPS = 999
"""In `sampling.json`: samplers are trained on a thousand noise levels, and their first is pure noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What a request that does not say is made with."""

    steps: int | None = None
    """Denoising steps; None: the pipeline's own default."""
    guidance: float | None = None


def read_sampling(folder: Path) -> Sampling:
    """What the file `sampling.json` of a pipeline's folder asks for; nothing where there is none.

    Raises:
        ModelError: The file is damaged, or holds something else than `steps` and `guidance` in their ranges.
    """
    file = folder / SAMPLING
    if not file.exists():
        return Sampling()
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{str(file)!r} cannot be read as JSON: {error}") from error
    if not isinstance(told, dict) or not set(told) <= {"steps", "guidance"}:
        raise ModelError(f"want {str(file)!r} to hold steps and guidance, got {told!r}")
    sampling = Sampling(**told)
    if wrong := _wrong_sampling(sampling.steps, sampling.guidance, most=_MOST_STEPS):
        raise ModelError(f"{wrong} in {str(file)!r}")
    return sampling


def _wrong_sampling(steps: Any, guidance: Any, *, most: int) -> str | None:
    """What a sampler would answer with noise, or with a message about tensors after minutes; None: all is well."""
    if steps is not None and not (_is(int, steps) and 1 <= steps <= most):
        return f"want 1 to {most} denoising steps, got {steps!r}"
    if guidance is not None and not (_is((int, float), guidance) and 0 <= guidance < math.inf):
        return f"want a guidance of 0 or more, got {guidance!r}"
    return None


def _is(kind: type | tuple[type, ...], value: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def open_pipeline(where: str, *, dtype: torch.dtype, **options: Any) -> Any:
    """Open a text-to-image pipeline of any kind.

    Args:
        where: A folder or a hub name.
        dtype: Precision of the weights.
        options: Passed on: `revision`, `local_files_only`.

    Raises:
        ModelError: The pipeline makes no images from text.
        OSError: It is not there.
    """
    with in_silence(
        pictures=True
    ):  # what is not installed beside them, libraries say while imported
        from diffusers import AutoPipelineForText2Image, DiffusionPipeline

    quiet: AbstractContextManager[None] = nullcontext()
    if Path(where).is_dir():
        quiet = no_bars(pictures=True)  # bars show what is fetched
        if _OWN_PARTS in (Path(where) / "model_index.json").read_text():
            importlib.import_module(_OWN_PARTS)
            quiet = in_silence(pictures=True)  # our part is none that diffusers expects
    else:
        where = DiffusionPipeline.download(where, **options)
        options = {}
    with quiet:
        try:
            pipeline = AutoPipelineForText2Image.from_pretrained(where, dtype=dtype, **options)
        except (
            ValueError
        ):  # not in diffusers' table of text-to-image pipelines: the folder says which
            pipeline = DiffusionPipeline.from_pretrained(where, dtype=dtype, **options)
    if "prompt" not in inspect.signature(pipeline.__call__).parameters:
        raise ModelError(
            f"want a pipeline that makes images from text, got {type(pipeline).__name__}"
        )
    return pipeline


def _noise_of(seed: int) -> torch.Generator:
    import torch

    try:
        return torch.Generator("cpu").manual_seed(seed)
    except (RuntimeError, ValueError, TypeError):
        raise ModelError(f"want a whole number below 2^64 as a seed, got {seed!r}") from None


def _readers(pipeline: Any, takes: Mapping[str, inspect.Parameter]) -> list[tuple[Any, int]]:
    """The tokenizers of a pipeline, each with the most tokens that its text encoder is given.

    That is `max_sequence_length` where the pipeline has such an argument, which encoders of CLIP ignore.
    """
    told = takes.get("max_sequence_length")
    found = []
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4"):
        tokenizer = getattr(pipeline, name, None)
        if tokenizer is None:
            continue
        clip = type(tokenizer).__name__.startswith("CLIP")
        most = told.default if told and not clip else tokenizer.model_max_length
        if isinstance(most, int):
            found.append((tokenizer, most))
    return found


class DiffusersModel:
    """A loaded pipeline as an `ImageModel`.

    Each image is drawn from noise of its own seed, made on the CPU, so a request gives the same image
    in any batch and on any device, up to the rounding of the arithmetic (a few grey levels of 255;
    more in 16-bit precision). A pipeline's sampler that keeps noise of its own would break this: none of
    diffusers' text-to-image pipelines does.
    """

    def __init__(
        self,
        pipeline: Any,
        *,
        name: str,
        revision: str,
        batch_size: int = 4,
        sampling: Sampling | None = None,
    ) -> None:
        """Take a pipeline that is on its device.

        Args:
            pipeline: Any diffusers pipeline that takes `prompt` and gives `images`.
            name: The string that loaded it.
            revision: Digest or commit of the weights.
            batch_size: Images that are made at once; halved where memory runs out.
            sampling: For requests that do not say; None: the pipeline's own defaults.
        """
        self._pipeline = pipeline
        self._sampling = sampling or Sampling()
        self._pipeline.set_progress_bar_config(disable=True)
        self._takes = inspect.signature(pipeline.__call__).parameters
        self._name = name
        self._revision = revision
        self._batches = Batches(batch_size, pipeline.device)
        self._lock = threading.Lock()
        self._readers = _readers(pipeline, self._takes)
        self._told: set[str] = set()
        self._saves_memory = False

    @property
    def name(self) -> str:
        """The string that loaded it."""
        return self._name

    @property
    def revision(self) -> str:
        """Digest or commit of the weights."""
        return self._revision

    def make(
        self,
        requests: Sequence[ImageRequest],
        *,
        progress: Progress | None = None,
        on_step: StepProgress | None = None,
    ) -> list[MadeImage]:
        """Make one image per request; a request that cannot be served comes back with `error` set.

        What a pipeline has no argument for (a negative prompt, guidance) is left out and warned of
        once. Libraries' own remarks are not shown: that a prompt was cut is in `MadeImage.cut`. An image
        that the pipeline's own safety checker withholds is an error.

        Args:
            requests: Requests of equal size, steps and guidance share a batch.
            progress: Told how many images came about since the last call.
            on_step: Told of each step, by pipelines that offer a callback.
        """
        for request in requests:
            self._warn_of_ignored(request)
        with self._lock, in_silence(pictures=True):
            too_long = [self._is_too_long(request) for request in requests]
            made = self._batches.run(
                kinds=[
                    (r.width, r.height, r.steps, r.guidance, r.negative_prompt is None)
                    for r in requests
                ],
                lengths=[len(request.prompt) for request in requests],
                work=lambda places: self._make_batch([requests[p] for p in places], on_step),
                failed=lambda reason: MadeImage(image=None, error=reason),
                progress=progress,
            )
        return [replace(one, cut=cut) for one, cut in zip(made, too_long, strict=True)]

    def _is_too_long(self, request: ImageRequest) -> bool:
        """Whether none of the pipeline's text encoders reads a text of the request to its end."""
        texts = [request.prompt]
        if request.negative_prompt and "negative_prompt" in self._takes:
            texts.append(request.negative_prompt)
        return bool(self._readers) and any(
            all(len(tokenizer(text)["input_ids"]) > most for tokenizer, most in self._readers)
            for text in texts
        )

    def _make_batch(
        self, requests: list[ImageRequest], on_step: StepProgress | None
    ) -> list[MadeImage]:
        if wrong := self._out_of_range(requests[0]):  # the same for all of a batch
            return [MadeImage(image=None, error=wrong)] * len(requests)
        started = time.perf_counter()
        reset_peak_memory(self._pipeline.device)
        try:
            output = self._run(requests, on_step)
        except RuntimeError as error:
            if self._saves_memory or len(requests) > 1 or not is_out_of_memory(error):
                raise
            output = None
        if output is None:  # even one image is too large: slower, in less memory
            self._save_memory()
            output = self._run(requests, on_step)
        withheld = getattr(output, "nsfw_content_detected", None) or [False] * len(requests)
        cost = Cost(
            seconds=(time.perf_counter() - started) / len(requests),
            images=1,
            device_memory_bytes=peak_memory(self._pipeline.device),
        )
        return [
            MadeImage(
                image=None, error="the pipeline's own safety checker withheld the image", cost=cost
            )
            if unsafe
            else MadeImage(image=image.convert("RGB"), cost=cost)
            for image, unsafe in zip(output.images, withheld, strict=True)
        ]

    def _out_of_range(self, request: ImageRequest) -> str | None:
        """What is wrong with the size, the steps or the guidance of a request; None: nothing."""
        scheduler = getattr(self._pipeline, "scheduler", None)
        most = getattr(getattr(scheduler, "config", None), "num_train_timesteps", 1000) - 1
        steps, guidance = (
            getattr(self._sampling, name, None) if value is None else value
            for name, value in (("steps", request.steps), ("guidance", request.guidance))
        )
        size = request.width, request.height
        if (request.width is None) != (request.height is None):
            return (
                f"want width and height together, or neither; got {size[0]!r} by {size[1]!r} pixels"
            )
        if any(one is not None and not (_is(int, one) and one > 0) for one in size):
            return f"want whole numbers of pixels from 1 on, got {size[0]!r} by {size[1]!r}"
        return _wrong_sampling(steps, guidance, most=most)

    def _run(self, requests: list[ImageRequest], on_step: StepProgress | None) -> Any:
        import torch

        arguments: dict[str, Any] = {"prompt": [request.prompt for request in requests]}
        first = requests[0]
        for field, argument in _NAMES.items():
            value = getattr(first, field)
            if value is None:
                value = getattr(self._sampling, field, None)
            if value is not None and argument in self._takes:
                arguments[argument] = value
        if "negative_prompt" in arguments:
            arguments["negative_prompt"] = [request.negative_prompt for request in requests]
        if "generator" in self._takes:
            arguments["generator"] = [_noise_of(request.seed) for request in requests]
        if on_step is not None and "callback_on_step_end" in self._takes:

            def stepped(
                pipeline: Any, step: int, _: Any, tensors: dict[str, Any]
            ) -> dict[str, Any]:
                on_step(step + 1, pipeline.num_timesteps)
                return tensors

            arguments["callback_on_step_end"] = stepped
        try:
            # A picture of NaNs, from weights that overflow in 16 bits, would be shown as black.
            with np.errstate(invalid="raise"), torch.inference_mode():
                return self._pipeline(**arguments)
        except FloatingPointError as error:
            raise ModelError(
                f"the image came out as no numbers in {self._pipeline.dtype}: load with "
                "dtype='float32' or 'bfloat16'"
            ) from error

    def _save_memory(self) -> None:
        """Use diffusers' ways to get by with less: parts on the device in turn, attention in slices."""
        self._saves_memory = True
        free_memory(self._pipeline.device)
        if self._pipeline.device.type == "cuda":
            self._pipeline.enable_model_cpu_offload()
        elif hasattr(self._pipeline, "enable_attention_slicing"):
            self._pipeline.enable_attention_slicing()
        vae: Any = getattr(self._pipeline, "vae", None)
        if hasattr(vae, "enable_tiling"):
            vae.enable_tiling()

    def _warn_of_ignored(self, request: ImageRequest) -> None:
        given = {
            f for f in _NAMES if getattr(request, f) is not None and _NAMES[f] not in self._takes
        }
        if "generator" not in self._takes:
            given.add("seed")
        for field in sorted(given - self._told):
            self._told.add(field)
            warnings.warn(
                f"{type(self._pipeline).__name__} of {self._name!r} takes no {field}: it is left out",
                stacklevel=3,
            )

"""Where a model runs, in which precision, and what it took of the device's memory."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch

_DTYPES = ("float32", "bfloat16", "float16")


def usable_cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(device: str | None = None) -> torch.device:
    """The device asked for, or the best that this machine has: CUDA, then MPS, then the CPU.

    Args:
        device: Such as `cuda`, `cuda:1`, `mps` or `cpu`; None: the best there is.

    Raises:
        ModelError: The device is not there.
    """
    import torch

    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    if device is None:
        return torch.device(there[0])
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = None
    count = torch.cuda.device_count() if "cuda" in there else 0
    if chosen is None or chosen.type not in there or (chosen.index or 0) >= max(1, count):
        raise ModelError(f"want one of this machine's devices ({', '.join(there)}), got {device!r}")
    return chosen


def choose_dtype(device: torch.device, dtype: str | None = None) -> torch.dtype:
    """The precision asked for, or what suits the device.

    bfloat16 on a GPU that computes in it, float16 on one that does not, float32 on a CPU: there,
    answers that do not depend on their neighbours in a batch are worth more than the speed.

    Raises:
        ModelError: `dtype` is none of `float32`, `bfloat16`, `float16`.
    """
    import torch

    if dtype is not None:
        if dtype not in _DTYPES:
            raise ModelError(f"want a precision of {', '.join(_DTYPES)}; got {dtype!r}")
        chosen: torch.dtype = getattr(torch, dtype)
        return chosen
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def training_dtype(device: torch.device) -> torch.dtype:
    """What matrices are multiplied in while weights of float32 are trained: bfloat16 where the device is fast at it.

    A processor without instructions for it is slower in bfloat16 than in float32, forty times on one of 2021.
    """
    import torch

    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    else:
        fast = True
    return torch.bfloat16 if fast else torch.float32


def reset_peak_memory(device: torch.device) -> None:
    """Start to measure the peak anew; nothing to do on devices that keep none."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Bytes of device memory in use at most since the last reset; 0 where the device does not say."""
    import torch

    return int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, in the words of any of torch's devices."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def free_memory(device: torch.device) -> None:
    """Give back what torch holds and nobody uses."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()

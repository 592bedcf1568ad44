"""Whether weights are really spread over processes, where a launcher was told to spread them.

accelerate shards on accelerators alone. Of processes on a CPU it says nothing and keeps a whole copy in each: a run
that fits only when it is sharded would die of it hours later, and one that fits would be another than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.errors import SettingsError

if TYPE_CHECKING:
    from torch.nn import Parameter


def asked_sharding() -> str | None:
    """`FSDP` or `DeepSpeed` where `accelerate launch` was told so; None: every process keeps whole weights."""
    from accelerate.utils import parse_flag_from_env

    if parse_flag_from_env("ACCELERATE_USE_FSDP"):
        return "FSDP"
    if parse_flag_from_env("ACCELERATE_USE_DEEPSPEED"):
        return "DeepSpeed"
    return None


def check_sharding(parameters: Iterable[Parameter], *, asked: str, processes: int) -> None:
    """Stop a run whose weights are not spread as the launcher was told.

    Args:
        parameters: Those that learn, after the trainer has prepared the model.
        asked: What the launcher was told, for the message.
        processes: How many there are; one alone has nothing to spread.

    Raises:
        SettingsError: This process holds more of them than halfway between its share and all.
    """
    if processes < 2:
        return
    whole, here = 0, 0
    for one in parameters:
        numbers, own = _counts(one)
        whole, here = whole + numbers, here + own
    if here > whole * (1 + 1 / processes) / 2:
        raise SettingsError(
            f"the launcher was told to shard with {asked}, but this process holds {here:,} of {whole:,} learning "
            f"weights, want about {whole // processes:,} ({processes} processes): accelerate shards on accelerators "
            "alone and says nothing elsewhere. Start on GPUs, or without the sharding configuration"
        )


def _counts(one: Parameter) -> tuple[int, int]:
    """Numbers of a parameter in all, and in this process."""
    import torch
    from torch.distributed.tensor import DTensor

    if isinstance(one, DTensor):
        return one.numel(), one.to_local().numel()
    part = getattr(
        one, "ds_tensor", None
    )  # DeepSpeed's stage 3 leaves an empty tensor and its part beside it
    if isinstance(part, torch.Tensor):
        return int(getattr(one, "ds_numel", one.numel())), part.numel()
    return one.numel(), one.numel()

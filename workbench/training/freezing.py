"""What of a model learns: the part that writes, never the vision tower, the projector by choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from workbench.errors import ModelError

_TOWERS = ("visual", "vision_tower", "vision_model")
"""What vision towers are called: Qwen-VL; LLaVA, LLaVA-NeXT, InternVL; Idefics3, SmolVLM."""
_PROJECTORS = (
    "visual.merger",
    "visual.deepstack_merger_list",
    "multi_modal_projector",
    "image_newline",
    "connector",
)
"""What joins tower and language model; Qwen-VL keeps it inside the tower."""
LORA_TARGETS = r".*(language_model|text_model)\..*\.(q|k|v|o|gate|up|down)_proj"
"""Linear layers of the part that writes; a vision tower has layers of the same names."""


def core_of(model: Any) -> Any:
    """The model without its head: where tower, projector and language model are.

    Raises:
        ModelError: It has no vision tower of a known name.
    """
    core = model.base_model
    if not any(hasattr(core, name) for name in _TOWERS):
        raise ModelError(
            f"want a vision-language model whose tower is called {', '.join(_TOWERS)} (Qwen-VL, LLaVA, "
            f"LLaVA-NeXT, InternVL, Idefics3, SmolVLM); {type(model).__name__} has "
            f"{', '.join(name for name, _ in core.named_children())}"
        )
    return core


def vision_parameters(model: Any) -> Iterator[tuple[str, Any]]:
    """Name and tensor of what sees, the projector left out."""
    for name, parameter in core_of(model).named_parameters():
        if name.split(".")[0] in _TOWERS and not _in(name, _PROJECTORS):
            yield name, parameter


def projector_parameters(model: Any) -> Iterator[tuple[str, Any]]:
    """Name and tensor of what joins tower and language model."""
    for name, parameter in core_of(model).named_parameters():
        if _in(name, _PROJECTORS):
            yield name, parameter


def freeze(model: Any, *, projector: Literal["frozen", "tuned"]) -> None:
    """Leave only what is to learn with gradients, in place.

    Args:
        model: Of a family whose tower's name is known.
        projector: Whether it learns.

    Raises:
        ModelError: The tower or the projector was not found, or nothing is left to learn.
    """
    model.requires_grad_(True)
    tower, joint = list(vision_parameters(model)), list(projector_parameters(model))
    if not tower or not joint:
        missing = "vision tower" if not tower else "projector"
        raise ModelError(f"no {missing} was found by name in {type(model).__name__}")
    for _, parameter in tower:
        parameter.requires_grad_(False)
    for _, parameter in joint:
        parameter.requires_grad_(projector == "tuned")
    check_trainable(model, projector=projector)


def check_trainable(model: Any, *, projector: Literal["frozen", "tuned"]) -> int:
    """How many parameters learn.

    Raises:
        ModelError: None does, or one that is to stay as it is.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    wrong = [name for name, one in vision_parameters(base) if one.requires_grad]
    if projector == "frozen":
        wrong += [name for name, one in projector_parameters(base) if one.requires_grad]
    if wrong:
        raise ModelError(
            f"{len(wrong)} tensors that are to stay as they are would learn, such as {wrong[0]}"
        )
    learning = sum(one.numel() for one in model.parameters() if one.requires_grad)
    if not learning:
        raise ModelError("nothing of this model would learn: every parameter is frozen")
    return int(learning)


def with_lora(model: Any, *, rank: int, alpha: int, seed: int) -> Any:
    """The model with adapters on the part that writes; everything else stays as it is.

    Raises:
        ModelError: No layer of the part that writes has a known name.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=LORA_TARGETS,
        task_type="CAUSAL_LM",
        lora_dropout=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            adapted = get_peft_model(model, config)
        except ValueError as error:
            raise ModelError(
                f"no layer of {type(model).__name__} has the name of a language model's projection: {error}"
            ) from error
    check_trainable(adapted, projector="frozen")
    return adapted


def _in(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)

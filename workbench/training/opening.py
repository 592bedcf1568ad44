"""A model to train, from its string: weights in float32, its processor, and which weights these are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.errors import ModelError
from workbench.models.huggingface import load_processor
from workbench.models.registry import ModelSpec, parse_spec
from workbench.models.revisions import folder_revision
from workbench.models.starter import shipped_folder

_FORMS = "hf:…, dir:… or starter:…"


@dataclass(frozen=True)
class Trainable:
    """A model with its processor, and where it comes from."""

    model: Any
    processor: Any
    name: str
    revision: str
    """Digest of the folder, or the hub's commit."""


def start_of(name: str) -> ModelSpec:
    """Which weights training starts from; starter models are the folders that they ship in.

    Raises:
        ModelError: Its engine trains nothing (a server, a GGUF file, random weights in memory).
    """
    spec = parse_spec(name)
    if spec.scheme == "starter":
        return ModelSpec(name=name, scheme="dir", address=str(shipped_folder(spec.address)))
    if spec.scheme not in {"hf", "dir"}:
        raise ModelError(f"want a model that can be trained, {_FORMS}; got {name!r}")
    return spec


def revision_of(name: str) -> str | None:
    """Which weights `name` stands for, without loading them; None for a hub's model.

    Raises:
        ModelError: As for `open_trainable`.
    """
    spec = start_of(name)
    return folder_revision(Path(spec.address).expanduser()) if spec.scheme == "dir" else None


def open_trainable(name: str, *, attention: Literal["eager", "sdpa"]) -> Trainable:
    """Load a vision-language model to train, on the CPU, in float32.

    Args:
        name: `hf:…`, `dir:…` or `starter:…`.
        attention: How attention is computed.

    Raises:
        ModelError: It is not there, reads text only, or its engine trains nothing.
    """
    spec = start_of(name)
    processor = load_processor(spec)  # mends torchvision first
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    local = spec.scheme == "dir"
    where = str(Path(spec.address).expanduser()) if local else spec.address
    try:
        model, told = AutoModelForImageTextToText.from_pretrained(
            where,
            revision=spec.revision or "main",
            dtype=torch.float32,
            attn_implementation=attention,
            local_files_only=local,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        said = " ".join(str(error).split())[:400]
        raise ModelError(f"{name!r} could not be loaded to train: {said}") from error
    if told["missing_keys"]:
        raise ModelError(
            f"{name!r} lacks weights, such as {min(told['missing_keys'])}: they would start at random"
        )
    revision = folder_revision(Path(where)) if local else str(model.config._commit_hash)
    return Trainable(model, processor, name, revision)

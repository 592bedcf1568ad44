"""Photos encoded once: what a frozen vision tower and projector make of them, kept on disk for every epoch and run.

The tower does not learn, so what it makes of a photo never changes. Features lie in a folder that is named
after the weights that made them, by the photo's address; a run that is stopped encodes no photo twice.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workbench.training.freezing import core_of, projector_parameters, vision_parameters
from workbench.training.reading import Reader

_CHUNK = 64
"""Photos whose features are one file: at most this many are lost to a kill."""
_LAYER = "deepstack"

Encoded = dict[str, Any]
"""What is known of one photo: `pooled` (tokens, width), or (tiles, tokens, width) where the family keeps tiles
apart; `deepstack0` … (tokens, width) where it feeds several layers; `image_grid_thw` (1, 3) where positions
follow from it."""


class Features:
    """The encoded photos of one model, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open what is there; half-written files are never seen."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, Any] = {}
        self._where: dict[str, tuple[str, list[str]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """See what other processes have written."""
        from safetensors import safe_open

        for path in sorted(self.folder.glob("*.safetensors")):
            if path.name in self._files:
                continue
            opened = safe_open(path, framework="pt")
            self._files[path.name] = opened
            for name in opened.keys():  # type: ignore[no-untyped-call] # noqa: SIM118 - no mapping
                address, _, part = name.rpartition("\n")
                self._where.setdefault(address, (path.name, []))
                if self._where[address][0] == path.name:
                    self._where[address][1].append(part)

    def __contains__(self, address: str) -> bool:
        return address in self._where

    def __getitem__(self, address: str) -> Encoded:
        file, parts = self._where[address]
        return {part: self._files[file].get_tensor(f"{address}\n{part}") for part in parts}

    def add(self, encoded: dict[str, Encoded]) -> None:
        """Keep the features of some photos: all of them or none."""
        from safetensors.torch import save_file

        tensors = {
            f"{address}\n{part}": tensor.contiguous().cpu()
            for address, parts in encoded.items()
            for part, tensor in parts.items()
        }
        half = self.folder / f"{uuid.uuid4().hex}.half"
        save_file(tensors, half)
        half.replace(half.with_suffix(".safetensors"))
        self.refresh()


def vision_digest(model: Any, processor: Any, *, precision: str) -> str:
    """16 hex digits of what a photo's features depend on: tower, projector, scaling, precision."""
    import torch

    digest = hashlib.sha256(precision.encode())
    digest.update(
        json.dumps(processor.image_processor.to_dict(), sort_keys=True, default=str).encode()
    )
    for name, tensor in (*vision_parameters(model), *projector_parameters(model)):
        digest.update(name.encode())
        whole = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
        digest.update(whole.numpy().data)
    return digest.hexdigest()[:16]


def encode_photos(
    model: Any,
    reader: Reader,
    addresses: Sequence[str],
    features: Features,
    *,
    limit: float,
    autocast: Callable[[], Any],
    share: tuple[int, int] = (0, 1),
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Encode what is not in `features` yet.

    Args:
        model: On its device; its tower and projector stay as they are.
        reader: Opens photos and scales them for the model.
        addresses: All photos of the run, each once.
        features: Where they are kept.
        limit: Bytes that all of them may take. Where the first ones say that they would take more, nothing
            more is encoded.
        autocast: Makes the context in which the model computes.
        share: This process's number, and how many processes there are: each encodes its part.
        progress: Told of photos that are done.

    Returns:
        False where they would take more than `limit`.
    """
    import torch

    rank, processes = share
    # Dealt before looking what is there: a process that looks later sees what others have made meanwhile.
    missing = [one for one in addresses[rank::processes] if one not in features]
    core, was_training = core_of(model), model.training
    model.eval()
    try:
        for start in range(0, len(missing), _CHUNK):
            done: dict[str, Encoded] = {}
            for address in missing[start : start + _CHUNK]:
                with torch.no_grad(), autocast():
                    done[address] = _encode(core, reader.photo_inputs([address]))
                if not start and len(done) == 1 and _bytes(done[address]) * len(addresses) > limit:
                    return False
                if progress is not None:
                    progress(1)
            features.add(done)
    finally:
        model.train(was_training)
    return True


def _encode(core: Any, inputs: dict[str, Any]) -> Encoded:
    device = next(core.parameters()).device
    given = {name: value.to(device) for name, value in inputs.items()}
    made = core.get_image_features(**given, return_dict=True)
    encoded: Encoded = {"pooled": _whole(made.pooler_output)}
    for layer, one in enumerate(getattr(made, "deepstack_features", None) or ()):
        encoded[f"{_LAYER}{layer}"] = _whole(one)
    if "image_grid_thw" in inputs:
        encoded["image_grid_thw"] = inputs["image_grid_thw"]
    return encoded


def _whole(parts: Any) -> Any:
    import torch

    return torch.cat(list(parts)) if isinstance(parts, list | tuple) else parts


def _bytes(encoded: Encoded) -> int:
    return sum(one.numel() * one.element_size() for one in encoded.values())


def encoder_outputs(encoded: Sequence[Encoded]) -> dict[str, Any] | None:
    """What a model takes as `mm_encoder_outputs` in place of pixels, photo after photo; None: no photo.

    Args:
        encoded: Of the batch's photos, in the order in which their places come.
    """
    import torch

    if not encoded:
        return None
    pooled = [one["pooled"] for one in encoded]
    tiled = pooled[0].ndim > 2
    layers = sorted(name for name in encoded[0] if name.startswith(_LAYER))
    return {
        "image": SimpleNamespace(
            pooler_output=torch.cat(pooled) if tiled else tuple(pooled),
            deepstack_features=[tuple(one[layer] for one in encoded) for layer in layers],
        )
    }


def folder_for(cache: Path, digest: str) -> Path:
    """Where the features of the weights with `digest` lie."""
    return cache / f"features-{digest}"

"""Which models ship, and how they are opened."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ModelError
from workbench.models.known_weights import file_sha256
from workbench.models.starter.card import read_card

if TYPE_CHECKING:
    from workbench.models.diffusers_engine import DiffusersModel
    from workbench.models.registry import ModelSpec
    from workbench.models.transformers_engine import TransformersModel

WEIGHTS = Path(__file__).parent / "weights"
"""Folder with one folder per model."""


def load_text(
    spec: ModelSpec, *, device: str | None = None, dtype: str | None = None, batch_size: int = 16
) -> TransformersModel:
    """Load the shipped vision-language model that `spec` names; nothing is downloaded.

    Args:
        spec: Such as `starter:listing`.
        device: As for `hf:` and `dir:` models.
        dtype: The same.
        batch_size: Prompts that go through at once; halved where memory runs out.

    Raises:
        ModelError: No model of this name and kind ships; the message names those that do.
    """
    from workbench.models.huggingface import load_text as load
    from workbench.models.quiet import in_silence

    folder = _as_folder(spec)
    with in_silence():
        return load(folder, device=device, dtype=dtype, batch_size=batch_size)


load_scorer = load_text


def load_image(
    spec: ModelSpec, *, device: str | None = None, dtype: str | None = None, batch_size: int = 16
) -> DiffusersModel:
    """Load the shipped text-to-image model that `spec` names; arguments and errors as for `load_text`."""
    from workbench.models.huggingface import load_image as load
    from workbench.models.quiet import in_silence

    folder = _as_folder(spec)
    with in_silence(pictures=True):
        return load(folder, device=device, dtype=dtype, batch_size=batch_size)


def shipped_folder(name: str) -> Path:
    """The folder of the model called `name`, such as `listing`, once its weights are known to be those that ship.

    Raises:
        ModelError: No model of this name ships, or its weights are not those that its card names.
    """
    configs = ("config.json", "model_index.json")  # the classifier beside them has none
    names = sorted({path.parent.name for one in configs for path in WEIGHTS.glob(f"*/{one}")})
    if name not in names:
        there = ", ".join(f"starter:{one}" for one in names) or "none"
        raise ModelError(f"no starter model is called {name!r}; there are {there}")
    check_weights(WEIGHTS / name)
    return WEIGHTS / name


@cache
def check_weights(folder: Path) -> None:
    """Compare the weights in `folder` with its card: once in a process, as nobody changes what ships.

    Raises:
        ModelError: A file is not there or is another one, or there is no card; the message names the file.
    """
    for name, wanted in read_card(folder).sha256.items():
        file = folder / name
        if not file.is_file():
            raise ModelError(
                f"{str(file)!r} ships with the workbench and is not there: install it again"
            )
        found = file_sha256(file)
        if found != wanted:
            raise ModelError(
                f"{str(file)!r} is not the file that ships (sha256 {found}, want {wanted}): install the workbench "
                f"again; weights of your own are opened as `dir:{folder}`, from a copy of the folder"
            )


def _as_folder(spec: ModelSpec) -> ModelSpec:
    return replace(spec, scheme="dir", address=str(shipped_folder(spec.address)))

"""From a model's string to a loaded model; the only place where engines are listed.

Nothing heavy is imported before a model is loaded: an engine is named here as text, and its module is
imported when its first model is asked for.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from workbench.errors import ModelError
from workbench.models.protocols import ImageModel, Scorer, TextModel

Kind = Literal["text", "scorer", "image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model's string, taken apart."""

    name: str
    """The whole string, as it was given."""
    scheme: str
    """The part before the first colon, such as `hf`."""
    address: str
    """What the scheme's engine opens: a hub name, a path, a URL, a short name."""
    revision: str | None = None
    """Commit, tag or branch of a hub model; None: the newest."""
    model: str | None = None
    """A server's own name of the model; None: the one model that it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    form: str
    """How its strings look."""
    module: str
    """Module with a function `load_<kind>(spec, **options)` for each of `kinds`."""
    kinds: tuple[Kind, ...]


_HERE = "workbench.models"
_ENGINES: dict[str, _Engine] = {
    "hf": _Engine(
        form="hf:Qwen/Qwen2.5-VL-7B-Instruct[@revision]",
        module=f"{_HERE}.huggingface",
        kinds=("text", "scorer", "image"),
    ),
    "dir": _Engine(
        form="dir:/models/mine",
        module=f"{_HERE}.huggingface",
        kinds=("text", "scorer", "image"),
    ),
    "openai": _Engine(
        form="openai:http://gpu-7:8000/v1#InternVL3-78B",
        module=f"{_HERE}.openai_server",
        kinds=("text", "scorer", "image"),
    ),
    "gguf": _Engine(
        form="gguf:/path/file.gguf or gguf:smollm2",
        module=f"{_HERE}.llamacpp",
        kinds=("text", "scorer"),
    ),
    "starter": _Engine(
        form="starter:listing",
        module=f"{_HERE}.starter",
        kinds=("text", "scorer", "image"),
    ),
    "tiny": _Engine(
        form="tiny:vlm, tiny:text or tiny:image (random weights)",
        module=f"{_HERE}.tiny",
        kinds=("text", "scorer", "image"),
    ),
}


def parse_spec(name: str) -> ModelSpec:
    """Take a model's string apart.

    Raises:
        ModelError: The string has no scheme, an unknown one, or nothing after it.
    """
    scheme, colon, address = name.strip().partition(":")
    if not colon or scheme not in _ENGINES or not address:
        forms = "; ".join(engine.form for engine in _ENGINES.values())
        raise ModelError(f"want a model as one of {forms}; got {name!r}")
    revision = model = None
    if scheme == "hf" and "@" in address:
        address, _, revision = address.partition("@")
    if scheme == "openai" and "#" in address:
        address, _, model = address.partition("#")
    if scheme == "openai" and not address.startswith(("http://", "https://")):
        raise ModelError(f"want a URL such as {_ENGINES[scheme].form}; got {name!r}")
    if not address or revision == "" or model == "":
        raise ModelError(f"want {_ENGINES[scheme].form}, no part of it empty; got {name!r}")
    return ModelSpec(
        name=name.strip(), scheme=scheme, address=address, revision=revision, model=model
    )


def load_text(name: str, **options: object) -> TextModel:
    """Load the text or vision-language model called `name`.

    Args:
        name: Such as `hf:Qwen/Qwen2.5-VL-7B-Instruct`, `dir:/models/mine` or `tiny:vlm`.
        options: The engine's own, such as `device="cuda:1"` or `batch_size=8`.

    Raises:
        ModelError: The string, an option or the model cannot be used; the message says what can.
        MissingExtraError: A library that the model needs is not installed.
    """
    return cast(TextModel, _load("text", name, options))


def load_scorer(name: str, **options: object) -> Scorer:
    """Load the model called `name` to read probabilities of given answers.

    Where weights are in this process (`hf:`, `dir:`, `tiny:`, `gguf:`), what comes back is a `TextModel`
    as well, so that reasons can be asked of the same weights.

    Raises:
        ModelError: As for `load_text`.
    """
    return cast(Scorer, _load("scorer", name, options))


def load_image(name: str, **options: object) -> ImageModel:
    """Load the text-to-image model called `name`.

    Raises:
        ModelError: As for `load_text`.
    """
    return cast(ImageModel, _load("image", name, options))


def _load(kind: Kind, name: str, options: dict[str, object]) -> object:
    spec = parse_spec(name)
    engine = _ENGINES[spec.scheme]
    if kind not in engine.kinds:
        others = ", ".join(f"{s}:" for s, e in _ENGINES.items() if kind in e.kinds)
        raise ModelError(
            f"{spec.scheme}: serves no {kind} model, got {name!r}; want one of {others}"
        )
    factory: Callable[..., object] = getattr(importlib.import_module(engine.module), f"load_{kind}")
    known = [p for p in inspect.signature(factory).parameters if p != "spec"]
    if unknown := sorted(set(options) - set(known)):
        raise ModelError(
            f"{name!r} as a {kind} model takes the options {', '.join(known) or 'none'}; "
            f"got {', '.join(unknown)}"
        )
    return factory(spec, **options)

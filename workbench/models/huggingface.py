"""`hf:` and `dir:` models: text on transformers, images on diffusers."""

from __future__ import annotations

import importlib.util
import inspect
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import MissingExtraError, ModelError
from workbench.models.devices import choose_device, choose_dtype
from workbench.models.quiet import no_bars
from workbench.models.revisions import folder_revision
from workbench.models.torchvision_cpu import mend_torchvision

if TYPE_CHECKING:
    from workbench.models.diffusers_engine import DiffusersModel
    from workbench.models.registry import ModelSpec
    from workbench.models.transformers_engine import TransformersModel


def load_text(
    spec: ModelSpec,
    *,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int = 16,
    four_bit: bool = False,
    shared_prefill: bool = True,
) -> TransformersModel:
    """Load a text or vision-language model; it is a `Scorer` too.

    Args:
        spec: `hf:<name>[@revision]` or `dir:<folder>`.
        device: `cuda`, `cuda:1`, `mps` or `cpu`; None: the best that this machine has.
        dtype: `float32`, `bfloat16` or `float16`; None: what suits the device.
        batch_size: Prompts that go through at once; halved where memory runs out.
        four_bit: Keep the weights in 4 bits (NF4, bitsandbytes; a CUDA device).
        shared_prefill: False: score every question with a prompt of its own.

    Raises:
        ModelError: The model is not there or is of another kind; the message says which.
        MissingExtraError: `four_bit` without bitsandbytes.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig

    from workbench.models.transformers_engine import TransformersModel

    where, options = _where(spec, wanted="config.json")
    place = choose_device(device)
    settings: dict[str, Any] = {"dtype": choose_dtype(place, dtype), "attn_implementation": "sdpa"}
    if four_bit:
        settings |= {"quantization_config": _four_bit(place.type), "device_map": {"": place}}
    try:
        if spec.scheme == "hf":
            # Named once, so that configuration, processor and weights are of one commit.
            options["revision"] = _commit(spec)
        # Bars show what is fetched; what lies in a folder is there in a moment.
        with nullcontext() if spec.scheme == "hf" else no_bars():
            config = AutoConfig.from_pretrained(where, **options)
            processor = _processor(where, config, options)
            model = _auto_class(config).from_pretrained(where, config=config, **settings, **options)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        raise _not_loaded(spec, error) from error
    if not four_bit:
        model.to(place)
    return TransformersModel(
        model,
        processor,
        name=spec.name,
        revision=options.get("revision") or folder_revision(Path(where)),
        batch_size=batch_size,
        shared_prefill=shared_prefill,
    )


load_scorer = load_text


def load_processor(spec: ModelSpec) -> Any:
    """The processor of `hf:` and `dir:` models, or the tokenizer of one that reads text alone; no weights.

    Raises:
        ModelError: It is not there.
    """
    from transformers import AutoConfig

    where, options = _where(spec, wanted="config.json")
    try:
        config = AutoConfig.from_pretrained(where, **options)
        return _processor(where, config, options)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        raise _not_loaded(spec, error) from error


def load_image(
    spec: ModelSpec,
    *,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int = 4,
) -> DiffusersModel:
    """Load a text-to-image pipeline.

    Args:
        spec: `hf:<name>[@revision]` or `dir:<folder>`.
        device: As for `load_text`.
        dtype: As for `load_text`.
        batch_size: Images that are made at once; halved where memory runs out.

    Raises:
        ModelError: The pipeline is not there or makes no images from text.
    """
    from safetensors import SafetensorError

    from workbench.models.diffusers_engine import DiffusersModel, open_pipeline, read_sampling

    where, options = _where(spec, wanted="model_index.json")
    place = choose_device(device)
    try:
        sampling = read_sampling(Path(where))
        pipeline = open_pipeline(where, dtype=choose_dtype(place, dtype), **options)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        raise _not_loaded(spec, error) from error
    return DiffusersModel(
        pipeline.to(place),
        name=spec.name,
        # A pipeline of the hub lies in `snapshots/<commit>` once it is downloaded.
        revision=Path(pipeline.config["_name_or_path"]).name
        if spec.scheme == "hf"
        else folder_revision(Path(where)),
        batch_size=batch_size,
        sampling=sampling,
    )


def _where(spec: ModelSpec, *, wanted: str) -> tuple[str, dict[str, Any]]:
    """What `from_pretrained` opens, and the options that say which version and from where."""
    mend_torchvision()
    if spec.scheme == "hf":
        return spec.address, {"revision": spec.revision} if spec.revision else {}
    folder = Path(spec.address).expanduser()
    if not folder.is_dir():
        raise ModelError(f"want a folder with a model, got {spec.name!r}: it is not there")
    if not (folder / wanted).is_file():
        holds = next(
            (name for name in ("config.json", "model_index.json") if (folder / name).is_file()),
            None,
        )
        seen = f"it holds {holds}" if holds else "it holds neither config.json nor model_index.json"
        kind = "a text or vision-language model" if wanted == "config.json" else "an image pipeline"
        raise ModelError(f"want {kind} ({wanted}) in the folder of {spec.name!r}, but {seen}")
    return str(folder), {"local_files_only": True}


def _commit(spec: ModelSpec) -> str:
    """The commit that a hub model's name and revision stand for now: 40 hex digits."""
    from transformers.utils.hub import cached_file

    file = cached_file(spec.address, "config.json", revision=spec.revision)
    return Path(file).parent.name  # kept as `snapshots/<commit>/config.json`


def _auto_class(config: Any) -> Any:
    from transformers import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    return AutoModelForCausalLM


def _processor(where: str, config: Any, options: dict[str, Any]) -> Any:
    """The model's processor, or its tokenizer where it reads text alone.

    Qwen-VL's and InternVL's processors hold one for videos, which cannot be built without torchvision.
    Prompts here carry photos and no videos, so that part is left out.
    """
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING, AutoProcessor, AutoTokenizer
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoTokenizer.from_pretrained(where, **options)
    whole: Any = PROCESSOR_MAPPING.get(type(config), None)
    if whole is None or "video_processor" not in whole.get_attributes():
        return AutoProcessor.from_pretrained(where, **options)
    asked = inspect.signature(whole.__init__).parameters["video_processor"]
    if asked.default is asked.empty:  # SmolVLM's cannot do without, so it needs torchvision
        return AutoProcessor.from_pretrained(where, **options)

    class PhotosOnly(whole):  # type: ignore[misc]
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if name != "video_processor"]

    PhotosOnly.__name__ = whole.__name__  # the name by which its settings are found
    return PhotosOnly.from_pretrained(where, **options)


def _four_bit(device: str) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if device != "cuda":
        raise ModelError(f"want a CUDA device for weights in 4 bits, got {device!r}")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtraError(
            library="bitsandbytes", extra="4bit", purpose="keeping weights in 4 bits"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
    )


def _not_loaded(spec: ModelSpec, error: Exception) -> ModelError:
    """One sentence from what a library says in many."""
    said = " ".join(str(error).split())
    if "torchvision" in said.lower() and importlib.util.find_spec("torchvision") is None:
        return ModelError(
            f"the processor of {spec.name!r} needs torchvision, which is not installed: install the "
            "version that belongs to your torch, such as `pip install torchvision==0.28.0` for 2.13"
        )
    return ModelError(f"{spec.name!r} could not be loaded: {type(error).__name__}: {said[:400]}")

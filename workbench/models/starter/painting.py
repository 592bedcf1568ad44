"""The parts of `starter:image`: a text encoder that reads prompts, a U-Net that paints, a stock pipeline around them.

The picture is made in pixel space by flow matching: between noise (σ = 1) and picture (σ = 0) lies
z = (1 − σ)·x + σ·n, and the U-Net says x from z, σ and the prompt. That is what diffusers' multistep
solver takes as `prediction_type="sample"` with `use_flow_sigmas`.

Sources: Lipman et al. 2023 (flow matching); Li & He 2025 (predicting the picture itself in pixel space);
Hoogeboom et al. 2023 (patches as channels); Lu et al. 2022 (the solver).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import LearningError
from workbench.models.diffusers_engine import SAMPLING
from workbench.models.quiet import in_silence

TOKENS = 56
"""Length of a prompt; longer ones are cut."""
STEPS, GUIDANCE = 12, 2.5
"""Denoising steps and guidance that the model is measured with."""
_VOCABULARY = 1200
_TEXT_WIDTH = 128
_SHIFT = 3.0  # of the sampler's noise levels: small pictures need most steps where they are noisy
_SHARD = "4MB"
_SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a picture and its painter are."""

    side: int
    """Of the picture, in pixels."""
    patch: int
    """Side of a patch in pixels; a power of two."""
    widths: tuple[int, int]
    """Channels of the U-Net on the grid of patches and on the grid of half its side."""


SMALL = Size(side=64, patch=4, widths=(64, 128))
LARGE = Size(side=128, patch=8, widths=(96, 192))


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """The parts that learn, and what they need to be used."""

    unet: Any
    text_encoder: Any
    tokenizer: Any
    size: Size


def build_tokenizer(corpus: Iterable[str]) -> Any:
    """Byte-pair tokenizer of lower-case words that pads on the right; every text can be read."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = list(_SPECIAL.values())
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel()
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=_VOCABULARY,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # ids in a set order
            show_progress=False,
        ),
    )
    start, end = (_SPECIAL[name] for name in ("bos_token", "eos_token"))
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(one, special.index(one)) for one in (start, end)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, model_max_length=TOKENS, padding_side="right", **_SPECIAL
    )


def build_text_encoder(tokenizer: Any, *, seed: int) -> Any:
    """A small CLIP text encoder with random weights; the pipeline reads all of its last hidden states."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=_TEXT_WIDTH,
        intermediate_size=3 * _TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        attn_implementation="eager",  # on a CPU it trains faster than the fused kernels
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPTextModel(config)


def build_unet(size: Size, *, seed: int) -> Any:
    """A conditional U-Net on the grid of patches, with random weights.

    The prompt enters twice: pooled, beside the noise level, and by cross-attention on the small grid.
    """
    import torch
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            sample_size=size.side // size.patch,
            in_channels=3 * size.patch**2,
            out_channels=3 * size.patch**2,
            layers_per_block=1,
            block_out_channels=size.widths,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            mid_block_type="UNetMidBlock2DCrossAttn",
            cross_attention_dim=_TEXT_WIDTH,
            encoder_hid_dim=_TEXT_WIDTH,
            attention_head_dim=4,
            norm_num_groups=16,
            addition_embed_type="text",
            addition_embed_type_num_heads=4,
        )
    return unet.to(memory_format=torch.channels_last)


def open_painter(folder: Path, size: Size, device: Any) -> Painter:
    """The parts of the pipeline in `folder`, in float32 on `device`, to teach them on.

    Raises:
        LearningError: The pipeline is of another size, or no folder of ours.
    """
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors import SafetensorError
    from transformers import AutoTokenizer, CLIPTextModel

    try:
        if not (folder / "unet").is_dir():  # else the name would be looked for on the hub
            raise FileNotFoundError
        with in_silence(pictures=True):
            unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
            text_encoder = CLIPTextModel.from_pretrained(
                folder / "text_encoder", dtype=torch.float32, attn_implementation="eager"
            )
            tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise LearningError(
            f"no pipeline to go on from: {str(folder)!r} has no readable unet, text_encoder and tokenizer"
        ) from error
    there = (
        unet.config.sample_size,
        unet.config.in_channels,
        tuple(unet.config.block_out_channels),
    )
    wanted = (size.side // size.patch, 3 * size.patch**2, size.widths)
    if there != wanted:
        raise LearningError(
            f"{str(folder)!r} paints on grids of {there[0]} with {there[1]} channels and widths "
            f"{there[2]}; this run has {wanted[0]}, {wanted[1]} and {wanted[2]}: the same size is needed"
        )
    unet.to(device, memory_format=torch.channels_last)
    return Painter(unet=unet, text_encoder=text_encoder.to(device), tokenizer=tokenizer, size=size)


def read(tokenizer: Any, prompts: list[str]) -> Any:
    """Token ids of `prompts`, (n, TOKENS)."""
    return tokenizer(
        prompts, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
    ).input_ids


def save_pipeline(folder: Path, painter: Painter) -> None:
    """Write a folder that `DiffusionPipeline.from_pretrained` opens once `pixels` is imported.

    Weights are in bfloat16, in files of a few megabytes; the painter itself stays as it is.
    """
    import copy

    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    from workbench.models.starter.pixels import PixelPatches

    pipeline = StableDiffusionPipeline(
        vae=PixelPatches(patch=painter.size.patch),
        text_encoder=copy.deepcopy(painter.text_encoder).to("cpu", torch.bfloat16),
        tokenizer=painter.tokenizer,
        unet=copy.deepcopy(painter.unet).to("cpu", torch.bfloat16),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="sample",
            use_flow_sigmas=True,
            flow_shift=_SHIFT,
            solver_order=2,
            steps_offset=1,  # unused with flow sigmas; without it diffusers warns of an old file
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, max_shard_size=_SHARD)
    for part, changes in (("unet", {}), ("text_encoder", {"dtype": "float32"})):
        config = folder / part / "config.json"
        known = {**json.loads(config.read_text()), **changes}  # both parts open in one type
        known.pop("_name_or_path", None)  # where it was opened from is nobody's business
        config.write_text(json.dumps(known, indent=2) + "\n")
    told = json.dumps({"steps": STEPS, "guidance": GUIDANCE})
    (folder / SAMPLING).write_text(told + "\n")

"""Tiny models with random weights: `tiny:text`, `tiny:vlm`, `tiny:image`.

Real architectures of the size that builds in a second and answers on any machine without a download:
a Llama, an Idefics3 and a Stable Diffusion. What they say and draw is noise, the same noise each time;
they are for trying a pipeline from end to end and for tests. Their name and revision say `tiny`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.models.torchvision_cpu import mend_torchvision

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.models.diffusers_engine import DiffusersModel
    from workbench.models.registry import ModelSpec
    from workbench.models.transformers_engine import TransformersModel

_SPECIAL = (
    "<pad>",
    "<s>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
)
_CORPUS = (
    '{"title": "Red Ceramic Coffee Mug", "aspects": {"Color": ["Red"], "Material": ["Ceramic"]}}',
    "Does the title name what the photo shows? Answer with one of: 1, 2, 3, 4, 5, yes, no.",
)
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] | capitalize }}: "
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>Assistant:{% endif %}"
)
_REVISION = "tiny-1"
"""Changed whenever a configuration below changes, because the weights follow from it."""


def load_text(spec: ModelSpec, *, seed: int = 0, batch_size: int = 16) -> TransformersModel:
    """Build the random text (`tiny:text`) or vision-language model (`tiny:vlm`) in memory.

    Raises:
        ModelError: Another name was asked for.
    """
    from workbench.models.transformers_engine import TransformersModel

    builders = {"text": build_text, "vlm": build_vlm}
    if spec.address not in builders:
        raise ModelError(f"want tiny:text or tiny:vlm, got {spec.name!r}")
    model, processor = builders[spec.address](seed=seed)
    return TransformersModel(
        model,
        processor,
        name=spec.name,
        revision=f"{_REVISION}-{spec.address}-{seed}",
        batch_size=batch_size,
    )


load_scorer = load_text


def load_image(spec: ModelSpec, *, seed: int = 0, batch_size: int = 4) -> DiffusersModel:
    """Build the random text-to-image model (`tiny:image`, 64 × 64 pixels) in memory.

    Raises:
        ModelError: Another name was asked for.
    """
    from workbench.models.diffusers_engine import DiffusersModel
    from workbench.models.quiet import in_silence

    if spec.address != "image":
        raise ModelError(f"want tiny:image, got {spec.name!r}")
    with in_silence(pictures=True):
        pipeline = build_image(seed=seed)
    return DiffusersModel(
        pipeline,
        name=spec.name,
        revision=f"{_REVISION}-image-{seed}",
        batch_size=batch_size,
    )


def save(kind: str, folder: Path, *, seed: int = 0) -> None:
    """Write the tiny model called `kind` (`text`, `vlm` or `image`) so that `dir:<folder>` loads it.

    Raises:
        ModelError: There is no such kind.
    """
    if kind == "image":
        build_image(seed=seed).save_pretrained(folder)
    elif kind in ("text", "vlm"):
        model, processor = (build_text if kind == "text" else build_vlm)(seed=seed)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    else:
        raise ModelError(f"want the kind text, vlm or image, got {kind!r}")


def build_text(
    *, seed: int = 0, width: int = 64, depth: int = 2, vocabulary: int = 600
) -> tuple[Any, Any]:
    """A Llama with random weights, and its tokenizer."""
    mend_torchvision()
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = build_tokenizer(vocabulary)
    with _seeded(seed):
        model = LlamaForCausalLM(LlamaConfig(**_text_config(tokenizer, width, depth)))
    return model.eval(), tokenizer


def build_vlm(
    *,
    seed: int = 0,
    width: int = 64,
    depth: int = 2,
    vision_width: int = 32,
    vision_depth: int = 2,
    pixels: int = 64,
    patch: int = 8,
    vocabulary: int = 600,
) -> tuple[Any, Any]:
    """An Idefics3 with random weights, and its processor.

    Photos are scaled to `pixels` a side; one photo is (`pixels` / `patch` / 2)² tokens.
    """
    mend_torchvision()
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    tokenizer = build_tokenizer(vocabulary)
    config = Idefics3Config(
        vision_config={
            "hidden_size": vision_width,
            "intermediate_size": 4 * vision_width,
            "num_hidden_layers": vision_depth,
            "num_attention_heads": max(2, vision_width // 64),
            "image_size": pixels,
            "patch_size": patch,
        },
        text_config={"model_type": "llama", **_text_config(tokenizer, width, depth)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        tie_word_embeddings=True,
    )
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": pixels},
            max_image_size={"longest_edge": pixels},
            do_image_splitting=False,
        ),
        tokenizer=tokenizer,
        image_seq_len=(pixels // patch // 2) ** 2,
        chat_template=_CHAT,
    )
    with _seeded(seed):
        model = Idefics3ForConditionalGeneration(config)
    return model.eval(), processor


def build_image(*, seed: int = 0) -> Any:
    """A Stable Diffusion pipeline with random weights, 64 × 64 pixels."""
    mend_torchvision()
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = build_clip_tokenizer()
    with _seeded(seed):
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                max_position_embeddings=77,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        unet = UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=4,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 16),
            norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
        )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def build_tokenizer(vocabulary: int = 600) -> Any:
    """A byte-level BPE tokenizer with Idefics3's special tokens and a chat template."""
    mend_torchvision()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        _CORPUS,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=list(_SPECIAL),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="<end_of_utterance>",
        pad_token="<pad>",
        padding_side="left",
        extra_special_tokens={
            "fake_image_token": "<fake_token_around_image>",
            "image_token": "<image>",
            "end_of_utterance_token": "<end_of_utterance>",
            "global_image_token": "<global-img>",
        },
        chat_template=_CHAT,
    )


def build_clip_tokenizer() -> Any:
    """A CLIP tokenizer that knows letters and no words."""
    mend_torchvision()
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=77
    )


def _text_config(tokenizer: Any, width: int, depth: int) -> dict[str, Any]:
    heads = max(4, width // 64)
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "max_position_embeddings": 4096,
        "initializer_range": 0.2,  # wide, so that answers depend on the prompt
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
    }


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw weights from `seed` and leave torch's own random state as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

"""Models with random weights, written to folders once, and loaded as anybody's would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SPECIAL = ["<pad>", "<s>", "<|im_end|>", "<image>", "<|im_start|>"]
QWEN_SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}PHOTO\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    # Wide, so that answers depend on the prompt and a wrong mask or position shows.
    "initializer_range": 0.2,
    "tie_word_embeddings": True,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.2,
}


def make_tokenizer(special: list[str], end: str, pad: str, chat: str, **extra: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    corpus = ["Does the title name the product in the photo? Answer 1, 2, 3, 4, 5, yes or no."]
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=end,
        pad_token=pad,
        additional_special_tokens=[token for token in special if token not in (end, pad)],
        extra_special_tokens=extra or None,
        chat_template=chat,
    )


def write_llava(folder: Path) -> None:
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = make_tokenizer(SPECIAL, "<|im_end|>", "<pad>", CHAT.replace("PHOTO", "<image>"))
    config = LlavaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": 64,
            "patch_size": 16,
            "vision_use_head": False,
            **VISION,
        },
        text_config={"model_type": "llama", "vocab_size": len(tokenizer), **TEXT},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    processor = LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size={"height": 64, "width": 64}),
        tokenizer=tokenizer,
        patch_size=16,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        image_token="<image>",
        chat_template=tokenizer.chat_template,
    )
    _write(LlavaForConditionalGeneration, config, processor, folder)


def write_llava_next(folder: Path) -> None:
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration, LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import (
        LlavaNextImageProcessorPil,
    )

    tokenizer = make_tokenizer(SPECIAL, "<|im_end|>", "<pad>", CHAT.replace("PHOTO", "<image>"))
    shapes = [[56, 112], [112, 56], [112, 112]]
    config = LlavaNextConfig(
        vision_config={
            "model_type": "clip_vision_model",
            "image_size": 56,
            "patch_size": 14,
            "projection_dim": 32,
            **VISION,
        },
        text_config={"model_type": "llama", "vocab_size": len(tokenizer), **TEXT},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=shapes,
        image_seq_length=16,
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": 56},
            crop_size={"height": 56, "width": 56},
            image_grid_pinpoints=shapes,
        ),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=tokenizer.chat_template,
    )
    _write(LlavaNextForConditionalGeneration, config, processor, folder)


def write_qwen(folder: Path) -> None:
    """A Qwen2.5-VL, whose photos take fewer positions than tokens."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
    )
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    photo = "<|vision_start|><|image_pad|><|vision_end|>"
    tokenizer = make_tokenizer(
        QWEN_SPECIAL, "<|im_end|>", "<|endoftext|>", CHAT.replace("PHOTO\n", photo)
    )
    number = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "rope_parameters": rope,
            "bos_token_id": None,
            "eos_token_id": number("<|im_end|>"),
            **TEXT,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 64,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [1],
            "initializer_range": 0.2,
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=True,
    )

    class WithoutVideos(Qwen2_5_VLProcessor):  # torchvision need not be here to write the folder
        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["image_processor", "tokenizer"]

    WithoutVideos.__name__ = "Qwen2_5_VLProcessor"
    processor = WithoutVideos(
        image_processor=Qwen2VLImageProcessorPil(
            min_pixels=56 * 56, max_pixels=112 * 112, patch_size=14, merge_size=2
        ),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template,
    )
    _write(Qwen2_5_VLForConditionalGeneration, config, processor, folder)


def _write(model_class: Any, config: Any, processor: Any, folder: Path) -> None:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model_class(config).save_pretrained(folder)
    processor.save_pretrained(folder)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a random model by its family's name, written when first asked for."""
    from workbench.models import tiny
    from workbench.models.torchvision_cpu import mend_torchvision

    mend_torchvision()
    from transformers.utils import logging

    logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("models")
    writers: dict[str, Callable[[Path], None]] = {
        "llama": lambda folder: tiny.save("text", folder),
        "idefics3": lambda folder: tiny.save("vlm", folder),
        "stable-diffusion": lambda folder: tiny.save("image", folder),
        "llava": write_llava,
        "llava-next": write_llava_next,
        "qwen2.5-vl": write_qwen,
    }

    def folder_of(family: str) -> Path:
        folder = root / family
        if not folder.exists():
            writers[family](folder)
        return folder

    return folder_of


def make_photo(seed: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A picture of noise, (width, height)."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def photos() -> list[Image.Image]:
    """Five photos of different sizes."""
    return [make_photo(seed, (60 + 5 * seed, 80 - 3 * seed)) for seed in range(5)]

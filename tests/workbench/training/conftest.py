"""Tiny models of every family from their real configurations, rows about noise photos, and TRL's own trainers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.models import tiny
from workbench.training import Pair, TrainingPlan, read_log, read_trained

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.1,
    "tie_word_embeddings": True,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.2,
}
SIMPLE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}PHOTO\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
INTERN_SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>",
]  # fmt: skip
IDEFICS_SPECIAL = [
    "<pad>", "<s>", "</s>", "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>",
    "<image>", "<global-img>",
]  # fmt: skip


def template(name: str) -> str:
    """A chat template that TRL ships."""
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text()


def make_tokenizer(special: list[str], end: str, pad: str, **extra: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    corpus = [answer(one) for one in range(8)] + ["Write the listing of the product in the photo"]
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=500,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=end,
        pad_token=pad,
        padding_side="left",
        additional_special_tokens=[one for one in special if one not in (end, pad)],
        extra_special_tokens=extra or None,
    )


def without_videos(processor: type) -> type:
    """The class without its part for videos, which needs torchvision to be built."""

    class PhotosOnly(processor):
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if name != "video_processor"]

    PhotosOnly.__name__ = processor.__name__
    return PhotosOnly


def write_qwen(folder: Path, version: str) -> None:
    import transformers as t
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer = make_tokenizer(QWEN_SPECIAL, "<|im_end|>", "<|endoftext|>")
    number = tokenizer.convert_tokens_to_ids
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    vision: dict[str, Any] = {"depth": 2, "num_heads": 2, "patch_size": 14, "spatial_merge_size": 2,
                              "initializer_range": 0.2}  # fmt: skip
    scaled: dict[str, Any] = {
        "min_pixels": 56 * 56,
        "max_pixels": 112 * 112,
        "patch_size": 14,
        "merge_size": 2,
    }
    kinds = {
        "2": (t.Qwen2VLConfig, t.Qwen2VLForConditionalGeneration, t.Qwen2VLProcessor),
        "2.5": (t.Qwen2_5_VLConfig, t.Qwen2_5_VLForConditionalGeneration, t.Qwen2_5_VLProcessor),
        "3": (t.Qwen3VLConfig, t.Qwen3VLForConditionalGeneration, t.Qwen3VLProcessor),
    }
    text = dict(TEXT)
    if version == "2":
        vision |= {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
    elif version == "2.5":
        vision |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64,
                   "window_size": 112, "fullatt_block_indexes": [1]}  # fmt: skip
    else:
        vision |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64, "patch_size": 16,
                   "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}  # fmt: skip
        scaled |= {"min_pixels": 64 * 64, "max_pixels": 128 * 128, "patch_size": 16,
                   "image_mean": [0.5] * 3, "image_std": [0.5] * 3}  # fmt: skip
        rope |= {"mrope_section": [4, 2, 2], "mrope_interleaved": True}
        text |= {"head_dim": 16}
    config_class, model_class, processor_class = kinds[version]
    config = config_class(
        text_config={
            "vocab_size": len(tokenizer),
            "rope_parameters": rope,
            "bos_token_id": None,
            "eos_token_id": number("<|im_end|>"),
            "pad_token_id": number("<|endoftext|>"),
            **text,
        },
        vision_config=vision,
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    processor = without_videos(processor_class)(
        image_processor=Qwen2VLImageProcessorPil(**scaled),
        tokenizer=tokenizer,
        chat_template=template("qwen3_vl" if version == "3" else "qwen2_5_vl"),
    )
    write(model_class, config, processor, folder)


def write_llava_next(folder: Path) -> None:
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration, LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import (
        LlavaNextImageProcessorPil,
    )

    special = ["<pad>", "<s>", "<|im_end|>", "<image>", "<|im_start|>"]
    tokenizer = make_tokenizer(special, "<|im_end|>", "<pad>")
    shapes = [[56, 112], [112, 56], [112, 112]]
    config = LlavaNextConfig(
        vision_config={"model_type": "clip_vision_model", "image_size": 56, "patch_size": 14,
                       "projection_dim": 32, **VISION},
        text_config={"model_type": "llama", "vocab_size": len(tokenizer),
                     "pad_token_id": tokenizer.pad_token_id, **TEXT},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=shapes,
        image_seq_length=16,
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )  # fmt: skip
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
        chat_template=SIMPLE.replace("PHOTO", "<image>"),
    )
    write(LlavaNextForConditionalGeneration, config, processor, folder)


def write_internvl(folder: Path) -> None:
    from transformers import InternVLConfig, InternVLForConditionalGeneration, InternVLProcessor
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    tokenizer = make_tokenizer(
        INTERN_SPECIAL, "<|im_end|>", "<|endoftext|>", start_image_token="<img>",
        end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>",
    )  # fmt: skip
    config = InternVLConfig(
        vision_config={"image_size": [56, 56], "patch_size": [14, 14], **VISION},
        text_config={"model_type": "qwen2", "vocab_size": len(tokenizer), "bos_token_id": None,
                     "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
                     **TEXT},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=True,
    )  # fmt: skip
    processor = without_videos(InternVLProcessor)(
        image_processor=GotOcr2ImageProcessorPil(
            size={"height": 56, "width": 56}, crop_to_patches=True, max_patches=4, min_patches=1
        ),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=SIMPLE.replace("PHOTO", "<IMG_CONTEXT>"),
    )
    write(InternVLForConditionalGeneration, config, processor, folder)


def write_idefics(folder: Path, *, smol: bool) -> None:
    import transformers as t
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    rows = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    tokenizer = make_tokenizer(
        [*IDEFICS_SPECIAL, *rows], "<end_of_utterance>", "<pad>",
        fake_image_token="<fake_token_around_image>", image_token="<image>",
        end_of_utterance_token="<end_of_utterance>", global_image_token="<global-img>",
    )  # fmt: skip
    config_class, model_class, processor_class, scaling = (
        (t.SmolVLMConfig, t.SmolVLMForConditionalGeneration, t.SmolVLMProcessor, SmolVLMImageProcessorPil)
        if smol
        else (t.Idefics3Config, t.Idefics3ForConditionalGeneration, t.Idefics3Processor,
              Idefics3ImageProcessorPil)
    )  # fmt: skip
    config = config_class(
        vision_config={"image_size": 64, "patch_size": 16, **VISION},
        text_config={"model_type": "llama", "vocab_size": len(tokenizer),
                     "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
                     **TEXT},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    videos = {"video_processor": t.SmolVLMVideoProcessor()} if smol else {}
    processor = processor_class(
        **videos,
        image_processor=scaling(
            size={"longest_edge": 128}, max_image_size={"longest_edge": 64}, do_image_splitting=True
        ),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=template("smolvlm" if smol else "idefics3"),
    )
    write(model_class, config, processor, folder)


def write(model_class: Any, config: Any, processor: Any, folder: Path) -> None:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model_class(config).save_pretrained(folder)
    processor.save_pretrained(folder)


WRITERS: dict[str, Callable[[Path], None]] = {
    "idefics3": lambda folder: write_idefics(folder, smol=False),
    "smolvlm": lambda folder: write_idefics(folder, smol=True),
    "qwen2-vl": lambda folder: write_qwen(folder, "2"),
    "qwen2.5-vl": lambda folder: write_qwen(folder, "2.5"),
    "qwen3-vl": lambda folder: write_qwen(folder, "3"),
    "llava-next": write_llava_next,
    "internvl": write_internvl,
    "tiny": lambda folder: tiny.save("vlm", folder),
}


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The string of a random model by its family's name, written when first asked for."""
    from workbench.models.torchvision_cpu import mend_torchvision

    mend_torchvision()
    import datasets
    from transformers.utils import logging

    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    root = tmp_path_factory.mktemp("backbones")

    def string_of(family: str) -> str:
        if family == "smolvlm":
            for library in ("num2words", "torchvision"):
                pytest.importorskip(library, reason="SmolVLM's processor wants it")
        folder = root / family
        if not folder.exists():
            WRITERS[family](folder)
        return f"dir:{folder}"

    return string_of


# ---- rows ----------------------------------------------------------------------------------------


def answer(number: int, color: str = "Red") -> str:
    return json.dumps({"title": f"{color} Mug {number}", "aspects": {"Color": color}})


def photo(address: str) -> bytes:
    """A picture of noise whose shape and contents follow from its address, a number."""
    number = int(address)
    rng = np.random.default_rng(number)
    height, width = 56 + 14 * (number % 3), 56 + 28 * (number % 2)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def make_pairs(count: int, *, first: int = 0, photos: int = 1) -> list[Pair]:
    """Pairs about items of their own; what is rejected is shorter and of another colour."""
    return [
        Pair(
            prompt=f"Write the listing of product {number % 5}",
            chosen=answer(number),
            rejected=answer(number % 3, "Blue")
            if number % 2
            else '{"title": "Bag", "aspects": {}}',
            photos=tuple(str(number + k) for k in range(photos)),
            item=f"shop/{number}",
            source="correction",
            lineage=(f"pair-{number}", f"correction-{number}"),
        )
        for number in range(first, first + count)
    ]


@pytest.fixture(scope="session")
def kit() -> Any:
    """What rows are made with."""
    from types import SimpleNamespace

    return SimpleNamespace(pairs=make_pairs, photo=photo, answer=answer, families=tuple(WRITERS))


def small_plan(method: str, **other: Any) -> TrainingPlan:
    """Four rows a batch, a rate that moves weights."""
    given = {"learning_rate": 2e-3, "batch": 4, "attention": "eager"} | other
    return TrainingPlan(method=method, **given)


@pytest.fixture(scope="session")
def plan() -> Any:
    """`plan("sft", epochs=2)`."""
    return small_plan


@pytest.fixture
def assert_same_training(tmp_path: Path) -> Callable[[float], None]:
    """That the runs in the folders `1` and `2` have the same losses, within a bound, and end at the same figures."""

    def check(bound: float) -> None:
        one, two = (
            {
                name: [entry[name] for entry in read_log(tmp_path / devices) if name in entry]
                for name in ("loss", "eval_loss")
            }
            for devices in ("1", "2")
        )
        assert len(one["loss"]) == 4 and len(one["eval_loss"]) == 2
        assert two["loss"] == pytest.approx(one["loss"], abs=bound)
        assert two["eval_loss"] == pytest.approx(one["eval_loss"], abs=bound)
        figures, others = (read_trained(tmp_path / devices).figures for devices in ("1", "2"))
        for name, figure in figures.items():
            assert others[name].value == pytest.approx(figure.value, abs=1e-3)

    return check

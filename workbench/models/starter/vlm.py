"""A small vision-language model in a stock class of transformers: how it is built, and how it is saved.

Idefics3 with a byte-level BPE tokenizer learnt from the texts that it will read and write. The folder is
an ordinary one: Auto classes, TRL's trainers, `transformers serve` and vLLM take it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import LearningError
from workbench.models.quiet import no_bars
from workbench.models.torchvision_cpu import mend_torchvision

END = "<end_of_utterance>"
"""Token that ends a turn."""
_PAD, _START, _TURN, _PHOTO = "<pad>", "<s>", "<|im_start|>", "<image>"
_AROUND_PHOTO, _WHOLE_PHOTO = "<fake_token_around_image>", "<global-img>"
_SPECIAL = (_PAD, _START, _TURN, END, _AROUND_PHOTO, _PHOTO, _WHOLE_PHOTO)
_PHRASES = r"[\w-]+(?: [\w-]+)*"
"""Words that may become one token together, apart from the punctuation between: a listing's `": "` and
a question's standing phrases are short to read, and a value never shares a token with the next key."""
_WORDS = r" ?[\w-]+"
"""Words with the space before them: what is compared word by word shares no token with its neighbours."""
_SPREAD = 0.04
"""Standard deviation of random weights in the part that writes, which is narrow."""
_SHUFFLE = 2
"""Vision patches that become one token, along each side."""

# A line break after the role: an answer starts with a token of its own, without a space before it, so
# that grammars which begin at "{" and trainers that tokenise the prompt apart meet what was trained.
# None after the answer, for the same reason: it ends with the token that ends it. `generation` marks what
# trainers learn from where they learn from answers alone.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{%- if not loop.first -%}{{ '\\n' }}{%- endif -%}
{{ '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['role'] == 'assistant' -%}
{%- generation -%}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}{%- for part in message['content'] -%}{{ part['text'] }}{%- endfor -%}{%- endif -%}
{{ '<end_of_utterance>' }}
{%- endgeneration -%}
{%- else -%}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}{%- for part in message['content'] -%}
{%- if part['type'] == 'text' -%}{{ part['text'] }}{%- else -%}{{ '<image>' }}{%- endif -%}
{%- endfor -%}{%- endif -%}
{{ '<end_of_utterance>' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '\\n<|im_start|>assistant\\n' }}{%- endif -%}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the model is."""

    pixels: int
    """Side to which the processor scales every photo; a multiple of twice `patch`."""
    patch: int
    """Side of the squares that a photo is cut into, in pixels."""
    vision_width: int
    vision_depth: int
    width: int
    """Of the part that reads and writes text."""
    depth: int
    vocabulary: int
    """Tokens at most, special ones included."""

    @property
    def photo_tokens(self) -> int:
        """How many tokens a photo takes, without the marks around it."""
        return (self.pixels // self.patch // _SHUFFLE) ** 2


SMALL = Size(
    pixels=96, patch=12, vision_width=128, vision_depth=4, width=144, depth=4, vocabulary=2048
)
"""Learns on two cores in minutes."""
LARGE = Size(
    pixels=128, patch=8, vision_width=192, vision_depth=6, width=240, depth=6, vocabulary=2048
)
"""For a GPU."""


def build_tokenizer(texts: Iterable[str], *, vocabulary: int, standing: Iterable[str] = ()) -> Any:
    """A byte-level BPE tokenizer that writes `texts` with few tokens, with Idefics3's special tokens.

    Args:
        texts: What it learns from.
        vocabulary: Tokens at most, `standing` aside.
        standing: Sentences that come up again and again: each is one token, and all else is split at
            words. None of them: phrases may become one token.
    """
    mend_torchvision()
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    standing = tuple(standing)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS if standing else _PHRASES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=list(_SPECIAL),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    bpe.add_tokens([AddedToken(one, normalized=False) for one in standing])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=_START,
        eos_token=END,
        pad_token=_PAD,
        padding_side="left",
        extra_special_tokens={
            "turn_token": _TURN,
            "fake_image_token": _AROUND_PHOTO,
            "image_token": _PHOTO,
            "end_of_utterance_token": END,
            "global_image_token": _WHOLE_PHOTO,
        },
        chat_template=CHAT_TEMPLATE,
    )


def build_processor(tokenizer: Any, size: Size) -> Any:
    """What makes model inputs of chats and photos; photos of any shape are scaled to a square."""
    mend_torchvision()
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    side = {"longest_edge": size.pixels}
    return Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size=side, max_image_size=side, do_image_splitting=False
        ),
        tokenizer=tokenizer,
        image_seq_len=size.photo_tokens,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(tokenizer: Any, size: Size, *, seed: int) -> Any:
    """An Idefics3 whose weights are drawn from `seed`; torch's own random state stays as it was."""
    mend_torchvision()
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    number = tokenizer.convert_tokens_to_ids
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = Idefics3Config(
        vision_config={
            "hidden_size": size.vision_width,
            "intermediate_size": 3 * size.vision_width,
            "num_hidden_layers": size.vision_depth,
            "num_attention_heads": size.vision_width // 32,
            "image_size": size.pixels,
            "patch_size": size.patch,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": size.width,
            "intermediate_size": 3 * size.width,
            "num_hidden_layers": size.depth,
            "num_attention_heads": size.width // 48,
            "num_key_value_heads": size.width // 48,
            "max_position_embeddings": 2048,
            "initializer_range": _SPREAD,
            "tie_word_embeddings": True,
            **ends,
        },
        image_token_id=number(_PHOTO),
        scale_factor=_SHUFFLE,
        tie_word_embeddings=True,
        **ends,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Idefics3ForConditionalGeneration(config)
        _place_patches(model.model.vision_model.embeddings)
    return model


def _place_patches(embeddings: Any) -> None:
    """Start the vision part from patches that keep their scale and know where they are.

    Positions start as sines and cosines of rows and columns, learnt from there on: a small vision
    transformer learns from far fewer photos than with random ones (Beyer et al. 2022, arXiv:2205.01580).
    """
    import torch

    filters, places = embeddings.patch_embedding.weight, embeddings.position_embedding.weight
    side, width = round(len(places) ** 0.5), places.shape[1]
    waves = 1 / 10_000 ** torch.linspace(0, 1, width // 4)
    steps = torch.arange(side)[:, None] * waves  # (side, width / 4)
    along = torch.cat([steps.sin(), steps.cos()], -1)
    down = along[:, None].expand(side, side, -1)
    with torch.no_grad():
        filters.normal_(std=filters[0].numel() ** -0.5)
        places.copy_(0.5 * torch.cat([down, down.transpose(0, 1)], -1).flatten(0, 1))


def open_model(folder: Path) -> tuple[Any, Any]:
    """Weights in float32 and the processor of a folder that `save_model` wrote.

    Raises:
        LearningError: There is none that can be read, or it is of another class.
    """
    mend_torchvision()
    import torch
    from safetensors import SafetensorError
    from transformers import (
        AutoModelForImageTextToText,
        AutoProcessor,
        Idefics3ForConditionalGeneration,
    )

    try:
        if not (folder / "config.json").is_file():  # else the name would be looked for on the hub
            raise FileNotFoundError
        with no_bars():
            model = AutoModelForImageTextToText.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True
            )
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise LearningError(
            f"want the folder of a model that sees and writes, such as a run's `model`, but that of {str(folder)!r} "
            "cannot be opened"
        ) from error
    if not isinstance(model, Idefics3ForConditionalGeneration):
        raise LearningError(
            f"want an Idefics3 in {str(folder)!r}, got {type(model).__name__}: only a run of ours can be gone on from"
        )
    return model, processor


def size_of(model: Any, processor: Any) -> Size:
    """How large a model is that `open_model` opened."""
    vision, text = model.config.vision_config, model.config.text_config
    return Size(
        pixels=vision.image_size,
        patch=vision.patch_size,
        vision_width=vision.hidden_size,
        vision_depth=vision.num_hidden_layers,
        width=text.hidden_size,
        depth=text.num_hidden_layers,
        vocabulary=len(processor.tokenizer),
    )


def use_of(question: str) -> str:
    """Lines of Python that let a model answer `question` about a photo, for its card."""
    return f'''\
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

processor = AutoProcessor.from_pretrained("FOLDER")
model = AutoModelForImageTextToText.from_pretrained("FOLDER", dtype=torch.float32)
question = """{question}"""
content = [{{"type": "image", "image": Image.open("photo.jpg")}}, {{"type": "text", "text": question}}]
inputs = processor.apply_chat_template(
    [{{"role": "user", "content": content}}],
    add_generation_prompt=True,
    tokenize=True,
    return_dict=True,
    return_tensors="pt",
)
tokens = model.generate(**inputs, max_new_tokens=200, do_sample=False)
answer = processor.tokenizer.decode(
    tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
)
print(answer)'''


def save_model(model: Any, processor: Any, folder: Path) -> None:
    """Write a standard folder, the weights in bfloat16 (half the size; what a GPU computes in)."""
    import copy

    import torch

    copied = copy.deepcopy(model).to("cpu", torch.bfloat16)
    for part in (copied.config.text_config, copied.config.vision_config):
        part.dtype = (
            None  # a model that was opened in float32 says so there, and engines would follow it
        )
    copied.save_pretrained(folder)
    processor.save_pretrained(folder)

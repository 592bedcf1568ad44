"""A small text decoder in a stock class of transformers (T5): a prompt in, or a photo's features, and a text out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import LearningError, ModelError
from workbench.models.attributes.files import CONFIG
from workbench.models.attributes.targets import Floats
from workbench.models.quiet import no_bars
from workbench.models.revisions import folder_revision

if TYPE_CHECKING:
    from torch import Tensor

DECODER = "decoder"
"""Folder of the decoder beside the heads."""
_CONFIG, _PREFIX, _CARD = "reading.json", "prefix.safetensors", "README.md"
_PAD, _END = "<pad>", "</s>"
_WORDS = r" ?[^\s\w]| ?\w+|\s"
"""Words and marks of punctuation: a value is the same tokens wherever it stands."""
_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRecipe:
    """How large the decoder is and how it learns; the defaults learn on two cores in about a minute."""

    width: int = 96
    layers: int = 2
    """Of the encoder, and of the decoder."""
    heads: int = 4
    vocabulary: int = 1024
    """Tokens at most."""
    limit: int = 32
    """Tokens of a text at most; longer ones are cut off before they are learnt from."""
    photo_tokens: int = 8
    """Tokens that a photo's features become, where photos go in."""
    steps: int = 300
    """At most: the weights that tell texts of held-out groups best are kept."""
    batch: int = 32
    rate: float = 2e-3
    """Highest rate of AdamW, which learns embeddings and what is no matrix; it falls to a tenth by a cosine."""
    layer_rate: float = 1e-2
    """Highest rate of Muon, which learns the matrices of layers (Jordan et al. 2024)."""
    dropout: float = 0.1
    photo_dropout: float = 0.3
    """Share of a photo's features that a step leaves out, as the attribute network does."""
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.width, self.layers, self.heads, self.limit, self.photo_tokens, self.steps, self.batch)  # fmt: skip
        if min(sizes) < 1 or self.width % self.heads or self.vocabulary < 300:
            raise LearningError(
                "want positive sizes, a width that its heads divide and 300 tokens of vocabulary or more, "
                f"got {self}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One text that a decoder wrote."""

    text: str
    tokens: int
    """Tokens written, the one that ends the text included."""
    truncated: bool
    """True where the limit ended it."""
    seconds: float
    """Wall-clock seconds, this text's share of its batch."""


@dataclass(frozen=True)
class Decoder:
    """A network that writes; `train_decoder` makes it, `load_decoder` reads it."""

    model: Any
    """`T5ForConditionalGeneration`."""
    tokenizer: Any
    reads: Literal["prompt", "photo"]
    limit: int
    """Tokens of a text at most."""
    revision: str = ""
    """Digest of the folder that it was saved in; "" before."""
    prefix: dict[str, Tensor] = field(default_factory=dict, repr=False)
    """Where photos go in: `weight` (c, photo tokens × width) and `offset`; else empty."""

    def write(self, inputs: Sequence[str] | Floats, *, least: int = 0) -> list[Written]:
        """Texts, the most probable token each time.

        Args:
            inputs: Prompts; or for a decoder that reads photos their features, shape (n, c), as the
                attribute network's trunk takes them.
            least: Tokens that are written whatever comes, up to the limit: to measure speed.
        """
        import torch

        found: list[Written] = []
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(inputs), _AT_ONCE):
                began = time.perf_counter()
                rows = self.model.generate(
                    **self.read(inputs[start : start + _AT_ONCE]),
                    max_new_tokens=self.limit, min_new_tokens=least or None, do_sample=False, num_beams=1,
                )  # fmt: skip
                spent = (time.perf_counter() - began) / len(rows)
                found += [self._written(row[1:].tolist(), spent) for row in rows]
        return found

    def read(self, inputs: Sequence[str] | Floats, *, dropout: float = 0.0) -> dict[str, Any]:
        """Inputs as the network takes them."""
        import torch
        from torch.nn import functional

        if self.reads == "prompt":
            return dict(self.tokenizer(list(inputs), padding=True, return_tensors="pt"))
        z = functional.dropout(torch.from_numpy(np.asarray(inputs, dtype=np.float32)), dropout)
        embedded = z @ self.prefix["weight"] + self.prefix["offset"]
        embedded = embedded.view(len(z), -1, self.model.config.d_model)  # (n, photo tokens, width)
        return {
            "inputs_embeds": embedded,
            "attention_mask": torch.ones(embedded.shape[:2], dtype=torch.long),
        }

    def _written(self, row: list[int], seconds: float) -> Written:
        end = self.tokenizer.eos_token_id
        ended = end in row
        kept = row[: row.index(end)] if ended else row
        return Written(
            text=self.tokenizer.decode(kept, skip_special_tokens=True).strip(),
            tokens=len(kept) + ended,
            truncated=not ended,
            seconds=seconds,
        )


def build_decoder(
    texts: Iterable[str], recipe: DecoderRecipe, *, photo: int | None = None
) -> Decoder:
    """A decoder with random weights, drawn from torch's generator.

    Args:
        texts: Prompts and texts that its tokenizer learns from.
        recipe: Its sizes.
        photo: Numbers that describe a photo, where photos go in; None: prompts do.
    """
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = _tokenizer(texts, recipe.vocabulary)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=recipe.width, d_kv=recipe.width // recipe.heads,
        d_ff=4 * recipe.width, num_layers=recipe.layers, num_decoder_layers=recipe.layers,
        num_heads=recipe.heads, dropout_rate=recipe.dropout, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id, decoder_start_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    prefix = {}
    if photo is not None:
        wide = recipe.photo_tokens * recipe.width
        prefix = {
            "weight": torch.randn(photo, wide) / math.sqrt(photo),
            "offset": torch.zeros(wide),
        }
    return Decoder(
        model=T5ForConditionalGeneration(config), tokenizer=tokenizer,
        reads="prompt" if photo is None else "photo", limit=recipe.limit, prefix=prefix,
    )  # fmt: skip


def save_decoder(decoder: Decoder, folder: Path, *, learnt_from: int) -> None:
    """Write `decoder` into `folder`, which `load_decoder` reads; `learnt_from`: texts, for the card.

    Where an attribute network lies in the folder above, its revision is kept: it words that network's facts.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / _CONFIG).unlink(missing_ok=True)  # until the files of another are replaced
    with no_bars():  # it saves in a blink
        decoder.model.save_pretrained(folder)
    decoder.tokenizer.save_pretrained(folder)
    if decoder.prefix:
        save_file({name: t.contiguous() for name, t in decoder.prefix.items()}, folder / _PREFIX)
    (folder / _CARD).write_text(_card(decoder, learnt_from), encoding="utf-8")
    _write_config(folder, {"format": 1, "reads": decoder.reads, "limit": decoder.limit})


def belongs_above(folder: Path) -> None:
    """Note that the decoder in `folder` words the facts of the network in the folder above, as it is now."""
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    if config.get("network") != _network_above(folder):
        _write_config(folder, config)


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    """Last of all files: a folder without it is not whole."""
    told = config | {"network": _network_above(folder)}
    (folder / _CONFIG).write_text(json.dumps(told) + "\n", "utf-8")


def _network_above(folder: Path) -> str | None:
    """Revision of the attribute network in the folder above; None: there is none."""
    above = folder.absolute().parent / CONFIG
    if not above.is_file():
        return None
    return str(json.loads(above.read_text(encoding="utf-8"))["revision"])


def load_decoder(folder: str | Path) -> Decoder:
    """Read a decoder that `save_decoder` wrote.

    Raises:
        ModelError: The folder holds none, or a damaged one, or one that words the facts of another network
            than the one in the folder above.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    place = Path(folder)
    try:
        config = json.loads((place / _CONFIG).read_text(encoding="utf-8"))
        taught, above = config.get("network"), _network_above(place)
        if taught and above and taught != above:
            raise ModelError(
                f"want a decoder of the network beside it, {above!r}, but {str(place)!r} was taught with "
                f"{taught!r}: run `workbench run attributes --decoder own` into that folder again"
            )
        with no_bars():  # it loads in a blink
            model = T5ForConditionalGeneration.from_pretrained(place).eval()
        return Decoder(
            model=model,
            tokenizer=AutoTokenizer.from_pretrained(place),
            reads=config["reads"],
            limit=config["limit"],
            revision=folder_revision(place),
            prefix=load_file(place / _PREFIX) if config["reads"] == "photo" else {},
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"want a folder with a text decoder, but {str(place)!r} cannot be read as one "
            f"({type(error).__name__}: {error}): train it with `workbench run attributes --decoder own`"
        ) from error


def _tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[_PAD, _END],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    bpe.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, bpe.token_to_id(_END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=_PAD,
        eos_token=_END,
        model_input_names=["input_ids", "attention_mask"],
    )


def _card(decoder: Decoder, learnt_from: int) -> str:
    what = {
        "prompt": "the kind of product, its attributes and its price, as the attribute network in the "
        "folder above tells them",
        "photo": "a photo's features, as the attribute network's trunk takes them",
    }[decoder.reads]
    return "\n".join(
        [
            "---",
            "pipeline_tag: text-generation",
            "---",
            "# Texts of one catalogue",
            "",
            f"A T5 of {decoder.model.num_parameters():,} parameters, learnt from {learnt_from} texts of one "
            f"catalogue and from nothing else. It reads {what}, and writes a title and, on a line of its "
            f"own, a description: {decoder.limit} tokens at most. Load with "
            "`workbench.models.attributes.load_decoder`.",
            "",
            "## Limits",
            "",
            "- It words what it is given. Sentences that claim nothing in the schema's words come from the "
            "catalogue's other products, and nobody has checked them of this one.",
            "- Claims of its texts about brand, size and what else no photo shows were cut out before it "
            "learnt; names that the schema does not list as values may be left in descriptions.",
            "",
        ]
    )

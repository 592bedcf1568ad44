"""Pairs as a model reads them: what is left of them after its tokenizer, and after truncation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import ModelError, SettingsError
from workbench.preferences._pair import Pair
from workbench.preferences._prints import PhotoPrint

PLACEHOLDERS = ("<image>", "<|image_pad|>", "<IMG_CONTEXT>", "<video>", "<audio>")
"""Where trainers put photos, films and sounds; in a text they would be taken for one."""
_BATCH = 8192
"""Texts that are tokenised at once."""


@dataclass(frozen=True)
class PairReader:
    """One model's processor (or tokenizer), and where a trainer cuts.

    Prompt and answers are laid out by the model's own chat template, as TRL's `DPOTrainer` lays out
    conversations: photos first, answers tokenised apart from the prompt, the end cut off.
    """

    processor: Any
    """Of the model that will be trained; only its own methods are called, no weights are needed."""
    max_length: int | None = None
    """Tokens of prompt and answer together; None: nothing is cut, which is what training should use."""
    _sizes: dict[tuple[int, int], int] = field(default_factory=dict, repr=False)

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - libraries' tokenizers share no type
        """The processor's, or the processor itself where it is one."""
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def sees(self) -> bool:
        """Whether the model takes photos."""
        return hasattr(self.processor, "image_processor")

    @property
    def placeholder(self) -> str | None:
        """What stands for a photo in a text; None for a model that reads only."""
        found = getattr(self.processor, "image_token", None)
        return None if found is None else str(found)

    def prompt_text(self, pair: Pair) -> str:
        """The prompt as the model reads it, one placeholder a photo, ready for the answer."""
        photos = len(pair.photos) if self.sees else 0
        content: Any = pair.prompt
        if self.sees:
            content = [*[{"type": "image"}] * photos, {"type": "text", "text": pair.prompt}]
        text: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=getattr(self.processor, "chat_template", None),
            tokenize=False,
            add_generation_prompt=True,
        )
        return text

    def ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Text to its tokens; each text is tokenised once."""
        wanted = list(dict.fromkeys(texts))
        found: dict[str, list[int]] = {}
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            read = self.tokenizer(some, add_special_tokens=False, return_attention_mask=False)[
                "input_ids"
            ]
            found.update(zip(some, read, strict=True))
        return found

    def photo_tokens(self, width: int, height: int) -> int:
        """Tokens that a photo of this size takes beyond its placeholder; asked of the processor once a size."""
        from PIL import Image

        size = (width, height)
        if size not in self._sizes:
            text = self.placeholder or ""
            blank = [[Image.new("RGB", size)]]
            whole = self.processor(text=[text], images=blank)["input_ids"][0]
            bare = self.tokenizer(text)["input_ids"]
            self._sizes[size] = len(whole) - len(bare)
        return self._sizes[size]


def load_reader(model: str, *, max_length: int | None = None) -> PairReader:
    """The processor of `hf:…`, `dir:…` or `starter:…`, without its weights.

    Args:
        model: Its string.
        max_length: As for `PairReader`.

    Raises:
        ModelError: It is not there, or its engine trains nothing (a server, a GGUF file).
        SettingsError: `max_length` is under 1.
    """
    from workbench.models.huggingface import load_processor
    from workbench.models.registry import parse_spec
    from workbench.models.starter import shipped_folder

    if max_length is not None and max_length < 1:
        raise SettingsError(f"want a maximum length of 1 token or more, got {max_length!r}")
    spec = parse_spec(model)
    if spec.scheme not in {"hf", "dir", "starter"}:
        raise ModelError(
            f"want a model that can be trained, hf:…, dir:… or starter:…; got {model!r}"
        )
    if spec.scheme == "starter":
        spec = replace(spec, scheme="dir", address=str(shipped_folder(spec.address)))
    return PairReader(load_processor(spec), max_length=max_length)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPairs:
    """What a model reads of pairs."""

    alike: dict[int, str]
    """Place to why its two sides are one text to the model."""
    misplaced: dict[int, str]
    """Place to what is wrong between placeholders and photos."""
    cut: tuple[int, ...]
    """Places of pairs that lose the end of a side, and still differ."""


def read_pairs(
    pairs: Sequence[Pair], reader: PairReader, prints: Mapping[str, PhotoPrint] | None
) -> ReadPairs:
    """Tokenise pairs of texts as a trainer does.

    Args:
        pairs: Those of pictures are passed over.
        reader: The model's.
        prints: Give the photos' sizes, which say how many tokens they take; a photo without one is taken
            for as large as the model's smallest.
    """
    rows = [(i, pair) for i, pair in enumerate(pairs) if pair.kind == "text"]
    rendered: dict[tuple[str, int], str] = {}
    for _, pair in rows:
        shape = (pair.prompt, len(pair.photos))
        if shape not in rendered:
            rendered[shape] = reader.prompt_text(pair)
    prompts = reader.ids(rendered.values()) if reader.max_length is not None else {}
    ids = reader.ids(text for _, pair in rows for text in (pair.chosen, pair.rejected))
    alike, misplaced, cut = {}, {}, []
    for i, pair in rows:
        text = rendered[pair.prompt, len(pair.photos)]
        if reason := _misplaced(pair, reader, text):
            misplaced[i] = reason
            continue
        chosen, rejected = ids[pair.chosen], ids[pair.rejected]
        if chosen == rejected:
            alike[i] = f"both are the same {len(chosen)} tokens"
            continue
        if reader.max_length is None:
            continue
        taken = len(prompts[text]) + _photo_tokens(pair, reader, prints)
        room = max(0, reader.max_length - taken)
        if chosen[:room] == rejected[:room]:
            alike[i] = (
                f"the prompt takes {taken} of {reader.max_length} tokens, and what is left is the same"
            )
        elif room < max(len(chosen), len(rejected)):
            cut.append(i)
    return ReadPairs(alike=alike, misplaced=misplaced, cut=tuple(cut))


def misplaced_words(pair: Pair) -> str | None:
    """What in the texts of a pair a trainer would take for a photo; None where nothing."""
    for name, text in (
        ("prompt", pair.prompt),
        ("chosen", pair.chosen),
        ("rejected", pair.rejected),
    ):
        if "<" in text and (found := next((p for p in PLACEHOLDERS if p in text), None)):
            return f"{name} holds {found!r}, which stands for a photo"
    return None


def _misplaced(pair: Pair, reader: PairReader, rendered: str) -> str | None:
    """What is wrong between the placeholders that the model reads and the photos that come."""
    if pair.photos and not reader.sees:
        return f"{len(pair.photos)} photos for a model that reads only"
    token = reader.placeholder
    if token is None:
        return None
    places, photos = rendered.count(token), len(pair.photos)
    if places != photos:
        return f"{places} image tokens for {photos} photos"
    inside = next((side for side in (pair.chosen, pair.rejected) if token in side), None)
    return None if inside is None else f"an answer holds the image token {token!r}"


def _photo_tokens(
    pair: Pair, reader: PairReader, prints: Mapping[str, PhotoPrint] | None
) -> int:  # fmt: skip
    known = [(prints or {}).get(photo) for photo in pair.photos]
    return sum(
        reader.photo_tokens(one.width, one.height) if one else reader.photo_tokens(28, 28)
        for one in known
    )

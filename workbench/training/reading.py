"""Rows as tokens, laid out as the model reads them when it answers: one renderer for training and inference.

Prompts go through `workbench.models.chat.Chat`, which is what engines ask with; answers are tokenised apart
from them, as they are met when they are written token by token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError
from workbench.models.chat import Chat
from workbench.photos import open_photo
from workbench.training.examples import Example, Pair, Photos, Turn

Tokens = npt.NDArray[np.int64]
PHOTO_SIDE = 1024
"""Longer side in pixels to which photos are decoded, as listing runs decode them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRow:
    """An example as tokens."""

    ids: Tokens
    """Shape (n,)."""
    learnt: npt.NDArray[np.bool_]
    """Shape (n,): what the assistant says, the token that ends its turn included."""
    photos: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """A pair as tokens."""

    prompt: Tokens
    chosen: Tokens
    rejected: Tokens
    photos: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


Size = tuple[int, int]
"""Width and height in pixels, as the model is shown the photo."""


@dataclass
class Reader:
    """One model's processor, and the photos that rows are about."""

    processor: Any
    photos: Photos
    _sizes: dict[str, Size] = field(default_factory=dict, repr=False)
    _prompts: dict[tuple[str, tuple[Size, ...]], Tokens] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a processor without a part for pictures."""
        self.chat = Chat(self.processor)
        if not self.chat.sees:
            raise ModelError("want a vision-language model to train, got one that reads text only")
        self.tokenizer = self.chat.tokenizer
        self.photo_id = int(self.tokenizer.convert_tokens_to_ids(str(self.processor.image_token)))

    @property
    def pad(self) -> int:
        """The token that fills a batch."""
        return int(self.tokenizer.pad_token_id)

    def photo(self, address: str) -> Any:
        """The photo as the model is shown it, RGB.

        Raises:
            PhotoError: It is no picture.
        """
        shown = open_photo(self.photos(address), where=address, max_side=PHOTO_SIDE)
        self._sizes[address] = shown.size
        return shown

    def size(self, address: str) -> Size:
        """Width and height of a photo as it is shown."""
        if address not in self._sizes:
            self.photo(address)
        return self._sizes[address]

    def example(self, row: Example) -> ExampleRow:
        """The tokens of an example; those of every answer are learnt."""
        ids: list[Tokens] = []
        learnt: list[bool] = []
        told = ""
        for place, turn in enumerate(row.turns):
            if turn.role != "assistant":
                continue
            asked = self.chat.render_talk(_said(row.turns[:place]), photos=len(row.photos))
            whole = self.chat.render_talk(
                _said(row.turns[: place + 1]), photos=len(row.photos), answered=True
            )
            asked, answer = _apart(asked, whole)
            before = self.text(asked.removeprefix(told)) if told else self.prompt(asked, row.photos)
            after = self.text(answer)
            ids += [before, after]
            learnt += [False] * len(before) + [True] * len(after)
            told = whole
        return ExampleRow(
            ids=np.concatenate(ids), learnt=np.array(learnt, dtype=np.bool_), photos=row.photos
        )

    def pair(self, row: Pair) -> PairRow:
        """The tokens of a pair."""
        asked = self.chat.render_talk([("user", row.prompt)], photos=len(row.photos))
        sides = []
        for text in (row.chosen, row.rejected):
            talk = [("user", row.prompt), ("assistant", text)]
            whole = self.chat.render_talk(talk, photos=len(row.photos), answered=True)
            sides.append(_apart(asked, whole))
        prompt = min((asked for asked, _ in sides), key=len)
        chosen, rejected = (self.text((asked + answer)[len(prompt) :]) for asked, answer in sides)
        return PairRow(
            prompt=self.prompt(prompt, row.photos),
            chosen=chosen,
            rejected=rejected,
            photos=row.photos,
        )

    def prompt(self, rendered: str, photos: Sequence[str]) -> Tokens:
        """The tokens of a rendered prompt with its photos in their places: as an engine encodes it.

        How many tokens a photo takes follows from its size alone, so that a prompt is laid out once for all
        photos of one size.
        """
        from PIL import Image

        key = (rendered, tuple(self.size(one) for one in photos))
        if key not in self._prompts:
            blank = tuple(Image.new("RGB", size) for size in key[1])
            ids = self.chat.encode_rendered([rendered], [blank])["input_ids"]
            self._prompts[key] = np.asarray(ids, dtype=np.int64).reshape(-1)
        return self._prompts[key]

    def text(self, text: str) -> Tokens:
        """The tokens of a text without photos."""
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return np.asarray(ids, dtype=np.int64)

    def photo_inputs(self, photos: Sequence[str]) -> dict[str, Any]:
        """What the model's vision part takes of some photos: `pixel_values` and what goes with them."""
        token = str(self.processor.image_token)
        given = self.processor(
            text=[token] * len(photos),
            images=[[self.photo(one)] for one in photos],
            return_tensors="pt",
            padding=True,
        )
        words = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}
        return {name: value for name, value in given.items() if name not in words}


def _said(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns]


def _apart(asked: str, whole: str) -> tuple[str, str]:
    """The prompt as far as the whole talk begins with it, and the rest."""
    shared = 0
    for one, other in zip(asked, whole, strict=False):
        if one != other:
            break
        shared += 1
    return whole[:shared], whole[shared:]

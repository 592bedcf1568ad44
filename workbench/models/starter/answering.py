"""Learning answers: a question about photos, and the text that should follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import LearningError
from workbench.models.chat import Chat
from workbench.models.protocols import Prompt
from workbench.models.starter.training import Recipe, shown, train

if TYPE_CHECKING:
    import torch

    from workbench.models.starter.data import Example, Pixels

_IGNORED = -100
"""Label of tokens that are read and not learnt."""
_BATCHES_ALIKE = 16
"""Batches whose examples are dealt by length, so that little is padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One example as the model sees it."""

    tokens: tuple[int, ...]
    """Prompt and answer, each photo being as many tokens as it takes."""
    read: int
    """How many of them are the prompt's."""
    photos: tuple[int, ...]


def lessons(processor: Any, examples: Sequence[Example]) -> list[Lesson]:
    """Tokenise every example once, prompt and answer apart, as `Chat` renders and engines decode.

    Raises:
        LearningError: There is nothing to learn from.
    """
    if not examples:
        raise LearningError("want at least one example to learn from, got none")
    chat, tokenizer = Chat(processor), processor.tokenizer
    around, photo = processor.fake_image_token, processor.image_token
    whole = around + processor.global_image_tag + photo * processor.image_seq_len + around
    prompts = [
        # `Chat` only counts the pictures.
        chat.render(Prompt(text=e.question, images=(None,) * len(e.photos))).replace(photo, whole)  # type: ignore[arg-type]
        for e in examples
    ]
    answers = [example.answer + tokenizer.eos_token for example in examples]
    read = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    written = tokenizer(answers, add_special_tokens=False)["input_ids"]
    return [
        Lesson(tokens=(*r, *w), read=len(r), photos=e.photos)
        for r, w, e in zip(read, written, examples, strict=True)
    ]


def dealt_by_length(
    lengths: npt.NDArray[np.int64], recipe: Recipe, step: int
) -> npt.NDArray[np.intp]:
    """Which examples step `step` learns from, (batch,): each one once an epoch, alike ones together."""
    size = min(recipe.batch, len(lengths))
    per_epoch = len(lengths) // size
    epoch, place = divmod(step, per_epoch)
    rng = np.random.default_rng([recipe.seed, epoch])
    order = rng.permutation(len(lengths))[: per_epoch * size]
    first = int(rng.permutation(per_epoch)[place]) * size
    start = first - first % (size * _BATCHES_ALIKE)
    alike = order[start : start + size * _BATCHES_ALIKE]
    alike = alike[np.argsort(lengths[alike], kind="stable")]
    return alike[first - start : first - start + size]


def teach_to_answer(
    model: Any,
    learnt: Sequence[Lesson],
    photos: Pixels,
    recipe: Recipe,
    folder: Path,
    *,
    stage: str,
    settings: Mapping[str, object],
) -> None:
    """Teach `model` in place to give the answers.

    Args:
        model: An Idefics3 on its device.
        learnt: From `lessons`.
        photos: (photos, side, side, 3), of the side that the processor scales to.
        recipe: Steps, batch and rate.
        folder: Of the run; see `train`.
        stage: See `train`.
        settings: See `train`.

    Raises:
        LearningError: The folder's checkpoint is another run's.
    """
    lengths = np.array([len(lesson.tokens) for lesson in learnt])

    def loss_of(step: int) -> torch.Tensor:
        places = dealt_by_length(lengths, recipe, step)
        batch = _batch([learnt[int(p)] for p in places], photos, recipe, step, model)
        return _loss(model, batch)

    train(model, loss_of, recipe, folder, stage=stage, settings=settings)


def _loss(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean negative log-likelihood of the answers' tokens; logits are made for these alone."""
    import torch

    labels = batch.pop("labels")[:, 1:]
    hidden = model.model(**batch, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels != _IGNORED
    logits = model.lm_head(hidden[wanted])  # (answer tokens, vocabulary)
    return torch.nn.functional.cross_entropy(logits.float(), labels[wanted])


def _batch(
    learnt: list[Lesson], photos: Pixels, recipe: Recipe, step: int, model: Any
) -> dict[str, torch.Tensor]:
    """Padded on the right: tokens, mask and labels (n, longest); photos (n, most photos, 3, side, side)."""
    import torch

    shape = (len(learnt), max(len(lesson.tokens) for lesson in learnt))
    tokens = np.full(shape, model.config.text_config.pad_token_id, np.int64)
    mask = np.zeros(shape, np.int64)
    labels = np.full(shape, _IGNORED, np.int64)
    places = np.full((len(learnt), max(len(lesson.photos) for lesson in learnt)), -1)
    for row, lesson in enumerate(learnt):
        length = len(lesson.tokens)
        tokens[row, :length] = lesson.tokens
        mask[row, :length] = 1
        labels[row, lesson.read : length] = lesson.tokens[lesson.read :]
        places[row, : len(lesson.photos)] = lesson.photos
    pixels = shown(photos, places.ravel(), recipe, step)
    arrays = {
        "input_ids": tokens,
        "attention_mask": mask,
        "labels": labels,
        "pixel_values": pixels.reshape(*places.shape, *pixels.shape[1:]),
    }
    return {name: torch.from_numpy(array).to(model.device) for name, array in arrays.items()}

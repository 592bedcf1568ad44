"""Learning answers: a question about photos, and the text that should follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import LearningError
from workbench.models.chat import Chat
from workbench.models.protocols import Prompt
from workbench.models.starter.packing import Lesson, Pack, packed
from workbench.models.starter.training import Recipe, shown, train

if TYPE_CHECKING:
    import torch

    from workbench.models.starter.data import Example, Pixels

_BREAK = "\n\n"
"""Between what questions share and the question, as `asked` puts it."""
_LENGTHS = 32
"""Batches are padded to multiples of so many tokens: kernels are kept for each shape, and many shapes
take all memory."""
_BATCHES_ALIKE = 16
"""Batches whose examples are dealt by length, so that little is padding."""


def lessons(processor: Any, examples: Sequence[Example]) -> list[Lesson]:
    """Tokenise every example once, prompt and answer apart, as `Chat` renders and engines decode.

    Raises:
        LearningError: There is nothing to learn from.
    """
    if not examples:
        raise LearningError("want at least one example to learn from, got none")
    tokenizer = processor.tokenizer
    around = {len(e.photos): _around(processor, len(e.photos)) for e in examples}
    parts = {part for pair in around.values() for part in pair}
    parts |= {e.shared + _BREAK for e in examples if e.shared} | {e.question for e in examples}
    parts |= {e.answer + tokenizer.eos_token for e in examples}
    known = dict(zip(parts, _tokens(tokenizer, list(parts)), strict=True))
    learnt = []
    for e in examples:
        start, end = around[len(e.photos)]
        shared = known[e.shared + _BREAK] if e.shared else ()
        read = (*known[start], *shared, *known[e.question], *known[end])
        written = known[e.answer + tokenizer.eos_token]
        learnt.append(Lesson(tokens=(*read, *written), read=len(read), photos=e.photos))
    return learnt


def _around(processor: Any, photos: int) -> tuple[str, str]:
    """What the chat template puts before and after the text of a prompt with so many photos."""
    mark = "TEXT"
    # `Chat` only counts the pictures.
    told = Chat(processor).render(Prompt(text=mark, images=(None,) * photos))  # type: ignore[arg-type]
    around, photo = processor.fake_image_token, processor.image_token
    whole = around + processor.global_image_tag + photo * processor.image_seq_len + around
    start, end = told.replace(photo, whole).split(mark)
    return start, end


def _tokens(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    found: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return found


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
        learnt: From `lessons`; those about the same photos are learnt in one step, so a batch counts photos.
        photos: (photos, side, side, 3), of the side that the processor scales to.
        recipe: Steps, batch and rate.
        folder: Of the run; see `train`.
        stage: See `train`.
        settings: See `train`.

    Raises:
        LearningError: The folder's checkpoint is another run's.
    """
    packs = packed(learnt)
    lengths = np.array([len(pack.tokens) for pack in packs])

    def loss_of(step: int) -> torch.Tensor:
        places = dealt_by_length(lengths, recipe, step)
        return _loss(model, [packs[int(place)] for place in places], photos, recipe, step)

    train(model, loss_of, recipe, folder, stage=stage, settings=settings)


def _loss(
    model: Any, packs: Sequence[Pack], photos: Pixels, recipe: Recipe, step: int
) -> torch.Tensor:
    """Mean negative log-likelihood of the answers' tokens; logits are made for these alone."""
    import torch

    longest = max(len(pack.tokens) for pack in packs)
    shape = (len(packs), -(-longest // _LENGTHS) * _LENGTHS)
    tokens = np.full(shape, model.config.text_config.pad_token_id, np.int64)
    positions = np.zeros(shape, np.int64)
    seen = np.zeros((shape[0], 1, shape[1], shape[1]), bool)
    places = np.full((len(packs), max(len(pack.photos) for pack in packs)), -1)
    asked_at, answers = [], []
    for row, pack in enumerate(packs):
        length = len(pack.tokens)
        tokens[row, :length] = pack.tokens
        positions[row, :length] = pack.positions
        seen[row, 0, :length, :length] = pack.sees()
        seen[row, 0, length:, 0] = True  # padding sees something, lest its softmax be over nothing
        places[row, : len(pack.photos)] = pack.photos
        asked_at.append(pack.asked_at + row * shape[1])
        answers.append(pack.answers)
    pixels = shown(photos, places.ravel(), recipe, step).reshape(
        *places.shape, 3, *photos.shape[1:3]
    )
    there = model.device
    hidden = model.model(
        input_ids=torch.from_numpy(tokens).to(there),
        position_ids=torch.from_numpy(positions).to(there),
        attention_mask=_added(torch.from_numpy(seen).to(there)),
        pixel_values=torch.from_numpy(pixels).to(there),
        use_cache=False,
    ).last_hidden_state  # (n, longest, width)
    wanted = torch.from_numpy(np.concatenate(asked_at)).to(there)
    logits = model.lm_head(hidden.flatten(0, 1)[wanted])  # (answer tokens, vocabulary)
    labels = torch.from_numpy(np.concatenate(answers)).to(there)
    return torch.nn.functional.cross_entropy(logits.float(), labels)


def _added(seen: torch.Tensor) -> torch.Tensor:
    """What attention adds to its scores: 0 where a token is seen, the lowest number where it is not."""
    import torch

    added = torch.zeros(seen.shape, device=seen.device)
    return added.masked_fill_(~seen, torch.finfo(torch.bfloat16).min)

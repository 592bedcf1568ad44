"""Batches: examples padded, and pairs laid out so that what both answers share is computed once.

A pair is one sequence [prompt][chosen][rejected]: both answers see the prompt, neither sees the other, and each
counts its positions from the prompt's end. The prompt's last token stands before each answer, so that the
first token of either is predicted from it. The loss is that of two separate rows; the work is one prompt's less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.training.features import Encoded, Features
from workbench.training.reading import ExampleRow, PairRow, Reader, Tokens

IGNORED = -100
"""Label of what is not learnt."""
_PREFIX, _CHOSEN, _REJECTED, _PADDING = 0, 1, 2, -1


class Batcher:
    """What both kinds of batches need: the photos, and positions where they do not follow from the place."""

    def __init__(self, reader: Reader, features: Features | None, core: Any) -> None:
        """`features` None: photos are encoded as they come."""
        self.reader, self.features = reader, features
        self.ranked = hasattr(core, "get_rope_index")
        """Whether positions have three coordinates (Qwen-VL)."""
        self._core = core

    def photos(self, addresses: Sequence[str]) -> dict[str, Any]:
        """`encoded`, a list of what is known of each photo, or the inputs of the vision part."""
        if not addresses:
            return {}
        if self.features is None:
            return self.reader.photo_inputs(addresses)
        encoded: list[Encoded] = [self.features[one] for one in addresses]
        return {"encoded": encoded}

    def grids(self, given: dict[str, Any]) -> Any:
        """`image_grid_thw` of a batch's photos, (photos, 3); None where positions do not need it."""
        import torch

        if not self.ranked:
            return None
        if "encoded" in given:
            return torch.cat([one["image_grid_thw"] for one in given["encoded"]])
        return given.get("image_grid_thw")

    def coordinates(self, ids: Any, mask: Any, grids: Any) -> Any:
        """Positions of prompts, (3, n, longest) where there are three coordinates, else (n, longest)."""
        import torch

        if self.ranked and grids is not None:
            types = (ids == self.reader.photo_id).int()
            places, _ = self._core.get_rope_index(
                ids, mm_token_type_ids=types, image_grid_thw=grids, attention_mask=mask
            )
            return places
        places = torch.arange(ids.shape[1]).expand(ids.shape)
        return places.expand(3, *ids.shape) if self.ranked else places


def example_batch(batcher: Batcher, rows: Sequence[ExampleRow]) -> dict[str, Any]:
    """Rows beside each other, filled on the right: `input_ids`, `attention_mask`, `labels` (n, longest)."""
    import torch

    ids = _filled([row.ids for row in rows], batcher.reader.pad)
    labels = _filled(
        [np.where(row.learnt, row.ids, IGNORED) for row in rows],
        IGNORED,
    )
    mask = _filled([np.ones(len(row), dtype=np.int64) for row in rows], 0)
    batch: dict[str, Any] = {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(labels),
    }
    given = batcher.photos([one for row in rows for one in row.photos])
    if batcher.ranked:
        batch["mm_token_type_ids"] = (batch["input_ids"] == batcher.reader.photo_id).int()
        if (grids := batcher.grids(given)) is not None:
            batch["image_grid_thw"] = grids
    return batch | given


def pair_batch(batcher: Batcher, rows: Sequence[PairRow]) -> dict[str, Any]:
    """Pairs beside each other, each one sequence.

    `input_ids` and `shift_labels` (n, longest), `seen` (n, 1, longest, longest), True where a token (row) sees
    another (column), `position_ids`; `places` (2n, answer), where the chosen and then the rejected tokens' own
    predictions stand, and `said` (2n, answer), True where there is one.
    """
    import torch

    ids, labels, branches, steps = (_filled(one, fill) for one, fill in _sequences(rows, batcher))
    given = batcher.photos([one for row in rows for one in row.photos])
    grids = batcher.grids(given)
    prompts = _filled([row.prompt for row in rows], batcher.reader.pad)
    known = _filled([np.ones(len(row.prompt), dtype=np.int64) for row in rows], 0)
    coordinates = batcher.coordinates(torch.from_numpy(prompts), torch.from_numpy(known), grids)
    places, said = _answers(rows)
    batch = {
        "input_ids": torch.from_numpy(ids),
        "shift_labels": torch.from_numpy(labels),
        "seen": _seen(torch.from_numpy(branches)),
        "position_ids": _positions(rows, coordinates, torch.from_numpy(steps)),
        "places": torch.from_numpy(places),
        "said": torch.from_numpy(said),
    }
    if grids is not None and "encoded" not in given:
        batch["mm_token_type_ids"] = (batch["input_ids"] == batcher.reader.photo_id).int()
    return batch | given


def _sequences(rows: Sequence[PairRow], batcher: Batcher) -> list[tuple[list[Tokens], int]]:
    """Of each pair: tokens, labels, branch and step within the branch; with what fills a batch."""
    ids, labels, branches, steps = [], [], [], []
    for row in rows:
        shared, last = row.prompt[:-1], row.prompt[-1:]
        answers = (row.chosen, row.rejected)
        ids.append(np.concatenate([shared, *(np.concatenate([last, a]) for a in answers)]))
        ends = [np.concatenate([a, [IGNORED]]) for a in answers]
        labels.append(np.concatenate([np.full(len(shared), IGNORED), *ends]))
        branches.append(
            np.concatenate(
                [np.full(len(shared), _PREFIX)]
                + [
                    np.full(len(a) + 1, b)
                    for a, b in zip(answers, (_CHOSEN, _REJECTED), strict=True)
                ]
            )
        )
        steps.append(
            np.concatenate([np.arange(len(shared)), *(np.arange(len(a) + 1) for a in answers)])
        )
    return [
        (ids, batcher.reader.pad),
        (labels, IGNORED),
        (branches, _PADDING),
        (steps, 0),
    ]


def _answers(rows: Sequence[PairRow]) -> tuple[Tokens, Any]:
    """Where each answer's tokens are predicted, first those of all that is chosen."""
    lengths = [len(row.chosen) for row in rows] + [len(row.rejected) for row in rows]
    starts = [len(row.prompt) - 1 for row in rows]
    starts += [len(row.prompt) + len(row.chosen) for row in rows]
    steps = np.arange(max(lengths))[None]
    said = steps < np.array(lengths)[:, None]
    return np.where(said, np.array(starts)[:, None] + steps, 0), said


def _seen(branches: Any) -> Any:
    """What each token sees: itself and what comes before it, of its own branch and of the prompt."""
    import torch

    longest = branches.shape[1]
    mine, other = branches[:, :, None], branches[:, None, :]
    before = torch.ones(longest, longest, dtype=torch.bool).tril()
    seen = before & ((mine == other) | (other == _PREFIX)) & (other != _PADDING)
    return (seen | torch.eye(longest, dtype=torch.bool))[:, None]


def _positions(rows: Sequence[PairRow], coordinates: Any, steps: Any) -> Any:
    """Positions in the sequence: the prompt's own, and each branch counted on from its last token."""
    places = coordinates.new_zeros((*coordinates.shape[:-1], steps.shape[1]))
    for i, row in enumerate(rows):
        end = len(row.prompt) - 1
        places[..., i, :end] = coordinates[..., i, :end]
        places[..., i, end:] = coordinates[..., i, end, None] + steps[i, end:]
    return places


def _filled(rows: Sequence[Tokens], fill: int) -> Tokens:
    longest = max(len(row) for row in rows)
    filled = np.full((len(rows), longest), fill, dtype=np.int64)
    for place, row in zip(filled, rows, strict=True):
        place[: len(row)] = row
    return filled


def collate(
    make: Callable[[Batcher, Sequence[Any]], dict[str, Any]], batcher: Batcher, rows: Sequence[Any]
) -> Callable[[Sequence[dict[str, Any]]], dict[str, Any]]:
    """A collator of rows by their number, as a data loader wants it; the numbers stay in `rows`."""

    def together(picked: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        numbers = [int(one["row"]) for one in picked]
        batch = make(batcher, [rows[number] for number in numbers])
        batch["rows"] = torch.tensor(numbers)
        return batch

    return together

"""What a picture of the drawn catalogue's world shows, told by a small network that made none of it and judged none.

The classifier learned from drawn pictures that neither `starter:image` nor `starter:judge` ever saw, made soft, grainy
and off in tone as generated ones are. It ships with its card, which says how often it is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.catalog.drawn import COLORS, KINDS
from workbench.errors import ModelError
from workbench.models.starter.captions import FLAW_WORDS
from workbench.models.starter.shipped import WEIGHTS, check_weights

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

FOLDER = WEIGHTS / "classifier"
WEIGHTS_FILE = "model.safetensors"
SIDE = 64
"""Pixels, wide and high, at which it looks."""
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "kind": tuple(KINDS),
    "color": tuple(COLORS),
    "marks": (*FLAW_WORDS, "studio"),
}
"""Kind and color have one answer; a picture may have any of the marks."""
_WIDTHS = (32, 64, 128)
_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What each of n pictures shows."""

    kinds: tuple[str, ...]
    colors: tuple[str, ...]
    studios: npt.NDArray[np.bool_]
    """(n,): whether the setting is one of product photography."""
    flaws: Mapping[str, npt.NDArray[np.bool_]]
    """Failure mode that words can ask for to (n,)."""


class Classifier:
    """Looks at pictures."""

    def __init__(self, network: torch.nn.Module) -> None:
        """Look with `network`, from `build_network`."""
        self._network = network.eval()

    def look(self, pictures: Sequence[Image]) -> Sight:
        """What each picture shows; pictures of any size."""
        import torch

        if not pictures:
            none = np.zeros(0, bool)
            return Sight(kinds=(), colors=(), studios=none, flaws=dict.fromkeys(FLAW_WORDS, none))
        pixels = np.stack([_scaled(picture) for picture in pictures])
        with torch.inference_mode():
            parts = [
                self._network(as_input(pixels[start : start + _BATCH]))
                for start in range(0, len(pixels), _BATCH)
            ]
        scores = torch.cat(parts)
        kind, color, marks = scores.split([len(q) for q in QUESTIONS.values()], dim=1)
        there = (marks > 0).numpy()
        return Sight(
            kinds=tuple(QUESTIONS["kind"][place] for place in kind.argmax(1).tolist()),
            colors=tuple(QUESTIONS["color"][place] for place in color.argmax(1).tolist()),
            studios=there[:, -1],
            flaws={flaw: there[:, place] for place, flaw in enumerate(FLAW_WORDS)},
        )


def load_classifier(folder: Path = FOLDER) -> Classifier:
    """The classifier whose weights are in `folder`: a second's work.

    Raises:
        ModelError: They are not there, are no classifier's or, of the one that ships, are not those of its card.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if folder == FOLDER:
        check_weights(folder)
    file = folder / WEIGHTS_FILE
    network = build_network()
    try:
        weights = load_file(file)
        network.load_state_dict({name: one.float() for name, one in weights.items()})
    except (OSError, RuntimeError, SafetensorError) as error:
        said = str(error).splitlines()[0]
        raise ModelError(f"want the weights of a classifier in {str(file)!r}: {said}") from error
    return Classifier(network)


def build_network() -> Any:
    """A residual convolutional network with random weights: (n, 3, side, side) to (n, answers) scores."""
    from torch import nn

    def convolution(from_: int, to: int, stride: int = 1, side: int = 3) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(from_, to, side, stride, 1, bias=False), nn.BatchNorm2d(to), nn.ReLU()
        )

    class Residual(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.inside = convolution(width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.inside(x)  # type: ignore[no-any-return]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first, second, third = _WIDTHS
            self.body = nn.Sequential(
                convolution(3, first, 2, 4), Residual(first),
                convolution(first, second, 2), Residual(second),
                convolution(second, third, 2), Residual(third),
            )  # fmt: skip
            answers = sum(len(one) for one in QUESTIONS.values())
            self.head = nn.Linear(2 * third + 3, answers)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            import torch

            y = self.body(x)
            pooled = torch.cat([y.mean((2, 3)), y.amax((2, 3)), x.mean((2, 3))], 1)
            return self.head(pooled)  # type: ignore[no-any-return]

    return Network()


def as_input(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Pictures, (n, side, side, 3), as the network reads them, (n, 3, side, side) in -1..1."""
    import torch

    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def flaws_shown(sight: Sight, asked: Sequence[tuple[str, str | None]]) -> list[tuple[str, ...]]:
    """Failure modes of each picture; empty for one that shows what was asked for.

    Args:
        sight: Of n pictures.
        asked: Kind of product and color that each of them is to show; None: any color.
    """
    found = []
    for row, (kind, color) in enumerate(asked):
        flaws = [flaw for flaw, there in sight.flaws.items() if there[row]]
        if sight.kinds[row] != kind:
            flaws.append("wrong_product")
        if color is not None and sight.colors[row] != color:
            flaws.append("wrong_color")
        found.append(tuple(flaws))
    return found


def _scaled(picture: Image) -> npt.NDArray[np.uint8]:
    from PIL.Image import Resampling

    picture = picture.convert("RGB")
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Resampling.LANCZOS)
    return np.asarray(picture)

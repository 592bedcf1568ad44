"""Many scenes at once: their pictures, and what is true of each, as arrays to learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from workbench.catalog.drawn import BACKGROUNDS, COLORS, COMPOSITIONS, KINDS, LIGHTS, PATTERNS
from workbench.models.starter.captions import FLAW_WORDS, Scene, picture_of, sample_scene
from workbench.models.starter.data import Pixels
from workbench.models.starter.drawers import drawn_by_all
from workbench.models.starter.runs import kept_array

PARTS: Mapping[str, tuple[str, ...]] = {
    "kind": tuple(KINDS),
    "color": tuple(COLORS),
    "pattern": tuple(PATTERNS),
    "background": BACKGROUNDS,
    "light": tuple(LIGHTS),
    "composition": tuple(COMPOSITIONS),
}
"""What every scene has one of, to its values."""
MARKS: tuple[str, ...] = (
    *FLAW_WORDS,
    *sorted({v for kind in KINDS.values() for values in kind.details.values() for v in values}),
)
"""What a scene has or has not: flaws and details of shape."""


def parts(scene: Scene) -> list[int]:
    """Place of the scene's value among those of each of `PARTS`."""
    product, style = scene.product, scene.style
    words = (
        product.kind, product.color, product.pattern, style.background, style.light, style.composition,
    )  # fmt: skip
    return [known.index(word) for known, word in zip(PARTS.values(), words, strict=True)]


def marks(scene: Scene) -> npt.NDArray[np.bool_]:
    """Which of `MARKS` the scene has."""
    there = {*scene.flaws, *(value for _, value in scene.product.details)}
    return np.array([mark in there for mark in MARKS])


def sampled(first: int, count: int) -> list[Scene]:
    """Scenes `first` to `first + count - 1`."""
    numbers = tqdm(range(first, first + count), desc="composing pictures", unit="picture")
    return [sample_scene(number) for number in numbers]


def draw_scenes(scenes: Sequence[Scene], side: int, folder: Path) -> Pixels:
    """Pictures of `scenes`, (n, side, side, 3); kept in `folder`, where a finished file is read again.

    Raises:
        LearningError: The file that is kept is damaged.
    """
    seeds = np.array([scene.seed for scene in scenes])
    these = hashlib.sha256(seeds.tobytes()).hexdigest()[:12]
    shape = (len(scenes), side, side, 3)

    def draw() -> Pixels:
        pictures = np.empty(shape, np.uint8)
        with tqdm(total=len(scenes), desc="drawing pictures", unit="picture") as bar:
            for place, picture in enumerate(drawn_by_all(partial(_pixels, side), scenes)):
                pictures[place] = picture
                bar.update()
        return pictures

    kept = folder / f"pictures-{len(scenes)}-{side}-{these}.npy"
    return np.asarray(kept_array(kept, shape, draw))


def _pixels(side: int, scene: Scene) -> Pixels:
    return np.asarray(picture_of(scene, side))

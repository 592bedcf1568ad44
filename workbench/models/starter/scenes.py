"""Many scenes at once: their pictures, and what is true of each, as arrays to learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from workbench.catalog.drawn import BACKGROUNDS, COLORS, COMPOSITIONS, KINDS, LIGHTS, PATTERNS
from workbench.models.devices import usable_cores
from workbench.models.starter.captions import FLAW_WORDS, Scene, picture_of
from workbench.models.starter.data import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

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


def draw_scenes(scenes: Sequence[Scene], side: int, folder: Path) -> Pixels:
    """Pictures of `scenes`, (n, side, side, 3); kept in `folder`, where a finished file is read again."""
    seeds = np.array([scene.seed for scene in scenes])
    these = hashlib.sha256(seeds.tobytes()).hexdigest()[:12]
    kept = folder / f"pictures-{len(scenes)}-{side}-{these}.npy"
    if kept.exists():
        return np.asarray(np.load(kept))
    pictures = np.empty((len(scenes), side, side, 3), np.uint8)
    with ExitStack() as stack:
        bar = stack.enter_context(tqdm(total=len(scenes), desc="drawing pictures", unit="picture"))
        context = get_context("spawn")  # torch's threads do not survive a fork
        pool = stack.enter_context(ProcessPoolExecutor(usable_cores(), mp_context=context))
        drawn: Iterable[Image] = pool.map(picture_of, scenes, [side] * len(scenes), chunksize=64)
        for place, picture in enumerate(drawn):
            pictures[place] = np.asarray(picture)
            bar.update()
    half = kept.with_suffix(".half.npy")
    np.save(half, pictures)
    half.replace(kept)
    return pictures

"""The pictures that the judge learns from, drawn scenes and then a catalogue's photos, and what is true of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from workbench.catalog.drawn import DrawnCatalog
from workbench.models.starter.captions import Scene
from workbench.models.starter.data import Pixels, draw_photos, scaled
from workbench.models.starter.runs import kept_array
from workbench.models.starter.scenes import MARKS, PARTS, draw_scenes, marks, parts
from workbench.models.starter.seeing import Told

_PICTURE = 64
"""Side of the pictures of `starter:image`, at which scenes are drawn before they are scaled."""


def photographed(catalog: DrawnCatalog) -> list[Scene]:
    """The catalogue's photos as scenes, in the order in which they are drawn."""
    return [
        Scene(product=entry.product, style=style, flaws=(), seed=0)
        for entry in catalog.entries
        for style in entry.styles
    ]


def everything_true(scenes: Sequence[Scene]) -> Told:
    """Everything that is true of each scene."""
    values = {**PARTS, **{mark: ("no", "yes") for mark in MARKS}}
    labels = [[*parts(scene), *marks(scene)] for scene in scenes]
    return Told(values=values, labels=np.array(labels, np.int64))


def judged_pictures(
    scenes: Sequence[Scene], catalog: DrawnCatalog, pixels: int, out: Path
) -> Pixels:
    """Scenes, then the catalogue's photos, (n, pixels, pixels, 3); kept in the run's folder."""
    from PIL import Image

    several = [len(entry.styles) for entry in catalog.entries]

    def draw() -> Pixels:
        small = draw_scenes(scenes, _PICTURE, out)
        both = np.empty((len(small) + sum(several), pixels, pixels, 3), np.uint8)
        both[len(small) :] = draw_photos(catalog, pixels)
        for place, picture in enumerate(tqdm(small, desc="scaling pictures", unit="picture")):
            both[place] = scaled(Image.fromarray(picture), pixels)
        return both

    kept = out / f"judged-{len(scenes)}-{catalog.count}-{pixels}.npy"
    return kept_array(kept, (len(scenes) + sum(several), pixels, pixels, 3), draw)

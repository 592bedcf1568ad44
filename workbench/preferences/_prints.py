"""Photos as a few bytes: size, coarse layout and coarse colours, by which near copies are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import WorkbenchError
from workbench.judging.duplicates import distance, perceptual_hash

if TYPE_CHECKING:
    from PIL.Image import Image

_GRID = 4
"""Colours are kept on a grid of so many fields a side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPrint:
    """What near copies of a photo have in common."""

    width: int
    """Pixels, upright."""
    height: int
    layout: int
    """Perceptual hash, 64 bits: where it is light and dark."""
    colours: bytes
    """Mean red, green and blue of 4 × 4 fields, 48 bytes: a red and a blue mug have one layout."""

    def near(self, other: PhotoPrint, *, bits: int, levels: float) -> bool:
        """Whether the layouts differ in at most `bits` of 64, and colours in `levels` of 255 on average."""
        if distance(self.layout, other.layout) > bits:
            return False
        mine, theirs = (np.frombuffer(one.colours, np.uint8).astype(int) for one in (self, other))
        return bool(np.abs(mine - theirs).mean() <= levels)


def photo_print(photo: Image) -> PhotoPrint:
    """The print of one photo."""
    from PIL.Image import Resampling

    rgb = photo.convert("RGB")
    return PhotoPrint(
        width=rgb.width,
        height=rgb.height,
        layout=perceptual_hash(rgb),
        colours=rgb.resize((_GRID, _GRID), Resampling.BOX).tobytes(),
    )


def photo_prints(addresses: Iterable[str], read: Callable[[str], bytes]) -> dict[str, PhotoPrint]:
    """Address to print, for each photo that can be read; the others are left out, and `check` names them.

    Args:
        addresses: `sha256:<hex>`; each is read once.
        read: Address to bytes, such as `store.images.get`.
    """
    from workbench.photos import open_photo

    found = {}
    for address in dict.fromkeys(addresses):
        try:
            found[address] = photo_print(open_photo(read(address), where=address))
        except WorkbenchError:
            continue
    return found

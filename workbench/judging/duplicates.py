"""Pictures that are nearly the same: perceptual hashes, and finding close ones among many.

A hash keeps the coarse layout of light, so scaling, compression and a small change of light move it by a
few of its 64 bits, and another product by many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Hashes = npt.NDArray[np.uint64]

BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate:
    """Two pictures whose hashes are close."""

    first: int
    """Place of the earlier picture."""
    second: int
    distance: int
    """Bits, of 64, in which their hashes differ."""


def perceptual_hash(image: Image) -> int:
    """64 bits: which of the 64 lowest spatial frequencies are above their median (pHash).

    The picture is scaled to 32 × 32 grey levels, transformed by a cosine transform, and its 8 × 8 lowest
    frequencies compared with their median, the mean level left out of that median.

    Source: Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions".
    """
    from PIL import Image as Pictures
    from scipy.fft import dctn

    small = image.convert("L").resize((32, 32), Pictures.Resampling.LANCZOS)
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Bits in which two hashes differ, 0 to 64."""
    return (one ^ other).bit_count()


def near_duplicates(images: Sequence[Image], *, within: int = 6) -> list[NearDuplicate]:
    """Pairs of pictures whose hashes differ in at most `within` bits; see `near_hashes`."""
    hashes = np.array([perceptual_hash(image) for image in images], dtype=np.uint64)
    return near_hashes(hashes, within=within)


def near_hashes(hashes: Hashes, *, within: int = 6) -> list[NearDuplicate]:
    """All pairs of hashes that differ in at most `within` bits, and no others.

    Two hashes that differ in at most k bits agree on one of k + 1 bands of bits, whichever those bits
    are. So only hashes that share a band are compared: about n² (k + 1) / 2^(64 / (k + 1)) comparisons
    instead of n² / 2 where hashes are spread evenly. Pictures that are all alike share every band, and
    then the pairs themselves are n² / 2.

    Args:
        hashes: Shape (n,).
        within: Bits, 0 to 31.

    Returns:
        Pairs in the order of their first picture, then of their second.

    Source: Norouzi et al. 2012, "Fast Search in Hamming Space with Multi-Index Hashing".
    """
    hashes = np.asarray(hashes, dtype=np.uint64)
    if hashes.ndim != 1:
        raise ValueError(f"want hashes of shape (n,), got {hashes.shape}")
    if not 0 <= within < BITS // 2:
        raise ValueError(f"want `within` from 0 to {BITS // 2 - 1} bits, got {within!r}")
    edges = np.linspace(0, BITS, within + 2).astype(int)
    found: list[npt.NDArray[np.int64]] = [np.empty((0, 3), dtype=np.int64)]
    for start, stop in pairwise(edges.tolist()):
        band = (hashes >> np.uint64(start)) & np.uint64((1 << (stop - start)) - 1)
        order = np.argsort(band, kind="stable")
        bounds = np.flatnonzero(np.diff(band[order])) + 1
        for members in np.split(order, bounds):
            found += _close(hashes, members, within)
    pairs = np.unique(np.concatenate(found), axis=0)  # a pair may share several bands
    return [NearDuplicate(first=a, second=b, distance=d) for a, b, d in pairs.tolist()]


def _close(
    hashes: Hashes, members: npt.NDArray[np.intp], within: int
) -> list[npt.NDArray[np.int64]]:
    """Pairs of one bucket as (first, second, distance); one row of comparisons at a time."""
    members = np.sort(members)
    found = []
    for place, first in enumerate(members[:-1]):
        others = members[place + 1 :]
        bits = np.bitwise_count(hashes[others] ^ hashes[first]).astype(np.int64)
        near = bits <= within
        if near.any():
            firsts = np.full(int(near.sum()), first)
            found.append(np.stack([firsts, others[near], bits[near]], axis=1))
    return found

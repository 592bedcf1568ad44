"""Whether a photo looks like those that were learnt from: how far its nearest neighbours are.

Heads answer any photo, and of a kind that they never saw they may be sure and wrong. Distance to the
training photos tells what probabilities cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.models.attributes.targets import Floats

NEIGHBOURS = 5
_MOST = 4000
"""Training photos that are kept to compare with."""
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """Training photos, and how far each is from those of other groups."""

    photos: Floats
    """Shape (m, d), unit length."""
    distances: Floats
    """Shape (k,), ascending: the training photos' own distances, of those that may be compared with."""

    def can_tell(self, level: float) -> bool:
        """Whether enough photos are known that a strange one could have a share of `level` or less."""
        return 1 / (len(self.distances) + 1) <= level

    def share_as_far(self, x: Floats) -> npt.NDArray[np.float64]:
        """Share of training photos that lie at least as far from the others as each row of `x`.

        A conformal p-value, over 0 to 1: of photos drawn like the training groups at most a share α has
        one of α or less. Near 0, the photo is like nothing that was learnt from.

        Args:
            x: Shape (n, d), features as they were given to `fit_familiarity`.
        """
        farther = len(self.distances) - np.searchsorted(self.distances, self._distance(x))
        return np.asarray((farther + 1) / (len(self.distances) + 1))

    def _distance(self, x: Floats) -> Floats:
        return np.concatenate(
            [
                _nearest(unit(x[start : start + _AT_ONCE]) @ self.photos.T, len(self.photos))
                for start in range(0, len(x), _AT_ONCE)
            ]
            or [np.zeros(0, np.float32)]
        )


def fit_familiarity(
    x: Floats,
    groups: npt.NDArray[np.str_],
    *,
    held_out: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Familiarity:
    """Measure how far training photos lie from those of other groups.

    Args:
        x: Shape (n, d), features of photos that were learnt from; of more than 4,000 a random part is kept.
        groups: Shape (n,): photos of one product are near each other, and say nothing of another product.
        held_out: Shape (n,), True for photos that a tuned backbone has not seen: only their distances say
            how far a new photo may be; None: all photos'.
        seed: Of that part.

    Source: Sun et al. 2022, arXiv:2204.06507 (k-th neighbour); Bates et al. 2023, arXiv:2104.08279 (p-values).
    """
    if len(x) > _MOST:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), _MOST, replace=False))
        x, groups = x[rows], groups[rows]
        held_out = None if held_out is None else held_out[rows]
    photos = unit(x)
    others = groups[:, None] != groups[None, :]
    judged = others.any(axis=1) & (True if held_out is None else held_out)
    likeness = np.where(others, photos @ photos.T, np.float32(-2))[judged]
    return Familiarity(
        photos=photos, distances=np.sort(_nearest(likeness, others[judged].sum(axis=1)))
    )


def unit(x: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0, length, 1), dtype=np.float32)


def _nearest(likeness: Floats, count: int | npt.NDArray[np.intp]) -> Floats:
    """Distance, 0 to 2, of the k-th most alike of each row's `count` columns; one less the cosine."""
    most = min(NEIGHBOURS, likeness.shape[1])
    nearest = np.sort(np.partition(likeness, -most, axis=1)[:, -most:], axis=1)
    k = np.broadcast_to(np.minimum(most, count), len(nearest))
    return np.asarray(1 - nearest[np.arange(len(nearest)), most - k], dtype=np.float32)

"""How well a score puts what is right before what is wrong: the area under the ROC curve."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from workbench.metrics.estimate import Estimate, is_share, undefined

_METHOD = "DeLong, on the logit"


def auc(scores: npt.ArrayLike, truth: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Probability that a right row scores higher than a wrong one; a tie counts half.

    The variance is DeLong's, from midranks; the interval is made on the logit scale, so that it stays
    between 0 and 1.

    Args:
        scores: Shape (n,), any finite numbers.
        truth: Shape (n,), True where the row is right.
        level: Of the interval, between 0 and 1.

    Returns:
        The area, 0 to 1. Undefined where all rows are right, or all wrong; without an interval where
        the scores separate them wholly, or there is only one row of a kind.

    Raises:
        ValueError: Shapes differ, a score is not finite, or `level` is not between 0 and 1.

    Source: DeLong et al. 1988, Biometrics 44:837–845; Sun & Xu 2014 (midranks); Qin & Hotilovac 2008,
    Statistical Methods in Medical Research 17:207–221 (intervals on the logit).
    """
    score, right = np.asarray(scores, float), np.asarray(truth, bool)
    if score.ndim != 1 or score.shape != right.shape or not np.isfinite(score).all():
        raise ValueError(
            f"want finite scores and answers of one shape (n,), got {score.shape} and {right.shape}"
            + ("" if np.isfinite(score).all() else ", not all of them finite")
        )
    if not is_share(level):
        raise ValueError(f"want a level between 0 and 1, got {level!r}")
    ups, downs = score[right], score[~right]
    m, n = len(ups), len(downs)
    if not m or not n:
        which = "right" if n == 0 and m else "wrong"
        said = f"all {m + n} rows are {which}" if m + n else "there are no rows"
        return undefined(said, method=_METHOD, n=m + n, level=level)
    from scipy.stats import norm, rankdata

    ranks = rankdata(score)
    above = (ranks[right] - rankdata(ups)) / n  # share of wrong rows below each right one
    below = 1 - (ranks[~right] - rankdata(downs)) / m
    area = float(above.mean())
    bare = {"value": area, "level": level, "method": _METHOD, "n": m + n}
    if min(m, n) < 2 or not 0 < area < 1:
        why = "one row of a kind has no spread" if min(m, n) < 2 else "the scores separate all rows"
        return Estimate(**bare, low=None, high=None, reason=f"no interval: {why}")  # type: ignore[arg-type]
    error = math.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    middle, reach = math.log(area / (1 - area)), error / (area * (1 - area))
    reach *= float(norm.ppf((1 + level) / 2))
    low, high = (1 / (1 + math.exp(-(middle + way * reach))) for way in (-1, 1))
    return Estimate(**bare, low=low, high=high, assumptions=("rows are independent",))  # type: ignore[arg-type]

"""Rogan and Gladen's correction: labels from one batch, the judge alone on another.

The judge approves a share a of the new batch. If it approves a share T of suitable and a share F of
unsuitable items there, as it did where people answered, then a = π·T + (1 − π)·F, and the true
suitable rate is π = (a − F) / (T − F). The divisor, Youden's J, makes the answer wide when the judge
is weak and meaningless when J may be 0.

Which design gives T and F:

- Labels drawn at random from all items, or at random within the suitable and within the unsuitable
  ones: the plain ratios. Leave `inclusion_probability` out.
- Labels drawn by the judge's verdict, as an audit does: the plain ratios are wrong. Pass the audit
  (`inclusion_probability`, and the judge's verdict on the whole audited batch): T and F then come
  from the weighted shares, as recall and false positive rate do in `rates`.
- The same batch was audited and is asked about: this correction has nothing to add. Approvals and
  rejections weighted by their number, `rates(...).suitable_rate`, is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.calibration._sample import read_sample, tristate
from workbench.calibration.rates._mover import moved_limits
from workbench.calibration.rates._shares import Share, approval_share, limits_of, share_of
from workbench.metrics.estimate import Estimate, check_level, undefined

_Formula = Callable[[Sequence[float]], float]
"""Of a and the shares behind T and F."""
_STEPS = 40  # halvings: bounds to 1e-12

METHOD = "Rogan–Gladen, inverted contrast of the shares (MOVER)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoganGladen:
    """The judge's rates on a batch without labels, corrected by labels from elsewhere."""

    suitable_rate: Estimate
    """Share of the batch that is suitable, 0 to 1."""
    unclipped: float | None
    """The same before it was cut to 0 and 1: far outside, the judge is not the one that was measured.
    None where it cannot be computed, or J is not over 0."""
    approval_rate: Estimate
    """Share of the batch that the judge approves, uncorrected."""
    true_positive_rate: Estimate
    """T, where people answered."""
    true_negative_rate: Estimate
    """1 − F, where people answered."""
    youden: Estimate
    """J = T − F, −1 to 1: 0 says that the verdict has nothing to do with the truth."""


def rogan_gladen(
    *,
    approved: Sequence[bool | None],
    verdict: Sequence[bool | None],
    answer: Sequence[bool | None],
    inclusion_probability: Sequence[float | None] | None = None,
    stratum: Sequence[str] | None = None,
    level: float = 0.95,
) -> RoganGladen:
    """Correct the approval rate of one batch by the judge's errors on another.

    Both samples' uncertainty counts. The interval holds the rates π for which a − π·T − (1 − π)·F
    may be 0: the contrast's interval moves each share to its own limits and adds the squared
    distances (MOVER), Wilson's where there are 10 of either kind, Clopper–Pearson's where there are
    fewer. It needs no division by J. With TPR and TNR from .7 to .995, true rates from .03 to .97 and
    12 to 180 labels a class it covered 94.5% and more (`benchmarks/coverage.py`); the delta method and
    a bootstrap of the labels alone fall below 85% there.

    Args:
        approved: Length M, the judge's verdicts on the batch without labels; None where it abstained.
        verdict: Length n, the judge's verdicts on the items with labels (with
            `inclusion_probability`: on the whole audited batch); None where it abstained.
        answer: Length n, whether people find these items suitable; None where nobody answered.
        inclusion_probability: Length n, with which the audit drew each item, None where not drawn;
            leave it out where labels were drawn at random, or at random within each true class.
        stratum: Length n, the audit's stratum; None: one per verdict. Only with `inclusion_probability`.
        level: Between 0 and 1.

    Raises:
        ValueError: A shape or range is wrong, or the judge decided nothing in the batch.

    Source: Rogan & Gladen 1978, Am. J. Epidemiol. 107:71; Zou & Donner 2008, Stat. Med. 27:1693
    (MOVER). Lang & Reiczigel 2014, Prev. Vet. Med. 113:13 is the usual interval; it covers as well,
    but its middle is moved, so that the estimate may lie outside it.
    """
    check_level(level)
    said = tristate(approved, "approved")
    m = int((said >= 0).sum())
    if m == 0:
        raise ValueError("the judge decided no item of `approved`: there is no rate to correct")
    a = Share(value=float((said == 1).sum() / m), n=m, effective_n=float(m))
    if inclusion_probability is None:
        if stratum is not None:
            raise ValueError("`stratum` belongs to an audit: pass its `inclusion_probability`, too")
        known = _by_class(verdict, answer)
    else:
        known = _by_verdict(verdict, answer, inclusion_probability, stratum)
    return _corrected(a, known, level=level)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The shares that people's answers give, and how T and F follow from them."""

    shares: tuple[Share, ...]
    rates: Callable[[Sequence[float]], tuple[float, float]]
    """Of the shares' values: T and F."""
    n: int
    words: tuple[str, ...]
    reason: str | None = None
    """Why there are none; None where there are."""


def _by_class(verdict: Sequence[bool | None], answer: Sequence[bool | None]) -> _Known:
    if len(verdict) != len(answer):
        raise ValueError(
            f"`answer` wants one value for each of {len(verdict)} verdicts, got {len(answer)}"
        )
    judged, said = tristate(verdict, "verdict"), tristate(answer, "answer")
    use = (judged >= 0) & (said >= 0)
    shares = []
    for truth, name in ((1, "suitable"), (0, "unsuitable")):
        among = judged[use & (said == truth)] == 1
        if among.size == 0:
            return _nothing(f"not identifiable: no labelled item is {name}", int(use.sum()))
        share = Share(value=float(among.mean()), n=among.size, effective_n=float(among.size))
        shares.append(share)
    return _Known(
        shares=tuple(shares),
        rates=lambda values: (values[0], values[1]),
        n=int(use.sum()),
        words=("labels were drawn at random, or at random within suitable and unsuitable items",),
    )


def _by_verdict(
    verdict: Sequence[bool | None],
    answer: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    stratum: Sequence[str] | None,
) -> _Known:
    sample = read_sample(
        approved=verdict,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
    )
    n = int(sample.answered.sum())
    if n == 0:
        return _nothing("not identifiable: no item was labelled", 0)
    a = approval_share(sample, about="items like these")
    found = [share_of(sample, approved=side, about="items like these") for side in (True, False)]
    for one in found:
        if isinstance(one, str):
            return _nothing(one, n)
    p1, p0 = (one for one in found if isinstance(one, Share))
    suitable = a.value * p1.value + (1 - a.value) * p0.value
    if suitable in (0.0, 1.0):
        name = "suitable" if suitable == 0 else "unsuitable"
        return _nothing(f"not identifiable: no labelled item is {name}", n)

    def both(values: Sequence[float]) -> tuple[float, float]:
        a, p1, p0 = values
        yes = a * p1 + (1 - a) * p0
        no = 1 - yes
        return (a * p1 / yes if yes > 0 else 0.0), (a * (1 - p1) / no if no > 0 else 0.0)

    return _Known(
        shares=(a, p1, p0),
        rates=both,
        n=n,
        words=("labels were drawn with the stated probabilities",),
    )


def _nothing(reason: str, n: int) -> _Known:
    return _Known(shares=(), rates=lambda _: (math.nan, math.nan), n=n, words=(), reason=reason)


def _corrected(a: Share, known: _Known, *, level: float) -> RoganGladen:
    words = (
        *known.words,
        "the judge approves suitable items, and unsuitable ones, as often in this batch as where people answered",
        f"about items that come as the {a.n} of this batch did",
        "the answers are the truth",
        "items are independent",
    )
    approval = a.estimate(level=level, exact=False, words=("items are independent",))

    def no(reason: str) -> Estimate:
        return undefined(reason, method=METHOD, n=known.n, level=level, assumptions=words)

    if known.reason is not None:
        nothing = no(known.reason)
        return RoganGladen(
            suitable_rate=nothing, unclipped=None, approval_rate=approval,
            true_positive_rate=nothing, true_negative_rate=nothing, youden=nothing,
        )  # fmt: skip
    at = tuple(share.value for share in (a, *known.shares))
    limits = limits_of((a, *known.shares), level=level)

    def moved(formula: _Formula, *, least: float = 0.0) -> Estimate:
        low, high = moved_limits(formula, at, limits)
        value = formula(at)
        return Estimate(
            value=value, low=min(value, max(least, low)), high=max(value, min(1.0, high)), level=level,
            method="each share moved to its limits (MOVER)", n=known.n, assumptions=known.words,
        )  # fmt: skip

    t, f = known.rates(at[1:])
    youden = moved(lambda x: known.rates(x[1:])[0] - known.rates(x[1:])[1], least=-1.0)
    unclipped = (a.value - f) / (t - f) if t > f else None
    reason = _why_not(youden)
    if reason is None and unclipped is not None:
        found = _inverted(
            lambda pi: moved_limits(lambda x: _contrast(x[0], *known.rates(x[1:]), pi), at, limits),
            unclipped,
        )
    else:
        found = reason or "not identifiable: J is not over 0"
    if isinstance(found, str):
        rate = no(found)
    else:
        value, low, high = found
        rate = Estimate(
            value=value, low=low, high=high, level=level, method=METHOD, n=known.n, assumptions=words
        )  # fmt: skip
    return RoganGladen(
        suitable_rate=rate,
        unclipped=unclipped,
        approval_rate=approval,
        true_positive_rate=moved(lambda x: known.rates(x[1:])[0]),
        true_negative_rate=moved(lambda x: 1 - known.rates(x[1:])[1]),
        youden=youden,
    )


def _contrast(a: float, t: float, f: float, pi: float) -> float:
    return a - pi * t - (1 - pi) * f


def _why_not(youden: Estimate) -> str | None:
    """Return why J does not allow a correction; None where it does."""
    value, low, high = youden.value, youden.low, youden.high
    if value is None or low is None or high is None:
        return youden.reason
    if value <= 0:
        return (
            f"not identifiable: J = TPR + TNR − 1 is {value:.2f}, so a verdict says nothing (or the "
            "reverse) about the truth; no correction can be made from it"
        )
    if low <= 0:
        return (
            f"not identifiable: J = TPR + TNR − 1 is {value:.2f}, but may be 0 ({low:.2f} to "
            f"{high:.2f}): a judge like that fits every rate. Label more items, or use a better judge"
        )
    return None


def _inverted(
    bounds: Callable[[float], tuple[float, float]], at: float
) -> tuple[float, float, float] | str:
    """Return value and limits between 0 and 1 of what fits: those where `bounds` span 0."""

    def fits(x: float) -> bool:
        low, high = bounds(x)
        return low <= 1e-12 and high >= -1e-12

    value = min(1.0, max(0.0, at))
    if not fits(value):
        return (
            f"not identifiable: the correction gives {at:.2f}, and no share from 0 to 1 fits: "
            "the judge decides differently in this batch than where people answered"
        )
    return value, _edge(fits, value, 0.0), _edge(fits, value, 1.0)


def _edge(fits: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the last point from `inside` towards `outside` that fits; what fits is one piece."""
    if fits(outside):
        return outside
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if fits(middle):
            inside = middle
        else:
            outside = middle
    return inside

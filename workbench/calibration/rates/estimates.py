"""What approvals and rejections are worth, from an audit whose drawing probabilities are known.

Everything follows from three numbers: the share that the judge approves, a; the share of approvals
that are suitable, p₁; and the share of rejections that are suitable, p₀. p₁ and p₀ are
Hájek estimates, post-stratified to the sizes of verdict × stratum. Recall, for one, is
a·p₁ / (a·p₁ + (1 − a)·p₀); its interval moves each of the three to its own limits and adds the
squared distances (MOVER), which for one uncertain share is the mapping of its exact interval. Where few
items back it, it is widened to the exact interval of those that were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol, cast

import numpy as np

from workbench.calibration._sample import Floats, Sample, read_sample
from workbench.calibration.rates._mover import moved_limits
from workbench.calibration.rates._shares import (
    FEW,
    About,
    Share,
    approval_share,
    limits_of,
    share_of,
)
from workbench.metrics.estimate import Estimate, check_level, undefined
from workbench.metrics.intervals import clopper_pearson

_Formula = Callable[[float, float, float], float | None]
"""Of a, p₁ and p₀; None where it is undefined."""


class ShareOf(Protocol):
    """Estimates the share of suitable items of one verdict; a sentence where it cannot be known."""

    def __call__(self, sample: Sample, *, approved: bool, about: About) -> Share | str:
        """Return the share among approvals, or among rejections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The judge against the answers. "Suitable" is an answer's yes, "approved" the judge's."""

    approval_rate: Estimate
    """Share that the judge approves."""
    suitable_rate: Estimate
    """Share that is suitable by the answers, known or not."""
    precision: Estimate
    """Share of approvals that are suitable."""
    missed: Estimate
    """Share of rejections that are suitable (the false omission rate)."""
    recall: Estimate
    """Share of suitable items that the judge approves."""
    false_positive_rate: Estimate
    """Share of unsuitable items that the judge approves."""
    false_negative_rate: Estimate
    """Share of suitable items that the judge rejects: 1 − recall."""
    accuracy: Estimate
    """Share of items on which judge and answers agree."""
    kappa: Estimate
    """Cohen's κ between judge and answers, −1 to 1: agreement beyond what their rates make by chance."""


def rates(
    *,
    approved: Sequence[bool | None],
    inclusion_probability: Sequence[float | None],
    answer: Sequence[bool | None],
    stratum: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    about: About = "items like these",
    level: float = 0.95,
) -> Rates:
    """Estimate precision, recall and their relatives under any audit with known probabilities.

    Args:
        approved: Length N, the judge's verdicts on the whole population; None where it abstained
            (such items are outside every rate).
        inclusion_probability: Length N, over 0 and up to 1; None where the item was not drawn.
        answer: Length N, people's answer; None where nobody was asked or nobody answered.
        stratum: Length N, the audit's stratum of every item; None: one per verdict.
        cluster: Length N, items that belong together; None: independent. Counts only for
            statements about items like these: within a finished batch the draw alone is random.
        about: `these items` leaves out the uncertainty that more audits of this batch would remove
            (finite-population variance): a batch audited in full then has intervals of width 0.
        level: Between 0 and 1.

    Raises:
        ValueError: A shape or range is wrong.

    Source: Horvitz & Thompson 1952; Hájek 1971; Cochran 1977 chapter 5A (post-stratification);
    Korn & Graubard 1998 and Dean & Pagano 2015 (effective counts); Zou & Donner 2008, Stat. Med.
    27:1693 and Newcombe 2012 (moving each parameter to its limits).
    """
    sample = read_sample(
        approved=approved,
        inclusion_probability=inclusion_probability,
        answer=answer,
        stratum=stratum,
        cluster=cluster,
    )
    return rates_of(sample, about=about, level=level)


def rates_of(
    sample: Sample,
    *,
    about: About = "items like these",
    level: float = 0.95,
    exact: bool = False,
    share: ShareOf = share_of,
) -> Rates:
    """`rates` of a sample that was read already; `exact` shows plain shares with Clopper–Pearson.

    `share` estimates the share of suitable items among approvals or rejections.
    """
    check_level(level)
    if about not in ("items like these", "these items"):
        raise ValueError(f"`about` is 'items like these' or 'these items', got {about!r}")
    if sample.approved.size == 0:
        nothing = undefined("the judge decided no item", method="none", level=level)
        return Rates(**dict.fromkeys(Rates.__dataclass_fields__, nothing))
    words = _assumptions(sample, about)
    a = approval_share(sample, about=about)
    p1 = share(sample, approved=True, about=about)
    p0 = share(sample, approved=False, about=about)

    def plain(known: Share | str) -> Estimate:
        if isinstance(known, str):
            return undefined(known, method="none", level=level, assumptions=words)
        return known.estimate(level=level, exact=exact, words=words)

    # A verdict that the judge never gave weighs nothing here, whatever its share; in items to come it
    # may be given and its share may be anything, so intervals hold for both ends.
    ends1 = (p1,) if a.value > 0 else (Share(value=0.0), Share(value=1.0))
    ends0 = (p0,) if a.value < 1 else (Share(value=0.0), Share(value=1.0))

    def derived(
        formula: _Formula, *, empty: str = "", least: float = 0.0, of: bool | None = None
    ) -> Estimate:
        found = []
        for known1, known0 in product(ends1, ends0):
            for known in (known0, known1):
                if isinstance(known, str):
                    return undefined(known, method="none", level=level, assumptions=words)
            shares = (a, cast("Share", known1), cast("Share", known0))
            found.append(
                _moved(formula, shares, empty=empty, least=least, level=level, words=words)
            )
        widest = _hull(found)
        return widest if of is None else _of_those_seen(widest, sample, suitable=of, about=about)

    recall = derived(_recall, empty="no audited item was suitable", of=True)
    return Rates(
        approval_rate=a.estimate(level=level, exact=exact, words=words),
        suitable_rate=derived(lambda a, p1, p0: a * p1 + (1 - a) * p0),
        precision=plain(p1),
        missed=plain(p0),
        recall=recall,
        false_positive_rate=derived(
            lambda a, p1, p0: _recall(a, 1 - p1, 1 - p0),
            empty="every audited item was suitable",
            of=False,
        ),
        false_negative_rate=_complement(recall),
        accuracy=derived(lambda a, p1, p0: a * p1 + (1 - a) * (1 - p0)),
        kappa=derived(_kappa, empty="the judge and the answers hold one value only", least=-1.0),
    )


def _moved(
    formula: _Formula,
    shares: tuple[Share, Share, Share],
    *,
    empty: str,
    least: float,
    level: float,
    words: tuple[str, ...],
) -> Estimate:
    """Value of `formula` at the three shares; each bound by moving one share at a time and adding squares."""
    method = "each share moved to its limits (MOVER)"
    n = shares[1].n + shares[2].n
    at = [share.value for share in shares]
    value = formula(*at)
    if value is None:
        return undefined(empty, method=method, n=n, level=level, assumptions=words)
    bounds = moved_limits(
        lambda x: formula(*x),
        at,
        limits_of(shares, level=level),
        correlation=_correlation(shares),
    )
    return Estimate(
        value=value,
        low=min(value, max(least, bounds[0])),
        high=max(value, min(1.0, bounds[1])),
        level=level,
        method=method,
        n=n,
        assumptions=words,
    )


def _hull(found: Sequence[Estimate]) -> Estimate:
    """Return the first with the widest bounds of all: they have one value."""
    bounds = [(e.low, e.high) for e in found if e.low is not None and e.high is not None]
    if len(bounds) < 2:
        return next((e for e in found if e.value is not None), found[0])
    first = next(e for e in found if e.value is not None)
    return replace(first, low=min(b[0] for b in bounds), high=max(b[1] for b in bounds))


def _of_those_seen(estimate: Estimate, sample: Sample, *, suitable: bool, about: About) -> Estimate:
    """Return a share of the suitable (or the unsuitable) items as one of those that were seen.

    Its n is their number. Where they, or those of one verdict among them, are few, moving one share at
    a time misses what the shares do together: the interval then spans Clopper–Pearson's of their
    effective count, too.
    """
    seen = sample.answered & (sample.suitable == suitable)
    n = int(seen.sum())
    estimate = replace(estimate, n=n)
    if estimate.value is None or estimate.low is None or estimate.high is None or n == 0:
        return estimate
    if about == "these items" and np.all(sample.answered):
        return estimate
    weights = sample.weights[seen]
    if sample.clusters is not None and about != "these items":
        weights = np.bincount(sample.clusters[seen], weights=weights)
    effective_n = float(weights.sum() ** 2 / (weights**2).sum())
    rarer = min(estimate.value, 1 - estimate.value) * effective_n
    # In a finished batch the verdicts' shares are known, and only a small n leaves the rest joint.
    if n >= FEW and (about == "these items" or rarer >= FEW):
        return estimate
    hits = min(estimate.value * effective_n, effective_n)
    exact = clopper_pearson(hits, effective_n, level=estimate.level)
    low, high = min(estimate.low, exact.low), max(estimate.high, exact.high)
    if (low, high) == (estimate.low, estimate.high):
        return estimate
    return replace(
        estimate,
        low=low,
        high=high,
        method=f"{estimate.method}, widened to Clopper–Pearson of the {n} seen",
        effective_n=effective_n,
    )


def _correlation(shares: tuple[Share, Share, Share]) -> Floats:
    """Correlation of the three estimates' errors, (3, 3): clusters that hold both verdicts tie them together."""
    if any(share.influence is None for share in shares):
        return np.eye(3)
    stacked = np.stack([share.influence for share in shares if share.influence is not None])
    products = stacked @ stacked.T
    scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    correlation: Floats = np.divide(products, scale, out=np.eye(3), where=scale > 0)
    return correlation


def _recall(a: float, p1: float, p0: float) -> float | None:
    total = a * p1 + (1 - a) * p0
    return None if total == 0 else a * p1 / total


def _kappa(a: float, p1: float, p0: float) -> float | None:
    suitable = a * p1 + (1 - a) * p0
    chance = a * suitable + (1 - a) * (1 - suitable)
    agreed = a * p1 + (1 - a) * (1 - p0)
    return None if chance >= 1 else (agreed - chance) / (1 - chance)


def _complement(estimate: Estimate) -> Estimate:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate
    return Estimate(
        value=1 - estimate.value, low=1 - estimate.high, high=1 - estimate.low, level=estimate.level,
        method=estimate.method, n=estimate.n, assumptions=estimate.assumptions,
    )  # fmt: skip


def _assumptions(sample: Sample, about: About) -> tuple[str, ...]:
    n = sample.approved.size
    words = ["the answers are the truth", "items were drawn with the stated probabilities"]
    if about == "these items":
        words.append(f"about these {n} items and no others")
    else:
        words.append(f"about items that come as these {n} did")
        if sample.clusters is not None:
            words.append(
                f"{len(np.unique(sample.clusters))} clusters are independent, items within one are not"
            )
        else:
            words.append("items are independent")
    if sample.approved.all() or not sample.approved.any():
        said = "approved" if sample.approved.all() else "rejected"
        words.append(
            f"the judge {said} every item"
            + ("" if about == "these items" else " here; of items to come it may not")
        )
    drawn = ~np.isnan(sample.inclusion)
    silent = int((drawn & ~sample.answered).sum())
    if silent:
        words.append(
            f"{silent} drawn items without an answer are like the answered ones of their stratum"
        )
    unseen = np.setdiff1d(np.unique(sample.cells), np.unique(sample.cells[sample.answered]))
    if unseen.size and sample.answered.any():
        items = int(np.isin(sample.cells, unseen).sum())
        words.append(
            f"{items} items of {unseen.size} strata without any answer are like the others of their verdict"
        )
    return tuple(words)

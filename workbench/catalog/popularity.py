"""Click-through rates that few impressions do not throw about: empirical-Bayes shrinkage.

An item with one click of two impressions is no bestseller. Each item's rate is drawn towards what is
usual in the catalogue, the more the fewer impressions it has; how strongly is learned from how much
the items' rates differ beyond chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LARGEST_STRENGTH = 1e7
"""Impressions. A prior as strong as this says that all items have one rate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClickRates:
    """Shrunken click-through rates of a catalogue, and the prior that they were drawn to."""

    rate: Floats
    """Shape (n,), posterior mean per item, over 0 and under 1."""
    low: Floats
    """Shape (n,), lower end of the equal-tailed credible interval."""
    high: Floats
    """Shape (n,), upper end."""
    level: float
    """Posterior probability of each interval, such as 0.95."""
    mean: float
    """Mean of the prior: the rate of an item that nobody has seen."""
    strength: float
    """Impressions that the prior weighs, alpha + beta; `inf` where the items do not differ beyond
    chance, so that all share one rate."""
    fit: Literal["likelihood", "moments", "pooled"]
    """How the prior was found: maximum marginal likelihood; the method of moments, where the
    likelihood's search did not end; or one rate for all."""


def shrink_click_rates(
    clicks: npt.ArrayLike, impressions: npt.ArrayLike, *, level: float = 0.95
) -> ClickRates:
    """Estimate every item's click-through rate under a beta-binomial model.

    Clicks of item i are Binomial(impressions_i, rate_i) and rates are Beta(alpha, beta) with alpha and
    beta of maximum marginal likelihood, so the posterior of a rate is Beta(alpha + clicks_i, beta +
    impressions_i - clicks_i). Where the data do not tell the rates of items apart (one item, no clicks
    at all, less variation than chance brings), every item gets the posterior of one shared rate under
    Jeffreys' prior Beta(1/2, 1/2).

    The prior is taken as known once it is fitted, so intervals are somewhat short where there are few
    items. Clicks are taken as equally likely at every position: where the position of an item on the
    page depends on its popularity, correct for it first.

    Args:
        clicks: Shape (n,), whole numbers.
        impressions: Shape (n,), whole numbers, each at least as large as its clicks; 0 is allowed.
        level: Posterior probability of the intervals, between 0 and 1.

    Raises:
        ValueError: A shape or a number is wrong, or no item has an impression.

    Source: Skellam 1948, J. R. Stat. Soc. B 10:257 (the model); Kleinman 1973, J. Am. Stat. Assoc. 68:46
    (moments); Gelman et al., Bayesian Data Analysis, 3rd edition, section 5.3 (the hierarchical reading).
    """
    from scipy.special import betaincinv

    got, seen = np.asarray(clicks, dtype=np.float64), np.asarray(impressions, dtype=np.float64)
    _check(got, seen, level)
    fit, mean, strength = _prior(got, seen)
    if fit == "pooled":
        alpha = np.full(got.shape, got.sum() + 0.5)
        beta = np.full(got.shape, (seen - got).sum() + 0.5)
        mean = float(alpha[0] / (alpha[0] + beta[0]))
    else:
        alpha = strength * mean + got
        beta = strength * (1 - mean) + seen - got
    tail = (1 - level) / 2
    rate = alpha / (alpha + beta)
    low = np.asarray(betaincinv(alpha, beta, tail), dtype=np.float64)
    high = np.asarray(betaincinv(alpha, beta, 1 - tail), dtype=np.float64)
    for array in (rate, low, high):
        array.setflags(write=False)
    return ClickRates(
        rate=rate, low=low, high=high, level=level, mean=mean, strength=strength, fit=fit
    )


def _check(clicks: Floats, impressions: Floats, level: float) -> None:
    if clicks.ndim != 1 or clicks.shape != impressions.shape:
        raise ValueError(f"want two (n,) arrays, got {clicks.shape=} and {impressions.shape=}")
    whole = (clicks == np.floor(clicks)) & (impressions == np.floor(impressions))
    right = whole & (clicks >= 0) & (clicks <= impressions) & np.isfinite(impressions)
    if not right.all():  # NaN fails this too
        at = int(np.flatnonzero(~right)[0])
        raise ValueError(
            f"want whole numbers with 0 <= clicks <= impressions, got {clicks[at]:g} clicks of "
            f"{impressions[at]:g} impressions at index {at}"
        )
    if not impressions.sum() > 0:
        raise ValueError(f"want at least one impression, got none for {clicks.size} items")
    if not 0 < level < 1:
        raise ValueError(f"`level` must be between 0 and 1, got {level!r}")


def _prior(
    clicks: Floats, impressions: Floats
) -> tuple[Literal["likelihood", "moments", "pooled"], float, float]:
    """How the prior was found, its mean and its strength."""
    from scipy.optimize import minimize
    from scipy.special import betaln, digamma, xlog1py, xlogy

    clicks, impressions = clicks[impressions > 0], impressions[impressions > 0]
    pooled = float(clicks.sum() / impressions.sum())
    if clicks.size < 2 or not 0 < pooled < 1:
        return "pooled", pooled, math.inf
    misses = impressions - clicks

    def loss(at: Floats) -> tuple[float, Floats]:
        """Negative log-likelihood and its gradient, at the logit of the mean and the log strength."""
        mean, strength = 1 / (1 + math.exp(-at[0])), math.exp(at[1])
        alpha, beta = mean * strength, (1 - mean) * strength
        value = (betaln(clicks + alpha, misses + beta) - betaln(alpha, beta)).sum()
        both = digamma(alpha + beta) - digamma(impressions + alpha + beta)
        by_alpha = (digamma(clicks + alpha) - digamma(alpha) + both).sum()
        by_beta = (digamma(misses + beta) - digamma(beta) + both).sum()
        slope = mean * (1 - mean) * strength * (by_alpha - by_beta)
        return -float(value), -np.array([slope, alpha * by_alpha + beta * by_beta])

    moments = _strength_by_moments(clicks, impressions, pooled)
    start = math.log(min(max(moments, 1.0), _LARGEST_STRENGTH / 10))
    limit = math.log(_LARGEST_STRENGTH)
    found = minimize(
        loss,
        np.array([math.log(pooled / (1 - pooled)), start]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-30.0, 30.0), (-10.0, limit)],
    )
    if not found.success:
        fit: Literal["likelihood", "moments"] = "moments"
        mean, strength = pooled, moments
    else:
        fit = "likelihood"
        mean, strength = 1 / (1 + math.exp(-float(found.x[0]))), math.exp(float(found.x[1]))
        one_rate = float((xlogy(clicks, pooled) + xlog1py(misses, -pooled)).sum())
        if -float(found.fun) <= one_rate + 1e-6:
            strength = math.inf
    if strength >= 0.99 * _LARGEST_STRENGTH:
        return "pooled", pooled, math.inf
    return fit, mean, strength


def _strength_by_moments(clicks: Floats, impressions: Floats, pooled: float) -> float:
    """Kleinman's estimate with impressions as weights; `inf` where items vary less than by chance."""
    total, free = impressions.sum(), clicks.size - 1
    spread = float((impressions * (clicks / impressions - pooled) ** 2).sum())
    chance = pooled * (1 - pooled)
    room = chance * (total - (impressions**2).sum() / total - free)
    correlation = (spread - chance * free) / room if room > 0 else 0.0
    return 1 / min(correlation, 1.0) - 1 if correlation > 0 else math.inf

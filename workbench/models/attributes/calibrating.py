"""Outputs of heads made to mean what they say: a temperature per head, a spread for the price."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from workbench.models.attributes.targets import Task

Numbers = npt.NDArray[np.float64]

_REACH = 2.5
"""Temperatures lie between exp(−2.5) and exp(2.5), .08 and 12."""


def probabilities(logits: Numbers, task: Task, temperature: float) -> Numbers:
    """Shape (n, classes): of one value each row sums to 1, of several values each is a yes of its own."""
    from scipy import special

    scaled = logits / temperature
    found: Numbers = special.expit(scaled) if task.several else special.softmax(scaled, axis=1)
    return found


def fit_temperature(logits: Numbers, answers: Numbers, task: Task) -> float:
    """The temperature under which held-out answers are most probable; 1 where there are none.

    Args:
        logits: Shape (n, classes), of photos that the head's network has not seen.
        answers: Shape (n, classes), 0 or 1.
        task: Which head.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    from scipy import optimize

    if len(logits) == 0:
        return 1.0

    def loss(t: float) -> float:
        p = np.clip(probabilities(logits, task, math.exp(t)), 1e-9, 1 - 1e-9)
        right = answers * np.log(p)
        if task.several:
            right = right + (1 - answers) * np.log1p(-p)
        return float(-right.sum(1).mean())

    found = optimize.minimize_scalar(loss, bounds=(-_REACH, _REACH), method="bounded")
    return float(math.exp(found.x))


def fit_spread(predicted: Numbers, log_price: Numbers) -> float:
    """Root mean square of the held-out errors of ln(1 + price); prices that are missing (NaN) do not count."""
    error = predicted - log_price
    return float(np.sqrt(np.nanmean(error**2)))

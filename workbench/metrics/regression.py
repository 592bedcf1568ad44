"""Numbers predicted against numbers known: R², MAE, RMSE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.metrics.estimate import Estimate
from workbench.metrics.resampling import Floats, Statistic, bootstrap, sums_by_group


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionScores:
    """How close predictions came, on one scale."""

    scale: Literal["linear", "log1p"]
    r2: Estimate
    """1 − squared error ÷ squared error of always answering the training mean; below 0 is worse than that."""
    mae: Estimate
    """Mean absolute error, in units of the scale."""
    rmse: Estimate
    """Root of the mean squared error, in units of the scale."""
    baseline: float
    """Mean of the training values on the scale: what R² compares with."""
    baseline_mae: Estimate
    """Mean absolute error of that constant answer."""


def regression_scores(
    predicted: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    training: npt.ArrayLike,
    scale: Literal["linear", "log1p"] = "linear",
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> RegressionScores:
    """Score predictions on held-out rows against the mean of the training part.

    A held-out R² that compares with the held-out mean gives the constant answer knowledge that no
    model has; the training mean is what a model without features would really say.

    Args:
        predicted: Shape (n,), finite; above −1 on the `log1p` scale.
        truth: Shape (n,), likewise.
        training: Shape (m,), true values of the training part, m ≥ 1.
        scale: `log1p` takes ln(1 + x) of everything first, as prices are often learnt.
        groups: Shape (n,), labels of rows that belong together; None: every row alone.
        level: Of the intervals, between 0 and 1.
        resamples: How many times the groups are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: A shape is wrong, a number is not finite, or lies at or below −1 on `log1p`.
    """
    guess, true, past = (
        _on_scale(values, scale, name)
        for values, name in ((predicted, "predicted"), (truth, "truth"), (training, "training"))
    )
    if guess.shape != true.shape:
        raise ValueError(f"want one prediction each, got {guess.shape=} and {true.shape=}")
    if past.size == 0:
        raise ValueError("`training` is empty: R² needs the mean of the training part")
    baseline = float(past.mean())
    error, constant = true - guess, true - baseline
    sums = sums_by_group(
        np.stack(
            [error**2, np.abs(error), constant**2, np.abs(constant), np.ones_like(error)], axis=1
        ),
        groups,
    )

    def estimate(statistic: Statistic, undefined_reason: str = "there are no rows") -> Estimate:
        return bootstrap(
            sums, statistic, n=error.size, level=level, resamples=resamples, seed=seed,
            clustered=groups is not None, undefined_reason=undefined_reason,
        )  # fmt: skip

    return RegressionScores(
        scale=scale,
        r2=estimate(_r2, "every true value equals the training mean: R² has nothing to explain"),
        mae=estimate(lambda s: s[:, 1] / s[:, 4]),
        rmse=estimate(lambda s: np.sqrt(s[:, 0] / s[:, 4])),
        baseline=baseline,
        baseline_mae=estimate(lambda s: s[:, 3] / s[:, 4]),
    )


def _r2(sums: Floats) -> Floats:
    """1 − SSE ÷ SST per row of sums; NaN where nothing varies around the training mean."""
    total = np.where(sums[:, 2] > 0, sums[:, 2], np.nan)
    r2: Floats = 1 - sums[:, 0] / total
    return r2


def _on_scale(values: npt.ArrayLike, scale: str, name: str) -> Floats:
    numbers: Floats = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ValueError(
            f"`{name}` must be finite numbers of shape (n,), got shape {numbers.shape}"
        )
    if scale == "linear":
        return numbers
    if scale != "log1p":
        raise ValueError(f"`scale` is 'linear' or 'log1p', got {scale!r}")
    if (numbers <= -1).any():
        raise ValueError(f"`{name}` must lie above -1 for log1p, got {float(numbers.min())}")
    logs: Floats = np.log1p(numbers)
    return logs

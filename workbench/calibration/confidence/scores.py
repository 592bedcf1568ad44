"""Confidences made to mean what they say: maps fitted on some labels and assessed on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Bools, Floats
from workbench.calibration.confidence._scored import Scored, read_scored
from workbench.calibration.confidence.reliability import Reliability, reliability
from workbench.errors import CalibrationError
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.resampling import bootstrap, group_codes, sums_by_group

ScoreMethod = Literal["isotonic", "platt"]

_EDGE = 1e-6  # confidences nearer to 0 or 1 count as this far away: their logit is finite
FEWEST_LABELS = 10
"""To fit a map of scores to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMap:
    """A fitted map from a judge's confidence to the probability that people find the item suitable."""

    method: ScoreMethod
    labels: int
    """Labelled items that it was fitted to."""
    confidence: tuple[float, ...] = ()
    """`isotonic`: ascending knots; between them the map is linear, beyond them constant."""
    probability: tuple[float, ...] = ()
    """`isotonic`: at the knots, never falling."""
    slope: float = 1.0
    """`platt`: of the logit of confidence."""
    intercept: float = 0.0
    """`platt`: slope 1 and intercept 0 change nothing."""

    def apply(self, confidence: npt.ArrayLike) -> Floats:
        """Probabilities, 0 to 1, for confidences 0 to 1 of any shape; NaN (no confidence) stays NaN.

        Raises:
            ValueError: A confidence is out of range.
        """
        scores = np.asarray(confidence, dtype=float)
        if not np.all(np.isnan(scores) | ((scores >= 0) & (scores <= 1))):
            raise ValueError("`confidence` must lie between 0 and 1, or be NaN where there is none")
        if self.method == "platt":
            mapped = special.expit(self.slope * _logit(scores) + self.intercept)
        else:
            mapped = np.interp(scores, self.confidence, self.probability)
        probabilities: Floats = np.asarray(mapped, dtype=float)
        return probabilities

    def to_dict(self) -> dict[str, object]:
        """Field name to value, JSON types."""
        return asdict(self) | {
            "confidence": list(self.confidence),
            "probability": list(self.probability),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScoreMap:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: A field is missing or unknown, or the numbers are no such map.
        """
        names = {field.name for field in fields(cls)}
        if set(data) != names:
            raise ValueError(f"a map of scores has the fields {sorted(names)}, got {sorted(data)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        found = cls(**values)
        numbers = (*found.confidence, *found.probability, found.slope, found.intercept)
        rising = list(found.confidence) == sorted(set(found.confidence))
        rising &= list(found.probability) == sorted(found.probability)
        if (
            found.method not in ("isotonic", "platt")
            or not np.all(np.isfinite(numbers))
            or not rising
            or len(found.confidence) != len(found.probability)
            or (found.method == "isotonic" and not found.confidence)
            or any(not 0 <= x <= 1 for x in (*found.confidence, *found.probability))
        ):
            raise ValueError(f"want a map as `fit_scores` makes it, got {data!r}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCalibration:
    """A map of scores, and what it is worth on labels that took no part in fitting it."""

    map: ScoreMap
    before: Reliability
    """The judge's own confidence against the held-out answers."""
    after: Reliability
    """The mapped confidence against the same answers."""
    gain: Estimate
    """Brier score before less after, on the held-out labels: over 0 where the map helps."""
    fitted_on: int
    held_out: int


def fit_scores(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    method: ScoreMethod = "isotonic",
) -> ScoreMap:
    """Fit a map from confidence to probability.

    `isotonic` assumes only that more confidence never means less suitable, and wants some hundreds of
    labels. `platt` fits a line to the logit of confidence, with Platt's smoothed targets; it does with
    few labels, where the judge is over- or underconfident by about the same factor everywhere.

    Args:
        confidence: Shape (n,), the judge's, 0 to 1, of the labelled items.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        weights: Shape (n,), items that each label stands for (1 / inclusion probability); None: equal.
        method: `isotonic` or `platt`.

    Raises:
        ValueError: A shape or range is wrong.
        CalibrationError: There are fewer than 10 labels.

    Source: Zadrozny & Elkan 2002 (isotonic); Platt 1999 (smoothed targets).
    """
    return _fit(read_scored(confidence, suitable, weights=weights, groups=None), method)


def calibrate_scores(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    held_out: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    method: ScoreMethod = "isotonic",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> ScoreCalibration:
    """Fit a map on the labels that are not held out, and compare before and after on those that are.

    Args:
        confidence: Shape (n,), the judge's, 0 to 1, of the labelled items.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        held_out: Shape (n,), True for labels that only assess; `hold_out` deals them.
        weights: Shape (n,), items that each label stands for; None: equal.
        groups: Shape (n,), labels of items that belong together, all of them on one side; None: independent.
        method: As for `fit_scores`.
        level: Of the intervals.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: A shape or range is wrong, or a group lies on both sides.
        CalibrationError: There are fewer than 10 labels to fit to, or none held out.
    """
    labels = read_scored(confidence, suitable, weights=weights, groups=groups)
    kept = np.asarray(held_out, dtype=bool)
    if kept.shape != labels.scores.shape:
        raise ValueError(
            f"want {labels.scores.shape} booleans that hold labels out, got {kept.shape}"
        )
    if labels.codes is not None:
        both = set(labels.codes[kept].tolist()) & set(labels.codes[~kept].tolist())
        if both:
            raise ValueError(
                f"{len(both)} groups have labels on both sides of the split: hold groups out whole"
            )
    if not kept.any():
        raise CalibrationError(
            "no label is held out: a map cannot be assessed on what it was fitted to"
        )
    found = _fit(labels.part(~kept), method)
    test = labels.part(kept)
    mapped = np.clip(found.apply(test.scores), 0, 1)

    def against(scores: Floats) -> Reliability:
        return reliability(
            scores, test.hits, weights=test.mass, groups=test.codes, level=level,
            resamples=resamples, seed=seed,
        )  # fmt: skip

    gains = (test.scores - test.hits) ** 2 - (mapped - test.hits) ** 2
    columns = np.stack([test.mass * gains, test.mass], axis=1)
    return ScoreCalibration(
        map=found,
        before=against(test.scores),
        after=against(mapped),
        gain=_gain(columns, test, level=level, resamples=resamples, seed=seed),
        fitted_on=int((~kept).sum()),
        held_out=int(kept.sum()),
    )


def hold_out(n: int, *, share: float, seed: int, groups: npt.ArrayLike | None = None) -> Bools:
    """Deal labels (groups whole) to those that only assess: shape (n,), each with probability `share`.

    Args:
        n: Labels.
        share: 0 to 1.
        seed: Of the deal.
        groups: Shape (n,), labels of items that belong together; None: independent.

    Raises:
        ValueError: The share is out of range, or there is not one group per label.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` lies between 0 and 1, got {share!r}")
    codes, count = group_codes(groups, n)
    dealt: Bools = (np.random.default_rng(seed).random(count) < share)[codes]
    return dealt


def _fit(labels: Scored, method: ScoreMethod) -> ScoreMap:
    if method not in ("isotonic", "platt"):
        raise ValueError(f"`method` is 'isotonic' or 'platt', got {method!r}")
    if labels.scores.size < FEWEST_LABELS:
        raise CalibrationError(
            f"want {FEWEST_LABELS} labels or more to fit a map of scores to, got {labels.scores.size}"
        )
    return _isotonic(labels) if method == "isotonic" else _platt(labels)


def _isotonic(labels: Scored) -> ScoreMap:
    from scipy.optimize import isotonic_regression

    # One point per confidence: equal confidences must map to one probability.
    values, place = np.unique(labels.scores, return_inverse=True)
    mass = np.bincount(place, weights=labels.mass)
    share = np.bincount(place, weights=labels.mass * labels.hits) / mass
    fitted = np.clip(isotonic_regression(share, weights=mass).x, 0, 1)
    # Only the ends of each level are needed: between them the line is flat.
    keep = np.ones(values.size, dtype=bool)
    keep[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    return ScoreMap(
        method="isotonic",
        labels=labels.scores.size,
        confidence=tuple(values[keep].tolist()),
        probability=tuple(fitted[keep].tolist()),
    )


def _platt(labels: Scored) -> ScoreMap:
    mass = labels.mass / labels.mass.mean()
    yes = float(mass[labels.hits].sum())
    no = float(mass.sum()) - yes
    targets = np.where(labels.hits, (yes + 1) / (yes + 2), 1 / (max(no, 0.0) + 2))
    x = _logit(labels.scores)
    if np.ptp(x) == 0:  # one confidence: nothing to slope along
        level = float(np.average(targets, weights=mass))
        return ScoreMap(
            method="platt", labels=x.size, slope=0.0, intercept=float(special.logit(level))
        )
    from scipy.optimize import minimize

    # Centred and scaled, so that the two parameters do not pull at each other.
    centre, scale = float(np.average(x, weights=mass)), float(x.std())
    design = np.stack([np.ones_like(x), (x - centre) / scale], axis=1)
    share = mass / mass.sum()

    def loss(b: Floats) -> tuple[float, Floats]:
        """Cross-entropy of the smoothed targets and its gradient; convex."""
        eta = design @ b
        errors = share * (special.expit(eta) - targets)
        return float((share * (np.logaddexp(0, eta) - targets * eta)).sum()), design.T @ errors

    def curvature(b: Floats) -> Floats:
        p = special.expit(design @ b)
        second: Floats = (design * (share * p * (1 - p))[:, None]).T @ design
        return second

    found = minimize(
        loss, np.zeros(2), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-10}
    )
    slope = float(found.x[1]) / scale
    return ScoreMap(
        method="platt",
        labels=x.size,
        slope=slope,
        intercept=float(found.x[0]) - slope * centre,
    )


def _gain(columns: Floats, test: Scored, *, level: float, resamples: int, seed: int) -> Estimate:
    if not np.any(columns[:, 0]):
        return undefined(
            "the map changes no held-out confidence",
            method="bootstrap",
            n=len(columns),
            level=level,
        )
    return bootstrap(
        sums_by_group(columns, test.codes),
        lambda s: s[:, 0] / s[:, 1],
        n=len(columns), level=level, resamples=resamples, seed=seed,
        clustered=test.codes is not None,
    )  # fmt: skip


def _logit(scores: Floats) -> Floats:
    logits: Floats = special.logit(np.clip(scores, _EDGE, 1 - _EDGE))
    return logits

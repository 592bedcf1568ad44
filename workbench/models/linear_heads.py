"""Linear heads on feature vectors: one value of several, several yes-or-no answers, a number.

Each is fitted with cross-validation that keeps groups together, which chooses its strength and
calibrates its probabilities: by a temperature (Guo et al. 2017, arXiv:1706.04599) for one value of
several, by Platt's sigmoid (1999) for yes or no.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]

_STRENGTHS = (0.01, 0.03, 0.1, 0.3)
"""Inverse regularisation strengths tried by grouped cross-validation."""
_RIDGE = (30.0, 100.0, 300.0, 1000.0)
"""Regularisation strengths of ridge regressions that are tried."""
_NUMBER_COMPONENTS = 64
"""Principal components that a number is regressed on."""
_ITERATIONS = 200
_FOLDS = 5
MIN_GROUPS = 3
"""A value seen in fewer groups than this is not learnt."""


class _Estimator(Protocol):
    """The part of a scikit-learn estimator that is used here."""

    classes_: npt.NDArray[np.int_]

    def fit(self, x: Features, y: npt.NDArray[np.generic]) -> _Estimator: ...

    def predict(self, x: Features) -> Floats: ...

    def decision_function(self, x: Features) -> Floats: ...


@dataclass(frozen=True)
class ChoiceHead:
    """One classifier with its temperature."""

    values: tuple[str, ...]
    model: _Estimator
    temperature: float

    def predict(self, x: Features) -> Floats:
        """Probabilities, shape (n, len(values)), each row summing to 1."""
        return _softmax(_logits(self.model, x) / self.temperature)


@dataclass(frozen=True)
class YesHeads:
    """One yes-or-no answer per value, all from one ridge regression."""

    values: tuple[str, ...]
    weights: Floats
    """Shape (d, values)."""
    offset: Floats
    """Shape (values,)."""
    slope: Floats
    """Platt's, shape (values,)."""
    intercept: Floats

    def predict(self, x: Features) -> Floats:
        """Probabilities, shape (n, len(values)); a row need not sum to 1."""
        scores = x @ self.weights + self.offset
        return np.asarray(1 / (1 + np.exp(-(scores * self.slope + self.intercept))))


@dataclass(frozen=True)
class NumberHead:
    """A positive number, learnt as log1p, with its spread."""

    model: _Estimator
    spread: float
    """Standard deviation of log1p on rows whose group was not seen."""

    def predict(self, x: Features) -> list[tuple[float, float, float]]:
        """Median, 10th and 90th percentile of each row."""
        middle: Floats = self.model.predict(x)
        reach = 1.2816 * self.spread  # the normal distribution's 90th percentile
        return [
            (math.expm1(m), max(0.0, math.expm1(m - reach)), math.expm1(m + reach)) for m in middle
        ]


def fit_each(
    x: Features, rows: Sequence[tuple[str, ...] | None], groups: npt.NDArray[np.str_], seed: int
) -> YesHeads | None:
    """Yes-or-no heads for the values that enough groups have and enough have not; None without any."""
    kept = np.array([i for i, row in enumerate(rows) if row is not None])
    said = [set(row) for row in rows if row is not None]
    values = sorted(
        value
        for value in set().union(*said)
        if min(
            len({g for g, s in zip(groups[kept], said, strict=True) if (value in s) is wanted})
            for wanted in (True, False)
        )
        >= MIN_GROUPS
    )
    if not values:
        return None
    y = np.array([[1.0 if value in s else -1.0 for value in values] for s in said])
    folds = _folds(x[kept], groups[kept], seed)
    held_out = {strength: np.zeros_like(y) for strength in _RIDGE}
    for fit, held in folds:
        for strength, (weights, offset) in _ridges(x[kept][fit], y[fit]).items():
            held_out[strength][held] = x[kept][held] @ weights + offset
    best = min(_RIDGE, key=lambda strength: float(((held_out[strength] - y) ** 2).mean()))
    platt = [_platt(held_out[best][:, k], y[:, k] > 0) for k in range(len(values))]
    weights, offset = _ridges(x[kept], y)[best]
    slope, intercept = np.array(platt).T
    return YesHeads(tuple(values), weights, offset, slope, intercept)


def _ridges(x: Features, y: Floats) -> dict[float, tuple[Floats, Floats]]:
    """Strength to the ridge regression's weights (d, k) and offsets (k,), all from one decomposition."""
    middle, mean = x.mean(0), y.mean(0)
    u, scale, directions = np.linalg.svd(x - middle, full_matrices=False)
    found = {}
    for strength in _RIDGE:
        shrunk = scale / (scale**2 + strength)
        weights = directions.T @ (shrunk[:, None] * (u.T @ (y - mean)))
        found[strength] = (weights, mean - middle @ weights)
    return found


def _platt(scores: Floats, yes: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the sigmoid under which held-out answers are most probable."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100.0).fit(scores[:, None], yes)
    return max(0.0, float(model.coef_[0, 0])), float(model.intercept_[0])


def _folds(
    x: Features, groups: npt.NDArray[np.str_], seed: int
) -> list[tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]]:
    from sklearn.model_selection import GroupKFold

    folds = min(_FOLDS, len(set(groups)))  # at least `MIN_GROUPS`: a group may have several values
    return list(GroupKFold(folds, shuffle=True, random_state=seed).split(x, groups=groups))


class _Only:
    """A classifier that knows one class."""

    def __init__(self, known: int) -> None:
        self.classes_ = np.array([known])

    def fit(self, x: Features, y: npt.NDArray[np.generic]) -> _Only:
        return self

    def predict(self, x: Features) -> Floats:
        return np.full(len(x), float(self.classes_[0]))

    def decision_function(self, x: Features) -> Floats:
        return np.zeros((len(x), 1))


def the_only_choice(value: str) -> ChoiceHead:
    """The head of a catalogue in which every item has the same value."""
    return ChoiceHead((value,), _Only(0), 1.0)


def values_with_groups(answers: Sequence[str | None], groups: Iterable[str]) -> list[str]:
    """The values that `fit_choice` can learn: those of enough groups, sorted."""
    seen: dict[str, set[str]] = {}
    for answer, group in zip(answers, groups, strict=True):
        if answer is not None:
            seen.setdefault(answer, set()).add(group)
    return sorted(v for v, where in seen.items() if len(where) >= MIN_GROUPS)


def fit_choice(
    x: Features, answers: Sequence[str | None], groups: npt.NDArray[np.str_], seed: int
) -> ChoiceHead | None:
    """A classifier over the values with enough groups; None where fewer than two have them."""
    from sklearn.linear_model import LogisticRegression

    values = values_with_groups(answers, groups)
    if len(values) < 2:
        return None
    index = {v: i for i, v in enumerate(values)}
    rows = np.array([i for i, a in enumerate(answers) if a in index])
    y = np.array([index[str(answers[i])] for i in rows])
    folds = _folds(x[rows], groups[rows], seed)

    def classifier(strength: float) -> _Estimator:
        model: _Estimator = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=1e-3)
        return model

    best: tuple[float, float, float] | None = None  # loss, strength, temperature
    for strength in _STRENGTHS:
        logits = np.full((len(rows), len(values)), -30.0)
        for fit, held in folds:
            # All groups of a rare value may be held out together.
            several = len(set(y[fit])) > 1
            model = (classifier(strength) if several else _Only(y[fit][0])).fit(
                x[rows[fit]], y[fit]
            )
            logits[held[:, None], model.classes_] = _logits(model, x[rows[held]])
        temperature = _temperature(logits, y)
        loss = _log_loss(logits / temperature, y)
        if best is None or loss < best[0]:
            best = (loss, strength, temperature)
    assert best is not None
    return ChoiceHead(tuple(values), classifier(best[1]).fit(x[rows], y), best[2])


def fit_number(x: Features, values: Floats, groups: npt.NDArray[np.str_]) -> NumberHead | None:
    """A regression of log1p(`values`), NaN left out; None where too few groups have one."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    rows = ~np.isnan(values)
    if len(set(groups[rows])) < 2 * _FOLDS:
        return None
    y = np.log1p(values[rows])
    components = min(_NUMBER_COMPONENTS, int(rows.sum()) // 2, x.shape[1])

    def regression(strength: float) -> _Estimator:
        model: _Estimator = make_pipeline(PCA(components, svd_solver="full"), Ridge(strength))
        return model

    def error(strength: float) -> float:
        held_out = cross_val_predict(
            regression(strength), x[rows], y, groups=groups[rows], cv=GroupKFold(_FOLDS)
        )
        return float(np.sqrt(np.mean((held_out - y) ** 2)))

    # Photos that are all the same have no variance, and PCA divides by it for a share that is not used.
    with np.errstate(invalid="ignore"):
        spread, strength = min((error(s), s) for s in _RIDGE)
        return NumberHead(regression(strength).fit(x[rows], y), spread)


def _logits(model: _Estimator, x: Features) -> Floats:
    """Shape (n, classes), also where there are two and scikit-learn gives one column."""
    scores: Floats = model.decision_function(x)
    return np.column_stack([np.zeros(len(x)), scores]) if scores.ndim == 1 else scores


def _softmax(logits: Floats) -> Floats:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def _log_loss(logits: Floats, y: npt.NDArray[np.int_]) -> float:
    right = _softmax(logits)[np.arange(len(y)), y]
    return float(-np.log(np.clip(right, 1e-12, None)).mean())


def _temperature(logits: Floats, y: npt.NDArray[np.int_]) -> float:
    """The temperature, .1 to 10, under which held-out labels are most probable."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda t: _log_loss(logits / math.exp(t), y), bounds=(-2.3, 2.3), method="bounded"
    )
    return float(math.exp(found.x))

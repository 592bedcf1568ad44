"""Attribute and price heads on photo features, fitted on a catalogue's own rows.

A head per attribute that a photo can show, one for the category and one for the price. One value of
several is a multinomial logistic regression, calibrated by a temperature (Guo et al. 2017,
arXiv:1706.04599); values that may come together are ridge regressions, calibrated by Platt's sigmoid
(1999). Strengths and calibration are found on photos whose group the head had not seen. Missing labels
are left out, head by head.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError
from workbench.records import Item, content_key

if TYPE_CHECKING:
    from workbench.models.encoder import Features
    from workbench.schema import Schema

Floats = npt.NDArray[np.float64]

_METHOD = "heads/2"
"""Changes whenever the fit does, so that listings made by another fit are other listings."""
_STRENGTHS = (0.01, 0.03, 0.1, 0.3)
"""Inverse regularisation strengths tried by grouped cross-validation."""
_RIDGE = (30.0, 100.0, 300.0, 1000.0)
_PRICE_COMPONENTS = 64
_ITERATIONS = 200
_FOLDS = 5
_MIN_GROUPS = 3
"""A value seen in fewer groups than this is not learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One value and the probability that the photo shows it."""

    value: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGuess:
    """A price with its spread, in the catalogue's currency."""

    value: float
    """Median."""
    low: float
    """10th percentile."""
    high: float
    """90th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the heads see in one photo."""

    category: tuple[Guess, ...]
    """All categories known, most probable first."""
    aspects: Mapping[str, tuple[Guess, ...]]
    """Attribute to guesses, most probable first; an attribute with several values at once has a
    guess per value, and their probabilities do not sum to 1."""
    price: PriceGuess | None
    """None where no training item had a price."""


class _Estimator(Protocol):
    """The part of a scikit-learn estimator that is used here."""

    classes_: npt.NDArray[np.int_]

    def fit(self, x: Features, y: npt.NDArray[np.generic]) -> _Estimator: ...

    def predict(self, x: Features) -> Floats: ...

    def decision_function(self, x: Features) -> Floats: ...


@dataclass(frozen=True)
class _Head:
    """One classifier with its temperature."""

    values: tuple[str, ...]
    model: _Estimator
    temperature: float

    def predict(self, x: Features) -> Floats:
        """Probabilities, shape (n, len(values)), each row summing to 1."""
        return _softmax(_logits(self.model, x) / self.temperature)


@dataclass(frozen=True)
class _YesHeads:
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
class _PriceHead:
    model: _Estimator
    spread: float
    """Standard deviation of log1p(price) on photos whose group was not seen."""

    def predict(self, x: Features) -> list[PriceGuess]:
        middle: Floats = self.model.predict(x)
        reach = 1.2816 * self.spread  # the normal distribution's 90th percentile
        return [
            PriceGuess(
                value=math.expm1(m),
                low=max(0.0, math.expm1(m - reach)),
                high=math.expm1(m + reach),
            )
            for m in middle
        ]


@dataclass(frozen=True)
class AttributeHeads:
    """Fitted heads; `fit` makes them."""

    revision: str
    """Digest of the encoder, the photos and labels learnt from, and the method."""
    trained_on: int
    """Photos learnt from."""
    _span: Features
    """Shape (d, r): the directions in which training photos differ; no head looks at others."""
    _category: _Head
    _single: Mapping[str, _Head]
    _multiple: Mapping[str, _YesHeads]
    _price: _PriceHead | None

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that they answer, the category aside."""
        return tuple(sorted([*self._single, *self._multiple]))

    def predict(self, x: Features) -> list[Facts]:
        """What is seen in each photo.

        Args:
            x: Shape (n, d), from the encoder that the heads were fitted on.
        """
        if len(x) == 0:
            return []
        z = x @ self._span
        category = _ranked(self._category, z)
        aspects = {name: _ranked(head, z) for name, head in self._single.items()}
        aspects |= {name: _ranked(head, z) for name, head in self._multiple.items()}
        prices = self._price.predict(z) if self._price else [None] * len(x)
        return [
            Facts(
                category=category[i],
                aspects={name: rows[i] for name, rows in aspects.items()},
                price=prices[i],
            )
            for i in range(len(x))
        ]


def labels(item: Item, schema: Schema) -> dict[str, tuple[str, ...]]:
    """The item's aspects that a photo can show and the schema knows, in the schema's words."""
    category = schema.categories.get(item.category)
    found = {}
    for attribute in category.attributes if category else ():
        if attribute.visible == "no" or not attribute.values:
            continue
        said = (attribute.normalise(v) for v in item.aspects.get(attribute.name, ()))
        if values := tuple(dict.fromkeys(v for v in said if v is not None)):
            found[attribute.name] = values
    return found


def fit_heads(
    x: Features, items: Sequence[Item], schema: Schema, *, encoder_revision: str, seed: int = 0
) -> AttributeHeads:
    """Fit heads on photos and what their catalogue says of them.

    Args:
        x: Shape (n, d), one row per item.
        items: The items; their `group` is kept together in cross-validation.
        schema: Which attributes there are, and which a photo can show.
        encoder_revision: Of the encoder that made `x`.
        seed: Of the cross-validation's folds.

    Raises:
        ModelError: There are fewer than two categories with enough groups to learn from.
    """
    from threadpoolctl import threadpool_limits

    # Matrices this small are slower with several threads, and on a busy machine many times slower.
    with threadpool_limits(1):
        return _fit(x, items, schema, encoder_revision=encoder_revision, seed=seed)


def _fit(
    x: Features, items: Sequence[Item], schema: Schema, *, encoder_revision: str, seed: int
) -> AttributeHeads:
    groups = np.array([item.group or item.id for item in items])
    said = [labels(item, schema) for item in items]
    # Regularised linear models lie in the span of their data: in its coordinates the same models are
    # found, with as many numbers per photo as there are photos instead of 1,424.
    _, scale, directions = np.linalg.svd(x, full_matrices=False)
    span = directions[scale > 1e-6 * scale.max(initial=0.0)].T
    z = x @ span
    category = _fit_choice(z, [item.category for item in items], groups, seed)
    if category is None:
        raise ModelError(
            f"want at least two categories with {_MIN_GROUPS} groups of items each to learn from, "
            f"got {dict(Counter(item.category for item in items))!r}: add items, or lower the "
            "share kept for evaluation"
        )
    single: dict[str, _Head] = {}
    multiple: dict[str, _YesHeads] = {}
    for name in sorted({name for row in said for name in row}):
        rows = [row.get(name) for row in said]
        if _has_several(schema, name):
            if heads := _fit_each(z, rows, groups, seed):
                multiple[name] = heads
        elif head := _fit_choice(z, [r[0] if r else None for r in rows], groups, seed):
            single[name] = head
    prices = np.array([math.nan if item.price is None else item.price for item in items])
    return AttributeHeads(
        revision=content_key(
            _METHOD,
            encoder_revision,
            seed,
            [
                [item.photos[0], item.group, item.category, item.price, row]
                for item, row in zip(items, said, strict=True)
            ],
        ),
        trained_on=len(items),
        _span=span,
        _category=category,
        _single=single,
        _multiple=multiple,
        _price=_fit_price(z, prices, groups),
    )


def _has_several(schema: Schema, name: str) -> bool:
    return any(
        a.multiple for c in schema.categories.values() for a in c.attributes if a.name == name
    )


def _fit_each(
    x: Features, rows: Sequence[tuple[str, ...] | None], groups: npt.NDArray[np.str_], seed: int
) -> _YesHeads | None:
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
        >= _MIN_GROUPS
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
    return _YesHeads(tuple(values), weights, offset, slope, intercept)


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

    return list(GroupKFold(_FOLDS, shuffle=True, random_state=seed).split(x, groups=groups))


def _fit_choice(
    x: Features, answers: Sequence[str | None], groups: npt.NDArray[np.str_], seed: int
) -> _Head | None:
    """A classifier over the values with enough groups; None where fewer than two have them."""
    from sklearn.linear_model import LogisticRegression

    seen: dict[str, set[str]] = {}
    for answer, group in zip(answers, groups, strict=True):
        if answer is not None:
            seen.setdefault(answer, set()).add(group)
    values = sorted(v for v, where in seen.items() if len(where) >= _MIN_GROUPS)
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
            model = classifier(strength).fit(x[rows[fit]], y[fit])
            logits[held[:, None], model.classes_] = _logits(model, x[rows[held]])
        temperature = _temperature(logits, y)
        loss = _log_loss(logits / temperature, y)
        if best is None or loss < best[0]:
            best = (loss, strength, temperature)
    assert best is not None
    return _Head(tuple(values), classifier(best[1]).fit(x[rows], y), best[2])


def _fit_price(x: Features, prices: Floats, groups: npt.NDArray[np.str_]) -> _PriceHead | None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    rows = ~np.isnan(prices)
    if len(set(groups[rows])) < 2 * _FOLDS:
        return None
    y = np.log1p(prices[rows])
    components = min(_PRICE_COMPONENTS, int(rows.sum()) // 2, x.shape[1])

    def regression(strength: float) -> _Estimator:
        model: _Estimator = make_pipeline(PCA(components, svd_solver="full"), Ridge(strength))
        return model

    def error(strength: float) -> float:
        held_out = cross_val_predict(
            regression(strength), x[rows], y, groups=groups[rows], cv=GroupKFold(_FOLDS)
        )
        return float(np.sqrt(np.mean((held_out - y) ** 2)))

    spread, strength = min((error(s), s) for s in _RIDGE)
    return _PriceHead(regression(strength).fit(x[rows], y), spread)


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


def _ranked(head: _Head | _YesHeads, x: Features) -> list[tuple[Guess, ...]]:
    return [
        _sorted(Guess(value=v, probability=float(p)) for v, p in zip(head.values, row, strict=True))
        for row in head.predict(x)
    ]


def _sorted(guesses: Iterator[Guess]) -> tuple[Guess, ...]:
    return tuple(sorted(guesses, key=lambda g: -g.probability))

"""A linear-chain conditional random field over sparse binary features: fitted with scipy, read with numpy.

Source: Lafferty, McCallum & Pereira 2001, ICML; Viterbi 1967.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float32]
Features = Sequence[Sequence[str]]
"""For one sequence: the names of each token's features."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crf:
    """The weights of a fitted field."""

    features: dict[str, int]
    """Name to row of `emissions`; others weigh nothing."""
    emissions: Floats
    """Shape (features, labels)."""
    transitions: Floats
    """Shape (labels, labels): from, to."""
    start: Floats
    """Shape (labels,)."""

    def decode(self, sequence: Features) -> list[int]:
        """The most probable labels of one sequence."""
        if not sequence:
            return []
        scores = self.start + self._scores(sequence[0])
        back: list[npt.NDArray[np.intp]] = []
        for token in sequence[1:]:
            paths = scores[:, None] + self.transitions  # (from, to)
            back.append(paths.argmax(axis=0))
            scores = paths.max(axis=0) + self._scores(token)
        best = [int(scores.argmax())]
        for step in reversed(back):
            best.append(int(step[best[-1]]))
        return best[::-1]

    def _scores(self, token: Sequence[str]) -> Floats:
        rows = [r for name in token if (r := self.features.get(name)) is not None]
        return np.asarray(self.emissions[rows].sum(axis=0), dtype=np.float32)


def fit_crf(
    sequences: Sequence[Features],
    labels: Sequence[Sequence[int]],
    *,
    kinds: int,
    forbidden: Sequence[tuple[int, int]] = (),
    penalty: float = 1.0,
    least: int = 2,
    rounds: int = 120,
) -> Crf:
    """Fit by maximum conditional likelihood with an L2 penalty.

    Args:
        sequences: Not empty, none of them empty.
        labels: From 0 to `kinds` - 1, one per token.
        kinds: Number of labels.
        forbidden: Pairs of labels that never follow each other.
        penalty: Half of it times the sum of squared weights is added to the negative log-likelihood.
        least: Features of fewer tokens are left out.
        rounds: Of L-BFGS.
    """
    from scipy.optimize import minimize
    from scipy.sparse import csr_matrix

    seen = Counter(f for sequence in sequences for token in sequence for f in set(token))
    names = {f: k for k, f in enumerate(sorted(f for f, n in seen.items() if n >= least))}
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    lengths = np.array([len(sequences[i]) for i in order])
    inside = np.arange(lengths[0])[None] < lengths[:, None]  # (N, T)
    flat = [
        sorted(names[f] for f in set(token) if f in names) for i in order for token in sequences[i]
    ]
    ends = np.cumsum([0, *map(len, flat)])
    columns = np.array([c for token in flat for c in token], dtype=np.int32)
    tokens = csr_matrix(
        (np.ones(len(columns)), columns, ends), shape=(len(flat), len(names))
    )  # (tokens, features)
    gold = np.array([k for i in order for k in labels[i]])
    barred = np.ones((kinds, kinds))
    for before, after in forbidden:
        barred[before, after] = 0
    right = _gold_counts(tokens, gold, inside, kinds)
    sizes = np.cumsum([len(names) * kinds, kinds * kinds])
    counterpart = tokens.T.tocsr()

    def loss(flat_weights: _Doubles) -> tuple[float, _Doubles]:
        """Negative penalised log-likelihood and its gradient."""
        emissions, transitions, start = np.split(flat_weights, sizes)
        scores = tokens @ emissions.reshape(-1, kinds)
        whole, by_token, by_pair, by_start = _expected(
            scores, inside, transitions.reshape(kinds, kinds), barred, start
        )
        expected = np.concatenate([(counterpart @ by_token).ravel(), by_pair.ravel(), by_start])
        value = whole - flat_weights @ right + 0.5 * penalty * float(flat_weights @ flat_weights)
        return float(value), expected - right + penalty * flat_weights

    found = minimize(
        loss,
        np.zeros(len(right)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": rounds, "maxcor": 8},
    ).x
    emissions, transitions, start = np.split(found, sizes)
    return Crf(
        features=names,
        emissions=emissions.reshape(-1, kinds).astype(np.float32),
        transitions=np.where(barred > 0, transitions.reshape(kinds, kinds), -1e4).astype(
            np.float32
        ),
        start=start.astype(np.float32),
    )


_Doubles = npt.NDArray[np.float64]


def _gold_counts(
    tokens: csr_matrix, gold: npt.NDArray[np.intp], inside: npt.NDArray[np.bool_], kinds: int
) -> _Doubles:
    """How often each weight is used by the right labels, in the order of the weights."""
    one_hot = np.eye(kinds)[gold]  # (tokens, K)
    table = np.zeros(inside.shape, dtype=np.intp)
    table[inside] = gold
    pairs = np.zeros((kinds, kinds))
    np.add.at(pairs, (table[:, :-1][inside[:, 1:]], table[:, 1:][inside[:, 1:]]), 1)
    return np.concatenate(
        [(tokens.T @ one_hot).ravel(), pairs.ravel(), np.eye(kinds)[table[:, 0]].sum(axis=0)]
    )


def _expected(
    scores: _Doubles,
    inside: npt.NDArray[np.bool_],
    transitions: _Doubles,
    barred: _Doubles,
    start: _Doubles,
) -> tuple[float, _Doubles, _Doubles, _Doubles]:
    """Sum of the log partition functions, and expected counts by token, pair of labels and first label.

    Forward and backward, with every step scaled to sum 1; sequences are sorted by falling length.
    """
    n, steps = inside.shape
    kinds = scores.shape[1]
    top = scores.max(axis=1)
    table = np.zeros((n, steps, kinds))
    table[inside] = np.exp(scores - top[:, None])
    alive = inside.sum(axis=0)
    move = np.exp(transitions) * barred
    forward, scale = np.zeros_like(table), np.ones((n, steps))
    forward[:, 0] = np.exp(start) * table[:, 0]
    for t in range(steps):
        m = alive[t]
        if t:
            forward[:m, t] = (forward[:m, t - 1] @ move) * table[:m, t]
        scale[:m, t] = forward[:m, t].sum(axis=1)
        forward[:m, t] /= scale[:m, t, None]
    backward = np.ones_like(table)
    pairs = np.zeros((kinds, kinds))
    for t in range(steps - 1, 0, -1):
        m = alive[t]
        ahead = table[:m, t] * backward[:m, t] / scale[:m, t, None]  # (m, K)
        pairs += (forward[:m, t - 1].T @ ahead) * move
        backward[:m, t - 1] = ahead @ move.T
    marginal = forward * backward
    whole = float(np.log(scale[inside]).sum() + top.sum())
    return whole, marginal[inside], pairs, marginal[:, 0].sum(axis=0)

"""An approval threshold with a promise on precision, or the plain answer that none qualifies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.metrics.estimate import Estimate
from workbench.metrics.intervals import binomial_tail, clustered_effective_n
from workbench.metrics.resampling import group_codes

_EXACT_UP_TO = 5_000  # labels; beyond, the exact power is slow and the approximation good
_LOOKED_AT = 1_000  # confidences tried to say what is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A confidence from which on approvals keep a promise, with the labels that back it."""

    value: float | None
    """Approve where confidence is at least this; None where no threshold qualifies."""
    promise: float
    """Share of approvals that are suitable, at least; between 0 and 1."""
    failure_probability: float
    """Accepted chance that the promise is false, over draws of the labelled items."""
    kept: int
    """Labelled items that the test counts at or above the threshold, after thinning (where none
    qualifies: at the one where the test stopped)."""
    suitable: int
    """Those of them that are suitable by their answer."""
    p_value: float | None
    """Of the exact test at the threshold; None where no labelled item lies above it."""
    labels_needed: int | None
    """Where none qualifies: labels to choose by that pass in 4 of 5 audits, if what was seen holds.
    None where a threshold qualifies, or where no number of labels would help."""
    reason: str | None
    """Why none qualifies; None where one does."""
    method: str
    assumptions: tuple[str, ...]
    approved_share: float | None = None
    """Share of all judged items at or above the threshold; None where it was not counted."""
    held_out: Estimate | None = None
    """Precision at the threshold on labels that took no part in choosing it; None without any."""


def choose_threshold(
    confidence: npt.ArrayLike,
    suitable: npt.ArrayLike,
    *,
    grid: Sequence[float],
    promise: float,
    failure_probability: float = 0.05,
    keep_probability: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Threshold:
    """Find the lowest confidence from which on approvals are suitable at least `promise` of the time.

    Tests each threshold of `grid` from strict to loose with the exact binomial tail, and stops at the
    first that fails: with probability at least 1 − `failure_probability` the promise then holds, for
    items drawn like the labelled ones and no others. Of thresholds that keep the same labels the
    strictest is returned, since no label speaks for the gap between them. Precision need not rise with
    the threshold: nothing here assumes it does.

    A threshold above which so few labels lie that even all suitable ones could not pass is no test: it
    cannot qualify, and the sequence goes on behind it if they are all suitable. On one grid a promise
    that is kept therefore implies every smaller one: all tests that it passed are easier for those.

    Args:
        confidence: Shape (n,), the judge's, 0 to 1, one per labelled item.
        suitable: Shape (n,), True where the answer is that the item is suitable.
        grid: Thresholds, strictly descending, chosen before `suitable` is looked at; for promises to
            be comparable it does not depend on `promise`.
        promise: Precision to be promised, between 0 and 1.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        keep_probability: Shape (n,), the audit's inclusion probabilities. Where they differ above a
            threshold, labels that were likelier drawn are thinned at random (by `seed`) until all
            were equally likely, since the binomial test wants equal chances.
        groups: Shape (n,), labels of items that belong together. Counts are then divided by the
            design effect, which makes the test approximate.
        seed: Of the thinning.

    Raises:
        ValueError: A shape or range is wrong, or `grid` does not descend.

    Source: Angelopoulos et al. 2021, "Learn then test", arXiv:2110.01052.
    """
    scores, hits = np.asarray(confidence, dtype=float), np.asarray(suitable, dtype=bool)
    if scores.ndim != 1 or scores.shape != hits.shape:
        raise ValueError(f"want two (n,) arrays, got {scores.shape=} and {hits.shape=}")
    if not np.all((scores >= 0) & (scores <= 1)):  # NaN fails this too
        raise ValueError("`confidence` must lie between 0 and 1; leave out items without one")
    if not (0 < promise < 1 and 0 < failure_probability < 1):
        raise ValueError(f"{promise=} and {failure_probability=} must be between 0 and 1")
    if not grid or list(grid) != sorted(set(grid), reverse=True):
        raise ValueError(f"`grid` must be strictly descending and not empty, got {list(grid)}")
    chance = (
        np.ones(scores.size)
        if keep_probability is None
        else np.asarray(keep_probability, dtype=float)
    )
    if chance.shape != scores.shape or not np.all((chance > 0) & (chance <= 1)):
        raise ValueError(f"want one probability over 0 and up to 1 per label, got {chance.shape=}")
    labels = _Labels(
        scores=scores,
        hits=hits,
        chance=chance,
        luck=np.random.default_rng(seed).random(scores.size),
        codes=None if groups is None else group_codes(groups, scores.size)[0],
    )

    trials = [labels.trial(value, promise) for value in grid]
    chosen, stopped = None, trials[0]
    for trial in trials:
        stopped = trial
        if trial.p_value is None:
            break
        if trial.p_value > failure_probability:
            if trial.suitable < trial.kept:
                break
            continue  # all suitable and yet no pass: too few labels to be a test
        if chosen is None or trial.above > chosen.above:
            chosen = trial
    shown = chosen or stopped
    needed: int | None = None
    reason: str | None = None
    if chosen is None:
        needed, reason = _what_it_takes(
            labels, stopped, promise=promise, failure_probability=failure_probability
        )
    words = [
        "labelled items are drawn like those that the threshold will meet",
        "the grid was chosen before the labels were seen",
    ]
    words.append(
        "labels are independent"
        if groups is None
        else "clusters are independent; counts are effective counts"
    )
    if np.ptp(chance) > 0 if chance.size else False:
        words.append("labels were thinned to equal chances of being drawn")
    return Threshold(
        value=None if chosen is None else chosen.value,
        promise=promise,
        failure_probability=failure_probability,
        kept=shown.kept,
        suitable=shown.suitable,
        p_value=shown.p_value,
        labels_needed=needed,
        reason=reason,
        method="Learn then test: exact binomial tail, fixed sequence from strict to loose",
        assumptions=tuple(words),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One threshold of the grid, tried."""

    value: float
    above: int
    """Labels at or above it."""
    kept: int
    """Those that the test counts, after thinning."""
    suitable: int
    effective: float = 0.0
    """Independent labels that would tell as much as the kept ones."""
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """The labelled items, all arrays of shape (n,)."""

    scores: npt.NDArray[np.float64]
    hits: npt.NDArray[np.bool_]
    chance: npt.NDArray[np.float64]
    luck: npt.NDArray[np.float64]
    codes: npt.NDArray[np.intp] | None

    def trial(self, value: float, promise: float) -> _Trial:
        """Test that items scored `value` or more are suitable less than `promise` of the time."""
        keep = self.scores >= value
        above = int(keep.sum())
        if above == 0:
            return _Trial(value=value, above=0, kept=0, suitable=0)
        keep &= self.luck * self.chance <= self.chance[keep].min()
        n, k = int(keep.sum()), int((keep & self.hits).sum())
        if n == 0:
            return _Trial(value=value, above=above, kept=0, suitable=0)
        effective = float(n)
        if self.codes is not None:
            _, own = np.unique(self.codes[keep], return_inverse=True)
            count = int(own.max()) + 1
            effective = clustered_effective_n(self.hits[keep], own, count) if count > 1 else 1.0
        # Fractions come only from a design effect: without one the counts stay whole.
        scaled = k if effective == n else min(k / n * effective, effective)
        p_value = binomial_tail(scaled, effective, promise)
        return _Trial(
            value=value, above=above, kept=n, suitable=k, effective=effective, p_value=p_value
        )


def labels_to_promise(
    promise: float, *, rate: float, failure_probability: float = 0.05, power: float = 0.8
) -> int | None:
    """Labels of approvals with which the exact test of `promise` passes with probability `power`.

    Args:
        promise: Precision to be promised, between 0 and 1.
        rate: True precision, as far as it is known, 0 to 1; 1 gives the fewest labels possible.
        failure_probability: Accepted chance that the promise is false, between 0 and 1.
        power: Wanted chance to pass, between 0 and 1.

    Returns:
        None where `rate` does not exceed `promise`: no number of labels would do. Above 5,000 labels the
        normal approximation, within about one percent.

    Raises:
        ValueError: A share is out of range.
    """
    if not (0 < promise < 1 and 0 <= rate <= 1 and 0 < failure_probability < 1 and 0 < power < 1):
        raise ValueError(
            f"shares lie between 0 and 1, got {promise=}, {rate=}, {failure_probability=}, {power=}"
        )
    if rate <= promise:
        return None
    fewest = math.ceil(math.log(failure_probability) / math.log(promise))
    roughly = _normal_labels(promise, rate, failure_probability, power)
    if rate == 1 or roughly > _EXACT_UP_TO:
        return max(fewest, math.ceil(roughly) if rate < 1 else 0)
    n = max(fewest, int((0.8 if roughly > 300 else 0.6) * roughly))  # the first n lies above
    while True:
        block = np.arange(n, n + max(64, n // 10), dtype=float)
        # Fewest successes that pass: the smallest k with P(X >= k) <= failure probability.
        passing = np.floor(special.bdtrik(1 - failure_probability, block, promise)) + 1
        for shift in (-1, 0):  # bdtrik is solved numerically: step back where one fewer passes too
            tail = special.betainc(
                np.maximum(passing + shift, 1e-9), block - passing - shift + 1, promise
            )
            passing = np.where((shift == 0) & (tail > failure_probability), passing + 1, passing)
            passing = np.where((shift == -1) & (tail <= failure_probability), passing - 1, passing)
        possible = passing <= block
        chance = np.where(
            possible, special.betainc(passing, np.maximum(block - passing, 0) + 1, rate), 0
        )
        good = np.flatnonzero(chance >= power)
        if good.size:
            return int(block[good[0]])
        n = int(block[-1]) + 1


def _normal_labels(promise: float, rate: float, failure_probability: float, power: float) -> float:
    """Labels by the normal approximation; `rate` is above `promise`."""
    away = special.ndtri(1 - failure_probability) * math.sqrt(promise * (1 - promise))
    away += special.ndtri(power) * math.sqrt(rate * (1 - rate))
    return float((away / (rate - promise)) ** 2)


def _what_it_takes(
    labels: _Labels, stopped: _Trial, *, promise: float, failure_probability: float
) -> tuple[int | None, str]:
    """Labels to choose by that would let the best threshold pass, and why none passes now.

    Looks at the confidences that occur, not at the grid alone: the best may lie off it.
    """
    total = labels.scores.size
    stated = (
        f"No threshold qualifies: at {stopped.value:.3g}, {_counted(stopped)}, "
        f"too few to promise {promise:g}"
    )
    tried = np.unique(labels.scores)
    if tried.size > _LOOKED_AT:
        tried = np.unique(np.quantile(labels.scores, np.linspace(0, 1, _LOOKED_AT), method="lower"))
    hopeful = [
        trial
        for trial in (labels.trial(float(value), promise) for value in tried)
        if trial.kept and trial.suitable / trial.kept > promise
    ]
    if not hopeful:
        return None, (
            f"{stated}; at no threshold does the share of suitable answers exceed {promise:g}, "
            "so more labels like these would not help: improve the judge, or promise less"
        )
    # The approximation finds the threshold that needs fewest, the exact test says how many.
    best = min(
        hopeful,
        key=lambda t: (
            _normal_labels(promise, t.suitable / t.kept, failure_probability, 0.8) / t.effective,
            -t.effective,
        ),
    )
    own = labels_to_promise(
        promise, rate=best.suitable / best.kept, failure_probability=failure_probability
    )
    needed = math.ceil((own or 0) * total / best.effective)
    if best.p_value is not None and best.p_value <= failure_probability:
        return max(needed, total), (
            f"{stated}; {best.value:.3g} would pass if it were the only one, with "
            f"{best.suitable} of {best.kept}, but a threshold that is picked by its answers "
            "carries no promise: that takes labels that nobody has looked at"
        )
    return needed, (
        f"{stated}; if the {best.suitable} of {best.kept} at {best.value:.3g} are typical, "
        f"about {needed:,} labels to choose by (now {total}) would qualify it"
    )


def _counted(trial: _Trial) -> str:
    """What the test counted at a threshold, in words."""
    words = f"{trial.suitable} of {trial.kept} labelled items are suitable"
    added = []
    if trial.kept < trial.above:
        added.append(f"drawn from the {trial.above} above it so that all were equally likely")
    if trial.effective < trial.kept - 0.5:
        added.append(
            f"worth about {trial.effective:.0f} independent ones, since some share a cluster"
        )
    return f"{words} ({'; '.join(added)})" if added else words

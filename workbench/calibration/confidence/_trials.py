"""Tests of a promise: one per candidate rule of approval, and which of many may be believed together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from workbench.calibration._sample import Bools, Codes, Floats
from workbench.metrics.intervals import binomial_tail, clustered_effective_n
from workbench.metrics.resampling import group_codes

FEW_CLUSTERS = 30  # above a threshold; fewer show too little of how clusters differ
_TELLING = 10  # labels above a threshold; fewer do not tell how many it would take
_THINNING = 1  # numbers the stream of random numbers that labels are thinned by

Procedure = Literal["fixed sequence", "holm"]
"""How a promise is kept over many tests.

`fixed sequence` goes from strict to loose and stops at the first failure: strong where the strict end
passes. `holm` (Bonferroni–Holm) looks at all and needs no order, at a price for their number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One rule of approval, tried."""

    above: int
    """Labels that it approves."""
    kept: int
    """Those that the test counts, after thinning."""
    suitable: int
    effective: float = 0.0
    """Independent labels that would tell as much as the kept ones."""
    p_value: float | None = None
    """None where the test counts no label."""
    thinned: int | None = None
    """Clusters above it, where these are so few that the test counts one label of each at most."""

    def counted(self) -> str:
        """What the test counted, in words."""
        if not self.kept:
            return "nobody has answered an item that lies above it"
        words = f"{self.suitable} of {self.kept} labelled items are suitable"
        added = []
        if self.thinned is not None:
            added.append(
                f"clusters above it are too few, {self.thinned} where {FEW_CLUSTERS} are wanted, to count "
                f"more than one item of each; drawn from {self.above}"
            )
        elif self.kept < self.above:
            added.append(f"drawn from the {self.above} above it so that all were equally likely")
        if self.effective < self.kept - 0.5:
            added.append(
                f"worth about {self.effective:.0f} independent ones, since some share a cluster"
            )
        return f"{words} ({'; '.join(added)})" if added else words


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """The labelled items, all arrays of shape (n,)."""

    hits: Bools
    chance: Floats
    luck: Floats
    codes: Codes | None
    pick: Floats
    """Orders the items of a cluster, where one is to stand for it."""
    stay: Floats
    """Shape (clusters,): decides which of the clusters stand for themselves; empty without clusters."""
    tail: float
    """Failure probability that quantiles are taken at, where few clusters estimate a variance."""

    def trial(self, keep: Bools, promise: float) -> Trial:
        """Test that the items where `keep` is True are suitable less than `promise` of the time."""
        above = int(keep.sum())
        if above == 0:
            return Trial(above=0, kept=0, suitable=0)
        keep = keep & (self.luck * self.chance <= self.chance[keep].min())
        n, k = int(keep.sum()), int((keep & self.hits).sum())
        if n == 0:
            return Trial(above=above, kept=0, suitable=0)
        effective, thinned = float(n), None
        if self.codes is not None:
            _, own = np.unique(self.codes[keep], return_inverse=True)
            count = int(own.max()) + 1
            if count == n:
                pass  # each label is a cluster of its own: they are independent
            elif count < FEW_CLUSTERS:
                thinned = count
                keep = self._one_each(np.flatnonzero(keep))
                n, k = int(keep.sum()), int((keep & self.hits).sum())
                effective = float(n)
            else:
                effective = clustered_effective_n(self.hits[keep], own, count, tail=self.tail)
        # Fractions come only from a design effect: without one the counts stay whole.
        scaled = k if effective == n else min(k / n * effective, effective)
        p_value = binomial_tail(scaled, effective, promise)
        return Trial(
            above=above, kept=n, suitable=k, effective=effective, p_value=p_value, thinned=thinned
        )  # fmt: skip

    def _one_each(self, places: Codes) -> Bools:
        """Keep one of each cluster at most, shape (n,), of the items at `places`.

        A cluster stays with a chance in proportion to its size, so that every item stays as likely as
        any other: the rate that is tested is that of items, not of clusters. The largest always stays.
        """
        assert self.codes is not None
        order = places[np.argsort(self.pick[places], kind="stable")]
        clusters, first, sizes = np.unique(self.codes[order], return_index=True, return_counts=True)
        stays = self.stay[clusters] * sizes.max() <= sizes
        keep = np.zeros(self.hits.size, dtype=bool)
        keep[order[first[stays]]] = True
        return keep

    def words(self) -> tuple[str, ...]:
        """What the tests assume."""
        words = [
            "labelled items are drawn like those that the threshold will meet",
            "the grid was chosen before the labels were seen",
            "labels are independent"
            if self.codes is None
            else "clusters are independent; counts are effective counts, and below "
            f"{FEW_CLUSTERS} clusters of one item of each",
        ]
        if self.chance.size and np.ptp(self.chance) > 0:
            words.append("labels were thinned to equal chances of being drawn")
        return tuple(words)


def read_labels(
    hits: Bools,
    *,
    keep_probability: npt.ArrayLike | None,
    groups: npt.ArrayLike | None,
    failure_probability: float,
    seed: int,
) -> Labels:
    """Check what came with the answers `hits`, shape (n,).

    Raises:
        ValueError: A shape or range is wrong.

    Source: Korn & Graubard 1998, Surv. Methodol. 24:193 (effective counts).
    """
    chance = np.ones(hits.size) if keep_probability is None else np.asarray(keep_probability, float)
    if chance.shape != hits.shape or not np.all((chance > 0) & (chance <= 1)):
        raise ValueError(f"want one probability over 0 and up to 1 per label, got {chance.shape=}")
    # A stream of its own: labels are dealt to choosing and reporting by the same seed.
    rng = np.random.default_rng([seed, _THINNING])
    codes, count = (None, 0) if groups is None else group_codes(groups, hits.size)
    return Labels(
        hits=hits,
        chance=chance,
        luck=rng.random(hits.size),
        codes=codes,
        pick=rng.random(hits.size),
        stay=rng.random(count),
        tail=failure_probability,
    )


def check_promise(promise: float, failure_probability: float, procedure: str) -> None:
    """Refuse shares outside 0 to 1 and unknown procedures."""
    if not (0 < promise < 1 and 0 < failure_probability < 1):
        raise ValueError(f"{promise=} and {failure_probability=} must be between 0 and 1")
    if procedure not in ("fixed sequence", "holm"):
        raise ValueError(f"`procedure` is 'fixed sequence' or 'holm', got {procedure!r}")


def accepted(
    trials: Sequence[Trial], procedure: Procedure, failure_probability: float
) -> tuple[list[int], int]:
    """Places of the trials whose promise is kept, all together with 1 − `failure_probability`; and where it failed.

    The failure is the first one of a fixed sequence, the least p-value under Holm.
    """
    if procedure == "fixed sequence":
        return _in_sequence(trials, failure_probability)
    p_values = [1.0 if trial.p_value is None else trial.p_value for trial in trials]
    order = sorted(range(len(trials)), key=lambda i: p_values[i])
    passed: list[int] = []
    for rank, i in enumerate(order):
        if p_values[i] > failure_probability / (len(trials) - rank):
            break
        passed.append(i)
    return sorted(passed), order[0]


def _in_sequence(trials: Sequence[Trial], failure_probability: float) -> tuple[list[int], int]:
    passed, stopped = [], 0
    for i, trial in enumerate(trials):
        stopped = i
        if trial.p_value is None:
            break
        if trial.p_value <= failure_probability:
            passed.append(i)
        elif trial.suitable < trial.kept:
            break
        # All suitable and yet no pass: too few labels to be a test, so the sequence goes on.
    return passed, stopped


_EXACT_UP_TO = 5_000  # labels; beyond, the exact power is slow and the approximation good


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
    roughly = normal_labels(promise, rate, failure_probability, power)
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


def normal_labels(promise: float, rate: float, failure_probability: float, power: float) -> float:
    """Labels by the normal approximation; `rate` is above `promise`."""
    away = special.ndtri(1 - failure_probability) * math.sqrt(promise * (1 - promise))
    away += special.ndtri(power) * math.sqrt(rate * (1 - rate))
    return float((away / (rate - promise)) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hope:
    """A rule that might pass with more labels."""

    trial: Trial
    name: str
    """Of the rule, in words, such as `0.73`."""


def what_it_takes(
    tried: Sequence[Hope],
    stopped: Hope,
    *,
    total: int,
    promise: float,
    failure_probability: float,
    tests: int,
) -> tuple[int | None, str]:
    """Labels to choose by that would let the best rule pass, and why none passes now.

    Args:
        tried: Rules that may do.
        stopped: Where it failed.
        total: Labels there are.
        promise: Precision to be promised.
        failure_probability: Of all tests together.
        tests: That share it, 1 in a fixed sequence.

    Returns:
        None for the number where no number would do, or where no rule that may do has ten labels: they
            are too few to tell.
    """
    name, counted = stopped.name, stopped.trial.counted()
    hopeful = [h for h in tried if h.trial.kept and h.trial.suitable / h.trial.kept > promise]
    more = (
        "so answer more approvals" if not stopped.trial.kept else f"too few to promise {promise:g}"
    )
    stated = f"No threshold qualifies: at {name}, {counted}, {more}"
    if not hopeful:
        return None, (
            f"{stated}; at no threshold does the share of suitable answers exceed {promise:g}, "
            "so more labels like these would not help: improve the judge, or promise less"
        )
    share = failure_probability / tests

    # The approximation finds the rule that needs fewest, the exact test says how many.
    def roughly(hope: Hope) -> tuple[float, float]:
        trial = hope.trial
        wanted = normal_labels(promise, trial.suitable / trial.kept, share, 0.8)
        return wanted / trial.effective, -trial.effective

    telling = [h for h in hopeful if h.trial.kept >= _TELLING]
    hope = min(telling or hopeful, key=roughly)
    best = hope.trial
    same = (best.above, best.kept, best.suitable) == (
        stopped.trial.above, stopped.trial.kept, stopped.trial.suitable,
    )  # fmt: skip
    needed = None
    if telling:
        own = labels_to_promise(promise, rate=best.suitable / best.kept, failure_probability=share)
        needed = math.ceil((own or 0) * total / best.effective)
    if best.p_value is not None and best.p_value <= failure_probability:
        needed = None if needed is None else max(needed, total)
        alone = f"{hope.name} would pass if it were the only one tried, with {best.suitable} of {best.kept}"
        if same:
            stated = f"No threshold qualifies: {name} would pass if it were the only one tried, as {counted}"
            alone = ""
        text = "; ".join(part for part in (stated, alone) if part)
        text += f", but {_why_not(best, stopped, same=same, tests=tests)}"
        text += "; a threshold that is picked by its answers carries no promise, it takes "
        if needed is None:
            text += "new labels that nobody has looked at"
        elif needed == total:
            text += f"new labels that nobody has looked at, as many as these {total:,}"
        else:
            text += f"about {needed:,} new labels that nobody has looked at (these are {total:,})"
    elif needed is None:
        text = stated
    else:
        seen = "these" if same else f"the {best.suitable} of {best.kept} at {hope.name}"
        text = (
            f"{stated}; if {seen} are typical, it takes about {needed:,} new labels to choose by "
            f"(these are {total:,})"
        )
    if needed is not None:
        return needed, text
    fewest = labels_to_promise(promise, rate=1, failure_probability=share)
    return None, (
        f"{text}; wherever more than {promise:g} of the answers are suitable fewer than {_TELLING} labels "
        f"lie above the threshold, too few to tell how many it would take: {fewest:,} above it, all "
        f"suitable, are the fewest with which {promise:g} could be promised"
    )


def _why_not(best: Trial, stopped: Hope, *, same: bool, tests: int) -> str:
    """Why a rule that would pass alone does not."""
    if tests > 1:
        what = "each of them" if same else "each"
        return f"{tests:,} were tried, and the more are tried the more {what} has to show"
    if best.above > stopped.trial.above:
        return f"the tests go from strict to loose and stopped at {stopped.name}, before they came to it"
    return "it is none of those that were chosen before the answers were seen"

"""Labels predicted against labels known: accuracy, macro-F1, the confusion table, the majority baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.intervals import proportion
from workbench.metrics.resampling import Floats, bootstrap, bootstrap_mean, sums_by_group


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationScores:
    """How often labels were right, beside the answer that needs no photo."""

    labels: tuple[str, ...]
    """Every label that was true or predicted, sorted."""
    confusion: tuple[tuple[int, ...], ...]
    """Rows: true label; columns: predicted; both in the order of `labels`."""
    abstained: int
    """Rows that were not answered; they count as wrong."""
    accuracy: Estimate
    macro_f1: Estimate
    """Mean over `labels` of each label's F1; a label that is never right has 0."""
    majority: str | None
    """The most common training label (the first in sorted order where several are); None without any."""
    majority_accuracy: Estimate
    gain: Estimate
    """Accuracy minus the majority's, on the same rows: above 0 throughout beats the baseline."""


def classification_scores(
    predicted: Sequence[str | None],
    truth: Sequence[str],
    *,
    training: Sequence[str],
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> ClassificationScores:
    """Score predicted labels on held-out rows against the majority label of the training part.

    Accuracies carry Wilson's interval, cluster-robust where `groups` are given; macro-F1 and the
    gain a bootstrap interval over groups.

    Args:
        predicted: Length n; None where the model did not answer, which counts as wrong.
        truth: Length n.
        training: True labels of the training part; empty leaves the baseline undefined.
        groups: Shape (n,), labels of rows that belong together; None: every row alone.
        level: Of the intervals, between 0 and 1.
        resamples: How many times the groups are drawn again.
        seed: Of the draws.

    Raises:
        ValueError: Lengths differ.
    """
    n = len(truth)
    if len(predicted) != n:
        raise ValueError(f"want one prediction each, got {len(predicted)=}, {len(truth)=}")
    labels = tuple(sorted({*truth, *(label for label in predicted if label is not None)}))
    index = {label: i for i, label in enumerate(labels)}
    k = len(labels)
    true = np.array([index[label] for label in truth], dtype=np.intp)
    # A missing answer goes to column k, which belongs to no label.
    guess = np.array([k if label is None else index[label] for label in predicted], dtype=np.intp)
    table = np.bincount(true * (k + 1) + guess, minlength=k * (k + 1)).reshape(k, k + 1)
    right = true == guess
    majority = _majority(training)
    if majority is None:
        nothing = undefined("there are no training labels", method="none", n=n, level=level)
        majority_accuracy = gain = nothing
    else:
        by_majority = np.array([label == majority for label in truth], dtype=bool)
        majority_accuracy = proportion(by_majority, groups=groups, level=level)
        gain = bootstrap_mean(
            right.astype(float) - by_majority,
            groups=groups, level=level, resamples=resamples, seed=seed,
        )  # fmt: skip
    return ClassificationScores(
        labels=labels,
        confusion=tuple(tuple(int(x) for x in row[:k]) for row in table),
        abstained=int((guess == k).sum()),
        accuracy=proportion(right, groups=groups, level=level),
        macro_f1=_macro_f1(true, guess, k, groups, level=level, resamples=resamples, seed=seed),
        majority=majority,
        majority_accuracy=majority_accuracy,
        gain=gain,
    )


def _majority(training: Sequence[str]) -> str | None:
    counts = Counter(training)
    return min(counts, key=lambda label: (-counts[label], label)) if counts else None


def _macro_f1(
    true: npt.NDArray[np.intp],
    guess: npt.NDArray[np.intp],
    k: int,
    groups: npt.ArrayLike | None,
    *,
    level: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """Macro-F1 over the `k` labels; per row the sums are hits, truths and guesses of each label: (n, 3k)."""
    n = true.size
    rows = np.zeros((n, 3 * k))
    at = np.arange(n)
    right, answered = true == guess, guess < k
    rows[at[right], true[right]] = 1
    rows[at, k + true] = 1
    rows[at[answered], 2 * k + guess[answered]] = 1

    def macro(sums: Floats) -> Floats:
        hits, size = sums[:, :k], sums[:, k : 2 * k] + sums[:, 2 * k :]
        f1 = np.divide(2 * hits, size, out=np.zeros_like(hits), where=size > 0)
        present = (size > 0).sum(axis=1)  # a resample may lack a label altogether
        mean: Floats = f1.sum(axis=1) / np.where(present > 0, present, np.nan)
        return mean

    return bootstrap(
        sums_by_group(rows, groups), macro, n=n, level=level, resamples=resamples, seed=seed,
        clustered=groups is not None,
    )  # fmt: skip

"""Where the judge fails: by category or any other label, and by the failure modes that answers name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.calibration._sample import Bools, Floats, Sample, named_codes
from workbench.calibration.exact_tests import benjamini_hochberg, fisher
from workbench.calibration.rates._shares import About, share_of
from workbench.calibration.rates.estimates import rates_of
from workbench.metrics.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Items that share a label, and what the judge's verdicts on them are worth."""

    by: str
    """What they share, such as `category`."""
    name: str
    judged: int
    """Items that the judge decided."""
    approved: int
    audited_approvals: int
    """Approvals with an answer."""
    audited_rejections: int
    precision: Estimate
    """Share of its approvals that are suitable (Clopper–Pearson)."""
    missed: Estimate
    """Share of its rejections that are suitable (Clopper–Pearson)."""
    false_positive_rate: Estimate
    """Share of its unsuitable items that the judge approves."""
    false_negative_rate: Estimate
    """Share of its suitable items that the judge rejects."""
    p_value: float | None
    """One-sided Fisher test that its approvals are unsuitable no more often than all others; None without
    labels on both sides. Counts are weighted, and divided by the design effect of all approvals where it is
    over 1."""
    q_value: float | None
    """`p_value` after Benjamini and Hochberg over the slices of the same `by`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureModeRate:
    """A failure mode that answers name, and how well the judge catches it."""

    mode: str
    seen_in_approvals: int
    """Answers that name it, about approvals."""
    seen_in_rejections: int
    in_approvals: Estimate
    """Share of approvals that show it (Clopper–Pearson): what gets through."""
    caught: Estimate
    """Share of items showing it that the judge rejects, for whatever reason."""
    p_value: float | None
    """One-sided Fisher test that the judge rejects items with it no more often than items without it; counts
    are weighted within each verdict and divided by the design effect as for slices. None where approvals or
    rejections have no answer."""
    q_value: float | None
    """`p_value` after Benjamini and Hochberg over all modes."""


def slices_of(
    sample: Sample,
    labels: Sequence[str],
    *,
    by: str,
    about: About = "items like these",
    level: float = 0.95,
) -> tuple[Slice, ...]:
    """Cut the sample by `labels`, one per item of the population that came in; largest slice first.

    Raises:
        ValueError: There is not one label for each item that the sample decided.
    """
    if len(labels) <= sample.rows.max(initial=-1):
        raise ValueError(
            f"slices by {by!r} want one label for each item of the population, got {len(labels)} "
            f"labels and an item in row {int(sample.rows.max())}"
        )
    every = list(labels)  # by position, whatever the index of a series says
    names, codes = named_codes([every[row] for row in sample.rows])
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(
        codes[order], np.arange(len(names) + 1)
    )  # slice i is order[ends[i]:ends[i + 1]]
    answered = sample.approved & sample.answered
    total = int(answered.sum())
    mass = np.where(answered, sample.weights, 0.0)  # items that each answered approval stands for
    bad = np.where(sample.suitable, 0.0, mass)
    all_mass, all_bad = float(mass.sum()), float(bad.sum())
    shrink = _shrink(sample, approved=True, about=about)
    found = []
    for i, name in enumerate(names):
        places = order[ends[i] : ends[i + 1]]
        part = sample.subset(places)
        own = rates_of(part, about=about, level=level, exact=True)
        n = int((part.approved & part.answered).sum())
        own_mass, own_bad = float(mass[places].sum()), float(bad[places].sum())
        found.append(
            Slice(
                by=by,
                name=str(name),
                judged=part.approved.size,
                approved=int(part.approved.sum()),
                audited_approvals=n,
                audited_rejections=int((~part.approved & part.answered).sum()),
                precision=own.precision,
                missed=own.missed,
                false_positive_rate=own.false_positive_rate,
                false_negative_rate=own.false_negative_rate,
                p_value=fisher(
                    *_counts(own_bad, own_mass, n, shrink),
                    *_counts(all_bad - own_bad, all_mass - own_mass, total - n, shrink),
                    more=True,
                ),
                q_value=None,
            )
        )
    adjusted = benjamini_hochberg([cut.p_value for cut in found])
    marked = [replace(cut, q_value=q) for cut, q in zip(found, adjusted, strict=True)]
    return tuple(sorted(marked, key=lambda cut: (-cut.judged, cut.name)))


def failure_modes_of(
    sample: Sample,
    named: Sequence[Collection[str]],
    *,
    about: About = "items like these",
    level: float = 0.95,
) -> tuple[FailureModeRate, ...]:
    """Count what answers name, by the judge's verdict; the mode that gets through most often comes first.

    Args:
        sample: The judged population with its audit.
        named: One collection of modes per item that came in; empty where people named none or were not asked.
        about: As in `rates`.
        level: Between 0 and 1.
    """
    answered = np.flatnonzero(sample.answered)
    places: dict[str, list[int]] = defaultdict(list)
    for place in answered.tolist():
        for mode in set(named[sample.rows[place]]):
            places[mode].append(place)
    shrinks = (
        _shrink(sample, approved=False, about=about),
        _shrink(sample, approved=True, about=about),
    )
    weights = sample.weights
    found = []
    for mode in sorted(places):
        shown = np.zeros(sample.approved.size, dtype=bool)
        shown[places[mode]] = True
        found.append(_mode(sample, mode, shown, weights, shrinks, about=about, level=level))
    adjusted = benjamini_hochberg([mode.p_value for mode in found])
    marked = [replace(mode, q_value=q) for mode, q in zip(found, adjusted, strict=True)]
    return tuple(sorted(marked, key=lambda mode: (-(mode.in_approvals.value or 0), mode.mode)))


def _mode(
    sample: Sample,
    mode: str,
    shown: Bools,
    weights: Floats,
    shrinks: tuple[float, float],
    *,
    about: About,
    level: float,
) -> FailureModeRate:
    """Count one mode; `shrinks` are those of rejections and of approvals."""
    own = rates_of(replace(sample, suitable=shown), about=about, level=level, exact=True)
    approvals, rejections = sample.approved & sample.answered, ~sample.approved & sample.answered
    passed, caught = int((shown & approvals).sum()), int((shown & rejections).sum())

    def counts(verdict: Bools, shrink: float) -> tuple[int, int]:
        mass = weights[verdict]
        return _counts(float(mass[shown[verdict]].sum()), float(mass.sum()), mass.size, shrink)

    return FailureModeRate(
        mode=mode,
        seen_in_approvals=passed,
        seen_in_rejections=caught,
        in_approvals=own.precision,
        caught=own.false_negative_rate,
        p_value=fisher(
            *counts(rejections, shrinks[0]),
            *counts(approvals, shrinks[1]),
            more=True,
        ),
        q_value=None,
    )


def _shrink(sample: Sample, *, approved: bool, about: About) -> float:
    """Effective labels per label of one verdict, at most 1: what clusters and uneven draws cost."""
    share = share_of(sample, approved=approved, about=about)
    return 1.0 if isinstance(share, str) else min(1.0, share.effective_n / share.n)


def _counts(hits: float, mass: float, n: int, shrink: float) -> tuple[int, int]:
    """Successes and rows as a test may count them; a side that has labels keeps at least one.

    Args:
        hits: Items that the successes stand for: an audit may draw some of them more densely than others.
        mass: Items that all `n` labels stand for.
        n: Labels.
        shrink: Effective labels per label.
    """
    if n == 0:
        return 0, 0
    rows = max(1, round(n * shrink))
    return round(min(1.0, max(0.0, hits / mass)) * rows), rows

"""Two judges, or two versions of a rubric, on the same items: which is better, by how much, and can that be told.

Items fall into four cells: what the first says × what the second says. Everything follows from the cells'
sizes, which are known for all items, and the share of suitable ones in each, which the audit estimates.
Where the two agree an answer counts for or against both alike: what tells them apart are the cells where
they differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.calibration._cells import (
    Bools,
    Cells,
    Counts,
    Decisions,
    read_cells,
)
from workbench.calibration._comparison import (
    Comparison,
    CriterionComparison,
    Difference,
    Measure,
)
from workbench.calibration._differences import Differences
from workbench.calibration._draws import in_words, negated
from workbench.calibration.adjudicate import majority
from workbench.calibration.ceiling import human_ceiling
from workbench.calibration.mcnemar import McNemar, mcnemar
from workbench.calibration.slices import benjamini_hochberg
from workbench.metrics.estimate import check_level

_MEASURES: tuple[Measure, ...] = ("precision", "recall", "accuracy")
_AGAINST: tuple[tuple[Measure, str], ...] = (
    ("precision", "approve everything"),
    ("accuracy", "approve everything"),
    ("accuracy", "reject everything"),
)
_FIRST: Decisions = (0, 0, 1, 1)  # of the cells (neither, second only, first only, both)
_SECOND: Decisions = (0, 1, 0, 1)
_CONSTANTS: dict[str, Decisions] = {
    "approve everything": (1, 1, 1, 1),
    "reject everything": (0, 0, 0, 0),
}


def compare(
    first: Sequence[bool | None],
    second: Sequence[bool | None],
    answer: Sequence[bool | None] | None = None,
    *,
    inclusion_probability: Sequence[float | None] | None = None,
    cluster: Sequence[str] | None = None,
    people: Mapping[str, Sequence[bool | None]] | None = None,
    names: tuple[str, str] = ("the first", "the second"),
    level: float = 0.95,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two judges on the same items, against people's answers to an audit of them.

    Every judged item takes part, answered or not: the sizes of the four cells are known, and each cell's
    answers are weighted to its size. So an audit that was drawn by one judge's verdicts serves both, as
    long as the cells where they differ hold answers; where one does not, what depends on it comes back
    as not identifiable.

    Intervals are percentiles over resampled items (or clusters). A cell with fewer than five suitable or
    five unsuitable answers shows too little spread to resample: its share is drawn from its Jeffreys posterior.

    Args:
        first: Length n, approvals; None where this judge did not decide.
        second: Length n.
        answer: Length n, what people say; None where nobody was asked or answered. Left out: the majority of
            `people`.
        inclusion_probability: Length n, over 0 and up to 1; None where the item was not drawn. Left out: all
            answered items were drawn alike.
        cluster: Length n, items that belong together; None: items are independent.
        people: Person to answers, length n each, for the human ceiling; None: no ceiling.
        names: What the two are called in sentences.
        level: Of the intervals, between 0 and 1.
        alpha: Of the one-sided tests, between 0 and 1.
        resamples: How many times the items are drawn again, at least 100.
        seed: Of the draws.

    Raises:
        ValueError: Lengths differ, a probability is out of range, there are neither answers nor people, or
            an item was answered but not drawn.

    Source: McNemar 1947, Psychometrika 12:153; Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol.
    13:91 (mid-p); Efron & Tibshirani 1993, chapter 13 (percentiles); Field & Welsh 2007 (clusters).
    """
    check_level(level)
    check_level(1 - alpha)
    if resamples < 100:
        raise ValueError(f"want 100 resamples or more, got {resamples!r}")
    if len(set(names)) != 2:
        raise ValueError(f"want two different names, got {names!r}")
    cells = read_cells(
        first=first,
        second=second,
        answer=_majorities(people) if answer is None else answer,
        inclusion_probability=inclusion_probability,
        cluster=cluster,
        names=names,
    )
    told = Differences(
        cells=cells,
        values=cells.counts(),
        draws=cells.draws(resamples=resamples, seed=seed),
        level=level,
        alpha=alpha,
    )
    judges = dict(zip(names, (_FIRST, _SECOND), strict=True))
    precision, recall, accuracy = (
        told.difference(measure, names, (_FIRST, _SECOND)) for measure in _MEASURES
    )
    ceiling = None
    if people is not None:
        decided = np.zeros(len(first), dtype=bool)
        decided[cells.rows] = True
        both = [
            human_ceiling(
                [said if use else None for said, use in zip(judge, decided, strict=True)],
                people,
                inclusion_probability=inclusion_probability,
                cluster=cluster,
                level=level,
                resamples=resamples,
                seed=seed,
            )
            for judge in (first, second)
        ]
        ceiling = both[0], both[1]
    found = Comparison(
        first=names[0],
        second=names[1],
        items=cells.rows.size,
        answered=int(cells.answered.sum()),
        undecided=cells.undecided,
        precision=precision,
        recall=recall,
        accuracy=accuracy,
        approvals=_mcnemar(cells, np.ones(cells.rows.size, dtype=bool), right=False),
        right=_right(cells),
        agreement=told.estimate(Counts.agreement, told.nothing, share=True, n=cells.rows.size),
        kappa=told.estimate(
            Counts.kappa, "both say one and the same of all items", n=cells.rows.size
        ),
        constant=tuple(
            told.difference(measure, (constant, name), (_CONSTANTS[constant], judges[name]))
            for name in names
            for measure, constant in _AGAINST
        ),
        ceiling=ceiling,
        sentence="",
    )
    return replace(found, sentence=_sentence(found, cells))


def compare_criteria(
    first: Mapping[str, Sequence[bool | None]],
    second: Mapping[str, Sequence[bool | None]],
    answer: Mapping[str, Sequence[bool | None]],
    *,
    inclusion_probability: Sequence[float | None] | None = None,
    cluster: Sequence[str] | None = None,
    names: tuple[str, str] = ("the first", "the second"),
    level: float = 0.95,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[CriterionComparison, ...]:
    """`compare`, criterion by criterion, in the order of `first`.

    Args:
        first: Criterion to whether each item passes it, length n; None where it was not answered.
        second: Likewise. Criteria that only one of the two has are left out.
        answer: Criterion to whether people find that the item passes. A criterion that people were not asked
            about is compared without answers: who passes more, and how often both agree.
        inclusion_probability: As in `compare`, for all criteria.
        cluster: As in `compare`.
        names: As in `compare`.
        level: As in `compare`.
        alpha: As in `compare`.
        resamples: As in `compare`.
        seed: As in `compare`.

    Raises:
        ValueError: The two share no criterion, or `compare` refuses one of them.
    """
    shared = [criterion for criterion in first if criterion in second]
    if not shared:
        raise ValueError(
            f"want a criterion that both judges answer, got {list(first)} and {list(second)}"
        )
    found = []
    for criterion in shared:
        try:
            found.append(
                compare(
                    first[criterion],
                    second[criterion],
                    answer.get(criterion, [None] * len(first[criterion])),
                    inclusion_probability=inclusion_probability,
                    cluster=cluster,
                    names=names,
                    level=level,
                    alpha=alpha,
                    resamples=resamples,
                    seed=seed,
                )
            )
        except ValueError as error:
            raise ValueError(f"criterion {criterion!r}: {error}") from error
    q_values = benjamini_hochberg([one.accuracy.p_value for one in found])
    return tuple(
        CriterionComparison(criterion=criterion, comparison=one, q_value=q)
        for criterion, one, q in zip(shared, found, q_values, strict=True)
    )


def _right(cells: Cells) -> McNemar:
    """McNemar's test of who is right more often, where the answered items stand alike for all."""
    sizes = np.bincount(cells.cell, minlength=4)
    known = np.bincount(cells.cell[cells.answered], minlength=4)
    test = _mcnemar(cells, cells.answered, right=True)
    a, b = cells.names
    for cell, who in ((1, b), (2, a)):
        if sizes[cell] and not known[cell]:
            why = f"not identifiable: nobody answered any of the {sizes[cell]} items that only {who} approves"
            return replace(test, p_value=None, mid_p=None, reason=why)
    if not cells.equal:
        why = (
            "answered items were drawn with different probabilities, which the test cannot weigh: "
            "read the difference in accuracy"
        )
        return replace(test, p_value=None, mid_p=None, reason=why)
    return test


def _mcnemar(cells: Cells, use: Bools, *, right: bool) -> McNemar:
    """Where they differ: who approves, or who is right."""
    first, second = use & (cells.cell == 2), use & (cells.cell == 1)
    if right:
        first, second = (
            (first & cells.suitable) | (second & ~cells.suitable),
            (second & cells.suitable) | (first & ~cells.suitable),
        )
    return mcnemar(*cells.net(first, second))


def _majorities(people: Mapping[str, Sequence[bool | None]] | None) -> list[bool | None]:
    if not people:
        raise ValueError(
            "want people's answers: pass `answer`, or `people` with one person at least"
        )
    try:
        rows = list(zip(*people.values(), strict=True))
    except ValueError:
        sizes = sorted({len(values) for values in people.values()})
        raise ValueError(f"`people` wants as many answers of each person, got {sizes}") from None
    found = [majority(row) for row in rows]
    return [None if label is None else bool(label) for label in found]


def _sentence(found: Comparison, cells: Cells) -> str:
    sizes = np.bincount(cells.cell, minlength=4)
    if not found.items:
        return (
            f"{found.first} and {found.second} decided no item in common: nothing can be compared."
        )
    text = f"Of {found.items} items {found.first} approves {sizes[2:].sum()}, {found.second} {sizes[1::2].sum()}. "
    text += _verdict(found.precision)
    if found.ceiling is not None:
        judges = [beside.judge.precision for beside in found.ceiling]
        person = found.ceiling[1].person.precision
        if person.value is not None:
            first, second = (in_words(judge) for judge in judges)
            text += (
                f" Held against the majority of the other people, {found.first} reaches a precision of "
                f"{first}, {found.second} {second}, and a single person {in_words(person)}."
            )
    for against in found.constant:
        low = against.difference.low
        if against.measure == "precision" and low is not None and low <= 0:
            text += f" {against.second} is not shown to be more precise than to {against.first}."
        high = against.difference.high
        if against.measure == "accuracy" and high is not None and high < 0:
            better = in_words(against.of_first)
            text += (
                f" To {against.first} would be right more often, {better}, than {against.second}."
            )
    return text[0].upper() + text[1:]


def _verdict(precision: Difference) -> str:
    gain = precision.difference
    if gain.value is None or gain.low is None or gain.high is None:
        return f"Which of them approves more precisely cannot be said: {gain.reason}."
    if gain.low <= 0 <= gain.high:
        return f"The difference in precision, {in_words(gain, signed=True)}, cannot be told from 0."
    better, by = (precision.second, gain) if gain.low > 0 else (precision.first, negated(gain))
    return f"{better} approves more precisely by {in_words(by)}."

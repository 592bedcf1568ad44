"""Two judges, or two versions of a rubric, on the same items: which is better, by how much, and can that be told.

Items fall into four cells: what the first says × what the second says. Everything follows from the cells'
sizes, which are known for all items, and the share of suitable ones in each, which the audit estimates.
Where the two agree an answer counts for or against both alike: what tells them apart are the cells where
they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.calibration._sample import Bools
from workbench.calibration.comparing._cells import Cells, Counts, Decisions, read_cells
from workbench.calibration.comparing._comparison import (
    Comparison,
    CriterionComparison,
    Measure,
    in_one_sentence,
)
from workbench.calibration.comparing._differences import Differences
from workbench.calibration.comparing.mcnemar import McNemar, mcnemar
from workbench.calibration.exact_tests import benjamini_hochberg
from workbench.calibration.gather import answers_to
from workbench.calibration.people.adjudicate import majority
from workbench.calibration.people.ceiling import human_ceiling
from workbench.metrics.estimate import check_level
from workbench.records import Annotation, Audit, Verdict

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
    sampled: bool = False,
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

    Intervals are percentiles over resampled items (or clusters), those of differences expanded for how few
    answers they rest on: those of the cells where the two differ. A cell with fewer than five suitable or
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
        sampled: Only items that were drawn came in, as where the second judge saw no others: each stands
            for 1 / inclusion probability of the population, and one without an answer for none.
        level: Of the intervals, between 0 and 1.
        alpha: Of the one-sided tests, between 0 and 1.
        resamples: How many times the items are drawn again, at least 100.
        seed: Of the draws.

    Raises:
        ValueError: Lengths differ, a probability is out of range, there are neither answers nor people, or
            an item was answered but not drawn.

    Source: McNemar 1947, Psychometrika 12:153; Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol.
    13:91 (mid-p); Efron & Tibshirani 1993, chapter 13 (percentiles); Hesterberg 2015, Am. Stat. 69:371
    (expanded); Field & Welsh 2007 (clusters).
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
        sampled=sampled,
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
        agreement=told.estimate(
            Counts.agreement, told.nothing, share=True, labelled=False, n=cells.rows.size
        ),
        kappa=told.estimate(
            Counts.kappa,
            "both say one and the same of all items",
            labelled=False,
            n=cells.rows.size,
        ),
        constant=tuple(
            told.difference(measure, (constant, name), (_CONSTANTS[constant], judges[name]))
            for name in names
            for measure, constant in _AGAINST
        ),
        ceiling=ceiling,
        sentence="",
    )
    return replace(found, sentence=in_one_sentence(found, np.bincount(cells.cell, minlength=4)))


def compare_criteria(
    first: Mapping[str, Sequence[bool | None]],
    second: Mapping[str, Sequence[bool | None]],
    answer: Mapping[str, Sequence[bool | None]],
    *,
    inclusion_probability: Sequence[float | None] | None = None,
    cluster: Sequence[str] | None = None,
    names: tuple[str, str] = ("the first", "the second"),
    sampled: bool = False,
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
        sampled: As in `compare`.
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
                    sampled=sampled,
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


def compare_verdicts(
    first: Sequence[Verdict],
    second: Sequence[Verdict],
    audit: Audit,
    annotations: Iterable[Annotation],
    *,
    groups: Mapping[str, str] | None = None,
    names: tuple[str, str] | None = None,
    level: float = 0.95,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """`compare` two judges, or two versions of a rubric, from stored records.

    People's answers are joined as `gather` joins them: the majority of those who answered without seeing
    the judge's answer. Where somebody answered who can be held against another, the human ceiling is there.

    Args:
        first: One verdict per generation.
        second: Likewise; generations that only one of the two judged count as undecided by the other.
        audit: Drawn from either.
        annotations: Any; those of generations that the audit did not draw are ignored.
        groups: Generation key to the product or prompt that it shares; a missing or empty one stands alone.
        names: As in `compare`; None: the rubrics, or the judges where both have one rubric.
        level: As in `compare`.
        alpha: As in `compare`.
        resamples: As in `compare`.
        seed: As in `compare`.

    Raises:
        ValueError: A generation has two verdicts of one judge, the audit drew one that has none, or the two
            cannot be told apart by name.
    """
    said = [_by_generation(verdicts) for verdicts in (first, second)]
    keys = [*said[0], *(key for key in said[1] if key not in said[0])]
    inclusion = {item.generation: item.inclusion_probability for item in audit.drawn}
    strangers = sorted(set(inclusion) - set(keys))
    if strangers:
        raise ValueError(
            f"audit {audit.id!r} drew {len(strangers)} generations that neither judged, such as "
            f"{strangers[0]!r}; pass all verdicts that it was drawn from"
        )
    answers = answers_to(audit, annotations)
    people = {
        name: [_approval(answers.get(key, {}).get(name)) for key in keys]
        for name in sorted({name for own in answers.values() for name in own})
    }
    shared = any(len(own) > 1 for own in answers.values())
    return compare(
        [_approval(said[0].get(key)) for key in keys],
        [_approval(said[1].get(key)) for key in keys],
        _majorities(people) if people else [None] * len(keys),
        inclusion_probability=[inclusion.get(key) for key in keys],
        cluster=None if groups is None else [groups.get(key) or f"alone:{key}" for key in keys],
        people=people if shared else None,
        names=names or _names(first, second),
        level=level,
        alpha=alpha,
        resamples=resamples,
        seed=seed,
    )


def _by_generation(verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.generation in found:
            raise ValueError(
                f"generation {verdict.generation!r} has two verdicts of one judge; pass one of each"
            )
        found[verdict.generation] = verdict
    return found


def _approval(record: Verdict | Annotation | None) -> bool | None:
    return None if record is None else record.approved


def _names(first: Sequence[Verdict], second: Sequence[Verdict]) -> tuple[str, str]:
    """Rubrics, or judges, if they tell the two apart."""
    told = (
        ({verdict.rubric for verdict in first}, {verdict.rubric for verdict in second}),
        ({verdict.judge for verdict in first}, {verdict.judge for verdict in second}),
    )
    for one, other in told:
        if len(one) == len(other) == 1 and one != other:
            return one.pop(), other.pop()
    raise ValueError(
        "want two judges, or two versions of a rubric, and one of each on its side; pass `names` to "
        "compare anything else"
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

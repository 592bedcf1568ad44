"""Is a new version of a rubric better than the one before it, on answers that took no part in making it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.calibration import (
    Comparison,
    CriterionComparison,
    McNemar,
    boschloo,
    compare,
    compare_criteria,
    mcnemar,
)
from workbench.evolution.evidence import Evidence
from workbench.records import Verdict
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ALPHA = 0.05
"""Chance that a version which is no better becomes current, over all versions tried on the same answers."""
MOST_LOST = 0.15
"""Recall that a more precise version may lose where accuracy is not shown to rise: 95% lower bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What held-out answers say of a version against the one it comes from, and whether that is proof."""

    rubric: str
    """`<name>@<version>` that was tested."""
    against: str
    audit: str
    """That said which version is meant; the answers are of all audits like it."""
    judge: str
    revision: str
    """The judge's, by the version tested; it differs from the other's where an instrument came or went."""
    keys: tuple[str, ...]
    """Generations whose answers tested it."""
    tries: int
    """Which test it is of those that used any of these answers, from 1."""
    alpha: float
    """Level of this test, `ALPHA` / (tries × (tries + 1)): over any number of tests they sum to `ALPHA`."""
    comparison: Comparison
    right: McNemar
    """Who is right more often, exact, each answered item counted once."""
    given_up: float | None
    """Boschloo's exact one-sided p-value that what it no longer approves (or, where that is nothing, what it
    newly refuses to approve) is unsuitable no more often than what it approves. None where the approvals
    are the same."""
    criteria: tuple[CriterionComparison, ...]
    """Those that both versions have, and the judge answered."""
    proved: bool
    missing: tuple[str, ...]
    """What is missing for a proof, in words; empty where it is one."""
    sentence: str
    simulated: bool

    def to_dict(self) -> dict[str, Any]:
        """Field name to value, JSON types."""
        plain: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, data: object) -> Proof:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: A field is missing or of another type.
        """
        return _adapter().validate_python(data)


def measure(
    old: Rubric,
    new: Rubric,
    evidence: Sequence[Evidence],
    verdicts: tuple[Sequence[Verdict], Sequence[Verdict]],
    *,
    audit: str,
    tries: int = 1,
    seed: int = 0,
) -> Proof:
    """Hold the verdicts by two versions against people's answers.

    A proof wants three things at once: the precision of approvals rises (lower bound of the paired
    difference over 0, at `alpha`); what is given up is unsuitable more often than what is approved, by an
    exact test at `alpha`, as the bound is approximate with few differences; and recall does not fall by
    more than `MOST_LOST` (lower bound, at `ALPHA`), or accuracy rises (lower bound over 0, at `alpha`).

    Args:
        old: The version before.
        new: The version tested.
        evidence: Length n: held-out answers.
        verdicts: By the old and by the new version, n each, on the generations of `evidence`, in order.
        audit: Its id.
        tries: Which test of these answers it is, from 1.
        seed: Of the resampling.

    Raises:
        ValueError: There are no answers, or verdicts of other generations.

    Source: McNemar 1947; Boschloo 1970; the series 1 / (k (k + 1)) sums to 1, so that by Bonferroni
    the levels of all tests sum to `ALPHA`.
    """
    keys = tuple(one.key for one in evidence)
    for own in verdicts:
        if tuple(v.generation for v in own) != keys or not keys:
            raise ValueError(
                f"want verdicts on the {len(keys)} answered generations, in their order"
            )
    alpha = ALPHA / (tries * (tries + 1))
    before, after = ([v.approved for v in own] for own in verdicts)
    answer = [one.suitable for one in evidence]
    chance = [one.inclusion_probability for one in evidence]
    groups = _groups(evidence)
    names = (old.label, new.label)
    found = compare(
        before, after, answer, inclusion_probability=chance, cluster=groups, names=names, sampled=True,
        alpha=alpha, seed=seed,
    )  # fmt: skip
    strict = compare(
        before, after, answer, inclusion_probability=chance, cluster=groups, names=names, sampled=True,
        alpha=ALPHA, seed=seed,
    )  # fmt: skip
    given_up = _given_up(before, after, answer)
    missing = tuple(_missing(found, strict, given_up, alpha))
    gains = [
        (a is True, b is True, s)
        for a, b, s in zip(before, after, answer, strict=True)
        if a is not None and b is not None
    ]
    first, second = verdicts
    return Proof(
        rubric=new.label,
        against=old.label,
        audit=audit,
        judge=second[0].judge,
        revision=second[0].revision,
        keys=keys,
        tries=tries,
        alpha=alpha,
        comparison=found,
        right=mcnemar(sum(a == s != b for a, b, s in gains), sum(b == s != a for a, b, s in gains)),
        given_up=given_up,
        criteria=_by_criterion(old, new, evidence, first, second, alpha=alpha, seed=seed),
        proved=not missing,
        missing=missing,
        sentence=found.sentence,
        simulated=any(one.simulated for one in evidence),
    )


def _missing(
    found: Comparison, loose: Comparison, given_up: float | None, alpha: float
) -> list[str]:
    """What a proof lacks; nothing where it is one."""
    lacks = []
    gain, recall = found.precision, loose.recall
    if gain.least is None:
        lacks.append(f"how precision differs cannot be said: {gain.difference.reason}")
    elif not gain.exceeds():
        lacks.append(
            f"precision is not shown to rise: at level {alpha:.3g} it rises by {gain.least:+.3f} or more, "
            "and more than 0 is wanted"
        )
    if given_up is None:
        lacks.append("both versions approve the same of these items")
    elif given_up > alpha:
        lacks.append(
            f"what it gives up may be no worse than what it approves (exact p = {given_up:.2g}, "
            f"{alpha:.3g} is wanted)"
        )
    if recall.least is None:
        lacks.append(f"how recall differs cannot be said: {recall.difference.reason}")
    elif not recall.exceeds(-MOST_LOST) and not found.accuracy.exceeds():
        lacks.append(
            f"recall may fall by {-recall.least:.3f}, and at most {MOST_LOST:g} may be lost where it is not "
            "shown to be right more often all in all"
        )
    return lacks


def _given_up(
    first: Sequence[bool | None], second: Sequence[bool | None], answer: Sequence[bool]
) -> float | None:
    """One-sided: what only the first approves is unsuitable more often than what the second approves."""
    rows = [
        (bool(a), bool(b), s)
        for a, b, s in zip(first, second, answer, strict=True)
        if a is not None and b is not None
    ]
    gone = [not s for a, b, s in rows if a and not b]
    kept = [not s for a, b, s in rows if b]
    if not gone:  # it only adds: what it adds must be suitable more often than what was there
        added = [s for a, b, s in rows if b and not a]
        there = [s for a, b, s in rows if a]
        return boschloo(sum(added), len(added), sum(there), len(there))
    return boschloo(sum(gone), len(gone), sum(kept), len(kept))


def _groups(evidence: Sequence[Evidence]) -> list[str] | None:
    """Whose answers depend on each other; None where nobody's do."""
    groups = [one.group for one in evidence]
    return None if len(set(groups)) == len(groups) else groups


def _by_criterion(
    old: Rubric,
    new: Rubric,
    evidence: Sequence[Evidence],
    first: Sequence[Verdict],
    second: Sequence[Verdict],
    *,
    alpha: float,
    seed: int,
) -> tuple[CriterionComparison, ...]:
    """People's point passes where it reaches the threshold of the version by which they answered."""
    both = [c for c in old.criteria if c.id in {one.id for one in new.criteria}]

    def passed(verdicts: Sequence[Verdict], name: str) -> list[bool | None]:
        return [next((s.passed for s in v.scores if s.criterion == name), None) for v in verdicts]

    said = {c.id: (passed(first, c.id), passed(second, c.id)) for c in both}
    said = {
        name: (a, b)
        for name, (a, b) in said.items()
        if any(x is not None and y is not None for x, y in zip(a, b, strict=True))
    }
    if not said:
        return ()
    answers = {
        c.id: [
            None if (p := one.points.get(c.id)) is None else p >= c.threshold for one in evidence
        ]
        for c in both
    }
    return compare_criteria(
        {name: a for name, (a, _) in said.items()},
        {name: b for name, (_, b) in said.items()},
        answers,
        inclusion_probability=[one.inclusion_probability for one in evidence],
        cluster=_groups(evidence),
        names=(old.label, new.label),
        alpha=alpha,
        resamples=500,
        seed=seed,
    )


def shown(value: float | None) -> str:
    """Two digits, or a dash."""
    return "—" if value is None or np.isnan(value) else f"{value:.2f}"


@cache
def _adapter() -> TypeAdapter[Proof]:
    from pydantic import TypeAdapter

    return TypeAdapter(Proof)

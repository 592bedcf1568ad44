"""What a judge is shown, who answers its questions, and how an answer becomes a score.

A rubric's criteria go to an `Answerer` (a vision-language model, attribute heads) or to instruments.
Both answer with a probability for each point of a criterion's scale, or abstain.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from workbench.errors import JudgingError
from workbench.records import Cost, CriterionScore, Generation
from workbench.rubric import Criterion, FailureMode, Rubric

if TYPE_CHECKING:
    from PIL.Image import Image

    from workbench.models.protocols import Progress
    from workbench.schema import Category

PRESENT = 0.5
"""Probability from which on a failure mode counts as seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One generation with everything that it is judged by."""

    generation: Generation
    photos: tuple[Image, ...] = ()
    """RGB; what the seller showed, in the order of `generation.inputs`."""
    image: Image | None = None
    """RGB; what was generated. None where the generation is a listing."""
    category: Category | None = None
    """Of the item, with its attributes; None where the schema does not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answerer is asked about every subject of a batch."""

    rubric: Rubric
    """For its instructions and examples; only `criteria` are to be answered."""
    criteria: tuple[Criterion, ...]
    failure_modes: tuple[FailureMode, ...] = ()
    """Modes that no single criterion tells apart: is each of them to be seen, yes or no?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An answer to one criterion about one subject."""

    distribution: tuple[float, ...] | None
    """Probability of each point of the scale, worst first, summing to 1; None: abstained."""
    reason: str | None = None
    """In words: why it fails, or why nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Everything that an answerer says about one subject."""

    findings: tuple[Finding, ...]
    """One per criterion asked, in that order."""
    failure_modes: Mapping[str, float] = field(default_factory=dict)
    """Id to the probability (0 to 1) that the mode is to be seen; absent where it cannot be told."""
    cost: Cost = field(default_factory=Cost)


class Answerer(Protocol):
    """Answers criteria that are `by: model`."""

    @property
    def name(self) -> str:
        """The string that loaded it; verdicts carry it as their judge."""
        ...

    @property
    def revision(self) -> str:
        """Changes with everything that changes an answer: weights, prompt wording, parameters."""
        ...

    def answers(self, criterion: Criterion) -> bool:
        """True where it can answer `criterion`; it may still abstain on a single subject."""
        ...

    def answer(
        self, subjects: Sequence[Subject], asked: Asked, *, progress: Progress | None = None
    ) -> list[Answered]:
        """Answer all criteria about each subject, in order. What cannot be told abstains."""
        ...


@runtime_checkable
class StreamingAnswerer(Protocol):
    """What an answerer is besides that may be asked on while its answers are worked on."""

    def answer_each(
        self, subjects: Iterable[Subject], asked: Asked
    ) -> Generator[tuple[Subject, Answered]] | None:
        """Each subject with its answers, as they come, in any order; None: it answers in batches after all.

        `subjects` may be read in another thread. Closing it calls off what is being asked.
        """
        ...


def score(criterion: Criterion, finding: Finding, *, by: str) -> CriterionScore:
    """The score of `finding`: the expected point, counted from 1, and whether it passes.

    Source: G-Eval (Liu et al. 2023, arXiv:2303.16634), which weights points by their probability.

    Raises:
        JudgingError: The distribution has another length than the scale, or is none.
    """
    if finding.distribution is None:
        return CriterionScore(criterion=criterion.id, score=None, by=by, reason=finding.reason)
    distribution = _checked(criterion, finding.distribution, by)
    expected = float(np.arange(1, len(distribution) + 1) @ np.asarray(distribution))
    return CriterionScore(
        criterion=criterion.id,
        score=expected,
        distribution=distribution,
        passed=expected >= criterion.threshold - 1e-9,
        by=by,
        reason=finding.reason,
    )


def pass_probability(criterion: Criterion, distribution: Sequence[float]) -> float:
    """Probability, 0 to 1, that the point is at or above the criterion's threshold."""
    points = np.arange(1, len(criterion.scale) + 1)
    passing = np.asarray(distribution)[points >= criterion.threshold - 1e-9]
    return float(min(passing.sum(), 1.0))


def _checked(criterion: Criterion, distribution: Sequence[float], by: str) -> tuple[float, ...]:
    values = tuple(float(value) for value in distribution)
    if len(values) != len(criterion.scale):
        raise JudgingError(
            f"{by} answered criterion {criterion.id!r} with {len(values)} probabilities, "
            f"want one for each of its {len(criterion.scale)} points"
        )
    total = sum(values)
    if not (min(values) >= -1e-6 and abs(total - 1) <= 1e-3):  # NaN fails this too
        raise JudgingError(
            f"{by} answered criterion {criterion.id!r} with {values}, "
            "want probabilities from 0 that sum to 1"
        )
    return tuple(max(value, 0.0) / total for value in values)

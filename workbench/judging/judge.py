"""A judge: one rubric, whoever answers its criteria, and the verdict that follows."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from workbench.errors import JudgingError
from workbench.judging.instruments import INSTRUMENTS
from workbench.judging.protocols import (
    PRESENT,
    Answered,
    Answerer,
    Asked,
    Finding,
    StreamingAnswerer,
    Subject,
    pass_probability,
    score,
)
from workbench.judging.readings import Instrument, on_scale
from workbench.records import Cost, CriterionScore, Generation, Verdict, content_key
from workbench.rubric import NO_OUTPUT, FailureMode, Rubric

if TYPE_CHECKING:
    from workbench.models.protocols import Progress
    from workbench.schema import Category

_INSTRUMENT = "instrument:"


class RubricJudge:
    """Judges generations by one rubric.

    Criteria that are `by: model` go to one answerer, all of them in one call; the others go to the
    instruments that they name.
    """

    def __init__(
        self,
        rubric: Rubric,
        answerer: Answerer | None = None,
        *,
        instruments: Mapping[str, Instrument] = INSTRUMENTS,
    ) -> None:
        """Join a rubric with those who answer it.

        Args:
            rubric: What is asked.
            answerer: Answers criteria `by: model`; None where the rubric has no such criterion.
            instruments: By name, as criteria `by: instrument:<name>` call them.

        Raises:
            JudgingError: Nobody answers one of the criteria, or an instrument is for another kind of
                generation than the rubric.
        """
        self.rubric = rubric
        self.answerer = answerer
        """Answers criteria `by: model`."""
        self._instruments = {
            one.id: _instrument(one.by, rubric, instruments)
            for one in rubric.criteria
            if one.by.startswith(_INSTRUMENT)
        }
        own = tuple(one for one in rubric.criteria if one.id not in self._instruments)
        unanswered = [one.id for one in own if answerer is None or not answerer.answers(one)]
        if unanswered:
            who = f"{answerer.name!r} does not answer it" if answerer else "no model was given"
            raise JudgingError(
                f"criterion {unanswered[0]!r} of rubric {rubric.label} is `by: model`, and {who}; "
                "choose another judge, or say `by: instrument:<name>` in a rubric of your own"
            )
        self._asked = Asked(rubric=rubric, criteria=own, failure_modes=_untold(rubric))
        self.name = answerer.name if answerer else "instruments"
        """The answerer's name, `instruments` where there is none."""
        self.revision = content_key(
            "judge",
            answerer.revision if answerer else None,
            {name: one.revision for name, one in self._instruments.items()},
            1,  # raised when the rules below change
        )
        """Changes with everything that changes a verdict, the rubric aside."""
        self.parts: Mapping[str, str] = {
            **({"model": answerer.revision} if answerer and own else {}),
            **{f"{_INSTRUMENT}{one.name}": one.revision for one in self._instruments.values()},
        }
        """Who answers criteria (`model`, `instrument:<name>`) to its revision. Two versions of a rubric are judged
        alike where those that answer both are the same, although `revision` differs with what each version asks."""
        self._rubric_digest = rubric.digest  # part of every key
        self._categories: dict[str, tuple[Category, str]] = {}

    def key(self, generation: Generation, category: Category | None = None) -> str:
        """Key of the verdict on `generation`, known before it is judged."""
        return content_key(
            "verdict", generation.key, self.revision, self._rubric_digest, self._digest(category)
        )

    def judge(
        self,
        subjects: Sequence[Subject],
        *,
        run: str | None = None,
        progress: Progress | None = None,
    ) -> list[Verdict]:
        """One verdict per subject, in order.

        Raises:
            JudgingError: A subject is of another kind than the rubric, or an answer does not fit its scale.
            ModelError: The answerer's model does not answer at all.
        """
        for subject in subjects:
            self._check(subject)
        there = [subject for subject in subjects if has_output(subject.generation)]
        if self.answerer is None:
            answers = [Answered(findings=())] * len(there)
        else:
            answers = self.answerer.answer(there, self._asked)
            if len(answers) != len(there):
                raise JudgingError(
                    f"{self.name} gave {len(answers)} answers to {len(there)} subjects"
                )
        following = iter(answers)
        verdicts = []
        for subject in subjects:
            judged = has_output(subject.generation)
            verdict = self._verdict(subject, next(following)) if judged else self._missing(subject)
            verdicts.append(replace(verdict, run=run))
            if progress is not None:
                progress(1)
        return verdicts

    def judge_each(
        self, subjects: Iterable[Subject], *, run: str | None = None
    ) -> Generator[Verdict] | None:
        """As `judge`, verdicts as they come, while the answerer is asked about the next subjects.

        Subjects are taken a few ahead, in another thread. None where the answerer answers in batches only.
        Closing it calls off what is being asked.
        """
        answerer: object = self.answerer
        if not isinstance(answerer, StreamingAnswerer):
            return None
        missing: list[Subject] = []

        def there() -> Iterator[Subject]:
            for subject in subjects:
                self._check(subject)
                if has_output(subject.generation):
                    yield subject
                else:
                    missing.append(subject)

        answers = answerer.answer_each(there(), self._asked)
        return None if answers is None else self._verdicts(answers, missing, run)

    def _verdicts(
        self,
        answers: Generator[tuple[Subject, Answered]],
        missing: Sequence[Subject],
        run: str | None,
    ) -> Generator[Verdict]:
        """Verdicts by `answers`, then those on what is known to be missing by then."""
        with closing(answers):
            for subject, answered in answers:
                yield replace(self._verdict(subject, answered), run=run)
        for subject in missing:
            yield replace(self._missing(subject), run=run)

    def _check(self, subject: Subject) -> None:
        if subject.generation.kind != self.rubric.judges:
            raise JudgingError(
                f"rubric {self.rubric.label} judges generations of kind {self.rubric.judges!r}, "
                f"got {subject.generation.key[:12]} of kind {subject.generation.kind!r}"
            )

    def _verdict(self, subject: Subject, answered: Answered) -> Verdict:
        started = time.perf_counter()
        scores = self._scores(subject, answered)
        modes, open_questions = self._modes(scores, answered)
        seconds = answered.cost.seconds + time.perf_counter() - started
        approved, confidence = self._outcome(scores, modes, open_questions, answered)
        return self._record(
            subject,
            scores=scores,
            failure_modes=tuple(mode.id for mode in modes),
            approved=approved,
            confidence=confidence,
            cost=replace(answered.cost, seconds=seconds),
        )

    def _scores(self, subject: Subject, answered: Answered) -> tuple[CriterionScore, ...]:
        """Scores in the rubric's order, whoever answered."""
        if len(answered.findings) != len(self._asked.criteria):
            raise JudgingError(
                f"{self.name} answered {len(answered.findings)} criteria, "
                f"want {len(self._asked.criteria)}"
            )
        findings = iter(answered.findings)
        scores = []
        for criterion in self.rubric.criteria:
            instrument = self._instruments.get(criterion.id)
            if instrument is None:
                scores.append(score(criterion, next(findings), by=self.name))
                continue
            reading = instrument.read(subject)
            by = f"{_INSTRUMENT}{instrument.name}" + (f"/{reading.by}" if reading.by else "")
            scores.append(score(criterion, on_scale(reading, criterion), by=by))
        return tuple(scores)

    def _modes(
        self, scores: Sequence[CriterionScore], answered: Answered
    ) -> tuple[list[FailureMode], bool]:
        """Failure modes that are there, and whether a blocking one could not be told.

        The only mode of a criterion is there where the criterion fails. A mode that was asked about is
        there at probability `PRESENT`, if its criterion fails too or it blocks.
        """
        failed = {one.criterion for one in scores if one.passed is False}
        asked = {mode.id for mode in self._asked.failure_modes}
        there, unknown = [], False
        for mode in self.rubric.failure_modes:
            probability = answered.failure_modes.get(mode.id)
            if mode.id in asked:
                unknown |= mode.blocks and probability is None
                counts = mode.criterion is None or mode.blocks or mode.criterion in failed
                if probability is not None and probability >= PRESENT and counts:
                    there.append(mode)
            elif mode.criterion in failed:
                there.append(mode)
        return there, unknown

    def _outcome(
        self,
        scores: Sequence[CriterionScore],
        modes: Sequence[FailureMode],
        open_questions: bool,
        answered: Answered,
    ) -> tuple[bool | None, float | None]:
        """Approved, and the probability that it should be.

        A failed criterion or a blocking mode refuses, whatever else is unknown; an unknown one leaves
        the rest open. The probability is the product over deciding criteria (and over blocking modes
        that were asked about), so it takes them as independent given the output: calibration against
        people repairs what that gets wrong.
        """
        deciding = [
            (criterion, one)
            for criterion, one in zip(self.rubric.criteria, scores, strict=True)
            if criterion.decides
        ]
        chances = [
            pass_probability(criterion, one.distribution)
            for criterion, one in deciding
            if one.distribution is not None
        ]
        blocking = {mode.id for mode in self._asked.failure_modes if mode.blocks}
        chances += [1 - p for name, p in answered.failure_modes.items() if name in blocking]
        unknown = open_questions or any(one.passed is None for _, one in deciding)
        confidence = None if unknown and 0.0 not in chances else math.prod(chances)
        if any(mode.blocks for mode in modes) or any(one.passed is False for _, one in deciding):
            return False, confidence
        return (None if unknown else True), confidence

    def _missing(self, subject: Subject) -> Verdict:
        """There is nothing to judge: refused for certain, each criterion left open."""
        reason = f"there is no {self.rubric.judges} to judge"
        known = {mode.id for mode in self.rubric.failure_modes}
        return self._record(
            subject,
            scores=tuple(
                score(one, Finding(distribution=None, reason=reason), by="")
                for one in self.rubric.criteria
            ),
            failure_modes=(NO_OUTPUT,) if NO_OUTPUT in known else (),
            approved=False,
            confidence=0.0,
            cost=Cost(),
        )

    def _record(
        self,
        subject: Subject,
        *,
        scores: tuple[CriterionScore, ...],
        failure_modes: tuple[str, ...],
        approved: bool | None,
        confidence: float | None,
        cost: Cost,
    ) -> Verdict:
        return Verdict(
            key=self.key(subject.generation, subject.category),
            generation=subject.generation.key,
            judge=self.name,
            revision=self.revision,
            rubric=self.rubric.label,
            scores=scores,
            failure_modes=failure_modes,
            approved=approved,
            confidence=confidence,
            cost=cost,
            simulated=subject.generation.simulated,
        )

    def _digest(self, category: Category | None) -> str | None:
        """Digest of what a category allows; kept, because a catalogue's items share few categories."""
        if category is None:
            return None
        kept = self._categories.get(category.id)
        if kept is None or kept[0] is not category:
            kept = (category, content_key(asdict(category)))
            self._categories[category.id] = kept
        return kept[1]


def has_output(generation: Generation) -> bool:
    """True where there is a listing or an image to judge."""
    return (generation.listing if generation.kind == "listing" else generation.image) is not None


def _instrument(by: str, rubric: Rubric, instruments: Mapping[str, Instrument]) -> Instrument:
    name = by.removeprefix(_INSTRUMENT)
    if name not in instruments:
        raise JudgingError(
            f"rubric {rubric.label} wants instrument {name!r}; there are: "
            f"{', '.join(sorted(instruments)) or 'none'}"
        )
    found = instruments[name]
    if found.judges != rubric.judges:
        raise JudgingError(
            f"rubric {rubric.label} judges {rubric.judges}s, and instrument {name!r} {found.judges}s"
        )
    return found


def _untold(rubric: Rubric) -> tuple[FailureMode, ...]:
    """Modes that must be asked about: those without a criterion, or that share one with another."""
    uses = Counter(mode.criterion for mode in rubric.failure_modes)
    return tuple(
        mode
        for mode in rubric.failure_modes
        if mode.id != NO_OUTPUT and (mode.criterion is None or uses[mode.criterion] > 1)
    )

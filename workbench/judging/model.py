"""Criteria answered by a vision-language model, as probabilities over each scale's points.

All criteria of a subject go into one `score` call, so an engine reads pictures, instructions and output
once. A model whose engine gives no probabilities (a server without `logprobs`) cannot judge here: its
`score` raises, and that error is passed on.

Source: expected points as in G-Eval (arXiv:2303.16634); a yes or no as in VQAScore (arXiv:2404.01291).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from workbench.judging import prompts
from workbench.judging.protocols import Answered, Asked, Finding, Subject, score
from workbench.models.protocols import (
    Answer,
    Decoding,
    Prompt,
    Question,
    Scorer,
    Streaming,
    TextModel,
)
from workbench.records import Cost, content_key
from workbench.rubric import Criterion

if TYPE_CHECKING:
    from workbench.models.protocols import Progress

_REASON_TOKENS = 80
"""Longest reason, in tokens."""


@dataclass(frozen=True, slots=True)
class ModelAnswerer:
    """Answers every `by: model` criterion with one vision-language model."""

    scorer: Scorer
    explainer: TextModel | None = None
    """Writes the reason of each criterion that fails, most often the scorer itself; None: no reasons."""
    least_coverage: float = 0.5
    """Probability, 0 to 1, that the model must give to the scale's points together. Below it the model
    was about to say something else, so its answer is none: it abstains."""

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.scorer.name

    @property
    def revision(self) -> str:
        """Weights of both models, wording and limits."""
        return content_key(
            "model answerer",
            self.scorer.revision,
            self.explainer.revision if self.explainer else None,
            prompts.WORDING,
            float(self.least_coverage),
            _REASON_TOKENS,
        )

    def answers(self, criterion: Criterion) -> bool:
        """True for every criterion that is `by: model`."""
        return criterion.by == "model"

    def answer(
        self, subjects: Sequence[Subject], asked: Asked, *, progress: Progress | None = None
    ) -> list[Answered]:
        """Answer all criteria and failure modes about each subject.

        Abstains on a subject without a picture, where the model's engine reports an error, and where
        the answers' coverage is under `least_coverage`.

        Raises:
            ModelError: The engine gives no probabilities, or does not answer at all.
        """
        questions = _questions(asked)
        contexts = [prompts.context(subject, asked.rubric) for subject in subjects]
        shown = [place for place, context in enumerate(contexts) if context.images]
        answers: dict[int, list[Answer]] = {}
        if shown and questions:
            scored = self.scorer.score(
                [contexts[place] for place in shown],
                [questions for _ in shown],
                progress=progress,
            )
            answers = dict(zip(shown, scored, strict=True))
        results = [self._answered(asked, answers.get(place)) for place in range(len(subjects))]
        return self._explained(results, contexts, asked)

    def answer_each(
        self, subjects: Iterable[Subject], asked: Asked
    ) -> Generator[tuple[Subject, Answered]] | None:
        """As `answer`, one by one as answers come, while the model is asked about the next.

        Subjects are taken a few ahead, in another thread. Those without a picture come last. None where the
        scorer answers in batches, or reasons are wanted.

        Raises:
            ModelError: The engine gives no probabilities, or does not answer at all.
        """
        if self.explainer is not None or not isinstance(self.scorer, Streaming):
            return None
        return self._stream(self.scorer, subjects, asked)

    def _stream(
        self, scorer: Streaming, subjects: Iterable[Subject], asked: Asked
    ) -> Generator[tuple[Subject, Answered]]:
        questions = _questions(asked)
        shown: list[Subject | None] = []
        blind: list[Subject] = []

        def contexts() -> Iterator[tuple[Prompt, Sequence[Question]]]:
            for subject in subjects:
                context = prompts.context(subject, asked.rubric)
                if context.images and questions:
                    shown.append(subject)
                    yield context, questions
                else:
                    blind.append(subject)

        with closing(scorer.score_each(contexts())) as scored:
            for place, answers in scored:
                subject, shown[place] = shown[place], None  # its pictures go with it
                assert subject is not None
                yield subject, self._answered(asked, answers)
        for subject in blind:
            yield subject, self._answered(asked, None)

    def _answered(self, asked: Asked, answers: list[Answer] | None) -> Answered:
        if answers is None:
            blind = Finding(distribution=None, reason="there is no picture to judge by")
            return Answered(findings=(blind,) * len(asked.criteria))
        n = len(asked.criteria)
        modes = {
            mode.id: answer.distribution[1]
            for mode, answer in zip(asked.failure_modes, answers[n:], strict=True)
            if answer.error is None and answer.coverage >= self.least_coverage
        }
        return Answered(
            findings=tuple(map(self._finding, answers[:n])),
            failure_modes=modes,
            cost=_total([answer.cost for answer in answers]),
        )

    def _finding(self, answer: Answer) -> Finding:
        if answer.error is not None:
            return Finding(distribution=None, reason=answer.error)
        if answer.coverage < self.least_coverage:
            said = f"only {answer.coverage:.0%} of the model's answer was a point of the scale"
            return Finding(distribution=None, reason=said)
        return Finding(distribution=answer.distribution)

    def _explained(
        self, results: list[Answered], contexts: list[Prompt], asked: Asked
    ) -> list[Answered]:
        """The same answers, with a reason for each criterion that fails."""
        if self.explainer is None:
            return results
        failed: list[tuple[int, int, Prompt]] = []
        for subject, result in enumerate(results):
            for place, (criterion, finding) in enumerate(
                zip(asked.criteria, result.findings, strict=True)
            ):
                given = score(criterion, finding, by=self.name)
                if given.passed is not False or given.distribution is None:
                    continue
                likeliest = max(range(len(criterion.scale)), key=given.distribution.__getitem__)
                prompt = prompts.reason(contexts[subject], criterion, criterion.scale[likeliest])
                failed.append((subject, place, prompt))
        if not failed:
            return results
        completions = self.explainer.complete(
            [prompt for *_, prompt in failed], Decoding(max_tokens=_REASON_TOKENS)
        )
        findings = [list(result.findings) for result in results]
        costs = [[result.cost] for result in results]
        for (subject, place, _), completion in zip(failed, completions, strict=True):
            finding = findings[subject][place]
            findings[subject][place] = Finding(
                distribution=finding.distribution, reason=completion.text.strip() or None
            )
            costs[subject].append(completion.cost)
        return [
            Answered(
                findings=tuple(findings[subject]),
                failure_modes=result.failure_modes,
                cost=_total(costs[subject]),
            )
            for subject, result in enumerate(results)
        ]


def _questions(asked: Asked) -> list[Question]:
    """Of all criteria, then of all failure modes."""
    return [
        *(prompts.question(criterion, asked) for criterion in asked.criteria),
        *(prompts.mode_question(mode) for mode in asked.failure_modes),
    ]


def _total(costs: Sequence[Cost]) -> Cost:
    """All of them together; memory is the highest, not the sum."""
    return reduce(
        lambda a, b: Cost(
            seconds=a.seconds + b.seconds,
            prompt_tokens=a.prompt_tokens + b.prompt_tokens,
            completion_tokens=a.completion_tokens + b.completion_tokens,
            images=a.images + b.images,
            device_memory_bytes=max(a.device_memory_bytes, b.device_memory_bytes),
        ),
        costs,
        Cost(),
    )

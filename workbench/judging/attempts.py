"""How far a refinement has come: attempts with their pictures and verdicts in, a stated ending out.

Nothing is remembered beside the records: whoever reads the same attempts comes to the same ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.records import CriterionScore, Generation, Verdict
from workbench.rubric import Criterion, Rubric

State = Literal["approved", "gave up", "failed", "open"]
"""`gave up`: the limit, or no progress. `failed`: a model or a server did not answer. `open`: it goes on."""

_RISE = 1e-6
"""A score that rises by less did not rise."""
_NAMED = 3
"""Criteria that a reason names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One picture of an attempt, and what the judge says of it."""

    image: Generation
    """Its `image` is None where the model made none; `details["error"]` then says why."""
    verdict: Verdict | None
    """None: not judged yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One prompt, and the pictures that were made from it."""

    number: int
    """From 1."""
    prompt: Generation
    """Its `details["error"]` says why where no prompt could be written."""
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Where a refinement stands."""

    state: State
    reason: str
    """In words; what is still to be done where the state is `open`."""
    best: Try | None
    """The best picture of all attempts: approved before others, then by score. None: there is no picture."""
    score: float | None
    """Of the best, 0 to 1; None where nothing was scored."""


def verdict_score(verdict: Verdict, rubric: Rubric) -> float | None:
    """Mean of the criteria that decide, each on a scale from 0 (worst point) to 1 (best).

    None where the judge answered none of them.
    """
    deciding = {c.id: len(c.scale) for c in rubric.criteria if c.decides}
    shares = [
        (one.score - 1) / (deciding[one.criterion] - 1)
        for one in verdict.scores
        if one.score is not None and one.criterion in deciding
    ]
    return sum(shares) / len(shares) if shares else None


def did_not_answer(verdict: Verdict) -> bool:
    """True where the judge broke down, as against a judge that looked and abstained."""
    return verdict.approved is None and all(not one.by for one in verdict.scores)


def ending(attempts: Sequence[Attempt], rubric: Rubric, *, limit: int, patience: int) -> Ending:
    """Where a refinement stands after `attempts`, in order.

    Args:
        attempts: From the first; each with all pictures that were asked for, as far as they are there.
        rubric: That the verdicts follow.
        limit: Attempts at most, from 1.
        patience: Attempts in a row that do not raise the best score, after which it gives up; 0: never.
    """
    judged = [t for a in attempts for t in a.tries if t.verdict is not None and t.image.image]
    best = max(judged, key=lambda t: _rank(t, rubric), default=None)
    if best is None:
        best = next((t for a in attempts for t in a.tries if t.image.image), None)
    score = verdict_score(best.verdict, rubric) if best and best.verdict else None

    state: State = "open"
    last = attempts[-1] if attempts else None
    fails = _fails(best, rubric)
    if last is None:
        reason = "no prompt was written yet"
    elif best is not None and best.verdict is not None and best.verdict.approved:
        state, reason = "approved", f"approved at attempt {best.image.attempt}"
    elif why := _failure(last, rubric):
        state, reason = "failed", why
    elif not last.tries:
        reason = f"attempt {last.number} has no picture yet"
    elif any(t.verdict is None and t.image.image for t in last.tries):
        reason = f"attempt {last.number} is not judged yet"
    elif len(attempts) >= limit:
        state, reason = "gave up", f"the limit of {_attempts(limit)} was reached; {fails}"
    elif patience and len(attempts) > patience and not _rose(attempts, rubric, patience):
        state, reason = "gave up", f"no progress in {_attempts(patience)}; {fails}"
    else:
        reason = f"attempt {last.number} was refused; {fails}"
    return Ending(state=state, reason=reason, best=best, score=score)


def best_score(attempt: Attempt, rubric: Rubric) -> float | None:
    """The best score of an attempt's pictures, 0 to 1; None where nothing was scored."""
    scores = [verdict_score(t.verdict, rubric) for t in attempt.tries if t.verdict is not None]
    return max((s for s in scores if s is not None), default=None)


def best_try(attempt: Attempt, rubric: Rubric) -> Try | None:
    """The best judged picture of an attempt; None where there is none."""
    judged = [t for t in attempt.tries if t.verdict is not None and t.image.image]
    return max(judged, key=lambda t: _rank(t, rubric), default=None)


def _rank(one: Try, rubric: Rubric) -> tuple[bool, float, int, int]:
    """Approved first, then by score; earlier ones where that is equal."""
    assert one.verdict is not None
    score = verdict_score(one.verdict, rubric)
    candidate = one.image.details.get("candidate", 0)
    return (
        one.verdict.approved is True,
        -1.0 if score is None else score,
        -one.image.attempt,
        -(candidate if isinstance(candidate, int) else 0),
    )


def _failure(last: Attempt, rubric: Rubric) -> str:
    """Why the last attempt came to nothing that could be judged; empty where it did not."""
    if error := last.prompt.details.get("error"):
        return f"no prompt for attempt {last.number}: {error}"
    if last.tries and all(t.image.image is None for t in last.tries):
        error = last.tries[0].image.details.get("error", "the model gave no reason")
        return f"no picture at attempt {last.number}: {error}"
    broken = [t.verdict for t in last.tries if t.verdict and did_not_answer(t.verdict)]
    if broken and len(broken) == sum(t.image.image is not None for t in last.tries):
        said = broken[0].scores[0].reason if broken[0].scores else None
        return f"no verdict at attempt {last.number}: {said or 'the judge gave no reason'}"
    for tried in last.tries:
        if tried.verdict and (missing := _missing_instrument(tried.verdict, rubric)):
            return f"no approval is possible: {missing.criterion} is unanswered, {missing.reason}"
    return ""


def _missing_instrument(verdict: Verdict, rubric: Rubric) -> CriterionScore | None:
    """An instrument's missing answer that alone keeps a picture from being approved: no prompt mends that."""
    deciding = {c.id for c in rubric.criteria if c.decides}
    open_ones = [s for s in verdict.scores if s.criterion in deciding and s.passed is None]
    if verdict.approved is not None or not open_ones:
        return None
    return open_ones[0] if all(s.by.startswith("instrument:") for s in open_ones) else None


def _rose(attempts: Sequence[Attempt], rubric: Rubric, patience: int) -> bool:
    scores = [s if (s := best_score(a, rubric)) is not None else 0.0 for a in attempts]
    return max(scores[-patience:]) > max(scores[:-patience]) + _RISE


def _fails(best: Try | None, rubric: Rubric) -> str:
    """What the best picture fails, in words."""
    if best is None or best.verdict is None:
        return "nothing could be judged"
    deciding = {c.id: c for c in rubric.criteria if c.decides}
    failed = [
        f"{s.criterion} ({_point(s, deciding[s.criterion])})"
        for s in best.verdict.scores
        if s.criterion in deciding and s.passed is False
    ]
    unanswered = [
        s.criterion for s in best.verdict.scores if s.criterion in deciding and s.passed is None
    ]
    if failed:
        return f"the best picture fails {_listed(failed)}"
    if unanswered:
        return f"the judge did not answer {_listed(unanswered)}"
    modes = [m.replace("_", " ") for m in best.verdict.failure_modes]
    return f"the best picture shows {_listed(modes)}" if modes else "nothing was approved"


def _point(score: CriterionScore, criterion: Criterion) -> str:
    if score.score is None:
        return "no score"
    return f"{score.score:.1f} of {len(criterion.scale)}, {criterion.threshold:g} wanted"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _attempts(count: int) -> str:
    return f"{count} attempt" + ("s" if count != 1 else "")

"""From the most probable first tokens of an answer to probabilities over given answers.

Engines that list only the top tokens (llama.cpp, OpenAI-compatible servers) share this reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.models.protocols import Answer, Question


def cannot_be_told_apart(question: Question) -> str | None:
    """Why one token cannot decide this question; None where it can.

    Case and surrounding spaces do not count: ` Yes` and `yes` are one answer.
    """
    answers = [answer.strip().casefold() for answer in question.answers]
    if len(answers) < 2 or "" in answers:
        return f"want at least two answers, none of them empty, got {question.answers!r}"
    for i, one in enumerate(answers):
        for j, other in enumerate(answers):
            if i != j and other.startswith(one):
                return (
                    f"answer {question.answers[j]!r} begins with {question.answers[i]!r}, and this "
                    "engine reads only the first token: use answers none of which begins another"
                )
    return None


def read_answers(top: Sequence[tuple[str, float]], answers: Sequence[str]) -> Answer:
    """Read probabilities over `answers` from the most probable first tokens.

    A token counts for an answer that it spells whole, in any case, with or without a space before it.
    Where no listed token spells an answer whole, the longest listed token that begins this answer and
    no other stands for it. An answer that is not listed at all gets the most that it can have: the
    least probability listed, or its share of the mass that was not listed where that is less. So a
    model that was thinking of something else answers evenly, with a coverage near 0.

    Args:
        top: Token text and natural logarithm of its probability, any order.
        answers: Answers to which `cannot_be_told_apart` has no objection.

    Returns:
        The answer without its cost. `coverage` is an upper bound where answers were not listed.
    """
    listed = [(text.strip().casefold(), math.exp(min(0.0, logp))) for text, logp in top]
    wanted = [answer.strip().casefold() for answer in answers]
    found = [_listed_mass(answer, wanted, listed) for answer in wanted]
    missing = found.count(None)
    unlisted = max(0.0, 1.0 - math.fsum(p for _, p in listed))
    least = min((p for _, p in listed), default=0.0)
    mass = [min(least, unlisted / missing) if p is None else p for p in found]
    total = math.fsum(mass)
    if not total > 0:
        error = "the model gave none of the answers any probability"
        return Answer(distribution=(), coverage=0.0, error=error)
    return Answer(distribution=tuple(p / total for p in mass), coverage=min(1.0, total))


def _listed_mass(
    answer: str, answers: Sequence[str], listed: Sequence[tuple[str, float]]
) -> float | None:
    """Probability of the tokens that stand for `answer`; None where none is listed."""
    whole = [p for text, p in listed if text == answer]
    if whole:
        return math.fsum(whole)
    begins = [
        text
        for text, _ in listed
        if text and answer.startswith(text) and sum(a.startswith(text) for a in answers) == 1
    ]
    if not begins:
        return None
    longest = max(begins, key=len)
    return math.fsum(p for text, p in listed if text == longest)

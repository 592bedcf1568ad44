"""From the store to attempts: which prompts, pictures and verdicts belong together, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.judging.attempts import Attempt, Try, best_try, did_not_answer
from workbench.records import Generation, Verdict
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainsOf:
    """Whose pictures and verdicts are meant."""

    model_revision: str
    """Of the image model."""
    judge: str
    judge_revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was tried for one category or theme: the newest first prompt, and what followed from it."""

    category: str
    attempts: tuple[Attempt, ...]


def read_chains(
    store: Store,
    whose: ChainsOf,
    rubric: Rubric,
    *,
    categories: Sequence[str] | None = None,
) -> Iterator[Chain]:
    """The attempts of each category, in the order in which categories were begun.

    Args:
        store: Nothing else is read.
        whose: Which image model, and which judge.
        rubric: By whose verdicts attempts are ranked.
        categories: Only these; None: all that have a prompt.
    """
    wanted = None if categories is None else set(categories)
    firsts: dict[str, Generation] = {}
    following: dict[str, list[Generation]] = {}
    pictures: dict[str, list[Generation]] = {}
    for one in store.records(Generation):
        if wanted is not None and one.category not in wanted:
            continue
        if one.kind == "prompt" and one.parent is None:
            firsts[one.category] = one
        elif one.kind == "prompt":
            following.setdefault(str(one.parent), []).append(one)
        elif one.kind == "image" and one.revision == whose.model_revision:
            pictures.setdefault(str(one.details.get("prompt")), []).append(one)
    verdicts = _verdicts(store, whose, rubric)
    for category, first in firsts.items():
        attempts: list[Attempt] = []
        prompt: Generation | None = first
        while prompt is not None:
            own = _newest(pictures.get(prompt.key, []))
            tries = tuple(Try(image=g, verdict=verdicts.get(g.key)) for g in own)
            attempts.append(Attempt(number=len(attempts) + 1, prompt=prompt, tries=tries))
            prompt = _next(attempts[-1], following.get(prompt.key, []), rubric)
        yield Chain(category=category, attempts=tuple(attempts))


def _verdicts(store: Store, whose: ChainsOf, rubric: Rubric) -> dict[str, Verdict]:
    """By generation; an answer counts before the report of a judge that broke down."""
    found: dict[str, Verdict] = {}
    for one in store.records(Verdict):
        if (one.judge, one.revision, one.rubric) != (
            whose.judge,
            whose.judge_revision,
            rubric.label,
        ):
            continue
        if one.generation not in found or not did_not_answer(one):
            found[one.generation] = one
    return found


def _newest(pictures: Sequence[Generation]) -> list[Generation]:
    """One picture per candidate: one that was made before the report that none could be made."""
    kept: dict[object, Generation] = {}
    for one in pictures:
        candidate = one.details.get("candidate", 0)
        if candidate not in kept or one.image is not None or kept[candidate].image is None:
            kept[candidate] = one
    return [kept[c] for c in sorted(kept, key=str)]


def _next(last: Attempt, better: Sequence[Generation], rubric: Rubric) -> Generation | None:
    """The prompt that answers this attempt's verdict; the newest, where none says which it answers."""
    refused = best_try(last, rubric)
    if refused is None or refused.verdict is None or refused.verdict.approved:
        return None
    exact = [p for p in better if p.details.get("verdict") == refused.verdict.key]
    return (exact or list(better) or [None])[-1]  # type: ignore[list-item]

"""From the store to attempts: which prompts, pictures and verdicts belong together, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from workbench.judging.attempts import Attempt, Try, best_try, did_not_answer
from workbench.records import Generation, Run, Verdict, content_key
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store


STAGE = "category images"
"""Of a run: its note is a `Scope` as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one run looked at, also where it found all of it done."""

    prompts: Mapping[str, Sequence[str]]
    """Topic to the keys of its prompts, attempt by attempt."""
    seed: int
    candidates: int
    names: Mapping[str, str] = field(default_factory=dict)
    """Topic to its name in words; empty in notes of earlier versions, as is `leads`."""
    leads: Mapping[str, str] = field(default_factory=dict)
    """Topic to the id of the item that leads it."""

    def to_json(self) -> str:
        """As `chains_of` reads it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainsOf:
    """Whose pictures and verdicts are meant."""

    model_revision: str
    """Of the image model."""
    judge: str
    judge_revision: str
    scope: Scope | None = None
    """None: whatever the store holds last of each topic."""
    catalog: str | None = None
    """Whose topics; two catalogues may call a category the same. None: any."""


def chains_of(store: Store, run: Run) -> ChainsOf:
    """What `run` worked on; of one that was killed, whatever the store holds last of each topic."""
    arguments = run.arguments
    notes = [note for note in store.events(run=run.id, stage=STAGE)["note"] if note]
    name = arguments.get("name")
    return ChainsOf(
        model_revision=str(arguments["image_model_revision"]),
        judge=str(arguments["judge_name"]),
        judge_revision=str(arguments["judge_revision"]),
        scope=Scope(**json.loads(notes[-1])) if notes else None,
        catalog=None if name is None else str(name),
    )


def seed_of(seed: int, topic: str, attempt: int, candidate: int) -> int:
    """The seed of one picture, 0 up to 2³¹: the same wherever and whenever it is made."""
    return int(content_key("seed", seed, topic, attempt, candidate)[:8], 16) % 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was tried for one category or theme: a first prompt, and what followed from it."""

    category: str
    attempts: tuple[Attempt, ...]
    name: str
    """In words; the category's id where nobody wrote it down."""
    lead: str | None
    """Id of the item that leads; None where nothing says."""


SAME_AS = "same_as"
"""In the details of a prompt: the key of the one whose words it has, and which stands in its place."""


def read_chains(store: Store, whose: ChainsOf, rubric: Rubric) -> Iterator[Chain]:
    """The attempts of each category, in the order in which categories were begun.

    Args:
        store: Nothing else is read.
        whose: Which image model, which judge, and what of it.
        rubric: By whose verdicts attempts are ranked.
    """
    prompts: dict[str, Generation] = {}
    pictures: dict[str, list[Generation]] = {}
    for one in store.records(Generation):
        if one.kind == "prompt":
            prompts[one.key] = one
        elif one.kind == "image" and one.revision == whose.model_revision:
            pictures.setdefault(str(one.details.get("prompt")), []).append(one)
    verdicts = _verdicts(store, whose, rubric)

    def attempt(number: int, prompt: Generation) -> Attempt:
        own = _newest(_meant(pictures.get(prompt.key, []), whose.scope, prompt.category, number))
        tries = tuple(Try(image=g, verdict=verdicts.get(g.key)) for g in own)
        return Attempt(number=number, prompt=prompt, tries=tries)

    if whose.scope is not None:
        for category, keys in whose.scope.prompts.items():
            tried = tuple(attempt(n, prompts[key]) for n, key in enumerate(keys, 1))
            yield Chain(
                category=category,
                attempts=tried,
                name=whose.scope.names.get(category, category),
                lead=whose.scope.leads.get(category) or (tried[0].prompt.item if tried else None),
            )
        return
    firsts = {p.category: p for p in prompts.values() if p.parent is None and _is_of(p, whose)}
    following: dict[str, list[Generation]] = {}
    for prompt in prompts.values():
        following.setdefault(str(prompt.parent), []).append(prompt)
    for category, first in firsts.items():
        attempts: list[Attempt] = []
        last: Generation | None = prompts.get(str(first.details.get(SAME_AS)), first)
        while last is not None:
            attempts.append(attempt(len(attempts) + 1, last))
            last = _next(attempts[-1], following.get(last.key, []), rubric)
        yield Chain(category=category, attempts=tuple(attempts), name=category, lead=first.item)


def _is_of(prompt: Generation, whose: ChainsOf) -> bool:
    """Whether a first prompt is about an item of the catalogue that is meant; one that failed says of none."""
    from workbench.store import catalog_of

    return whose.catalog is None or not prompt.item or catalog_of(prompt.item) == whose.catalog


def _meant(
    pictures: Sequence[Generation], scope: Scope | None, topic: str, attempt: int
) -> list[Generation]:
    """Those that a run of this scope made or found."""
    if scope is None:
        return list(pictures)
    seeds = {seed_of(scope.seed, topic, attempt, c) for c in range(scope.candidates)}
    return [one for one in pictures if one.seed in seeds]


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

"""Alignment by a scorer: of each statement, is it right, wrong, or nothing that the photos show?

Rules first drop what no photo can show at all; what is left is asked statement by statement, in the words in
which listings are judged, and the probabilities are kept. That is little enough to ask of a small judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.alignment import decisions as d
from workbench.alignment.decisions import AspectDecision, Decisions, WordDecision, aligned
from workbench.alignment.protocols import alignment_key, made
from workbench.alignment.rules import RuleAligner
from workbench.judging import Subject, prompts
from workbench.models.protocols import Answer, Prompt, Question, Scorer
from workbench.models.starter.small_questions import HIDDEN, STATED
from workbench.records import Cost, Generation, Item, Listing, content_key
from workbench.rubric import load_rubric
from workbench.schema import Schema

if TYPE_CHECKING:
    from PIL.Image import Image

_RUBRIC = "listing"
ANSWERS = (*prompts.SEEN, HIDDEN)
"""Wrong, right, and that the photos do not say."""


@dataclass(frozen=True)
class ScoringAligner:
    """Asks a scorer that sees about each visible statement."""

    scorer: Scorer
    schema: Schema
    rules: RuleAligner
    keep_above: float = 0.5
    """Probability, 0 to 1, that a statement is right from which on it is kept."""

    sees = True

    @property
    def name(self) -> str:
        """The scorer's string."""
        return self.scorer.name

    @cached_property
    def revision(self) -> str:
        """Digest of weights, rules, words and threshold."""
        return content_key(
            "alignment by scores", self.scorer.revision, self.rules.revision, prompts.WORDING, STATED,
            list(ANSWERS), load_rubric(_RUBRIC).digest, self.keep_above,
        )  # fmt: skip

    @property
    def asks(self) -> object:
        """The scorer."""
        return self.scorer

    def key(self, item: Item) -> str:
        """Content key of the alignment, known before it is made."""
        return alignment_key(item, self.schema.category(item.category), self.revision)

    def align(
        self, items: Sequence[Item], photos: Sequence[tuple[Image, ...]], *, run: str | None = None
    ) -> list[Generation]:
        """One generation per item; where the scorer does not answer, what the rules alone say, and why."""
        categories = [self.schema.category(item.category) for item in items]
        begun = [
            self.rules.decide(item, category, guess=False)
            for item, category in zip(items, categories, strict=True)
        ]
        asked = [_asked(one) for one in begun]
        contexts, questions, places = [], [], []
        for i, (item, several) in enumerate(zip(items, asked, strict=True)):
            for listing, names in several:
                contexts.append(_context(item, listing, photos[i]))
                questions.append([_question(name) for name in names])
                places.append((i, names, listing))
        scored = self.scorer.score(contexts, questions) if contexts else []
        answers: list[dict[tuple[str, tuple[str, ...]], Answer]] = [{} for _ in items]
        for (i, names, listing), found in zip(places, scored, strict=True):
            for name, answer in zip(names, found, strict=True):
                answers[i][name, listing.aspects[name]] = answer
        results = []
        for item, category, one, known in zip(items, categories, begun, answers, strict=True):
            error = next((a.error for a in known.values() if a.error), None)
            decided = self.rules.decide(item, category) if error else self._decided(one, known)
            results.append(
                made(
                    item, self, decided, listing=aligned(decided, category), error=error, run=run,
                    parameters={"keep_above": self.keep_above}, cost=_total(list(known.values())),
                )
            )  # fmt: skip
        return results

    def _decided(
        self, begun: Decisions, known: dict[tuple[str, tuple[str, ...]], Answer]
    ) -> Decisions:
        aspects = [
            self._aspect(one, known[one.written_name, one.written]) if one.kept else one
            for one in begun.aspects
        ]
        title: list[WordDecision] = []
        following: WordDecision | None = None  # the first word of the phrase that goes on
        for word in begun.title:
            if word.kept and word.written:
                following = self._word(word, known)
                title.append(following)
            elif word.kept and following is not None and not following.kept:
                title.append(d.dropped(word, following.kind))
            else:
                title.append(word)
        return Decisions(title=tuple(title), aspects=tuple(aspects))

    def _aspect(self, one: AspectDecision, answer: Answer) -> AspectDecision:
        told = _told(answer)
        if told["right"] >= self.keep_above:
            return replace(one, probabilities=told)
        return d.refused(one, _why(told), probabilities=told)

    def _word(
        self, word: WordDecision, known: dict[tuple[str, tuple[str, ...]], Answer]
    ) -> WordDecision:
        """A phrase that may mean several aspects is kept where it is right of one."""
        found = [
            _told(known[name, (value,)]) for name, value in word.claims if (name, (value,)) in known
        ]
        if not found:
            return word
        best = max(found, key=lambda told: told["right"])
        if best["right"] >= self.keep_above:
            return replace(word, probabilities=best)
        return d.dropped(word, _why(best), probabilities=best)


def _asked(begun: Decisions) -> list[tuple[Listing, list[str]]]:
    """Listings that state each claim once, and which of their aspects are asked about.

    A claim that contradicts one before it (a title that says another colour) goes into a listing of its own.
    """
    claims = [(one.written_name, one.written) for one in begun.aspects if one.kept]
    claims += [(name, (value,)) for word in begun.title if word.kept for name, value in word.claims]
    rounds: list[dict[str, tuple[str, ...]]] = []
    for name, values in dict.fromkeys(claims):
        free = next((one for one in rounds if name not in one), None)
        if free is None:
            free = {}
            rounds.append(free)
        free[name] = values
    title = " ".join(word.written for word in begun.title if word.kept and word.written)
    return [(Listing(title=title, aspects=aspects), list(aspects)) for aspects in rounds]


def _context(item: Item, listing: Listing, photos: tuple[Image, ...]) -> Prompt:
    generation = Generation(
        key="",
        kind="listing",
        category=item.category,
        model="",
        revision="",
        prompt="",
        listing=listing,
    )
    return prompts.context(Subject(generation=generation, photos=photos), load_rubric(_RUBRIC))


def _question(name: str) -> Question:
    return Question(text=STATED.format(name=name), answers=ANSWERS)


def _told(answer: Answer) -> dict[str, float]:
    wrong, right, hidden = (round(p, 4) for p in answer.distribution)
    return {"wrong": wrong, "right": right, d.HIDDEN: hidden}


def _why(told: dict[str, float]) -> str:
    return d.CONTRADICTED if told["wrong"] >= told[d.HIDDEN] else d.HIDDEN


def _total(answers: Sequence[Answer]) -> Cost:
    return Cost(
        seconds=sum(one.cost.seconds for one in answers),
        prompt_tokens=sum(one.cost.prompt_tokens for one in answers),
        completion_tokens=sum(one.cost.completion_tokens for one in answers),
        device_memory_bytes=max((one.cost.device_memory_bytes for one in answers), default=0),
    )

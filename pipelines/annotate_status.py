"""How far an audit's people are: what is answered, how they agree, what they dispute, how gold items went."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from annotation.label_studio.gold import GoldScore, known_answers, score_gold
from annotation.people import Annotator, MeasuredPeople, Question, measure_audit
from workbench.calibration import Estimate, in_words
from workbench.calibration.audited import answers_to, find_audit, unanswered
from workbench.records import Annotation, Audit

if TYPE_CHECKING:
    from workbench.store import Store

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationStatus:
    """An audit's answers, as the store holds them."""

    audit: Audit
    unanswered: int
    people: MeasuredPeople
    gold: tuple[GoldScore, ...]
    """By name; empty where nobody answered a gold item."""
    store: str

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "audit": self.audit.id,
            "rubric": self.audit.rubric,
            "drawn": len(self.audit.drawn),
            "unanswered": self.unanswered,
            "simulated": any(one.simulated for one in self.people.annotators),
            **self.people.as_dict(),
            "open_disputes": len(self.people.settlement.queue),
            "gold": [asdict(one) for one in self.gold],
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        drawn, option = len(self.audit.drawn), f" --store {shlex.quote(self.store)}"
        yield (
            f"Audit {self.audit.id[:12]} by {self.audit.rubric}: {drawn - self.unanswered:,} of {drawn:,} "
            "items are answered"
        )
        if not self.people.annotators:
            yield f"Nobody's answers are in the store yet:  workbench annotate pull{option}"
            return
        yield ""
        wide = max(len(one.name) for one in self.people.annotators)
        yield f"{'':{wide}}  answers  agrees with the others  approves more (+)  seconds"
        for one in self.people.annotators:
            yield _person(one, wide)
        yield ""
        yield "Agreement beyond chance (Krippendorff's α; 1 is perfect, 0 is chance)"
        wide = max(len(one.id) for one in self.people.questions)
        for question in self.people.questions:
            yield _question(question, wide)
        disputes, queue = self.people.settlement.disputes, self.people.settlement.queue
        yield ""
        yield (
            f"{_items(len(disputes))} in dispute, {len(disputes) - len(queue):,} settled"
            + (f":  workbench annotate adjudicate{option}" if queue else "")
        )
        for score in self.gold:
            yield (
                f"gold: {score.annotator} is right on {in_words(score.right)} of "
                f"{_items(score.answered)}"
            )
        if any(one.simulated for one in self.people.annotators):
            yield "Some answers are simulated: no person gave them."


def annotation_status(store: Store, *, audit: str | None = None, named: str) -> AnnotationStatus:
    """Measure the people who answered an audit; asks no server.

    Args:
        store: Holds the answers, pulled before.
        audit: Id, or the beginning of one; None: the latest that brought an answer.
        named: The store's address, as the next command wants it.

    Raises:
        StoreError: There is no such audit.
    """
    found = find_audit(store, audit)
    return AnnotationStatus(
        audit=found,
        unanswered=len(unanswered(store, found)),
        people=measure_audit(store, found, seed=found.seed),
        gold=score_gold(_beside(store, found), known_answers(store, found.rubric)),
        store=named,
    )


def _beside(store: Store, audit: Audit) -> list[Annotation]:
    """Answers about what was not drawn: the planted items."""
    drawn = {item.generation for item in audit.drawn}
    return [a for a in answers_to(store, audit) if a.generation not in drawn]


def _person(one: Annotator, wide: int) -> str:
    agrees, leans = one.approvals.agreement, one.approvals.lean
    seconds = _NONE if one.seconds.value is None else f"{one.seconds.value:.0f}"
    return (
        f"{one.name:{wide}}  {one.answered:>7,}  {_short(agrees):<22}  {_short(leans, signed=True):<17}  "
        f"{seconds:>7}"
    )


def _question(one: Question, wide: int) -> str:
    return f"  {one.id:{wide}}  {_short(one.alpha):<20}  {_items(one.items)}"


def _short(estimate: Estimate, *, signed: bool = False) -> str:
    """A number with its interval; a dash where there is none to be had."""
    if estimate.value is None:
        return _NONE
    if estimate.low is None:
        return in_words(estimate, signed=signed).partition(" (")[0]
    return in_words(estimate, signed=signed)


def _items(number: int) -> str:
    return f"{number:,} item" if number == 1 else f"{number:,} items"

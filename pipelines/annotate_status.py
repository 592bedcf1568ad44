"""How far an audit's people are: what is answered, how they agree, what they dispute, how gold items went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from annotation.label_studio.adjudicate import asked_to_settle
from annotation.label_studio.gold import GoldScore, known_answers, score_gold
from annotation.label_studio.projects import standing_projects
from annotation.people import Annotator, MeasuredPeople, Question, measure_audit
from pipelines.annotate_audits import answered_instead, asked_audit
from pipelines.annotate_gold import truth_about
from pipelines.annotate_summaries import count
from pipelines.store_names import shown_store, store_option
from workbench.calibration import Estimate, in_words
from workbench.calibration.audited import answered_in, answers_to
from workbench.calibration.audits.sharing import answers_shared
from workbench.calibration.gather import people_first
from workbench.records import Annotation, Audit

if TYPE_CHECKING:
    from workbench.store import Store

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationStatus:
    """An audit's answers, as the store holds them."""

    audit: Audit
    unanswered: int
    """Items without an answer that counts."""
    by_people: int
    """Items that a person answered."""
    simulated: tuple[str, ...]
    """Who gave simulated answers, whether they count or not; empty where nobody did."""
    simulated_items: int
    """Items with a simulated answer, whether it counts or not."""
    waiting: int
    """Open disputes that are in the adjudication project."""
    people: MeasuredPeople
    gold: tuple[GoldScore, ...]
    """By name; empty where nobody answered a gold item."""
    gold_by_truth: int
    """Gold items whose right answer is the truth of a drawn catalogue; those of the others are people's."""
    gold_by_people: int
    store: str
    """Its address, the password hidden."""
    asked: bool = True
    """Whether a project that was pushed from the store, and not withdrawn, asks about the audit."""
    answered_instead: Audit | None = None
    """The latest audit with answers, where the latest of all was meant and has none yet."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "audit": self.audit.id,
            "answered_instead": self.answered_instead and self.answered_instead.id,
            "rubric": self.audit.rubric,
            "drawn": len(self.audit.drawn),
            "asked": self.asked,
            "unanswered": self.unanswered,
            "answered_by_people": self.by_people,
            "simulated_items": self.simulated_items,
            "simulated": any(one.simulated for one in self.people.annotators),
            **self.people.as_dict(),
            "open_disputes": len(self.people.settlement.queue),
            "waiting_for_adjudication": self.waiting,
            "gold": [asdict(one) for one in self.gold],
            "gold_by_truth": self.gold_by_truth,
            "gold_by_people": self.gold_by_people,
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        drawn, option = len(self.audit.drawn), store_option(self.store)
        yield (
            f"Audit {self.audit.id[:12]} by {self.audit.rubric}; answered by people: {self.by_people:,} of "
            f"{drawn:,} items"
        )
        if self.simulated_items:
            yield "Some answers are simulated: no person gave them."
            yield (
                f"  {self.simulated_items:,} of {drawn:,} items, by {', '.join(self.simulated)}: "
                + (
                    "left out, because people answered"
                    if self.by_people
                    else "measured below until a person answers"
                )
            )
        if self.people.not_blind:
            yield (
                f"Given after seeing the judge's answer, and left out: {self.people.not_blind:,} "
                + ("answer" if self.people.not_blind == 1 else "answers")
            )
        if not self.people.annotators:
            do = "pull" if self.asked else "push"
            why = "" if self.asked else ", and no project asks for them"
            yield f"Nobody's answers are in the store yet{why}:  workbench annotate {do}{option}"
            if self.answered_instead is not None:
                yield (
                    "The latest audit with answers:  workbench annotate status"
                    f"{option} --audit {self.answered_instead.id[:12]}"
                )
            yield from self._gold()
            return
        yield ""
        wide = max(len(one.name) for one in self.people.annotators)
        yield f"{'':{wide}}  answers  agrees with the others  approves more (+)  seconds"
        for one in self.people.annotators:
            yield _person(one, wide)
        yield ""
        yield "Agreement beyond chance (Krippendorff's α; 1 is perfect, 0 is chance)"
        wide = max((len(one.id) for one in self.people.questions), default=0)
        for question in self.people.questions:
            yield _question(question, wide)
        yield ""
        yield from self._disputes(option)
        yield from self._gold()

    def _gold(self) -> Iterator[str]:
        """How people did on gold items, and who says what is right."""
        for score in self.gold:
            yield (
                f"gold: {score.annotator} is right on {in_words(score.right)} of "
                f"{count(score.answered, 'item')}"
            )
        if self.gold:
            sources = (
                (self.gold_by_truth, "from the truth of the drawn catalogue"),
                (self.gold_by_people, "from people: gold answers and settled disputes"),
            )
            said = "; ".join(f"{number:,} {where}" for number, where in sources if number)
            yield f"  right answers: {said}"

    def _disputes(self, option: str) -> Iterator[str]:
        """How many there are, and what to do next."""
        disputes, queue = self.people.settlement.disputes, self.people.settlement.queue
        fresh, contested = len(queue) - self.waiting, sum(item.contested for item in queue)
        yield (
            f"{count(len(disputes), 'item')} in dispute, {len(disputes) - len(queue):,} settled"
            + (f":  workbench annotate adjudicate{option}" if fresh else "")
        )
        if contested:
            yield (
                f"  {contested:,} settled both ways: one adjudicator changes their answer, or one more "
                "decides"
            )
        if self.waiting:
            yield (
                f"  {self.waiting:,} in the adjudication project; when answered there:  "
                f"workbench annotate pull{option}"
            )


def annotation_status(store: Store, *, audit: str | None = None, named: str) -> AnnotationStatus:
    """Measure the people who answered an audit; asks no server.

    Args:
        store: Holds the answers, pulled before.
        audit: Id, or the beginning of one; None: the latest, as a push takes it.
        named: The store's address, as the next command wants it.

    Raises:
        StoreError: There is no such audit.
    """
    found = asked_audit(store, audit)
    answers = answers_to(store, found)
    simulated = [one for one in answers if one.simulated]
    people = measure_audit(store, found, seed=found.seed)
    beside = _beside(found, answers)
    settled = known_answers(store, found.rubric)
    truth = truth_about(store, found, {one.generation for one in beside} - settled.keys())
    scored = {one.generation for one in beside}
    asked = asked_to_settle(store, found)
    return AnnotationStatus(
        audit=found,
        unanswered=len(found.drawn) - len(answered_in(found, answers)),
        by_people=len(answered_in(found, [one for one in answers if not one.simulated])),
        simulated=tuple(sorted({one.annotator for one in simulated})),
        simulated_items=len(answered_in(found, simulated)),
        waiting=sum(item.generation in asked for item in people.settlement.queue),
        people=people,
        gold=score_gold(beside, truth | settled),
        gold_by_truth=len(truth),
        gold_by_people=len(scored & settled.keys()),
        answered_instead=answered_instead(store, found) if audit is None else None,
        store=shown_store(named),
        asked=any(
            stands
            for purpose, stands in standing_projects(store)
            if purpose.audit in {found.id, *answers_shared(store, found)}
            and not purpose.adjudicates
        ),
    )


def _beside(audit: Audit, answers: Sequence[Annotation]) -> list[Annotation]:
    """Answers about what was not drawn: the planted items. Simulated ones only where no person answered anything."""
    drawn = {item.generation for item in audit.drawn}
    counted = people_first(a for a in answers if a.blind and a.approved is not None)
    return [a for a in counted if a.generation not in drawn]


def _person(one: Annotator, wide: int) -> str:
    agrees, leans = one.approvals.agreement, one.approvals.lean
    seconds = _NONE if one.seconds.value is None else f"{one.seconds.value:.0f}"
    return (
        f"{one.name:{wide}}  {one.answered:>7,}  {_short(agrees):<22}  {_short(leans, signed=True):<17}  "
        f"{seconds:>7}"
    )


def _question(one: Question, wide: int) -> str:
    return f"  {one.id:{wide}}  {_short(one.alpha):<20}  {count(one.items, 'item')}"


def _short(estimate: Estimate, *, signed: bool = False) -> str:
    """A number with its interval; a dash where there is none to be had."""
    if estimate.value is None:
        return _NONE
    if estimate.low is None:
        return in_words(estimate, signed=signed).partition(" (")[0]
    return in_words(estimate, signed=signed)

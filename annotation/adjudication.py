"""Many answers to one, with every disagreement kept, and the queue of those that somebody has to settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.calibration import (
    AdjudicatedItem,
    Adjudication,
    adjudicate,
    adjudications,
    latest_answers,
)
from workbench.calibration.gather import adjudicators, people_first
from workbench.records import Annotation
from workbench.rubric import Rubric

APPROVED = "approved"
"""Name of the question whether an output is approved, beside the criteria's own ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One generation: what each person said, what it comes to, and who settled it."""

    generation: str
    said: Mapping[str, Annotation]
    """Annotator to the answer that they gave last, alone."""
    vote: AdjudicatedItem
    """The approvals among those answers, brought to one."""
    differs: tuple[str, ...]
    """Questions that people answer differently: `approved`, then criteria that one of them finds passed
    and another failed."""
    adjudication: Annotation | None
    """The answer that settles it; None where nobody was asked, has not answered yet, or adjudicators differ."""
    contested: bool
    """Whether as many adjudicators say yes as no: it is not settled until one more decides, or one changes."""

    @property
    def approved(self) -> bool | None:
        """What counts: the adjudication, else the vote; None where the vote is split."""
        if self.adjudication is not None:
            return self.adjudication.approved
        return None if self.vote.label is None else bool(self.vote.label)

    @property
    def open(self) -> bool:
        """Whether people, or those who were to settle it, differ on the approval, and it is not settled."""
        return self.adjudication is None and (self.vote.disputed or self.contested)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """All answered generations with one answer each."""

    items: tuple[Settled, ...]
    """In the order in which they first came."""
    votes: Adjudication
    """The same as a vote, with the errors of each person."""

    @property
    def disputes(self) -> tuple[Settled, ...]:
        """Items on whose approval people differ, settled ones too; the closest first.

        Last come those on which only adjudicators differ, because an answer was changed or deleted since.
        """
        by_generation = {item.generation: item for item in self.items}
        differ = [by_generation[vote.item] for vote in self.votes.disputes]
        return (*differ, *(i for i in self.items if i.contested and not i.vote.disputed))

    @property
    def queue(self) -> tuple[Settled, ...]:
        """Disputes that wait for somebody to settle them; the closest first."""
        return tuple(item for item in self.disputes if item.open)


def settle(
    annotations: Iterable[Annotation],
    *,
    rubric: Rubric | None = None,
    level: float = 0.95,
) -> Settlement:
    """Bring the answers about each generation to one.

    An answer counts as `workbench.calibration.gather` counts it: the last one of each person, given without
    seeing the judge's, and neither skipped nor deleted; simulated ones only where no person answered anything.
    Where an adjudication was given, it counts instead; where adjudicators differ evenly, none does.

    Args:
        annotations: About one rubric; those that do not count are left out.
        rubric: Says which points of a criterion pass; None: only approvals are compared.
        level: Of the intervals of each person's errors, between 0 and 1.

    Raises:
        ValueError: `level` is not between 0 and 1.
    """
    given = people_first(a for a in annotations if a.blind and a.approved is not None)
    answers = latest_answers(given)
    settled = adjudications(given)
    asked = adjudicators(given)
    rows = [(key, who, one) for key, said in answers.items() for who, one in said.items()]
    votes = adjudicate(
        items=[key for key, _, _ in rows],
        annotators=[who for _, who, _ in rows],
        labels=[one.approved for _, _, one in rows],
        level=level,
    )
    return Settlement(
        items=tuple(
            Settled(
                generation=vote.item,
                said=answers[vote.item],
                vote=vote,
                differs=_differs(answers[vote.item], rubric),
                adjudication=settled.get(vote.item),
                contested=vote.item in asked and vote.item not in settled,
            )
            for vote in votes.items
        ),
        votes=votes,
    )


def _differs(said: Mapping[str, Annotation], rubric: Rubric | None) -> tuple[str, ...]:
    found = [APPROVED] if len({one.approved for one in said.values()}) > 1 else []
    for criterion in rubric.criteria if rubric is not None else ():
        points = [one.scores[criterion.id] for one in said.values() if criterion.id in one.scores]
        if len({point >= criterion.threshold for point in points}) > 1:
            found.append(criterion.id)
    return tuple(found)

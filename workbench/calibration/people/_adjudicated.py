"""What adjudication returns: items with one answer each, and the people who gave the many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.metrics.estimate import Estimate

Label = bool | str
"""An answer: yes or no, or the name of a class."""
Method = Literal["majority", "dawid-skene"]

_CLOSE = 0.5  # a lead of the likeliest class below which an item is in dispute


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjudicatedItem:
    """One item: what each person said, and what that comes to."""

    item: str
    said: Mapping[str, Label]
    """Annotator to answer; those who skipped the item are absent."""
    label: Label | None
    """None where nobody answered, or no class leads."""
    probability: tuple[float, ...] | None
    """Of each class, in the order of `Adjudication.classes`, summing to 1; None under a majority, and
    where the model cannot be identified."""
    margin: float | None
    """Lead of the likeliest class over the next one, 0 to 1: of probabilities, or of shares of the
    answers under a majority; None where nobody answered."""

    @property
    def disputed(self) -> bool:
        """Whether people differ, or the lead is under one half."""
        return len(set(self.said.values())) > 1 or (
            self.margin is not None and self.margin < _CLOSE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorErrors:
    """How one person's answers compare with what the item is taken to be."""

    annotator: str
    answered: int
    counts: tuple[tuple[float, ...], ...] | None
    """Shape (classes, classes): row is the class of the item, column what the person said. Under Dawid
    and Skene these are expected counts, under a majority the items decided by the others. None where it
    cannot be known, and `reason` says why."""
    right: tuple[Estimate, ...]
    """For each class, the share of its items on which the person says so."""
    reason: str | None = None

    @property
    def confusion(self) -> tuple[tuple[float, ...] | None, ...] | None:
        """Probability of each answer (column) for each class (row); a row is None where no item is of it."""
        if self.counts is None:
            return None
        return tuple(
            tuple(x / sum(row) for x in row) if sum(row) > 0 else None for row in self.counts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudication:
    """All items with one answer each, and the people who gave the many."""

    method: Method
    classes: tuple[Label, ...]
    """Sorted; (False, True) for yes and no."""
    items: tuple[AdjudicatedItem, ...]
    """In the order in which they first came."""
    annotators: tuple[AnnotatorErrors, ...]
    """By name."""
    prior: tuple[float, ...] | None
    """Share of each class among the items as the model sees it; None under a majority and where it
    cannot be identified."""
    iterations: int | None
    converged: bool | None
    """Whether the model came to rest; None where none was fitted."""
    reason: str | None
    """Why there are no probabilities where there might be some: "not identifiable: …"."""
    assumptions: tuple[str, ...]

    @property
    def disputes(self) -> tuple[AdjudicatedItem, ...]:
        """Items in dispute, the closest first."""
        found = [item for item in self.items if item.disputed]
        return tuple(sorted(found, key=lambda item: (item.margin or 0.0, item.item)))

    def sensitivity(self, annotator: str) -> Estimate:
        """Share of items that are a yes on which this person says yes (of 1 − it they are too strict).

        Raises:
            ValueError: The answers are no yes and no, or nobody has this name.
        """
        return self._right(annotator, yes=True)

    def specificity(self, annotator: str) -> Estimate:
        """Share of items that are a no on which this person says no (of 1 − it they are too lenient).

        Raises:
            ValueError: The answers are no yes and no, or nobody has this name.
        """
        return self._right(annotator, yes=False)

    def _right(self, annotator: str, *, yes: bool) -> Estimate:
        if self.classes != (False, True):
            raise ValueError(
                f"sensitivity and specificity are of answers True and False, got {list(self.classes)}; "
                "read `right` of the annotator"
            )
        for person in self.annotators:
            if person.annotator == annotator:
                return person.right[yes]
        known = ", ".join(person.annotator for person in self.annotators) or "none"
        raise ValueError(f"no annotator {annotator!r}; known: {known}")

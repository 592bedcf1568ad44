"""The five-class judge: outputs of its two worst classes against the aligned truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.preferences._build import Built
from workbench.preferences._pair import Origin, Pair
from workbench.preferences._tally import Tally
from workbench.preferences._texts import write_like
from workbench.records import Generation, Listing

Grade = Literal[1, 2, 3, 4, 5]
"""How much of an output is right: 1: under 30%, 2: 30–49%, 3: 50–79%, 4: 80–94%, 5: 95–100%."""
WORST: tuple[Grade, ...] = (1, 2)
"""Grades of outputs that become the rejected side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One output, its grade, and what it should have said."""

    generation: Generation
    grade: Grade
    truth: Listing | str
    """The aligned truth; a listing is written in the style of the output, a text taken as it is."""
    probability: float | None = None
    """That the grade is one of the two worst, 0 to 1; None where the judge gives none."""


def pairs_from_grades(graded: Iterable[Graded]) -> Built:
    """Pairs of outputs that the judge finds bad, against their truth; better ones are left out.

    Nothing here knows who may train: `check` with the items that are held out, and writing to a store's
    export, refuse what may not.

    Raises:
        ValueError: A grade or a probability is out of range.

    Source: OPAL, arXiv:2508.10116, section on preference data.
    """
    tally, pairs = Tally(), []
    for one in graded:
        if one.grade not in (1, 2, 3, 4, 5):
            raise ValueError(
                f"want a grade from 1 to 5, got {one.grade!r} ({one.generation.key[:12]})"
            )
        if one.probability is not None and not 0 <= one.probability <= 1:
            raise ValueError(f"want a probability from 0 to 1, got {one.probability!r}")
        made = one.generation
        if made.kind != "listing" or made.text is None:
            tally.add("no text", "the model answered nothing", made.key[:12])
        elif one.grade not in WORST:
            tally.add("good enough", "the judge finds at least half of it right", made.key[:12])
        else:
            pairs.append(_pair(one, made.text))
    return Built(pairs=tuple(pairs), left_out=tally.total())


def _pair(one: Graded, said: str) -> Pair:
    made = one.generation
    truth = one.truth if isinstance(one.truth, str) else write_like(said, one.truth)
    return Pair(
        prompt=made.prompt,
        chosen=truth,
        rejected=said,
        source="five-class",
        photos=made.inputs,
        item=made.item,
        category=made.category,
        margin=None if one.probability is None else max(0.0, 2 * one.probability - 1),
        simulated=made.simulated,
        origin=Origin(rejected=made.key, model=made.model, revision=made.revision),
    )

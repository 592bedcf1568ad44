"""Gold items: outputs whose right answer is known, planted among those that were drawn, to see how careful people are.

Nothing on the page tells them apart. Answers about them score the person who gave them, and say nothing about
the judge: no audit drew these items, so no calibration weighs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.calibration import Estimate, adjudications, latest_answers, proportion
from workbench.calibration.gather import people_first
from workbench.errors import LabelStudioError
from workbench.records import Annotation, content_key

if TYPE_CHECKING:
    from workbench.rubric import Rubric
    from workbench.store import Store

GOLD = "gold"
"""Annotator of the records that say what is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldScore:
    """One person's answers to gold items, held against what is right."""

    annotator: str
    answered: int
    """Gold items that they answered."""
    right: Estimate
    """Share on which they approve what is to be approved, and reject what is not (Wilson)."""
    caught: Estimate
    """Share of what is to be rejected that they reject."""
    passed: Estimate
    """Share of what is to be approved that they approve."""
    named: Estimate
    """Share of known failure modes, on items that they rejected, that they named."""
    missed: tuple[str, ...]
    """Generation keys of the items on which they were wrong."""


def gold_answer(
    generation: str,
    *,
    rubric: Rubric,
    approved: bool,
    failure_modes: Sequence[str] = (),
    simulated: bool = False,
) -> Annotation:
    """A record that says what is right about `generation`; in the store it makes a gold item of it.

    Args:
        generation: Its key.
        rubric: By which it is right.
        approved: Whether it is to be approved.
        failure_modes: What is wrong with it; ids of the rubric.
        simulated: True where a catalogue's own truth says so, and no person.

    Raises:
        LabelStudioError: A failure mode is none of the rubric's.
    """
    known = [mode.id for mode in rubric.failure_modes]
    if strange := sorted(set(failure_modes) - set(known)):
        raise LabelStudioError(
            f"want failure modes of {rubric.label} for the gold item {generation[:12]}, got "
            f"{strange[0]!r}; it has: {', '.join(known) or 'none'}"
        )
    return Annotation(
        id=content_key(GOLD, generation, rubric.label),
        generation=generation,
        annotator=GOLD,
        rubric=rubric.label,
        approved=approved,
        failure_modes=tuple(failure_modes),
        simulated=simulated,
    )


def known_answers(store: Store, rubric: str) -> dict[str, Annotation]:
    """Generation to what is right about it, by the rubric `<name>@<version>`: gold answers, and adjudications.

    Of several adjudications `workbench.calibration.adjudications` says which one settles, and contested items are
    not there; simulated ones count only where no person answered by this rubric. Where there is a gold answer, it
    counts.
    """
    every = [a for a in store.records(Annotation) if a.rubric == rubric]
    gold = {a.generation: a for a in every if a.annotator == GOLD and a.approved is not None}
    said = (a for a in every if a.annotator != GOLD and a.approved is not None)
    return adjudications(people_first(said)) | gold


def choose_gold(
    drawn: Collection[str], gold: Collection[str], *, count: int, seed: int
) -> tuple[str, ...]:
    """Draw `count` gold items to be pushed together with the drawn ones; the same arguments, the same items.

    `push` puts tasks in the order of their keys, so gold items come at places that tell nothing. One that was
    drawn too is not chosen: its answers count.

    Args:
        drawn: Generation keys of the audit.
        gold: Generation keys whose answer is known.
        count: How many to plant.
        seed: Of the choice.

    Raises:
        LabelStudioError: There are fewer than `count` to choose from.
    """
    free = set(gold) - set(drawn)
    if not 0 <= count <= len(free):
        fewer = f"plant {len(free)}, " if free else ""
        raise LabelStudioError(
            f"want {count!r} gold items to plant, and the store knows the right answer about {len(free) or 'none'} of "
            f"the outputs that this audit did not draw: {fewer}draw a smaller audit where the catalogue's truth is "
            "known (`drawn:`), or settle disputes of another audit with `workbench annotate adjudicate` and "
            "`workbench annotate pull`, whose answers then count as right (in Python: `gold_answer`)"
        )
    return tuple(gold_order(free, seed=seed)[:count])


def gold_order(gold: Iterable[str], *, seed: int) -> list[str]:
    """Generation keys by a rank that the seed gives each, whatever others there are.

    More gold in the store changes few of those that were chosen before.
    """
    return sorted(gold, key=lambda key: content_key(GOLD, seed, key))


def score_gold(
    annotations: Iterable[Annotation], known: Mapping[str, Annotation], *, level: float = 0.95
) -> tuple[GoldScore, ...]:
    """Score everybody who answered a gold item, by name.

    Args:
        annotations: Any; of several answers of one person about one item the last counts, skipped ones do not.
        known: Generation key to the right answer; see `known_answers`.
        level: Of the intervals, between 0 and 1.
    """
    by_person: dict[str, dict[str, Annotation]] = {}
    for generation, said in latest_answers(annotations).items():
        for who, one in said.items():
            if generation in known and who != GOLD:
                by_person.setdefault(who, {})[generation] = one
    found = []
    for who, own in sorted(by_person.items()):
        pairs = [(key, one, known[key]) for key, one in own.items()]
        same = {key: one.approved == right.approved for key, one, right in pairs}
        named = [
            mode in one.failure_modes
            for _, one, right in pairs
            if one.approved is False and right.approved is False
            for mode in right.failure_modes
        ]
        found.append(
            GoldScore(
                annotator=who,
                answered=len(pairs),
                right=proportion(list(same.values()), level=level),
                caught=proportion(
                    [same[key] for key, _, right in pairs if right.approved is False], level=level
                ),
                passed=proportion(
                    [same[key] for key, _, right in pairs if right.approved], level=level
                ),
                named=proportion(named, level=level),
                missed=tuple(sorted(key for key, right in same.items() if not right)),
            )
        )
    return tuple(found)

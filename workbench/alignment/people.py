"""Alignments against what people say: which words and aspects of sellers' listings the photos bear out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from workbench.alignment.checking import (
    ASPECTS,
    WORDS,
    AlignmentCheck,
    Judged,
    summarise,
)
from workbench.alignment.decisions import Decisions
from workbench.metrics import Estimate, proportion
from workbench.records import Annotation, Generation, Item
from workbench.store import group_of

RUBRIC = "alignment@1"
"""By which people answer; their scores are named `word <n>` (1: not shown, 2: shown) and `aspect <n>` (1: not, 2:
inferable, 3: seen), counted from 1 in the order of `Decisions`."""
_VERDICTS = {1.0: "not", 2.0: "inferable", 3.0: "seen"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCheck:
    """What a drawn sample of alignments is worth, by people who did not see them."""

    alignments: int
    """Those that somebody answered about."""
    people: int
    disputed: int
    """Statements on which as many people say one thing as another: they count nowhere."""
    simulated: bool
    """True where an answer is not a person's."""
    checks: tuple[AlignmentCheck, ...]
    """Words of titles, then aspects, as they are held against a truth."""
    verdicts: Estimate
    """Share of aspects that are called seen, inferable or not as people call them."""

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def check_by_people(
    items: Mapping[str, Item], alignments: Iterable[Generation], annotations: Sequence[Annotation]
) -> PeopleCheck | None:
    """Hold what was decided against people's answers; None where nobody answered about any of them.

    The answer about a statement is that of most people who gave one. Alignments are drawn with equal chances, so
    shares need no weights; intervals are by product (`group_of`).

    Args:
        items: By id, at least those of `alignments`.
        alignments: Of one aligner; those about which nobody answered are left out.
        annotations: By `RUBRIC`; skipped and deleted ones are left out.
    """
    given: dict[str, list[Annotation]] = {}
    for said in annotations:
        if said.rubric == RUBRIC and said.state == "answered" and said.scores:
            given.setdefault(said.generation, []).append(said)
    rows: dict[str, list[Judged]] = {WORDS: [], ASPECTS: []}
    same: list[tuple[bool, str]] = []
    disputed, answered, people = 0, 0, set[str]()
    simulated = False
    for made in alignments:
        several = given.get(made.key)
        item = items.get(made.item or "")
        if not several or item is None or "aspects" not in made.details:
            continue
        decided, group = Decisions.from_dict(made.details), group_of(item)
        answered += 1
        people |= {one.annotator for one in several}
        simulated |= any(one.simulated for one in several)
        for n, word in enumerate(decided.title, start=1):
            told = _most(one.scores.get(f"word {n}") for one in several)
            disputed += told is None
            if told is not None:
                rows[WORDS].append((not word.kept, told < 2, word.kind, group))
        for n, aspect in enumerate(decided.aspects, start=1):
            told = _most(one.scores.get(f"aspect {n}") for one in several)
            disputed += told is None
            if told is not None:
                rows[ASPECTS].append((not aspect.kept, told < 2, aspect.kind, group))
                same.append((_VERDICTS.get(told) == aspect.verdict, group))
    if not answered:
        return None
    return PeopleCheck(
        alignments=answered,
        people=len(people),
        disputed=disputed,
        simulated=simulated,
        checks=tuple(summarise(about, found) for about, found in rows.items()),
        verdicts=proportion([one for one, _ in same], groups=[g for _, g in same] or None),
    )


def _most(answers: Iterable[float | None]) -> float | None:
    """What most say; None where nobody says anything, or the first two are as many."""
    counts = Counter(one for one in answers if one is not None).most_common(2)
    if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]

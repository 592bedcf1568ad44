"""What answered audits say of each generation that they drew: the judge's verdict beside people's answers."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.calibration import adjudications, gather, latest_answers
from workbench.calibration.audited import answers_to
from workbench.calibration.audits.found import could_draw, others_alike
from workbench.calibration.gather import weighed
from workbench.errors import CalibrationError
from workbench.records import Annotation, Audit, Generation, Item, Verdict
from workbench.store import group_of

if TYPE_CHECKING:
    from workbench.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One generation that an audit drew and people answered."""

    generation: Generation
    verdict: Verdict
    item: Item | None
    """None for an image that describes no item."""
    unit: str
    """What sides are dealt by: the item's id, or `prompt:<key of the first attempt>`."""
    group: str
    """Units that share it are on one side."""
    suitable: bool
    """What most people say, or the adjudication."""
    points: Mapping[str, float]
    """Criterion to the median of the points that people chose; absent where nobody answered it."""
    failure_modes: frozenset[str]
    """Ids that at least half of the people named."""
    named: Mapping[str, str]
    """Failure modes that are in no rubric: id to the words in which a person named it."""
    notes: tuple[str, ...]
    inclusion_probability: float
    simulated: bool

    @property
    def key(self) -> str:
        """The generation's."""
        return self.generation.key


def read_all_evidence(store: Store, audit: Audit) -> tuple[Evidence, ...]:
    """What `audit` and all others about the same judge, rubric version and part of the items brought.

    An output counts once: of the audits that could have drawn it, in the one with the most answers. So what they
    speak for does not overlap, and inclusion probabilities hold for all of it together. Simulated answers count only
    where no person answered anything.

    Raises:
        CalibrationError: As for `read_evidence`; or what one of them was drawn from is not in the store any more.
    """
    brought = [(one, read_evidence(store, one)) for one in others_alike(store, audit)]
    if any(not e.simulated for _, own in brought for e in own):
        brought = [(one, tuple(e for e in own if not e.simulated)) for one, own in brought]
    brought.sort(key=lambda pair: -len(pair[1]))
    found: list[Evidence] = []
    elsewhere: set[str] = set()
    for place, (one, own) in enumerate(brought):
        found += [e for e in own if e.key not in elsewhere]
        later = [e.generation for _, others in brought[place + 1 :] for e in others]
        elsewhere |= could_draw(store, one, later)
    return tuple(found)


def read_evidence(store: Store, audit: Audit) -> tuple[Evidence, ...]:
    """What `audit`, and those that it grew from, brought: one entry per answered generation, as drawn.

    People's answers count as in a calibration: those given blind, the majority of them, simulated ones
    only where no person answered, an adjudication instead of what it settles.

    Raises:
        CalibrationError: A verdict or generation that was drawn is not in the store.
    """
    said = answers_to(store, audit)
    verdicts = list(store.records(Verdict, [one.verdict for one in audit.drawn]))
    generations = {g.key: g for g in store.records(Generation, [v.generation for v in verdicts])}
    if len(verdicts) != len(audit.drawn) or len(generations) != len(verdicts):
        raise CalibrationError(
            f"audit {audit.id[:12]} drew {len(audit.drawn)} verdicts, but the store holds {len(verdicts)} of "
            "them: put the store together again from its backup, or draw another audit"
        )
    items = {i.id: i for i in store.records(Item, {g.item for g in generations.values() if g.item})}
    units = units_of(store, list(generations.values()))
    gathered = gather(verdicts, audit, said)
    counted = weighed(audit, said)
    answers = {key: [*own.values()] for key, own in latest_answers(counted).items()}
    answers |= {key: [one] for key, one in adjudications(counted).items()}
    named = _named(store, {a.id for own in answers.values() for a in own}, list(answers))
    found = []
    for verdict, suitable, modes, chance in zip(
        verdicts,
        gathered.answer,
        gathered.failure_modes,
        gathered.inclusion_probability,
        strict=True,
    ):
        if suitable is None or chance is None:
            continue
        generation = generations[verdict.generation]
        item = items.get(generation.item or "")
        own = answers[generation.key]
        found.append(
            Evidence(
                generation=generation,
                verdict=verdict,
                item=item,
                unit=units[generation.key],
                group=units[generation.key] if item is None else group_of(item),
                suitable=suitable,
                points=_points(own),
                failure_modes=modes,
                named=named.get(generation.key, {}),
                notes=tuple(a.note for a in own if a.note),
                inclusion_probability=chance,
                simulated=any(a.simulated for a in own),
            )
        )
    return tuple(found)


def units_of(store: Store, generations: Sequence[Generation]) -> dict[str, str]:
    """Generation key to the unit that it is about: its item, else the first attempt at its prompt."""
    units = {g.key: g.item for g in generations if g.item is not None}
    root = {g.key: g for g in generations if g.item is None}
    while waiting := {key: g.parent for key, g in root.items() if g.parent}:
        parents = {g.key: g for g in store.records(Generation, sorted(set(waiting.values())))}
        lost = [key for key, parent in waiting.items() if parent not in parents]
        for key in lost:
            units[key] = f"prompt:{root.pop(key).parent}"
        root |= {key: parents[parent] for key, parent in waiting.items() if parent in parents}
    return units | {key: f"prompt:{g.key}" for key, g in root.items()}


def slug(words: str) -> str:
    """`words` as an id: lower case, `_` for what is no letter or digit; `""` where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:40].rstrip("_")


def _points(answers: Sequence[Annotation]) -> dict[str, float]:
    given: dict[str, list[float]] = {}
    for one in answers:
        for criterion, point in one.scores.items():
            given.setdefault(criterion, []).append(point)
    return {criterion: statistics.median(points) for criterion, points in given.items()}


def _named(
    store: Store, annotations: set[str], generations: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Generation to failure modes that people wrote down themselves."""
    frame = store.corrections(about="failure_mode", generation=list(generations))
    found: dict[str, dict[str, str]] = {}
    for row in frame.itertuples(index=False):
        if row.annotation in annotations and isinstance(row.after, str) and slug(row.after):
            found.setdefault(str(row.generation), {})[slug(row.after)] = row.after.strip()
    return found

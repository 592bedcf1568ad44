"""From records to the arrays that `calibrate_arrays` reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.calibration.audits._strata import Decision, stratum_in, stratum_of
from workbench.calibration.people.adjudicate import majority
from workbench.records import Annotation, Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedVerdicts:
    """One judge's verdicts with an audit's answers: one entry per verdict throughout, in one order.

    `calibrate_arrays(**gathered.arguments())` reads it.
    """

    generations: tuple[str, ...]
    approved: tuple[bool | None, ...]
    confidence: tuple[float | None, ...] | None
    """None where the judge gave no confidence at all."""
    inclusion_probability: tuple[float | None, ...]
    answer: tuple[bool | None, ...]
    """The annotators' majority; None without an answer, and where they are split evenly."""
    stratum: tuple[str, ...]
    cluster: tuple[str, ...] | None
    slices: Mapping[str, tuple[str, ...]]
    failure_modes: tuple[frozenset[str], ...]
    """Modes named by at least half of those who answered."""
    simulated: bool

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `calibrate_arrays`."""
        return {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "generations"
        }


def gather(
    verdicts: Sequence[Decision],
    audit: Audit,
    annotations: Iterable[Annotation],
    *,
    categories: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> AuditedVerdicts:
    """Join verdicts, one audit and people's answers by generation.

    Annotations of generations that the audit did not draw are left out: they were not drawn with a
    known probability. Those by another rubric, and those that saw the judge's answer first (`blind` is False),
    are left out too, and so are simulated ones as soon as one person answered: the two are never mixed. A
    person who answered twice about one generation counts once, with the later answer. Where an adjudication
    settles it, that alone counts.

    Args:
        verdicts: The audit's population: one per generation, of the audit's judge and rubric.
        audit: The draw.
        annotations: Any; those of other generations and rubrics are ignored.
        categories: Generation key to category, for slices and for the strata of an audit by category.
        groups: Generation key to the product or prompt that it shares; a missing or empty one stands alone.

    Raises:
        ValueError: A generation has two verdicts, or the audit drew one that has none.
    """
    keys = tuple(verdict.generation for verdict in verdicts)
    if len(set(keys)) != len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f"generation {twice!r} has two verdicts; pass one of each")
    drawn = {item.generation: item for item in audit.drawn}
    strangers = sorted(set(drawn) - set(keys))
    if strangers:
        raise ValueError(
            f"audit {audit.id!r} drew {len(strangers)} generations without a verdict here, such as "
            f"{strangers[0]!r}; pass all verdicts that it was drawn from"
        )
    given = weighed(audit, annotations)
    answers = {key: [*said.values()] for key, said in latest_answers(given).items()}
    answers |= {key: [one] for key, one in adjudications(given).items()}
    scores = tuple(verdict.confidence for verdict in verdicts)
    return AuditedVerdicts(
        generations=keys,
        approved=tuple(verdict.approved for verdict in verdicts),
        confidence=None if all(score is None for score in scores) else scores,
        inclusion_probability=tuple(
            drawn[key].inclusion_probability if key in drawn else None for key in keys
        ),
        answer=tuple(_answer(answers.get(key, [])) for key in keys),
        stratum=tuple(_stratum(verdict, audit, categories or {}) for verdict in verdicts),
        cluster=None
        if groups is None
        else tuple(groups.get(key) or f"alone:{key}" for key in keys),
        slices={}
        if categories is None
        else {"category": tuple(categories.get(key, "") for key in keys)},
        failure_modes=tuple(_named(answers.get(key, [])) for key in keys),
        simulated=any(one.simulated for said in answers.values() for one in said),
    )


def answers_to(audit: Audit, annotations: Iterable[Annotation]) -> dict[str, dict[str, Annotation]]:
    """Answers that an audit can weigh: generation to annotator to what they said, skipped answers left out.

    Those that `weighed` leaves out are not there, nor are adjudications: whoever gave them saw the others'
    answers. Of several answers of one person about one generation the latest counts.
    """
    return latest_answers(weighed(audit, annotations))


def weighed(audit: Audit, annotations: Iterable[Annotation]) -> list[Annotation]:
    """Answers and adjudications that count for an audit: about what it drew, by its rubric.

    Skipped ones, those given after seeing the judge's answer, and, as soon as one person answered, simulated
    ones are left out.
    """
    drawn = {item.generation for item in audit.drawn}
    return people_first(
        one
        for one in annotations
        if one.generation in drawn and one.rubric == audit.rubric and _counts(one)
    )


def people_first(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Leave simulated annotations out where one at least is a person's; else keep all."""
    given = list(annotations)
    people = [one for one in given if not one.simulated]
    return people or given


def _counts(one: Annotation) -> bool:
    return one.blind and one.approved is not None


def latest_answers(annotations: Iterable[Annotation]) -> dict[str, dict[str, Annotation]]:
    """Generation to annotator to the answer that each gave last, alone: neither skipped nor adjudicating.

    Answers given after seeing the judge's are left out.
    """
    answers: dict[str, dict[str, Annotation]] = defaultdict(dict)
    for annotation in sorted(annotations, key=_moment):
        if _counts(annotation) and not annotation.adjudicates:
            answers[annotation.generation][annotation.annotator] = annotation
    return dict(answers)


def adjudications(annotations: Iterable[Annotation]) -> dict[str, Annotation]:
    """Generation to the adjudication that settles it; it counts instead of the answers.

    Of several by one person the latest counts. Of several people, the latest of those who say what most of
    them say; where as many say yes as no, nothing is settled, and the generation is not there.
    """
    settled = {}
    for generation, said in adjudicators(annotations).items():
        most = majority(one.approved for one in said.values())
        if most is not None:
            agreeing = [one for one in said.values() if one.approved == most]
            settled[generation] = max(agreeing, key=_moment)
    return settled


def adjudicators(annotations: Iterable[Annotation]) -> dict[str, dict[str, Annotation]]:
    """Generation to adjudicator to what each said last; deleted ones, and those that saw the judge's, are left out."""
    given: dict[str, dict[str, Annotation]] = defaultdict(dict)
    for one in sorted(annotations, key=_moment):
        if one.adjudicates and _counts(one):
            given[one.generation][one.annotator] = one
    return dict(given)


def _moment(one: Annotation) -> datetime:
    return one.updated_at or one.created_at


def _stratum(verdict: Decision, audit: Audit, categories: Mapping[str, str]) -> str:
    category = categories.get(verdict.generation, "")
    name = stratum_in(audit.design, audit.parameters, verdict, category)
    if name in audit.strata or verdict.approved is None:
        return name
    return stratum_of(verdict.approved)


def _answer(answers: Sequence[Annotation]) -> bool | None:
    found = majority(annotation.approved for annotation in answers)
    return None if found is None else bool(found)


def _named(answers: Sequence[Annotation]) -> frozenset[str]:
    counts: dict[str, int] = defaultdict(int)
    for annotation in answers:
        for mode in annotation.failure_modes:
            counts[mode] += 1
    return frozenset(mode for mode, count in counts.items() if 2 * count >= len(answers))

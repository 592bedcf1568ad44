"""From records to the arrays that `calibrate_arrays` reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    known probability. Those that saw the judge's answer first (`blind` is False) are left out too. A person
    who answered twice about one generation counts once, with the later answer. Where an
    adjudication was given, it alone counts.

    Args:
        verdicts: The audit's population: one per generation, of the audit's judge and rubric.
        audit: The draw.
        annotations: Any; those of other generations are ignored.
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
    given = list(annotations)
    answers = {key: [*said.values()] for key, said in answers_to(audit, given).items()}
    answers |= {key: [one] for key, one in adjudications(given).items() if key in drawn}
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

    Those of generations that were not drawn, and those given after seeing the judge's answer, are left out
    too, and so are adjudications: whoever gave them saw the others' answers. Of several answers of one
    person about one generation the latest counts.
    """
    drawn = {item.generation for item in audit.drawn}
    return {key: said for key, said in latest_answers(annotations).items() if key in drawn}


def latest_answers(annotations: Iterable[Annotation]) -> dict[str, dict[str, Annotation]]:
    """Generation to annotator to the answer that each gave last, alone: neither skipped nor adjudicating.

    Answers given after seeing the judge's are left out.
    """
    answers: dict[str, dict[str, Annotation]] = defaultdict(dict)
    for annotation in sorted(annotations, key=lambda one: one.updated_at or one.created_at):
        if annotation.blind and annotation.approved is not None and not annotation.adjudicates:
            answers[annotation.generation][annotation.annotator] = annotation
    return dict(answers)


def adjudications(annotations: Iterable[Annotation]) -> dict[str, Annotation]:
    """Generation to the adjudication that was given last; it counts instead of the answers."""
    return {
        one.generation: one
        for one in sorted(annotations, key=lambda one: one.updated_at or one.created_at)
        if one.adjudicates and one.blind and one.approved is not None
    }


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

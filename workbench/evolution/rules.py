"""What answers suggest: changes of a rubric, each with a test of whether it is more than chance.

One exact test per change that is tried; which of them are worth a person's time is decided over all of
them together, in `propose`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from workbench.calibration import calibrate_arrays, clopper_pearson, mcnemar
from workbench.evolution.edits import Edit
from workbench.evolution.evidence import Evidence
from workbench.evolution.measured import Readings, instrument_of
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.intervals import binomial_tail
from workbench.records import Generation
from workbench.rubric import NO_OUTPUT, Criterion, Example, FailureMode, Rubric

LEAST_SHARE = 0.05
"""A failure behind no more than this share of false positives is not worth a change."""
MOST_LOST = 0.05
"""Share of true approvals that a higher threshold may cost, as estimated on the items that suggest it."""
LEVEL = 0.95

Kind = Literal["new criterion", "changed threshold", "worked example", "clearer wording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A change that was tried."""

    kind: Kind
    about: str
    edit: Edit
    sentence: str
    p_value: float
    items_for: tuple[str, ...]
    items_against: tuple[str, ...] = ()
    effect: dict[str, Estimate] = field(default_factory=dict)


def candidates(
    rubric: Rubric, evidence: Sequence[Evidence], readings: Readings | None = None
) -> list[Candidate]:
    """Every change that these answers could suggest, whether or not it is more than chance.

    Args:
        rubric: That may change.
        evidence: Answered outputs that may suggest a change.
        readings: What instruments that the rubric does not use say of them; None: they are not asked.
    """
    wrong = _wrong(evidence)
    return [
        *(_new_criteria(rubric, evidence, readings or {}) if wrong else ()),
        *(_thresholds(rubric, evidence) if wrong else ()),
        *(_examples(rubric, wrong) if wrong else ()),
        *_wordings(rubric, evidence),
    ]


def _wrong(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [one for one in evidence if one.verdict.approved and not one.suitable]


def unasked_failures(rubric: Rubric, evidence: Sequence[Evidence]) -> list[str]:
    """Ids of failures that people name in wrong approvals and that no criterion asks about."""
    covered = {m.id for m in rubric.failure_modes if m.criterion or m.blocks} | {NO_OUTPUT}
    names = {name for one in _wrong(evidence) for name in {*one.failure_modes, *one.named}}
    return sorted(names - covered - {c.id for c in rubric.criteria})


def _new_criteria(
    rubric: Rubric, evidence: Sequence[Evidence], readings: Readings
) -> Iterator[Candidate]:
    """A criterion for each failure that people name in approvals and that no criterion asks about.

    Binomial test that it is behind more than `LEAST_SHARE` of the false positives. An instrument answers it where
    one is found that sees what people name; else the model that judges does.
    """
    wrong = _wrong(evidence)
    right = [one for one in evidence if one.verdict.approved and one.suitable]
    known = {mode.id: mode for mode in rubric.failure_modes}
    words = {name: said for one in wrong for name, said in one.named.items()}
    words |= {mode.id: mode.description for mode in rubric.failure_modes}
    for name in unasked_failures(rubric, evidence):
        keys = tuple(one.key for one in wrong if name in one.failure_modes or name in one.named)
        said = words.get(name, name.replace("_", " ")).rstrip(".")
        by = instrument_of(name, evidence, readings)
        criterion = Criterion(
            id=name,
            question=f"Is the {rubric.judges} free of this fault: {said}?",
            scale=("no", "yes"),
            threshold=1.5,
            by=by or "model",
            points=(f"{_capital(said)}.", "There is no such fault."),
        )
        mode = known.get(name, FailureMode(id=name, description=f"{_capital(said)}."))
        refused = {key for key, passed in readings[by].items() if passed is False} if by else set()
        caught = [one.key for one in wrong if one.key in refused]
        lost = tuple(one.key for one in right if one.key in refused)
        told = by and (
            f" The instrument {by.removeprefix('instrument:')!r} sees it: it refuses {len(caught)} of these wrong "
            f"approvals and {len(lost)} of {len(right)} right ones."
        )
        yield Candidate(
            kind="new criterion",
            about=name,
            edit=Edit(criterion=criterion, failure_mode=replace(mode, criterion=name)),
            sentence=(
                f"Ask about {name!r}, which no criterion covers: people name it in {len(keys)} of "
                f"{len(wrong)} wrong approvals.{told or ''}"
            ),
            p_value=binomial_tail(len(keys), len(wrong), LEAST_SHARE),
            items_for=keys,
            items_against=lost,
            effect={
                "caught": _share(len(caught if by else keys), len(wrong)),
                "lost": _share(len(lost), len(right)) if by and right else _unasked(),
            },
        )


def _thresholds(rubric: Rubric, evidence: Sequence[Evidence]) -> Iterator[Candidate]:
    """For each criterion that decides, the threshold that tells wrong approvals from right ones best.

    Fisher's exact test that what it rejects is unsuitable more often than what it keeps, times the number
    of thresholds tried on the criterion (Bonferroni).
    """
    said = [{s.criterion: s.score for s in one.verdict.scores} for one in evidence]
    failures = calibrate_arrays(
        approved=[one.verdict.approved for one in evidence],
        inclusion_probability=[one.inclusion_probability for one in evidence],
        answer=[one.suitable for one in evidence],
        keys=[one.key for one in evidence],
        scores={c.id: [own.get(c.id) for own in said] for c in rubric.criteria},
        thresholds={c.id: c.threshold for c in rubric.criteria},
        decides={c.id: c.decides for c in rubric.criteria},
        cluster=[one.group for one in evidence],
        level=LEVEL,
    ).failures
    if failures is None:
        return
    scores = {one.key: own for one, own in zip(evidence, said, strict=True)}
    items = failures.items
    for criterion in rubric.criteria:
        tried = [
            one
            for one in failures.raised
            if one.criterion == criterion.id
            and one.p_value is not None
            and criterion.threshold < one.threshold <= len(criterion.scale)
        ]
        cheap = [one for one in tried if (one.lost.value or 0) <= MOST_LOST]
        if not criterion.decides or not cheap:
            continue
        best = min(cheap, key=lambda one: (one.p_value or 0, -(one.removed.value or 0)))
        value = int(best.threshold * 1e4) / 1e4  # down: what was kept is kept

        under = {
            key
            for key, own in scores.items()
            if (score := own.get(criterion.id)) is not None and score < value
        }
        yield Candidate(
            kind="changed threshold",
            about=criterion.id,
            edit=Edit(criterion=replace(criterion, threshold=value)),
            sentence=(
                f"Raise the threshold of {criterion.id!r} from {criterion.threshold:g} to {value:g}: of the "
                f"items that suggest it, it rejects {_in_words(best.removed)} of the wrong approvals and "
                f"{_in_words(best.lost)} of the right ones."
            ),
            p_value=min(1.0, (best.p_value or 0.0) * len(tried)),
            items_for=tuple(key for key in items.false_positives if key in under),
            items_against=tuple(key for key in items.true_positives if key in under),
            effect={"caught": best.removed, "lost": best.lost, "precision": best.precision},
        )


def _examples(rubric: Rubric, wrong: Sequence[Evidence]) -> Iterator[Candidate]:
    """For each criterion by a model that people fail and the judge passes: the clearest wrong approval.

    Binomial test that this is so in more than `LEAST_SHARE` of the false positives.
    """
    for criterion in _by_model(rubric):
        missed = [one for one in wrong if _differ(one, criterion) == "too kind"]
        if not missed:
            continue
        scores = {
            one.key: {s.criterion: s.score for s in one.verdict.scores}[criterion.id] or 0.0
            for one in missed
        }
        clearest = min(
            missed, key=lambda one: (-scores[one.key] + one.points[criterion.id], one.key)
        )
        point = criterion.scale[min(round(clearest.points[criterion.id]), len(criterion.scale)) - 1]
        pictures = (clearest.generation.image, *clearest.generation.inputs)
        yield Candidate(
            kind="worked example",
            about=criterion.id,
            edit=Edit(
                example=Example(
                    output=_output(clearest.generation),
                    criterion=criterion.id,
                    point=point,
                    why=_why(rubric, criterion, clearest, point),
                    photo=next((address for address in pictures if address), None),
                )
            ),
            sentence=(
                f"Show a wrong approval as an example of {point!r} for {criterion.id!r}: the judge passes it and "
                f"people do not, as in {len(missed)} of {len(wrong)} wrong approvals."
            ),
            p_value=binomial_tail(len(missed), len(wrong), LEAST_SHARE),
            items_for=tuple(one.key for one in missed),
            effect={"caught": _share(len(missed), len(wrong)), "lost": _unasked()},
        )


def _wordings(rubric: Rubric, evidence: Sequence[Evidence]) -> Iterator[Candidate]:
    """For each criterion by a model: does the judge lean one way against people? McNemar's exact test."""
    for criterion in _by_model(rubric):
        kind = [one for one in evidence if _differ(one, criterion) == "too kind"]
        strict = [one for one in evidence if _differ(one, criterion) == "too strict"]
        p_value = mcnemar(len(kind), len(strict)).p_value
        if p_value is None or len(kind) == len(strict):
            continue
        more, less = (kind, strict) if len(kind) > len(strict) else (strict, kind)
        answered = sum(criterion.id in one.points for one in evidence)
        if more is kind:
            named = Counter(m for one in more for m in one.failure_modes if m != NO_OUTPUT)
            told = {mode.id: mode.description.rstrip(".") for mode in rubric.failure_modes}
            faults = [told[m] for m, _ in named.most_common() if m in told][:2]
            added = (
                f"Where this is so, answer {_failing(criterion)!r}: {'; or: '.join(faults)}."
                if faults
                else f"Where there is a doubt, answer {_failing(criterion)!r}."
            )
        else:
            added = f"Where there is a doubt, answer {criterion.scale[-1]!r}."
        if added in criterion.question:
            continue
        said = "passes what people fail" if more is kind else "fails what people pass"
        yield Candidate(
            kind="clearer wording",
            about=criterion.id,
            edit=Edit(criterion=replace(criterion, question=f"{criterion.question} {added}")),
            sentence=(
                f"Say in {criterion.id!r} where people draw the line: on {len(more)} of {answered} answered items "
                f"the judge {said}, on {len(less)} it is the other way round."
            ),
            p_value=p_value,
            items_for=tuple(one.key for one in more),
            items_against=tuple(one.key for one in less),
            effect={"disagreement": _share(len(more), answered), "lost": _unasked()},
        )


def _by_model(rubric: Rubric) -> Iterator[Criterion]:
    return (one for one in rubric.criteria if one.by == "model" and one.decides)


def _differ(one: Evidence, criterion: Criterion) -> Literal["too kind", "too strict"] | None:
    """How judge and people part on a criterion; None where they agree or one did not answer."""
    passed = next((s.passed for s in one.verdict.scores if s.criterion == criterion.id), None)
    point = one.points.get(criterion.id)
    if passed is None or point is None or passed == (point >= criterion.threshold):
        return None
    return "too kind" if passed else "too strict"


def _failing(criterion: Criterion) -> str:
    """The best point that does not pass."""
    return criterion.scale[
        max(p for p in range(1, len(criterion.scale) + 1) if p < criterion.threshold) - 1
    ]


def _why(rubric: Rubric, criterion: Criterion, one: Evidence, point: str) -> str:
    """In a person's words, else the failure modes that people named, else what the point means."""
    if one.notes:
        return one.notes[0].strip()
    told = {mode.id: mode.description for mode in rubric.failure_modes}
    faults = [told[name] for name in sorted(one.failure_modes) if name in told]
    meanings = dict(zip(criterion.scale, criterion.points, strict=False))
    return " ".join(faults) or meanings.get(point) or "People do not pass it."


def _output(generation: Generation) -> str:
    """As in the examples that ship: a listing in one line, an image by its prompt."""
    listing = generation.listing
    if listing is None:
        return generation.prompt.strip()
    said = [f"{name}: {', '.join(values)}" for name, values in listing.aspects.items()]
    return ". ".join([f"Title: {listing.title.rstrip('.')}", *said])


def _share(k: int, n: int) -> Estimate:
    interval = clopper_pearson(k, n, level=LEVEL)
    return Estimate(
        value=k / n, low=interval.low, high=interval.high, level=LEVEL, method="Clopper–Pearson", n=n,
        effective_n=float(n), assumptions=("the answers are the truth", "at most this is gained"),
    )  # fmt: skip


def _unasked() -> Estimate:
    why = "the judge has not been asked this yet: what it costs is known when the version is tested"
    return undefined(why, method="none", level=LEVEL)


def _in_words(share: Estimate) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "—"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]

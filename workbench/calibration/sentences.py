"""A calibration in sentences: the same words in a terminal, in a notebook and on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.calibration._calibration import Calibration
from workbench.calibration._draws import negated
from workbench.calibration._rounded import as_percent, rounded
from workbench.calibration.confidence.thresholds import Threshold, Thresholds
from workbench.calibration.errors.slices import FailureModeRate, Slice
from workbench.metrics.estimate import Estimate

FALSE_SHARE = 0.05
"""Share of findings among slices, modes and criteria that may be false on average (Benjamini and Hochberg)."""
_NAMED = 3  # slices, failure modes or criteria that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What there is to say about one question."""

    title: str
    sentences: tuple[str, ...]


def sentences_of(found: Calibration) -> tuple[Section, ...]:
    """All that a calibration has to say, question by question; what was not asked for is left out."""
    parts = [("Approvals", _approvals(found))]
    if found.corrected is not None:
        parts.append(("Which estimate is narrowest", _corrected(found)))
    if found.threshold is not None or found.joint_threshold is not None:
        parts.append(("Threshold", _thresholds(found)))
    if found.reliability is not None:
        parts.append(("Confidence", _confidence(found)))
    if found.slices:
        parts.append(("Slices", _slices(found.slices)))
    if found.failure_modes:
        parts.append(("Failure modes", _modes(found.failure_modes)))
    if found.unnamed_modes is not None:
        parts.append(("Errors that look alike", _unnamed(found)))
    if found.failures is not None and found.failures.criteria:
        parts.append(("Criteria", _criteria(found)))
    if found.people is not None:
        parts.append(("People", _people(found)))
    return tuple(Section(title=title, sentences=tuple(said)) for title, said in parts)


def percent(e: Estimate) -> str:
    """A share with its interval, such as `88.0% (80.2% to 93.0%)`; the reason where there is none."""
    if e.value is None:
        return f"unknown ({e.reason})"
    if e.low is None or e.high is None:
        return f"{as_percent(e.value)} (no interval: {_bare(e.reason)})"
    return f"{as_percent(e.value)} ({as_percent(e.low)} to {as_percent(e.high)})"


def points(e: Estimate, digits: int = 3) -> str:
    """A number with its interval, such as `0.812 (0.790 to 0.834)`; the reason where there is none."""
    if e.value is None:
        return f"unknown ({e.reason})"
    if e.low is None or e.high is None:
        return f"{rounded(e.value, digits)} (no interval: {_bare(e.reason)})"
    low, high = rounded(e.low, digits), rounded(e.high, digits)
    return f"{rounded(e.value, digits)} ({low} to {high})"


def threshold_sentence(chosen: Threshold | Thresholds) -> str:
    """What a threshold promises and kept on held-out labels, or why none does."""
    sure = f"with {1 - chosen.failure_probability:.0%} confidence"
    where = _where(chosen)
    if where is None:
        why = (chosen.reason or "").removeprefix("No threshold qualifies: ").rstrip(".")
        return f"No threshold can promise a precision of {chosen.promise:g} {sure}: {why}."
    text = f"Approve from {where} on: at least {chosen.promise:.0%} of approvals are then suitable, {sure}"
    if chosen.approved_share is not None:
        text += f", and {as_percent(chosen.approved_share)} of items pass"
    held = chosen.held_out
    if held is None or held.value is None:
        return f"{text}. No held-out label checks it."
    return f"{text}. On {held.n} labels that did not choose it precision is {percent(held)}."


def _where(chosen: Threshold | Thresholds) -> str | None:
    if isinstance(chosen, Threshold):
        return None if chosen.value is None else f"confidence {chosen.value:.3f}"
    if chosen.values is None:
        return None
    pairs = zip(chosen.criteria, chosen.values, strict=True)
    return ", ".join(f"{name} {value:.3g}" for name, value in pairs)


def _approvals(found: Calibration) -> list[str]:
    counts, rates = found.counts, found.rates
    if not counts.approved + counts.rejected:
        return ["The judge decided no item."]
    said = []
    if rates.precision.value is None:
        said.append(_unknown("What approvals are worth", rates.precision))
    else:
        said.append(
            f"Of what the judge approves {percent(rates.precision)} is suitable, "
            f"by {_counted(counts.answered_approvals, 'answer')} about "
            f"{_counted(counts.approved, 'approval')}."
        )
    if not counts.approved or not counts.rejected:
        what, one = ("approves", "an approval") if counts.approved else ("rejects", "a rejection")
        said.append(
            f"The judge {what} everything: {one} says nothing beyond the suitable rate, and Cohen's κ is 0 "
            "whatever people answer."
        )
    elif rates.recall.value is None:
        said.append(_unknown("What it misses", rates.recall))
    else:
        said.append(
            f"It approves {percent(rates.recall)} of what is suitable, "
            f"by {_counted(rates.recall.n, 'suitable item')} among "
            f"{_counted(counts.answered_approvals + counts.answered_rejections, 'answer')}, of which "
            f"{counts.answered_rejections:,} are about {_counted(counts.rejected, 'rejection')}."
        )
    return said


def _corrected(found: Calibration) -> list[str]:
    beside = found.corrected
    if beside is None:
        return []
    return [f"Suitable rate: {beside.suitable_rate.why}", f"Precision: {beside.precision.why}"]


def _thresholds(found: Calibration) -> list[str]:
    return [
        threshold_sentence(one)
        for one in (found.threshold, found.joint_threshold)
        if one is not None
    ]


def _confidence(found: Calibration) -> list[str]:
    curve, mapped = found.reliability, found.score_calibration
    if curve is None:
        return []
    said = [
        f"Confidence is off by {points(curve.calibration_error)} on average (root mean square, noise taken "
        f"off; ECE {points(curve.ece)}) and ranks a suitable item over an unsuitable one with probability "
        f"{points(curve.auroc)}."
        if curve.auroc.value is not None
        else _unknown("What the confidence tells", curve.auroc)
    ]
    if mapped is not None:
        before, after = mapped.before.ece, mapped.after.ece
        name = "An isotonic map" if mapped.map.method == "isotonic" else "Platt's map"
        said.append(
            f"{name} fitted to {mapped.fitted_on} labels takes the ECE, on the "
            f"{_counted(mapped.held_out, 'label')} kept back, from "
            f"{points(before)} to {points(after)}; {_gain(mapped.gain)}."
        )
    if found.risk_coverage is not None and found.risk_coverage.area.value is not None:
        risks = found.risk_coverage
        said.append(
            f"Approving only the surest items: {percent(risks.area)} of what is approved is unsuitable, "
            f"averaged over how many are approved (AURC); in an order by chance {percent(risks.constant)}."
        )
    return said


def _gain(gain: Estimate) -> str:
    if gain.low is None or gain.high is None:
        return f"whether it helps is unknown ({_bare(gain.reason)})"
    if gain.low > 0:
        return f"it helps: the Brier score, the mean squared error, falls by {points(gain)}"
    if gain.high < 0:
        rise = points(negated(gain))
        return f"it makes them worse: the Brier score, the mean squared error, rises by {rise}; do without it"
    return f"its gain in Brier score, {points(gain)}, cannot be told from 0"


def standing_out(slices: Sequence[Slice]) -> list[Slice]:
    """Slices whose approvals are worse than all others beyond chance, the worst first."""
    sure = [s for s in slices if s.q_value is not None and s.q_value <= FALSE_SHARE]
    return sorted(sure, key=lambda s: (s.precision.value or 0.0, s.name))


def _slices(slices: Sequence[Slice]) -> list[str]:
    said = []
    for by in dict.fromkeys(s.by for s in slices):
        own = [s for s in slices if s.by == by]
        tested = [s.q_value for s in own if s.q_value is not None]
        worst = standing_out(own)
        if not tested:
            said.append(f"By {by}: no answers on both sides of a slice, so none can be compared.")
        elif not worst:
            said.append(
                f"By {by}: none of {len(tested)} stands out as less precise (smallest q {_q(min(tested))})."
            )
        else:
            named = "; ".join(
                f"{s.name or 'none'} {percent(s.precision)}, q {_q(s.q_value)}"
                for s in worst[:_NAMED]
            )
            more = f"; and {len(worst) - _NAMED} more of {len(own)}" if len(worst) > _NAMED else ""
            said.append(f"By {by}, approvals are less precise beyond chance in: {named}{more}.")
    return said


def _modes(modes: Sequence[FailureModeRate]) -> list[str]:
    said = []
    for one in modes[:_NAMED]:
        name = f"“{one.mode.replace('_', ' ')}”"
        if one.in_approvals.value is None:
            said.append(_unknown(f"How often {name} gets through", one.in_approvals))
            continue
        text = f"{name} gets through in {percent(one.in_approvals)} of approvals"
        if one.q_value is None:
            text += "; whether the judge rejects it is unknown"
        elif one.q_value <= FALSE_SHARE:
            text += f"; the judge does reject it more often than other items (q {_q(one.q_value)})"
        else:
            text += (
                f"; nothing shows that the judge rejects it more often than other items "
                f"(q {_q(one.q_value)})"
            )
        said.append(f"{text}.")
    if len(modes) > _NAMED:
        said.append(f"{len(modes) - _NAMED} more failure modes get through less often.")
    return said


def _unnamed(found: Calibration) -> list[str]:
    modes = found.unnamed_modes
    if modes is None:
        return []
    return [
        f"False positives: {modes.false_positives.sentence}",
        f"False negatives: {modes.false_negatives.sentence}",
    ]


def _criteria(found: Calibration) -> list[str]:
    failures = found.failures
    if failures is None:
        return []
    total = len(failures.items.false_positives)
    said = []
    if total:
        best = sorted(failures.criteria, key=lambda c: -c.best_for)
        named = ", ".join(f"{c.criterion} {c.best_for:,}" for c in best[:_NAMED] if c.best_for)
        others = sum(c.best_for for c in best[_NAMED:])
        named += f", other criteria {others:,}" * (others > 0)
        none = total - sum(c.best_for for c in best)
        said.append(
            f"Of {_counted(total, 'false positive')} a stricter threshold would have caught, by the "
            f"criterion that costs the fewest right approvals: {named}; no criterion would have caught "
            f"{none:,}."
            if named
            else f"No criterion scores any of {_counted(total, 'false positive')} below another approval."
        )
        sure = [r for r in failures.raised if r.q_value is not None and r.q_value <= FALSE_SHARE]
        if sure:
            first = sure[0]
            said.append(
                f"{first.criterion} from {first.threshold:.3g} on would remove {percent(first.removed)} of "
                f"false positives and lose {percent(first.lost)} of true ones (q {_q(first.q_value)}). "
                "These labels suggested it: test it on others."
            )
        elif failures.raised:
            said.append(
                "No higher threshold on one criterion removes more wrong than right ones beyond chance."
            )
    behind = [w for w in failures.wrong_rejections if w.behind.value]
    if behind:
        first_wrong = behind[0]
        said.append(
            f"{first_wrong.criterion} is behind {percent(first_wrong.behind)} of false negatives."
        )
    return [*said, *failures.notes]


def _people(found: Calibration) -> list[str]:
    people = found.people
    if people is None:
        return []
    who = len(people.annotators)
    if people.alpha.value is None:
        return [_unknown(f"How far {who} people agree", people.alpha)]
    return [
        f"{who} people answered {people.items:,} items together; beyond chance they agree by "
        f"{points(people.alpha)} (Krippendorff's α, 1 is full agreement).",
        people.ceiling.sentence,
    ]


def _q(value: float | None) -> str:
    if value is None:
        return "unknown"
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _unknown(what: str, e: Estimate) -> str:
    reason = e.reason or ""
    return (
        f"{what} is {reason}."
        if reason.startswith("not ident")
        else f"{what} is unknown: {reason}."
    )


def _bare(reason: str | None) -> str:
    return (reason or "").removeprefix("no interval: ")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)

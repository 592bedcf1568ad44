"""The page of a listing run: photos, listings, verdicts, what approvals are worth, held-out accuracy, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.costs import cost_lead, stages_of
from reports.gallery import cards, filters
from reports.heldout import HeldOut, score_held_out
from reports.rendering import number, render, write_whole
from reports.told import Drawn, drawn
from workbench.calibration.audited import Audited, Judged, calibrate_audit, find_audit
from workbench.errors import RubricError
from workbench.figures import plot_confidence, plot_reliability
from workbench.records import Item, Run
from workbench.rubric import Rubric, parse_rubric
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.calibration import Calibration, FailureModeRate, Threshold
    from workbench.metrics import Estimate
    from workbench.store import Store


_HARDLY = 0.1
"""Share of approvals under which the page says what the rejections fail at."""
_NAMED = 3
"""Criteria that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    label: str
    value: str
    detail: str


def write_page(
    store: Store, path: Path, *, audit: str | None = None, promise: float | None = None
) -> Path:
    """Write the page of one audit and return where it is; the file is replaced whole.

    Args:
        store: Nothing else is read: no model, no network.
        path: Of the page, one HTML file with everything in it.
        audit: Id, or the beginning of one; None: the latest.
        promise: Precision that the threshold shall keep; None: as the run that drew the audit asked.

    Raises:
        StoreError: There is no such audit, or the page cannot be written.
        CalibrationError: The store does not hold the audit's population any more.
    """
    found = find_audit(store, audit)
    run = store.find(Run, found.run) if found.run else None
    audited = calibrate_audit(store, found, promise=promise or _asked(run))
    held = _held_out(store, audited)
    rubric = _rubric(store, found.rubric)
    page = _page(store, audited, held, run, rubric)
    return write_whole(path, render("listings.html.j2", page=page, held=held))


def _asked(run: Run | None) -> float:
    promise = run.arguments.get("promise") if run else None
    return promise if isinstance(promise, float) else 0.9


def _held_out(store: Store, audited: Audited) -> HeldOut:
    items = {j.item.id: j.item for j in audited.population if j.item}
    sources = {catalog_of(i) for i in items}
    training = store.items(part="train")["id"]
    train = [
        i for i in store.records(Item, list(training)) if i.photos and catalog_of(i.id) in sources
    ]
    return score_held_out([j.generation for j in audited.population], items, train)


def _rubric(store: Store, label: str) -> tuple[Rubric, str] | None:
    """The rubric and its text as stored; None for a store that was filled without it."""
    name, _, version = label.rpartition("@")
    text = store.rubric_text(name, int(version)) if version.isdigit() else None
    if text is None:
        return None
    try:
        return parse_rubric(text, where=label), text
    except RubricError:  # written by a newer version: the numbers do not need it
        return None


def _page(
    store: Store,
    audited: Audited,
    held: HeldOut,
    run: Run | None,
    rubric: tuple[Rubric, str] | None,
) -> dict[str, object]:
    calibration, population = audited.calibration, audited.population
    shown = cards(store, population, rubric[0] if rubric else None)
    modes = _failure_modes(calibration, population, rubric[0] if rubric else None)
    writer = population[0].generation.model if population else "no model"
    names = sorted({catalog_of(j.item.id) for j in population if j.item})
    about = f"{', '.join(names) or 'no catalogue'} · {audited.audit.created_at:%Y-%m-%d}"
    return {
        "title": f"Listings from photos · {about}",
        "heading": "Listings from photos",
        "subtitle": f"{about} · {writer}, judged by {audited.audit.judge} with rubric {audited.audit.rubric}",
        "warnings": _warnings(audited),
        "tiles": _tiles(calibration, held),
        "rejections": _rejections(population, rubric[0] if rubric else None),
        "worth": _worth(calibration),
        "rates": _rates(calibration),
        "confusion": calibration.confusion if calibration.counts.answered_rejections else None,
        "threshold": _threshold(calibration.threshold),
        "figures": _figures(calibration, population),
        "held_out": (
            f"{held.items} photos of {held.groups} groups (parent products) that trained nothing; "
            f"the heads and the baselines know {held.trained_on} other photos. Rows of one group are "
            "alike, so the intervals are by group."
        ),
        "judged": len(population),
        "failures_lead": (
            "What the judge names, how much of it gets through to approved listings, and how much of "
            "it is caught."
        ),
        "failure_modes": modes,
        "slices": [s for s in calibration.slices if s.by == "category"],
        "cards": shown,
        "gallery_lead": (
            f"{len(shown)} of {len(population)} judged listings of held-out items, audited ones first. "
            "Struck-out values contradict the catalogue; its value stands beside them."
        ),
        "filters": filters(shown),
        "categories": sorted({str(c["category"]) for c in shown}),
        "stages": (stages := stages_of(store, run)),
        "cost_lead": cost_lead(stages, run, population),
        "facts": _facts(audited, run),
        "assumptions": _assumptions(calibration),
        "rubric_text": rubric[1] if rubric else None,
    }


def _warnings(audited: Audited) -> list[str]:
    """What a reader must know first: nothing is simulated in silence."""
    said = []
    if any(j.generation.simulated for j in audited.population):
        said.append("Simulated items: the products and their photos were drawn by the workbench.")
    who = {a.annotator for j in audited.population for a in j.annotations if a.simulated}
    if "catalogue-truth" in who:
        said.append(
            "Simulated answers: no person was asked. The answers are what the catalogue itself says of "
            "each item; criteria that instruments measure on the text are taken as measured."
        )
        who.discard("catalogue-truth")
    if who:
        said.append(f"Simulated answers: given by {', '.join(sorted(who))}, not by people.")
    return said + [n for n in audited.calibration.notes if "simulat" not in n.lower()]


def _tiles(calibration: Calibration, held: HeldOut) -> list[_Tile]:
    counts, rates = calibration.counts, calibration.rates
    judged = max(1, counts.judged)
    tiles = [
        _Tile(
            label="Judged, held-out",
            value=f"{counts.judged:,}",
            detail=f"{counts.drawn_approvals + counts.drawn_rejections} drawn for the audit",
        ),
        _Tile(
            label="Approved by the judge",
            value=f"{100 * counts.approved / judged:.0f}%",
            detail=f"{counts.approved:,} of {counts.judged:,}"
            + (f", {counts.abstained} undecided" if counts.abstained else ""),
        ),
        _estimate_tile("Precision of approvals", rates.precision),
        _estimate_tile("Recall of suitable listings", rates.recall),
    ]
    for row in held.attributes:
        if row.name.lower() in {"type", "color", "colour"}:
            best = row.best_guess or row.stated
            tiles.append(_estimate_tile(f"{row.name} accuracy", best.accuracy))
    if held.price:
        tiles.append(_estimate_tile("Price R²", held.price.r2))
    return tiles


def _estimate_tile(label: str, e: Estimate) -> _Tile:
    if e.value is None:
        return _Tile(label=label, value="—", detail=e.reason or "")
    if e.low is None or e.high is None:
        return _Tile(label=label, value=number(e.value, 2), detail=e.reason or "")
    return _Tile(
        label=label,
        value=number(e.value, 2),
        detail=f"{number(e.low, 2)} to {number(e.high, 2)}, n\u00a0=\u00a0{e.n}",
    )


def _worth(calibration: Calibration) -> str:
    counts = calibration.counts
    return (
        f"{counts.answered_approvals} of {counts.approved} approvals and {counts.answered_rejections} "
        f"of {counts.rejected} rejections were answered. Each answer counts by the inverse of the "
        f"probability with which it was drawn; the numbers are about {calibration.about}."
    )


def _rejections(population: Sequence[Judged], rubric: Rubric | None) -> str:
    """Where hardly anything is approved: what fails most often. Empty where more is approved."""
    approved = sum(j.verdict.approved is True for j in population)
    rejected = [j for j in population if j.verdict.approved is False]
    if not rejected or approved >= _HARDLY * len(population):
        return ""
    deciding = {c.id for c in rubric.criteria if c.decides} if rubric else None
    failed = Counter(
        s.criterion
        for j in rejected
        for s in j.verdict.scores
        if s.passed is False and (deciding is None or s.criterion in deciding)
    ).most_common(_NAMED)
    what = "Nothing was approved" if not approved else f"Only {approved} of {len(population)} were approved"  # fmt: skip
    if not failed:
        return f"{what}: no criterion failed; failure modes that block decided."
    (first, times), *others = failed
    text = f"{what}: {first} fails in {times} of {len(rejected)} rejections"
    return ", ".join([text, *(f"{name} in {n}" for name, n in others)]) + "."


def _rates(calibration: Calibration) -> list[tuple[str, str, Estimate]]:
    r = calibration.rates
    return [
        ("Precision", "share of approvals that are suitable", r.precision),
        ("Recall", "share of suitable listings that are approved", r.recall),
        ("Suitable rate", "share of all judged listings that are suitable", r.suitable_rate),
        ("False positive rate", "share of unsuitable listings that are approved", r.false_positive_rate),
        ("Suitable among rejected", "share of rejections that are suitable", r.missed),
        ("Accuracy", "share on which judge and answers agree", r.accuracy),
        ("Cohen's κ", "agreement beyond chance", r.kappa),
    ]  # fmt: skip


def _threshold(threshold: Threshold | None) -> tuple[str, str]:
    """What the threshold promises, and, where none does, why."""
    if threshold is None:
        return "The judge gives no confidence, so there is no threshold to choose.", ""
    sure = f"with {100 * (1 - threshold.failure_probability):.0f}% confidence"
    if threshold.value is None:
        why = (threshold.reason or "").removeprefix("No threshold qualifies: ").rstrip(".")
        return (
            f"No threshold can promise a precision of {threshold.promise:g} {sure}.",
            f"{why[:1].upper()}{why[1:]}." if why else "",
        )
    share = threshold.approved_share
    text = (
        f"Approve where the judge's confidence is at least {threshold.value:.3f}: then at least "
        f"{threshold.promise:g} of approvals are suitable, {sure}"
    )
    text += f"; {100 * share:.0f}% of listings pass." if share is not None else "."
    held = threshold.held_out
    if held is not None and held.value is not None:
        text += f" On labels that did not choose it, precision is {held.value:.2f}"
        if held.low is not None and held.high is not None:
            text += f" ({held.low:.2f} to {held.high:.2f}, n = {held.n})"
        text += "."
    return text, ""


def _figures(calibration: Calibration, population: Sequence[Judged]) -> list[Drawn]:
    sure = [
        (j.verdict.confidence, j.verdict.approved, j.generation.key)
        for j in population
        if j.verdict.confidence is not None and j.verdict.approved is not None
    ]
    figures: list[Drawn] = []
    if sure:
        chosen = calibration.threshold.value if calibration.threshold else None
        figures.append(
            drawn(
                "Confidence of the judge",
                plot_confidence([c for c, _, _ in sure], [a for _, a, _ in sure], threshold=chosen),
                (("listing", "confidence", "approved"), [(key, c, a) for c, a, key in sure]),
                caption="Listings by the probability, as the judge sees it, that they pass.",
            )
        )
    if calibration.reliability:
        curve = calibration.reliability
        rows = [
            (one.low, one.high, one.mean_confidence, one.observed.value, one.observed.low, one.observed.high, one.labels)
            for one in curve.bins
        ]  # fmt: skip
        figures.append(
            drawn(
                "Reliability",
                plot_reliability(curve),
                (("from", "to", "mean", "suitable", "low", "high", "labels"), rows),
                caption=f"Points on the dashed line: confidence can be taken at its word. "
                f"{_short('AUROC', curve.auroc)}, {_short('calibration error', curve.ece)}.",
            )
        )
    return figures


def _short(name: str, e: Estimate) -> str:
    if e.value is None:
        return f"{name} unknown ({e.reason})"
    if e.low is None or e.high is None:
        return f"{name} {e.value:.2f}"
    return f"{name} {e.value:.2f} ({e.low:.2f} to {e.high:.2f})"


def _failure_modes(
    calibration: Calibration, population: Sequence[Judged], rubric: Rubric | None
) -> list[dict[str, object]]:
    named = Counter(m for j in population for m in j.verdict.failure_modes)
    rates: dict[str, FailureModeRate] = {f.mode: f for f in calibration.failure_modes}
    described = {m.id: m.description for m in rubric.failure_modes} if rubric else {}
    ids = sorted({*described, *named, *rates}, key=lambda m: (-named[m], m))
    return [
        {
            "id": mode,
            "name": mode.replace("_", " "),
            "description": described.get(mode, ""),
            "named": named[mode],
            "rate": rates.get(mode),
        }
        for mode in ids
    ]


def _facts(audited: Audited, run: Run | None) -> list[tuple[str, str]]:
    audit = audited.audit
    first = audited.population[0] if audited.population else None
    facts = [
        ("Audit", f"{audit.id[:12]}, {audit.design}, seed {audit.seed}, drawn {audit.created_at:%Y-%m-%d %H:%M} UTC"),
        ("Drawn from", ", ".join(f"{name}: {size:,}" for name, size in audit.strata.items())),
    ]  # fmt: skip
    if first:
        facts.append(
            ("Model", f"{first.generation.model}, revision {first.generation.revision[:12]}")
        )
        facts.append(("Judge", f"{first.verdict.judge}, revision {first.verdict.revision[:12]}"))
    if run:
        facts.append(("Run", f"{run.id}, {run.command}"))
        facts.append(
            ("Arguments", ", ".join(f"{k} {v}" for k, v in run.arguments.items() if v is not None))
        )
        facts.append(("Versions", ", ".join(f"{k} {v}" for k, v in run.versions.items())))
    return facts


def _assumptions(calibration: Calibration) -> list[str]:
    """Every interval's method and assumptions, once."""
    said = dict.fromkeys(
        f"{e.method}: {'; '.join(e.assumptions)}"
        for _, _, e in _rates(calibration)
        if e.value is not None and e.assumptions
    )
    return list(said)

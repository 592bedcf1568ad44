"""The page of category images: each topic's winner and its attempts, what approvals are worth, what it cost.

Everything is read from the store; only how diverse pictures are is measured before (it takes a network)
and handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.answer import answer_of
from reports.attempts import topic_card
from reports.picture_costs import by_popularity, cost_rows
from reports.rendering import number, render, write_whole
from reports.told import Drawn, drawn, estimates
from reports.topics import COMMAND, Done, Told, find_run, read_audit, read_told
from workbench.calibration.audited import Audited, rubric_of
from workbench.calibration.watching.narrowing import Narrowing
from workbench.errors import StoreError
from workbench.figures import plot_by_popularity, plot_narrowing
from workbench.metrics import Estimate, proportion
from workbench.records import Run
from workbench.rubric import Rubric
from workbench.store import catalog_of

if TYPE_CHECKING:
    from workbench.store import Store

_SHOWN = 180
"""Topics with their pictures on the page; more make a file that is slow to open."""
_ORDER = {"failed": 0, "gave up": 1, "open": 2, "approved": 3}
_STATES = {
    "approved": "Approved",
    "gave up": "Gave up",
    "failed": "Failed",
    "open": "Not finished",
}
_DONE: Mapping[Done, str] = {"made": "Made this time", "judged": "Only judged", "kept": "Kept"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    label: str
    value: str
    detail: str


def write_category_images_page(
    store: Store,
    path: Path,
    *,
    run: str | None = None,
    narrowing: Sequence[Narrowing] | None = None,
) -> Path:
    """Write the page of one run's topics and return where it is; the file is replaced whole.

    Args:
        store: Nothing else is read.
        path: Of the page, one HTML file with everything in it.
        run: Id of a run of `workbench run category-images`; None: the latest.
        narrowing: How diverse approved pictures are, by attempt; None: not measured.

    Raises:
        StoreError: There is no such run, or the page cannot be written.
    """
    found = find_run(store, run)
    if found is None:
        which = "none" if run is None else f"none called {run!r}"
        raise StoreError(f"want a run of `workbench {COMMAND}`, but {store.url} holds {which}")
    rubric = rubric_of(store, str(found.arguments.get("rubric_label", "")))
    if rubric is None:
        raise StoreError(
            f"{store.url} does not hold the rubric that run {found.id} judged by, "
            f"{found.arguments.get('rubric_label')!r}: run `workbench run category-images` again"
        )
    told = read_told(store, found, rubric)
    audited = read_audit(store, found, told)
    return write_whole(
        path,
        render(
            "category_images.html.j2",
            page=_page(store, found, rubric, told, audited=audited, narrowing=narrowing),
        ),
    )


def _page(
    store: Store,
    run: Run,
    rubric: Rubric,
    told: Sequence[Told],
    *,
    audited: Audited | None,
    narrowing: Sequence[Narrowing] | None,
) -> dict[str, object]:
    arguments = run.arguments
    states: Counter[str] = Counter(t.ending.state for t in told)
    approved = sum(t.ending.state == "approved" for t in told)
    ordered = sorted(told, key=lambda t: (_ORDER[t.ending.state], t.chain.category))
    shown = _spread(ordered)
    mixed = len({t.done for t in told} - {"nothing"}) > 1
    names = sorted({catalog_of(t.lead.id) for t in told if t.lead})
    about = (", ".join(names) or "no catalogue", f"{run.created_at:%Y-%m-%d}")
    return {
        "title": " · ".join(("Category images", *about)),
        "heading": "Category images",
        "subtitle": (
            *about,
            f"{arguments['image_model']}, judged by {arguments['judge_name']} with rubric {rubric.label}",
        ),
        "answer": _answer(told, audited),
        "warnings": _warnings(told, audited),
        "tiles": _tiles(told, audited),
        "worth": _worth(audited),
        "rates": _rates(audited),
        "cards": [topic_card(store, t, rubric, seasons=mixed) for t in shown],
        "filters": [
            {"value": "", "label": "All", "count": len(shown)},
            *(
                {"value": s, "label": _STATES[s], "count": n}
                for s in _STATES
                if (n := sum(t.ending.state == s for t in shown))
            ),
        ],
        "seasons": _seasons(shown) if mixed else [],
        "gallery_lead": _gallery_lead(len(shown), len(told), states),
        "costs": (costs := cost_rows(store, told, approved)),
        "with_tokens": any(c["tokens"] for c in costs),
        "with_memory": any(c["memory"] != "–" for c in costs),
        "cost_lead": _cost_lead(run, approved),
        "figures": _figures(told, narrowing),
        "facts": _facts(run, audited, rubric),
    }


def _spread(ordered: Sequence[Told]) -> list[Told]:
    """As many topics as a page holds, of each state in proportion."""
    if len(ordered) <= _SHOWN:
        return list(ordered)
    step = len(ordered) / _SHOWN
    return [ordered[int(k * step)] for k in range(_SHOWN)]


def _answer(told: Sequence[Told], audited: Audited | None) -> str:
    if not told:
        return "No prompt was written yet, so there is nothing to see."
    approved = sum(t.ending.state == "approved" for t in told)
    first = sum(
        t.ending.state == "approved"
        and t.ending.best is not None
        and t.ending.best.image.attempt == 1
        for t in told
    )
    text = (
        f"{approved} of {len(told)} topics have an approved picture, {first} at the first attempt."
    )
    return f"{text} {answer_of(audited.calibration)}" if audited and approved else text


def _warnings(told: Sequence[Told], audited: Audited | None) -> list[str]:
    said = []
    if any(a.prompt.simulated for t in told for a in t.chain.attempts[:1]):
        said.append("Simulated items: the products were drawn by the workbench.")
    who = {
        a.annotator
        for j in (audited.population if audited else ())
        for a in j.annotations
        if a.simulated
    }
    if who:
        said.append(
            f"Simulated answers: no person was asked. They are given by {', '.join(sorted(who))}: a classifier "
            "that learned from drawn pictures says what a picture shows, the first prompt what was asked for."
        )
    return said


def _tiles(told: Sequence[Told], audited: Audited | None) -> list[_Tile]:
    states = Counter(t.ending.state for t in told)
    tiles = [
        _estimate("Topics approved", proportion([t.ending.state == "approved" for t in told])),
        _Tile(
            label="Gave up",
            value=f"{states['gave up']:,}",
            detail="the limit, or no progress",
        ),
        _Tile(
            label="Failed",
            value=f"{states['failed']:,}",
            detail="a model did not answer" if states["failed"] else "every model answered",
        ),
    ]
    if states["open"]:
        tiles.append(_Tile(label="Not finished", value=f"{states['open']:,}", detail="run again"))
    if _kept(told):
        done = Counter(t.done for t in told)
        kept = f"{done['kept']:,} kept" + (
            f", {done['judged']:,} only judged" if done["judged"] else ""
        )
        tiles.append(_Tile(label="Made this time", value=f"{done['made']:,}", detail=kept))
    if audited:
        rates = audited.calibration.rates
        tiles.append(_estimate("Precision of approvals", rates.precision))
        tiles.append(_estimate("Recall of suitable pictures", rates.recall))
    return tiles


def _kept(told: Sequence[Told]) -> bool:
    """Whether something was there before this run, so that what is new has to be told from it."""
    return any(t.done in {"judged", "kept"} for t in told)


def _seasons(shown: Sequence[Told]) -> list[dict[str, object]]:
    """Buttons that choose topics by what was done for them now."""
    done = Counter(t.done for t in shown)
    return [{"value": "", "label": "New and kept", "count": len(shown)}] + [
        {"value": d, "label": label, "count": done[d]} for d, label in _DONE.items() if done[d]
    ]


def _estimate(label: str, e: Estimate) -> _Tile:
    if e.value is None or e.low is None or e.high is None:
        return _Tile(label=label, value="—", detail=e.reason or "")
    return _Tile(
        label=label,
        value=number(e.value, 2),
        detail=f"{number(e.low, 2)} to {number(e.high, 2)}, n\u00a0=\u00a0{e.n}",
    )


def _worth(audited: Audited | None) -> str:
    if audited is None:
        return ""
    counts = audited.calibration.counts
    return (
        f"{counts.answered_approvals} of {counts.approved} approved pictures and "
        f"{counts.answered_rejections} of {counts.rejected} refused ones were answered, attempts that were "
        "improved on among them. Each answer counts by the inverse of the probability with which it was drawn."
    )


def _rates(audited: Audited | None) -> list[tuple[str, str, Estimate]]:
    if audited is None:
        return []
    r = audited.calibration.rates
    return [
        ("Precision", "share of approvals that are suitable", r.precision),
        ("Recall", "share of suitable pictures that are approved", r.recall),
        ("Suitable rate", "share of all judged pictures that are suitable", r.suitable_rate),
        ("False positive rate", "share of unsuitable pictures that are approved", r.false_positive_rate),
        ("Suitable among refused", "share of refused pictures that are suitable", r.missed),
    ]  # fmt: skip


def _gallery_lead(shown: int, total: int, states: Mapping[str, int]) -> str:
    said = ", ".join(f"{states[s]:,} {_STATES[s].lower()}" for s in _STATES if states[s])
    text = (
        f"{shown} of {total:,} topics: {said or 'none'}. "
        if shown < total
        else f"{said or 'None'}. "
    )
    return (
        f"{text}Open a topic to see its attempts, each with its best picture; green words came into the prompt, "
        "struck-out ones left it."
    )


def _cost_lead(run: Run, approved: int) -> str:
    machine = run.versions.get("machine", "an unknown machine")
    per = (
        f"what is counted per approval is everything that was made, refused pictures too, over approved topics ({approved:,})"
        if approved
        else "nothing was approved, so nothing can be counted per approval"
    )
    return f"All work that is in the store for these topics, over every start, last on {machine}; {per}."


def _figures(told: Sequence[Told], narrowing: Sequence[Narrowing] | None) -> list[Drawn]:
    overall = proportion([t.ending.state == "approved" for t in told]).value
    groups = by_popularity(told)
    figures = [
        drawn(
            "Who gets an approved picture",
            plot_by_popularity(groups, overall=overall),
            estimates("popularity", groups),
            caption="Share of topics that are approved, by the shrunken click-through rate of the item that leads "
            "them, in groups of equal size, the least popular first. First groups whose intervals lie left of the "
            "line would say that niche items come off badly.",
        )
    ]
    if narrowing is not None:
        figures.append(
            drawn(
                "What refining narrows",
                plot_narrowing(narrowing),
                estimates("attempt", [(one.attempt, one.diversity) for one in narrowing]),
                caption="Mean distance between pictures approved at an attempt, over that between photos of the "
                "items that they stand for. Left of the line, pictures look more alike than the products.",
            )
        )
    return figures


def _facts(run: Run, audited: Audited | None, rubric: Rubric) -> list[tuple[str, str]]:
    facts = [
        ("Run", f"{run.id}, {run.command}, {run.created_at:%Y-%m-%d %H:%M} UTC"),
        ("Image model", f"{run.arguments['image_model']}, revision {str(run.arguments['image_model_revision'])[:12]}"),
        ("Judge", f"{run.arguments['judge_name']}, revision {str(run.arguments['judge_revision'])[:12]}"),
        ("Rubric", f"{rubric.label}, {len(rubric.criteria)} criteria"),
        ("Stops", f"at approval, after {run.arguments['attempts']} attempts, or after {run.arguments['patience']} in a row that do not raise the score"),
        ("Versions", ", ".join(f"{k} {v}" for k, v in run.versions.items())),
    ]  # fmt: skip
    if audited:
        audit = audited.audit
        strata = ", ".join(f"{name}: {size:,}" for name, size in audit.strata.items())
        facts.insert(4, ("Audit", f"{audit.id[:12]}, {audit.design}, drawn from {strata}"))
    return facts

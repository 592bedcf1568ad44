"""The listings on a page: photo, listing beside what the catalogue says, verdict and answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reports.heldout import truth
from reports.rendering import number, thumbnail
from workbench.calibration.audited import Judged
from workbench.records import Item
from workbench.rubric import Rubric

if TYPE_CHECKING:
    from workbench.store import Store

_SHOWN = 240
"""Listings with their photo on the page; more make a file that is slow to open."""
_OUTCOMES = {
    "false-approval": "False approvals",
    "false-rejection": "False rejections",
    "true-approval": "Rightly approved",
    "true-rejection": "Rightly rejected",
}


def cards(
    store: Store, population: Sequence[Judged], rubric: Rubric | None
) -> list[dict[str, object]]:
    """What the page shows of each listing, where judge and answer differ first."""
    order = {"false-approval": 0, "false-rejection": 1, "true-approval": 2, "true-rejection": 2}
    shown = sorted(population, key=lambda j: (order.get(_outcome(j), 3), j.generation.key))
    return [_card(store, j, rubric) for j in shown[:_SHOWN]]


def _outcome(judged: Judged) -> str:
    if judged.answer is None or judged.verdict.approved is None:
        return "open"
    right = "true" if judged.answer == judged.verdict.approved else "false"
    return f"{right}-{'approval' if judged.verdict.approved else 'rejection'}"


def _card(store: Store, judged: Judged, rubric: Rubric | None) -> dict[str, object]:
    generation, verdict, item = judged.generation, judged.verdict, judged.item
    listing = generation.listing
    known = truth(item) if item else {}
    aspects = [
        (name, ", ".join(values), _correction(values, known.get(name)))
        for name, values in (listing.aspects.items() if listing else ())
    ]
    return {
        "item": item.id if item else generation.key[:12],
        "photo": thumbnail(store, generation.inputs[0]) if generation.inputs else None,
        "title": listing.title if listing else "",
        "price": _price(listing.price if listing else None, item),
        "category": generation.category or "no category",
        "aspects": aspects,
        "verdict": {True: "approved", False: "rejected", None: "undecided"}[verdict.approved],
        "answer": {True: "suitable", False: "not suitable", None: ""}[judged.answer],
        "outcome": _outcome(judged),
        "modes": sorted({*verdict.failure_modes, *(m for a in judged.annotations for m in a.failure_modes)}),
        "scores": [
            {
                "name": s.criterion,
                "passed": s.passed,
                "share": _share(s.criterion, s.score, rubric),
                "text": "—" if s.score is None else f"{s.score:.1f}",
                "reason": s.reason if s.passed is not True else None,
            }
            for s in verdict.scores
        ],
    }  # fmt: skip


def _correction(values: Sequence[str], right: str | None) -> str:
    """The catalogue's value where it says another one; empty where it agrees or says nothing."""
    if right is None or [v.casefold() for v in values] == [right.casefold()]:
        return ""
    return right


def _price(price: float | None, item: Item | None) -> str:
    if price is None:
        return ""
    unit = f" {item.currency}" if item and item.currency else ""
    text = f"{number(price, 0)}{unit}"
    if item and item.price is not None:
        text += f" (catalogue {number(item.price, 0)})"
    return text


def _share(criterion: str, score: float | None, rubric: Rubric | None) -> float:
    """Where on its scale a score lies, 0 to 1."""
    if score is None or rubric is None:
        return 0.0
    points = len(rubric.criterion(criterion).scale)
    return (score - 1) / (points - 1)


def filters(cards: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Buttons over the listings, each with the number that it shows."""
    outcomes = Counter(str(c["outcome"]) for c in cards)
    verdicts = Counter(str(c["verdict"]) for c in cards)
    filters: list[dict[str, object]] = [{"value": "", "label": "All", "count": len(cards)}]
    filters += [
        {"value": v, "label": v.capitalize(), "count": verdicts[v]}
        for v in ("approved", "rejected", "undecided")
        if verdicts[v]
    ]
    return filters + [
        {"value": o, "label": label, "count": outcomes[o]}
        for o, label in _OUTCOMES.items()
        if outcomes[o]
    ]

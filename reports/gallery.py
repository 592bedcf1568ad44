"""The listings on a page: photo, listing beside what the catalogue says, verdict and answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reports.heldout import truth
from reports.rendering import number, thumbnail
from workbench.calibration.audited import Judged
from workbench.records import Correction, Item, Listing
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
    shown = shown[:_SHOWN]
    corrected = _corrections(store, shown)
    return [_card(store, j, rubric, corrected.get(j.generation.key, [])) for j in shown]


def _corrections(store: Store, shown: Sequence[Judged]) -> dict[str, list[tuple[Correction, str]]]:
    """By generation: what the audit's annotators corrected, and who each of them is."""
    who = {a.id: a.annotator for j in shown for a in j.annotations}
    found: dict[str, list[tuple[Correction, str]]] = {}
    for one in store.records(Correction):
        if one.annotation in who and not one.withdrawn:
            found.setdefault(one.generation, []).append((one, who[one.annotation]))
    return found


def _outcome(judged: Judged) -> str:
    if judged.answer is None or judged.verdict.approved is None:
        return "open"
    right = "true" if judged.answer == judged.verdict.approved else "false"
    return f"{right}-{'approval' if judged.verdict.approved else 'rejection'}"


def _card(
    store: Store,
    judged: Judged,
    rubric: Rubric | None,
    corrected: Sequence[tuple[Correction, str]],
) -> dict[str, object]:
    generation, verdict, item = judged.generation, judged.verdict, judged.item
    listing = generation.listing
    known = truth(item) if item else {}
    aspects = [
        (name, ", ".join(values), _correction(values, known.get(name)))
        for name, values in (listing.aspects.items() if listing else ())
    ]
    struck = {f"aspects.{name}" for name, _, right in aspects if right}
    kind = _kind(listing, item)
    if kind is not None:
        aspects.insert(0, kind)
        if kind[2]:
            struck.add("category")
    return {
        "item": item.id if item else generation.key[:12],
        "photo": thumbnail(store, generation.inputs[0]) if generation.inputs else None,
        "title": listing.title if listing else "",
        "price": _price(listing.price if listing else None, item),
        "category": (item.category if item else "") or generation.category or "no category",
        "path": _path((item.category if item else "") or generation.category or "none"),
        "known_category": bool(item and item.category),
        "aspects": aspects,
        "corrections": list(
            dict.fromkeys(
                text
                for one, who in sorted(corrected, key=lambda c: c[0].about)
                if one.about not in struck and (text := _said(one, who, listing))
            )
        ),
        "verdict": {True: "approved", False: "rejected", None: "undecided"}[verdict.approved],
        "answer": {True: "suitable", False: "unsuitable", None: ""}[judged.answer],
        "outcome": _outcome(judged),
        "modes": sorted({*verdict.failure_modes, *(m for a in judged.annotations for m in a.failure_modes)}),
        "scores": [
            {
                "name": s.criterion,
                "passed": s.passed,
                **on_scale(s.criterion, s.score, rubric),
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


def _kind(listing: Listing | None, item: Item | None) -> tuple[str, str, str] | None:
    """The kind that the listing states, and the catalogue's where that is another one."""
    if listing is None or not listing.category:
        return None
    right = item.category if item else ""
    if right and right.casefold() != listing.category.casefold():
        return ("Kind", _path(listing.category), _path(right))
    return ("Kind", listing.category.rsplit("/", 1)[-1], "")


def _path(category: str) -> str:
    """A category's id with room to break lines."""
    return category.replace("/", " / ")


def _said(correction: Correction, who: str, listing: Listing | None) -> str:
    """A correction in words; empty for a failure that was only named."""
    about, before, after = correction.about, correction.before, correction.after
    if about == "failure_mode":
        return ""
    name = about.removeprefix("aspects.")
    by = "catalogue" if who == "catalogue-truth" else "corrected to"
    after = after or "none"
    if about == "category":
        return f"title names another kind, {by}: {after}"
    if about.startswith("aspects."):
        stated = listing is not None and name in listing.aspects
        claim = f"{'listing says' if stated else 'title claims'} {name} {before}"
        return f"{claim}, {by}: {after}" if before else f"{name}, {by}: {after}"
    return f"{name}, {by}: {after}"


def _price(price: float | None, item: Item | None) -> str:
    known = item.price if item else None
    if price is None:
        return "" if known is None else f"catalogue price {_money(known, item)}"
    text = f"price {_money(price, item)}"
    return text if known is None else f"{text} (catalogue {number(known, 0)})"


def _money(price: float, item: Item | None) -> str:
    return f"{number(price, 0)} {item.currency if item and item.currency else ''}".rstrip()


def on_scale(criterion: str, score: float | None, rubric: Rubric | None) -> dict[str, object]:
    """Where on its scale a score and its threshold lie, 0 to 1, and both in words."""
    if rubric is None:
        return {"share": 0.0, "tick": None, "text": "—" if score is None else f"{score:.1f}", "said": ""}  # fmt: skip
    known = rubric.criterion(criterion)
    points = len(known.scale)
    tick = (known.threshold - 1) / (points - 1)
    if score is None:
        return {"share": 0.0, "tick": tick, "text": "—", "said": "not answered"}
    return {
        "share": (score - 1) / (points - 1),
        "tick": tick,
        "text": f"{score:.1f}/{points}",
        "said": f"{score:.2f} of {points}, passes at {known.threshold:g}",
    }


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

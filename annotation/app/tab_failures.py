"""*Failures*: outputs that judge or people refuse, to be filtered; and one of them from all sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from annotation.app._desk import Desk, visitor
from annotation.app._html import render, words
from annotation.app._page import Query, heading, view
from annotation.app._people import Person
from annotation.notebook._filters import fitting
from annotation.notebook._item import item_of
from annotation.notebook._rows import Rows, truth
from workbench.records import Annotation

if TYPE_CHECKING:
    import gradio as gr
    import pandas as pd

    from workbench.records import Verdict

_PAGE = 24
"""Outputs that are shown at once."""
_COLUMNS = {"judge": "Judge", "people": "People", "category": "Category", "model": "Model"}
"""Columns with a filter of their own, and its label."""
_MODE = "mode"
_ORDERS = {"": "As made", "sure": "Surest first", "unsure": "Least sure first"}
_NAMED = ("judge named", "people named")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    name: str
    label: str
    values: tuple[tuple[str, str], ...]
    """Value and its words."""
    chosen: str


def build(blocks: gr.Blocks, desk: Desk) -> None:
    """The tab."""
    heading(blocks, desk, "/failures")
    view(blocks, lambda query, person, request: show(desk, query, person, visitor(request)), desk)


def show(desk: Desk, query: Query, person: Person, browser: str = "") -> str:
    """The gallery, or one item where `query` names one."""
    rows = desk.rows()
    if rows.frame.empty:
        return render("empty_store", store=desk.name)
    if query.get("item"):
        return _item(desk, rows, query, person, browser)
    kept = found(rows, query)
    page = max(0, int(query["page"]) if query.get("page", "").isdigit() else 0)
    page = min(page, max(0, (len(kept) - 1) // _PAGE))
    shown = kept.iloc[page * _PAGE : (page + 1) * _PAGE]
    desk.see(person, shown["key"][shown["judge"].notna()], browser)
    several = len(desk.once("filters", _values)["model"]) > 1
    return render(
        "failures",
        notes=rows.notes,
        choices=_choices(desk.once("filters", _values), query),
        query={name: value for name, value in query.items() if name not in {"page", "item"}},
        said=query.get("q", ""),
        cards=[_card(row, several) for row in shown.to_dict("records")],
        count=len(kept),
        all=len(rows.frame),
        first=page * _PAGE + 1,
        page=page,
        pages=max(1, -(-len(kept) // _PAGE)),
        filtered=any(query.get(name) for name in (*_COLUMNS, _MODE, "q")),
    )


def found(rows: Rows, query: Query) -> pd.DataFrame:
    """The rows that fit: the same that a notebook's view shows for the same filters."""
    frame = rows.frame
    filters = {
        name: [query[name]]
        for name in _COLUMNS
        if query.get(name) and not frame[name].dropna().empty
    }
    kept = fitting(frame, filters, query.get("q", ""))
    if query.get(_MODE):
        named = [frame[name] for name in _NAMED]
        kept &= np.array(
            [any(query[_MODE] in one for one in both) for both in zip(*named, strict=True)]
        )
    shown = frame[kept]
    if query.get("sort") in ("sure", "unsure"):
        shown = shown.sort_values("confidence", ascending=query["sort"] == "unsure", kind="stable")
    return shown


def _values(rows: Rows) -> dict[str, list[str]]:
    """What each filter offers, the most frequent first, and failures by name."""
    frame = rows.frame
    values = {
        name: [str(one) for one in frame[name].dropna().value_counts().index] for name in _COLUMNS
    }
    return values | {
        _MODE: sorted({mode for name in _NAMED for row in frame[name] for mode in row})
    }


def _choices(values: Mapping[str, list[str]], query: Query) -> list[_Choice]:
    labels = {**_COLUMNS, _MODE: "Failure"}
    made = [_choice(name, label, values[name], query) for name, label in labels.items()]
    orders = tuple(_ORDERS.items())
    made.append(_Choice(name="sort", label="Order", values=orders, chosen=query.get("sort", "")))
    return made


def _choice(name: str, label: str, values: list[str], query: Query) -> _Choice:
    offered = [("", "Any"), *((value, words(value)) for value in values if value)]
    return _Choice(name=name, label=label, values=tuple(offered), chosen=query.get(name, ""))


def _card(row: dict[Any, Any], several: bool = True) -> dict[str, Any]:
    """What the gallery shows of an output; its model only where there are several."""
    about = [str(row["category"] or ""), str(row["model"] or "") if several else ""]
    if row["attempt"] > 1:
        about.append(f"attempt {row['attempt']}")
    return {
        "key": str(row["key"]),
        "title": str(row["title"]),
        "image": row["image"],
        "judge": row["judge"] if isinstance(row["judge"], str) else None,
        "people": str(row["people"]),
        "confidence": None if truth(row["confidence"]) is None else float(row["confidence"]),
        "modes": sorted({*row["judge named"], *row["people named"]}),
        "about": " · ".join(one for one in about if one and one != str(row["title"])),
    }


# ---- one item ------------------------------------------------------------------------------------


def _item(desk: Desk, rows: Rows, query: Query, person: Person, browser: str) -> str:
    key = query["item"]
    place = desk.row(key)
    back = {name: value for name, value in query.items() if name != "item"}
    if place is None:
        return render(
            "wrong",
            said=f"The store holds no output {key[:64]!r}: the address may be of another store.",
        )
    own = rows.frame.iloc[place]
    told = item_of(rows, place, None)
    chain = [str(rows.frame["key"].iat[one["row"]]) for one in told["attempts"]]
    desk.see(person, [key, *chain], browser)
    verdict = _verdict(desk, own)
    return render(
        "item",
        item=told,
        card=_card(own.to_dict()),
        prompt=str(own["prompt"] or ""),
        verdict=verdict,
        passing={} if rows.rubric is None else {c.id: c for c in rows.rubric.criteria},
        answers=answers_about(desk, key),
        attempts=[
            {**one, "key": name, "image": rows.frame["image"].iat[one["row"]]}
            for one, name in zip(told["attempts"], chain, strict=True)
        ],
        back=back,
        writes=person.writes,
    )


def _verdict(desk: Desk, row: pd.Series[Any]) -> Verdict | None:
    rubric = row["rubric"]
    if not isinstance(rubric, str):
        return None
    return desk.store.latest_verdicts([str(row["key"])], rubric=rubric).get(str(row["key"]))


def answers_about(desk: Desk, key: str) -> list[Annotation]:
    """What was answered about an output, the latest last; skipped and deleted answers are left out."""
    names = desk.store.annotations(generation=key, state="answered")["id"]
    found = desk.store.records(Annotation, list(dict.fromkeys(names)))
    return sorted(found, key=lambda one: one.updated_at or one.created_at)

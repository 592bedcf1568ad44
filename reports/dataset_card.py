"""The card of what a store holds: items, where they come from, how they are split, what people said of outputs.

After Gebru et al. 2018, "Datasheets for Datasets", arXiv:1803.09010. Counts are of the whole store, so they have
no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.rendering import render, write_whole
from reports.told import Numbers, Part, Table, drawn
from workbench.errors import StoreError
from workbench.figures import plot_counts
from workbench.records import Run
from workbench.store import catalog_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Store

_SHOWN = 20
"""Categories and aspects that are drawn, the largest first; the CSV has all."""
_FIELDS = ("title", "description", "price", "photos", "aspects", "clicks", "truth")
_FEW = 20


def write_dataset_card(store: Store, path: Path) -> Path:
    """Write the card of the store's items and answers and return where it is; the file is replaced whole.

    Args:
        store: Nothing else is read. No person is named: the card counts them.
        path: Of the page, one HTML file with everything in it.

    Raises:
        StoreError: The store holds no items, or the page cannot be written.
    """
    items = store.items()
    if items.empty:
        raise StoreError(f"want items to describe, but {store.url} holds none: read a catalogue in")
    catalogs = Counter(catalog_of(str(one)) for one in items["id"])
    simulated = int(items["simulated"].sum())
    parts = Counter("not dealt" if not isinstance(one, str) else one for one in items["part"])
    page = {
        "title": f"Dataset card · {', '.join(catalogs)}",
        "heading": "What this store holds",
        "subtitle": " · ".join(f"{name}: {n:,} items" for name, n in catalogs.most_common()),
        "answer": "",
        "notes": _notes(items, simulated),
        "tiles": [
            ("Items", f"{len(items):,}", f"of {items['group'].nunique():,} products or sellers"),
            ("Categories", f"{items['category'].nunique():,}", "each with items of its own"),
            ("Photos", f"{sum(len(one or ()) for one in items['photos']):,}", "over all items"),
            ("May teach", f"{parts['train']:,}", "items of the training part"),
            ("Held out", f"{parts['eval']:,}", "items that train nothing"),
        ],
        "parts": [_items(items), _whole(items), *_split(items, parts), _people(store), _uses(items, simulated)],
        "facts": _facts(store),
    }  # fmt: skip
    return write_whole(path, render("told.html.j2", page=page))


def _notes(items: pd.DataFrame, simulated: int) -> list[str]:
    if not simulated:
        return []
    whole = simulated == len(items)
    return [
        f"Simulated items: {'all' if whole else f'{simulated:,} of {len(items):,}'} were drawn by the workbench, and "
        "nobody sells them. Their photos show no person and no brand that there is."
    ]


def _counted(first: str, counts: Mapping[str, int]) -> Numbers:
    return (first, "items"), list(counts.items())


def _items(items: pd.DataFrame) -> Part:
    categories = {str(name): int(n) for name, n in items["category"].value_counts().items()}
    aspects = Counter(str(name) for one in items["aspects"] for name in one or {})
    named = dict(aspects.most_common())
    figures = [
        drawn("Items by category", plot_counts(_largest(categories), label="items"), _counted("category", categories),
              caption=_left(categories)),
    ]  # fmt: skip
    if named:
        figures.append(
            drawn("Items that state an aspect", plot_counts(_largest(named), label="items"), _counted("aspect", named),
                  caption=_left(named))
        )  # fmt: skip
    return Part(id="items", title="Items", figures=figures)


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(list(counts.items())[:_SHOWN])


def _left(counts: Mapping[str, int]) -> str:
    more = len(counts) - _SHOWN
    return f"The {_SHOWN} largest; {more} more are in the data." if more > 0 else ""


def _whole(items: pd.DataFrame) -> Part:
    rows = []
    for name in _FIELDS:
        there = sum(_there(one) for one in items[name])
        rows.append([name, f"{there:,}", f"{100 * there / len(items):.0f}%"])
    said = (
        "What of an item is there. Truth is what a catalogue knows of the product itself, beside what its seller "
        "typed; only drawn catalogues and audited ones have it."
    )
    table = Table(names=("Field", "Items that have it", "Share"), rows=rows)
    return Part(id="whole", title="What is there", sentences=[said], tables=[table])


def _there(value: Any) -> bool:  # noqa: ANN401 - any cell
    import pandas as pd

    if isinstance(value, str | list | tuple | dict):
        return bool(value)
    return value is not None and not pd.isna(value)


def _split(items: pd.DataFrame, parts: Counter[str]) -> list[Part]:
    if not parts["train"] and not parts["eval"]:
        return []
    said = (
        "Items are dealt by product or seller, never one by one: photos of one product are on one side. What was "
        "dealt once stays. Held-out items train nothing, and a pair of one is an error."
    )
    names = [name for name in ("train", "eval", "not dealt") if parts[name]]
    by = items.assign(part=[one if isinstance(one, str) else "not dealt" for one in items["part"]])
    rows = [
        [name, f"{parts[name]:,}", f"{by[by['part'] == name]['group'].nunique():,}",
         f"{by[by['part'] == name]['category'].nunique():,}"]
        for name in names
    ]  # fmt: skip
    table = Table(names=("Part", "Items", "Products or sellers", "Categories"), rows=rows)
    return [Part(id="split", title="Split", sentences=[said], tables=[table])]


def _people(store: Store) -> Part:
    said = store.annotations(state="answered")
    if said.empty:
        return Part(
            id="people", title="What people said", sentences=["Nobody answered anything yet."]
        )
    rows = []
    for simulated, who in ((False, "People"), (True, "Simulated, not people")):
        own = said[said["simulated"] == simulated]
        if len(own):
            rows.append(
                [who, f"{own['annotator'].nunique():,}", f"{len(own):,}", f"{own['generation'].nunique():,}",
                 f"{int(own['blind'].sum()):,}"]
            )  # fmt: skip
    corrections, pairs = store.corrections(), store.pairs()
    sentences = [
        "Answers about outputs of models. Blind: the judge's answer was not shown before.",
        f"{len(corrections):,} corrections of single fields, and {len(pairs):,} preference pairs made from what was "
        "said. Names and addresses of those who answered are in the store and not on this page.",
    ]
    names = ("Who", "Annotators", "Answers", "Outputs", "Blind")
    return Part(id="people", title="What people said", sentences=sentences, tables=[Table(names=names, rows=rows)])  # fmt: skip


def _uses(items: pd.DataFrame, simulated: int) -> Part:
    small = [str(n) for n, size in items["category"].value_counts().items() if size < _FEW]
    points = [
        "It is there to write listings and pictures, judge them, and learn from what people correct.",
        "Rates on it hold for items drawn like these, and for no other catalogue.",
    ]
    if small:
        listed = ", ".join(small[:6]) + (f" and {len(small) - 6} more" if len(small) > 6 else "")
        points.append(
            f"Fewer than {_FEW} items each: {listed}. What is measured there has wide intervals."
        )
    if simulated == len(items):
        points.append(
            "Drawn items are easier than photos of shops: what works here may fail there."
        )
    else:
        points.append(
            "The store does not know under which terms photos and texts may be used: ask whoever gave the catalogue "
            "before anything made from it leaves the house."
        )
    return Part(id="uses", title="What it is for, and what not", points=points)


def _facts(store: Store) -> list[tuple[str, str]]:
    sources = [
        f"{run.arguments['catalog']}, {run.created_at:%Y-%m-%d}"
        for run in sorted(store.records(Run), key=lambda one: one.created_at)
        if run.arguments.get("catalog")
    ]
    counts = store.counts()
    return [
        ("Read from", "; ".join(dict.fromkeys(sources)) or "not recorded"),
        ("Also in the store", ", ".join(f"{counts[name]:,} {name if counts[name] != 1 else name[:-1]}" for name in ("generations", "verdicts", "audits", "runs"))),
    ]  # fmt: skip

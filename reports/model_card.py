"""The card of a model that a store knows: what it makes, what judge and people say of it, where it stops.

After Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.outputs import Kind, Outputs, approval, audits_of, precision_of, read_outputs
from reports.rendering import render, thumbnail, write_whole
from reports.told import Part, Table, Tile, drawn, estimates, tile
from workbench.errors import StoreError
from workbench.figures.ablation import plot_arms
from workbench.metrics import Estimate, proportion
from workbench.models.starter.card import Card, recipe_words, shipped_card

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Store

_WORDS = {"listing": "listings", "image": "pictures"}
_TASKS: dict[Kind, str] = {
    "listing": "Writes listings: a title, aspects and a price of a product, from its photos or from facts read from them.",
    "image": "Makes pictures that stand for a category, from a prompt.",
}
_SHOWN = 16
"""Categories that are shown, those with the most outputs."""
_SAMPLES = 4
"""Outputs of each kind that are shown: approved ones, and refused ones."""
_FEW = 20


def write_model_card(store: Store, path: Path, model: str) -> Path:
    """Write the card of `model` and return where it is; the file is replaced whole.

    Args:
        store: Holds what it made; of a shipped model, its own card is told too.
        path: Of the page, one HTML file with everything in it.
        model: As the store's outputs name it.

    Raises:
        StoreError: The store holds nothing by this model, or the page cannot be written.
    """
    every = read_outputs(store)
    made = [one for one in every if model in one.models]
    if not made:
        known = ", ".join(sorted({name for one in every for name in one.models})) or "none"
        raise StoreError(
            f"want a model whose outputs {store.url} holds, got {model!r}; there are: {known}"
        )
    card = shipped_card(model)
    parts, tiles, notes = [], list[Tile](), list[str]()
    for one in made:
        own = one.of(model)
        tiles += _tiles(store, one, model, own)
        parts += _parts(store, one, model, own)
        if bool(own["simulated"].any()):
            notes.append(
                "Simulated items: the products were drawn by the workbench, and nobody sells them."
            )
    page = {
        "title": f"Model card · {model}",
        "heading": model,
        "subtitle": " ".join(_TASKS[one.kind] for one in made) if card is None else card.about,
        "answer": "",
        "notes": list(dict.fromkeys(notes)),
        "tiles": tiles,
        "parts": [*parts, *_learnt(card), _limits(made, model, card)],
        "facts": _facts(made, model, card),
    }
    return write_whole(path, render("told.html.j2", page=page))


def _tiles(store: Store, outputs: Outputs, model: str, own: pd.DataFrame) -> list[Tile]:
    what = _WORDS[outputs.kind]
    about = "about held-out items" if outputs.held_out else "in the store"
    precision, simulated = precision_of(model, audits_of(store, outputs))
    label = "Precision of approvals" + (", simulated answers" if simulated else "")
    return [
        (what.capitalize(), f"{len(own):,}", about),
        tile("Approved by the judge", approval(own)),
        tile(label, precision),
    ]


def _parts(store: Store, outputs: Outputs, model: str, own: pd.DataFrame) -> list[Part]:
    what = _WORDS[outputs.kind]
    by_category = {
        str(name): approval(own[own["category"] == name])
        for name in own["category"].value_counts().index
    }
    told = {name: e for name, e in by_category.items() if e.low is not None}
    lone = len(by_category) - len(told)
    judged = own[own["approved"].notna()]
    groups = judged["group"].astype(str).to_numpy()
    named = Counter(mode for one in judged["modes"] for mode in one)
    modes = {
        mode.replace("_", " "): proportion([mode in one for one in judged["modes"]], groups=groups)
        for mode, _ in named.most_common(_SHOWN)
    }
    said = (
        f"By {outputs.judge} with rubric {outputs.rubric}; dots with 95% intervals."
        if outputs.judge
        else "None of it was judged yet: `workbench judge` does it."
    )
    if outputs.judge and lone:
        said += f" Of {lone} of {len(by_category)} categories there are too few {what} of different products to say more."
    figures = [
        drawn(title, plot_arms(rates, label=label), estimates(first, rates.items()))
        for title, first, label, rates in (
            (f"Approved {what} by category", "category", "share approved", dict(list(told.items())[:_SHOWN])),
            (f"Failures of {what}", "failure mode", "share of judged outputs", modes),
        )
        if any(e.value is not None for e in rates.values())
    ]  # fmt: skip
    return [
        Part(id=f"{outputs.kind}-judged", title=f"What the judge says of its {what}", sentences=[said], figures=figures),
        Part(id=f"{outputs.kind}-samples", title=f"Some of its {what}",
             sentences=["The first that were approved, then the first that were refused: not the best and not the worst."],
             pictures=_samples(store, own)),
    ]  # fmt: skip


def _samples(store: Store, own: pd.DataFrame) -> list[tuple[str, str, str]]:
    found = []
    for approved, word in ((True, "approved"), (False, "refused")):
        some = own[[one is approved for one in own["approved"]]].head(_SAMPLES)
        for image, inputs, title, category in zip(
            some["image"], some["inputs"], some["title"], some["category"], strict=True
        ):
            address = image if isinstance(image, str) else next(iter(inputs or ()), None)
            small = thumbnail(store, address, side=240) if address else None
            if small is not None:
                name = title if isinstance(title, str) else str(category)
                found.append((small, f"{name}, {word}", f"{name} · {word}"))
    return found


def _learnt(card: Card | None) -> list[Part]:
    if card is None:
        return [
            Part(id="data", title="What it learnt from", sentences=[
                "The store does not say: ask whoever made the model. Until then nobody can tell whether it has seen "
                "the items that it is measured on."])
        ]  # fmt: skip
    rows: list[list[Estimate | str]] = [
        [name, figure, f"{figure.n:,}"] for name, figure in card.figures.items()
    ]
    return [
        Part(id="data", title="What it learnt from", sentences=[card.data]),
        Part(
            id="measured",
            title="What was measured when it was made",
            tables=[Table(names=("Figure", "Value", "Items"), rows=rows)],
        ),
    ]


def _limits(made: Sequence[Outputs], model: str, card: Card | None) -> Part:
    points = list(card.limits) if card else []
    for one in made:
        own = one.of(model)
        what = _WORDS[one.kind]
        sizes = own["category"].value_counts()
        few = [str(name) for name, size in sizes.items() if size < _FEW]
        if few:
            listed = ", ".join(few[:6]) + (f" and {len(few) - 6} more" if len(few) > 6 else "")
            points.append(
                f"Fewer than {_FEW} {what} each were seen of {listed}: little is known there."
            )
        if not one.held_out:
            points.append(
                f"The {what} are not about held-out items: a model that learnt from these items looks better than it is."
            )
        if bool(own["simulated"].all()):
            points.append(
                "All items are drawn: nothing here says how it does on photos of real products."
            )
    points.append(
        "What the judge approves is not always right: the precision of approvals says how often it is, and "
        "people have the last word."
    )
    return Part(id="limits", title="Where it stops", points=points)


def _facts(made: Sequence[Outputs], model: str, card: Card | None) -> list[tuple[str, str]]:
    facts = [("Model", model)]
    for one in made:
        own = one.of(model)
        first, last = (
            f"{day:%Y-%m-%d}" for day in (own["created_at"].min(), own["created_at"].max())
        )
        days, runs = first if first == last else f"{first} to {last}", own["run"].nunique()
        facts += [
            ("Revisions", ", ".join(str(r)[:12] for r in own["revision"].unique())),
            (f"{_WORDS[one.kind].capitalize()} made", f"{days} UTC, in {runs:,} {'run' if runs == 1 else 'runs'}"),
            ("Cost", f"{own['seconds'].mean():,.1f} seconds and {own['tokens'].mean():,.0f} tokens each, on average"),
        ]  # fmt: skip
    if card is not None:
        facts += recipe_words(card.recipe)
        facts += [(f"SHA-256 of {name}", digest) for name, digest in card.sha256.items()]
    return facts

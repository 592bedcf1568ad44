"""The page that holds a store's models against each other: approved how often, on the same items, at what cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.outputs import Outputs, approval, audits_of, precision_of, read_outputs
from reports.rendering import number, render, write_whole
from reports.told import Drawn, Part, Table, drawn, estimates
from workbench.errors import StoreError
from workbench.figures.ablation import plot_added, plot_arms
from workbench.metrics import Estimate, bootstrap_mean, proportion, undefined

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Store

_WORDS = {"listing": "listings", "image": "pictures"}
_MODES = 8
"""Failure modes that are shown, those named most often first."""


def write_model_comparison_page(store: Store, path: Path) -> Path:
    """Write the page and return where it is; the file is replaced whole.

    Every model is judged by the same judge and rubric. Differences are between outputs about the same item, and
    the outputs about one product are drawn again together.

    Args:
        store: Nothing else is read.
        path: Of the page, one HTML file with everything in it.

    Raises:
        StoreError: No two models of one kind were judged, or the page cannot be written.
    """
    compared = [one for one in read_outputs(store) if len(judged_models(one)) > 1]
    if not compared:
        raise StoreError(
            f"want outputs of two models to compare, judged by the same judge, but {store.url} holds none: run the "
            "same command with another --model into the same store"
        )
    parts, answers = [], []
    for one in compared:
        told = _compared(store, one)
        parts += told[0]
        answers.append(told[1])
    simulated = any(bool(one.frame["simulated"].any()) for one in compared)
    page = {
        "title": "Models beside each other",
        "heading": "Models beside each other",
        "subtitle": " · ".join(
            f"{_WORDS[one.kind]}: {len(judged_models(one))} models, judged by {one.judge} with {one.rubric}"
            for one in compared
        ),
        "answer": " ".join(answers),
        "notes": ["Simulated items: the products were drawn by the workbench."] if simulated else [],
        "tiles": [],
        "parts": parts,
        "facts": [
            ("Rows", "Outputs about held-out items alone" if all(o.held_out for o in compared)
             else "All outputs of the store, those that a model may have learnt from too"),
            ("Approved", "By one judge and rubric for all models; what it approves is not always right, see People"),
            ("Differences", "On items that both models described, each at 95% and not corrected for their number"),
        ],
    }  # fmt: skip
    return write_whole(path, render("told.html.j2", page=page))


def judged_models(outputs: Outputs) -> list[str]:
    """Models of which at least one output was approved or refused, the most outputs first."""
    judged = outputs.frame[outputs.frame["approved"].notna()]
    return [str(one) for one in judged["model"].value_counts().index]


def _compared(store: Store, outputs: Outputs) -> tuple[list[Part], str]:
    """The sections about one kind of output, and the answer in a sentence."""
    models, what = judged_models(outputs), _WORDS[outputs.kind]
    rates = {name: approval(outputs.of(name)) for name in models}
    models.sort(key=lambda name: -(rates[name].value or 0.0))
    best = models[0]
    differences = {name: difference(outputs, best, name) for name in models[1:]}
    audits = audits_of(store, outputs)
    worth = {name: precision_of(name, audits) for name in models}
    sentences = [_difference(best, name, e) for name, e in differences.items()]
    figures = [
        drawn(f"Approved {what}", plot_arms({n: rates[n] for n in models}, label=f"share of {what} approved"),
              estimates("model", [(n, rates[n]) for n in models]), caption="Dots with 95% intervals."),
    ]  # fmt: skip
    if any(e.value is not None for e in differences.values()):
        less = {f"less {name}": e for name, e in differences.items()}
        figures.append(
            drawn(f"{best} less the others, {what}", plot_added(less, label="approved more often by"),
                  estimates("difference", less.items()), caption="Green or red: told from no difference.")
        )  # fmt: skip
    simulated = any(one for e, one in worth.values() if e.value is not None)
    people = (
        "What approvals are worth, by the answers of audits"
        + (" (simulated, not people's)" if simulated else "")
        + ". A judge may like one model's outputs better than people do."
    )
    return [
        Part(id=f"{outputs.kind}-approved", title=f"{what.capitalize()}: approved by the judge",
             sentences=sentences, figures=figures),
        Part(id=f"{outputs.kind}-people", title=f"{what.capitalize()}: people and cost", sentences=[people],
             tables=[_table(outputs, models, rates, {n: e for n, (e, _) in worth.items()})]),
        Part(id=f"{outputs.kind}-failures", title=f"{what.capitalize()}: what fails",
             sentences=["Share of judged outputs of which the judge names it."], figures=_modes(outputs, models)),
    ], _answer(what, best, differences)  # fmt: skip


def difference(outputs: Outputs, first: str, second: str) -> Estimate:
    """Approval rate of `first` less that of `second` on items that both described (for pictures: categories)."""
    a, b = (_by_item(outputs, name) for name in (first, second))
    both = a.join(b.add_suffix("_second"), how="inner")
    if both.empty:
        return undefined("they share no item", method="cluster bootstrap")
    values = both["approved"] - both["approved_second"]
    return bootstrap_mean(values.to_numpy(), groups=both["group"].astype(str).to_numpy())


def _by_item(outputs: Outputs, model: str) -> pd.DataFrame:
    """Share approved and group of each item; several outputs about one item count together."""
    own = outputs.of(model)
    own = own[own["approved"].notna()]
    item = own["item"] if outputs.kind == "listing" else own["category"]
    joined = own.assign(thing=item, approved=own["approved"].astype(float))
    return joined.groupby("thing").agg(approved=("approved", "mean"), group=("group", "first"))


def _difference(best: str, name: str, e: Estimate) -> str:
    if e.value is None or e.low is None or e.high is None:
        return f"{best} and {name} cannot be compared: {e.reason}."
    told = (
        f"{_signed(e.value)} ({_signed(e.low)} to {_signed(e.high)}) on {e.n:,} that both described"
    )
    if e.low > 0:
        return f"{best} is approved more often than {name}: {told}."
    if e.high < 0:
        return f"On the same items {best} is approved less often than {name}: {told}."
    return f"{best} and {name} cannot be told apart: {told}."


def _answer(what: str, best: str, differences: dict[str, Estimate]) -> str:
    told = [name for name, e in differences.items() if e.low is not None and e.low > 0]
    if len(told) == len(differences):
        return f"Of {what}, the judge approves those of {best} more often than all others'."
    if not told:
        return f"Of {what}, the judge approves those of {best} most often, but no difference can be told from chance."
    return (
        f"Of {what}, the judge approves those of {best} more often than those of {', '.join(told)}."
    )


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + number(value, 2)


def _table(
    outputs: Outputs, models: Sequence[str], rates: dict[str, Estimate], worth: dict[str, Estimate]
) -> Table:
    rows: list[list[Estimate | str]] = []
    for name in models:
        own = outputs.of(name)
        tokens = own["tokens"].mean()
        rows.append(
            [name, f"{len(own):,}", rates[name], worth[name], number(own["seconds"].mean(), 1),
             number(tokens, 0) if tokens else "–"]
        )  # fmt: skip
    names = (
        "Model",
        "Outputs",
        "Approved",
        "Precision of approvals",
        "Seconds each",
        "Tokens each",
    )
    return Table(names=names, rows=rows)


def _modes(outputs: Outputs, models: Sequence[str]) -> list[Drawn]:
    judged = outputs.frame[outputs.frame["approved"].notna()]
    named = Counter(mode for one in judged["modes"] for mode in one)
    most = [mode for mode, _ in named.most_common(_MODES)]
    figures = []
    for name in models:
        own = judged[judged["model"] == name]
        groups = own["group"].astype(str).to_numpy()
        rates = {
            mode.replace("_", " "): proportion([mode in one for one in own["modes"]], groups=groups)
            for mode in most
        }
        if rates:
            figures.append(
                drawn(f"Failures of {name}", plot_arms(rates, label="share of its outputs"),
                      estimates("failure mode", rates.items()))
            )  # fmt: skip
    return figures

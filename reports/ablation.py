"""The page of an ablation: every arm with its interval, the paper's own numbers, what each step really adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.rendering import number, render, write_whole
from reports.told import Drawn, drawn, estimates
from workbench.figures.ablation import plot_added, plot_arms
from workbench.metrics import Estimate

_MEASURES = {
    "rouge_l": "ROUGE-L", "aspect_f1": "Aspect F1", "schema_compliance": "Schema compliance",
    "valid_json": "Valid JSON", "hallucination": "Hallucination",
}  # fmt: skip
PAPER: tuple[tuple[str, tuple[tuple[float, float, float], ...]], ...] = (
    ("LLaVA-NeXT-7B", ((0.36, 0.33, 0.49), (0.43, 0.35, 0.53), (0.48, 0.37, 0.54), (0.56, 0.49, 0.74))),
    ("Qwen2-VL-7B", ((0.39, 0.38, 0.53), (0.48, 0.40, 0.56), (0.50, 0.42, 0.56), (0.61, 0.50, 0.85))),
    ("InternVL2.5-8B", ((0.42, 0.45, 0.71), (0.52, 0.48, 0.61), (0.53, 0.50, 0.62), (0.63, 0.52, 0.82))),
)  # fmt: skip
"""OPAL, arXiv:2508.10116: backbone to (ROUGE-L, Aspect F1, schema recall) of raw, MACE, + LACU, + DPO."""
_PREFERS, _WHEN = "chosen likelier than rejected", ("before", "after", "after less before")
_PAPER_ARMS = ("raw", "mace", "lacu", "dpo")
_SENTENCES = {
    "MACE": "MACE, at equal steps over sellers' own words",
    "twice the steps": "Training MACE's listings for twice the steps, without a word of dialogue",
    "LACU and its steps": "LACU with the steps that come with it",
    "LACU at equal steps": "LACU itself, at equal steps",
    "DPO and its steps": "DPO with the steps that come with it",
    "DPO over more SFT": "DPO itself, over more of the same fine-tuning",
    "DPO over SFT on chosen": "DPO's rejected side, over fine-tuning on its chosen answers alone",
    "DPO + SFT over chosen": "DPO with an SFT term, over fine-tuning on the chosen answers alone",
}


_SHORT = {
    "retrieval": "nearest photos", "start": "before training", "raw": "sellers' words", "raw-long": "sellers' words ×2",
    "mace": "MACE", "mace-long": "MACE ×2", "lacu": "+ LACU", "more": "+ LACU, more", "chosen": "+ LACU, chosen",
    "dpo": "+ LACU + DPO", "dpo-sft": "+ LACU + DPO, SFT",
}  # fmt: skip
"""Arm to its name in a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One arm of the table."""

    name: str
    control: bool
    cells: tuple[tuple[str, Estimate], ...]


def write_ablation_page(data: Mapping[str, Any], path: Path) -> Path:
    """Write the page of an ablation's figures and return where it is.

    Args:
        data: As JSON, from the ablation.
        path: Of the page, one HTML file with everything in it.

    Raises:
        StoreError: It cannot be written.
    """
    parts = {
        part: {
            arm: {n: Estimate.from_dict(e) for n, e in told.items()} for arm, told in arms.items()
        }
        for part, arms in data["arms"].items()
    }
    added = {
        step: {n: Estimate.from_dict(e) for n, e in told.items()}
        for step, told in data["added"].items()
    }
    job, names = data["job"], data["names"]
    controls = set(data["controls"])
    page = {
        "title": f"Ablation of listings · {job['catalog']}",
        "subtitle": f"{job['catalog'].rpartition('/')[2]} · from {job['model']} · {job['seeds']} seeds",
        "tiles": _tiles(data),
        "warnings": _warnings(data),
        "sentences": [_sentence(step, told) for step, told in added.items()],
        "preference": preference_sentence(data),
        "measures": list(_MEASURES.values()),
        "parts": [
            (f"{part.capitalize()} items", _count(data, part), _rows(arms, names, controls))
            for part, arms in parts.items()
        ],
        "figures": _figures(parts["held out"], added, names, controls),
        "paper": _paper(parts["held out"]),
        "against": [
            (names[arm], {n: _estimate(v) for n, v in one.items()}, one)
            for arm, one in data["against"].items()
        ],
        "seller": _seller(data),
        "classes": data["classes"],
        "preferred": [
            (
                names[one["arm"]],
                one["seed"],
                one["learnt"],
                [Estimate.from_dict(one["figures"][f"{_PREFERS}, {when}"]) for when in _WHEN],
            )
            for one in data["preferred"]
        ],
        "checked": [
            (one["about"], *(_estimate(one[n]) for n in ("precision", "recall", "kept_right")))
            for one in data["checked"]
        ],
        "job": job,
        "data": data,
    }
    return write_whole(path, render("ablation.html.j2", page=page))


def _estimate(value: object) -> Estimate | None:
    return Estimate.from_dict(value) if isinstance(value, dict) and "method" in value else None


def _count(data: Mapping[str, Any], part: str) -> int:
    return int(data["niche"] if part == "niche" else data["held_out"])


def _tiles(data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    pairs = data["pairs"]
    between = f"{min(pairs):,} to {max(pairs):,} a seed" if pairs else "none"
    return [
        ("Trained on", f"{data['trained_on']:,}", "items"),
        ("Held out", f"{data['held_out']:,}", f"items, {data['niche']:,} of them niche"),
        ("Seeds", f"{data['job']['seeds']:,}", "trainings of each arm"),
        ("Dialogues", f"{data['dialogues']:,}", "fit to train on"),
        ("Pairs", f"{sum(pairs):,}", f"from the two worst of five classes, {between}"),
    ]


def _warnings(data: Mapping[str, Any]) -> list[str]:
    said = list(data["missing"])
    if data["job"]["catalog"].startswith("drawn:"):
        said.append("Simulated items: the catalogue is drawn, and nobody sells these things.")
    judge, against = data["job"]["judge"], data["against"].values()
    if judge and against and all(one["ties"] == one["items"] for one in against):
        said.append(
            f"{judge} called every comparison a tie: it was not taught to compare, and win rates say nothing."
        )
    if data["job"]["seeds"] < 3:
        said.append("Fewer than three seeds: the intervals hardly know how trainings differ.")
    return said


def _sentence(step: str, told: Mapping[str, Estimate]) -> str:
    """What one step adds to aspect F1, and what it does to JSON, in plain words."""
    f1, valid = told["aspect_f1"], told["valid_json"]
    start = _SENTENCES.get(step, step)
    if f1.value is None or f1.low is None or f1.high is None:
        return f"{start}: its effect on aspect F1 is not known ({f1.reason})."
    between = f"{_signed(f1.value)} ({_signed(f1.low)} to {_signed(f1.high)})"
    if f1.low > 0:
        said = f"{start} adds aspect F1: {between}"
    elif f1.high < 0:
        said = f"{start} costs aspect F1: {between}"
    else:
        said = f"{start} cannot be told from no effect on aspect F1: {between}"
    if valid.high is not None and valid.high < 0 and valid.value is not None:
        said += f", and costs valid JSON ({_signed(valid.value)})"
    elif valid.low is not None and valid.low > 0 and valid.value is not None:
        said += f", and makes more of the answers valid JSON ({_signed(valid.value)})"
    return f"{said}."


def preference_sentence(data: Mapping[str, Any]) -> str | None:
    """What DPO did to held-out pairs beside what it did to answers; None where it was not trained.

    The two may go apart: its loss is about which of two given answers is the likelier one, not about what a model
    writes by itself.

    Args:
        data: As JSON, from the ablation.
    """
    told = [
        {when: Estimate.from_dict(one["figures"][f"{_PREFERS}, {when}"]) for when in _WHEN}
        for one in data["preferred"]
        if one["arm"] == "dpo"
    ]
    step = data["added"].get("DPO and its steps")
    if not told or step is None:
        return None
    f1 = Estimate.from_dict(step["aspect_f1"])
    if f1.value is None or f1.low is None or f1.high is None:
        return None
    rose = sum((one[_WHEN[2]].low or 0) > 0 for one in told)
    gains = "; ".join(_gain(one[_WHEN[2]]) for one in told)
    learnt = (
        f"In {rose} of {len(told)} trainings DPO made the chosen answer of held-out pairs the likelier one more often, "
        f"beyond chance (difference of the shares: {gains})"
    )
    between = f"{_signed(f1.value)}, {_signed(f1.low)} to {_signed(f1.high)}"
    if f1.low > 0:
        return f"{learnt}. What the model writes by itself is better, too (aspect F1 {between})."
    became = "became worse" if f1.high < 0 else "is not better as far as these items tell"
    apart = ", yet" if rose else ", and"
    return (
        f"{learnt}{apart} what the model writes by itself {became} (aspect F1 {between}). The two measure different "
        "things: DPO's loss moves the probability of a given answer against that of another given one; an answer that "
        "is written freely is neither of them, and nothing in the loss makes it right."
    )


def _gain(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return "not known"
    return f"{_signed(one.value)}, {_signed(one.low)} to {_signed(one.high)}"


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + number(value)


def _rows(
    arms: Mapping[str, Mapping[str, Estimate]], names: Mapping[str, str], controls: set[str]
) -> list[_Row]:
    return [
        _Row(
            name=names[arm],
            control=arm in controls,
            cells=tuple((shown, told[n]) for n, shown in _MEASURES.items()),
        )
        for arm, told in arms.items()
    ]


def _figures(
    arms: Mapping[str, Mapping[str, Estimate]],
    added: Mapping[str, Mapping[str, Estimate]],
    names: Mapping[str, str],
    controls: set[str],
) -> list[Drawn]:
    short = {arm: _SHORT.get(arm, names[arm]) for arm in arms}
    f1 = {short[arm]: told["aspect_f1"] for arm, told in arms.items()}
    gained = {step: told["aspect_f1"] for step, told in added.items()}
    first = plot_arms(
        f1,
        label="aspect F1, held-out items",
        controls={short[arm] for arm in arms if arm in controls},
    )
    second = plot_added(gained, label="aspect F1 added")
    key = "; ".join(f"{short[arm]}: {names[arm]}" for arm in arms if arm in controls)
    return [
        drawn(
            "Every arm", first, estimates("arm", f1.items()), caption=f"Hollow: controls. {key}."
        ),
        drawn(
            "What each step adds",
            second,
            estimates("step", gained.items()),
            caption="Green and red: told from nothing. Groups of items and seeds are drawn again together.",
        ),
    ]


def _paper(arms: Mapping[str, Mapping[str, Estimate]]) -> list[dict[str, object]]:
    """The paper's table, and ours in the same columns."""
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "ours": False,
            "cells": [" / ".join(f"{v:.2f}" for v in cell) for cell in cells],
        }
        for name, cells in PAPER
    ]
    cells = []
    for arm in _PAPER_ARMS:
        told = arms.get(arm)
        values = (
            []
            if told is None
            else [told[n].value for n in ("rouge_l", "aspect_f1", "schema_compliance")]
        )
        cells.append(" / ".join("–" if v is None else f"{v:.2f}" for v in values) or "–")
    return [*rows, {"name": "here", "ours": True, "cells": cells}]


def _seller(data: Mapping[str, Any]) -> str:
    for one in data["against"].values():
        return ", ".join(
            f"{name.replace('_', ' ')} {value:g}" for name, value in one["seller"].items()
        )
    return ""

"""The page of a circle: what each round is worth on held-out items, what it cost, what was learnt for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.rendering import number, render, write_whole
from reports.told import Drawn, drawn, estimates
from workbench.figures.ablation import plot_arms
from workbench.metrics import Estimate

_MEASURES = {
    "precision": ("Precision of approvals", "by the audit of held-out items"),
    "recall": ("Recall of approvals", "by the audit of held-out items"),
    "aspect_f1": ("Aspect F1", "of all held-out listings"),
}


def write_loop_page(data: Mapping[str, Any], path: Path) -> Path:
    """Write the page of a circle and return where it is.

    Args:
        data: As JSON, from the circle.
        path: Of the page, one HTML file with everything in it.

    Raises:
        StoreError: It cannot be written.
    """
    job, rounds = data["job"], [_read(one) for one in data["rounds"]]
    page = {
        "title": f"Circle · {job['catalog'].rpartition('/')[2]}",
        "subtitle": f"{job['catalog'].rpartition('/')[2]} · {job['model']} judged by {job['judge']}",
        "warnings": _warnings(data),
        "tiles": _tiles(data, rounds),
        "saying": _saying(rounds),
        "rounds": rounds,
        "measures": [name for name, _ in _MEASURES.values()],
        "keys": list(_MEASURES),
        "figures": _figures(rounds),
        "job": job,
    }
    return write_whole(path, render("loop.html.j2", page=page))


def _read(one: Mapping[str, Any]) -> dict[str, Any]:
    estimates = {name: Estimate.from_dict(one[name]) for name in _MEASURES}
    later = {n: one[n] and Estimate.from_dict(one[n]) for n in ("gained", "per_labels")}
    name = "as it came" if not one["round"] else f"round {one['round']}"
    return {**one, **estimates, **later, "name": name}


def _warnings(data: Mapping[str, Any]) -> list[str]:
    job, said = data["job"], []
    if data["waiting"]:
        waiting = data["waiting"]
        said.append(
            f"{waiting['answers']:,} answers are missing: give them at {waiting['url']} and run the command again."
        )
    if job["people"] == "simulated":
        held = f"They hold to {job['standard']} in every round. " if job.get("standard") else ""
        said.append(
            "Simulated answers: nobody was asked. They come from what the catalogue knows, and are wrong with "
            f"probability {job['error']:g}; each of these records says so. {held}Changes of the rubric were accepted by a "
            "program."
        )
    if data["simulated_items"]:
        said.append("Simulated items: the catalogue is drawn, and nobody sells these things.")
    return said


def _tiles(
    data: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    learnt = [one["learned"] for one in rounds if one["learned"]]
    taught = sum(one["teaching"] for one in rounds)
    asked = sum(one["measuring"] for one in rounds)
    seconds = sum(one["seconds"] for one in rounds)
    return [
        ("Rounds", f"{max(0, len(rounds) - 1):,}", f"of {data['job']['rounds']:,} asked for"),
        ("Held out", f"{data['held_out']:,}", f"items, and {data['train']:,} that may teach"),
        ("Labels that taught", f"{taught:,}", f"and {asked:,} that only measured"),
        (
            "Pairs learnt",
            f"{sum(one['pairs'] for one in learnt):,}",
            "corrected against given answers",
        ),
        ("Time", f"{seconds / 60:,.1f} min", "all starts of all rounds"),
    ]


def _saying(rounds: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the last round is against the first, in plain sentences."""
    if len(rounds) < 2:
        return ["Nothing was learnt yet: the first round waits, or is all that there is."]
    last = rounds[-1]
    per: Estimate | None = last["per_labels"]
    said = []
    if per is None or per.value is None:
        said.append("What a label taught cannot be said.")
    elif per.low is None or per.high is None:
        said.append(
            f"100 labels that taught are worth {_signed(per.value)} aspect F1 ({per.reason})."
        )
    else:
        between = f"{_signed(per.value)} ({_signed(per.low)} to {_signed(per.high)})"
        told = (
            "raised aspect F1 by"
            if per.low > 0
            else "lowered aspect F1, by"
            if per.high < 0
            else "cannot be told from no effect on aspect F1:"
        )
        said.append(
            f"{last['taught_by']:,} labels taught: each 100 of them {told} {between}."
            if last["taught_by"] >= 100
            else f"{last['taught_by']:,} labels taught. Reckoned for 100 they {told} {between}, as if the pace went on; it "
            "falls as less is left to gain."
        )
    first = rounds[0]
    said.append(
        f"Of {last['held_out']:,} held-out listings {first['approved']:,} were approved at first, "
        f"{last['approved']:,} are in the end."
    )
    for when, one in (("At first", first), ("In the end", last)):
        if one["failing"]:
            named = ", ".join(f"{name} ({count:,})" for name, count in one["failing"].items())
            said.append(f"{when} listings are refused for {named}; one can fail several criteria.")
    before, after = first["precision"], last["precision"]
    for when, one in (("at first", before), ("in the end", after)):
        if one.value is None:
            said.append(f"Precision of approvals {when} cannot be said: {one.reason}.")
    return said


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + number(value)


def _figures(rounds: Sequence[Mapping[str, Any]]) -> list[Drawn]:
    found = []
    for key, (name, about) in _MEASURES.items():
        values = {one["name"]: one[key] for one in rounds if one[key].value is not None}
        if values:
            plot = plot_arms(values, label=name[0].lower() + name[1:])
            numbers = estimates("round", [(one["round"], one[key]) for one in rounds])
            caption = f"{about.capitalize()}; 95% intervals."
            found.append(drawn(f"{name} by round", plot, numbers, caption=caption))
    return found

"""The page of a run's comparisons: which way from photos to attributes and titles is better, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from reports.rendering import number, render, write_whole
from reports.told import Numbers, as_csv, estimates
from workbench import figures as plots
from workbench.metrics.ways import Compared, Comparison

_THERE = ", there are "
"""Parts what an interval wants from what there is, in the reason why there is none."""


def write_attributes_page(
    path: Path,
    comparisons: Sequence[Comparison],
    *,
    catalog: str,
    encoder: str,
    simulated: bool = False,
) -> Path:
    """Write the page of some comparisons and return where it is; the file is replaced whole.

    Args:
        path: Of the page, one HTML file with everything in it.
        comparisons: In the order in which they are shown; one at least.
        catalog: What the catalogue is called.
        encoder: The backbone.
        simulated: Whether the items were drawn; the page then says so.

    Raises:
        StoreError: The page cannot be written.
    """
    one = comparisons[0]
    page = {
        "title": f"Attributes and titles from photos · {catalog}",
        "heading": "Attributes and titles from photos",
        "subtitle": f"{catalog} · {encoder} · {one.items} held-out items of {one.groups} groups, {_counted(one.seeds, 'seed')}",
        "note": "Simulated items: the products and their photos were drawn by the workbench."
        if simulated
        else "",
        "warning": _warning(comparisons),
        "parts": [_part(found) for found in comparisons],
        "assumptions": list(
            dict.fromkeys(
                f"{m.difference.method}: {'; '.join(m.difference.assumptions)}"
                for found in comparisons
                for m in found.measures
                if m.difference.low is not None
            )
        ),
    }
    return write_whole(path, render("attributes.html.j2", page=page))


def answer(found: Comparison) -> str:
    """What a comparison comes to, in one sentence: the measures that the intervals tell apart."""
    first, second = found.ways
    if all(m.difference.low is None for m in found.measures):
        return f"There are no intervals that could tell {first} and {second} apart."
    told = [(m, verdict(m)) for m in found.measures]
    better = [_said(m) for m, how in told if how == "better"]
    worse = [_said(m) for m, how in told if how == "worse"]
    if not better and not worse:
        return f"The intervals do not tell {first} and {second} apart."
    parts = [f"better in {_list(better)}"] if better else []
    parts += [f"worse in {_list(worse)}"] if worse else []
    return f"{first.capitalize()} is {' and '.join(parts)} than {second}."


def verdict(one: Compared) -> str:
    """`better` or `worse` where the interval of the difference leaves 0 out, else `not told apart`; "" for neither."""
    low, high = one.difference.low, one.difference.high
    if not one.better or low is None or high is None:
        return ""
    if low <= 0 <= high:
        return "not told apart"
    return "better" if (low > 0) == (one.better > 0) else "worse"


def _said(one: Compared) -> str:
    values = (one.first.value, one.second.value)
    digits = 2 if max(abs(v) for v in values if v is not None) < 10 else 0
    shown = [number(v, digits) for v in values if v is not None]
    return f"{one.measure} ({' against '.join(shown)})"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _part(found: Comparison) -> dict[str, object]:
    return {
        "id": found.question.lower().replace(" ", "-").replace(",", ""),
        "title": found.question,
        "answer": answer(found),
        "ways": found.ways,
        "rows": [
            (m, verdict(m), 0 if (m.first.value or 0) > 20 else 3)  # milliseconds have no thousandths
            for m in found.measures
        ],
        "svgs": [
            Markup(plots.to_svg(plot(part), title=f"{found.question}: {part.measures[0].measure}"))  # noqa: S704 - text in it is escaped
            for part in plots.sharing_axes(found)
            for plot in (plots.plot_ways, plots.plot_differences)
        ],
        "csv": as_csv(_numbers(found)),
        "notes": [f"{found.items} photos of {found.groups} groups, {_counted(found.seeds, 'seed')}.", *found.notes],
    }  # fmt: skip


def _numbers(found: Comparison) -> Numbers:
    """Each measure of both ways and their difference, a row each."""
    names, _ = estimates("", [])
    rows = []
    for m in found.measures:
        told = zip((*found.ways, "difference"), (m.first, m.second, m.difference), strict=True)
        rows += [(m.measure, *row) for row in estimates("way", told)[1]]
    return ("measure", "way", *names[1:]), rows


def _warning(comparisons: Sequence[Comparison]) -> str:
    """Why there are no intervals, where there are too few groups or seeds for them; else ""."""
    reasons = [
        m.difference.reason
        for found in comparisons
        for m in found.measures
        if m.difference.value is not None and m.difference.reason
    ]
    if not reasons:
        return ""
    numbers: dict[str, dict[str, None]] = {}  # what is wanted to the numbers that there are
    for reason in reasons:
        wanted, _, there = reason.partition(_THERE)
        numbers.setdefault(wanted, {})[there] = None
    said = "; ".join(
        wanted + _THERE * bool(any(there)) + ", ".join(there) for wanted, there in numbers.items()
    )
    return f"Some differences have no interval, so nothing can be told apart by them: {said}."


def _counted(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else one + 's'}"

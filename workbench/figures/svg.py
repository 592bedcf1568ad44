"""A matplotlib figure as an SVG that takes its colours and font from the page that it stands on."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#0a0b01"
"""Text and axes. These five stand for the page's own colours and are replaced in the SVG."""
MUTED = "#0a0b02"
ACCENT = "#0a0b03"
GOOD = "#0a0b04"
BAD = "#0a0b05"

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    ACCENT: "var(--accent)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
}
_FONT = 11.0


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` × `height` inches in the house's style, with one set of axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {  # the keys are literals in matplotlib's stubs
        "svg.fonttype": "none",
        "svg.hashsalt": "catalog-workbench",  # the same data, the same bytes
        "font.size": _FONT,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.add_subplot()
    return figure


def to_svg(figure: Figure, *, title: str) -> str:
    """The figure as an `<svg>` element that scales with the page.

    Args:
        figure: From `new_figure`; its colours are the constants above.
        title: What a screen reader says in its place.
    """
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "catalog-workbench"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px; font-family: inherit", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{_escaped(title)}"', 1)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

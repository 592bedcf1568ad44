"""A matplotlib figure as an SVG that takes its colours and font from the page that it stands on."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1d2126"
"""Text and axes. These five are a page's colours on white; on a page `to_svg` puts its variables in their place."""
MUTED = "#6a7078"
ACCENT = "#2f5fd0"
GOOD = "#2a8457"
BAD = "#c2513f"

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    ACCENT: "var(--accent)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
}
_FONT = 11.0


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` × `height` inches in the house's style, with one set of axes.

    A notebook shows it as it is, on white; `savefig` writes the same to a file.
    """
    import matplotlib as mpl

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
        "figure.facecolor": "white",  # whatever the notebook's own style is
        "axes.facecolor": "white",
    }
    with mpl.rc_context(style):
        figure = _figure_class()(figsize=(width, height), layout="constrained")
        figure.add_subplot()
    return figure


@cache
def _figure_class() -> type[Figure]:
    """A figure that a notebook shows where it is the last line of a cell, without pyplot."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_svg_(self) -> str:
            """The drawing on its own background; letters are outlines and need no font of the reader's."""
            out = io.StringIO()
            with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "catalog-workbench"}):
                self.savefig(out, format="svg", metadata={"Date": None})
            return out.getvalue()

    return NotebookFigure


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

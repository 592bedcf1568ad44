"""Figures take their colours from the page, say what they are, and are the same for the same data."""

import importlib.resources
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
from IPython.core.formatters import DisplayFormatter
from PIL import Image, ImageColor

from workbench.calibration import reliability
from workbench.figures import plot_confidence, plot_reliability, to_svg
from workbench.figures.svg import ACCENT, BAD, GOOD, INK, MUTED


def curve(n=200):
    rng = np.random.default_rng(0)
    confidence = rng.random(n)
    return reliability(confidence, rng.random(n) < confidence)


def test_the_page_gives_the_colours():
    svg = to_svg(plot_confidence([0.1, 0.8, 0.9], [False, True, True], threshold=0.5), title="t")
    for variable in ("--ink", "--good", "--bad", "--accent", "--muted"):
        assert f"var({variable})" in svg
    assert not any(colour in svg for colour in (INK, MUTED, ACCENT, GOOD, BAD))


def test_no_text_is_black_on_a_dark_page():
    for plot in (
        plot_confidence([0.1, 0.8, 0.9], [False, True, True], threshold=0.5),
        plot_reliability(curve()),
    ):
        texts = re.findall(r"<text[^>]*>", to_svg(plot, title="t"))
        assert texts
        assert all(re.search(r"fill: var\(--\w+\)", text) for text in texts)


def test_a_figure_is_well_formed_scales_and_can_be_read_aloud():
    svg = to_svg(plot_reliability(curve()), title='Reliability of "x" & <y>')
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == 'Reliability of "x" & <y>'
    assert root.attrib["role"] == "img"
    assert "viewBox" in root.attrib
    assert not {"width", "height"} & set(root.attrib)


def test_the_same_data_gives_the_same_bytes():
    first = to_svg(plot_reliability(curve()), title="t")
    assert first == to_svg(plot_reliability(curve()), title="t")


def test_nothing_to_plot_is_an_empty_figure_and_no_error():
    assert "<svg" in to_svg(plot_confidence([], []), title="t")


def test_a_saved_picture_has_the_colours_of_the_light_page():
    figure = plot_confidence([0.1, 0.8, 0.9], [False, True, True], threshold=0.5)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150)
    pixels = np.asarray(Image.open(out).convert("RGB")).reshape(-1, 3)
    assert tuple(pixels[0]) == (255, 255, 255)
    seen = {tuple(map(int, pixel)) for pixel in np.unique(pixels, axis=0)}
    assert {ImageColor.getrgb(colour) for colour in (ACCENT, GOOD, BAD)} <= seen
    css = importlib.resources.files("reports").joinpath("templates/page.css").read_text()
    for name, colour in zip(
        ("ink", "muted", "accent", "good", "bad"), (INK, MUTED, ACCENT, GOOD, BAD), strict=True
    ):
        assert re.search(rf"--{name}: (#\w+)", css).group(1) == colour


def test_a_notebook_shows_a_figure_that_is_the_last_line_of_a_cell():
    figure = plot_reliability(curve())
    shown, _ = DisplayFormatter().format(figure)
    root = ET.fromstring(shown["image/svg+xml"])
    assert root.tag.endswith("svg")
    assert float(root.attrib["width"].removesuffix("pt")) == 4.4 * 72
    assert "fill: #ffffff" in shown["image/svg+xml"]
    assert ACCENT in shown["image/svg+xml"]
    assert "var(--" not in shown["image/svg+xml"]

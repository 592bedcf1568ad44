"""Instruments that measure a generated picture, and the constants that turn measures into probabilities.

Constants are logistic regressions fitted by `benchmarks/instruments.py` on real photos with flaws put in
(`workbench.judging.degrade`); that script prints them again, with the area under the ROC curve on photos
of other products and sellers. They take one picture in five to have the flaw. BENCHMARKS.md holds the
figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.judging.instruments._ground import clutter_features, ground_features, lightest
from workbench.judging.instruments._sharpness import edge_width
from workbench.judging.instruments._text import text_rows
from workbench.judging.instruments._view import View, view
from workbench.judging.protocols import Subject
from workbench.judging.readings import Instrument, Reading

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """Probability that a picture is good: 1 / (1 + exp(-(bias + weights · features)))."""

    weights: tuple[float, ...]
    bias: float

    def logit(self, features: npt.ArrayLike) -> Floats:
        """Shape (…, f) to (…): positive where good is more probable."""
        return np.asarray(np.asarray(features) @ np.asarray(self.weights) + self.bias)

    def __call__(self, features: npt.ArrayLike) -> float:
        """Shape (f,) to a probability, 0 to 1."""
        return float(1 / (1 + np.exp(-np.clip(self.logit(features), -30, 30))))


SHARPNESS_FIT = Logistic(weights=(-14.19,), bias=16.53)
"""Of the logarithm of the edge width."""
GROUND_FIT = Logistic(weights=(-21.81, -4.517), bias=6.474)
"""Of `ground_features`."""
CLUTTER_FIT = Logistic(weights=(-15.26, -10.28), bias=3.394)
"""Of `clutter_features`."""
LIGHT_FIT = Logistic(weights=(29.09,), bias=-19.73)
"""Of `lightest`."""
WRITING_FIT = Logistic(
    weights=(0.5447, 11.46, 1.004, -3.935, -2.072, -0.7136, 3.921, -6.715, -0.751, -3.887, -0.9698),
    bias=4.319,
)
"""Of one row of `text_rows`: the higher, the more it looks like writing."""
TEXT_FIT = Logistic(weights=(-0.3847,), bias=1.475)
"""Of the writing score of the likeliest row."""

NO_ROW = -6.0
"""Score of a picture in which no row of shapes was found."""


def sharpness(seen: View) -> Reading:
    """Whether the product is in focus. Measure: width of the crispest edges, in pixels at 512."""
    width = edge_width(seen)
    if width is None:
        said = "nothing in the picture has an edge"
        return Reading(quality=0.0, kind="probability", reason=said)
    quality = SHARPNESS_FIT([math.log(width)])
    return _reading(quality, width, f"the crispest edges are {width:.1f} pixels wide")


def background(seen: View) -> Reading:
    """Whether the ground is light and even. Measure: lightness of its darkest tenth, 0 to 1."""
    features = ground_features(seen)
    said = (
        f"the ground goes down to a lightness of {1 - features[0]:.2f} "
        f"and varies by {features[1]:.2f}, of 1"
    )
    return _reading(GROUND_FIT(features), float(1 - features[0]), said)


def clutter(seen: View) -> Reading:
    """Whether the product is alone. Measure: share of the picture that other pieces cover."""
    features = clutter_features(seen)
    share = float(features[1] ** 2)
    said = f"beside the product, {features[0] ** 2:.0%} of the ground is edges"
    if share:
        said += f" and other pieces cover {share:.0%} of the picture"
    return _reading(CLUTTER_FIT(features), share, said)


def exposure(seen: View) -> Reading:
    """Whether there is enough light; too much is not told. Measure: `lightest`, 0 to 1."""
    light = lightest(seen)
    return _reading(LIGHT_FIT([light]), light, f"its lightest parts reach {light:.2f} of 1")


def strokes(seen: View) -> Reading:
    """Whether the picture is free of writing, by its strokes. Measure: score of the likeliest row."""
    score = writing_score(seen)
    return _reading(TEXT_FIT([score]), score, "a row of shapes looks like writing", by="strokes")


def writing_score(seen: View) -> float:
    """How much the likeliest row looks like writing, as a logit; `NO_ROW` where there is none."""
    rows = text_rows(seen).features
    return float(np.clip(WRITING_FIT.logit(rows).max(), NO_ROW, -NO_ROW)) if len(rows) else NO_ROW


def _reading(quality: float, measure: float, said: str, *, by: str = "") -> Reading:
    reason = said if quality < 0.5 else None
    return Reading(quality=quality, kind="probability", measure=measure, by=by, reason=reason)


def _instrument(name: str, measure: Callable[[View], Reading], *fits: Logistic) -> Instrument:
    def read(subject: Subject) -> Reading:
        if subject.image is None:
            return Reading(quality=None, kind="probability", reason="there is no picture")
        return measure(view(subject.image))

    return Instrument(name=name, revision=f"1/{fits!r}", judges="image", read=read)


SHARPNESS = _instrument("sharpness", sharpness, SHARPNESS_FIT)
BACKGROUND = _instrument("background", background, GROUND_FIT)
CLUTTER = _instrument("clutter", clutter, CLUTTER_FIT)
EXPOSURE = _instrument("exposure", exposure, LIGHT_FIT)

"""Things that are not for sale, and turn up in pictures all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workbench.catalog.drawing.sketch import Sketch, closed, curve, ellipse, mirrored

Tone = tuple[float, float, float]


def _plant() -> Sketch:
    sketch = Sketch(stands=True)
    for angle, far in (
        (-160, 34),
        (-140, 42),
        (-115, 48),
        (-92, 52),
        (-68, 47),
        (-42, 42),
        (-20, 34),
        (-100, 30),
        (-60, 30),
    ):
        way = np.radians(angle)
        tip = (50 + far * np.cos(way), 62 + far * np.sin(way))
        bend = (
            50 + far * 0.55 * np.cos(way) - 7 * np.sin(way),
            62 + far * 0.55 * np.sin(way) + 7 * np.cos(way),
        )
        other = (
            50 + far * 0.55 * np.cos(way) + 7 * np.sin(way),
            62 + far * 0.55 * np.sin(way) - 7 * np.cos(way),
        )
        sketch.fill(closed((50, 64, 0), bend, (*tip, 0), other), relief=1.4)
        sketch.seam([(50, 64), tip], 0.7, 0.25)
    sketch.fill(closed((33, 62, 0), (67, 62, 0), (62, 94, 0), (38, 94, 0)), "accent", "upright")
    sketch.fill(
        closed((31, 60, 0), (69, 60, 0), (68, 67, 0), (32, 67, 0)), "accent", "upright", lift=0.8
    )
    return sketch


def _flowers() -> Sketch:
    sketch = Sketch()
    for x, y in ((34, 30), (62, 24), (50, 46)):
        sketch.stroke(curve((50, 94), ((x + 50) / 2 + 3, 66), (x, y + 4)), 2.2, "accent", "upright")
    for x, y, turn in ((40, 68, -1), (60, 72, 1)):
        sketch.fill(
            closed(
                (50, 82, 0), (x + turn * 2, y + 4), (x + turn * 16, y - 4, 0), (x + turn * 3, y - 6)
            ),
            "accent",
        )
    for x, y, r in ((34, 30, 11), (62, 24, 12), (50, 46, 12)):
        for k in range(6):
            way = k * np.pi / 3 + x
            sketch.fill(
                ellipse(x + r * 0.8 * np.cos(way), y + r * 0.8 * np.sin(way), r * 0.62),
                relief=1.2,
                lift=0.3,
            )
        sketch.fill(ellipse(x, y, r * 0.48), "wood", "ball")
    return sketch


def _leaves() -> Sketch:
    sketch = Sketch()
    stem = curve((14, 92), (38, 66), (60, 40), (84, 10))
    sketch.stroke(stem, 2, "accent", "upright")
    for k, (x, y) in enumerate(((28, 77), (40, 63), (51, 50), (61, 38), (71, 26))):
        for side in (-1, 1):
            far = 26 - 2.4 * k
            tip = (x + far * (0.35 + 0.5 * side), y + far * (-0.5 + 0.55 * side))
            mid = ((x + tip[0]) / 2, (y + tip[1]) / 2)
            over = (-(tip[1] - y) * 0.26, (tip[0] - x) * 0.26)
            sketch.fill(
                closed(
                    (x, y, 0),
                    (mid[0] + over[0], mid[1] + over[1]),
                    (*tip, 0),
                    (mid[0] - over[0], mid[1] - over[1]),
                ),
                relief=1.3,
            )
            sketch.seam([(x, y), tip], 0.6, 0.2)
    return sketch


def _ball() -> Sketch:
    sketch = Sketch(stands=True)
    sketch.fill(ellipse(50, 50, 44), form="ball")
    for start in (-70, 50, 170):
        way = np.radians(start)
        sketch.fill(
            closed(
                (50, 46, 0),
                (50 + 43 * np.cos(way), 50 + 43 * np.sin(way)),
                (50 + 43 * np.cos(way + 0.9), 50 + 43 * np.sin(way + 0.9)),
            ),
            "light",
            "cloth",
            lift=0,
        )
    sketch.fill(ellipse(50, 46, 6), "accent", "ball", lift=0)
    return sketch


def _duck() -> Sketch:
    sketch = Sketch(stands=True)
    sketch.fill(
        closed(
            (14, 56, 0),
            (26, 62),
            (46, 58),
            (70, 60),
            (84, 70),
            (78, 88),
            (50, 93),
            (24, 88),
            (14, 72),
        ),
        form="ball",
    )
    sketch.fill(ellipse(66, 36, 22), form="ball")
    sketch.fill(closed((84, 34, 0), (98, 36), (97, 43), (84, 45, 0)), "accent", lift=0.8)
    sketch.fill(ellipse(72, 30, 3.4), "dark", "ball", lift=0)
    sketch.fill(ellipse(73, 29, 1.1), "light", "flat", lift=0)
    sketch.fill(
        closed((30, 66), (50, 64), (60, 74), (44, 82), (30, 77)), "body", lift=0.9, relief=1.6
    )
    return sketch


def _banana() -> Sketch:
    sketch = Sketch()
    sketch.fill(
        closed(
            (16, 22, 0),
            (22, 20, 0),
            (30, 46),
            (52, 66),
            (84, 70),
            (90, 74, 0),
            (84, 82),
            (54, 84),
            (28, 66),
            (15, 40),
        ),
        relief=1.8,
    )
    sketch.fold(curve((20, 30), (31, 56), (54, 74), (84, 76)), 3, -0.2)
    sketch.fill(closed((14, 14, 0), (20, 12, 0), (22, 23, 0), (15, 24, 0)), "wood")
    sketch.fill(ellipse(88, 76, 3), "dark")
    return sketch


def _glasses() -> Sketch:
    sketch = Sketch()
    sketch.stroke(curve((10, 40), (4, 20), (16, 12)), 3, "body", "upright")
    sketch.stroke(curve((90, 40), (96, 20), (84, 12)), 3, "body", "upright")
    for x in (27, 73):
        sketch.fill(ellipse(x, 50, 22, 19), "body")
        sketch.fill(ellipse(x, 50, 18, 15), "dark", "ball", lift=0.2)
    sketch.stroke(curve((46, 46), (50, 42), (54, 46)), 4, "body", "lying")
    return sketch


def _hand() -> Sketch:
    sketch = Sketch()
    sketch.fill(
        mirrored((50, 44), (66, 46), (70, 60), (64, 80), (62, 99, 0), (50, 99, 0)), relief=1.8
    )
    for x, top, lean in ((36, 14, -5), (46, 6, -1.5), (56, 8, 2), (65, 18, 6)):
        sketch.fill(
            closed(
                (x - 4.6, 52),
                (x - 4.6 + lean, top + 8),
                (x + lean, top),
                (x + 4.6 + lean, top + 8),
                (x + 4.6, 52),
            ),
            relief=1.8,
            lift=0.5,
        )
        sketch.fill(ellipse(x + lean, top + 5, 2.3, 2.8), "light", "ball", lift=0)
        sketch.seam([(x - 3 + lean * 0.5, top + 20), (x + 3 + lean * 0.5, top + 20)], 0.7, 0.22)
    sketch.fill(
        closed((66, 74), (82, 54), (88, 44), (92, 48), (84, 66), (68, 88)), relief=1.8, lift=0.5
    )
    sketch.fold(curve((38, 62), (50, 58), (62, 62)), 3, -0.15)
    return sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Prop:
    """One such thing."""

    sketch: Callable[[], Sketch]
    tone: Tone
    accent: Tone
    material: str


PROPS: Mapping[str, Prop] = {
    "plant": Prop(
        sketch=_plant, tone=(0.20, 0.46, 0.24), accent=(0.74, 0.42, 0.28), material="Cotton"
    ),
    "flowers": Prop(
        sketch=_flowers, tone=(0.90, 0.38, 0.52), accent=(0.28, 0.52, 0.26), material="Cotton"
    ),
    "leaves": Prop(
        sketch=_leaves, tone=(0.26, 0.50, 0.28), accent=(0.40, 0.32, 0.20), material="Cotton"
    ),
    "ball": Prop(
        sketch=_ball, tone=(0.86, 0.24, 0.20), accent=(0.15, 0.35, 0.75), material="Plastic"
    ),
    "rubber duck": Prop(
        sketch=_duck, tone=(0.97, 0.80, 0.14), accent=(0.94, 0.45, 0.12), material="Plastic"
    ),
    "banana": Prop(
        sketch=_banana, tone=(0.96, 0.82, 0.26), accent=(0.4, 0.3, 0.2), material="Cotton"
    ),
    "sunglasses": Prop(
        sketch=_glasses, tone=(0.22, 0.15, 0.12), accent=(0.3, 0.3, 0.3), material="Plastic"
    ),
    "hand": Prop(sketch=_hand, tone=(0.87, 0.66, 0.53), accent=(0.9, 0.7, 0.6), material="Cotton"),
}
"""Things by name; `hand` is the part of a person."""

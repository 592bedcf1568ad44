"""Outlines of hats and watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.catalog.drawing.sketch import (
    Paint,
    Sketch,
    box,
    closed,
    curve,
    ellipse,
    mirrored,
    same,
)

Details = Mapping[str, str]


def _upside_down(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(p[0], 100 - p[1]) for p in points]


def hat(details: Details, cut: int) -> Sketch:
    """A hat: `Hat Style` (Baseball Cap, Beanie, Bucket Hat, Sun Hat)."""
    style = details["Hat Style"]
    if style == "Baseball Cap":
        sketch = Sketch(base=73, graphic=(43, 46, 7.5))
        sketch.fill(
            closed(
                (10, 66, 0),
                (9, 50),
                (17, 32),
                (36, 22.5),
                (56, 26),
                (70, 42),
                (73, 63, 0),
                (56, 60),
                (30, 62),
            ),
            relief=2.2,
        )
        sketch.fill(
            closed(
                (44, 62, 0), (60, 57), (73, 61), (91, 69), (96, 75), (88, 76.5), (70, 70), (54, 67)
            ),
            "trim",
            lift=0.9,
            relief=1.6,
        )
        for line in (curve((38, 22.6), (28, 40), (27, 62)), curve((38, 22.6), (54, 36), (57, 60))):
            sketch.seam(line, 0.7, 0.25)
            sketch.stitch([(x + 1.1, y) for x, y in line], 0.5)
        sketch.fill(ellipse(38, 22.4, 2.4, 1.6), "trim", "ball")
        sketch.stitch(curve((58, 63), (74, 65), (91, 73)), 0.5)
        sketch.fill(ellipse(22, 42, 0.9), "dark", "flat")
        sketch.fill(ellipse(61, 42, 0.9), "dark", "flat")
    elif style == "Beanie":
        sketch = Sketch(base=80)
        sketch.fill(mirrored((50, 22), (63, 24), (73, 38), (76, 66, 0), (50, 68)), relief=2.2)
        for k in range(-6, 7):
            sketch.fold(
                curve((50 + k * 1.2, 23), (50 + k * 3.2, 42), (50 + k * 3.9, 64)), 1.6, -0.18
            )
        sketch.fill(
            mirrored((50, 62), (76, 60.5, 0), (78, 68), (76.5, 79, 0), (50, 81)),
            "trim",
            "cloth",
            lift=1.0,
            relief=1.8,
        )
        for k in range(-12, 13):
            sketch.seam([(50 + k * 2.15, 62), (50 + k * 2.18, 80.4)], 0.7, 0.16)
        if cut != 2:  # a pompom
            fringe = [
                (50 + (9.2 + 1.3 * (i % 2)) * np.cos(a), 16.5 + (8.6 + 1.2 * (i % 2)) * np.sin(a))
                for i, a in enumerate(np.linspace(0, 2 * np.pi, 44, endpoint=False))
            ]
            sketch.fill(fringe, "light", "ball", lift=0.8)
    elif style == "Bucket Hat":
        sketch = Sketch(base=76)
        sketch.fill(mirrored((50, 24), (64, 25), (69, 30), (73, 58, 0), (50, 62)), relief=2.0)
        sketch.seam(curve((32, 30), (50, 33), (68, 30)), 0.7, 0.25)
        sketch.fill(
            mirrored((50, 57), (72, 54, 0), (84, 66), (90, 74, 0), (70, 78), (50, 79)),
            lift=0.8,
            relief=1.8,
            grain=0,
        )
        for part in (1.0, 0.72, 0.44):
            sketch.stitch(
                curve(
                    (50 - 38 * part - 10 * (1 - part), 75.4 - 20 * (1 - part)),
                    (50, 79 - 19 * (1 - part)),
                    (50 + 38 * part + 10 * (1 - part), 75.4 - 20 * (1 - part)),
                ),
                0.5,
            )
        sketch.fill(ellipse(36, 48, 0.9), "dark", "flat")
    else:
        sketch = Sketch(base=76)
        sketch.fill(ellipse(50, 66, 45, 11.5), relief=1.3)
        sketch.fold(ellipse(50, 67, 38, 8.4, start=0, end=180), 4, -0.14)
        sketch.fill(
            mirrored((50, 28), (62, 30), (69, 42), (71.5, 65, 0), (50, 70.5)), relief=2.4, lift=0.9
        )
        sketch.fill(
            [*curve((28.8, 57), (50, 62), (71.2, 57)), *curve((71.6, 65), (50, 70.5), (28.4, 65))],
            "dark",
            lift=0.4,
        )
    return sketch


def watch(details: Details, cut: int) -> Sketch:
    """A wrist watch: `Dial Shape` (Round, Square), `Dial Color` (Light, Dark)."""
    sketch = Sketch(base=96)
    half = (12.5, 13.5, 11.0)[cut]
    for turn in (same, _upside_down):
        strap = mirrored(
            (50, 6.5), (50 + half - 4, 7), (50 + half - 2.0, 10), (50 + half, 30, 0), (50, 30)
        )
        sketch.fill(turn(strap), relief=1.6)
        sketch.stitch(
            turn(
                [
                    (50 - half + 2, 28),
                    (50 - half + 3.4, 10),
                    (50, 8.4),
                    (50 + half - 3.4, 10),
                    (50 + half - 2, 28),
                ]
            ),
            0.6,
        )
        for y in (11, 15, 19, 23):  # links of a bracelet; on a strap they are only a crease
            sketch.seam(turn([(50 - half + 1, y), (50 + half - 1, y)]), 0.6, 0.12)
    for y in (80, 84, 88):
        sketch.fill(ellipse(50, y, 1.0), "dark", "flat", lift=0)
    sketch.fill(
        box(50 - half - 1.4, 9.4, 50 + half + 1.4, 14, 1.4),
        "metal",
        holes=[box(50 - half + 2.2, 10.8, 50 + half - 2.2, 12.6)],
    )
    dial: Paint = "light" if details["Dial Tone"] == "Light Dial" else "dark"
    ink: Paint = "dark" if dial == "light" else "light"
    square = details["Dial Shape"] == "Square Dial"
    sketch.fill(
        box(71 if not square else 69, 47, 78 if not square else 76, 53, 1.6), "metal", "lying"
    )
    if square:
        sketch.fill(box(28, 26, 72, 74, 9), "metal", lift=0.9, relief=1.6)
        sketch.fill(box(32.5, 30.5, 67.5, 69.5, 6), dial, "flat", lift=0.9)
    else:
        sketch.fill(ellipse(50, 50, 25), "metal", lift=0.9, relief=1.6)
        sketch.fill(ellipse(50, 50, 20.5), dial, "flat", lift=0.9)
    for k in range(12):
        angle = np.pi / 6 * k
        reach = 17.5 if not square else 17.5 / max(abs(np.cos(angle)), abs(np.sin(angle))) ** 0.8
        far = np.array([50 + reach * np.sin(angle), 50 - reach * np.cos(angle)])
        near = far + (np.array([50, 50]) - far) * (0.18 if k % 3 else 0.26)
        sketch.stroke([tuple(near), tuple(far)], 1.0 if k % 3 else 1.8, ink, "flat", lift=0)
    sketch.stroke([(50, 50), (42.5, 42)], 2.0, ink, "flat", lift=0.3)
    sketch.stroke([(50, 50), (59, 37.5)], 1.4, ink, "flat", lift=0.3)
    sketch.stroke([(48, 53), (55, 60)], 0.7, "accent", "flat", lift=0.2)
    sketch.fill(ellipse(50, 50, 1.5), "metal", "ball")
    return sketch

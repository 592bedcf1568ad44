"""Outlines of things for the home: mugs, bottles, lamps, chairs, cushions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.catalog.drawing.sketch import (
    Paint,
    Sketch,
    box,
    closed,
    curve,
    ellipse,
    mirrored,
)  # fmt: skip

Details = Mapping[str, str]


def mug(details: Details, cut: int) -> Sketch:
    """A mug: `Handle` (Round, Square, None)."""
    top, low, half, taper = (
        (24.0, 84.0, 25.0, 1.5),
        (30.0, 82.0, 28.0, 5.0),
        (18.0, 86.0, 22.0, 0.0),
    )[cut]
    handle = details["Handle"]
    middle = 50.0 if handle == "No Handle" else 42.0
    sketch = Sketch(base=low + 1.6, stands=True, graphic=(middle, (top + low) / 2 + 3, 12))
    right = middle + half
    if handle == "Round Handle":
        sketch.stroke(
            curve(
                (right - 3, top + 13),
                (right + 10, top + 10),
                (right + 18, top + 22),
                (right + 14, low - 20),
                (right - 3 - taper * 0.7, low - 13),
            ),
            5.6,
            "body",
            "upright",
        )
    elif handle == "Square Handle":
        sketch.stroke(
            curve(
                (right - 3, top + 11, 0),
                (right + 13, top + 11),
                (right + 15.5, top + 14),
                (right + 15, low - 17),
                (right + 12, low - 14.5),
                (right - 3 - taper, low - 14, 0),
                steps=14,
            ),
            5.4,
            "body",
            "upright",
        )
    sag = half * 0.2
    body = [
        *ellipse(middle, top, half, sag * 0.0 + 0.1, start=180, end=360),
        *curve((right, top, 0), (right - taper * 0.4, (top + low) / 2), (right - taper - 1.5, low - 4), (right - taper - 5, low)),
        *ellipse(middle, low - 0.6, half - taper - 5, sag * 0.6, start=0, end=180),
        *curve((2 * middle - right + taper + 5, low), (2 * middle - right + taper + 1.5, low - 4), (2 * middle - right + taper * 0.4, (top + low) / 2), (2 * middle - right, top, 0)),
    ]  # fmt: skip
    sketch.fill(body, "body", "upright", lift=0.6)
    sketch.fill(ellipse(middle, top, half, sag), "trim", "flat", lift=0)
    sketch.fill(
        ellipse(middle, top + 0.3, half - 2, sag - 1.5), "inside", "upright", lift=0, relief=-0.7
    )
    sketch.fold(ellipse(middle, top + 1.5, half - 5, sag - 2.5, start=180, end=360), 3, -0.25)
    return sketch


def bottle(details: Details, cut: int) -> Sketch:
    """A bottle: `Shape` (Slim Neck, Flask, Sport), `Cap` (Cork, Screw Cap)."""
    shape, cap = details["Shape"], details["Cap"]
    sketch = Sketch(base=94, stands=True)
    half = (13.5, 15.0, 12.5)[cut]
    if shape == "Slim Neck":
        neck, shoulder, top = 4.6, 46.0, 16.0
        side = [
            (50 + neck, top, 0),
            (50 + neck, 31),
            (50 + half - 1.5, shoulder),
            (50 + half, shoulder + 8),
        ]
    elif shape == "Flask Shape":
        neck, shoulder, top = 8.0, 32.0, 17.0
        half += 3
        side = [
            (50 + neck, top, 0),
            (50 + neck, 24),
            (50 + half - 1.2, shoulder),
            (50 + half, shoulder + 6),
        ]
    else:
        neck, shoulder, top = 9.0, 30.0, 20.0
        half += 2
        side = [
            (50 + neck, top, 0),
            (50 + half - 2, shoulder - 3),
            (50 + half, shoulder + 5),
            (50 + half - 3.5, 54),
            (50 + half - 3.5, 62),
            (50 + half, 70),
        ]
    low = [(50 + half, 88), (50 + half - 3, 93.2), (50, 94.6)]
    sketch.fill(mirrored((50, top - 0.4), *side, *low), "body", "upright", relief=1.0)
    sketch.fill(
        box(50 - neck - 1.2, top + 1, 50 + neck + 1.2, top + 4, 1), "body", "upright", lift=0.2
    )
    if cap == "Cork":
        sketch.fill(
            mirrored(
                (50, top - 8),
                (50 + neck - 0.4, top - 7.6, 0),
                (50 + neck - 1.4, top + 1, 0),
                (50, top + 1.4),
            ),
            "wood",
            "upright",
        )
    else:
        high = 9 if shape != "Sport Shape" else 8
        sketch.fill(
            box(50 - neck - 1.4, top - high, 50 + neck + 1.4, top + 1.6, 1.6),
            "accent",
            "upright",
            lift=0.8,
        )
        for k in np.linspace(-0.85, 0.85, 9):
            sketch.seam(
                [(50 + (neck + 1) * k, top - high + 2), (50 + (neck + 1) * k, top + 1)], 0.5, 0.2
            )
        if shape == "Sport Shape":
            sketch.fill(box(46.5, top - high - 6, 53.5, top - high + 0.6, 2.4), "light", "upright")
        if shape == "Flask Shape":
            sketch.stroke(
                curve((43, top - 7), (43, top - 15), (57, top - 15), (57, top - 7)),
                2.2,
                "accent",
                "upright",
            )
    if shape == "Slim Neck" and cut != 2:
        sketch.fill(box(50 - half + 0.4, 60, 50 + half - 0.4, 79), "light", "upright", lift=0.2)
        sketch.seam([(50 - half * 0.6, 66), (50 + half * 0.6, 66)], 1.4, 0.4)
        sketch.seam([(50 - half * 0.4, 71), (50 + half * 0.4, 71)], 0.8, 0.3)
    sketch.fold([(50 - half + 2, 91), (50 + half - 2, 91)], 4, -0.16)
    return sketch


def lamp(details: Details, cut: int) -> Sketch:
    """A table lamp: `Shade Shape` (Cone, Drum, Dome), `Base Style` (Stick, Urn, Tripod)."""
    shade, base = details["Shade Shape"], details["Base Style"]
    wide = (28.0, 25.0, 31.0)[cut]
    low = 50.0
    sketch = Sketch(base=94, stands=True)
    if base == "Stick Base":
        sketch.fill(box(48.4, low - 4, 51.6, 90, 0.6), "metal", "upright")
        sketch.fill(
            mirrored((50, 87.4), (60, 88.4), (67, 92), (66.4, 94.6, 0), (50, 95.4)),
            "metal",
            "lying",
        )
    elif base == "Urn Base":
        sketch.fill(box(47.8, low - 4, 52.2, 62), "metal", "upright")
        sketch.fill(
            mirrored(
                (50, 57),
                (54.5, 57.6),
                (56, 61),
                (64, 69),
                (66, 77),
                (61, 87),
                (57.5, 91),
                (50, 91.6),
            ),
            "accent",
            "upright",
        )
        sketch.fill(box(40.5, 90, 59.5, 94.6, 1.2), "wood", "upright")
    else:
        sketch.stroke([(50, 56), (51, 92)], 2.6, "wood", "upright")
        sketch.stroke([(49, 54), (33, 95)], 3.0, "wood", "upright", lift=0.5)
        sketch.stroke([(51, 54), (67, 95)], 3.0, "wood", "upright", lift=0.5)
        sketch.fill(box(46.6, 49, 53.4, 59, 1.4), "metal", "upright", lift=0.6)
    if shade == "Cone Shade":
        right = [
            (50, 9.5),
            (50 + wide * 0.48, 10.5, 0),
            (50 + wide, low, 0),
            (50 + wide * 0.5, low + 2.6),
            (50, low + 3.4),
        ]
    elif shade == "Drum Shade":
        right = [
            (50, 13.5),
            (50 + wide * 0.86, 14.5, 0),
            (50 + wide * 0.92, low, 0),
            (50 + wide * 0.46, low + 2.8),
            (50, low + 3.6),
        ]
    else:
        right = [
            (50, 13),
            (50 + wide * 0.5, 17),
            (50 + wide * 0.94, 36),
            (50 + wide, low, 0),
            (50 + wide * 0.5, low + 2.6),
            (50, low + 3.4),
        ]
    sketch.fill(mirrored(*right), "body", "upright", lift=0.9, relief=0.9)
    foot = wide * (0.92 if shade == "Drum Shade" else 1.0)
    sketch.stroke(curve((50 - foot, low), (50, low + 3.4), (50 + foot, low)), 1.7, "trim", lift=0)
    if shade == "Dome Shade":
        sketch.fill(ellipse(50, 12.6, 2.6, 2.2), "metal", "ball")
    else:
        head = wide * (0.48 if shade == "Cone Shade" else 0.86)
        high = 10.5 if shade == "Cone Shade" else 14.5
        sketch.stroke(
            curve((50 - head, high), (50, high - 1), (50 + head, high)), 1.5, "trim", lift=0
        )
    sketch.fold(
        curve((50 - foot * 0.5, low - 1), (50, low + 1), (50 + foot * 0.5, low - 1)), 7, 0.14
    )
    return sketch


def chair(details: Details, cut: int) -> Sketch:
    """A chair, a little from the side: `Back Style` (Panel, Slat, Round), `Leg Style`."""
    back, legs = details["Back Style"], details["Leg Style"]
    sketch = Sketch(base=95, stands=True)
    high = (8.0, 14.0, 5.0)[cut]
    leg: Paint = "metal" if legs == "Steel Legs" else "wood"
    thick = 2.2 if leg == "metal" else 3.8
    tip = 1.6 if leg == "metal" else 2.2
    # Hind legs, then the front ones, tapering to the floor.
    for x, y, spread, low in ((33, 62, -2, 89), (70, 60, 3, 88), (27, 66, -4, 96), (77, 64, 5, 95)):
        sketch.fill(
            [
                (x - thick / 2, y),
                (x + thick / 2, y),
                (x + spread + tip / 2, low),
                (x + spread - tip / 2, low),
            ],
            leg,
            "upright",
            lift=0.3,
        )
    if leg == "metal":
        sketch.stroke([(25.5, 84), (78, 82.5)], 1.4, leg, "lying", lift=0.3)
    if back == "Slat Back":
        for x0, x1 in ((30.0, 29.0), (69.0, 70.0)):
            sketch.fill(
                [(x0 - 2.2, high), (x0 + 2.2, high), (x1 + 2.4, 60), (x1 - 2.4, 60)],
                "body",
                "upright",
                lift=0.3,
            )
        for bar in (high + 3, high + 16, high + 29):
            sketch.fill(
                closed(
                    (29, bar + 0.5, 0),
                    (50, bar - 1.4),
                    (70, bar, 0),
                    (70, bar + 7.6, 0),
                    (50, bar + 6.4),
                    (29, bar + 8, 0),
                ),
                "body",
                "lying",
                lift=0.5,
                grain=90,
            )
    elif back == "Round Back":
        sketch.fill(ellipse(50, high + 22, 23.5, 22.5), "body", "cloth", relief=1.6)
        sketch.stitch(ellipse(50, high + 22, 20.5, 19.5), 0.6)
        sketch.stroke([(40, high + 42), (39, 62)], 3, leg, "upright")
        sketch.stroke([(60, high + 42), (61, 61)], 3, leg, "upright")
    else:
        sketch.fill(
            closed(
                (30, high + 4), (33, high + 0.6), (66, high), (70, high + 4), (72.5, 58), (28, 60)
            ),
            "body",
            "cloth",
            relief=1.6,
        )
        sketch.stitch(
            closed(
                (32.5, high + 6),
                (34.5, high + 3.4),
                (65, high + 2.8),
                (67.6, high + 6),
                (69.6, 53),
                (31, 55),
            ),
            0.6,
        )
        sketch.fold([(38, 30), (62, 28)], 8, 0.08)
    seat = closed(
        (29, 55, 0),
        (50, 53.4),
        (71.5, 54, 0),
        (79, 62),
        (80.5, 66, 0),
        (52, 69.4),
        (22, 68.6, 0),
        (23.5, 63.5),
    )
    sketch.fill(seat, "body", "cloth", lift=0.8, relief=1.4, grain=90 if back == "Slat Back" else 0)
    front = closed(
        (22, 67.6, 0), (52, 68.8), (80.5, 65.2, 0), (80, 70, 0), (52, 73.6), (22.6, 72.8, 0)
    )
    sketch.fill(front, "trim", "lying", lift=0.2)
    return sketch


def cushion(details: Details, cut: int) -> Sketch:
    """A cushion: `Shape` (Square, Round, Lumbar), `Edge` (Plain, Piping, Tassels)."""
    shape, edge = details["Shape"], details["Edge"]
    if shape == "Round":
        outline = ellipse(50, 50, 38)
        sketch = Sketch(base=88, graphic=(50, 50, 17))
    else:
        half, tall = ((36.0, 36.0), (41.0, 25.0))[shape == "Lumbar"]
        bow = (0.10, 0.13, 0.08)[cut]
        top, low = 50 - tall, 50 + tall
        outline = closed(
            (50 - half, top, 0), (50, top + tall * bow), (50 + half, top, 0), (50 + half - half * bow, 50),
            (50 + half, low, 0), (50, low - tall * bow), (50 - half, low, 0), (50 - half + half * bow, 50),
        )  # fmt: skip
        sketch = Sketch(base=low, graphic=(50, 50, tall * 0.48))
        if edge == "Tassels":
            for x in (50 - half, 50 + half):
                for y, way in ((top, -1), (low, 1)):
                    side = 1 if x > 50 else -1
                    sketch.fill(
                        closed(
                            (x - side * 1.5, y - way * 1.5, 0),
                            (x + side * 6.5, y + way * 4, 0),
                            (x + side * 4, y + way * 7, 0),
                        ),
                        "light",
                        lift=0.5,
                    )
    if edge == "Tassels" and shape == "Round":
        for k in range(28):
            angle = 2 * np.pi * k / 28
            rim = np.array([50 + 37 * np.cos(angle), 50 + 37 * np.sin(angle)])
            out = np.array([50 + 43 * np.cos(angle), 50 + 43 * np.sin(angle)])
            sketch.stroke([tuple(rim), tuple(out)], 2.4, "light", lift=0.2)
    sketch.fill(outline, "body", "cloth", relief=2.4)
    if edge == "Piped Edge":
        sketch.stroke([*outline, outline[0]], 2.0, "light", lift=0.2)
    for a, b in (
        ((20, 22), (31, 33)),
        ((80, 22), (69, 33)),
        ((20, 78), (31, 67)),
        ((80, 78), (69, 67)),
    ):
        if shape == "Square":
            sketch.fold([a, b], 3.6, -0.16)
    sketch.fold(ellipse(50, 52, 24, 16, start=200, end=340), 7, 0.1)
    sketch.fold(ellipse(50, 48, 26, 18, start=20, end=160), 7, -0.1)
    return sketch

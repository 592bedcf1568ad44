"""Outlines of shoes, seen from their right side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workbench.catalog.drawing.sketch import Sketch, closed, curve, ellipse

Details = Mapping[str, str]


def _dot(at: npt.NDArray[np.float64], radius: float) -> list[tuple[float, float]]:
    return ellipse(float(at[0]), float(at[1]), radius)


def sneaker(details: Details, cut: int) -> Sketch:
    """A sneaker from its right side: `Shaft Height` (Low-Top, High-Top), `Closure`."""
    high = details["Shaft Height"] == "High-Top"
    sketch = Sketch(base=85, stands=True)
    rise = 24.0 if high else 47.0
    thick = (0.0, 1.8, -0.8)[cut]
    sketch.fill(
        closed(
            (10, rise + 2, 0),
            (22, rise - 0.5),
            (35, rise, 0),
            (36, rise + 9),
            (23, rise + 12),
            (12, rise + 9),
        ),
        "inside",
        "flat",
    )
    instep = ((45, 42), (54, 54)) if high else ((46, 53), (56, 58.5))
    sketch.fill(closed(
        (8.5, rise - 1.5, 0), (12.5, rise + 2.5), (22, rise + 6), (31, rise + 2.5), (36.5, rise - 1, 0),
        *instep, (68, 63), (82, 66), (91.5, 71), (94, 77, 0), (8, 77, 0), (6.5, 68), (8.5, (rise + 68) / 2),
    ))  # fmt: skip
    sketch.fill(
        closed((73, 64), (84, 66.2), (92, 71), (94, 77, 0), (70, 77, 0), (68.5, 70)),
        "trim",
        lift=0.2,
    )  # toe cap
    sketch.fill(
        closed((8.2, rise + 8), (15, rise + 12), (20, 66), (19, 77, 0), (8, 77, 0), (6.4, 68)),
        "trim",
        lift=0.2,
    )  # heel
    sketch.stitch(curve((17.6, rise + 13), (22, 67), (21, 76)), 0.6)
    sketch.stitch(curve((70.5, 64.6), (67, 70), (68, 76)), 0.6)
    sketch.stroke(curve((26, 72), (39, 70), (53, 62)), 2.6, "light", lift=0.1)
    sole = closed(
        (4.5, 75), (8, 74.2), (50, 76.6), (92, 74.4), (96.5, 75.2), (95.5, 80), (90, 84.5), (50, 85), (10, 85), (5, 81),
    )  # fmt: skip
    sketch.fill([(x, y - thick if y < 79 else y) for x, y in sole], "light", "lying", lift=0.6)
    sketch.seam(curve((6, 81.6), (50, 82.2), (94, 81)), 0.8, 0.28)
    sketch.fold([(61, 61), (65, 69)], 2.6, -0.2)
    top = np.array([36.0, rise + 2])
    foot = np.array([59.0, 60.5])
    down = (foot - top) / np.linalg.norm(foot - top)
    over = np.array([-down[1], down[0]])  # to the left of the way down: onto the side of the shoe
    if details["Closure"] == "Lace-Up":
        tongue = [
            top + down * -5 - over * 3.4,
            top + down * -6 + over * 1,
            foot + over * 2,
            foot - over * 1.6,
        ]
        sketch.fill([tuple(p) for p in tongue], "trim", lift=0.3)
        sketch.fill(
            [
                tuple(p)
                for p in (
                    top + over * 1.5 + down * -1,
                    top + over * 7.5,
                    foot + over * 5.5,
                    foot + over * 0.5,
                )
            ],
            "trim",
            lift=0.2,
        )
        rows = 6 if high else 4
        for k in range(rows):
            place = top + (foot - top) * (0.04 + 0.9 * k / (rows - 1))
            sketch.stroke(
                [tuple(place - over * 2.4 - down), tuple(place + over * 5)], 1.9, "light", "lying"
            )
            sketch.fill(_dot(place + over * 5.2, 0.8), "dark", "flat")
    elif details["Closure"] == "Hook and Loop":
        for k in range(3 if high else 2):
            place = top + (foot - top) * (0.16 + (0.33 if high else 0.5) * k)
            broad = down * (4.0 if high else 3.4)
            strap = [
                place - over * 1.5 - broad,
                place + over * 15 - broad * 0.7,
                place + over * 15 + broad * 0.9,
                place - over * 1.5 + broad,
            ]
            sketch.fill([tuple(p) for p in strap], "trim", lift=0.9)
            sketch.stitch(
                [
                    tuple(place + over * 13.4 - broad * 0.5),
                    tuple(place + over * 13.4 + broad * 0.7),
                ],
                0.7,
            )
    else:
        sketch.fill(
            closed(
                (25, rise + 5.5),
                (34, rise + 2),
                (37, rise + 4),
                (42, 59 if high else 62),
                (34, 64),
                (28, rise + 14),
            ),
            "dark",
            "cloth",
            lift=0.3,
        )
        for k in range(4):
            sketch.seam([(28 + k * 2.8, rise + 7 - k), (34 + k * 2.2, 63 - k)], 0.6, 0.35)
    return sketch


def pumps(details: Details, cut: int) -> Sketch:
    """One shoe from its right side: `Heel Height` (Flat, Block Heel, Stiletto)."""
    style = details["Heel Height"]
    sketch = Sketch(base=82, stands=True)
    lift = {"Flat": 68.0, "Block Heel": 50.0, "Stiletto": 42.0}[style]
    if style == "Block Heel":
        sketch.fill(
            closed((11, lift + 6, 0), (26, lift + 12, 0), (23, 82, 0), (11.5, 82, 0)),
            "trim",
            "upright",
        )
    elif style == "Stiletto":
        sketch.fill(
            closed(
                (10.5, lift + 6, 0),
                (21, lift + 14),
                (14.4, 68),
                (13.6, 82, 0),
                (10.9, 82, 0),
                (10.8, 66),
            ),
            "trim",
            "upright",
        )
    ball = 79.0
    # Sole, the inside of the shoe, and the upper that leaves the instep open.
    sketch.fill(
        closed(
            (9, lift + 5),
            (26, lift + 11),
            (50, ball - 3),
            (70, ball + 1, 0),
            (92, ball, 0),
            (91, ball + 3, 0),
            (68, ball + 4),
            (46, ball + 1),
            (24, lift + 15),
            (9, lift + 9),
        ),
        "wood",
        "flat",
    )
    sketch.fill(
        closed(
            (10, lift - 9, 0),
            (20, lift - 6),
            (44, ball - 17),
            (64, ball - 11),
            (60, ball - 4),
            (44, ball - 4),
            (16, lift + 4),
        ),
        "inside",
        "flat",
    )
    dip = (0.0, 2.0, -1.5)[cut]
    sketch.fill(closed(
        (9, lift - 11, 0), (12.5, lift - 9.5), (19, lift - 1.5 + dip), (38, ball - 12 + dip), (52, ball - 8 + dip), (62, ball - 12), (66, ball - 12.5, 0),
        (78, ball - 9), (90, ball - 4.5), (94.5, ball, 0), (91, ball + 2), (68, ball + 2.6), (47, ball - 0.6), (25, lift + 12), (9.6, lift + 6), (8, lift - 3),
    ))  # fmt: skip
    sketch.fold(curve((56, ball - 5), (72, ball - 6), (86, ball - 3)), 3, 0.22)
    sketch.stitch(
        curve(
            (19, lift + 0.6 + dip), (38, ball - 10 + dip), (52, ball - 6 + dip), (64, ball - 10.4)
        ),
        0.5,
    )
    if cut == 1:  # a bow
        sketch.fill(closed((63, ball - 14, 0), (56, ball - 19), (56, ball - 11)), "trim", lift=0.8)
        sketch.fill(closed((67, ball - 14, 0), (74, ball - 18), (74, ball - 10)), "trim", lift=0.8)
        sketch.fill(ellipse(65, ball - 14, 2.2), "trim", "ball")
    return sketch

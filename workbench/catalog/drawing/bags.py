"""Outlines of bags, seen from the front."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.catalog.drawing.sketch import SIDES, Sketch, box, closed, curve, ellipse, mirrored

Details = Mapping[str, str]


def handbag(details: Details, cut: int) -> Sketch:
    """A handbag: `Handle` (Single, Double, None), `Closure` (Zip, Flap)."""
    handle, closure = details["Handle"], details["Closure"]
    bare = handle == "No Handle"
    top = 34.0 if bare else 43.0
    low = 72.0 if bare else 86.0
    wide, foot = ((30.0, 37.0), (35.0, 35.0), (37.0, 32.0))[cut]
    sketch = Sketch(base=low, stands=True)
    if handle == "Double Handle":
        sketch.stroke(
            curve((34, top + 2), (37, 22), (50, 15), (63, 22), (66, top + 2)),
            3.0,
            "inside",
            "upright",
        )
    if handle == "Single Handle":
        sketch.stroke(
            curve(
                (50 - wide + 3, top + 3),
                (50 - wide + 8, 22),
                (50, 8),
                (50 + wide - 8, 22),
                (50 + wide - 3, top + 3),
            ),
            3.6,
            "trim",
            "upright",
        )
    sketch.fill(mirrored((50, top - 1.5), (50 + wide - 2, top, 0), (50 + wide, top + 2), ((100 + wide + foot) / 2 + 1, (top + low) / 2),
                         (50 + foot, low - 4), (50 + foot - 4, low, 0), (50, low + 0.8)), relief=1.5)  # fmt: skip
    sketch.fold([(50 - foot + 8, low - 5), (50 + foot - 8, low - 5)], 6, -0.12)
    sketch.stitch([(50 - foot + 4, low - 2.4), (50 + foot - 4, low - 2.4)], 0.6)
    if closure == "Flap Closure":
        deep = top + (low - top) * 0.55
        sketch.fill(
            mirrored(
                (50, top - 2.5),
                (50 + wide - 1, top - 1.4, 0),
                (50 + wide + 0.6, top + 6),
                (50 + wide * 0.86, deep - 5),
                (50 + wide * 0.5, deep - 1),
                (50, deep),
            ),
            lift=1.0,
            relief=1.4,
        )
        sketch.stitch(
            curve(
                (50 - wide + 1.6, top + 4),
                (50 - wide * 0.83, deep - 6.5),
                (50 - wide * 0.5, deep - 3),
                (50, deep - 2.2),
                (50 + wide * 0.5, deep - 3),
                (50 + wide * 0.83, deep - 6.5),
                (50 + wide - 1.6, top + 4),
            ),
            0.6,
        )
        sketch.fill(box(46.2, deep - 4, 53.8, deep + 3, 1.4), "metal", "ball", lift=0.9)
    else:
        sketch.stroke(
            curve((50 - wide + 3, top + 3.5), (50, top + 3), (50 + wide - 3, top + 3.5)),
            1.8,
            "metal",
            "flat",
        )
        sketch.seam(
            curve((50 - wide + 3, top + 3.5), (50, top + 3), (50 + wide - 3, top + 3.5)), 0.5, 0.5
        )
        sketch.stroke(
            [(50 + wide - 7, top + 3.6), (50 + wide - 7.6, top + 9)], 1.7, "metal", lift=0.8
        )
        sketch.seam([(50 - foot + 6, top + 18), (50 + foot - 6, top + 18)], 0.6, 0.2)
        sketch.stitch([(50 - foot + 6, top + 19.4), (50 + foot - 6, top + 19.4)], 0.6)
    if handle == "Double Handle":
        sketch.stroke(
            curve(
                (32, top + 12),
                (33.5, top),
                (37, 26),
                (50, 19),
                (63, 26),
                (66.5, top),
                (68, top + 12),
            ),
            3.4,
            "trim",
            "upright",
            lift=0.8,
        )
        for x in (32.0, 68.0):
            sketch.fill(box(x - 2.6, top + 8, x + 2.6, top + 16, 1.2), "trim", lift=0.7)
            sketch.fill(ellipse(x, top + 13, 1.0), "metal", "ball")
    if handle == "Single Handle":
        for x in (50 - wide + 3, 50 + wide - 3):
            sketch.fill(ellipse(x, top + 3, 2.6), "metal", "ball", lift=0.8)
    return sketch


def backpack(details: Details, cut: int) -> Sketch:
    """A backpack: `Closure` (Zip, Flap), `Front Pocket` (Yes, No)."""
    wide, top = ((27.0, 15.0), (30.0, 19.0), (25.0, 12.0))[cut]
    sketch = Sketch(
        base=91, stands=True, graphic=(50, 40, 9) if details["Closure"] == "Zip Closure" else None
    )
    sketch.stroke(
        curve((42, top + 3), (43, top - 6), (57, top - 6), (58, top + 3)), 2.8, "trim", "upright"
    )
    for turn in SIDES:
        sketch.stroke(
            turn(
                curve(
                    (50 + wide - 6, top + 10),
                    (50 + wide + 7, 45),
                    (50 + wide + 6, 70),
                    (50 + wide - 3, 86),
                )
            ),
            4.5,
            "trim",
            "upright",
        )
        sketch.fill(
            turn(
                closed(
                    (50 + wide - 4, 60),
                    (50 + wide + 4.5, 63),
                    (50 + wide + 4, 86),
                    (50 + wide - 4, 88),
                )
            ),
            "trim",
            relief=1.2,
        )
    sketch.fill(
        mirrored(
            (50, top),
            (50 + wide * 0.6, top + 2),
            (50 + wide - 1, top + 16),
            (50 + wide + 1, 60),
            (50 + wide, 86),
            (50 + wide - 5, 91),
            (50, 92),
        ),
        relief=1.5,
    )
    if details["Pocket"] == "Front Pocket":
        sketch.fill(
            mirrored(
                (50, 58),
                (50 + wide - 8, 58.6),
                (50 + wide - 4.5, 63),
                (50 + wide - 4, 84),
                (50 + wide - 8, 88),
                (50, 88.6),
            ),
            lift=1.0,
            relief=1.5,
        )
        sketch.stroke(
            curve((50 - wide + 7, 64), (50, 62.6), (50 + wide - 7, 64)), 1.5, "dark", "flat"
        )
        sketch.stroke([(50 + wide - 9, 64), (50 + wide - 9.5, 69)], 1.5, "metal", lift=0.6)
    else:
        sketch.fold([(35, 70), (65, 72)], 5, -0.1)
    if details["Closure"] == "Flap Closure":
        sketch.fill(
            mirrored(
                (50, top - 1),
                (50 + wide * 0.62, top + 1),
                (50 + wide, top + 15),
                (50 + wide - 1, 46),
                (50 + wide - 6, 52),
                (50, 53),
            ),
            lift=1.0,
            relief=1.5,
        )
        sketch.stitch(
            curve(
                (50 - wide + 3, 44),
                (50 - wide + 8, 49),
                (50, 50.5),
                (50 + wide - 8, 49),
                (50 + wide - 3, 44),
            ),
            0.6,
        )
        for x in (50 - wide * 0.45, 50 + wide * 0.45):
            sketch.fill(box(x - 2.2, 40, x + 2.2, 68, 1), "accent", lift=0.8)
            sketch.fill(
                box(x - 3, 55, x + 3, 61, 0.8),
                "metal",
                "flat",
                lift=0.6,
                holes=[box(x - 1.6, 56.4, x + 1.6, 59.6)],
            )
    else:
        arch = curve(
            (50 - wide + 3.6, 54),
            (50 - wide + 5, top + 17),
            (50 - wide * 0.55, top + 6),
            (50, top + 4.2),
            (50 + wide * 0.55, top + 6),
            (50 + wide - 5, top + 17),
            (50 + wide - 3.6, 54),
        )
        sketch.stroke(arch, 1.6, "dark", "flat", lift=0.2)
        sketch.stroke([(50 + wide - 4.4, 46), (50 + wide - 7, 51)], 1.5, "metal", lift=0.6)
    sketch.fill(
        box(
            44.5,
            52.2 if details["Closure"] == "Zip Closure" else 46,
            55.5,
            55.8 if details["Closure"] == "Zip Closure" else 49.4,
            0.6,
        ),
        "accent",
        lift=0.5,
    )
    return sketch

"""Outlines of clothes, seen from the front as they lie or hang."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.catalog.drawing.sketch import (
    SIDES,
    Sketch,
    band,
    closed,
    curve,
    ellipse,
    flipped,
    mirrored,
)

Details = Mapping[str, str]

_NECKS = {"Crew Neck": (9.5, 7.5), "V-Neck": (9.0, 19.0), "Boat Neck": (15.0, 4.6)}
"""Half width and depth of each neckline."""


def _neck(neckline: str, top: float) -> list[tuple[float, float]]:
    """The front edge of a neckline, left to right."""
    half, deep = _NECKS[neckline]
    if neckline == "V-Neck":
        return curve((50 - half, top), (50, top + deep, 0), (50 + half, top))
    if neckline == "Boat Neck":
        return curve((50 - half, top), (50, top + deep), (50 + half, top))
    return [(x, y) for x, y in ellipse(50, top, half, deep, start=180, end=0)]


def _top(
    sketch: Sketch,
    *,
    neckline: str,
    sleeve: str,
    shoulder: float,
    side: list[tuple[float, ...]],
    top: float = 13.0,
    room: float = 1.0,
) -> None:
    """Bodice, sleeves and neckline of a top or a dress; `side` runs from the armpit to the hem."""
    half, _ = _NECKS[neckline]
    armpit = side[0]
    outer = 50 + shoulder
    drop = top + 5.5
    if sleeve != "Sleeveless":
        if sleeve == "Long Sleeve":
            arm = closed(
                (outer - 6, drop - 2.6), (outer + 4.5, drop + 5), (outer + 11 * room, drop + 28),
                (outer + 14.5 * room, drop + 56, 0), (outer + 6.5, drop + 58, 0),
                (outer + 2.5, drop + 36), (armpit[0] - 4, armpit[1] + 3, 0),
            )  # fmt: skip
            cuff = [(outer + 14.2 * room, drop + 53.4), (outer + 6.1, drop + 55.2)]
            grain = -11.0
            folds = [
                [(outer + 9 * room, drop + 24), (outer + 1, drop + 27)],
                [(outer + 11 * room, drop + 33), (outer + 4, drop + 35)],
            ]
        else:
            arm = closed(
                (outer - 6, drop - 2.6), (outer + 5, drop + 4), (outer + 15.5 * room, drop + 19, 0),
                (outer + 6.5, drop + 28, 0), (armpit[0] - 4, armpit[1] + 2, 0),
            )  # fmt: skip
            cuff = [(outer + 14 * room, drop + 17.8), (outer + 5.2, drop + 26.2)]
            grain = -38.0
            folds = [[(outer + 7, drop + 14), (outer - 2, drop + 19)]]
        for left in (False, True):
            turn = SIDES[left]
            sketch.fill(turn(arm), grain=-grain if left else grain)
            sketch.seam(turn(cuff), 0.6, 0.16)
            for crease in folds:
                sketch.fold(turn(crease), 2.6, -0.14)
    # The inside of the back, seen through the neck.
    sketch.fill(closed((50 - half, top - 0.6), (50, top - 2.4), (50 + half, top - 0.6),
                       (50 + half, top + 5), (50, top + 21), (50 - half, top + 5)), "inside", "flat")  # fmt: skip
    neck = _neck(neckline, top)
    if sleeve == "Sleeveless":
        strap = 50 + max(half + 5.0, shoulder - 8.5)
        hole = curve(
            (strap, top + 1.4, 0),
            (strap - 1.0, drop + 9),
            (strap + 1.5, armpit[1] - 5),
            (*armpit[:2], 0),
        )
        outline = [(50 + half, top), *hole[:-1], *curve((*armpit[:2], 0), *side[1:])]
        sketch.fill([*neck, *outline, *flipped(outline[::-1])])
        edge = [(x - 0.9, y) for x, y in hole]
        sketch.stroke(edge, 1.8, "trim", lift=0.2)
        sketch.stroke(flipped(edge), 1.8, "trim", lift=0.2)
    else:
        outline = curve((50 + half, top, 0), (outer - 1, drop - 1.4, 0), (outer + 0.8, drop + 8),
                        (armpit[0], armpit[1], 0), *side[1:])  # fmt: skip
        sketch.fill([*neck, *outline, *flipped(outline[::-1])], lift=0.3)
    sketch.stroke(
        [(x, y + 0.7) for x, y in neck], 2.4 if neckline != "Boat Neck" else 1.6, "trim", lift=0.3
    )


def t_shirt(details: Details, cut: int) -> Sketch:
    """A t-shirt: `Neckline`, `Sleeve Length`; three cuts: regular, wide, slim."""
    wide, long = ((24.5, 88), (27, 84), (22.5, 90))[cut]
    sketch = Sketch(base=90, graphic=(50, 45, 11.5))
    _top(
        sketch, neckline=details["Neckline"], sleeve=details["Sleeve Length"], shoulder=wide, top=12,
        side=[(50 + wide - 0.8, 39), (50 + wide - 2, 60), (50 + wide - 0.6, long, 0), (50, long + 1.2)],
    )  # fmt: skip
    for left in (False, True):
        turn = SIDES[left]
        sketch.fold(turn([(50 + wide - 2, 42), (66, 52), (57, 58)]), 3.4, -0.15)
        sketch.fold(turn([(50 + wide - 3, 47), (66, 60)]), 3.4, 0.12)
        sketch.fold(turn([(50 + wide - 3, 66), (61, 74), (57, 82)]), 4, -0.12)
    sketch.fold([(47, 62), (44, 78), (45, 88)], 4, -0.1)
    sketch.seam(
        [(50 - wide + 1.6, long - 2.4), (50, long - 1.2), (50 + wide - 1.6, long - 2.4)], 0.5, 0.2
    )
    return sketch


def dress(details: Details, cut: int) -> Sketch:
    """A dress: `Neckline`, `Sleeve Length`, `Dress Length`; cuts: flared, straight, full."""
    hem = {"Mini": 80.0, "Midi": 99.0, "Maxi": 122.0}[details["Dress Length"]]
    flare = (25.0, 17.0, 31.0)[cut] + (hem - 99) * 0.16
    sketch = Sketch(base=hem)
    waist = 41.0
    _top(
        sketch, neckline=details["Neckline"], sleeve=details["Sleeve Length"], shoulder=18, top=7,
        room=0.8,
        side=[(66, 27), (62.5, waist, 0), (62.5 + (flare - 12.5) * 0.45, waist + (hem - waist) * 0.42),
              (50 + flare, hem - 1.5, 0), (50 + flare * 0.5, hem + 1.2), (50, hem + 1.6)],
    )  # fmt: skip
    for x in (-0.7, -0.35, 0.05, 0.4, 0.72):
        sketch.fold(curve((50 + 11 * x, waist + 2), (50 + flare * x * 0.75, (waist + hem) / 2),
                          (50 + flare * x, hem + 1)), 3.2, -0.2)  # fmt: skip
        sketch.fold(curve((52.5 + 11 * x, waist + 6), (54 + flare * x * 0.75, (waist + hem) / 2),
                          (54.5 + flare * x, hem + 1)), 3, 0.14)  # fmt: skip
    sketch.stroke(curve((37.7, waist), (50, waist + 1), (62.3, waist)), 2.6, "trim", lift=0.3)
    sketch.fold([(62, 30), (55, 36)], 3, -0.14)
    sketch.fold([(38, 30), (45, 36)], 3, -0.14)
    return sketch


def hoodie(details: Details, cut: int) -> Sketch:
    """A hoodie: `Closure` (Pullover or Zip)."""
    wide = (25.0, 27.0, 23.5)[cut]
    hem = (87.0, 84.0, 89.0)[cut]
    sketch = Sketch(base=hem + 3, graphic=(50, 45, 9) if details["Closure"] == "Pullover" else None)
    outer = 50 + wide
    arm = closed(
        (outer - 6, 19), (outer + 4, 26), (outer + 10, 48), (outer + 13.5, 75, 0),
        (outer + 5, 77, 0), (outer + 1.5, 56), (outer - 5, 43, 0),
    )  # fmt: skip
    cuff = closed(
        (outer + 13.2, 73.5, 0), (outer + 13, 81), (outer + 5.8, 82.4), (outer + 4.9, 75.6, 0)
    )
    for turn in SIDES:
        sketch.fill(turn(cuff), "trim")
        sketch.fill(turn(arm), grain=-10 if turn is not flipped else 10)
        sketch.fold(turn([(outer + 9, 46), (outer + 1, 50)]), 3, -0.17)
        sketch.fold(turn([(outer + 11, 56), (outer + 3, 59)]), 3, -0.15)
        sketch.fold(turn([(outer + 12, 66), (outer + 5, 68)]), 3, -0.15)
    sketch.fill(
        mirrored(
            (50, hem - 2), (outer - 1.6, hem - 2.6, 0), (outer - 2.6, hem + 3.4, 0), (50, hem + 4.4)
        ),
        "trim",
    )
    for k in range(-9, 10):
        sketch.seam([(50 + k * wide / 9.6, hem - 1), (50 + k * wide / 9.8, hem + 4)], 0.5, 0.1)
    sketch.fill(mirrored((50, 22), (59, 15.5, 0), (outer - 2, 20.5, 0), (outer, 29), (outer - 1.2, 42, 0),
                         (outer - 2.4, 62), (outer - 1.2, hem - 1.5, 0), (50, hem)), lift=0.3)  # fmt: skip
    # The hood lies open around the neck.
    sketch.fill(mirrored((50, 5), (59, 7), (66, 16), (62.5, 25), (50, 34.5, 0)), lift=0.6)
    sketch.fill(
        mirrored((50, 10.5), (56.5, 12.5), (60, 18.5), (57, 24), (50, 31.5, 0)),
        "inside",
        "flat",
        lift=0.2,
    )
    sketch.fill(
        mirrored((50, 12), (55, 13.5), (57.5, 17), (54, 19.5), (50, 20.2)),
        "body",
        "cloth",
        lift=0.1,
    )
    sketch.fold([(40, 9), (36.5, 18)], 2.4, 0.14)
    sketch.fold([(60, 9), (63.5, 18)], 2.4, 0.14)
    for turn in SIDES:
        sketch.fold(turn([(outer - 2, 45), (64, 53)]), 3.4, -0.15)
    if details["Closure"] == "Full Zip":
        sketch.stroke([(50, 31), (50, hem + 3)], 1.9, "metal", "flat")
        sketch.seam([(50, 31), (50, hem + 3)], 0.6, 0.5)
        for turn in SIDES:
            sketch.seam(turn([(58, 61), (68, 61), (70, 77)]), 0.8, 0.3)
            sketch.fold(turn([(58, 61), (70, 77)]), 3, -0.12)
    else:
        sketch.fill(mirrored((50, 61), (61, 61, 0), (69, 73, 0), (69, 81, 0), (50, 81.6)), lift=0.8)
        sketch.seam([(62, 62), (69.4, 73)], 0.8, 0.25)
        sketch.seam([(38, 62), (30.6, 73)], 0.8, 0.25)
    for x in (46.6, 53.4):
        sketch.stroke(
            curve((x, 29), (x + (x - 50) * 0.2, 38), (x + (x - 50) * 0.1, 47)),
            1.2,
            "light",
            "upright",
        )
        sketch.fill(ellipse(x + (x - 50) * 0.1, 47.5, 0.9, 1.6), "metal")
    return sketch


def _legs(
    sketch: Sketch,
    *,
    crotch: float,
    hem: float,
    inner: float,
    foot: float,
    hip: float,
    flare: float = 0,
) -> None:
    """Two legs under a waistband; `inner` is the gap at the hem, `foot` the width of a leg there."""
    waist = 14.0
    right = closed(
        (49.4, waist, 0), (50 + hip - 3.5, waist, 0), (50 + hip, crotch - 8), (50 + (inner + foot + hip) / 2 + 0.6, (crotch + hem) / 2),
        (50 + inner + foot + flare, hem, 0), (50 + inner - flare, hem + 1, 0),
        (50 + inner * 0.5 + 1.2, (crotch + hem) / 2), (49.4, crotch, 0),
    )  # fmt: skip
    for turn in SIDES:
        sketch.fill(turn(right), lift=0.25, grain=-3 if turn is not flipped else 3)
        sketch.fold(
            turn([(50 + hip * 0.55, crotch + 5), (50 + inner + foot * 0.5, hem - 4)]), 4, 0.13
        )
        sketch.fold(turn([(51.5, crotch + 1), (60, crotch - 2), (66, crotch + 2)]), 3, -0.16)
        sketch.fold(turn([(53, crotch + 8), (60, crotch + 6)]), 2.6, -0.14)
        sketch.seam(
            turn([(50 + inner - flare + 0.4, hem - 2), (50 + inner + foot + flare - 0.4, hem - 3)]),
            0.6,
            0.22,
        )
        sketch.stitch(
            turn(
                [
                    (50 + inner - flare + 0.8, hem - 2.8),
                    (50 + inner + foot + flare - 0.8, hem - 3.8),
                ]
            ),
            0.5,
        )
        pocket = curve(
            (50 + hip * 0.5, waist + 5), (50 + hip * 0.62, waist + 11), (50 + hip - 1.6, waist + 14)
        )
        sketch.seam(turn(pocket), 0.8, 0.32)
        sketch.stitch(turn([(x - 1, y + 0.6) for x, y in pocket]), 0.5)
    band_right = [
        (50, waist - 4.5),
        (50 + hip - 4, waist - 5),
        (50 + hip - 3.2, waist + 1),
        (50, waist + 1.4),
    ]
    sketch.fill([*band_right, *flipped(band_right[::-1])], "trim", lift=0.6)
    sketch.stitch([(50 - hip + 4.4, waist), (50 + hip - 4.4, waist)], 0.5)
    sketch.seam([(50, waist + 1), (50, crotch)], 0.7, 0.35)
    fly = curve((53.6, waist + 2), (53.6, crotch - 10), (50.4, crotch - 5))
    sketch.seam(fly, 0.5, 0.18)
    sketch.stitch(fly, 0.5)
    for x in (50 - hip * 0.5, 50 + hip * 0.5):
        sketch.fill(
            [(x - 1, waist - 5.4), (x + 1, waist - 5.4), (x + 1, waist + 2), (x - 1, waist + 2)],
            "trim",
        )
    sketch.fill(ellipse(50, waist - 1.8, 1.5), "metal", "ball")


def trousers(details: Details, cut: int) -> Sketch:
    """Trousers: `Leg Style` (Skinny, Straight, Wide)."""
    inner, foot, flare = {
        "Skinny Leg": (3.6, 9.0, 0.0),
        "Straight Leg": (3.0, 14.0, 0.0),
        "Wide Leg": (2.0, 17.5, 2.5),
    }[details["Leg Style"]]
    hip = (20.5, 22.0, 19.5)[cut]
    sketch = Sketch(base=95)
    _legs(sketch, crotch=42, hem=94 - cut, inner=inner, foot=foot, hip=hip, flare=flare)
    return sketch


def shorts(details: Details, cut: int) -> Sketch:
    """Shorts: `Leg Style` (Regular, Loose)."""
    hem, foot = ((70.0, 21.0), (66.0, 22.0), (74.0, 20.5))[cut]
    sketch = Sketch(base=hem + 1)
    loose = details["Leg Style"] == "Loose Fit"
    _legs(sketch, crotch=46, hem=hem, inner=3.0, foot=foot + 3 * loose, hip=25, flare=2.0 * loose)
    sketch.stroke(curve((48, 13), (46.5, 20), (47.5, 27)), 1.0, "light", "upright")
    sketch.stroke(curve((52, 13), (53.8, 20), (52.6, 29)), 1.0, "light", "upright")
    return sketch


def skirt(details: Details, cut: int) -> Sketch:
    """A skirt: `Skirt Length`, `Skirt Style` (A-Line, Pencil, Pleated)."""
    hem = {"Mini": 66.0, "Midi": 80.0, "Maxi": 93.0}[details["Skirt Length"]]
    style = details["Skirt Style"]
    flare = {"A-Line": 29.0, "Pencil": 15.0, "Pleated": 31.0}[style] + (cut - 1) * 1.5
    top, waist = 13.0, 15.5
    sketch = Sketch(base=hem + 1)
    middle = (hem + top) / 2
    hip = 20.0 if style == "Pencil" else waist + (flare - waist) * 0.6
    right = curve((50, top), (50 + waist, top, 0), (50 + hip, middle - 4), (50 + flare, hem - 1.2, 0),
                  (50 + flare * 0.5, hem + 1), (50, hem + 1.6))  # fmt: skip
    sketch.fill([*right, *flipped(right[::-1])])
    if style == "Pleated":
        for k in range(-5, 6):
            x = k / 5.6
            line = [(50 + waist * x, top + 3), (50 + flare * x, hem + 1)]
            sketch.seam(line, 0.8, 0.3)
            sketch.fold([(px + 2, py) for px, py in line], 3, 0.16)
            sketch.fold([(px - 1.6, py) for px, py in line], 2.4, -0.2)
    elif style == "A-Line":
        for x in (-0.6, -0.15, 0.3, 0.7):
            sketch.fold(curve((50 + waist * x, top + 12), (50 + flare * x, hem)), 4, -0.2)
            sketch.fold(curve((54 + waist * x, top + 14), (55 + flare * x, hem)), 4, 0.14)
    else:
        sketch.fold([(42, 30), (58, 34)], 3.5, -0.13)
        sketch.fold([(58, 44), (44, 48)], 3.5, -0.1)
        sketch.seam([(50, hem - 12), (50, hem + 1)], 0.8, 0.4)
    sketch.seam(
        [(50 - flare + 1.6, hem - 3), (50, hem - 1), (50 + flare - 1.6, hem - 3)], 0.5, 0.18
    )
    sketch.stitch([(50 - flare + 2, hem - 4), (50, hem - 2), (50 + flare - 2, hem - 4)], 0.5)
    belt = [(50 - waist - 0.6, top - 3.5), (50, top - 2.6), (50 + waist + 0.6, top - 3.5)]
    sketch.fill(band([(x, y + 1) for x, y in curve(*belt)], 5.5), "trim", lift=0.5)
    sketch.fill(ellipse(58, top - 1.4, 1.2), "metal", "ball")
    return sketch

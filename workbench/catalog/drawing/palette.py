"""Colours: the names that listings use, and the tones that stand for them."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import numpy as np

Tone = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""

COLORS: Mapping[str, Tone] = {
    "Black": (0.12, 0.12, 0.13),
    "White": (0.94, 0.935, 0.92),
    "Grey": (0.55, 0.56, 0.57),
    "Beige": (0.83, 0.74, 0.60),
    "Brown": (0.45, 0.28, 0.17),
    "Red": (0.78, 0.13, 0.15),
    "Orange": (0.93, 0.47, 0.10),
    "Yellow": (0.95, 0.79, 0.16),
    "Green": (0.17, 0.52, 0.25),
    "Teal": (0.08, 0.56, 0.57),
    "Blue": (0.14, 0.40, 0.82),
    "Navy": (0.10, 0.15, 0.34),
    "Purple": (0.46, 0.24, 0.64),
    "Pink": (0.93, 0.52, 0.66),
}
"""The colour of a product, by the name that its listing gives it."""

NEUTRALS = ("Black", "White", "Grey", "Beige", "Brown", "Navy")

COLOR_WEIGHTS: Mapping[str, float] = {
    "Black": 1.6, "White": 1.3, "Grey": 1.1, "Beige": 0.9, "Brown": 1.0, "Red": 1.1, "Orange": 0.7,
    "Yellow": 0.7, "Green": 1.0, "Teal": 0.7, "Blue": 1.3, "Navy": 1.0, "Purple": 0.7, "Pink": 0.9,
}  # fmt: skip
"""How often sellers have each colour, relative to each other."""

_JITTER_HUE = 0.014  # turns
_JITTER_LIGHT = 0.045
_JITTER_SATURATION = 0.08

# Tones that a pattern's second colour is taken from, by the darkness of the first.
_ON_DARK = ((0.95, 0.94, 0.91), (0.95, 0.94, 0.91), (0.88, 0.81, 0.68), (0.95, 0.83, 0.45))
_ON_LIGHT = ((0.13, 0.14, 0.17), (0.12, 0.18, 0.38), (0.72, 0.18, 0.19), (0.20, 0.42, 0.32))


def tone_of(color: str, rng: np.random.Generator) -> Tone:
    """One tone of `color`: no two dye lots are equal."""
    hue, light, saturation = colorsys.rgb_to_hls(*COLORS[color])
    swing = rng.uniform(-1, 1, 3)
    coloured = 0.25 if color in {"Black", "White", "Grey"} else 1.0
    hue = (hue + _JITTER_HUE * swing[0]) % 1
    light = min(0.95, max(0.07, light + _JITTER_LIGHT * swing[1] * (0.5 + 0.5 * coloured)))
    saturation = min(1.0, max(0.0, saturation * (1 + _JITTER_SATURATION * swing[2] * coloured)))
    return colorsys.hls_to_rgb(hue, light, saturation)


def brightness(tone: Tone) -> float:
    """Perceived brightness of `tone`, 0 to 1 (Rec. 601 luma)."""
    return 0.299 * tone[0] + 0.587 * tone[1] + 0.114 * tone[2]


def companions(tone: Tone, rng: np.random.Generator) -> tuple[Tone, Tone]:
    """The second and third tone of a pattern on a ground of `tone`."""
    light_ground = brightness(tone) > 0.62
    second = (_ON_LIGHT if light_ground else _ON_DARK)[int(rng.integers(4))]
    third = mixed(second, tone, 0.5)
    if rng.random() < 0.5:
        third = _ON_DARK[3] if not light_ground else _ON_LIGHT[2]
    return second, third


def mixed(one: Tone, other: Tone, share: float) -> Tone:
    """`one` with `share` of `other` in it."""
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def contrasting(color: str, rng: np.random.Generator) -> str:
    """Another colour that nobody confuses with `color`."""
    own = np.array(COLORS[color])
    names = [n for n, tone in COLORS.items() if np.linalg.norm(np.array(tone) - own) > 0.55]
    return names[int(rng.integers(len(names)))]

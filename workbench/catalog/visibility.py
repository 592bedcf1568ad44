"""Whether a photo can show an attribute, judged by the attribute's name.

One table for every reader. A whole name is looked up first, then its first word (`Compatible …`), then
its last (`Upholstery color`), then every word. What no rule knows is `sometimes`: a model may answer,
and a person may say that the photo does not show it. Rules are checked by reading the 2,258 names that
Shopify's taxonomy uses.
"""

from __future__ import annotations

import re

from workbench.schema import Visible

_NAMES: dict[str, Visible] = {
    "department": "sometimes",
    "type": "yes",
    "product type": "yes",
    "animal type": "sometimes",
    "sleeve": "yes",
    "collar": "yes",
    "neckline": "yes",
    "sleeve length type": "yes",
    "top length type": "yes",
    "pants length type": "yes",
    "skirt/dress length type": "yes",
    "heel height type": "yes",
    "waist rise": "yes",
    "toe style": "yes",
    "dress style": "yes",
    "skirt style": "yes",
    "vehicle type": "yes",
    "light temperature": "sometimes",
    "skin tone": "no",
    "skin undertone": "no",
    "eco collection": "no",
    "performance fabric": "no",
    "fit": "sometimes",
    "card design": "yes",
}

_FIRST: dict[str, Visible] = dict.fromkeys(
    ("compatible", "suitable", "supported", "recommended", "targeted", "intended"), "no"
)

_LAST: dict[str, Visible] = {
    **dict.fromkeys(
        ("color", "colour", "pattern", "shape", "design", "silhouette", "embellishments"), "yes"
    ),
    **dict.fromkeys(
        (
            *("material", "fabric", "finish", "texture", "features", "style", "closure", "type"),
            *("included", "form", "length", "look", "brand", "gender", "theme", "strap/handle"),
            *("structure", "packaging"),
        ),
        "sometimes",
    ),
}

_ANYWHERE: dict[str, Visible] = dict.fromkeys(
    (
        # measure and rating
        *(
            "size",
            "weight",
            "capacity",
            "volume",
            "hardness",
            "firmness",
            "viscosity",
            "temperature",
        ),
        *("frequency", "speed", "resolution", "magnification", "zoom", "range", "ratio", "density"),
        *(
            "level",
            "grade",
            "class",
            "rating",
            "rate",
            "strength",
            "sensitivity",
            "tension",
            "thickness",
        ),
        *(
            "absorbency",
            "solubility",
            "purity",
            "content",
            "spf",
            "ph",
            "gauge",
            "accuracy",
            "lovibond",
        ),
        *("viscosity", "flex", "stiffness", "durability", "noise", "volts", "voltage", "wattage"),
        # what it is made of inside, how it tastes and smells
        *(
            "ingredient",
            "ingredients",
            "allergen",
            "allergens",
            "dietary",
            "flavor",
            "scent",
            "fragrance",
        ),
        *("variety", "formula", "formulation", "supplement", "supplements", "nutrient", "caffeine"),
        *("vitamin", "additive", "spirit", "cuisine", "origin", "region", "country", "effect"),
        # what is inside a machine
        *(
            "technology",
            "protocol",
            "protocols",
            "interface",
            "connectivity",
            "network",
            "networking",
        ),
        *(
            "wi-fi",
            "usb",
            "memory",
            "processor",
            "sensor",
            "codecs/formats",
            "formats",
            "format",
            "audio",
        ),
        *(
            "motherboard",
            "storage",
            "software",
            "firmware",
            "operating",
            "system",
            "systems",
            "modes",
        ),
        *(
            "mode",
            "standard",
            "standards",
            "antenna",
            "amplifier",
            "signal",
            "algorithms",
            "bands",
            "band",
        ),
        *("polyphony", "midi", "tuning", "key", "sound", "sounds", "functions", "battery", "power"),
        *("fuel", "engine", "transmission", "drive", "suspension"),
        # for whom, when, how and why it is used
        *(
            "age",
            "skill",
            "difficulty",
            "climate",
            "season",
            "occasion",
            "activity",
            "sport",
            "usage",
        ),
        *("use", "uses", "purpose", "application", "care", "cleaning", "instructions", "treatment"),
        *(
            "objective",
            "benefits",
            "stage",
            "user",
            "audience",
            "therapy",
            "meal",
            "location",
            "stains",
        ),
        # what is promised about it
        *("certification", "certifications", "warranty", "condition", "authenticity", "efficiency"),
        *(
            "license",
            "licence",
            "language",
            "currency",
            "subscription",
            "publication",
            "compliance",
        ),
        *(
            "sustainability",
            "restrictions",
            "rarity",
            "grading",
            "schedule",
            "support",
            "genre",
            "era",
        ),
    ),
    "no",
)


def visibility(name: str) -> Visible:
    """Whether a photo can show the attribute called `name`, in any case: `Color` yes, `Size` no."""
    text = " ".join(name.lower().split())
    if text in _NAMES:
        return _NAMES[text]
    words = re.sub(r"\(.*?\)", " ", text).split() or [text]
    if words[0] in _FIRST:
        return _FIRST[words[0]]
    if words[-1] in _LAST and words[-1] != "type":
        return _LAST[words[-1]]
    pieces = [*words, *(piece for word in words for piece in word.split("/"))]
    if any(piece in _ANYWHERE for piece in pieces):
        return "no"
    return "sometimes"

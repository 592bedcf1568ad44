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
    "bag/case storage features": "sometimes",
    "archery style": "no",
    "beer style": "no",
    "cycling style": "no",
    "inline skating style": "no",
    "riding style": "no",
    "skateboarding style": "no",
    "skiing style": "no",
    "snowboarding style": "no",
    "vaping style": "no",
    "polar pattern": "no",
    "printing color": "no",
    "ink color": "sometimes",
    "engine design": "sometimes",
    "skin tone": "no",
    "skin undertone": "no",
    "eco collection": "no",
    "performance fabric": "no",
    "fit": "sometimes",
}

_NO_FIRST = frozenset(
    {"compatible", "suitable", "supported", "recommended", "targeted", "intended"}
)

_YES_LAST = frozenset(
    {"color", "colour", "pattern", "shape", "design", "silhouette", "embellishments"}
)

_SOMETIMES_LAST = frozenset(
    {"material", "fabric", "finish", "texture", "closure", "packaging", "included", "look", "brand"}
    | {"gender", "theme", "strap/handle"}
)

_MEASURES = """
    size weight capacity volume hardness firmness viscosity temperature frequency speed resolution
    magnification zoom range ratio density level grade class rating rate strength sensitivity tension
    thickness absorbency solubility purity content spf ph gauge accuracy lovibond flex stiffness noise
    voltage wattage measurement
"""
_TASTE_AND_SMELL = """
    ingredient ingredients allergen allergens dietary flavor scent fragrance variety formula formulation
    supplement supplements nutrient caffeine sweetness additive spirit cuisine origin region country effect
"""
_INSIDE_A_MACHINE = """
    technology protocol protocols interface connectivity network networking wi-fi usb memory processor
    sensor codecs formats format audio motherboard storage software operating system systems modes mode
    standard standards antenna amplifier signal algorithms bands band polyphony midi tuning key sound
    sounds functions function battery power fuel engine transmission drive suspension
"""
_FOR_WHOM_WHEN_AND_WHY = """
    age skill difficulty climate season occasion activity sport usage use uses purpose application method
    technique care cleaning instructions treatment objective benefits stage user audience location stains
"""
_PROMISED = """
    certification certifications warranty condition authenticity efficiency license licence language
    currency subscription publication compliance sustainability restrictions rarity grading schedule
    support genre era manufacturer
"""
_NO_ANYWHERE = frozenset(
    f"{_MEASURES} {_TASTE_AND_SMELL} {_INSIDE_A_MACHINE} {_FOR_WHOM_WHEN_AND_WHY} {_PROMISED}".split()
)


def visibility(name: str) -> Visible:
    """Whether a photo can show the attribute called `name`, in any case: `Color` yes, `Size` no."""
    text = " ".join(name.lower().split())
    if text in _NAMES:
        return _NAMES[text]
    words = re.sub(r"\(.*?\)", " ", text).split() or [text]
    if words[0] in _NO_FIRST:
        return "no"
    if words[-1] in _YES_LAST:
        return "yes"
    if words[-1] in _SOMETIMES_LAST:
        return "sometimes"
    pieces = {piece for word in words for piece in (word, *word.split("/"))}
    return "no" if pieces & _NO_ANYWHERE else "sometimes"

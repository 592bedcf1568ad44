"""How shoppers take to an item: impressions with a long tail, clicks from a latent appeal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.catalog.drawing.product import DrawnProduct, log_price
from workbench.catalog.drawing.scenes import STUDIO, PhotoStyle

BASE_RATE = 0.022
"""Click-through rate of an item of average appeal."""
APPEAL_NOISE = 0.35
"""Standard deviation of what neither the product nor its photo explains, in log-odds."""
IMPRESSIONS_MEDIAN = 420.0
IMPRESSIONS_SPREAD = 1.35
"""Standard deviation of the natural logarithm of impressions: few items get most of them."""

_LIKED = {"Black": 0.18, "Navy": 0.14, "Blue": 0.10, "Red": 0.06, "Orange": -0.16, "Brown": -0.12}
_PRINTS = {"Floral": 0.14, "Striped": 0.08, "Graphic": 0.06, "Camouflage": -0.18, "Zigzag": -0.08}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What shoppers did."""

    impressions: int
    clicks: int


def appeal(product: DrawnProduct, style: PhotoStyle) -> float:
    """Log-odds that the product and its photo add to a click, 0 for an average one."""
    fair = log_price(
        kind=product.kind,
        material=product.material,
        pattern=product.pattern,
        details=dict(product.details),
        brand=product.brand,
        condition=product.condition,
    )
    bargain = fair - float(np.log(product.price))
    photo = 0.25 * (style.background in STUDIO) - 0.20 * (style.background == "living room")
    photo -= 0.30 * (style.light == "dim light")
    photo -= 0.25 * (style.composition == "wide shot")
    return (
        _LIKED.get(product.color, 0.0) + _PRINTS.get(product.pattern, 0.0) + 0.5 * bargain + photo
    )


def traffic(product: DrawnProduct, style: PhotoStyle, rng: np.random.Generator) -> Traffic:
    """Impressions and clicks of one item."""
    impressions = int(rng.lognormal(np.log(IMPRESSIONS_MEDIAN), IMPRESSIONS_SPREAD))
    odds = (
        np.log(BASE_RATE / (1 - BASE_RATE)) + appeal(product, style) + rng.normal(0, APPEAL_NOISE)
    )
    clicks = int(rng.binomial(impressions, 1 / (1 + np.exp(-odds))))
    return Traffic(impressions=impressions, clicks=clicks)

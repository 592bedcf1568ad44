"""A product with everything that is true of it: looks, brand, size, condition, price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.catalog.drawing.kinds import KINDS, Weights
from workbench.catalog.drawing.palette import COLOR_WEIGHTS

BRANDS: Mapping[str, float] = {
    "Nordwell": 0.0, "Acmeo": -0.25, "Pikko": -0.15, "Hexley": 0.25, "Zentara": 0.40, "Lumora": 0.10,
    "Maison Verel": 0.85, "Tarn & Fell": 0.55, "Unbranded": -0.30,
}  # fmt: skip
"""Invented brands, with the natural logarithm of the factor that each puts on a price."""

CONDITIONS: Mapping[str, float] = {
    "New with tags": 0.12, "New without tags": 0.0, "Pre-owned": -0.45, "Vintage": -0.10,
}  # fmt: skip
"""Conditions, with the natural logarithm of the factor that each puts on a price."""

DEPARTMENTS = ("Women", "Men", "Unisex")

MATERIAL_WORTH: Mapping[str, float] = {
    "Leather": 0.45, "Silk": 0.50, "Velvet": 0.18, "Wool Knit": 0.25, "Linen": 0.15, "Suede": 0.25,
    "Stainless Steel": 0.20, "Glass": 0.10, "Wood": 0.15, "Rattan": 0.12, "Denim": 0.10,
    "Polyester": -0.15, "Plastic": -0.30, "Faux Leather": -0.18, "Silicone": -0.15,
}  # fmt: skip
"""Natural logarithm of the factor that a material puts on a price; 0 for the others."""

DETAIL_WORTH: Mapping[str, float] = {
    "Maxi": 0.12, "Mini": -0.08, "Long Sleeve": 0.10, "High-Top": 0.10, "Stiletto": 0.08, "No Handle": -0.10,
    "Tripod Base": 0.10, "Tassels": 0.08, "Gold Case": 0.15,
}  # fmt: skip
"""Natural logarithm of the factor that a detail of shape puts on a price; 0 for the others."""

PATTERN_WORTH = 0.05
"""The same for any pattern that is not solid."""

PRICE_NOISE = 0.22
"""Standard deviation of the natural logarithm of a price around what its attributes explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnProduct:
    """One product, and the truth about it."""

    kind: str
    """Id in `KINDS`, such as `mug`; also the category in the schema."""
    color: str
    pattern: str
    material: str
    details: tuple[tuple[str, str], ...]
    """Attributes of shape that a photo shows, in the order of the kind: `(("Handle", "Round Handle"),)`."""
    brand: str
    size: str
    department: str
    """Empty for things of the home: nobody sells lamps for men."""
    condition: str
    model: str
    """Model number; no photo shows it."""
    price: float
    """USD."""
    look: int
    """Seed of proportions, dye lot and print: two photos of one product agree in these."""

    @property
    def aspects(self) -> dict[str, str]:
        """All true aspects, by the names of the schema; those that no photo shows come last."""
        return {
            "Color": self.color,
            "Pattern": self.pattern,
            "Material": self.material,
            **dict(self.details),
            **({"Department": self.department} if self.department else {}),
            "Condition": self.condition,
            "Brand": self.brand,
            "Size": self.size,
            "Model": self.model,
        }


def pick(weights: Weights | Sequence[str], rng: np.random.Generator) -> str:
    """One of the keys of `weights`, in proportion to its weight; of a sequence, any one."""
    names = list(weights)
    if not isinstance(weights, Mapping):
        return names[int(rng.integers(len(names)))]
    reach = np.cumsum([weights[name] for name in names])
    return names[int(np.searchsorted(reach, rng.random() * reach[-1], side="right"))]


def sample_product(
    seed: int | Sequence[int],
    *,
    kind: str | None = None,
    color: str | None = None,
    pattern: str | None = None,
) -> DrawnProduct:
    """A product drawn at random: the same seed, the same product.

    Args:
        seed: One or several non-negative numbers.
        kind: Id in `KINDS`; None: any.
        color: One of `COLORS`; None: any.
        pattern: One of the kind's patterns; None: any.

    Raises:
        ValueError: There is no kind of this name, or the kind does not come in this colour or pattern.
    """
    rng = np.random.default_rng([*([seed] if isinstance(seed, int) else seed), 1])
    chosen = pick(tuple(KINDS), rng)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"want one of {', '.join(KINDS)} as kind, got {kind!r}")
    chosen = kind or chosen
    spec = KINDS[chosen]
    if pattern is not None and pattern not in spec.patterns:
        raise ValueError(f"a {chosen} comes {', '.join(spec.patterns)}, not {pattern!r}")
    if color is not None and color not in COLOR_WEIGHTS:
        raise ValueError(f"want one of {', '.join(COLOR_WEIGHTS)} as color, got {color!r}")
    details = {name: pick(values, rng) for name, values in spec.details.items()}
    materials: Weights = spec.materials
    for name, cases in spec.only.items():
        materials = cases.get(details[name], materials)
    material, any_pattern, any_color = (
        pick(materials, rng),
        pick(spec.patterns, rng),
        pick(COLOR_WEIGHTS, rng),
    )
    any_pattern = pattern or any_pattern
    brand, condition = pick(tuple(BRANDS), rng), pick(tuple(CONDITIONS), rng)
    expected = log_price(
        kind=chosen,
        material=material,
        pattern=any_pattern,
        details=details,
        brand=brand,
        condition=condition,
    )
    return DrawnProduct(
        kind=chosen,
        color=color or any_color,
        pattern=any_pattern,
        material=material,
        details=tuple(details.items()),
        brand=brand,
        size=pick(spec.sizes, rng),
        department=pick(DEPARTMENTS, rng) if spec.path[0] != "Home" else "",
        condition=condition,
        model="".join(chr(65 + int(c)) for c in rng.integers(26, size=2))
        + str(rng.integers(1000, 9999)),
        price=round(float(np.exp(expected + rng.normal(0, PRICE_NOISE))), 2),
        look=int(rng.integers(2**31)),
    )


def log_price(
    *,
    kind: str,
    material: str,
    pattern: str,
    details: Mapping[str, str],
    brand: str,
    condition: str,
) -> float:
    """Natural logarithm of the price (USD) that the attributes explain; colour does not matter."""
    return (
        float(np.log(KINDS[kind].price))
        + MATERIAL_WORTH.get(material, 0.0)
        + PATTERN_WORTH * (pattern != "Solid")
        + sum(DETAIL_WORTH.get(value, 0.0) for value in details.values())
        + BRANDS[brand]
        + CONDITIONS[condition]
    )

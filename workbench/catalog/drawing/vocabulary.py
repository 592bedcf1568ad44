"""The schema of the drawn catalogue, and the other words that sellers use for its values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from workbench.catalog.drawing.kinds import KINDS, Kind
from workbench.catalog.drawing.palette import COLORS
from workbench.catalog.drawing.product import BRANDS, CONDITIONS, DEPARTMENTS
from workbench.schema import Attribute, Category, Schema

VERSION = "1"

COLOR_WORDS: Mapping[str, str] = {
    "jet black": "Black", "ivory": "White", "off white": "White", "gray": "Grey", "charcoal": "Grey",
    "tan": "Beige", "sand": "Beige", "khaki": "Beige", "chocolate": "Brown", "chestnut": "Brown",
    "crimson": "Red", "scarlet": "Red", "cherry": "Red", "tangerine": "Orange", "rust": "Orange",
    "mustard": "Yellow", "lemon": "Yellow", "emerald": "Green", "forest green": "Green",
    "turquoise": "Teal", "petrol": "Teal", "royal blue": "Blue", "cobalt": "Blue", "navy blue": "Navy",
    "midnight blue": "Navy", "violet": "Purple", "plum": "Purple", "rose": "Pink", "blush": "Pink",
}  # fmt: skip
"""Other words for a colour, lower case, to the colour."""

PATTERN_WORDS: Mapping[str, str] = {
    "plain": "Solid", "solid color": "Solid", "stripes": "Striped", "stripey": "Striped",
    "polka dot": "Dotted", "polka dots": "Dotted", "spotted": "Dotted", "plaid": "Checked",
    "gingham": "Checked", "tartan": "Checked", "flower print": "Floral", "flowers": "Floral",
    "chevron": "Zigzag", "camo": "Camouflage", "graphic print": "Graphic", "logo print": "Graphic",
}  # fmt: skip
"""Other words for a pattern, lower case, to the pattern."""

UNTELLABLE = frozenset(
    {"Cotton", "Polyester", "Nylon", "Silicone", "Plastic", "Leather", "Faux Leather"}
)
"""Materials that a photo cannot tell from another one: cotton looks like polyester, leather like its copy."""


@lru_cache(maxsize=1)
def drawn_schema() -> Schema:
    """One category per kind of product; every value that can be drawn is allowed."""
    return Schema(
        name="drawn",
        version=VERSION,
        categories={kind.id: _category(kind) for kind in KINDS.values()},
    )


def _category(kind: Kind) -> Category:
    materials = [*kind.materials]
    for cases in kind.only.values():
        for weights in cases.values():
            materials.extend(m for m in weights if m not in materials)
    patterns = tuple(kind.patterns)
    department = Attribute(name="Department", values=DEPARTMENTS, visible="no")
    worn = (department,) if kind.path[0] != "Home" else ()
    attributes = (
        Attribute(
            name="Color", values=tuple(COLORS), visible="yes", required=True, synonyms=COLOR_WORDS
        ),
        Attribute(
            name="Pattern",
            values=patterns,
            visible="yes",
            synonyms={word: value for word, value in PATTERN_WORDS.items() if value in patterns},
        ),
        Attribute(name="Material", values=tuple(materials), visible="sometimes"),
        *(
            Attribute(name=name, values=tuple(values), visible="yes")
            for name, values in kind.details.items()
        ),
        *worn,
        Attribute(name="Condition", values=tuple(CONDITIONS), visible="no"),
        Attribute(name="Brand", values=tuple(BRANDS), visible="no"),
        Attribute(name="Size", values=kind.sizes, visible="no"),
        Attribute(name="Model", visible="no"),
    )
    return Category(id=kind.id, name=kind.name, path=(*kind.path, kind.name), attributes=attributes)

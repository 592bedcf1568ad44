"""What is sold: seventeen kinds of product, their attributes, and the schema that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.catalog.drawing import bags, clothes, home, shoes, wear
from workbench.catalog.drawing.sketch import Sketch

Weights = Mapping[str, float]
"""Value to how often it occurs, relative to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of product."""

    id: str
    name: str
    """As a title says it: `T-Shirt`."""
    plural: str
    path: tuple[str, ...]
    """Where a shop keeps it, from the root down to the department above the kind."""
    sketch: Callable[[Mapping[str, str], int], Sketch]
    materials: Weights
    details: Mapping[str, Weights]
    """Visible attributes of shape, with their values."""
    patterns: Weights
    sizes: tuple[str, ...]
    price: float
    """USD of a solid, unbranded one in good condition, of the first material."""
    words: tuple[str, ...]
    """Other names that sellers use for it."""
    body: str = "all over"
    """The part that `Color`, `Pattern` and `Material` speak of."""
    only: Mapping[str, Mapping[str, Weights]] = field(default_factory=dict)
    """Materials that depend on a detail: detail to its value to the materials."""


_PRINTS: Weights = {
    "Solid": 4,
    "Striped": 1.4,
    "Dotted": 1,
    "Checked": 1.1,
    "Floral": 1,
    "Zigzag": 0.7,
}
_TOPS: Weights = {**_PRINTS, "Graphic": 1.8, "Camouflage": 0.6}
_PLAIN: Weights = {
    "Solid": 5,
    "Striped": 1,
    "Checked": 0.8,
    "Floral": 0.7,
    "Dotted": 0.6,
    "Zigzag": 0.5,
}
_BOTTOMS: Weights = {
    "Solid": 4,
    "Striped": 1,
    "Checked": 1.2,
    "Floral": 0.7,
    "Camouflage": 0.9,
    "Dotted": 0.5,
}
_NECKS: Weights = {"Crew Neck": 2, "V-Neck": 1.5, "Boat Neck": 1}
_SLEEVES: Weights = {"Short Sleeve": 2, "Long Sleeve": 1.3, "Sleeveless": 1.1}
_LETTERS = ("XS", "S", "M", "L", "XL", "XXL")

KINDS: Mapping[str, Kind] = {
    kind.id: kind
    for kind in (
        Kind(
            id="t-shirt", name="T-Shirt", plural="T-Shirts", path=("Clothing", "Tops"), sketch=clothes.t_shirt,
            materials={"Cotton": 5, "Polyester": 2, "Linen": 1}, details={"Neckline": _NECKS, "Sleeve Length": _SLEEVES},
            patterns=_TOPS, sizes=_LETTERS, price=18, words=("tee", "tshirt", "top", "shirt"),
        ),
        Kind(
            id="dress", name="Dress", plural="Dresses", path=("Clothing",), sketch=clothes.dress,
            materials={"Cotton": 3, "Polyester": 2, "Silk": 1.3, "Linen": 1},
            details={"Neckline": _NECKS, "Sleeve Length": {"Sleeveless": 2, "Short Sleeve": 1.6, "Long Sleeve": 1}, "Dress Length": {"Mini": 1, "Midi": 1.4, "Maxi": 1}},
            patterns={**_PRINTS, "Floral": 2}, sizes=_LETTERS, price=45, words=("gown", "frock", "sundress"),
        ),
        Kind(
            id="hoodie", name="Hoodie", plural="Hoodies", path=("Clothing", "Tops"), sketch=clothes.hoodie,
            materials={"Cotton": 3, "Fleece": 2, "Wool Knit": 1}, details={"Closure": {"Pullover": 1.5, "Full Zip": 1}},
            patterns={"Solid": 4, "Striped": 1, "Graphic": 1.6, "Camouflage": 1, "Checked": 0.6}, sizes=_LETTERS,
            price=38, words=("hooded sweatshirt", "hoody", "pullover", "sweater"),
        ),
        Kind(
            id="trousers", name="Trousers", plural="Trousers", path=("Clothing", "Bottoms"), sketch=clothes.trousers,
            materials={"Cotton": 2.5, "Denim": 2.5, "Corduroy": 1.2, "Linen": 1}, details={"Leg Style": {"Skinny Leg": 1, "Straight Leg": 1.5, "Wide Leg": 1}},
            patterns=_BOTTOMS, sizes=("28", "30", "32", "34", "36", "38"), price=42, words=("pants", "slacks", "jeans"),
        ),
        Kind(
            id="shorts", name="Shorts", plural="Shorts", path=("Clothing", "Bottoms"), sketch=clothes.shorts,
            materials={"Cotton": 3, "Denim": 2, "Polyester": 1.2, "Linen": 1}, details={"Leg Style": {"Regular Fit": 1.3, "Loose Fit": 1}},
            patterns=_BOTTOMS, sizes=("28", "30", "32", "34", "36", "38"), price=24, words=("short pants", "bermudas"),
        ),
        Kind(
            id="skirt", name="Skirt", plural="Skirts", path=("Clothing", "Bottoms"), sketch=clothes.skirt,
            materials={"Cotton": 3, "Denim": 1.4, "Silk": 1, "Leather": 1}, details={"Skirt Style": {"A-Line": 1.4, "Pencil": 1, "Pleated": 1.1}, "Skirt Length": {"Mini": 1.1, "Midi": 1.2, "Maxi": 0.9}},
            patterns=_PRINTS, sizes=_LETTERS, price=30, words=("mini", "midi skirt"),
        ),
        Kind(
            id="sneakers", name="Sneakers", plural="Sneakers", path=("Shoes",), sketch=shoes.sneaker,
            materials={"Canvas": 2, "Leather": 2, "Mesh": 1.4, "Suede": 1}, details={"Shaft Height": {"Low-Top": 1.6, "High-Top": 1}, "Closure": {"Lace-Up": 2.2, "Slip-On": 1, "Hook and Loop": 0.8}},
            patterns=_PLAIN, sizes=("6", "7", "8", "9", "10", "11", "12"), price=62, words=("trainers", "kicks", "tennis shoes"), body="upper",
        ),
        Kind(
            id="pumps", name="Pumps", plural="Pumps", path=("Shoes",), sketch=shoes.pumps,
            materials={"Leather": 2, "Faux Leather": 1.4, "Suede": 1.3, "Velvet": 0.8}, details={"Heel Height": {"Flat": 1, "Block Heel": 1, "Stiletto": 1.2}},
            patterns={"Solid": 5, "Floral": 0.8, "Dotted": 0.8, "Checked": 0.7}, sizes=("5", "6", "7", "8", "9", "10"), price=55, words=("heels", "court shoes", "shoes"), body="upper",
        ),
        Kind(
            id="handbag", name="Handbag", plural="Handbags", path=("Accessories", "Bags"), sketch=bags.handbag,
            materials={"Leather": 2.4, "Faux Leather": 1.6, "Canvas": 1.4, "Straw": 1}, details={"Handle": {"Single Handle": 1.3, "Double Handle": 1.4, "No Handle": 0.8}, "Closure": {"Zip Closure": 1.3, "Flap Closure": 1}},
            patterns=_PLAIN, sizes=("Small", "Medium", "Large"), price=75, words=("purse", "tote", "shoulder bag"),
        ),
        Kind(
            id="backpack", name="Backpack", plural="Backpacks", path=("Accessories", "Bags"), sketch=bags.backpack,
            materials={"Nylon": 2.4, "Canvas": 1.8, "Leather": 1.2}, details={"Closure": {"Zip Closure": 1.6, "Flap Closure": 1}, "Pocket": {"Front Pocket": 1.8, "No Pocket": 1}},
            patterns={**_PLAIN, "Camouflage": 1, "Graphic": 1}, sizes=("15 L", "20 L", "25 L", "30 L"), price=48, words=("rucksack", "school bag", "daypack"),
        ),
        Kind(
            id="hat", name="Hat", plural="Hats", path=("Accessories",), sketch=wear.hat,
            materials={"Cotton": 3, "Polyester": 1.5}, details={"Hat Style": {"Baseball Cap": 1.6, "Beanie": 1.3, "Bucket Hat": 1.1, "Sun Hat": 1}},
            patterns={"Solid": 4, "Striped": 0.9, "Checked": 0.9, "Camouflage": 0.7, "Floral": 0.5, "Dotted": 0.5}, sizes=("S", "M", "L", "One Size"), price=20, words=("cap", "headwear"),
            only={"Hat Style": {"Beanie": {"Wool Knit": 1}, "Sun Hat": {"Straw": 1}}},
        ),
        Kind(
            id="watch", name="Watch", plural="Watches", path=("Accessories", "Jewelry"), sketch=wear.watch,
            materials={"Leather": 2.2, "Silicone": 1.4, "Canvas": 0.9, "Stainless Steel": 1.4}, details={"Dial Shape": {"Round Dial": 1.8, "Square Dial": 1}, "Dial Tone": {"Light Dial": 1.2, "Dark Dial": 1}, "Case Finish": {"Silver Case": 1.5, "Gold Case": 1, "Black Case": 0.7}},
            patterns={"Solid": 6, "Striped": 0.8}, sizes=("36 mm", "40 mm", "44 mm"), price=95, words=("wristwatch", "timepiece"), body="strap",
        ),
        Kind(
            id="mug", name="Mug", plural="Mugs", path=("Home", "Kitchen"), sketch=home.mug,
            materials={"Ceramic": 3, "Enamel": 1.3, "Glass": 0.9, "Stainless Steel": 0.8}, details={"Handle": {"Round Handle": 1.8, "Square Handle": 1, "No Handle": 0.8}},
            patterns={**_PRINTS, "Graphic": 1.8}, sizes=("8 oz", "11 oz", "15 oz"), price=13, words=("cup", "coffee cup", "tea mug"),
        ),
        Kind(
            id="bottle", name="Bottle", plural="Bottles", path=("Home", "Kitchen"), sketch=home.bottle,
            materials={"Glass": 1.6, "Stainless Steel": 1.5, "Plastic": 1.4}, details={"Shape": {"Slim Neck": 1.2, "Flask Shape": 1.3, "Sport Shape": 1}, "Cap": {"Screw Cap": 1.6, "Cork": 1}},
            patterns={"Solid": 5, "Striped": 0.9, "Floral": 0.6, "Dotted": 0.6, "Zigzag": 0.5}, sizes=("350 ml", "500 ml", "750 ml", "1 l"), price=19, words=("flask", "water bottle", "canteen"),
        ),
        Kind(
            id="lamp", name="Lamp", plural="Lamps", path=("Home", "Lighting"), sketch=home.lamp,
            materials={"Linen": 2, "Cotton": 1.4, "Metal": 1.1, "Rattan": 0.9}, details={"Shade Shape": {"Cone Shade": 1.3, "Drum Shade": 1.2, "Dome Shade": 1}, "Base Style": {"Stick Base": 1.2, "Urn Base": 1, "Tripod Base": 0.9}},
            patterns=_PLAIN, sizes=("30 cm", "45 cm", "60 cm"), price=58, words=("table lamp", "desk lamp", "light"), body="shade",
        ),
        Kind(
            id="chair", name="Chair", plural="Chairs", path=("Home", "Furniture"), sketch=home.chair,
            materials={"Velvet": 1.3, "Leather": 1.1, "Linen": 1.2, "Plastic": 1}, details={"Back Style": {"Panel Back": 1.3, "Slat Back": 1.2, "Round Back": 1}, "Leg Style": {"Wooden Legs": 1.4, "Steel Legs": 1}},
            patterns={"Solid": 6, "Striped": 0.8, "Checked": 0.8, "Floral": 0.7}, sizes=("80 cm", "90 cm", "100 cm"), price=110, words=("dining chair", "seat"),
            only={"Back Style": {"Slat Back": {"Wood": 2, "Plastic": 0.6}}},
        ),
        Kind(
            id="cushion", name="Cushion", plural="Cushions", path=("Home", "Textiles"), sketch=home.cushion,
            materials={"Cotton": 2, "Linen": 1.4, "Velvet": 1.2, "Wool Knit": 1.2}, details={"Shape": {"Square": 1.8, "Round": 1, "Lumbar": 1}, "Edge": {"Plain Edge": 1.2, "Piped Edge": 1, "Tassels": 0.8}},
            patterns={**_PRINTS, "Graphic": 1}, sizes=("40 cm", "45 cm", "50 cm"), price=22, words=("throw pillow", "pillow", "pillow cover"),
        ),
    )
}  # fmt: skip
"""Kind id to kind, in the order of the shop's shelves."""

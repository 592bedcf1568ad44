"""The drawn catalogue: pixels by seed, truth beside noise, prices and clicks that follow from it."""

import io
import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from workbench.catalog.drawn import (
    COLORS,
    FLAWS,
    KINDS,
    DrawnCatalog,
    DrawnProduct,
    PhotoStyle,
    clean_listing,
    draw,
    drawn_schema,
    image_prompt,
    open_drawn,
    sample_product,
)
from workbench.errors import CatalogError
from workbench.metrics.claims import product_names, title_claims
from workbench.schema import check_listing

PLAIN = PhotoStyle()

DIGEST = """
import hashlib
from workbench.catalog.drawn import DrawnCatalog
catalog = DrawnCatalog(seed=3, items=30, size=64)
order = list(catalog.entries)
if {reverse}: order.reverse()
digests = {{}}
for entry in order:
    digests[entry.number] = hashlib.sha256(catalog.photo(f"drawn-3/{{entry.number:05d}}/0")).hexdigest()
print(hashlib.sha256("".join(digests[n] for n in sorted(digests)).encode()).hexdigest())
"""


def test_pixels_are_the_same_in_another_process_and_in_another_order():
    """What is cached must not depend on what was drawn before."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST.format(reverse=reverse)],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for reverse in (False, True)
    }  # fmt: skip
    assert len(digests) == 1
    assert len(digests.pop()) == 64


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_of_every_kind_can_be_drawn_and_stands_out_from_its_ground(kind):
    spec = KINDS[kind]
    for values in itertools.product(*spec.details.values()):
        product = sample_product(1, kind=kind, color="Red", pattern="Solid")
        details = tuple(zip(spec.details, values, strict=True))
        changed = DrawnProduct(
            **{f: getattr(product, f) for f in DrawnProduct.__slots__} | {"details": details}
        )
        pixels = np.asarray(draw(changed, size=32), float)
        red = (pixels[..., 0] > 1.5 * pixels[..., 1]) & (pixels[..., 0] > 60)
        assert 0.02 < red.mean() < 0.85, details


@pytest.mark.parametrize("color", ["Red", "Green", "Blue", "Yellow", "Black", "White"])
def test_a_product_has_the_colour_that_its_truth_says(color):
    wanted = np.array(COLORS[color]) * 255
    for seed in range(4):
        product = sample_product(seed, kind="t-shirt", color=color, pattern="Solid")
        middle = np.asarray(draw(product, size=64), float)[34:50, 26:38].reshape(-1, 3).mean(0)
        nearest = min(COLORS, key=lambda c: np.linalg.norm(np.array(COLORS[c]) * 255 - middle))
        assert nearest == color, (middle, wanted)


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_changes_the_picture(flaw):
    product = sample_product(5, kind="mug", color="Blue")
    clean = np.asarray(draw(product, size=64, seed=1), float)
    flawed = np.asarray(draw(product, size=64, seed=1, flaws=(flaw,)), float)
    assert np.abs(clean - flawed).mean() > 2


def test_a_dark_background_is_dark_and_a_blurred_picture_has_soft_edges():
    product = sample_product(5, kind="mug", color="Blue")
    corner = np.asarray(draw(product, size=64, flaws=("dark_background",)))[:6, :6]
    assert corner.mean() < 90
    assert np.asarray(draw(product, size=64))[:6, :6].mean() > 200

    def steepest(picture):
        return np.abs(np.diff(np.asarray(picture.convert("L"), float), axis=0)).max()

    soft = [
        steepest(draw(product, size=64, seed=s, flaws=("blurred_or_incomplete",)))
        < 0.5 * steepest(draw(product, size=64, seed=s))
        for s in range(40)
    ]
    assert 10 <= sum(soft) <= 34  # 55% are blurred, the others incomplete


def test_two_photos_of_one_product_differ_and_show_the_same_dye():
    product = sample_product(5, kind="cushion", color="Green", pattern="Solid")
    one, other = (np.asarray(draw(product, size=64, seed=s), float) for s in (1, 2))
    assert np.abs(one - other).mean() > 1
    assert np.abs(one[28:36, 28:36].mean((0, 1)) - other[28:36, 28:36].mean((0, 1))).max() < 25


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": 8}, "8"),
        ({"flaws": ("melted",)}, "'melted'"),
        ({"style": PhotoStyle(background="beach")}, "'beach'"),
        ({"style": PhotoStyle(light="neon")}, "'neon'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(change, named):
    with pytest.raises(ValueError, match=named):
        draw(sample_product(1), **change)


@pytest.mark.parametrize(
    "wish", [{"kind": "boat"}, {"color": "Mauve"}, {"kind": "pumps", "pattern": "Graphic"}]
)
def test_a_product_that_does_not_exist_is_refused(wish):
    with pytest.raises(ValueError, match=r"got|not"):
        sample_product(1, **wish)


# The catalogue


@pytest.fixture(scope="module")
def catalog():
    return DrawnCatalog(seed=11, items=900, size=48)


@pytest.fixture(scope="module")
def items(catalog):
    return list(catalog.items())


def test_items_come_in_the_same_order_and_a_smaller_catalogue_is_a_beginning(catalog, items):
    again = list(DrawnCatalog(seed=11, items=50).items())
    assert again == items[:50]
    assert len({item.id for item in items}) == 900
    assert all(item.simulated and item.id.startswith("drawn-11/") for item in items)
    assert catalog.simulated


def test_every_item_has_photos_that_open_and_a_category_of_the_schema(catalog, items):
    schema = catalog.schema
    for item in items[:40]:
        assert schema.category(item.category).path[-1] == schema.category(item.category).name
        for address in item.photos:
            with Image.open(io.BytesIO(catalog.photo(address))) as photo:
                assert (photo.format, photo.mode, photo.size) == ("PNG", "RGB", (48, 48))


@pytest.mark.parametrize(
    "address", ["drawn-11/00900/0", "drawn-11/00000/7", "drawn-12/00000/0", "", "x"]
)
def test_a_photo_that_is_not_there_is_named(catalog, address):
    with pytest.raises(CatalogError, match="want an address such as 'drawn-11/00000/0'"):
        catalog.photo(address)


def test_truth_is_allowed_by_the_schema_and_a_clean_listing_breaks_no_rule(items):
    schema = drawn_schema()
    for item in items:
        category = schema.category(item.category)
        for name, value in item.truth.items():
            if name != name.lower():
                attribute = category.attribute(name)
                assert attribute is not None, name
                assert attribute.normalise(value) == value
    for seed in range(200):
        product = sample_product(seed)
        category = schema.category(product.kind)
        listing = clean_listing(product)
        assert check_listing(listing, category) == []
        claims = title_claims(listing.title, category, schema)
        assert claims.products == product_names(category.name), listing.title
        for name, values in claims.values.items():
            assert values == (product.aspects[name],), listing.title
        invisible = {a.name for a in category.attributes if a.visible == "no"}
        assert not invisible & {*listing.aspects, *claims.values}


def test_sellers_leave_out_get_wrong_and_add_as_often_as_stated(items):
    schema = drawn_schema()
    missing = wrong = stated = foreign = asked = 0
    for item in items:
        category = schema.category(item.category)
        known = {
            category.attribute(n).name: v for n, v in item.aspects.items() if category.attribute(n)
        }
        foreign += any(category.attribute(n) is None for n in item.aspects)
        for attribute in category.attributes:
            if attribute.visible != "yes" or attribute.name in {"Color", "Pattern"}:
                continue  # these are renamed as well
            asked += 1
            missing += attribute.name not in known
            if attribute.name in known:
                stated += 1
                wrong += attribute.normalise(known[attribute.name][0]) != item.truth[attribute.name]
    assert missing / asked == pytest.approx(0.26, abs=0.03)
    assert wrong / stated == pytest.approx(0.09, abs=0.025)
    assert 0.5 < foreign / len(items) < 0.95
    sized = sum(item.truth["Size"].lower() in item.title.lower() for item in items)
    assert 0.45 < sized / len(items) < 0.75  # claims that no photo can show


def test_a_group_is_one_design_in_several_colours(items):
    groups = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    assert len(groups) < 0.7 * len(items)
    for members in groups.values():
        assert len({(m.category, m.truth["Pattern"], m.truth["Material"]) for m in members}) == 1
        colours = [m.truth["Color"] for m in members]
        assert len(colours) - len(set(colours)) <= sum(colours.count(c) == 2 for c in set(colours))


def test_prices_follow_from_attributes_up_to_the_stated_noise(catalog):
    from workbench.catalog.drawing.product import PRICE_NOISE, log_price

    first = {e.group: e.product for e in catalog.entries}.values()
    explained = np.array(
        [
            log_price(
                kind=p.kind, material=p.material, pattern=p.pattern, details=dict(p.details),
                brand=p.brand, condition=p.condition,
            )
            for p in first
        ]
    )  # fmt: skip
    actual = np.log([p.price for p in first])
    residual = actual - explained
    assert residual.std() == pytest.approx(PRICE_NOISE, abs=0.03)
    assert 0.88 < 1 - residual.var() / actual.var() < 0.96


def test_clicks_have_a_long_tail_and_follow_appeal(catalog, items):
    from workbench.catalog.drawing.market import appeal

    impressions = np.array([i.impressions for i in items], float)
    clicks = np.array([i.clicks for i in items], float)
    assert np.all(clicks <= impressions)
    top = np.sort(impressions)[::-1]
    assert top[:90].sum() > 0.4 * top.sum()
    liked = np.array([appeal(e.product, e.styles[0]) for e in catalog.entries])
    high, low = liked > np.quantile(liked, 0.75), liked < np.quantile(liked, 0.25)
    assert (
        clicks[high].sum() / impressions[high].sum()
        > 1.3 * clicks[low].sum() / impressions[low].sum()
    )


def test_an_address_opens_the_catalogue():
    catalog = open_drawn({"seed": "5", "items": "3"})
    assert (catalog.name, len(list(catalog.items())), catalog.size) == ("drawn-5", 3, 256)


@pytest.mark.parametrize(
    "options",
    [{"seeds": "1"}, {"items": "-3"}, {"items": "many"}, {"items": "0"}, {"size": "9000"}],
)
def test_an_address_that_makes_no_sense_is_refused(options):
    with pytest.raises(CatalogError, match="want"):
        open_drawn(options)


def test_a_prompt_says_what_is_drawn():
    product = sample_product(2, kind="mug", color="Orange", pattern="Striped")
    prompt = image_prompt(product, PhotoStyle(background="wooden table", light="warm light"))
    assert prompt.startswith("product photo of an orange striped ")
    for word in ("mug", "wooden table", "warm light", "centered", product.material.lower()):
        assert word in prompt

"""What a title claims."""

import pytest

from workbench.metrics.claims import listing_claims, product_names, share_to_point, title_claims
from workbench.records import Listing
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(
    name="Color", values=("Red", "Blue", "Navy Blue"), visible="yes", synonyms={"crimson": "Red"}
)
SLEEVE = Attribute(name="Sleeve", values=("Long-Sleeve", "Short-Sleeve"), visible="yes")
HOODIES = Category(
    id="Men/Hoodies & Sweatshirts",
    name="Hoodies & Sweatshirts",
    path=("Men", "Hoodies & Sweatshirts"),
    attributes=(COLOR, SLEEVE),
)
TEES = Category(id="Men/Tees", name="Tees", path=("Men", "Tees"), attributes=(COLOR, SLEEVE))
SCHEMA = Schema(name="shop", version="1", categories={c.id: c for c in (HOODIES, TEES)})


@pytest.mark.parametrize(
    ("title", "products", "values"),
    [
        ("Men's Red Hoodie", product_names("Hoodie"), {"Color": ("Red",)}),
        ("Crimson sweatshirt", product_names("Sweatshirts"), {"Color": ("Red",)}),
        ("TEES in navy blue", product_names("Tee"), {"Color": ("Navy Blue",)}),
        ("Long sleeve tee, blue and red", product_names("Tee"), None),
        ("A nice thing", frozenset(), {}),
        ("", frozenset(), {}),
    ],
)
def test_a_title_claims_what_its_words_name(title, products, values):
    claims = title_claims(title, HOODIES, SCHEMA)
    assert claims.products == products
    if values is None:
        assert set(claims.values["Color"]) == {"Red", "Blue"}
        assert claims.values["Sleeve"] == ("Long-Sleeve",)
    else:
        assert claims.values == values


def test_a_longer_value_is_not_also_the_shorter_one_inside_it():
    assert title_claims("Navy Blue Tee", TEES, SCHEMA).values == {"Color": ("Navy Blue",)}


def test_a_word_that_names_the_kind_claims_no_aspect_of_that_name():
    style = Attribute(name="Style", values=("Tee", "Hooded"), visible="yes")
    category = Category(id="Men/Tees", name="Tees", path=("Men", "Tees"), attributes=(style,))
    schema = Schema(name="shop", version="1", categories={"Men/Tees": category})
    claims = title_claims("Hooded Tees", category, schema)
    assert claims.products == product_names("Tees")
    assert claims.values == {"Style": ("Hooded",)}


def test_title_and_aspects_are_claims_of_the_same_listing():
    listing = Listing(title="Red Tee", aspects={"color": ("blue",), "Brand": ("Acme",)})
    assert listing_claims(listing, TEES, SCHEMA).values == {"Color": ("Red", "Blue")}


def test_a_title_without_a_product_leaves_the_product_to_the_category():
    listing = Listing(title="Something red", category="Men/Tees")
    assert listing_claims(listing, TEES, SCHEMA).products == product_names("Tees")
    assert listing_claims(Listing(title="Something"), TEES, SCHEMA).products == frozenset()


def test_singular_and_plural_of_a_category_meet():
    assert product_names("Hoodies & Sweatshirts") == product_names("hoodie, sweatshirt")
    assert product_names("Bras and Tanks") == product_names("tank/bra")


@pytest.mark.parametrize(
    ("right", "stated", "point"),
    [(0, 0, 5), (0, 10, 1), (29, 100, 1), (30, 100, 2), (49, 100, 2), (50, 100, 3), (79, 100, 3),
     (80, 100, 4), (94, 100, 4), (95, 100, 5), (3, 3, 5)],
)  # fmt: skip
def test_the_five_classes_have_their_published_limits(right, stated, point):
    assert share_to_point(right, stated) == point

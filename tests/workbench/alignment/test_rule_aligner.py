"""Alignment by rules: each reason once, by hand, and against the truth of drawn items."""

import json

import pytest

from workbench.alignment import KINDS, Decisions, RuleAligner, check_alignments, seen_truth
from workbench.catalog.drawn import DrawnCatalog
from workbench.records import Item
from workbench.schema import Attribute, Category, Schema

COLOR = Attribute(
    name="Color", values=("Red", "Blue", "Gray"), visible="yes", synonyms={"rust": "Red"}
)
COLLAR = Attribute(name="Collar", values=("V-Neck", "Crew Neck"), visible="yes")
MATERIAL = Attribute(
    name="Material", values=("LumaTech™", "Organic Cotton", "Fleece", "Wool"), visible="sometimes", multiple=True
)  # fmt: skip
SIZE = Attribute(name="Size", values=("S", "M", "XL"), visible="no")
TEES = Category(
    id="Men/Tees", name="Tees", path=("Men", "Tees"), attributes=(COLOR, COLLAR, MATERIAL, SIZE)
)
PANTS = Category(id="Men/Pants", name="Pants", path=("Men", "Pants"), attributes=(COLOR, SIZE))
SCHEMA = Schema(name="shop", version="1", categories={c.id: c for c in (TEES, PANTS)})


def aligned(title, aspects=None, **more):
    item = Item(
        id="shop/1",
        category="Men/Tees",
        title=title,
        aspects=aspects or {},
        photos=("sha256:a",),
        **more,
    )
    (made,) = RuleAligner(SCHEMA).align([item], [()])
    assert made.kind == "alignment"
    assert made.key == RuleAligner(SCHEMA).key(item)
    json.dumps(made.details, allow_nan=False)
    assert Decisions.from_dict(made.details).as_dict() == made.details
    return made.listing, Decisions.from_dict(made.details)


def test_a_noisy_title_keeps_color_and_kind_and_loses_size_technology_and_sale():
    listing, decided = aligned("SALE! Ryker LumaTech™ Tee (V-neck) rust Size XL RY1234-X")
    assert listing.title == "Tee V-Neck Red"
    assert {w.text: w.kind for w in decided.title} == {
        "SALE!": "promotion", "Ryker": "nothing supports it", "LumaTech™": "fabric technology", "Tee": "",
        "(V-neck)": "", "rust": "", "Size": "size", "XL": "size", "RY1234-X": "model number",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("title", "word", "kind"),
    [
        ("red red tee", "red", "said twice"),
        ("red pants tee", "pants", "another product"),
        ("organic cotton tee", "organic", "looks like others"),
        ("M tee", "M", "size"),
    ],
)
def test_words_go_for_a_reason(title, word, kind):
    _, decided = aligned(title)
    assert kind in {one.kind for one in decided.title if one.text == word}


@pytest.mark.parametrize(
    ("name", "values", "kind", "kept"),
    [
        ("Color", ("RUST",), "", {"Color": ("Red",)}),
        ("Main colour", ("rust",), "", {"Color": ("Red",)}),
        ("Color", ("red", "Red"), "", {"Color": ("Red",)}),
        ("Color", ("Red", "Blue"), "several values for one", {}),
        ("Color", ("Mauve",), "value not allowed", {}),
        ("Size", ("XL",), "size", {}),
        ("Sz", ("XL",), "size", {}),
        ("Season", ("Summer",), "unknown aspect", {}),
        ("Season", (), "unknown aspect", {}),
        ("Material", ("LumaTech™",), "fabric technology", {}),
        ("Material", ("Organic Cotton",), "looks like others", {}),
        ("Material", ("LumaTech™", "Organic Cotton", "Fleece"), "", {"Material": ("Fleece",)}),
    ],
)
def test_aspects_go_or_stay_under_the_schemas_names(name, values, kind, kept):
    listing, decided = aligned("Tee", {name: values})
    assert dict(listing.aspects) == kept
    assert decided.aspects[0].kind == kind
    assert kind in {*KINDS, "", "size"}


def test_values_that_went_beside_others_are_told():
    _, decided = aligned("Tee", {"Material": ("LumaTech™", "Organic Cotton", "Fleece")})
    assert dict(decided.removed()) == {
        "fabric technology": "Material: LumaTech™", "looks like others": "Material: Organic Cotton",
    }  # fmt: skip


def test_what_title_and_aspects_state_differently_goes_on_both_sides():
    listing, decided = aligned("Blue Tee", {"Color": ("Red",)})
    assert listing.title == "Tee"
    assert not listing.aspects
    assert {decided.title[0].kind, decided.aspects[0].kind} == {"title and aspects disagree"}
    listing, _ = aligned(
        "Wool Tee", {"Material": ("Fleece",)}
    )  # several at once are no contradiction
    assert listing.title == "Wool Tee"
    assert listing.aspects["Material"] == ("Fleece",)


def test_a_title_that_names_no_product_ends_with_the_category():
    assert aligned("Blue")[0].title == "Blue Tees"
    assert aligned("")[0].title == aligned("BEST DEAL!!")[0].title == "Tees"


def test_another_title_or_schema_is_another_key():
    item = Item(id="shop/1", category="Men/Tees", title="a", photos=("sha256:a",))
    other = Schema(
        name="shop", version="1",
        categories={"Men/Tees": Category(id="Men/Tees", name="Tees", path=("Men", "Tees"), attributes=(COLOR,))},
    )  # fmt: skip
    keys = {
        RuleAligner(SCHEMA).key(item),
        RuleAligner(SCHEMA).key(
            Item(id="shop/1", category="Men/Tees", title="b", photos=("sha256:a",))
        ),
        RuleAligner(other).key(item),
    }
    assert len(keys) == 3


def test_drawn_listings_are_aligned_with_what_their_photos_show():
    catalog = DrawnCatalog(seed=31, items=300)
    items = list(catalog.items())
    made = RuleAligner(catalog.schema).align(items, [()] * len(items))
    words, aspects = check_alignments(items, made, catalog.schema)
    assert words.recall.low > 0.95
    assert words.kept_right.low > 0.95
    assert words.precision.low > 0.8
    assert aspects.recall.low > 0.94
    assert aspects.precision.low > 0.97
    by_kind = {one.kind: one.precision.value for one in (*words.kinds, *aspects.kinds)}
    for kind in ("size", "brand", "condition", "looks like others", "unknown aspect"):
        assert by_kind[kind] > 0.97, kind
    raw_right = sum(
        seen_truth(i, catalog.schema.categories[i.category]).get(n) == v[0]
        for i in items for n, v in i.aspects.items()
    ) / sum(len(i.aspects) for i in items)  # fmt: skip
    assert aspects.kept_right.value > raw_right + 0.3


def test_a_check_that_keeps_everything_finds_it():
    """The check itself can fail: an aligner that drops nothing has recall 0."""
    catalog = DrawnCatalog(seed=31, items=40)
    items = list(catalog.items())
    made = RuleAligner(catalog.schema).align(items, [()] * len(items))
    for one in made:
        for said in (*one.details["title"], *one.details["aspects"]):
            said.pop("kind", None)
            if "kept" in said:
                said["kept"] = True
            else:
                said |= {"verdict": "seen", "written": said["values"]}
    words, aspects = check_alignments(items, made, catalog.schema)
    assert words.recall.value == aspects.recall.value == 0
    assert words.precision.value is None
    assert aspects.kept_right.value < 0.7

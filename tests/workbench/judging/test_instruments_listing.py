"""What the listing instruments find, and that they find nothing in a good listing."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.judging import RubricJudge
from workbench.judging.instruments import INSTRUMENTS, grounding, schema_compliance, title_form
from workbench.records import Listing
from workbench.rubric import load_rubric
from workbench.schema import Attribute, Category

HOODIES = Category(
    id="Men/Tops/Hoodies",
    name="Hoodies & Sweatshirts",
    path=("Men", "Tops", "Hoodies & Sweatshirts"),
    attributes=(
        Attribute(
            name="Color",
            values=("Red", "Navy Blue"),
            synonyms={"marine": "Navy Blue"},
            visible="yes",
            required=True,
        ),
        Attribute(name="Material", values=("Cotton", "Wool")),
        Attribute(name="Size", values=("S", "M"), visible="no", required=True),
    ),
)
GOOD = Listing(
    title="Men's Navy Blue Cotton Hoodie",
    aspects={"Color": ("Navy Blue",), "Material": ("Cotton",)},
)


def test_a_good_listing_is_all_good():
    for reading in (
        schema_compliance(GOOD, HOODIES),
        title_form(GOOD),
        grounding(GOOD, HOODIES),
    ):
        assert (reading.quality, reading.measure, reading.reason) == (1.0, 0.0, None)


@pytest.mark.parametrize(
    ("aspects", "quality"),
    [
        ({"Color": ("Red",)}, 1.0),  # Size is required, but no photo can show it
        ({"Material": ("Wool",)}, 1 / 2),  # Color is required and can be seen
        ({"Color": ("Pink",), "Material": ("Wool",)}, 1 / 2),
        ({"Color": ("Red",), "Fit": ("Slim",), "Material": ("Wool",), "Brand": ("X",)}, 2 / 4),
        ({"Color": ("Red", "Pink")}, 0.0),  # two things wrong with one aspect
    ],
)
def test_schema_compliance_counts_aspects(aspects, quality):
    reading = schema_compliance(Listing(title="t", aspects=aspects), HOODIES)
    assert reading.quality == pytest.approx(quality)
    assert (reading.reason is None) == (quality == 1.0)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Hoodie", "want 3 to 12 words, got 1"),
        (
            "Blue " + "very " * 1 + "soft warm thick cosy plain simple short wide nice dark hoodie",
            "got 13",
        ),
        ("Blue Hoodie Blue Hoodies", "says 'blue', 'hoody' more than once"),
        ("Blue HOODIE with Pockets", "shouts 'HOODIE'"),
        ("Blue Hoodie 50% off", "advertises with '50% off'"),
        ("Best Blue Hoodie", "advertises with 'Best'"),
        ("Blue Hoodie for Men,", "starts or ends with punctuation"),
        ("", "starts or ends with punctuation, or is empty"),
    ],
)
def test_each_rule_of_a_title(title, said):
    reading = title_form(Listing(title=title))
    assert said in reading.reason
    assert reading.quality < 1


@pytest.mark.parametrize(
    "title",
    [
        "Women's 2-in-1 Running Shorts with Liner",
        "Salomon Hiking Boots",  # no `sale`
        "Pair of Hotel Slippers in White and Blue and Grey",
        "USB Lamp with LED Light",
        'Blue Ceramic Mug (12 oz) 5"',
    ],
)
def test_ordinary_titles_break_no_rule(title):
    assert title_form(Listing(title=title)).reason is None


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Men's Navy Blue Cotton Hoodie", 0),
        ("Sweatshirt for Men in Navy-Blue Cotton", 0),
        ("Marine Hoodie", 0),  # another word for the stated value
        ("Red Hoodie", 1),  # another value than the stated one
        ("Nike Waterproof Hoodie", 2),
    ],
)
def test_words_without_support(title, bare):
    reading = grounding(dataclasses.replace(GOOD, title=title), HOODIES)
    assert reading.measure == bare
    assert (reading.quality == 1.0) == (bare == 0)


def test_what_no_photo_shows_has_no_support():
    listing = dataclasses.replace(GOOD, aspects={**GOOD.aspects, "Size": ("M",)})
    reading = grounding(listing, HOODIES)
    assert reading.reason == "no photo can show Size"
    assert reading.quality == pytest.approx(7 / 8)


def test_instruments_abstain_where_there_is_no_category(make_subject):
    subject = dataclasses.replace(make_subject(), category=None)
    assert INSTRUMENTS["schema"].read(subject).quality is None
    assert INSTRUMENTS["grounding"].read(subject).quality is None
    assert INSTRUMENTS["title"].read(subject).quality == 1.0


def test_a_rubric_of_instruments_needs_no_model(make_subject):
    listing = load_rubric("listing")
    own = tuple(one for one in listing.criteria if one.by != "model")
    judge = RubricJudge(dataclasses.replace(listing, criteria=own, failure_modes=(), examples=()))
    good, bad = make_subject("Red", "Red"), make_subject("Red", "Pink")
    approved = [one.approved for one in judge.judge([good, bad])]
    assert approved == [True, False]
    assert judge.judge([bad])[0].scores[1].by == "instrument:schema"

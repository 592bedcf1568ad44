"""What a schema allows, how it constrains a model, what contradicts it, and reading one off items."""

from __future__ import annotations

import jsonschema
import pytest

from workbench.errors import SchemaError
from workbench.records import Item, Listing
from workbench.schema import (
    Attribute,
    Category,
    Schema,
    check_listing,
    dump_schema,
    infer_schema,
    load_schema,
    parse_schema,
)

COLOR = Attribute(
    name="Color",
    values=("Red", "Navy Blue", "Black & White"),
    visible="yes",
    required=True,
    synonyms={"crimson": "Red", "marine": "Navy Blue"},
)
FEATURES = Attribute(name="Features", values=("Pocket", "Hood", "Zip"), multiple=True)
SIZE = Attribute(name="Size", visible="no")
TEES = Category(
    id="Men/Tops/Tees",
    name="Tees",
    path=("Men", "Tops", "Tees"),
    attributes=(COLOR, FEATURES, SIZE),
)
SCHEMA = Schema(name="shop", version="3", categories={TEES.id: TEES})


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("red", "Red"),
        (" RED ", "Red"),
        ("reds", "Red"),
        ("navy-blue", "Navy Blue"),
        ("Navy  blue", "Navy Blue"),
        ("black and white", "Black & White"),
        ("Crimson", "Red"),
        ("pink", None),
        ("blue", None),
        ("", None),
    ],
)
def test_a_closed_attribute_writes_values_its_own_way(said, written):
    assert COLOR.normalise(said) == written


def test_plurals_fit_only_where_one_value_is_meant():
    eyewear = Attribute(name="Made of", values=("Glass", "Glasses", "Dress", "Canvas", "Boots"))
    assert eyewear.normalise("glasses") == "Glasses"
    assert eyewear.normalise("dresses") == "Dress"
    assert eyewear.normalise("boot") == "Boots"
    assert eyewear.normalise("canvases") is None
    assert eyewear.normalise("dres") is None
    ambiguous = Attribute(name="Kind", values=("Party", "Parties"))
    assert ambiguous.normalise("parties") == "Parties"
    assert Attribute(name="Size", values=("1.5 l", "15 l")).normalise("1.5 L") == "1.5 l"


def test_an_open_attribute_keeps_the_text():
    assert SIZE.normalise("  32 /  34 ") == "32 / 34"
    assert SIZE.normalise("  ") is None
    assert Attribute(name="Fit", synonyms={"skinny": "Slim"}).normalise("SKINNY") == "Slim"


def test_a_wrong_category_names_the_nearest():
    assert SCHEMA.category("Men/Tops/Tees") is TEES
    with pytest.raises(
        SchemaError, match="no category 'men/tops/tee'; nearest are: 'Men/Tops/Tees'"
    ):
        SCHEMA.category("men/tops/tee")


def test_json_schema_allows_exactly_what_the_category_allows():
    schema = TEES.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {
        "title": "Red tee",
        "aspects": {"Color": "Red", "Features": ["Zip", "Hood"], "Size": "M"},
    }
    jsonschema.validate(good, schema)
    for bad in (
        {"title": "Red tee", "aspects": {"Color": "Pink"}},
        {"title": "Red tee", "aspects": {"Features": ["Hood"]}},
        {"title": "Red tee", "aspects": {"Color": "Red", "Fit": "Slim"}},
        {"title": "Red tee", "aspects": {"Color": ["Red"]}},
        {"title": "Red tee", "aspects": {"Color": "Red", "Features": []}},
        {"title": "", "aspects": {"Color": "Red"}},
        {"title": "x" * 81, "aspects": {"Color": "Red"}},
        {"title": "Red tee", "aspects": {"Color": "Red"}, "price": 3},
        {"aspects": {"Color": "Red"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_json_schema_leaves_out_what_no_photo_shows():
    shown = TEES.json_schema(visible_only=True, max_title=20)
    assert set(shown["properties"]["aspects"]["properties"]) == {"Color", "Features"}
    assert shown["properties"]["title"]["maxLength"] == 20
    assert list(shown["properties"]) == ["title", "aspects"]


def test_a_listing_that_keeps_to_its_category_has_no_violations():
    listing = Listing(
        title="Red tee",
        aspects={"color": ("crimson",), "Features": ("hood", "zips"), "Size": ("M",)},
    )
    assert check_listing(listing, TEES) == []


def test_every_kind_of_violation_is_found_and_said():
    listing = Listing(
        title=" ",
        aspects={
            "Colors": ("red",),
            "Features": ("hod", ""),
            "FEATURES": ("Hood",),
            "Size": ("M", "L"),
        },
    )
    found = check_listing(listing, TEES)
    assert [(one.kind, one.aspect, one.value) for one in found] == [
        ("empty_title", None, None),
        ("unknown_aspect", "Colors", None),
        ("unknown_value", "Features", "hod"),
        ("empty_value", "Features", ""),
        ("repeated_aspect", "FEATURES", None),
        ("too_many_values", "Size", None),
        ("missing_aspect", "Color", None),
    ]
    assert found[1].message == "Tees has no aspect 'Colors'; nearest is 'Color'"
    assert found[2].message == "'Features' does not allow 'hod'; nearest is 'Hood'"
    nothing_said = check_listing(Listing(title="x", aspects={"Color": ()}), TEES)
    assert [one.kind for one in nothing_said] == ["empty_value"]


def test_files_round_trip_and_write_a_shared_attribute_once(tmp_path):
    plain = Attribute(name="Color")
    schema = Schema(
        name="shop",
        version="1",
        categories={
            "a": Category(id="a", name="A", path=("Top", "A"), attributes=(COLOR, SIZE)),
            "b": Category(id="b", name="B", path=("Top", "B"), attributes=(COLOR, FEATURES)),
            "c": Category(id="c", name="C", path=("C",), attributes=(plain,)),
        },
    )
    text = dump_schema(schema)
    assert text.count("crimson") == 1
    assert parse_schema(text, where="x") == schema
    (tmp_path / "schema.yaml").write_text(text)
    assert load_schema(tmp_path / "schema.yaml") == schema
    with pytest.raises(SchemaError, match="cannot be read"):
        load_schema(tmp_path / "other.yaml")


def test_every_problem_of_a_file_is_named_with_its_line():
    text = """\
name: shop
version: 1
attributes:
  color:
    name: Color
    values: [Red, red, 32]
    synonyms: {crimson: Rad}
    visible: maybe
categories:
  - id: a
    path: [A]
    attributes: [colour]
  - id: a
    path: []
"""
    with pytest.raises(SchemaError) as raised:
        parse_schema(text, where="s.yaml")
    assert str(raised.value).splitlines()[1:] == [
        "  s.yaml:6: attributes.color.values[1]: 'red' and 'Red' are the same value",
        "  s.yaml:7: attributes.color.synonyms.crimson: 'Rad' is not among the values; did you mean 'Red'?",
        "  s.yaml:8: attributes.color.visible: want 'yes', 'sometimes' or 'no', got 'maybe'",
        "  s.yaml:12: categories[0].attributes[0]: there is no attribute 'colour'; did you mean 'color'?",
        "  s.yaml:13: categories[1].id: 'a' is the id of categories[0] already",
        "  s.yaml:14: categories[1].path: want at least 1, got []",
    ]


def test_numbers_in_a_file_are_words():
    text = "name: s\nversion: 2\nattributes: {size: {name: Size, values: [32, 34]}}\ncategories: [{id: 7, path: [X], attributes: [size]}]"
    schema = parse_schema(text, where="s.yaml")
    assert schema.version == "2"
    assert schema.category("7").attributes[0].values == ("32", "34")


def test_a_schema_is_read_off_items():
    items = [
        Item(
            id=f"x/{number}",
            category="Men/Tops",
            aspects={
                "Color": ("navy-blue" if number % 3 else "Navy Blue",) if number % 2 else ("Red",),
                "Size": (str(number),),
                "Features": ("Hood", "Zip"),
                **({"Fit": ("Slim",)} if number < 10 else {}),
            },
        )
        for number in range(40)
    ]
    schema = infer_schema(
        [*items, Item(id="x/none", category="", aspects={"Odd": ("1",)})],
        name="x",
        visible=lambda name: {"Color": "yes", "Size": "no"}.get(name, "sometimes"),
    )
    assert list(schema.categories) == ["Men/Tops"]
    category = schema.category("Men/Tops")
    assert category.path == ("Men", "Tops")
    by_name = {one.name: one for one in category.attributes}
    assert set(by_name) == {"Color", "Size", "Features", "Fit"}
    assert by_name["Color"].values == ("Red", "navy-blue"), (
        "one value in two spellings: the commoner"
    )
    assert by_name["Color"].visible == "yes"
    assert by_name["Color"].required
    assert by_name["Size"].values == (), "forty values of forty items are no closed set"
    assert by_name["Size"].visible == "no"
    assert by_name["Features"].multiple
    assert not by_name["Fit"].required
    assert all(
        not check_listing(Listing(title="t", aspects=item.aspects), category) for item in items
    )

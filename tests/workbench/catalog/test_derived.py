"""A schema that is read off items can be written to a file and read back, whatever sellers typed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.catalog._derived import derive_schema
from workbench.records import Item
from workbench.schema import dump_schema, parse_schema


def items(category="mugs", name="Color", values=("Red",) * 4):
    return [
        Item(id=f"s/{i}", category=category, aspects={name: (value,)})
        for i, value in enumerate(values)
    ]


def there_and_back(found):
    schema = derive_schema("s", found)
    assert parse_schema(dump_schema(schema), where="the test") == schema
    return schema


@pytest.mark.parametrize(
    ("category", "path"),
    [
        ("", ("s",)),
        ("Home > Mugs", ("Home", "Mugs")),
        ("Mugs/", ("Mugs",)),
        ("<b>Mugs</b>", ("<b", "Mugs<", "b")),
        (" > ", (" > ",)),
        ("7", ("7",)),
        ("null", ("null",)),
    ],
)
def test_every_category_has_a_path_without_empty_steps(category, path):
    assert there_and_back(items(category)).categories[category].path == path


def test_two_spellings_are_one_value_and_the_more_frequent_one_is_shown():
    schema = there_and_back(items(values=("red", "Red", "Red", "T-Shirt Blue", "t shirt blue")))
    (color,) = schema.categories["mugs"].attributes
    assert color.values == ("Red", "T-Shirt Blue")
    assert color.normalise("red") == "Red"


words = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12)
    .map(str.strip)
    .filter(bool)
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(words | st.just(""), words, words), min_size=1, max_size=8))
def test_whatever_sellers_type_the_schema_can_be_stored(rows):
    there_and_back(
        Item(id=f"s/{i}", category=category, aspects={name: (value,)})
        for i, (category, name, value) in enumerate(rows * 2)
    )

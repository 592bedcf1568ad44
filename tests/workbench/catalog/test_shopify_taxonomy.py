"""Shopify's taxonomy: a small one in its form, with each thing that can be wrong, and the real one."""

import time

import pytest

from workbench.catalog.shopify_taxonomy import read_shopify_taxonomy
from workbench.errors import SchemaError
from workbench.schema import Attribute


def test_ids_become_names(taxonomy):
    schema = read_shopify_taxonomy(taxonomy())
    assert (schema.name, schema.version) == ("shopify", "2026-11")
    assert list(schema.categories) == ["cup", "cup-1"]
    mugs = schema.categories["cup-1"]
    assert (mugs.name, mugs.path) == ("Mugs", ("Kitchen", "Mugs"))
    assert mugs.attributes == (
        Attribute(name="Color", values=("Red", "Blue"), visible="yes", multiple=True),
        Attribute(name="Handle color", values=("Red", "Blue"), visible="yes", multiple=True),
        Attribute(name="Size", values=("Small",), visible="no", multiple=True),
    )
    assert schema.categories["cup"].path == ("Kitchen",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"values": "- {id: 1, name: Red, friendly_id: color__red}\n"},
            "attributes.yml: color: values: no value 'color__blue' in values.yml",
        ),
        (
            {"attributes": "base_attributes: []\nextended_attributes:\n"
             "- {name: H, friendly_id: h, values_from: color}\n", "categories": "- {id: a, name: A, "
             "children: [], attributes: []}\n"},
            "attributes.yml: h: values_from: no base attribute 'color'",
        ),
        (
            {"categories": "- {id: cup, name: K, children: [], attributes: [colour]}\n"},
            "cup_kitchen.yml: cup: attributes: no attribute 'colour' in attributes.yml",
        ),
        (
            {"categories": "- {id: cup, name: K, children: [cup-9], attributes: []}\n"},
            "cup_kitchen.yml: cup: children: no category 'cup-9'",
        ),
        (
            {"categories": "- {id: cup, children: [], attributes: []}\n"},
            "cup_kitchen.yml: cup: name: want text, got None",
        ),
        (
            {"categories": "- {id: cup, name: K, children: no, attributes: []}\n"},
            "cup_kitchen.yml: cup: children: want a list of ids, got False",
        ),
        (
            {"categories": "- {id: c, name: K, children: [], attributes: []}\n" * 2},
            "cup_kitchen.yml: c: id 'c' stands in cup_kitchen.yml: c already",
        ),
        (
            {"categories": "- {id: a, name: A, children: [b], attributes: []}\n"
             "- {id: b, name: B, children: [a], attributes: []}\n"},
            "category 'a' is its own ancestor",
        ),
        ({"categories": "- {id: [\n"}, "cup_kitchen.yml:2: this is no YAML"),
        ({"categories": "id: cup\n"}, "cup_kitchen.yml: want a list of entries, got dict"),
        ({"attributes": "- a\n"}, "attributes.yml: want base_attributes and extended_attributes"),
        ({"categories": "- cup\n"}, "cup_kitchen.yml: entry 1: want keys, got 'cup'"),
        (
            {"values": "- {id: 1, name: Red, friendly_id: color__red}\n" * 2
             + "- {id: 2, name: Blue, friendly_id: color__blue}\n"
             "- {id: 3, name: Small, friendly_id: size__small}\n"},
            "values.yml: color__red: friendly_id 'color__red' stands here twice",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_key(taxonomy, changed, said):
    folder = taxonomy(**changed)
    with pytest.raises(SchemaError) as raised:
        read_shopify_taxonomy(folder)
    assert said in str(raised.value)


def test_all_problems_come_in_one_message(taxonomy):
    categories = "".join(
        f"- {{id: c{n}, name: K, children: [], attributes: [none]}}\n" for n in range(30)
    )
    with pytest.raises(SchemaError) as raised:
        read_shopify_taxonomy(taxonomy(categories=categories))
    assert "c0: attributes" in str(raised.value)
    assert "c19: attributes" in str(raised.value)
    assert "… and 10 more" in str(raised.value)


def test_missing_files(taxonomy, tmp_path):
    with pytest.raises(SchemaError, match="want the folder of Shopify's taxonomy"):
        read_shopify_taxonomy(tmp_path / "none")
    folder = taxonomy()
    (folder / "VERSION").unlink()
    with pytest.raises(SchemaError, match="no VERSION in"):
        read_shopify_taxonomy(folder)
    (folder / "values.yml").unlink()
    with pytest.raises(SchemaError, match=r"values\.yml: there is no such file"):
        read_shopify_taxonomy(folder)


def test_the_whole_taxonomy(real_data):
    started = time.process_time()
    schema = read_shopify_taxonomy(real_data / "schema")
    assert time.process_time() - started < 15  # 2.5 s measured
    assert (len(schema.categories), schema.version) == (10_595, "2025-08-unstable")
    shirts = schema.categories["aa-1-13-8"]
    assert shirts.path == ("Apparel & Accessories", "Clothing", "Clothing Tops", "T-Shirts")
    shown = {each.name: each.visible for each in shirts.attributes}
    assert shown == {
        "Age group": "no",
        "Clothing features": "sometimes",
        "Color": "yes",
        "Fabric": "sometimes",
        "Neckline": "yes",
        "Pattern": "yes",
        "Size": "no",
        "Sleeve length type": "yes",
        "Target gender": "sometimes",
        "Top length type": "yes",
    }
    color = next(each for each in shirts.attributes if each.name == "Color")
    assert len(color.values) == 19
    assert "Rose gold" in color.values
    extended = {a.name for c in schema.categories.values() for a in c.attributes} & {
        "Frame material"
    }
    assert extended  # an attribute without values of its own
    assert all(a.values for c in schema.categories.values() for a in c.attributes)

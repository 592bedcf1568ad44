"""A Magento export made here in Magento's format, and the real one of Magento's sample shop."""

import csv
from collections import Counter

import pytest

from workbench.catalog import open_catalog
from workbench.catalog.magento import MagentoCatalog
from workbench.errors import CatalogError
from workbench.records import Item, Problem

COLUMNS = [
    *("sku", "store_view_code", "attribute_set_code", "product_type", "categories", "name"),
    *("description", "price", "base_image", "additional_images", "additional_attributes"),
    *("configurable_variations", "url_key"),
]


def child(sku, size, colour, **more):
    return {
        "sku": sku,
        "attribute_set_code": "Cup",
        "product_type": "simple",
        "name": f"Dawn Mug-{size}-{colour}",
        "price": "12.50",
        "base_image": f"/d/m/dm-{colour}.jpg",
        "additional_attributes": f"has_options=0,size={size},color={colour}",
        **more,
    }


def parent(**more):
    variations = "|".join(
        f"sku=DM-{size}-{colour},size={size},color={colour}"
        for size in ("S", "L")
        for colour in ("Red", "Sky Blue")
    )
    return {
        "sku": "DM",
        "attribute_set_code": "Cup",
        "product_type": "configurable",
        "categories": "Default Category/Sale,Default Category/Kitchen/Cups &amp; Mugs,Default Category",
        "name": "  Dawn&trade;  Mug ",
        "description": "<p>For tea&nbsp;&amp; coffee.</p><ul><li>Holds 300&thinsp;ml.<li>Stoneware</ul>",
        "price": "12.50",
        "base_image": "/d/m/dm-red.jpg",
        "additional_attributes": "has_options=1,required_options=1,glaze=Matt|shiny,motif=stripes, thin"
        ",new=Yes,dishwasher=1",
        "configurable_variations": variations,
        **more,
    }


CHILDREN = [
    child("DM-S-Red", "S", "Red"),
    child("DM-S-Sky Blue", "S", "Sky Blue"),
    child("DM-L-Red", "L", "Red", additional_images="/d/m/dm-Red_back.jpg,/d/m/dm-Red.jpg"),
    child("DM-L-Sky Blue", "L", "Sky Blue"),
]

ATTRIBUTES = """frontend_label,frontend_input,is_required,option,attribute_code,attribute_set
"Cup glaze
Glaze",multiselect,1,"Matt
Shiny
Matt",glaze,"Cup
Plate"
Motif,select,0,,motif,Cup
Size,select,0,"S
L",size,Cup
Color,select,0,"Red
Sky Blue",color,Cup
Dishwasher-safe,boolean,0,,dishwasher,Cup
New,boolean,0,,new,Cup
Rim,select,0,Gold,rim,Plate
"""

CATEGORIES = """name,path,active
Kitchen,,1
Cups &amp; Mugs,Kitchen,1
Sale,,0
"""


@pytest.fixture
def export(tmp_path):
    """Writes an export's folder and opens it."""

    def write(rows, *, attributes=ATTRIBUTES, categories=CATEGORIES, **options):
        folder = tmp_path / "shop"
        (folder / "catalog/product/d/m").mkdir(parents=True)
        with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        if attributes:
            (folder / "attributes.csv").write_text(attributes, encoding="utf-8")
        if categories:
            (folder / "categories.csv").write_text(categories, encoding="utf-8")
        return MagentoCatalog(folder, **options)

    return write


def split(catalog):
    found = list(catalog.items())
    return [f for f in found if isinstance(f, Item)], [f for f in found if isinstance(f, Problem)]


def test_one_item_per_parent_and_colour(export):
    items, problems = split(export([*CHILDREN, parent()]))
    assert problems == []
    assert [item.id for item in items] == ["shop/DM-Red", "shop/DM-Sky Blue"]
    red, blue = items
    assert red == Item(
        id="shop/DM-Red",
        category="Kitchen/Cups & Mugs",
        photos=("/d/m/dm-Red.jpg",),
        title="Dawn™ Mug",
        aspects={
            "Department": ("Kitchen",),
            "Type": ("Cups & Mugs",),
            "Color": ("Red",),
            "Size": ("S", "L"),
            "Glaze": ("Matt", "Shiny"),
            "Motif": ("stripes, thin",),
            "Dishwasher-safe": ("Yes",),
        },
        description="For tea & coffee.\n• Holds 300 ml.\n• Stoneware",
        price=12.5,
        group="DM",
    )
    assert blue.photos == ("/d/m/dm-Sky Blue.jpg",)


def test_further_photos_come_when_they_are_asked_for_and_after_the_main_one(export):
    items, _ = split(export([*CHILDREN, parent()], photos="all"))
    assert items[0].photos == ("/d/m/dm-Red.jpg", "/d/m/dm-Red_back.jpg")


def test_the_parent_may_come_before_its_children(export):
    items, problems = split(export([parent(), *CHILDREN]))
    assert (len(items), problems) == (2, [])


def test_the_schema_is_that_of_the_attribute_set(export):
    catalog = export([*CHILDREN, parent()])
    (category,) = catalog.schema.categories.values()
    assert (category.id, category.path) == ("Kitchen/Cups & Mugs", ("Kitchen", "Cups & Mugs"))
    attributes = {each.name: each for each in category.attributes}
    assert list(attributes) == [
        *("Type", "Color", "Department", "Glaze", "Motif", "Dishwasher-safe", "Size")
    ]
    assert attributes["Glaze"].values == ("Matt", "Shiny")
    assert (attributes["Glaze"].multiple, attributes["Glaze"].required) == (True, True)
    assert (attributes["Color"].visible, attributes["Color"].multiple) == ("yes", False)
    assert (attributes["Size"].visible, attributes["Size"].multiple) == ("no", True)
    assert attributes["Dishwasher-safe"].values == ("Yes", "No")
    assert attributes["Motif"].values == ()


def test_the_version_of_the_schema_follows_its_content(export):
    catalog = export([*CHILDREN, parent()])
    before = catalog.schema.version
    (catalog._root / "attributes.csv").write_text(
        ATTRIBUTES.replace("Shiny", "Gloss"), encoding="utf-8"
    )
    assert MagentoCatalog(catalog._root).schema.version != before


def test_without_its_attributes_the_export_still_gives_items(export):
    items, problems = split(export([*CHILDREN, parent()], attributes="", categories=""))
    assert problems == []
    assert items[0].aspects["Glaze"] == ("Matt", "shiny")
    assert items[0].category == "Kitchen/Cups & Mugs"  # the deepest path


def test_a_simple_product_without_a_parent_is_an_item_of_its_own(export):
    alone = child(
        "PLATE", "S", "Red", name="Dawn Plate", categories="Default Category/Kitchen/Plates"
    )
    items, problems = split(export([alone]))
    assert problems == []
    assert [(each.id, each.group, each.category) for each in items] == [
        ("shop/PLATE", "PLATE", "Kitchen/Plates")
    ]


def test_a_product_in_no_category_still_has_attributes_in_the_schema(export):
    catalog = export([child("PLATE", "S", "Red", categories="Default Category")])
    items, _ = split(catalog)
    assert items[0].category == ""
    category = catalog.schema.categories[""]
    assert (category.name, category.path) == ("shop", ("shop",))
    assert {each.name for each in category.attributes} >= set(items[0].aspects) == {"Color", "Size"}


def test_a_translation_is_no_second_product(export):
    german = parent(store_view_code="de", name="Tasse")
    items, problems = split(export([*CHILDREN, parent(), german]))
    assert ([each.title for each in items], problems) == (["Dawn™ Mug"] * 2, [])


def test_broken_rows_are_named_and_the_rest_is_loaded(export):
    bad_price = child("DM-S-Red", "S", "Red", price="cheap")
    rows = [bad_price, *CHILDREN[1:3], CHILDREN[2], {"name": "nobody"}, parent()]
    items, problems = split(export(rows))
    assert [each.id for each in items] == ["shop/DM-Red", "shop/DM-Sky Blue"]
    assert items[0].price == 12.5  # from the other size
    assert [(problem.source, problem.row) for problem in problems] == [
        ("products.csv", 5),
        ("products.csv", 6),
        ("products.csv", 2),
        ("products.csv", 7),
    ]
    said = " ".join(problem.reason for problem in problems)
    assert "want a sku that no other row has, got 'DM-L-Red'; left out" in said
    assert "want a sku, got ''; left out" in said
    assert "want a price of 0 or more, got 'cheap'; loaded without it" in said
    assert "parent 'DM' names a variation 'DM-L-Sky Blue' that has no row" in said


def test_a_row_with_a_cell_too_many_is_named_by_its_first_line(export):
    catalog = export([*CHILDREN, parent()])
    path = catalog._root / "products.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write('X,,Cup,simple,,"a\nb",,1,,,,,,one more\r\n')
    items, problems = split(MagentoCatalog(catalog._root))
    assert len(items) == 2
    (problem,) = problems
    assert problem.row == 7
    assert "want 13 cells as in the header, got 14 (the row runs to line 8)" in problem.reason


def test_an_export_that_is_not_utf_8_is_read_and_reported(export):
    catalog = export([*CHILDREN, parent(name="Caf\u00e9 mug")])
    path = catalog._root / "products.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1", "xmlcharrefreplace"))
    items, (problem,) = split(MagentoCatalog(catalog._root))
    assert {each.title for each in items} == {"Caf\u00e9 mug"}
    assert (problem.source, problem.row) == ("products.csv", 6)
    assert "the whole file is read as Latin-1" in problem.reason


def test_photos_come_from_the_media_folder_and_from_nowhere_else(export, photo_bytes):
    catalog = export([*CHILDREN, parent()])
    (catalog._root / "catalog/product/d/m/dm-Red.jpg").write_bytes(photo_bytes())
    assert catalog.photo("/d/m/dm-Red.jpg") == photo_bytes()
    with pytest.raises(CatalogError, match=r"cannot read photo '/d/m/none\.jpg': No such file"):
        catalog.photo("/d/m/none.jpg")
    with pytest.raises(CatalogError, match="want a photo inside"):
        catalog.photo("/../../products.csv")


def test_options_are_checked(export, tmp_path):
    export([*CHILDREN, parent()])
    folder = tmp_path / "shop"
    with pytest.raises(CatalogError, match="include=gear wants simple products"):
        open_catalog(f"magento:{folder}?include=gear")
    with pytest.raises(
        CatalogError, match="want include= one of configurable, gear, all, got 'al'"
    ):
        open_catalog(f"magento:{folder}?include=al")
    with pytest.raises(CatalogError, match="want photos= one of main, all, got 'every'"):
        open_catalog(f"magento:{folder}?photos=every")
    with pytest.raises(CatalogError, match="unknown option 'x'"):
        open_catalog(f"magento:{folder}?x=1")
    with pytest.raises(CatalogError, match=r"with a products\.csv"):
        open_catalog(f"magento:{tmp_path}")
    priced = open_catalog(f"magento:{folder}?currency=EUR")
    assert {each.currency for each in priced.items()} == {"EUR"}


class TestTheRealShop:
    @pytest.fixture
    def luma(self, real_data):
        return open_catalog(f"magento:{real_data / 'luma'}")

    def test_every_colour_of_every_parent_is_an_item_with_its_own_photo(self, luma):
        items, problems = split(luma)
        assert problems == []
        assert len({each.id for each in items}) == len({each.photos[0] for each in items}) == 417
        assert len({each.group for each in items}) == 147
        assert luma.name == "luma"
        assert not luma.simulated

    def test_titles_name_neither_size_nor_colour_and_hold_no_markup(self, luma):
        items, _ = split(luma)
        for each in items:
            assert not each.title.endswith(f"-{each.aspects['Color'][0]}")
            text = f"{each.title} {each.description}"
            assert "&" not in text.replace(" & ", " ")
            assert "<" not in text
            assert each.price >= 18
            assert set(each.aspects) >= {
                "Department",
                "Type",
                "Color",
                "Size",
                "Material",
                "Pattern",
            }

    def test_types_and_colours(self, luma):
        items, _ = split(luma)
        colours = Counter(each.aspects["Color"][0] for each in items)
        assert colours.most_common(3) == [("Blue", 79), ("Black", 62), ("Red", 55)]
        types = Counter(each.aspects["Type"][0] for each in items)
        assert len(types) == 7
        assert types["Hoodies & Sweatshirts"] == 73
        assert {each.category.split("/")[0] for each in items} == {"Men", "Women"}

    def test_every_aspect_is_allowed_by_the_schema(self, luma):
        items, _ = split(luma)
        assert len(luma.schema.categories) == 12
        for each in items:
            asked = {a.name: a for a in luma.schema.categories[each.category].attributes}
            for name, values in each.aspects.items():
                assert set(values) <= set(asked[name].values), (each.id, name)
                assert len(values) == 1 or asked[name].multiple

    def test_what_a_photo_can_show(self, luma):
        attributes = luma.schema.categories["Men/Tops/Tees"].attributes
        shown = {each.name: each.visible for each in attributes}
        assert {name for name, visible in shown.items() if visible == "yes"} == {
            *("Type", "Color", "Pattern", "Sleeve", "Collar")
        }
        assert {name for name, visible in shown.items() if visible == "no"} == {
            *("Size", "Climate", "Activity", "Eco Collection", "Performance Fabric")
        }

    def test_gear_comes_when_it_is_asked_for(self, real_data, luma):
        gear, problems = split(open_catalog(f"magento:{real_data / 'luma'}?include=gear"))
        assert problems == []
        assert len(gear) == 44
        assert Counter(each.category for each in gear) == {
            "Gear/Bags": 14,
            "Gear/Fitness Equipment": 21,
            "Gear/Watches": 9,
        }
        balls = [each for each in gear if each.group == "Sprite Stasis Ball"]
        assert len(balls) == 9
        shared = {photo for each in balls for photo in each.photos}
        assert len(shared) == 3  # sizes share photos, so they must share a group
        both, _ = split(open_catalog(f"magento:{real_data / 'luma'}?include=all"))
        assert len(both) == 417 + 44

    def test_no_two_groups_share_a_photo(self, real_data):
        items, _ = split(open_catalog(f"magento:{real_data / 'luma'}?include=all"))
        groups = {}
        for each in items:
            for photo in each.photos:
                groups.setdefault(photo, set()).add(each.group)
        assert {photo: found for photo, found in groups.items() if len(found) > 1} == {}

"""Photos and stores for the tests of catalogues."""

import io

import pytest
from PIL import Image

from workbench.store import Store


@pytest.fixture
def photo_bytes():
    """Bytes of a small PNG of one colour; another colour gives other bytes."""

    def make(colour="red", size=(24, 16)):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, format="PNG")
        return file.getvalue()

    return make


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


VALUES = """
- {id: 1, name: Red, friendly_id: color__red, handle: color__red}
- {id: 2, name: Blue, friendly_id: color__blue, handle: color__blue}
- {id: 3, name: Small, friendly_id: size__small, handle: size__small}
"""
ATTRIBUTES = """
base_attributes:
- {id: 1, name: Color, friendly_id: color, handle: color, values: [color__red, color__blue]}
- {id: 2, name: Size, friendly_id: size, handle: size, values: [size__small]}
extended_attributes:
- {name: Handle color, friendly_id: handle_color, handle: handle-color, values_from: color}
"""
CATEGORIES = """
- {id: cup, name: Kitchen, children: [cup-1], attributes: [color]}
- {id: cup-1, name: Mugs, children: [], attributes: [color, handle_color, size]}
"""


@pytest.fixture
def taxonomy(tmp_path):
    """Writes a small taxonomy in the form of Shopify's source."""

    def write(*, values=VALUES, attributes=ATTRIBUTES, categories=CATEGORIES):
        folder = tmp_path / "taxonomy"
        (folder / "categories").mkdir(parents=True)
        (folder / "VERSION").write_text("2026-11\n")
        (folder / "values.yml").write_text(values)
        (folder / "attributes.yml").write_text(attributes)
        (folder / "categories/cup_kitchen.yml").write_text(categories)
        return folder

    return write

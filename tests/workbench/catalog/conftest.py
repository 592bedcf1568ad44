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

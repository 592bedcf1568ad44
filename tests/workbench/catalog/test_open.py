"""A catalogue is a string."""

import subprocess
import sys

import pytest

from workbench import catalog
from workbench.catalog import open_catalog
from workbench.errors import CatalogError


@pytest.mark.parametrize("address", ["", "mugs.csv", "table:", "ftp://x", "/shop", "tables:x.csv"])
def test_an_address_of_another_form_is_answered_with_examples(address):
    with pytest.raises(
        CatalogError, match="want a catalogue's address such as magento:/shop/export"
    ):
        open_catalog(address)


def test_options_need_a_value_and_come_once():
    with pytest.raises(CatalogError, match="want name=value, got 'title' in"):
        open_catalog("table:items.csv?title")
    with pytest.raises(CatalogError, match="'title' is given twice"):
        open_catalog("table:items.csv?title=a&title=b")


def test_a_drawn_catalogue_is_simulated_and_the_others_are_not(tmp_path, photo_bytes):
    (tmp_path / "a.jpg").write_bytes(photo_bytes())
    drawn, folder = open_catalog("drawn:seed=7,items=2"), open_catalog(f"folder:{tmp_path}")
    assert (drawn.simulated, folder.simulated) == (True, False)
    assert len(list(drawn.items())) == 2


def test_the_package_names_what_others_need():
    assert catalog.__all__ == ["Catalog", "Ingested", "ingest", "open_catalog", "whole_address"]


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, workbench.catalog; print([m for m in ('numpy', 'PIL', 'pyarrow', 'yaml',"
    code += " 'sqlalchemy', 'httpx', 'fsspec', 'pandas', 'torch') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

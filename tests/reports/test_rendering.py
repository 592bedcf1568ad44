"""Files are written whole or not at all."""

import pytest

from reports.rendering import write_whole
from workbench.errors import StoreError


def test_a_page_that_cannot_be_written_leaves_nothing_and_says_where_else_to_write_it(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for place in ("folder", "file/page.html"):
        with pytest.raises(StoreError, match="workbench report --out FILE"):
            write_whole(tmp_path / place, "text")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "page.html", "half a pair: \ud800")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert write_whole(tmp_path / "deep" / "page.html", "text").read_text() == "text"

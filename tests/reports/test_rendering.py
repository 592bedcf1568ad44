"""Files are written whole or not at all."""

import pytest

from reports.rendering import _templates, write_whole
from workbench.errors import StoreError
from workbench.metrics import Estimate


def test_a_page_that_cannot_be_written_leaves_nothing_and_says_where_else_to_write_it(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for place in ("folder", "file/page.html"):
        with pytest.raises(StoreError, match="elsewhere with `--out FILE`"):
            write_whole(tmp_path / place, "text")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "page.html", "half a pair: \ud800")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert write_whole(tmp_path / "deep" / "page.html", "text").read_text() == "text"


@pytest.mark.parametrize(
    ("value", "low", "dot", "mark"),
    [(-0.2, -0.4, False, True), (0.1, -0.4, True, True), (0.1, 0.05, True, False)],
)
def test_what_lies_below_the_strip_is_marked_and_not_drawn_at_its_end(value, low, dot, mark):
    estimate = Estimate(value=value, low=low, high=0.5, method="m", n=9)
    strip = _templates().get_template("macros.html.j2").module.bar(estimate)
    assert ("<b " in strip) == dot
    assert ("◂" in strip) == mark

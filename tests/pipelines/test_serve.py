"""One page on this machine, and nothing else of its folder."""

import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from pipelines.serve import serve_file
from workbench.errors import SettingsError


@pytest.fixture
def served(finished):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "report", "--store",
         str(finished.folder / "store"), "--serve", "--port", "0"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stderr.readline()
    assert line.startswith("Serving at http://127.0.0.1:"), line
    yield line.split()[-1]
    process.terminate()
    process.communicate()


def test_the_page_is_served_and_its_neighbours_are_not(served, finished):
    page = (finished.folder / "store" / "report.html").read_bytes()
    with urllib.request.urlopen(served) as answer:
        assert answer.read() == page
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in ("workbench.db", "../store/workbench.db", "images/"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(served + path)
        refused.value.close()
        assert refused.value.code == 404
    with pytest.raises(SettingsError, match="choose another"):
        serve_file(finished.folder / "x", port=int(served.split(":")[2].strip("/")), announce=print)

"""What an installed workbench is made of: four packages, their data files, and no tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = {"workbench", "annotation", "pipelines", "reports"}


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory) -> list[str]:
    """Paths inside a wheel that was built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    assert built.name.startswith("catalog_workbench-")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_its_top_folders_are_the_four_packages(wheel):
    top = {path.partition("/")[0] for path in wheel}
    (about,) = {name for name in top if name.endswith(".dist-info")}
    assert top == PACKAGES | {about}
    assert f"{about}/licenses/LICENSE" in wheel


def test_every_file_of_the_packages_is_inside(wheel, repository_files):
    """Data files too: rubrics, page templates, migrations, weights."""
    ours = {path for path in repository_files if path.partition("/")[0] in PACKAGES}
    assert ours, "git lists no file of the packages"
    assert ours - set(wheel) == set()


def test_no_tests_or_caches_are_inside(wheel):
    foreign = [
        path
        for path in wheel
        if {"tests", "__pycache__", ".ipynb_checkpoints"} & set(Path(path).parts)
        or Path(path).name.startswith(("test_", "conftest"))
    ]
    assert foreign == []

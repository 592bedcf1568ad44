"""Rules that hold for every file of the project."""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("workbench", "annotation", "pipelines", "reports")

LONG_FILES: dict[str, str] = {
    "pipelines/cli.py": "the command's whole surface: one function per command, its options named",
    "workbench/records.py": "the nouns: one record each, with the words that every other file uses",
    "workbench/store/_store.py": "the store's whole surface: one method per noun, its filters named",
}
"""Python file of over 400 lines to the reason why it is one file. None may pass 600."""

LARGEST_FILE = 5_000_000
"""Bytes that one file of the repository may have: runs, data and big weights do not belong in it."""


INITS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for package in PACKAGES
    for path in (REPOSITORY / package).rglob("__init__.py")
)


def test_no_file_is_longer_than_it_should_be(repository_files):
    lines = {
        path: len((REPOSITORY / path).read_text().splitlines())
        for path in repository_files
        if path.endswith(".py")
    }
    assert {path: n for path, n in lines.items() if n > 600} == {}, "split these"
    over = {path: n for path, n in lines.items() if n > 400 and path not in LONG_FILES}
    assert over == {}, "split these, or give LONG_FILES a reason"
    short = {path for path in LONG_FILES if lines.get(path, 0) <= 400}
    assert short == set(), "take these off LONG_FILES"


def test_no_file_is_heavier_than_it_should_be(repository_files):
    sizes = {path: (REPOSITORY / path).stat().st_size for path in repository_files}
    assert {path: size for path, size in sizes.items() if size > LARGEST_FILE} == {}


def _surface(init: Path) -> tuple[set[str], list[str] | None]:
    """What an `__init__` defines or takes from our own packages in public, and its `__all__`."""
    names: set[str] = set()
    declared = None
    for node in ast.parse(init.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").partition(".")[0] in PACKAGES:
                names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = {target.id for target in targets if isinstance(target, ast.Name)}
            if "__all__" in bound and node.value is not None:
                declared = ast.literal_eval(node.value)
            names |= bound
    return {name for name in names if not name.startswith("_")}, declared


@pytest.mark.parametrize("init", INITS)
def test_a_package_says_all_that_is_public(init):
    public, declared = _surface(REPOSITORY / init)
    missing = public - set(declared or ())
    assert missing == set(), f"{init}: `__all__` lacks these"
    if declared is None:
        return
    assert len(declared) == len(set(declared)), f"{init}: `__all__` names one twice"
    package = importlib.import_module(init.removesuffix("/__init__.py").replace("/", "."))
    absent = [name for name in declared if not hasattr(package, name)]
    assert absent == [], f"{init}: `__all__` names what is not there"


def test_no_file_names_a_place_on_somebodys_machine(repository_files):
    """Neither this checkout, this user's home or this machine's package folders, nor anyone's."""
    places = {str(REPOSITORY), str(Path.home()) + "/", sys.prefix}
    places |= set(os.environ.get("PIP_FIND_LINKS", "").split())
    generic = [r"/home/[a-z][\w.-]*/", r"/Users/[A-Za-z][\w.-]*/", r"[A-Z]:\\+Users\\"]
    wanted = re.compile("|".join([re.escape(place) for place in sorted(places) if place] + generic))
    found = []
    for path in repository_files:
        if path == Path(__file__).relative_to(REPOSITORY).as_posix():
            continue  # it holds the patterns themselves
        content = (REPOSITORY / path).read_bytes()
        if b"\0" in content[:8192]:
            continue
        found += [
            f"{path}:{number}: {match.group()}"
            for number, line in enumerate(content.decode(errors="replace").splitlines(), 1)
            if (match := wanted.search(line))
        ]
    assert found == []


def test_tests_are_no_package(repository_files):
    """`tests` as an importable package would shadow other projects' in the same environment."""
    inits = [
        path
        for path in repository_files
        if re.match(r"(tests|notebooks|benchmarks)/(.*/)?__init__\.py", path)
    ]
    assert inits == []


def test_scripts_can_be_started(repository_files):
    started = [path for path in repository_files if path.startswith(("tools/", ".ci/"))]
    assert started
    assert [path for path in started if not os.access(REPOSITORY / path, os.X_OK)] == []

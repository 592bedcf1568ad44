"""Imports stay cheap, and find our packages: heavy libraries load when they are used, not before."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

PACKAGES = ("workbench", "annotation", "pipelines", "reports")
HEAVY = (
    "cv2",
    "datasets",
    "diffusers",
    "gradio",
    "label_studio_sdk",
    "matplotlib",
    "onnxruntime",
    "sentence_transformers",
    "sklearn",
    "torch",
    "transformers",
    "trl",
    "xgrammar",
    "xllamacpp",
)

NEEDS_AT_IMPORT: dict[str, tuple[str, str]] = {
    "workbench.models.starter.pixels": (
        "diffusers",
        "a pipeline's part is found by its class's name",
    ),
}
"""Module to (a heavy library that it loads at import, why). Such a module is imported late itself."""

LIGHT = {
    "workbench": (*HEAVY, "pandas", "numpy", "sqlalchemy", "PIL"),
    "workbench.records": (*HEAVY, "pandas", "numpy"),
    "workbench.errors": (*HEAVY, "pandas", "numpy"),
    "workbench.models.protocols": (*HEAVY, "pandas", "numpy"),
    "annotation": (*HEAVY, "pandas", "numpy"),
    "annotation.label_studio": (*HEAVY, "pandas", "numpy", "scipy", "sqlalchemy", "PIL"),
    "pipelines": (*HEAVY, "pandas", "numpy"),
    "reports": (*HEAVY, "pandas", "numpy"),
}

PROBE = """
import importlib, json, sys
modules, heavy = json.loads(sys.argv[1])
for module in modules:
    try:
        importlib.import_module(module)
    except Exception as error:
        print(json.dumps([module, f"{type(error).__name__}: {error}"]))
        break
    if loaded := [name for name in heavy if name in sys.modules]:
        print(json.dumps([module, "loads " + ", ".join(loaded)]))
        break
"""


def _modules(repository) -> list[str]:
    """Every module of the packages, but for migrations: Alembic runs those and nobody imports them."""
    found = list(PACKAGES)
    for package in PACKAGES:
        walked = pkgutil.walk_packages([str(repository / package)], prefix=f"{package}.")
        found += [module.name for module in walked if ".migrations" not in module.name]
    return found


def _first_offence(modules: list[str], heavy: tuple[str, ...]) -> tuple[str, str] | None:
    """Import `modules` one after another in a fresh process: the first that loads any of `heavy`."""
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", PROBE, json.dumps([modules, heavy])],
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(json.loads(done.stdout)) if done.stdout.strip() else None


def test_no_module_loads_a_heavy_library_at_import(repository):
    """One process for all; after an offence a new one for the rest, so that each offender is named."""
    rest = [module for module in _modules(repository) if module not in NEEDS_AT_IMPORT]
    assert len(rest) > len(PACKAGES), "the packages were not found"
    offences = []
    while rest and (offence := _first_offence(rest, HEAVY)):
        offences.append(": ".join(offence))
        rest = rest[rest.index(offence[0]) + 1 :]
    assert offences == []


def test_the_exceptions_are_still_needed():
    for module, (library, _why) in NEEDS_AT_IMPORT.items():
        offence = _first_offence([module], (library,))
        assert offence == (module, f"loads {library}"), "take it off NEEDS_AT_IMPORT"


@pytest.mark.parametrize("module", LIGHT)
def test_what_everything_imports_loads_next_to_nothing(module):
    assert _first_offence([module], LIGHT[module]) is None


def test_the_probe_sees_an_offence():
    assert _first_offence(["workbench", "sklearn.metrics", "json"], ("sklearn",)) == (
        "sklearn.metrics",
        "loads sklearn",
    )


def test_a_notebook_gets_our_packages(repository):
    """A kernel starts in notebooks/; another distribution's `pipelines` or `reports` would win there."""
    code = f"import {', '.join(PACKAGES)}; print(*(m.__file__ for m in ({', '.join(PACKAGES)})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository / "notebooks",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(repository / name / "__init__.py") for name in PACKAGES]

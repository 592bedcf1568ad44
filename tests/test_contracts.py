"""Imports run one way: the contracts of pyproject.toml hold, and would notice a breach."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("workbench", "annotation", "pipelines", "reports")
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold(repository):
    done = _lint(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_notice_a_breach(repository, tmp_path):
    """In a copy whose errors import a pipeline, and whose metrics import torch deep in a function."""
    shutil.copy(repository / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            repository / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (tmp_path / "workbench" / "errors.py").open("a") as file:
        file.write("\nimport pipelines\n")
    with (tmp_path / "workbench" / "metrics" / "__init__.py").open("a") as file:
        file.write("\ndef scores():\n    import torch\n")
    done = _lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "one direction BROKEN" in done.stdout
    assert "numbers need no torch BROKEN" in done.stdout

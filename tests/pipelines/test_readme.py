"""What README shows in Python runs as it stands there."""

import re
import shutil
import subprocess
import sys

import pytest

from workbench.calibration.audited import draw_from
from workbench.calibration.audits.population import latest_selection
from workbench.store import Store


@pytest.fixture
def blocks(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(block, folder):
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_in_readme_runs(finished, blocks, tmp_path):
    shutil.copytree(finished.folder / "store", tmp_path / "demo")
    assert len(blocks) == 3
    for block in blocks:
        assert run(block, tmp_path)
    assert (tmp_path / "rates.png").stat().st_size > 5_000


def test_the_calibration_runs_on_an_audit_that_nobody_answered(finished, blocks, tmp_path):
    shutil.copytree(finished.folder / "store", tmp_path / "demo")
    with Store.open(tmp_path / "demo", create=False) as store:
        audit = draw_from(store, latest_selection(store, part="eval"), size=8, seed=99)
        store.add([audit])
    asks = next(block for block in blocks if "find_audit(store)" in block)
    block = asks.replace("find_audit(store)", f"find_audit(store, {audit.id!r})")
    assert block != asks
    assert "drew 8 items, and all wait for an answer" in run(block, tmp_path)

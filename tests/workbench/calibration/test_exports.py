"""What the two packages offer, and how little they load."""

import subprocess
import sys

import pytest

from workbench import calibration, metrics


@pytest.mark.parametrize("package", [calibration, metrics])
def test_what_is_offered_is_there_once(package):
    assert len(package.__all__) == len(set(package.__all__))
    assert all(hasattr(package, name) for name in package.__all__)


def test_importing_them_loads_nothing_heavy():
    heavy = {"torch", "pandas", "sklearn", "matplotlib", "pydantic", "scipy.stats", "statsmodels"}
    code = (
        "import sys, workbench.metrics, workbench.calibration;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""torchvision's ordinary wheel beside a CPU build of torch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from workbench.models.torchvision_cpu import mend_torchvision

INSTALLED = importlib.util.find_spec("torchvision") is not None


@pytest.mark.skipif(INSTALLED, reason="torchvision is installed")
def test_without_torchvision_nothing_is_done():
    assert mend_torchvision() is False


@pytest.mark.skipif(
    not INSTALLED, reason="torchvision is not installed: pip install torchvision==0.28.0"
)
def test_pictures_are_scaled_by_torchvision_once_it_is_mended():
    """In a process of its own: an import that failed half-way stays broken."""
    code = (
        "from workbench.models.torchvision_cpu import mend_torchvision\n"
        "mend_torchvision()\n"
        "import torch\n"
        "from torchvision.transforms.v2 import functional\n"
        "assert functional.resize(torch.zeros(3, 8, 8), [4, 4]).shape == (3, 4, 4)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""Two processes that train together learn what one does on the same rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOGETHER = """
import importlib.util, sys
from dataclasses import replace
from pathlib import Path
spec = importlib.util.spec_from_file_location("rows", sys.argv[1])
rows = importlib.util.module_from_spec(spec); spec.loader.exec_module(rows)
from workbench.training import train_dpo, train_sft
method, model, out, devices = sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5])
pairs = rows.make_pairs(24)
given = pairs if method == "dpo" else [one.chosen_example() for one in pairs]
plan = rows.small_plan(
    method, epochs=2, devices=devices, batch=2, accumulation=4 // devices, sft_weight=0.2, kl_weight=0.1
)
train = train_dpo if method == "dpo" else train_sft
train(model, given[:16], evaluation=given[16:], plan=plan, out=out, photos=rows.photo)
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_two_processes_learn_what_one_does(method, backbone, tmp_path, assert_same_training):
    """gloo; the one process accumulates twice as many batches."""
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    rows = Path(__file__).parent / "conftest.py"
    model = backbone("tiny")
    launch = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone",
              "--nproc_per_node", "2"]  # fmt: skip
    for devices, words in ((1, [sys.executable, "-W", "ignore"]), (2, launch)):
        done = subprocess.run(
            [*words, str(script), str(rows), method, model, str(tmp_path / str(devices)), str(devices)],
            capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    assert_same_training(1e-4)

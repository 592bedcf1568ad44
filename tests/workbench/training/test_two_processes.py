"""Two processes that train together learn what one does on the same rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.training import read_log, read_trained

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
def test_two_processes_learn_what_one_does(method, backbone, tmp_path):
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
    one, two = (
        {
            name: [entry[name] for entry in read_log(tmp_path / devices) if name in entry]
            for name in ("loss", "eval_loss")
        }
        for devices in ("1", "2")
    )
    assert len(one["loss"]) == 4 and len(one["eval_loss"]) == 2
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
    assert two["eval_loss"] == pytest.approx(one["eval_loss"], abs=1e-4)
    after = [read_trained(tmp_path / devices).figures for devices in ("1", "2")]
    for name, figure in after[0].items():
        assert after[1][name].value == pytest.approx(figure.value, abs=1e-3)

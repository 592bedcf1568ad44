"""Sharding as the shipped configuration asks for it: in force and the same to the bit, or refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from workbench.errors import SettingsError
from workbench.training import CONFIGS, read_trained
from workbench.training.sharding import asked_sharding, check_sharding

SHARDED = """
import importlib.util, sys
from pathlib import Path
from accelerate import DistributedType, PartialState
from workbench.training import train_dpo, train_sft
spec = importlib.util.spec_from_file_location("rows", sys.argv[1])
rows = importlib.util.module_from_spec(spec); spec.loader.exec_module(rows)
method, model, out, devices, force = sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]), sys.argv[6]
if force == "force":
    # accelerate shards on accelerators alone: it is told that these processes have some. Everything else is real.
    usual = PartialState.__init__
    def with_accelerators(self, *args, **kwargs):
        usual(self, *args, **kwargs)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_HPU
    PartialState.__init__ = with_accelerators
pairs = rows.make_pairs(24)
given = pairs if method == "dpo" else [one.chosen_example() for one in pairs]
plan = rows.small_plan(
    method, epochs=2, devices=devices, batch=2, accumulation=4 // devices, sft_weight=0.2, kl_weight=0.1
)
train = train_dpo if method == "dpo" else train_sft
train(model, given[:16], evaluation=given[16:], plan=plan, out=out, photos=rows.photo)
"""


@pytest.fixture
def started(backbone, tmp_path):
    """`started("sft", 2, "force")`: its exit code and what it said; the run's folder is `tmp_path / "2"`.

    DeepSpeed shards on a processor too, so nothing is forced for it.
    """
    script = tmp_path / "sharded.py"
    script.write_text(SHARDED)
    rows, model = Path(__file__).parent / "conftest.py", backbone("tiny")

    def start(method, devices, force="no", config="fsdp2"):
        launch = [sys.executable, "-W", "ignore"]
        if devices > 1:
            # Not by options: accelerate starts one process of a DeepSpeed configuration that is told --cpu.
            shipped = yaml.safe_load((CONFIGS / "launch" / f"{config}.yaml").read_text())
            here = {"num_processes": devices, "mixed_precision": "no", "use_cpu": True}
            (tmp_path / "launch.yaml").write_text(yaml.safe_dump(shipped | here))
            launch += [
                "-m",
                "accelerate.commands.launch",
                "--config_file",
                str(tmp_path / "launch.yaml"),
            ]
        done = subprocess.run(
            [*launch, str(script), str(rows), method, model, str(tmp_path / str(devices)), str(devices), force],
            capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return done.returncode, done.stderr

    return start


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("config", ["fsdp2", "zero3"])
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_a_shipped_configuration_learns_what_one_process_does(
    method, config, started, tmp_path, assert_same_training
):
    """Two gloo processes; the run itself stops where a process holds more than its share.

    DeepSpeed compiles an extension when it first starts: two minutes on two free cores.
    """
    if config == "zero3":
        pytest.importorskip("deepspeed")
    force = "force" if config == "fsdp2" else "no"
    for devices in (1, 2):
        code, said = started(method, devices, force, config)
        assert code == 0, said[-3000:]
    assert_same_training(1e-5)
    whole, shards = (load_file(tmp_path / d / "model" / "model.safetensors") for d in ("1", "2"))
    assert set(whole) == set(shards)
    assert max((whole[name] - shards[name]).abs().max().item() for name in whole) < 1e-5
    assert sorted(p.name for p in (tmp_path / "1" / "model").iterdir()) == sorted(
        p.name for p in (tmp_path / "2" / "model").iterdir()
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sharding_that_is_ignored_in_silence_is_refused(started, tmp_path):
    """What accelerate makes of the same configuration where there is no accelerator."""
    code, said = started("sft", 2)
    assert code != 0
    assert "told to shard with FSDP, but this process holds" in said
    assert read_trained(tmp_path / "2") is None


def test_whole_weights_are_no_shards():
    weights = [torch.nn.Parameter(torch.zeros(8, 4)), torch.nn.Parameter(torch.zeros(8))]
    with pytest.raises(
        SettingsError, match=r"holds 40 of 40 learning weights, want about 20 \(2 processes\)"
    ):
        check_sharding(weights, asked="FSDP", processes=2)
    check_sharding(weights, asked="FSDP", processes=1)
    for one, part in zip(weights, (16, 4), strict=True):
        one.ds_tensor, one.ds_numel = torch.zeros(part), one.numel()
    check_sharding(weights, asked="DeepSpeed", processes=2)


def test_what_a_launcher_was_told(monkeypatch):
    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"):
        monkeypatch.delenv(name, raising=False)
    assert asked_sharding() is None
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert asked_sharding() == "DeepSpeed"

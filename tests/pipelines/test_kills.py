"""A command that is killed at random moments and started again ends as an undisturbed one.

The processes are real and are killed with SIGKILL, in whatever step they are.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from workbench.records import (
    Annotation,
    Audit,
    Correction,
    Generation,
    Item,
    PreferencePair,
    ProofSplit,
    RubricEvent,
    RubricProposal,
    Verdict,
)
from workbench.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
MADE = (Item, Generation, Verdict)
TAUGHT = (Annotation, Correction, PreferencePair, ProofSplit, RubricProposal, RubricEvent)
VOLATILE = {"cost", "run", "created_at"}
TIMED = {"seconds", "prompt_tokens", "completion_tokens"}
PLAN = """
sft: {learning_rate: 1.0e-3, steps: 8, batch: 4, attention: eager, save_every: 2}
dpo: {learning_rate: 1.0e-4, steps: 4, batch: 4, attention: eager, save_every: 2}
"""


def start(folder: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The command, in a process of its own, with the store in `folder`."""
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"WORKBENCH_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command, "--store", str(folder / "store"), "--quiet"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(folder: Path, command: Sequence[str]) -> float:
    """Let it end; how many seconds it took."""
    started = time.monotonic()
    process = start(folder, command)
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors.decode()[-2000:]
    return time.monotonic() - started


def killed_after(folder: Path, command: Sequence[str], seconds: float) -> bool:
    """False where it was done before."""
    process = start(folder, command)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return process.returncode == -signal.SIGKILL


def contents(folder: Path, nouns: Sequence[type] = MADE) -> dict[str, list[str]]:
    """What is stored of these, without how it was made and where the models lie."""
    with Store.open(folder / "store") as store:
        return {
            noun.__name__: sorted(
                repr(
                    {
                        name: value
                        for name, value in dataclasses.asdict(record).items()
                        if name not in VOLATILE
                    }
                ).replace(str(folder), "")
                for record in store.records(noun)
            )
            for noun in nouns
        }


def rounds(folder: Path) -> list[dict[str, object]]:
    """What a circle measured, without what it took."""
    told = (folder / "store" / "loop" / "loop.json").read_text().replace(str(folder), "")
    return [{k: v for k, v in one.items() if k not in TIMED} for one in json.loads(told)["rounds"]]


def drawn(folder: Path) -> int:
    """Pictures that the one audit drew; which, depends on the runs that made them."""
    with Store.open(folder / "store") as store:
        (audit,) = store.records(Audit)
        assert len({a.generation for a in store.records(Annotation)}) == len(audit.drawn)
        return len(audit.drawn)


def test_category_images_are_made_once_however_often_they_are_stopped(
    tmp_path, measured, painting_server
):
    rng = random.Random(5)
    kills = 0
    with painting_server(seconds=0.05) as painter:
        command = (
            "run", "category-images", "--catalog", "drawn:seed=5,items=60,size=64", "--rubric", measured,
            "--image-model", painter.model, "--judge", "instruments", "--attempts", "3", "--audit", "20",
        )  # fmt: skip
        calm, killed = tmp_path / "calm", tmp_path / "killed"
        seconds = finish(calm, command)
        pictures = sum(painter.asked.values())
        assert pictures == len(painter.asked) > 17
        painter.asked.clear()
        for _ in range(8):
            kills += killed_after(killed, command, rng.uniform(0.3, 1) * seconds)
        finish(killed, command)
    twice = sum(painter.asked.values()) - len(painter.asked)
    assert kills >= 4
    assert len(painter.asked) == pictures
    assert twice <= 16 * kills  # those on their way when the process died: at most a batch
    assert contents(killed) == contents(calm)
    assert drawn(killed) == drawn(calm) == 20


def test_a_circle_ends_as_if_undisturbed(tmp_path):
    """Killed while it writes, judges, asks or trains; pairs and models come out alike, too."""
    rng = random.Random(3)
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    command = (
        "loop", "--catalog", "drawn:seed=4,items=44,size=64", "--judge", "tiny:vlm", "--labels", "16",
        "--audit", "8", "--plan", str(plan),
    )  # fmt: skip
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    seconds = finish(calm, command)
    kills = sum(killed_after(killed, command, rng.uniform(0.2, 0.7) * seconds) for _ in range(4))
    finish(killed, command)
    assert kills >= 2
    assert contents(killed, (*MADE, *TAUGHT)) == contents(calm, (*MADE, *TAUGHT))
    assert rounds(killed) == rounds(calm)
